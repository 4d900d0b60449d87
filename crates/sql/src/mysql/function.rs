//! What the functions of the servers do to the session, and which functions are theirs.

use super::EffectSet;

/// What a call of the function `name` (lower case) may do; `None` if it is a function without an effect or no
/// function of the servers. `LAST_INSERT_ID` and `CONNECTION_ID` are told by what follows.
pub(super) fn function_effect(name: &[u8]) -> Option<EffectSet> {
    let effect = match name {
        b"get_lock"
        | b"service_get_read_locks"
        | b"service_get_write_locks"
        | b"version_tokens_lock_shared"
        | b"version_tokens_lock_exclusive" => EffectSet::NAMED_LOCK,
        b"release_lock" | b"service_release_locks" | b"version_tokens_unlock" => {
            EffectSet::NAMED_UNLOCK
        }
        b"release_all_locks" => EffectSet::NAMED_UNLOCK_ALL,
        b"is_used_lock" | b"is_free_lock" => EffectSet::NAMED_LOCK_READ,
        b"row_count" => EffectSet::ROW_COUNT,
        b"found_rows" => EffectSet::FOUND_ROWS,
        b"wsrep_last_written_gtid" | b"wsrep_last_seen_gtid" => EffectSet::LAST_GTID,
        b"nextval" | b"setval" => EffectSet::SEQUENCE,
        b"lastval" => EffectSet::SEQUENCE_READ,
        // It tells the thread of the server's connection.
        b"ps_current_thread_id" | b"ps_thread_id" => EffectSet::CONNECTION_ID_UNKNOWN,
        b"sleep"
        | b"benchmark"
        | b"master_pos_wait"
        | b"source_pos_wait"
        | b"master_gtid_wait"
        | b"wait_for_executed_gtid_set"
        | b"wait_until_sql_thread_after_gtids"
        | b"wsrep_sync_wait_upto_gtid" => EffectSet::WAIT,
        _ => return None,
    };
    Some(effect)
}

/// True for functions of the servers, whose effects are known.
pub(super) fn is_function(name: &[u8]) -> bool {
    FUNCTIONS.binary_search(&name).is_ok()
}

/// True for words that name no function where a `(` follows.
pub(super) fn is_keyword(word: &[u8]) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

