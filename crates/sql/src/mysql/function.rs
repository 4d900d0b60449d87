//! What the functions of the servers do to the session, and which functions are theirs.

use super::{EffectSet, Server};

/// What a call of the function `name` (lower case) may do, if it is one of the servers'. `LAST_INSERT_ID` and
/// `CONNECTION_ID` are told by what follows.
pub(super) fn function_effect(name: &[u8]) -> EffectSet {
    match name {
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
        _ => EffectSet::NONE,
    }
}

/// How the name of a function is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Word,
    Quoted,
}

/// True for calls that the server itself answers, so that their effects are known. Any other name may be that
/// of a stored or loaded function.
pub(super) fn is_known(server: Server, name: &[u8], spelling: Spelling) -> bool {
    let among = |table: &[&[u8]]| table.binary_search(&name).is_ok();
    let own = match server {
        // Version 5.7 lacks many of them, and its users may have made functions of these names.
        Server::MySql { version } => version >= 80_000 && among(NATIVE_MYSQL),
        Server::MariaDb { .. } => among(NATIVE_MARIADB),
    };
    if own || among(NATIVE) || among(LOADED) {
        return true;
    }
    let grammar = match server {
        Server::MySql { .. } => among(GRAMMAR_MYSQL),
        Server::MariaDb { .. } => among(GRAMMAR_MARIADB),
    };
    spelling == Spelling::Word && (grammar || among(GRAMMAR) || among(KEYWORDS))
}

// The tables are sorted. They were made by asking MySQL 9.7 and MariaDB 10.11 for each name, bare and quoted:
// "FUNCTION .. does not exist" is the answer for names that a stored function may have.

/// Functions of plugins that come with MySQL, whose effects are told above.
const LOADED: &[&[u8]] = &[
    b"service_get_read_locks",
    b"service_get_write_locks",
    b"service_release_locks",
    b"version_tokens_lock_exclusive",
    b"version_tokens_lock_shared",
    b"version_tokens_unlock",
];

