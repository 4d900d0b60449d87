//! Every kind of setting, read on one connection and replayed on another.

use super::rig::{Connection, question, servers, settings};
use crate::postgres::settings::standing::{PLAIN, takes_literal};
use crate::postgres::settings::{Certainty, Settings};

/// What a client runs, the names that differ afterwards, and whether the replay is certain.
struct Case(&'static str, &'static [&'static str], Certainty);

const CERTAIN: Certainty = Certainty::Certain;
const FALLIBLE: Certainty = Certainty::Fallible;

/// Roles and schemas that the cases use.
const SCENE: &str =
    "CREATE ROLE app LOGIN; CREATE ROLE \"Odd \"\"role\" LOGIN; GRANT app TO \"Odd \"\"role\";
    CREATE ROLE \"default\"; CREATE ROLE \"müller\"; CREATE ROLE guest;
    CREATE TEXT SEARCH CONFIGURATION public.mine (COPY = pg_catalog.simple)";

const CASES: &[Case] = &[
    // Plain types: bool, int, int with unit, real, enum, string.
    Case("SET enable_seqscan = off", &["enable_seqscan"], CERTAIN),
    Case(
        "SET join_collapse_limit = 3",
        &["join_collapse_limit"],
        CERTAIN,
    ),
    Case("SET work_mem = '1234kB'", &["work_mem"], CERTAIN),
    Case(
        "SET work_mem = '2GB'; SET statement_timeout = 90000",
        &["work_mem", "statement_timeout"],
        CERTAIN,
    ),
    Case(
        "SET random_page_cost = 1.1; SET geqo_seed = 0.123456789",
        &["random_page_cost", "geqo_seed"],
        CERTAIN,
    ),
    Case(
        "SET vacuum_cost_delay = 1.5",
        &["vacuum_cost_delay"],
        CERTAIN,
    ),
    Case(
        "SET bytea_output = escape; SET client_min_messages = debug1",
        &["bytea_output", "client_min_messages"],
        CERTAIN,
    ),
    Case(
        "SET default_transaction_isolation = 'repeatable read'",
        &["default_transaction_isolation"],
        CERTAIN,
    ),
    Case(
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
        &[
            "default_transaction_isolation",
            "default_transaction_read_only",
            "default_transaction_deferrable",
        ],
        CERTAIN,
    ),
    Case(
        "SET extra_float_digits = -3; SET row_security = off",
        &["extra_float_digits", "row_security"],
        CERTAIN,
    ),
    Case(
        "SET application_name = 'it''s \"mine\" \\ $1 -- /* '",
        &["application_name"],
        CERTAIN,
    ),
    Case(
        "SET application_name = ''; SET application_name = 'App'",
        &["application_name"],
        CERTAIN,
    ),
    // Dates, times, zones.
    Case("SET DateStyle = 'German, YMD'", &["datestyle"], CERTAIN),
    Case(
        "SET datestyle = sql; SET datestyle = dmy",
        &["DateStyle"],
        CERTAIN,
    ),
    Case("SET IntervalStyle = iso_8601", &["intervalstyle"], CERTAIN),
    Case("SET TIME ZONE 'America/New_York'", &["TimeZone"], CERTAIN),
    Case(
        "SET TIME ZONE INTERVAL '-05:30' HOUR TO MINUTE",
        &["TimeZone"],
        CERTAIN,
    ),
    Case("SET TIME ZONE -5", &["TimeZone"], CERTAIN),
    Case("SET TIME ZONE '<-05>+05'", &["TimeZone"], CERTAIN),
    Case(
        "SET TIME ZONE 'FOO5BAR,M3.2.0,M11.1.0'",
        &["TimeZone"],
        CERTAIN,
    ),
    Case("SET TIME ZONE 3.75", &["TimeZone"], CERTAIN),
    // Lists of identifiers.
    Case("SET search_path = ''", &["search_path"], CERTAIN),
    Case(
        "SELECT set_config('search_path', '', false)",
        &["search_path"],
        CERTAIN,
    ),
    Case(
        "SET search_path = a, \"B c\", \"d\"\"e\", 'f''g', \"$user\", pg_temp",
        &["search_path"],
        CERTAIN,
    ),
    Case(
        "SET search_path = \"schön\", \"back\\slash\"",
        &["search_path", "client_encoding"],
        CERTAIN,
    ),
    Case(
        "SELECT set_config('search_path', 'Foo,  \"Bar\"   , select', false)",
        &["search_path"],
        CERTAIN,
    ),
    Case(
        "SET temp_tablespaces = pg_default",
        &["temp_tablespaces"],
        FALLIBLE,
    ),
    Case(
        "SET local_preload_libraries = 'plpgsql', 'a b'",
        &["local_preload_libraries"],
        FALLIBLE,
    ),
    Case(
        "SET session_preload_libraries = 'a', 'B'",
        &["session_preload_libraries"],
        FALLIBLE,
    ),
    // How strings and bytes are read.
    Case(
        "SET standard_conforming_strings = off; SET app.path = 'C:\\\\dir\\\\'",
        &["standard_conforming_strings", "app.path"],
        CERTAIN,
    ),
    Case(
        "SET app.path = E'\\\\''\\\\''\\n\\t'; SET backslash_quote = off",
        &["app.path", "backslash_quote"],
        CERTAIN,
    ),
    Case(
        "SET client_encoding = LATIN1",
        &["client_encoding"],
        CERTAIN,
    ),
    Case(
        "SET NAMES 'sjis'; SET app.plain = 'x'",
        &["client_encoding", "app.plain"],
        CERTAIN,
    ),
    Case(
        "SET app.name = 'Ünïcödé 表 🐘'; SET NAMES 'UTF8'",
        &["app.name"],
        CERTAIN,
    ),
    // Settings nobody defined.
    Case(
        "SET app.uid = '42'; SET app.\"MixedCase\" = 'x'",
        &["app.uid", "app.mixedcase"],
        CERTAIN,
    ),
    Case(
        "SET app.a.b.c = 'deep'; SET \"app\".\"select\" = 'keyword'",
        &["app.a.b.c", "app.select"],
        CERTAIN,
    ),
    Case(
        "SET app.one = 'x'; SET app.empty = ''",
        &["app.one", "app.empty"],
        CERTAIN,
    ),
    Case(
        "SELECT set_config('app.n' || repeat('x', 100), 'long', false)",
        &[
            "app.nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
        CERTAIN,
    ),
    Case(
        "SELECT set_config('app.long', repeat('ab''\\ ', 20000), false)",
        &["app.long"],
        CERTAIN,
    ),
    Case(
        "SELECT set_config('app.wide', repeat('é', 50000), false)",
        &["app.wide"],
        CERTAIN,
    ),
    Case(
        "SET plpgsql.extra_warnings = 'too_many_rows'",
        &["plpgsql.extra_warnings"],
        CERTAIN,
    ),
    // What needs rights or objects.
    Case(
        "SET log_statement = 'ddl'; SET log_min_duration_statement = 250",
        &["log_statement", "log_min_duration_statement"],
        FALLIBLE,
    ),
    Case(
        "SET session_replication_role = replica",
        &["session_replication_role"],
        FALLIBLE,
    ),
    Case(
        "SET default_tablespace = pg_default",
        &["default_tablespace"],
        FALLIBLE,
    ),
    Case(
        "SET default_text_search_config = 'public.mine'",
        &["default_text_search_config"],
        FALLIBLE,
    ),
    Case(
        "SET temp_buffers = '2MB'; SET lc_monetary = 'C.UTF-8'",
        &["temp_buffers", "lc_monetary"],
        FALLIBLE,
    ),
    // Who the session acts as.
    Case("SET ROLE app", &["role"], FALLIBLE),
    Case("SET ROLE \"Odd \"\"role\"", &["role"], FALLIBLE),
    Case("SET ROLE \"müller\"", &["role"], FALLIBLE),
    Case(
        "SET ROLE \"default\"; SET app.x = 'y'",
        &["role", "app.x"],
        FALLIBLE,
    ),
    Case(
        "SET SESSION AUTHORIZATION \"Odd \"\"role\"",
        &["session_authorization"],
        FALLIBLE,
    ),
    Case(
        "SET SESSION AUTHORIZATION \"Odd \"\"role\"; SET ROLE app",
        &["session_authorization", "role"],
        FALLIBLE,
    ),
    Case(
        "SET log_statement = 'mod'; SET work_mem = '9MB'; SET SESSION AUTHORIZATION app; SET search_path = app",
        &[
            "log_statement",
            "work_mem",
            "session_authorization",
            "search_path",
        ],
        FALLIBLE,
    ),
];

/// Startup parameters of the connections that take over; the pool keeps different ones apart.
const DEFAULTS: [&[(&str, &str)]; 3] = [
    &[],
    &[(
        "options",
        "-c standard_conforming_strings=off -c escape_string_warning=on -c search_path=other \
         -c default_transaction_isolation=serializable -c default_transaction_read_only=on \
         -c default_transaction_deferrable=on -c work_mem=5MB",
    )],
    &[
        ("client_encoding", "SJIS"),
        ("TimeZone", "Asia/Tokyo"),
        ("application_name", "start"),
    ],
];

/// Runs the case on a new connection and carries what it sets to `second` and away again. Returns what that
/// was.
async fn carries(mut first: Connection, second: &mut Connection, case: &Case) -> Settings {
    let Case(sql, names, certainty) = case;
    let fresh = first.ask(&question(names)).await;
    // The cases are written in UTF-8, whatever the connection speaks.
    if !sql.is_ascii() {
        first.run("SET client_encoding = UTF8").await;
    }
    first.run(sql).await;
    let set = first.settings(names, &fresh).await;
    let expected = first.ask(&question(names)).await;

    let replay = second.replay(&Settings::default(), &set).await;
    let found = second.ask(&question(names)).await;
    assert_eq!(found.values, expected.values, "{sql}");
    if !set.is_default() {
        assert_eq!(replay.certainty, *certainty, "{sql}");
    }
    second.replay(&set, &Settings::default()).await;
    let back = second.ask(&question(names)).await;
    for (now, then) in back.values.iter().zip(&fresh.values) {
        // A setting nobody defined stays known and empty: RESET does no more, here or directly.
        let (now, then) = (now.as_deref(), then.as_deref());
        assert_eq!(now.unwrap_or_default(), then.unwrap_or_default(), "{sql}");
    }
    set
}

#[tokio::test]
async fn every_kind_of_setting_moves_to_another_connection() {
    for server in servers() {
        server.superuser_sql("postgres", SCENE).unwrap();
        for parameters in DEFAULTS {
            let mut second = Connection::open(&server, parameters).await;
            for case in CASES {
                let first = Connection::open(&server, parameters).await;
                let set = carries(first, &mut second, case).await;
                // Some cases are the defaults of the unusual connections.
                assert!(!set.is_default() || !parameters.is_empty(), "{}", case.0);
            }
        }
    }
}

#[tokio::test]
async fn roles_change_from_any_to_any() {
    const NAMES: &[&str] = &["role", "session_authorization", "log_statement"];
    let sides: Vec<Settings> = [
        &[][..],
        &[(&b"role"[..], &b"app"[..])],
        &[(b"role", b"none")],
        &[(b"role", b"m\xc3\xbcller"), (b"log_statement", b"all")],
        &[(b"session_authorization", b"app")],
        &[
            (b"session_authorization", b"app"),
            (b"log_statement", b"all"),
        ],
        &[
            (b"session_authorization", b"app"),
            (b"log_statement", b"ddl"),
        ],
        &[(b"session_authorization", b"Odd \"role"), (b"role", b"app")],
    ]
    .into_iter()
    .map(|entries| settings(entries.iter().copied()))
    .collect();
    for server in servers() {
        server.superuser_sql("postgres", SCENE).unwrap();
        let mut connection = Connection::open(&server, &[]).await;
        let fresh = connection.ask(&question(NAMES)).await;
        let mut now = Settings::default();
        for from in &sides {
            for to in &sides {
                connection.replay(&now, from).await;
                connection.replay(from, to).await;
                now = to.clone();
                let found = connection.settings(NAMES, &fresh).await;
                // "none" is the default.
                let wanted = match to.get(b"role") {
                    Some(b"none") => to.changed([(&b"role"[..], None)]),
                    Some(_) | None => to.clone(),
                };
                assert!(found.same(&wanted), "{from:?} {to:?} {found:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_plain_setting_changes_without_leaving_the_role() {
    let before = settings([(&b"role"[..], &b"app"[..]), (b"search_path", b"a")]);
    let after = before.changed([(&b"search_path"[..], Some(&b"b"[..]))]);
    for server in servers() {
        server.superuser_sql("postgres", SCENE).unwrap();
        let mut connection = Connection::open(&server, &[]).await;
        connection.replay(&Settings::default(), &before).await;
        let replay = connection.replay(&before, &after).await;
        assert_eq!(replay.certainty, CERTAIN);
        assert_eq!(connection.value("SHOW role").await.unwrap(), b"app");
        assert_eq!(connection.value("SHOW search_path").await.unwrap(), b"b");
    }
}

#[tokio::test]
async fn a_refused_setting_makes_the_statement_behind_it_fail() {
    let gone = settings([(&b"role"[..], &b"nobody"[..])]);
    let forbidden = settings([(&b"log_statement"[..], &b"all"[..]), (b"work_mem", b"7MB")]);
    for server in servers() {
        server.superuser_sql("postgres", SCENE).unwrap();
        let mut connection = Connection::open(&server, &[]).await;
        let states = connection.refused(&Settings::default(), &gone).await;
        assert_eq!(states, ("22023".into(), "25P02".into()));
        connection.run("ROLLBACK").await;

        let mut guest = Connection::open_as(&server, "app", "postgres", &[]).await;
        let states = guest.refused(&Settings::default(), &forbidden).await;
        assert_eq!(states, ("42501".into(), "25P02".into()));
        guest.run("ROLLBACK").await;
        let memory = guest.value("SHOW work_mem").await.unwrap();
        assert_ne!(memory, b"7MB", "all or nothing");
    }
}

#[tokio::test]
async fn the_plain_list_is_what_servers_let_anybody_set() {
    for server in servers() {
        let others = server
            .superuser_sql(
                "postgres",
                "SELECT lower(name) FROM pg_settings WHERE context <> 'user'",
            )
            .unwrap();
        for name in others.lines() {
            assert!(PLAIN.binary_search(&name.as_bytes()).is_err(), "{name}");
        }
        let users = server
            .superuser_sql(
                "postgres",
                "SELECT lower(name) FROM pg_settings WHERE name LIKE 'enable_%' AND context <> 'user'",
            )
            .unwrap();
        assert_eq!(users, "");
    }
}

#[tokio::test]
async fn no_list_of_quoted_identifiers_is_set_with_a_literal() {
    for server in servers() {
        let names = server
            .superuser_sql(
                "postgres",
                "SELECT name FROM pg_settings WHERE context IN ('user', 'superuser') AND vartype = 'string'",
            )
            .unwrap();
        let mut connection = Connection::open(&server, &[]).await;
        let mut lists = Vec::new();
        for name in names.lines() {
            if is_split(&mut connection, name).await {
                assert!(!takes_literal(name.as_bytes()), "{name}");
                lists.push(name);
            }
        }
        assert!(lists.contains(&"search_path"), "{lists:?}");
    }
}

/// Servers show which settings are such lists in one place: the definition of a function that sets them.
async fn is_split(connection: &mut Connection, name: &str) -> bool {
    let sql = format!(
        "BEGIN; SELECT set_config('{name}', 'a,\"B c\"', true);
         CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET {name} FROM CURRENT AS 'SELECT 1';
         SELECT pg_get_functiondef('public.f'::regproc)"
    );
    let sql = tollgate_testkit::scripted::c_string(&sql);
    let heard = connection
        .exchange(&tollgate_testkit::scripted::message(b'Q', &sql), 1)
        .await;
    connection.run("ROLLBACK").await;
    let last = heard.iter().rfind(|message| message.tag == b'D');
    last.is_some_and(|row| String::from_utf8_lossy(&row.body).contains(" TO 'a', 'B c'"))
}
