//! Entry points for a fuzzer: any bytes from either side, no panic, and no effect outside the input.

use tollgate_sql::mysql::{EffectSet, Mode, Server};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::status::StatusFlags;

use super::book::{Draft, Judged};
use super::plain::{clock, kills_itself, lock_call, source};
use super::{
    Cleanup, CleanupEvent, Farewell, Killed, ServerConfig, ServerEvent, ServerState, Session,
    SessionConfig, VariableSets, Want,
};
use crate::{Effects, Piece};

/// Any bytes from both sides in turn: a length byte and that many bytes, for the client if the length is even. Once for
/// each family.
pub fn fuzz_both(data: &[u8]) {
    fuzz_session(data, session(Server::MySql { version: 90_700 }));
    fuzz_session(data, session(Server::MariaDb { version: 101_118 }));
}

fn fuzz_session(data: &[u8], mut session: Session) {
    let mut effects = Effects::new();
    let (mut client, mut server) = (Vec::new(), Vec::new());
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first() {
        let taken = usize::from(*length).min(tail.len());
        let (piece, tail) = tail.split_at_checked(taken).unwrap_or((tail, &[]));
        rest = tail;
        effects.clear();
        if length % 2 == 0 {
            client.extend_from_slice(piece);
            let progress = session.on_client(&client, &mut effects);
            check(&effects, &client, progress.consumed);
            client.drain(..progress.consumed);
            match progress.want {
                Want::Server => session.attach(state()),
                Want::Kill(_) => session.killed(Killed::Done),
                Want::More | Want::Replies | Want::Release(_) => {}
                Want::Close(_) | Want::ChangeUser => break,
            }
        } else {
            server.extend_from_slice(piece);
            let progress = session.on_server(&server, &mut effects);
            check(&effects, &server, progress.consumed);
            server.drain(..progress.consumed);
            match progress.event {
                ServerEvent::More => {}
                ServerEvent::Release(_) => server.clear(),
                ServerEvent::ServerFatal | ServerEvent::OutOfSync => break,
            }
        }
    }
    if let Farewell::Cleanup(cleanup) = session.on_client_gone() {
        drop(cleanup.on_server(&server));
    }
}

/// Any bytes as the answer to a keepalive.
pub fn fuzz_cleanup(data: &[u8]) {
    let progress = Cleanup::keepalive(state()).on_server(data);
    assert!(progress.consumed <= data.len());
    if let CleanupEvent::Clean(_) = progress.event {
        assert_eq!(progress.consumed, data.len(), "unread bytes");
    }
}

/// Any bytes as a text of the client, and as rows of the catalogue.
pub fn fuzz_texts(data: &[u8]) {
    let mode = Mode::default();
    let (_, _, _, _) = (
        clock(data),
        source(data, mode),
        lock_call(data),
        kills_itself(mode.server, data),
    );
    let (row, text) = data.split_at_checked(data.len() / 2).unwrap_or_default();
    let mut packets = vec![Vec::new(); 5];
    packets.push(row.to_vec());
    for grants in [row, text] {
        let mut draft = Draft::default();
        draft.grants_told(Some(&[Vec::new(), Vec::new(), grants.to_vec()]));
        draft.triggers_told(Some(&packets));
        let book = draft.finish(mode.server, Some(&packets));
        let judged = Judged {
            text,
            mode,
            effects: EffectSet::WRITE,
            schema: Some(row),
        };
        let _reached = (book.reach(judged), book.reach_of_any(judged.effects));
    }
}

fn capabilities() -> Capabilities {
    Capabilities::PROTOCOL_41
        | Capabilities::SESSION_TRACK
        | Capabilities::DEPRECATE_EOF
        | Capabilities::MULTI_STATEMENTS
}

fn session(server: Server) -> Session {
    Session::new(SessionConfig {
        connection_id: 42,
        capabilities: capabilities().without(Capabilities::DEPRECATE_EOF),
        server,
        schema: Vec::new(),
        collation: 45,
        status: StatusFlags::AUTOCOMMIT,
        variable_sets: VariableSets::Pin,
        heritage: None,
        texts: crate::mysql::TextTable::default(),
    })
}

fn state() -> ServerState {
    ServerState::new(ServerConfig {
        capabilities: capabilities(),
        thread_id: 7,
        server: Server::MySql { version: 90_700 },
        schema: Vec::new(),
        max_statements: 2,
    })
}

/// Ranges stay inside what was consumed and in order.
fn check(effects: &Effects, input: &[u8], consumed: usize) {
    assert!(consumed <= input.len());
    for pieces in [effects.to_client(), effects.to_server()] {
        let mut last = 0;
        for piece in pieces {
            if let Piece::Input(range) = piece {
                assert!(range.start >= last && range.start < range.end && range.end <= consumed);
                last = range.end;
            }
        }
    }
}