/// Functions of all servers, found by name.
#[rustfmt::skip]
const NATIVE: &[&[u8]] = &[
    b"abs", b"acos", b"addtime", b"aes_decrypt", b"aes_encrypt", b"asin", b"atan", b"atan2",
    b"benchmark", b"bin", b"bit_count", b"bit_length", b"ceil", b"ceiling", b"char_length",
    b"character_length", b"coercibility", b"compress", b"concat", b"concat_ws", b"connection_id",
    b"conv", b"convert_tz", b"cos", b"cot", b"crc32", b"date_format", b"datediff", b"dayname",
    b"dayofmonth", b"dayofweek", b"dayofyear", b"degrees", b"elt", b"exp", b"export_set",
    b"extractvalue", b"field", b"find_in_set", b"floor", b"found_rows", b"from_base64",
    b"from_days", b"from_unixtime", b"get_lock", b"greatest", b"hex", b"ifnull", b"inet6_aton",
    b"inet6_ntoa", b"inet_aton", b"inet_ntoa", b"instr", b"is_free_lock", b"is_ipv4",
    b"is_ipv4_compat", b"is_ipv4_mapped", b"is_ipv6", b"is_used_lock", b"isnull", b"json_array",
    b"json_array_append", b"json_array_insert", b"json_contains", b"json_contains_path",
    b"json_depth", b"json_extract", b"json_insert", b"json_keys", b"json_length", b"json_merge",
    b"json_merge_patch", b"json_merge_preserve", b"json_object", b"json_overlaps", b"json_pretty",
    b"json_quote", b"json_remove", b"json_replace", b"json_search", b"json_set", b"json_type",
    b"json_unquote", b"json_valid", b"last_day", b"last_insert_id", b"lcase", b"least", b"length",
    b"ln", b"load_file", b"locate", b"log", b"log10", b"log2", b"lower", b"lpad", b"ltrim",
    b"make_set", b"makedate", b"maketime", b"master_pos_wait", b"mbrcontains", b"mbrdisjoint",
    b"mbrequals", b"mbrintersects", b"mbroverlaps", b"mbrtouches", b"mbrwithin", b"md5",
    b"monthname", b"name_const", b"nullif", b"oct", b"octet_length", b"ord", b"period_add",
    b"period_diff", b"pi", b"pow", b"power", b"quote", b"radians", b"rand", b"random_bytes",
    b"regexp_instr", b"regexp_replace", b"regexp_substr", b"release_all_locks", b"release_lock",
    b"reverse", b"round", b"rpad", b"rtrim", b"sec_to_time", b"sha", b"sha1", b"sha2", b"sign",
    b"sin", b"sleep", b"soundex", b"space", b"sqrt", b"st_area", b"st_asbinary", b"st_asgeojson",
    b"st_astext", b"st_aswkb", b"st_aswkt", b"st_buffer", b"st_centroid", b"st_contains",
    b"st_convexhull", b"st_crosses", b"st_difference", b"st_dimension", b"st_disjoint",
    b"st_distance", b"st_distance_sphere", b"st_endpoint", b"st_envelope", b"st_equals",
    b"st_exteriorring", b"st_geomcollfromtext", b"st_geomcollfromwkb",
    b"st_geometrycollectionfromtext", b"st_geometrycollectionfromwkb", b"st_geometryfromtext",
    b"st_geometryfromwkb", b"st_geometryn", b"st_geometrytype", b"st_geomfromgeojson",
    b"st_geomfromtext", b"st_geomfromwkb", b"st_interiorringn", b"st_intersection",
    b"st_intersects", b"st_isclosed", b"st_isempty", b"st_issimple", b"st_length",
    b"st_linefromtext", b"st_linefromwkb", b"st_linestringfromtext", b"st_linestringfromwkb",
    b"st_mlinefromtext", b"st_mlinefromwkb", b"st_mpointfromtext", b"st_mpointfromwkb",
    b"st_mpolyfromtext", b"st_mpolyfromwkb", b"st_multilinestringfromtext",
    b"st_multilinestringfromwkb", b"st_multipointfromtext", b"st_multipointfromwkb",
    b"st_multipolygonfromtext", b"st_multipolygonfromwkb", b"st_numgeometries",
    b"st_numinteriorrings", b"st_numpoints", b"st_overlaps", b"st_pointfromtext",
    b"st_pointfromwkb", b"st_pointn", b"st_polyfromtext", b"st_polyfromwkb", b"st_polygonfromtext",
    b"st_polygonfromwkb", b"st_srid", b"st_startpoint", b"st_symdifference", b"st_touches",
    b"st_union", b"st_within", b"st_x", b"st_y", b"str_to_date", b"strcmp", b"substring_index",
    b"subtime", b"tan", b"time_format", b"time_to_sec", b"timediff", b"to_base64", b"to_days",
    b"to_seconds", b"ucase", b"uncompress", b"uncompressed_length", b"unhex", b"unix_timestamp",
    b"updatexml", b"upper", b"uuid", b"uuid_short", b"version", b"weekday", b"weekofyear",
    b"yearweek",
];

/// Functions of MySQL only, found by name.
#[rustfmt::skip]
const NATIVE_MYSQL: &[&[u8]] = &[
    b"any_value", b"bin_to_uuid", b"can_access_column", b"can_access_database", b"can_access_event",
    b"can_access_table", b"can_access_user", b"can_access_view", b"current_role", b"format_bytes",
    b"format_pico_time", b"gtid_subset", b"gtid_subtract", b"icu_version", b"is_uuid",
    b"json_schema_valid", b"json_schema_validation_report", b"json_storage_free",
    b"json_storage_size", b"mbrcoveredby", b"mbrcovers", b"ps_current_thread_id", b"ps_thread_id",
    b"regexp_like", b"roles_graphml", b"source_pos_wait", b"st_buffer_strategy",
    b"st_frechetdistance", b"st_geohash", b"st_geomcollfromtxt", b"st_hausdorffdistance",
    b"st_isvalid", b"st_latfromgeohash", b"st_latitude", b"st_lineinterpolatepoint",
    b"st_lineinterpolatepoints", b"st_longfromgeohash", b"st_longitude", b"st_makeenvelope",
    b"st_numinteriorring", b"st_pointatdistance", b"st_pointfromgeohash", b"st_simplify",
    b"st_swapxy", b"st_transform", b"st_validate", b"statement_digest", b"statement_digest_text",
    b"uuid_to_bin", b"validate_password_strength", b"wait_for_executed_gtid_set",
];

