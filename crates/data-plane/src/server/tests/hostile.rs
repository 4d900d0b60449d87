//! Servers that lie, stall or talk rubbish: the opening ends with an error that says so, soon.

use super::*;
use crate::hostility::Then;

/// What the server says next, given what it was sent.
type Line = Box<dyn Fn(&[u8]) -> Vec<u8> + Send>;

fn says(bytes: &[u8]) -> Line {
    let bytes = bytes.to_vec();
    Box::new(move |_heard| bytes.clone())
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, body].concat()
}

fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes(), rest].concat())
}

fn welcome() -> Vec<u8> {
    [
        authentication(0, b""),
        message(b'S', b"server_version\x0099\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

/// Plays a server that hears something before each line it says.
async fn play(listener: TcpListener, lines: Vec<Line>, then: Then) {
    let mut stream = Stream::Plain(listener.accept().await.unwrap().0);
    for line in lines {
        let mut heard = BytesMut::new();
        if stream.read_some(&mut heard).await.unwrap_or(0) == 0 {
            return;
        }
        if stream.write_all(&line(&heard)).await.is_err() {
            return;
        }
    }
    then.after(&mut stream).await;
}

async fn attempt(
    mode: TlsMode,
    lines: Vec<Line>,
    then: Then,
) -> Result<ServerConnection, OpenError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let actor = tokio::spawn(play(listener, lines, then));
    let attempt = Attempt::at(target("127.0.0.1", port, policy(mode, None)));
    let outcome = attempt.deadline(then.deadline()).open().await;
    actor.abort();
    outcome
}

/// The words with which an opening fails that is answered with these lines.
async fn refusal(lines: Vec<Line>, then: Then) -> String {
    attempt(TlsMode::Disable, lines, then)
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[tokio::test]
async fn an_honest_short_script_opens() {
    let opened = attempt(TlsMode::Disable, vec![says(&welcome())], Then::Stall)
        .await
        .unwrap();
    assert_eq!(
        opened.parameters,
        [(Box::from("server_version"), Box::from("99"))]
    );
    assert_eq!(opened.process_id, 0);
    assert!(opened.cancel_handle().is_none(), "no key was given");
}

#[tokio::test]
async fn rubbish_is_a_protocol_error_and_never_a_hang() {
    let twice = [authentication(3, b""), authentication(3, b"")].concat();
    let huge = [&b"R"[..], &u32::MAX.to_be_bytes()].concat();
    let large = [&b"S"[..], &(900_u32 << 20).to_be_bytes()].concat();
    let in_transaction = [authentication(0, b""), message(b'Z', b"T")].concat();
    let chatty = [welcome(), message(b'D', b"\0\0")].concat();
    let broken_key = [authentication(0, b""), message(b'K', b"\0\0")].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("protocol", b"\0\0\0\0\0\0\0\0".to_vec()),
        ("protocol", huge),
        ("943718401 bytes", large),
        ("authentication method 7", authentication(7, b"")),
        ("credentials twice", twice),
        ("SASL continued before it began", authentication(11, b"r=x")),
        (
            "offers no SASL mechanism",
            authentication(10, b"GS2-KRB5\0\0"),
        ),
        ("unexpected message 'Z'", message(b'Z', b"I")),
        ("protocol", authentication(5, b"\0")),
        ("inside a transaction", in_transaction),
        ("more than was asked for", chatty),
        ("protocol", broken_key),
    ];
    for (words, reply) in cases {
        let told = refusal(vec![says(&reply)], Then::Stall).await;
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    for lines in [
        vec![],
        vec![says(&authentication(3, b""))],
        vec![says(b"R\0\0")],
    ] {
        let told = refusal(lines, Then::Outlast).await;
        assert!(told.contains("no answer within 300 ms"), "{told}");
    }
}

#[tokio::test]
async fn a_closing_server_is_a_lost_connection() {
    for lines in [
        vec![],
        vec![says(b"R\0\0")],
        vec![says(&authentication(3, b""))],
    ] {
        let told = refusal(lines, Then::Close).await;
        assert!(
            told.contains("connection lost") || told.contains("cannot connect"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_flood_of_settings_is_cut() {
    let one = message(b'S', b"name\0value\0");
    let same: Vec<u8> = [
        authentication(0, b""),
        one.repeat(5000),
        message(b'Z', b"I"),
    ]
    .concat();
    let opened = attempt(TlsMode::Disable, vec![says(&same)], Then::Stall)
        .await
        .unwrap();
    assert_eq!(
        opened.parameters.len(),
        1,
        "a repeated setting replaces its predecessor"
    );
    let mut flood = authentication(0, b"");
    for index in 0..5000 {
        flood.extend(message(b'S', format!("name{index}\0value\0").as_bytes()));
    }
    let told = refusal(vec![says(&flood)], Then::Stall).await;
    assert!(told.contains("unexpected message 'S'"), "{told}");
}

#[tokio::test]
async fn an_error_without_a_code_is_still_an_error() {
    let error = message(b'E', b"SFATAL\0Mgo away\0\0");
    let failed = attempt(TlsMode::Disable, vec![says(&error)], Then::Close).await;
    let failed = failed.map(|_| ()).unwrap_err();
    assert_eq!(failed.to_string(), "XX000 go away");
    assert_eq!(failed.server_error().unwrap().message, "go away");
}

/// The server's first SCRAM message for the client's: its nonce and more, a salt, and this count.
fn challenge(iterations: u64) -> Line {
    Box::new(move |heard| {
        let text = String::from_utf8_lossy(heard);
        let nonce = text.rsplit_once("r=").unwrap().1;
        let first = format!("r={nonce}server,s=c2FsdHNhbHRzYWx0,i={iterations}");
        authentication(11, first.as_bytes())
    })
}

#[tokio::test]
async fn a_server_must_prove_that_it_knows_the_password_too() {
    let offer = authentication(10, b"SCRAM-SHA-256\0\0");
    let forged = authentication(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    for (words, last) in [
        ("left the SASL exchange", welcome()),
        ("SCRAM login", [forged, welcome()].concat()),
        (
            "SCRAM login",
            [authentication(12, b"v="), welcome()].concat(),
        ),
    ] {
        let lines = vec![says(&offer), challenge(4096), says(&last)];
        let told = refusal(lines, Then::Stall).await;
        assert!(told.contains(words), "{told}");
    }
}

#[tokio::test]
async fn an_absurd_iteration_count_is_refused_and_not_computed() {
    let offer = authentication(10, b"SCRAM-SHA-256\0\0");
    for iterations in [0, 1_000_001, u64::from(u32::MAX), u64::MAX] {
        let told = refusal(vec![says(&offer), challenge(iterations)], Then::Stall).await;
        assert!(told.contains("SCRAM login"), "{iterations}: {told}");
    }
}

#[tokio::test]
async fn a_nonce_that_is_not_ours_is_refused() {
    let offer = authentication(10, b"SCRAM-SHA-256\0\0");
    let replayed = authentication(11, b"r=somebodyelsesnonce1234,s=c2FsdHNhbHQ=,i=4096");
    let told = refusal(vec![says(&offer), says(&replayed)], Then::Stall).await;
    assert!(told.contains("SCRAM login"), "{told}");
}

#[tokio::test]
async fn answers_to_the_tls_request_are_taken_literally() {
    let error = message(b'E', b"SFATAL\0C28000\0Mtrust me\0\0");
    for (mode, words, reply) in [
        (TlsMode::Require, "does not offer", b"N".to_vec()),
        (TlsMode::Require, "neither S nor N", b"G".to_vec()),
        (TlsMode::Prefer, "neither S nor N", error),
        (
            TlsMode::Prefer,
            "unencrypted bytes",
            [&b"S"[..], &welcome()].concat(),
        ),
        (
            TlsMode::Prefer,
            "unencrypted bytes",
            [&b"N"[..], &welcome()].concat(),
        ),
        (TlsMode::Require, "TLS", b"S".to_vec()),
    ] {
        let rubbish_after = vec![says(&reply), says(b"not a handshake at all")];
        let failed = attempt(mode, rubbish_after, Then::Stall)
            .await
            .map(|_| ())
            .unwrap_err();
        assert_eq!(failed.step, ProbeStep::Tls, "{failed}");
        assert!(failed.to_string().contains(words), "{failed}");
        assert!(
            !failed.to_string().contains("trust me"),
            "an unauthenticated text is not repeated"
        );
    }
}

#[tokio::test]
async fn a_silent_tls_server_meets_the_deadline() {
    let failed = attempt(TlsMode::Require, vec![says(b"S")], Then::Outlast).await;
    let failed = failed.map(|_| ()).unwrap_err();
    assert!(
        matches!(failed.kind, OpenErrorKind::Timeout { .. }),
        "{failed}"
    );
    assert_eq!(failed.step, ProbeStep::Tls);
}

#[tokio::test]
async fn a_query_meets_liars_without_growing_or_hanging() {
    let row = message(b'D', b"\0\x01\0\0\0\x01x");
    let long_row = message(b'D', &vec![b'x'; 70_000]);
    let cut_row = message(b'D', b"\0\x05\0\0");
    let unsolicited = [message(b'Z', b"I"), message(b'S', b"a\0b\0")].concat();
    for (words, reply) in [
        ("more than 1000 rows", row.repeat(1001)),
        ("70005 bytes", long_row),
        ("protocol", cut_row),
        ("more than was asked for", unsolicited),
        ("unexpected message 'G'", message(b'G', b"\0\0\0")),
        ("transaction open", message(b'Z', b"E")),
    ] {
        let lines = vec![says(&welcome()), says(&reply)];
        let mut opened = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(play(listener, lines, Then::Close));
            let place = target("127.0.0.1", port, policy(TlsMode::Disable, None));
            Attempt::at(place).open().await.unwrap()
        };
        let told = query_rows(&mut opened, "SELECT 1")
            .await
            .unwrap_err()
            .to_string();
        assert!(told.contains(words), "{words}: {told}");
    }
}
