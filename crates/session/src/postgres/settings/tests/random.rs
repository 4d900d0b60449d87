//! Any settings to any others and back, on one connection.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Builder;

use super::rig::{Connection, question, servers};
use crate::postgres::settings::{Answer, Settings};

const NAMES: &[&str] = &[
    "app.a",
    "app.b",
    "application_name",
    "client_encoding",
    "datestyle",
    "role",
    "search_path",
    "session_authorization",
    "standard_conforming_strings",
    "timezone",
    "work_mem",
];

/// Values as the server says them.
fn value(name: &'static str) -> BoxedStrategy<String> {
    let some = |values: &'static [&'static str]| select(values).prop_map(str::to_owned).boxed();
    match name {
        "app.a" => "\\PC{0,12}".boxed(),
        "app.b" => "[\\\\'\"a\u{e9}\u{8868}]{0,8}".boxed(),
        "application_name" => "[ -~]{0,20}".boxed(),
        "client_encoding" => some(&["LATIN1", "SJIS", "EUC_JP", "GBK", "SQL_ASCII"]),
        "datestyle" => some(&["SQL, DMY", "German, YMD", "Postgres, MDY"]),
        "role" => some(&["app", "odd \"role", "müller", "none"]),
        // ASCII: PostgreSQL 18 reports it, and never ends reporting what the client's encoding has not.
        "search_path" => some(&["", "\"\"", "a, b", "\"A, b\"", "Weird ,  \"pg\"\"x\""]),
        "session_authorization" => some(&["app"]),
        "standard_conforming_strings" => some(&["off"]),
        "timezone" => some(&["Europe/Paris", "<-05>+05", "UTC"]),
        _ => some(&["1MB", "77kB", "3GB"]),
    }
}

fn any_settings() -> impl Strategy<Value = Settings> {
    let entry = select(NAMES).prop_flat_map(|name| (Just(name), value(name)));
    vec(entry, 0..8).prop_map(|entries| {
        let entries = entries
            .iter()
            .map(|(name, value)| (name.as_bytes(), Some(value.as_bytes())));
        Settings::default().changed(entries)
    })
}

/// What the server should say: nobody's role is the default, and what nobody defined is empty.
fn wanted(settings: &Settings, fresh: &Answer) -> Vec<Vec<u8>> {
    question(NAMES)
        .names()
        .zip(&fresh.values)
        .map(|(name, fresh)| {
            let default = fresh.as_deref().unwrap_or_default();
            settings.get(name).unwrap_or(default).to_vec()
        })
        .collect()
}

async fn check(connection: &mut Connection, fresh: &Answer, steps: &[Settings]) {
    let mut from = Settings::default();
    for to in steps.iter().chain([&Settings::default()]) {
        connection.replay(&from, to).await;
        let said = connection.ask(&question(NAMES)).await.values;
        let said: Vec<_> = said
            .into_iter()
            .map(|value| value.unwrap_or_default().to_vec())
            .collect();
        assert_eq!(said, wanted(to, fresh));
        from = to.clone();
    }
}

#[test]
fn any_settings_give_way_to_any_others() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for server in servers() {
        let scene = "CREATE ROLE app; CREATE ROLE \"odd \"\"role\"; CREATE ROLE \"müller\";
            GRANT \"odd \"\"role\", \"müller\" TO app";
        server.superuser_sql("postgres", scene).unwrap();
        let mut connection = runtime.block_on(Connection::open(&server, &[]));
        let fresh = runtime.block_on(connection.ask(&question(NAMES)));
        let connection = RefCell::new(connection);
        let mut runner = TestRunner::new(Config {
            cases: 32,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&vec(any_settings(), 1..4), |steps| {
            let mut connection = connection.borrow_mut();
            runtime.block_on(check(&mut connection, &fresh, &steps));
            Ok(())
        });
        outcome.unwrap();
    }
}
