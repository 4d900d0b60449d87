//! Messages cut in the middle: what may be said, what may be given back, what must be closed.

use tollgate_wire_postgres::sqlstate::SqlState;

use super::messages::{Side, bytes, frame, spell};
use super::rig::{fatal, fresh, table, write};
use crate::postgres::{
    Cancel, Cleanup, CleanupEvent, CloseReason, Farewell, MAX_HEAD, ServerEvent, Session,
    SessionConfig, Told, Want,
};
use crate::{Effects, Piece};

fn session() -> Session {
    let config = SessionConfig {
        id: 1,
        max_remembered_unnamed: 1_000,
        process_id: 1,
    };
    Session::new(config, table())
}

/// A session with a connection that has been sent `client`, and answered with `server`.
fn started(client: &str, server: &[u8]) -> Session {
    let mut session = session();
    let mut out = Effects::new();
    session.attach(fresh());
    let input = bytes(Side::Client, client);
    assert_eq!(session.on_client(&input, &mut out).consumed, input.len());
    out.clear();
    session.on_server(server, &mut out);
    session
}

#[test]
fn nothing_is_said_in_the_middle_of_a_message() {
    let row = bytes(Side::Server, "D(0123456789)");
    let mut session = started("Q(select 1)", &row[..9]);
    assert!(!session.at_boundary());
    let mut out = Effects::new();
    let told = session.on_server_lost(&fatal(SqlState::CONNECTION_FAILURE), &mut out);
    assert_eq!(told, Told::No);
    assert_eq!(out.to_client().count(), 0);
}

#[test]
fn a_cut_header_is_no_message_yet() {
    let row = bytes(Side::Server, "D(0123456789)");
    let mut session = started("Q(select 1)", &row[..4]);
    assert!(session.at_boundary());
    let mut out = Effects::new();
    let told = session.on_server_lost(&fatal(SqlState::CONNECTION_FAILURE), &mut out);
    assert_eq!(told, Told::Yes);
}

#[test]
fn half_a_header_behind_the_last_reply_holds_the_connection() {
    let mut session = started("Q(select 1)", &[]);
    let mut input = bytes(Side::Server, "C(SELECT 1) Z(I)");
    let whole = input.len();
    input.extend_from_slice(b"N\0");
    let mut out = Effects::new();
    let progress = session.on_server(&input, &mut out);
    assert_eq!(progress.consumed, whole);
    assert!(matches!(progress.event, ServerEvent::More));
    assert!(session.is_attached());
    let Farewell::CloseServer { cancel } = session.on_client_gone() else {
        panic!("a connection with unread bytes was kept");
    };
    assert_eq!(cancel, Cancel::No);
}

#[test]
fn a_second_ready_is_out_of_sync() {
    let mut session = started("Q(select 1)", &[]);
    let mut out = Effects::new();
    let input = bytes(Side::Server, "C(SELECT 1) Z(I) Z(I)");
    let event = session.on_server(&input, &mut out).event;
    assert!(matches!(event, ServerEvent::OutOfSync));
    out.clear();
    let told = session.on_server_lost(&fatal(SqlState::CONNECTION_FAILURE), &mut out);
    assert_eq!(told, Told::Yes);
    assert!(!session.is_attached());
}

#[test]
fn bytes_behind_the_last_reply_fail_a_cleanup() {
    let input = bytes(Side::Server, "I Z(I) N");
    let event = Cleanup::keepalive(fresh()).on_server(&input).event;
    assert!(matches!(event, CleanupEvent::Failed));
}

#[test]
fn half_a_message_to_the_server_costs_its_connection() {
    let mut session = started("Q(begin)", &bytes(Side::Server, "C(BEGIN) Z(T)"));
    let data = bytes(Side::Client, "d(select 1)");
    session.on_client(&data[..8], &mut Effects::new());
    assert!(matches!(
        session.on_client_gone(),
        Farewell::CloseServer { .. }
    ));
}

#[test]
fn late_copy_data_in_the_middle_is_finished_before_the_release() {
    let mut session = started("Q(copy t from stdin)", &bytes(Side::Server, "G"));
    let data = bytes(Side::Client, "d(0123456789)");
    let mut out = Effects::new();
    assert_eq!(session.on_client(&data[..8], &mut out).consumed, 8);
    out.clear();
    let failed = bytes(Side::Server, "E(22P02) Z(I)");
    let event = session.on_server(&failed, &mut out).event;
    assert!(matches!(event, ServerEvent::More));
    out.clear();
    let mut rest = data[8..].to_vec();
    rest.extend(bytes(Side::Client, "c S"));
    let progress = session.on_client(&rest, &mut out);
    assert_eq!(progress.consumed, data.len() - 8);
    assert!(matches!(progress.want, Want::Release(_)));
    let pieces: Vec<_> = out.to_server().collect();
    assert_eq!(pieces, [Piece::Input(0..data.len() - 8)]);
    out.clear();
    let progress = session.on_client(&rest[progress.consumed..], &mut out);
    assert!(matches!(progress.want, Want::More));
    assert_eq!(out.to_server().count(), 0);
    let mut said = Vec::new();
    write(out.to_client(), &[], &mut said);
    assert_eq!(spell(Side::Server, &said), "Z(I)");
}