/// Functions of MariaDB only, found by name.
#[rustfmt::skip]
const NATIVE_MARIADB: &[&[u8]] = &[
    b"add_months", b"binlog_gtid_pos", b"chr", b"coalesce", b"collation", b"column_check",
    b"column_exists", b"column_json", b"column_list", b"concat_operator_oracle", b"crc32c",
    b"database", b"decode", b"decode_histogram", b"decode_oracle", b"des_decrypt", b"des_encrypt",
    b"encode", b"encrypt", b"format", b"geomcollfromtext", b"geomcollfromwkb",
    b"geometrycollectionfromtext", b"geometrycollectionfromwkb", b"geometryfromtext",
    b"geometryfromwkb", b"geomfromtext", b"geomfromwkb", b"json_compact", b"json_detailed",
    b"json_equals", b"json_exists", b"json_loose", b"json_normalize", b"json_query", b"json_value",
    b"lengthb", b"linefromtext", b"linefromwkb", b"linestringfromtext", b"linestringfromwkb",
    b"lpad_oracle", b"ltrim_oracle", b"master_gtid_wait", b"mbrequal", b"microsecond",
    b"mlinefromtext", b"mlinefromwkb", b"mod", b"mpointfromtext", b"mpointfromwkb",
    b"mpolyfromtext", b"mpolyfromwkb", b"multilinestringfromtext", b"multilinestringfromwkb",
    b"multipointfromtext", b"multipointfromwkb", b"multipolygonfromtext", b"multipolygonfromwkb",
    b"natural_sort_key", b"nvl", b"nvl2", b"old_password", b"password", b"pointfromtext",
    b"pointfromwkb", b"polyfromtext", b"polyfromwkb", b"polygonfromtext", b"polygonfromwkb",
    b"quarter", b"replace_oracle", b"row_count", b"rpad_oracle", b"rtrim_oracle", b"schema",
    b"sformat", b"st_boundary", b"st_isring", b"st_pointonsurface", b"st_relate", b"substr_oracle",
    b"sys_guid", b"to_char", b"week", b"wsrep_last_seen_gtid", b"wsrep_last_written_gtid",
    b"wsrep_sync_wait_upto_gtid",
];

/// Functions of all servers that are words of the grammar: quoted, they are names like any other.
#[rustfmt::skip]
const GRAMMAR: &[&[u8]] = &[
    b"adddate", b"avg", b"bit_and", b"bit_or", b"bit_xor", b"cast", b"char", b"charset", b"convert",
    b"count", b"cume_dist", b"curdate", b"current_date", b"current_time", b"current_timestamp",
    b"current_user", b"curtime", b"date", b"date_add", b"date_sub", b"day", b"default",
    b"dense_rank", b"extract", b"first_value", b"geometrycollection", b"get_format",
    b"group_concat", b"hour", b"if", b"insert", b"interval", b"json_arrayagg", b"json_objectagg",
    b"lag", b"last_value", b"lead", b"left", b"linestring", b"localtime", b"localtimestamp", b"max",
    b"mid", b"min", b"minute", b"month", b"multilinestring", b"multipoint", b"multipolygon", b"now",
    b"nth_value", b"ntile", b"percent_rank", b"point", b"polygon", b"position", b"rank", b"repeat",
    b"replace", b"right", b"row_number", b"second", b"session_user", b"std", b"stddev",
    b"stddev_pop", b"stddev_samp", b"subdate", b"substr", b"substring", b"sum", b"sysdate",
    b"system_user", b"time", b"timestamp", b"timestampadd", b"timestampdiff", b"trim", b"truncate",
    b"user", b"utc_date", b"utc_time", b"utc_timestamp", b"value", b"values", b"var_pop",
    b"var_samp", b"variance", b"weight_string", b"year",
];

/// Such functions of MySQL only.
#[rustfmt::skip]
const GRAMMAR_MYSQL: &[&[u8]] = &[
    b"coalesce", b"collation", b"database", b"format", b"geomcollection", b"grouping",
    b"json_table", b"json_value", b"microsecond", b"mod", b"password", b"quarter", b"row_count",
    b"schema", b"st_collect", b"week",
];

