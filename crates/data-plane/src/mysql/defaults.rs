//! What sessions of a MySQL or MariaDB server begin with, as a text that differs when it has changed.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::fingerprint::Sight;

/// What tells servers behind one address apart. MariaDB has no `server_uuid`, and older ones no `server_uid`.
const NAMES: &[&str] = &["hostname", "port", "server_id", "server_uuid", "server_uid"];

/// What sessions begin with. Only what the server does not change by itself, and what a session can see or feel.
/// Source: MySQL 9.1 manual, "Server System Variables"; MariaDB knowledge base, "Server System Variables".
const DEFAULTS: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "big_tables",
    "binlog_format",
    "block_encryption_mode",
    "character_set_client",
    "character_set_connection",
    "character_set_filesystem",
    "character_set_results",
    "character_set_server",
    "character_set_collations",
    "collation_connection",
    "collation_server",
    "completion_type",
    "cte_max_recursion_depth",
    "default_collation_for_utf8mb4",
    "default_storage_engine",
    "default_tmp_storage_engine",
    "default_week_format",
    "div_precision_increment",
    "explicit_defaults_for_timestamp",
    "foreign_key_checks",
    "group_concat_max_len",
    "idle_transaction_timeout",
    "init_connect",
    "innodb_lock_wait_timeout",
    "innodb_strict_mode",
    "innodb_table_locks",
    "interactive_timeout",
    "join_buffer_size",
    "lc_messages",
    "lc_time_names",
    "lock_wait_timeout",
    "low_priority_updates",
    "max_allowed_packet",
    "max_execution_time",
    "max_heap_table_size",
    "max_join_size",
    "max_recursive_iterations",
    "max_sort_length",
    "max_sp_recursion_depth",
    "max_statement_time",
    "net_read_timeout",
    "net_write_timeout",
    "old_mode",
    "optimizer_switch",
    "sort_buffer_size",
    "sql_auto_is_null",
    "sql_big_selects",
    "sql_mode",
    "sql_notes",
    "sql_quote_show_create",
    "sql_require_primary_key",
    "sql_safe_updates",
    "sql_select_limit",
    "sql_warnings",
    "standard_compliant_cte",
    "time_zone",
    "tmp_table_size",
    "transaction_isolation",
    "transaction_read_only",
    "tx_isolation",
    "tx_read_only",
    "unique_checks",
    "updatable_views_with_limit",
    "version",
    "wait_timeout",
];

/// Names of the global variables to ask for.
pub(super) fn asked() -> impl Iterator<Item = &'static &'static str> {
    NAMES.iter().chain(DEFAULTS)
}

/// What was seen of the server at `address`, from the values of its global variables.
pub(super) fn sight(address: SocketAddr, known: &HashMap<String, String>) -> Sight {
    let told = |names: &[&str]| {
        let lines = names.iter().map(|name| {
            // A variable that a server does not know is none of its defaults.
            let value = known.get(*name).map_or("", String::as_str);
            format!("{name}={value}\n")
        });
        lines.collect::<String>()
    };
    Sight {
        address,
        server: told(NAMES),
        fingerprint: told(DEFAULTS),
    }
}
