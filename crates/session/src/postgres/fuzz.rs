//! Entry points for a fuzzer: any bytes from either side, no panic, and no effect outside the input.

mod crowd;

pub use crowd::fuzz_crowd;

use super::{
    Cleanup, CleanupEvent, Farewell, MAX_WHOLE, ServerEvent, ServerState, Session, SessionConfig,
    StatementTable, TableSeed, Want,
};
use crate::{Effects, Piece};

/// Any bytes as the client's, with a server connection whenever one is wanted.
pub fn fuzz_client(data: &[u8]) {
    let mut session = session();
    let mut effects = Effects::new();
    let mut start = 0_usize;
    loop {
        effects.clear();
        let input = data.get(start..).unwrap_or_default();
        let progress = session.on_client(input, &mut effects);
        check(&effects, input, progress.consumed);
        start = start.saturating_add(progress.consumed);
        match progress.want {
            Want::Server => session.attach(state()),
            Want::Release(_) => {}
            Want::More => {
                let waits_for = data.len().saturating_sub(start);
                assert!(waits_for < MAX_WHOLE, "keeps {waits_for} bytes waiting");
                break;
            }
            Want::Replies | Want::Close(_) => break,
        }
    }
    drop(session.on_client_gone());
}

/// Any bytes from both sides in turn: a length byte and that many bytes, for the client if the length is
/// even.
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
                Want::More | Want::Replies | Want::Release(_) => {}
                Want::Close(_) => break,
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
        assert_eq!(
            progress.consumed,
            data.len(),
            "unread bytes on a clean connection"
        );
    }
}

fn session() -> Session {
    let config = SessionConfig {
        id: 1,
        max_remembered_unnamed: 64,
        process_id: 1,
    };
    Session::new(config, table())
}

fn table() -> StatementTable {
    StatementTable::new(TableSeed {
        table: 0,
        tables: 1,
        key: 0,
    })
}

fn state() -> ServerState {
    ServerState::new([(&b"client_encoding"[..], &b"UTF8"[..])])
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
