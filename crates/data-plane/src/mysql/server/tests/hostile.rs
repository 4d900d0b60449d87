//! Servers that lie, stall or talk rubbish: the opening ends with an error that says so, soon.

use bytes::BytesMut;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::{Sequence, header_bytes};
use tollgate_wire_mysql::handshake::{self, Greeting, Nonce};
use tollgate_wire_mysql::reply::{self, OkPacket};

use super::*;
use crate::hostility::Then;

/// Plays a server that says the first line at once and each further one when it has heard something.
async fn play(listener: TcpListener, lines: Vec<Vec<u8>>, then: Then) {
    let mut stream = Stream::Plain(listener.accept().await.unwrap().0);
    for (at, line) in lines.iter().enumerate() {
        let mut heard = BytesMut::new();
        if at > 0 && stream.read_some(&mut heard).await.unwrap_or(0) == 0 {
            return;
        }
        if stream.write_all(line).await.is_err() {
            return;
        }
    }
    then.after(&mut stream).await;
}

async fn attempt(
    mode: TlsMode,
    lines: Vec<Vec<u8>>,
    then: Then,
) -> Result<ServerConnection, OpenError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let actor = tokio::spawn(play(listener, lines, then));
    let mut attempt = Attempt::at(target_at(Engine::Mysql, port, policy(mode, None)));
    attempt.deadline = then.deadline();
    let outcome = attempt.open().await;
    actor.abort();
    outcome
}

/// The words with which an opening fails that is answered with these lines.
async fn refusal(lines: Vec<Vec<u8>>, then: Then) -> String {
    let outcome = attempt(TlsMode::Disable, lines, then).await;
    outcome.map(|_| ()).unwrap_err().to_string()
}

fn greeting(capabilities: Capabilities, plugin: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let greeting = Greeting {
        version: b"9.9.9".to_vec(),
        connection_id: 7,
        nonce: Nonce::from_random([5; 20]),
        capabilities,
        collation: 255,
        status: StatusFlags::AUTOCOMMIT,
        plugin: plugin.as_bytes().to_vec(),
    };
    handshake::greeting(&mut out, &mut Sequence::start(), &greeting).unwrap();
    out
}

fn usual() -> Capabilities {
    Capabilities::from_wire(u32::MAX, 0).without(Capabilities::SESSION_TRACK)
}

fn hello() -> Vec<u8> {
    greeting(usual(), "mysql_native_password")
}

/// A greeting of a server that tracks sessions, and its welcome: what comes next answers a query.
fn tracking() -> Vec<Vec<u8>> {
    let capabilities = Capabilities::from_wire(u32::MAX, 0);
    let mut welcome = Vec::new();
    let status = OkPacket::with_status(StatusFlags::AUTOCOMMIT);
    reply::ok(&mut welcome, &mut Sequence::after(2), capabilities, &status);
    vec![greeting(capabilities, "mysql_native_password"), welcome]
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&header_bytes(length, number)[..], payload].concat()
}

fn ok(number: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let packet = OkPacket::with_status(StatusFlags::AUTOCOMMIT);
    reply::ok(&mut out, &mut Sequence::after(number), usual(), &packet);
    out
}

fn error(number: u8, code: ErrorCode) -> Vec<u8> {
    let mut out = Vec::new();
    reply::error(&mut out, &mut Sequence::after(number), usual(), code, "no");
    out
}

fn switch(number: u8, plugin: &str, data: &[u8]) -> Vec<u8> {
    packet(number, &[&[0xfe], plugin.as_bytes(), &[0], data].concat())
}

#[tokio::test]
async fn an_honest_short_script_opens() {
    let opened = attempt(TlsMode::Disable, vec![hello(), ok(2)], Then::Stall)
        .await
        .unwrap();
    assert_eq!(&*opened.facts.version_text, "9.9.9");
    assert_eq!(opened.facts.connection_id, 7);
    assert!(opened.variables.is_empty(), "it cannot track");
}