/// Such functions of MariaDB only.
#[rustfmt::skip]
const GRAMMAR_MARIADB: &[&[u8]] = &[
    b"column_add", b"column_create", b"column_delete", b"column_get", b"current_role", b"json_table", b"lastval",
    b"median", b"nextval", b"percentile_cont", b"percentile_disc", b"rownum", b"setval",
    b"trim_oracle",
];

/// Words that may stand in front of a `(` and name no function: operators, clauses, types.
#[rustfmt::skip]
const KEYWORDS: &[&[u8]] = &[
    b"against", b"all", b"and", b"any", b"as", b"between", b"bigint", b"binary", b"bit",
    b"blob", b"both", b"by", b"call", b"case", b"check", b"columns", b"cross", b"datetime",
    b"dec", b"decimal", b"delete", b"distinct", b"distinctrow", b"div", b"do", b"double", b"each",
    b"else", b"elseif", b"end", b"enum", b"escape", b"except", b"exists", b"false", b"fetch",
    b"fixed", b"float", b"float4", b"float8", b"for", b"force", b"foreign",
    b"from", b"fulltext", b"having", b"high_priority", b"ignore", b"in",
    b"index", b"inner", b"int", b"int1", b"int2", b"int3", b"int4", b"int8",
    b"integer", b"intersect", b"into", b"is", b"join", b"json", b"key", b"keys", b"lateral",
    b"leading", b"like", b"limit", b"lines", b"longblob", b"longtext", b"match",
    b"mediumblob", b"mediumint", b"mediumtext", b"national", b"natural",
    b"nchar", b"not", b"null", b"number", b"numeric", b"nvarchar", b"of", b"offset",
    b"on", b"or", b"order", b"outer", b"over", b"partition", b"precision",
    b"primary", b"procedure", b"range", b"real", b"recursive", b"references", b"regexp",
    b"returning", b"rlike", b"row", b"rows", b"select", b"separator", b"set",     b"signed", b"smallint", b"some", b"sounds", b"spatial", b"sql_big_result",
    b"sql_buffer_result", b"sql_calc_found_rows", b"sql_no_cache",
    b"sql_small_result", b"straight_join", b"table", b"text", b"then", b"tinyblob", b"tinyint",
    b"tinytext", b"to", b"trailing", b"true", b"union", b"unique", b"unsigned", b"update",
    b"use", b"using", b"varbinary", b"varchar", b"varying", b"vector", b"when",
    b"where", b"while", b"window", b"with", b"xor", b"zerofill",
];

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Server = Server::MySql { version: 80_036 };
    const OLD: Server = Server::MySql { version: 50_744 };
    const MARIADB: Server = Server::MariaDb { version: 101_106 };

    #[test]
    fn the_tables_are_sorted() {
        for table in [
            LOADED,
            NATIVE,
            NATIVE_MYSQL,
            NATIVE_MARIADB,
            GRAMMAR,
            GRAMMAR_MYSQL,
            GRAMMAR_MARIADB,
            KEYWORDS,
        ] {
            assert!(table.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn a_function_of_one_family_is_a_stranger_to_the_other() {
        for (name, mysql, mariadb, old) in [
            ("concat", true, true, true),
            ("my_function", false, false, false),
            ("nextval", false, true, false),
            ("nvl", false, true, false),
            ("uuid_to_bin", true, false, false),
        ] {
            let known = |server| is_known(server, name.as_bytes(), Spelling::Word);
            assert_eq!(
                (known(MYSQL), known(MARIADB), known(OLD)),
                (mysql, mariadb, old),
                "{name}"
            );
        }
    }

    #[test]
    fn words_of_the_grammar_are_names_when_they_are_quoted() {
        for (name, quoted) in [("concat", true), ("count", false), ("in", false)] {
            assert!(is_known(MYSQL, name.as_bytes(), Spelling::Word), "{name}");
            let found = is_known(MYSQL, name.as_bytes(), Spelling::Quoted);
            assert_eq!(found, quoted, "{name}");
        }
    }
}
