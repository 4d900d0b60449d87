//! Path `difference`: two clients with settings of their own take turns on one server connection, so that before
//! every query the difference between their settings is worked out and sent.

use tollgate_session::{
    Effects, Piece,
    postgres::{ServerEvent, ServerState, Session, SessionConfig, StatementTable, TableSeed, Want},
};

const QUERY: &[u8] = b"Q\0\0\0\x0dSELECT 1\0";
const READY: &[u8] = b"Z\0\0\0\x05I";

struct Turn {
    session: Session,
    /// What the server reports when the settings change.
    reports: Vec<u8>,
}

/// Whether the difference went to the server in front of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replay {
    Sent,
    Needless,
}

/// One client's turn per call; returns 1 when a difference was sent and the connection came back.
pub(crate) fn prepare() -> impl FnMut() -> usize {
    let mut free = Some(ServerState::new([
        (&b"TimeZone"[..], &b"UTC"[..]),
        (b"DateStyle", b"ISO, MDY"),
        (b"application_name", b""),
        (b"standard_conforming_strings", b"on"),
        (b"client_encoding", b"UTF8"),
    ]));
    let mut effects = Effects::new();
    let mut turns =
        [("Europe/Oslo", "ISO, DMY"), ("Asia/Tokyo", "SQL, MDY")].map(|(zone, style)| Turn {
            session: session(zone),
            reports: [status("TimeZone", zone), status("DateStyle", style)].concat(),
        });
    for (turn, text) in turns.iter_mut().zip([
        "SET timezone TO 'Europe/Oslo'; SET datestyle TO 'ISO, DMY'",
        "SET timezone TO 'Asia/Tokyo'; SET datestyle TO 'SQL, MDY'",
    ]) {
        let query = message(b'Q', &[text.as_bytes(), b"\0"].concat());
        turn.take(&query, &mut free, &mut effects);
    }
    let mut next = 1;
    move || {
        next = 1 - next;
        turns[next].take(std::hint::black_box(QUERY), &mut free, &mut effects)
    }
}

impl Turn {
    fn take(
        &mut self,
        query: &[u8],
        free: &mut Option<ServerState>,
        effects: &mut Effects,
    ) -> usize {
        let asked = self.session.on_client(query, effects);
        let (Want::Server, Some(state)) = (asked.want, free.take()) else {
            return 0;
        };
        self.session.attach(state);
        self.session.on_client(query, effects);
        let injected = |piece| matches!(piece, Piece::Injected(_));
        let replay = if effects.to_server().any(injected) {
            Replay::Sent
        } else {
            Replay::Needless
        };
        effects.clear();
        let answer = self.answer(query, replay);
        let answered = self.session.on_server(&answer, effects);
        effects.clear();
        if let ServerEvent::Release(clean) = answered.event {
            *free = Some(clean.into_state());
        }
        usize::from(free.is_some() && replay == Replay::Sent)
    }

    /// What the server says: to the difference, a block of four statements, and then to the query.
    fn answer(&self, query: &[u8], replay: Replay) -> Vec<u8> {
        let mut answer = Vec::new();
        if replay == Replay::Sent {
            answer.extend(["BEGIN", "SET", "SET", "COMMIT"].map(command).concat());
            answer.extend_from_slice(&self.reports);
            answer.extend_from_slice(READY);
        }
        if query == QUERY {
            answer.extend_from_slice(&command("SELECT 1"));
        } else {
            answer.extend(["SET", "SET"].map(command).concat());
            answer.extend_from_slice(&self.reports);
        }
        answer.extend_from_slice(READY);
        answer
    }
}

fn session(zone: &str) -> Session {
    let config = SessionConfig {
        id: u64::try_from(zone.len()).unwrap_or_default(),
        max_remembered_unnamed: 64 * 1024,
        process_id: 1,
    };
    let seed = TableSeed {
        table: 0,
        tables: 1,
        key: 7,
    };
    Session::new(config, StatementTable::new(seed))
}

fn command(tag: &str) -> Vec<u8> {
    message(b'C', &[tag.as_bytes(), b"\0"].concat())
}

fn status(name: &str, value: &str) -> Vec<u8> {
    message(
        b'S',
        &[name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat(),
    )
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[tag][..], &length.to_be_bytes(), body].concat()
}