/// Functions of the servers, sorted; those of MySQL 5.7 to 9 and of MariaDB 10.2 to 12. Source: the reference
/// manuals' lists of functions and operators.
#[rustfmt::skip]
const FUNCTIONS: &[&[u8]] = &[
    b"abs", b"acos", b"adddate", b"addtime", b"aes_decrypt", b"aes_encrypt", b"any_value", b"asin",
    b"atan", b"atan2", b"avg", b"benchmark", b"bin", b"bin_to_uuid", b"bit_and", b"bit_count",
    b"bit_length", b"bit_or", b"bit_xor", b"can_access_column", b"can_access_database",
    b"can_access_event", b"can_access_table", b"can_access_user", b"can_access_view", b"cast",
    b"ceil", b"ceiling", b"char", b"char_length", b"character_length", b"charset", b"chr",
    b"coalesce", b"coercibility", b"collation", b"column_add", b"column_check", b"column_create",
    b"column_delete", b"column_exists", b"column_get", b"column_json", b"column_list", b"compress",
    b"concat", b"concat_operator_oracle", b"concat_ws", b"connection_id", b"conv", b"convert",
    b"convert_tz", b"cos", b"cot", b"count", b"crc32", b"crc32c", b"cume_dist", b"curdate",
    b"current_date", b"current_role", b"current_time", b"current_timestamp", b"current_user",
    b"curtime", b"database", b"date", b"date_add", b"date_format", b"date_sub", b"datediff", b"day",
    b"dayname", b"dayofmonth", b"dayofweek", b"dayofyear", b"decode", b"decode_histogram",
    b"decode_oracle", b"default", b"degrees", b"dense_rank", b"des_decrypt", b"des_encrypt", b"elt",
    b"encode", b"encrypt", b"exp", b"export_set", b"extract", b"extractvalue", b"field",
    b"find_in_set", b"first_value", b"floor", b"format", b"format_bytes", b"format_pico_time",
    b"found_rows", b"from_base64", b"from_days", b"from_unixtime", b"geohash", b"geomcollection",
    b"geomcollfromtext", b"geomcollfromwkb", b"geometrycollection", b"geometrycollectionfromtext",
    b"geometrycollectionfromwkb", b"geometryfromtext", b"geometryfromwkb", b"geomfromtext",
    b"geomfromwkb", b"get_format", b"get_lock", b"greatest", b"group_concat",
    b"group_replication_disable_member_action", b"group_replication_enable_member_action",
    b"grouping", b"gtid_subset", b"gtid_subtract", b"hex", b"hour", b"icu_version", b"if",
    b"ifnull", b"inet6_aton", b"inet6_ntoa", b"inet_aton", b"inet_ntoa", b"insert", b"instr",
    b"interval", b"is_free_lock", b"is_ipv4", b"is_ipv4_compat", b"is_ipv4_mapped", b"is_ipv6",
    b"is_used_lock", b"is_uuid", b"isnull", b"json_array", b"json_array_append",
    b"json_array_insert", b"json_array_intersect", b"json_arrayagg", b"json_compact",
    b"json_contains", b"json_contains_path", b"json_depth", b"json_detailed", b"json_equals",
    b"json_exists", b"json_extract", b"json_insert", b"json_key_value", b"json_keys",
    b"json_length", b"json_loose", b"json_merge", b"json_merge_patch", b"json_merge_preserve",
    b"json_normalize", b"json_object", b"json_object_filter_keys", b"json_object_to_array",
    b"json_objectagg", b"json_overlaps", b"json_pretty", b"json_query", b"json_quote",
    b"json_remove", b"json_replace", b"json_schema_valid", b"json_schema_validation_report",
    b"json_search", b"json_set", b"json_storage_free", b"json_storage_size", b"json_table",
    b"json_type", b"json_unquote", b"json_valid", b"json_value", b"kdf", b"lag", b"last_day",
    b"last_insert_id", b"last_value", b"lastval", b"lcase", b"lead", b"least", b"left", b"length",
    b"lengthb", b"linefromtext", b"linefromwkb", b"linestring", b"linestringfromtext",
    b"linestringfromwkb", b"ln", b"load_file", b"localtime", b"localtimestamp", b"locate", b"log",
    b"log10", b"log2", b"lower", b"lpad", b"lpad_oracle", b"ltrim", b"ltrim_oracle", b"make_set",
    b"makedate", b"maketime", b"master_gtid_wait", b"master_pos_wait", b"max", b"mbrcontains",
    b"mbrcoveredby", b"mbrcovers", b"mbrdisjoint", b"mbrequal", b"mbrequals", b"mbrintersects",
    b"mbroverlaps", b"mbrtouches", b"mbrwithin", b"md5", b"median", b"microsecond", b"mid", b"min",
    b"minute", b"mlinefromtext", b"mlinefromwkb", b"mod", b"month", b"monthname", b"mpointfromtext",
    b"mpointfromwkb", b"mpolyfromtext", b"mpolyfromwkb", b"multilinestring",
    b"multilinestringfromtext", b"multilinestringfromwkb", b"multipoint", b"multipointfromtext",
    b"multipointfromwkb", b"multipolygon", b"multipolygonfromtext", b"multipolygonfromwkb",
    b"name_const", b"natural_sort_key", b"nextval", b"now", b"nth_value", b"ntile", b"nullif",
    b"nvl", b"nvl2", b"oct", b"octet_length", b"old_password", b"ord", b"password", b"percent_rank",
    b"percentile_cont", b"percentile_disc", b"period_add", b"period_diff", b"pi", b"point",
    b"pointfromtext", b"pointfromwkb", b"polyfromtext", b"polyfromwkb", b"polygon",
    b"polygonfromtext", b"polygonfromwkb", b"position", b"pow", b"power", b"ps_current_thread_id",
    b"ps_thread_id", b"quarter", b"quote", b"radians", b"rand", b"random_bytes", b"rank",
    b"regexp_instr", b"regexp_like", b"regexp_replace", b"regexp_substr", b"release_all_locks",
    b"release_lock", b"repeat", b"replace", b"replace_oracle", b"reverse", b"right",
    b"roles_graphml", b"round", b"row_count", b"row_number", b"rownum", b"rpad", b"rpad_oracle",
    b"rtrim", b"rtrim_oracle", b"schema", b"sec_to_time", b"second", b"session_user", b"setval",
    b"sformat", b"sha", b"sha1", b"sha2", b"sign", b"sin", b"sleep", b"soundex", b"source_pos_wait",
    b"space", b"sqrt", b"st_area", b"st_asbinary", b"st_asgeojson", b"st_astext", b"st_aswkb",
    b"st_aswkt", b"st_boundary", b"st_buffer", b"st_buffer_strategy", b"st_centroid", b"st_collect",
    b"st_contains", b"st_convexhull", b"st_crosses", b"st_difference", b"st_dimension",
    b"st_disjoint", b"st_distance", b"st_distance_sphere", b"st_endpoint", b"st_envelope",
    b"st_equals", b"st_exteriorring", b"st_frechetdistance", b"st_geohash", b"st_geomcollfromtext",
    b"st_geomcollfromtxt", b"st_geomcollfromwkb", b"st_geometrycollectionfromtext",
    b"st_geometrycollectionfromwkb", b"st_geometryfromtext", b"st_geometryfromwkb", b"st_geometryn",
    b"st_geometrytype", b"st_geomfromgeojson", b"st_geomfromtext", b"st_geomfromwkb",
    b"st_hausdorffdistance", b"st_interiorringn", b"st_intersection", b"st_intersects",
    b"st_isclosed", b"st_isempty", b"st_isring", b"st_issimple", b"st_isvalid",
    b"st_latfromgeohash", b"st_latitude", b"st_length", b"st_linefromtext", b"st_linefromwkb",
    b"st_lineinterpolatepoint", b"st_lineinterpolatepoints", b"st_linestringfromtext",
    b"st_linestringfromwkb", b"st_longfromgeohash", b"st_longitude", b"st_makeenvelope",
    b"st_mlinefromtext", b"st_mlinefromwkb", b"st_mpointfromtext", b"st_mpointfromwkb",
    b"st_mpolyfromtext", b"st_mpolyfromwkb", b"st_multilinestringfromtext",
    b"st_multilinestringfromwkb", b"st_multipointfromtext", b"st_multipointfromwkb",
    b"st_multipolygonfromtext", b"st_multipolygonfromwkb", b"st_numgeometries",
    b"st_numinteriorring", b"st_numinteriorrings", b"st_numpoints", b"st_overlaps",
    b"st_pointatdistance", b"st_pointfromgeohash", b"st_pointfromtext", b"st_pointfromwkb",
    b"st_pointn", b"st_pointonsurface", b"st_polyfromtext", b"st_polyfromwkb",
    b"st_polygonfromtext", b"st_polygonfromwkb", b"st_relate", b"st_simplify", b"st_srid",
    b"st_startpoint", b"st_swapxy", b"st_symdifference", b"st_touches", b"st_transform",
    b"st_union", b"st_validate", b"st_within", b"st_x", b"st_y", b"statement_digest",
    b"statement_digest_text", b"std", b"stddev", b"stddev_pop", b"stddev_samp", b"str_to_date",
    b"strcmp", b"string_to_vector", b"subdate", b"substr", b"substr_oracle", b"substring",
    b"substring_index", b"subtime", b"sum", b"sys_guid", b"sysdate", b"system_user", b"tan",
    b"time", b"time_format", b"time_to_sec", b"timediff", b"timestamp", b"timestampadd",
    b"timestampdiff", b"to_base64", b"to_char", b"to_date", b"to_days", b"to_number", b"to_seconds",
    b"to_vector", b"trim", b"trim_oracle", b"trunc", b"truncate", b"ucase", b"uncompress",
    b"uncompressed_length", b"unhex", b"unix_timestamp", b"updatexml", b"upper", b"user",
    b"utc_date", b"utc_time", b"utc_timestamp", b"uuid", b"uuid_short", b"uuid_to_bin", b"uuid_v4",
    b"uuid_v7", b"validate_password_strength", b"value", b"values", b"var_pop", b"var_samp",
    b"variance", b"vec_distance", b"vec_distance_cosine", b"vec_distance_euclidean",
    b"vec_fromtext", b"vec_totext", b"vector_dim", b"vector_to_string", b"version",
    b"wait_for_executed_gtid_set", b"wait_until_sql_thread_after_gtids", b"week", b"weekday",
    b"weekofyear", b"weight_string", b"wsrep_last_seen_gtid", b"wsrep_last_written_gtid",
    b"wsrep_sync_wait_upto_gtid", b"xmltype", b"year", b"yearweek",
];

