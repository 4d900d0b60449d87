//! Entry points for a fuzzer: any bytes from either side, no panic, and no effect outside the input.

use tollgate_sql::mysql::Server;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::status::StatusFlags;

use super::{
    Cleanup, CleanupEvent, Farewell, Killed, ServerConfig, ServerEvent, ServerState, Session,
    SessionConfig, VariableSets, Want,
};
use crate::{Effects, Piece};

/// Any bytes from both sides in turn: a length byte and that many bytes, for the client if the length is even.
pub fn fuzz_both(data: &[u8]) {
    let mut session = session();
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

fn capabilities() -> Capabilities {
    Capabilities::PROTOCOL_41
        | Capabilities::SESSION_TRACK
        | Capabilities::DEPRECATE_EOF
        | Capabilities::MULTI_STATEMENTS
}

fn session() -> Session {
    Session::new(SessionConfig {
        connection_id: 42,
        capabilities: capabilities().without(Capabilities::DEPRECATE_EOF),
        server: Server::MySql { version: 90_700 },
        schema: Vec::new(),
        collation: 45,
        status: StatusFlags::AUTOCOMMIT,
        variable_sets: VariableSets::Pin,
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
