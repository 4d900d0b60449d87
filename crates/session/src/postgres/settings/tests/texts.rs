//! The queries as texts, and answers that are none.

use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_wire_postgres::backend;
use tollgate_wire_postgres::frame::HEADER_LEN;
use tollgate_wire_postgres::frontend::Query;

use super::rig::{question, settings};
use crate::postgres::settings::{Answer, Certainty, Facts, Question, Replay, Settings, replay};

fn text(from: &Settings, to: &Settings) -> String {
    let mut out = Vec::new();
    replay(from, to, &mut out);
    let query = Query::parse(&out[HEADER_LEN..]).unwrap();
    String::from_utf8(query.sql.to_vec()).unwrap()
}

fn row(columns: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = Vec::new();
    backend::data_row(&mut out, columns);
    out.split_off(HEADER_LEN)
}

#[test]
fn the_same_settings_need_no_query() {
    let map = settings([(&b"work_mem"[..], &b"1MB"[..])]);
    let equal = settings([(&b"work_mem"[..], &b"1MB"[..])]);
    let mut out = Vec::new();
    let nothing = Replay {
        queries: 0,
        certainty: Certainty::Certain,
    };
    assert_eq!(replay(&map, &equal, &mut out), nothing);
    assert!(out.is_empty());
}

#[test]
fn only_what_differs_is_written() {
    let from = settings([(&b"a.b"[..], &b"1"[..]), (b"work_mem", b"1MB")]);
    let to = settings([
        (&b"search_path"[..], &b"x, \"Y\""[..]),
        (b"work_mem", b"1MB"),
    ]);
    assert_eq!(
        text(&from, &to),
        "BEGIN ISOLATION LEVEL READ COMMITTED;RESET \"a\".\"b\";\
         SELECT pg_catalog.set_config('search_path','x, \"Y\"',false) IS NULL;COMMIT"
    );
}

#[test]
fn everything_else_is_set_as_the_login() {
    let from = settings([(&b"role"[..], &b"r"[..])]);
    let to = settings([
        (&b"log_statement"[..], &b"all"[..]),
        (b"role", b"q\"q"),
        (b"session_authorization", b"s"),
    ]);
    assert_eq!(
        text(&from, &to),
        "BEGIN ISOLATION LEVEL READ COMMITTED;RESET ROLE;RESET SESSION AUTHORIZATION;\
         SELECT pg_catalog.set_config('log_statement','all',false) IS NULL;\
         SET SESSION AUTHORIZATION \"s\";SET ROLE \"q\"\"q\";COMMIT"
    );
}

#[test]
fn a_question_writes_each_name_once() {
    let asked = question(&["b", "A", "a"]);
    let names: Vec<_> = asked.names().collect();
    assert_eq!(names, [b"a", b"b"]);
}

#[test]
fn what_cannot_be_asked_is_no_question() {
    assert_eq!(Question::new(["ä".as_bytes()], Facts::NONE), None);
    assert_eq!(Question::new([&b"a\0b"[..]], Facts::NONE), None);
    let many: Vec<String> = (0..1601).map(|at| format!("a.b{at}")).collect();
    assert_eq!(
        Question::new(many.iter().map(String::as_bytes), Facts::NONE),
        None
    );
    let nothing = Question::new([], Facts::NONE).unwrap();
    assert!(nothing.is_empty());
    assert!(!question(&["a"]).is_empty());
}

#[test]
fn an_answer_is_read() {
    let facts = Facts::CHANNELS.union(Facts::TEMP_OBJECTS);
    let asked = Question::new([&b"a"[..], b"b", b"c"], facts).unwrap();
    assert_eq!(asked.facts(), facts);
    let body = row(&[
        Some(b"x\\\\y\\303\\251"),
        None,
        Some(b""),
        Some(b"f"),
        Some(b"t"),
    ]);
    let answer = Answer {
        values: vec![Some("x\\yé".as_bytes().into()), None, Some([].into())],
        facts: Facts::CHANNELS,
        listed: None,
    };
    assert_eq!(asked.read(&body), Some(answer.clone()));
    assert!(
        !format!("{answer:?}").contains('x'),
        "values may be secrets"
    );
    assert!(answer.facts.contains(Facts::CHANNELS));
    assert!(!answer.facts.contains(facts));
    assert_eq!(format!("{:?}", answer.facts), "{\"CHANNELS\"}");
}

#[test]
fn a_row_that_does_not_fit_is_no_answer() {
    let asked = Question::new([&b"a"[..]], Facts::CHANNELS).unwrap();
    let rows: [&[Option<&[u8]>]; 8] = [
        &[],
        &[Some(b"1")],
        &[Some(b"1"), None],
        &[Some(b"1"), Some(b"true")],
        &[Some(b"1"), Some(b"t"), Some(b"t")],
        &[Some(b"\\"), Some(b"t")],
        &[Some(b"\\400"), Some(b"t")],
        &[Some(b"\\08"), Some(b"t")],
    ];
    for columns in rows {
        assert_eq!(asked.read(&row(columns)), None, "{columns:?}");
    }
    assert!(asked.read(&row(&[Some(b"1"), Some(b"t")])).is_some());
}

proptest! {
    #[test]
    fn no_bytes_of_a_server_break_the_reading(body in vec(any::<u8>(), 0..200)) {
        let asked = Question::new([&b"a"[..]], Facts::CHANNELS).unwrap();
        asked.read(&body);
        asked.read(&row(&[Some(&body), Some(b"t")]));
    }

    #[test]
    fn a_replay_is_one_ascii_query_whatever_the_values(
        name in vec(any::<u8>(), 0..80),
        value in vec(any::<u8>(), 0..80),
        other in vec(any::<u8>(), 0..80),
    ) {
        let from = settings([(&*other, &*value), (b"role", &*name)]);
        let to = settings([(&*name, &*value), (b"role", &*other)]);
        let mut out = Vec::new();
        if replay(&from, &to, &mut out).queries == 1 {
            let query = Query::parse(&out[HEADER_LEN..]).unwrap();
            prop_assert!(query.sql.is_ascii());
            prop_assert_eq!(query.sql.len(), out.len() - HEADER_LEN - 1);
        } else {
            prop_assert!(out.is_empty());
        }
    }
}
