//! Path `transaction`: the session's part in one simple query, from the client's bytes to the proof that its server
//! connection is clean.

use tollgate_session::{
    Effects,
    postgres::{ServerEvent, ServerState, Session, SessionConfig, StatementTable, TableSeed, Want},
};

const QUERY: &[u8] = b"Q\0\0\0\x3bSELECT abalance FROM pgbench_accounts WHERE aid = 4711;\0";
const REPLY: &[&[u8]] = &[
    b"T\0\0\0\x21\0\x01abalance\0\0\0\x40\0\0\x03\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0",
    b"D\0\0\0\x0b\0\x01\0\0\0\x010",
    b"C\0\0\0\x0dSELECT 1\0",
    b"Z\0\0\0\x05I",
];

/// Runs one transaction per call; returns 1 when the connection came back.
pub(crate) fn prepare() -> impl FnMut() -> usize {
    let config = SessionConfig {
        id: 1,
        max_remembered_unnamed: 64 * 1024,
        process_id: 1,
    };
    let mut session = Session::new(
        config,
        StatementTable::new(TableSeed {
            table: 0,
            tables: 1,
            key: 7,
        }),
    );
    let mut free = Some(ServerState::new([
        (&b"server_version"[..], &b"18.1"[..]),
        (b"standard_conforming_strings", b"on"),
        (b"client_encoding", b"UTF8"),
    ]));
    let reply = REPLY.concat();
    let mut effects = Effects::new();
    move || {
        let asked = session.on_client(QUERY, &mut effects);
        let (Want::Server, Some(state)) = (asked.want, free.take()) else {
            return 0;
        };
        session.attach(state);
        session.on_client(QUERY, &mut effects);
        effects.clear();
        let answered = session.on_server(std::hint::black_box(&reply), &mut effects);
        effects.clear();
        if let ServerEvent::Release(clean) = answered.event {
            free = Some(clean.into_state());
        }
        usize::from(free.is_some())
    }
}
