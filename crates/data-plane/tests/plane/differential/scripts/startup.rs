//! Startup parameters: they are the session's defaults, to which RESET goes back.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "startup parameters",
        &[
            "L(work_mem=3MB|application_name=it's|datestyle=German)",
            "Q(show work_mem) Q(show application_name) Q(show datestyle)",
            "Q(set work_mem = '7MB'; set datestyle = 'SQL'; set application_name = 'x')",
            "Q(show work_mem) Q(show application_name) Q(show datestyle)",
            "Q(reset work_mem) Q(show work_mem)",
            "Q(select setting, reset_val, source from pg_settings where name = 'work_mem')",
            "Q(reset all) Q(show work_mem) Q(show application_name) Q(show datestyle)",
            "Q(set work_mem = '7MB') Q(discard all) Q(show work_mem) Q(show datestyle)",
            "Q(set work_mem to default) Q(show work_mem)",
            "Q(begin; set local work_mem to default; show work_mem; commit)",
        ],
    ),
    (
        "options",
        &[
            "L(options=-c work_mem=3MB --search_path=n{n},public -cmy.own=x -c application_name=a\\ b)",
            "Q(show work_mem) Q(show search_path) Q(show my.own) Q(show application_name)",
            "Q(set search_path = public; set work_mem = '9MB'; set my.own = 'y')",
            "Q(show search_path) Q(reset search_path) Q(show search_path)",
            "Q(reset my.own) Q(show my.own) Q(select reset_val from pg_settings where name = 'work_mem')",
            "Q(reset all) Q(show work_mem)",
        ],
    ),
    (
        "date and time at startup",
        &[
            "L(datestyle=SQL, DMY|timezone=PST8PDT|intervalstyle=postgres_verbose)",
            "Q(select '02/01/2026'::date, '2026-01-02 03:04:05+00'::timestamptz, '1 day'::interval)",
            "Q(set datestyle = 'ISO'; set timezone = 'UTC')",
            "Q(select '02/01/2026'::date, '2026-01-02 03:04:05+00'::timestamptz, '1 day'::interval)",
            "Q(reset datestyle; reset timezone)",
            "Q(select '02/01/2026'::date, '2026-01-02 03:04:05+00'::timestamptz, '1 day'::interval)",
            "Q(set time zone local) Q(show timezone) Q(set time zone default) Q(show timezone)",
        ],
    ),
    (
        "an encoding at startup",
        &[
            "L(client_encoding=latin1)",
            "Q(show client_encoding) Q(select U&'\\00e4')",
            "Q(set names utf8) Q(select U&'\\00e4')",
            "Q(reset client_encoding) Q(select U&'\\00e4')",
            "L(client_encoding='utf-8')",
            "Q(show client_encoding)",
        ],
    ),
    (
        "a role at startup",
        &[
            "L(options=-c role=alice)",
            "Q(select current_user, session_user)",
            "Q(set role bob) Q(select current_user)",
            "Q(reset role) Q(select current_user)",
            "Q(set role none) Q(select current_user)",
            "Q(begin; set role bob; savepoint a; set role none; rollback to a; commit) Q(select current_user)",
            "Q(begin; set role none; savepoint a; set role bob; rollback to a; commit) Q(select current_user)",
            "Q(select set_config('role', 'alice', false)) Q(set role to 'none') Q(select current_user)",
            "Q(set role none; select 1/0) Q(select current_user)",
            "Q(discard all) Q(select current_user)",
            "Q(begin; set role none; rollback) Q(select current_user)",
            "Q(begin; set local role none; commit) Q(select current_user)",
            "Q(set role none) Q(reset all) Q(select current_user)",
            "Q(reset role) Q(select current_user)",
            "Q(do $$ begin perform set_config('role', 'none', false); end $$) Q(select current_user)",
        ],
    ),
    (
        "defaults of transactions at startup",
        &[
            "L(options=-c default_transaction_read_only=on -c default_transaction_isolation=serializable)",
            "Q(insert into t{n} values (1, 'x')) Q(show transaction_isolation)",
            "Q(set default_transaction_read_only = off)",
            "Q(insert into t{n} values (1, 'x')) Q(reset default_transaction_read_only)",
            "Q(insert into t{n} values (2, 'x')) Q(begin read write; insert into t{n} values (3, 'x'); commit)",
        ],
    ),
    (
        "the same client with other parameters",
        &[
            "L(work_mem=3MB)",
            "Q(show work_mem) Q(set my.own = 'first')",
            "L(work_mem=5MB)",
            "Q(show work_mem) Q(select coalesce(nullif(current_setting('my.own', true), ''), 'none'))",
            "L()",
            "Q(show work_mem)",
        ],
    ),
    (
        "what a session leaves is gone with it",
        &[
            "P(s1|select 1) S() Q(set work_mem = '7MB'; create temp table tt (i int); listen c{n})",
            "Q(select pg_advisory_lock({n}); prepare q as select 1; set role alice; select setseed(0.1))",
            "Q(declare h cursor with hold for select 1)",
            "L()",
            "B(|s1) E(|0) S() Q(show work_mem) Q(select * from tt) Q(execute q) Q(select current_user)",
            "Q(fetch 1 from h) Q(select * from pg_listening_channels()) Q(notify c{n})",
            "Q(select count(*) from pg_prepared_statements) Q(select count(*) from pg_cursors)",
            "Q(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
        ],
    ),
];