#[tokio::test]
async fn rubbish_is_a_protocol_error_and_never_a_hang() {
    let two_greetings = [hello(), hello()].concat();
    let chatty = [ok(2), ok(3)].concat();
    let cases: Vec<(&str, Vec<Vec<u8>>)> = vec![
        (
            "is this MySQL",
            vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()],
        ),
        ("is this MySQL", vec![packet(0, b"\x09old")]),
        ("is this MySQL", vec![packet(0, b"")]),
        ("is this MySQL", vec![packet(3, b"\x0a")]),
        ("is this MySQL", vec![vec![0xff, 0xff, 0xff, 0]]),
        ("more than its greeting", vec![two_greetings]),
        ("more than was asked for", vec![hello(), chatty]),
        ("packet number", vec![hello(), ok(9)]),
        ("protocol", vec![hello(), packet(2, b"")]),
        ("before 4.1", vec![hello(), packet(2, &[0xfe])]),
        (
            "another authentication factor",
            vec![hello(), packet(2, &[2])],
        ),
        ("\"dialog\"", vec![hello(), switch(2, "dialog", b"")]),
        (
            "malformed data",
            vec![hello(), switch(2, "mysql_native_password", b"short")],
        ),
        ("unexpected packet", vec![hello(), packet(2, &[1, 9, 9])]),
    ];
    for (words, lines) in cases {
        let told = refusal(lines, Then::Stall).await;
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[tokio::test]
async fn a_wrong_answer_to_our_own_query_fails_the_opening() {
    let in_transaction = packet(1, &[0, 0, 0, 3, 0, 0, 0]);
    let chatty = [packet(1, &[0, 0, 0, 2, 0, 0, 0]), ok(2)].concat();
    for (words, answer) in [
        (
            "cannot track sessions: error 1064",
            error(1, ErrorCode::PARSE),
        ),
        ("asks for a file", packet(1, b"\xfb/etc/passwd")),
        ("transaction open", in_transaction),
        ("more than was asked for", chatty),
        ("packet number", ok(9)),
        ("protocol", packet(1, b"")),
        ("protocol", packet(1, &[0xfe; 20])),
    ] {
        let lines = [tracking(), vec![answer]].concat();
        let told = refusal(lines, Then::Stall).await;
        assert!(told.contains(words), "{words}: {told}");
    }
    let half = [tracking(), vec![packet(1, &[1])]].concat();
    let told = refusal(half, Then::Outlast).await;
    assert!(told.contains("no answer within 300 ms"), "{told}");
}

#[test]
fn rubbish_of_any_kind_ends_the_opening() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let prefixes = [
        vec![],
        vec![hello()],
        vec![hello(), switch(2, "caching_sha2_password", &[7; 20])],
        tracking(),
    ];
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    let framed = (bytes.clone(), 0..8_u8).prop_map(|(payload, number)| packet(number, &payload));
    let line = prop_oneof![bytes, framed];
    let mut runner = TestRunner::new(Config::with_cases(96));
    let outcome = runner.run(&(line, 0..prefixes.len()), |(line, at)| {
        let lines = [prefixes[at].clone(), vec![line]].concat();
        // That it ends, with whatever, is the claim.
        let _ = runtime.block_on(attempt(TlsMode::Disable, lines, Then::Close));
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn the_password_is_never_sent_where_others_can_read_it() {
    let clear = switch(2, "mysql_clear_password", b"");
    for mode in [TlsMode::Disable, TlsMode::Prefer] {
        let hello = greeting(usual().without(Capabilities::SSL), "mysql_native_password");
        let refused = attempt(mode, vec![hello, clear.clone()], Then::Stall)
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(refused.to_string().contains("TLS is needed"), "{refused}");
        assert!(refused.concerns_the_key());
    }
}

#[tokio::test]
async fn a_server_that_switches_for_ever_is_left() {
    let again = |number| switch(number, "mysql_native_password", &[7; 20]);
    let lines = vec![hello(), again(2), again(4), again(6), again(8), again(10)];
    let told = refusal(lines, Then::Stall).await;
    assert!(told.contains("too often"), "{told}");
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    for lines in [
        vec![],
        vec![b"\x20\0".to_vec()],
        vec![hello()],
        vec![hello(), b"\x20\0\0\x02".to_vec()],
    ] {
        let told = refusal(lines, Then::Outlast).await;
        assert!(told.contains("no answer within 300 ms"), "{told}");
    }
}

#[tokio::test]
async fn a_closing_server_is_a_lost_connection() {
    for lines in [
        vec![],
        vec![b"\x20\0".to_vec()],
        vec![hello()],
        vec![hello(), b"\x20\0\0\x02".to_vec()],
    ] {
        let told = refusal(lines, Then::Close).await;
        assert!(
            told.contains("connection lost") || told.contains("cannot connect"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn refusals_in_place_of_the_greeting_are_read() {
    for (code, key) in [
        (ErrorCode::CON_COUNT, false),
        (ErrorCode::HOST_IS_BLOCKED, false),
    ] {
        let refused = attempt(TlsMode::Require, vec![error(0, code)], Then::Stall)
            .await
            .map(|_| ())
            .unwrap_err();
        assert_eq!(refused.step, ProbeStep::Auth);
        assert_eq!(refused.concerns_the_key(), key);
        assert_eq!(super::code(&refused), code.code);
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_tls_fails_that_step() {
    let refused = attempt(TlsMode::Require, vec![hello()], Then::Close)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.step, ProbeStep::Tls, "{refused}");
    let answered = vec![hello(), ok(2)];
    let refused = attempt(TlsMode::Require, answered, Then::Stall)
        .await
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.step, ProbeStep::Tls, "{refused}");
}
