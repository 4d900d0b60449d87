//! What kind of setting a name is: whether a session can set it, how it is written, and whether a server can
//! refuse a value that another connection to the same database took.

/// Settings that describe the server, the transaction or a seed. They are reported or readable, but no
/// replay can set them: `PGC_INTERNAL` ones, those that `BEGIN` sets, and `seed`, which cannot be read.
/// Source: PostgreSQL `src/backend/utils/misc/guc_tables.c`.
const NOT_OF_A_SESSION: [&[u8]; 9] = [
    b"in_hot_standby",
    b"integer_datetimes",
    b"is_superuser",
    b"seed",
    b"server_encoding",
    b"server_version",
    b"transaction_deferrable",
    b"transaction_isolation",
    b"transaction_read_only",
];

/// The only list of quoted identifiers among the plain settings.
const SEARCH_PATH: &[u8] = b"search_path";

/// Whether a server can refuse a value that another connection took from the same login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Built in, anybody may set it, and its check looks at nothing but the value (`PGC_USERSET`).
    Plain,
    /// An extension's or nobody's, with a dot. Nobody's are always taken. An extension's were taken before;
    /// some of those are for superusers.
    Custom,
    /// Needs rights, or something that exists, or a session that has not done something yet.
    Delicate,
}

/// What kind of setting this is, by its name in lower case.
pub(super) fn standing(name: &[u8]) -> Standing {
    if name.contains(&b'.') {
        return Standing::Custom;
    }
    let plain = PLAIN.binary_search(&name).is_ok()
        || PLAIN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if plain {
        Standing::Plain
    } else {
        Standing::Delicate
    }
}

/// False for what no session can set.
pub(super) fn is_session_setting(name: &[u8]) -> bool {
    !NOT_OF_A_SESSION.contains(&name)
}

/// True when `SET name TO 'value'` gives the setting this value. Not so for a list of quoted identifiers
/// (`GUC_LIST_QUOTE`): the literal would be quoted as one of them. Such lists are built in, and minor
/// releases have brought new ones, so whatever is not known is not trusted.
pub(super) fn takes_literal(name: &[u8]) -> bool {
    match standing(name) {
        Standing::Plain => name != SEARCH_PATH,
        // Extensions cannot make such lists (`init_custom_variable`).
        Standing::Custom => true,
        Standing::Delicate => false,
    }
}

/// Every name that starts like this is a plain switch of the planner.
const PLAIN_PREFIXES: [&[u8]; 1] = [b"enable_"];

/// Sorted. The settings of PostgreSQL 15 to 18 with the context `user`, less those whose check looks at
/// catalogs (tablespaces, access methods, text search), libraries, locales, the socket, the platform or what
/// the session has done (`temp_buffers`).
/// Source: `pg_settings` of both versions and the check hooks named in `guc_tables.c`.
pub(super) const PLAIN: [&[u8]; 92] = [
    b"application_name",
    b"array_nulls",
    b"backslash_quote",
    b"bytea_output",
    b"check_function_bodies",
    b"client_encoding",
    b"client_min_messages",
    b"commit_siblings",
    b"constraint_exclusion",
    b"cpu_index_tuple_cost",
    b"cpu_operator_cost",
    b"cpu_tuple_cost",
    b"createrole_self_grant",
    b"cursor_tuple_fraction",
    b"datestyle",
    b"debug_pretty_print",
    b"debug_print_parse",
    b"debug_print_plan",
    b"debug_print_rewritten",
    b"default_statistics_target",
    b"default_transaction_deferrable",
    b"default_transaction_isolation",
    b"default_transaction_read_only",
    b"effective_cache_size",
    b"escape_string_warning",
    b"extra_float_digits",
    b"from_collapse_limit",
    b"geqo",
    b"geqo_effort",
    b"geqo_generations",
    b"geqo_pool_size",
    b"geqo_seed",
    b"geqo_selection_bias",
    b"geqo_threshold",
    b"gin_fuzzy_search_limit",
    b"gin_pending_list_limit",
    b"hash_mem_multiplier",
    b"icu_validation_level",
    b"idle_in_transaction_session_timeout",
    b"idle_session_timeout",
    b"intervalstyle",
    b"jit",
    b"jit_above_cost",
    b"jit_inline_above_cost",
    b"jit_optimize_above_cost",
    b"join_collapse_limit",
    b"lock_timeout",
    b"logical_decoding_work_mem",
    b"maintenance_work_mem",
    b"max_parallel_maintenance_workers",
    b"max_parallel_workers",
    b"max_parallel_workers_per_gather",
    b"min_parallel_index_scan_size",
    b"min_parallel_table_scan_size",
    b"parallel_leader_participation",
    b"parallel_setup_cost",
    b"parallel_tuple_cost",
    b"password_encryption",
    b"plan_cache_mode",
    b"quote_all_identifiers",
    b"random_page_cost",
    b"recursive_worktable_factor",
    b"row_security",
    b"scram_iterations",
    b"search_path",
    b"seq_page_cost",
    b"standard_conforming_strings",
    b"statement_timeout",
    b"stats_fetch_consistency",
    b"synchronize_seqscans",
    b"synchronous_commit",
    b"timezone",
    b"transaction_timeout",
    b"transform_null_equals",
    b"vacuum_buffer_usage_limit",
    b"vacuum_cost_delay",
    b"vacuum_cost_limit",
    b"vacuum_cost_page_dirty",
    b"vacuum_cost_page_hit",
    b"vacuum_cost_page_miss",
    b"vacuum_failsafe_age",
    b"vacuum_freeze_min_age",
    b"vacuum_freeze_table_age",
    b"vacuum_max_eager_freeze_failure_rate",
    b"vacuum_multixact_failsafe_age",
    b"vacuum_multixact_freeze_min_age",
    b"vacuum_multixact_freeze_table_age",
    b"vacuum_truncate",
    b"wal_skip_threshold",
    b"work_mem",
    b"xmlbinary",
    b"xmloption",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(PLAIN.is_sorted());
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(standing(b"work_mem"), Standing::Plain);
        assert_eq!(standing(b"enable_seqscan"), Standing::Plain);
        assert_eq!(standing(b"app.user"), Standing::Custom);
        for name in [&b"role"[..], b"default_tablespace", b"log_statement", b""] {
            assert_eq!(standing(name), Standing::Delicate);
        }
        assert!(!is_session_setting(b"seed"));
    }
}