#[test]
fn a_message_cut_in_the_middle_hides_no_pin() {
    let mut session = started("P(s1,select 1) S", &[]);
    let data = bytes(Side::Client, "d(0123456789)");
    let mut out = Effects::new();
    session.on_client(&data[..8], &mut out);
    out.clear();
    session.on_server(&bytes(Side::Server, "1 Z(I)"), &mut out);
    out.clear();
    let progress = session.on_client(&data[8..], &mut out);
    assert!(matches!(progress.want, Want::More));
    assert!(session.is_attached(), "given back with a statement on it");
}

/// The first bytes of a message, for a connection that other sessions have used.
fn first_bytes(message: &str, settings: &str, length: usize) -> (Session, String, Want) {
    let mut other = session();
    other.attach(fresh());
    let mut out = Effects::new();
    other.on_client(&bytes(Side::Client, settings), &mut out);
    let answer = bytes(Side::Server, "C(SET) S(TimeZone=CET) Z(I)");
    let ServerEvent::Release(clean) = other.on_server(&answer, &mut out).event else {
        panic!("the connection is not given back");
    };
    let mut session = Session::new(
        SessionConfig {
            id: 2,
            max_remembered_unnamed: 1_000,
            process_id: 1,
        },
        table(),
    );
    session.attach(clean.into_state());
    out.clear();
    let input = bytes(Side::Client, message);
    let input = &input[..length];
    let progress = session.on_client(input, &mut out);
    let mut sent = Vec::new();
    write(out.to_server(), input, &mut sent);
    let own = sent.len() - progress.consumed;
    let own = spell(Side::Client, &sent[..own]);
    (session, own, progress.want)
}

#[test]
fn nothing_is_sent_before_a_text_is_whole() {
    for length in [5, 6, 9, 12] {
        let (_, own, want) =
            first_bytes("Q(select currval('s'))", "Q(set timezone = 'CET')", length);
        assert_eq!(own, "", "at {length}");
        assert!(matches!(want, Want::More));
    }
    let (_, own, want) = first_bytes("Q(rollback)", "Q(set timezone = 'CET')", 14);
    assert_eq!(own, "SET(-timezone)");
    assert!(matches!(want, Want::Replies));
}

#[test]
fn long_messages_stream_through_without_being_kept() {
    let mut session = started("Q(select 1)", &bytes(Side::Server, "T"));
    // One row of a gigabyte, fed in pieces.
    let header = [&b"D"[..], &1_000_000_004_u32.to_be_bytes()].concat();
    let mut out = Effects::new();
    session.on_server(&header, &mut out);
    let piece = vec![0; 1 << 20];
    let mut left = 1_000_000_000_usize;
    while left > 0 {
        out.clear();
        let length = left.min(piece.len());
        let progress = session.on_server(&piece[..length], &mut out);
        assert_eq!(progress.consumed, length);
        let pieces: Vec<_> = out.to_client().collect();
        assert_eq!(pieces, [Piece::Input(0..length)]);
        left -= length;
    }
    assert!(session.at_boundary());
}

#[test]
fn a_burst_of_rows_is_one_write() {
    let mut session = started("Q(select 1)", &[]);
    let rows = bytes(Side::Server, "T D(1) D(2) D(3) C(SELECT 3) Z(I)");
    let mut out = Effects::new();
    session.on_server(&rows, &mut out);
    let pieces: Vec<_> = out.to_client().collect();
    assert_eq!(pieces, [Piece::Input(0..rows.len())]);
}

#[test]
fn broken_frames_end_the_session_with_a_fatal() {
    for input in [
        b"Q\0\0\0\x03".to_vec(),
        b"Q\xff\xff\xff\xff".to_vec(),
        frame(b'p', b"secret\0"),
        frame(b'!', b""),
    ] {
        let mut session = session();
        let mut out = Effects::new();
        let progress = session.on_client(&input, &mut out);
        assert!(matches!(
            progress.want,
            Want::Close(CloseReason::ProtocolViolation)
        ));
        let mut said = Vec::new();
        write(out.to_client(), &[], &mut said);
        assert_eq!(spell(Side::Server, &said), "FATAL(08P01)");
    }
}

#[test]
fn a_name_without_end_is_refused() {
    let long = "x".repeat(2 * MAX_HEAD);
    for message in [
        format!("B({long},)"),
        format!("P({long},select 1)"),
        format!("E({long})"),
        format!("DS({long})"),
        format!("CP({long})"),
    ] {
        let mut session = session();
        session.attach(fresh());
        let input = bytes(Side::Client, &message);
        let mut out = Effects::new();
        let progress = session.on_client(&input[..MAX_HEAD], &mut out);
        assert!(
            matches!(progress.want, Want::Close(CloseReason::NameTooLong)),
            "{message}"
        );
        let mut said = Vec::new();
        write(out.to_client(), &[], &mut said);
        assert_eq!(spell(Side::Server, &said), "FATAL(54000)");
    }
}

#[test]
fn malformed_bodies_are_the_servers_to_refuse() {
    for tag in [b'P', b'B', b'D', b'E', b'C'] {
        let mut session = session();
        session.attach(fresh());
        let input = [frame(tag, b"S"), frame(b'S', b"")].concat();
        let mut out = Effects::new();
        let progress = session.on_client(&input, &mut out);
        assert_eq!(progress.consumed, input.len());
        out.clear();
        let answer = bytes(Side::Server, "E(08P01) Z(I)");
        let event = session.on_server(&answer, &mut out).event;
        assert!(matches!(event, ServerEvent::Release(_)), "{}", tag as char);
    }
}

#[test]
fn a_session_without_a_connection_is_small() {
    assert!(
        std::mem::size_of::<Session>() <= 416,
        "{}",
        std::mem::size_of::<Session>()
    );
}