/// Words that may stand in front of a `(` and name no function: operators, clauses, types. Sorted.
#[rustfmt::skip]
const KEYWORDS: &[&[u8]] = &[
    b"against", b"all", b"and", b"any", b"array", b"as", b"between", b"bigint", b"binary", b"bit",
    b"blob", b"both", b"by", b"call", b"case", b"check", b"columns", b"cross", b"cube", b"datetime",
    b"dec", b"decimal", b"delete", b"distinct", b"distinctrow", b"div", b"do", b"double", b"each",
    b"else", b"elseif", b"end", b"enum", b"escape", b"except", b"exists", b"false", b"fetch",
    b"filter", b"first", b"fixed", b"float", b"float4", b"float8", b"for", b"force", b"foreign",
    b"from", b"full", b"fulltext", b"geometry", b"having", b"high_priority", b"ignore", b"in",
    b"index", b"inet4", b"inet6", b"inner", b"int", b"int1", b"int2", b"int3", b"int4", b"int8",
    b"integer", b"intersect", b"into", b"is", b"join", b"json", b"key", b"keys", b"lateral",
    b"leading", b"like", b"limit", b"lines", b"locked", b"longblob", b"longtext", b"match",
    b"mediumblob", b"mediumint", b"mediumtext", b"member", b"minus", b"national", b"natural",
    b"nchar", b"nested", b"not", b"null", b"number", b"numeric", b"nvarchar", b"of", b"offset",
    b"on", b"or", b"order", b"outer", b"over", b"partition", b"partitions", b"path", b"precision",
    b"primary", b"procedure", b"range", b"real", b"recursive", b"references", b"regexp",
    b"returning", b"rlike", b"rollup", b"row", b"rows", b"select", b"separator", b"set", b"share",
    b"signed", b"skip", b"smallint", b"some", b"sounds", b"spatial", b"sql_big_result",
    b"sql_buffer_result", b"sql_cache", b"sql_calc_found_rows", b"sql_no_cache",
    b"sql_small_result", b"straight_join", b"table", b"text", b"then", b"tinyblob", b"tinyint",
    b"tinytext", b"to", b"trailing", b"true", b"union", b"unique", b"unsigned", b"until", b"update",
    b"use", b"using", b"varbinary", b"varchar", b"varchar2", b"varying", b"vector", b"when",
    b"where", b"while", b"window", b"with", b"xor", b"zerofill",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a < b));
        assert!(KEYWORDS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn functions_with_effects_are_known_as_functions() {
        for name in [
            "get_lock",
            "row_count",
            "sleep",
            "nextval",
            "lastval",
            "is_used_lock",
        ] {
            assert!(is_function(name.as_bytes()), "{name}");
        }
        assert!(!is_function(b"my_function"));
    }
}
