//! Stored code: when the catalogue is asked, who waits for it, and what is asked about afterwards.

use std::sync::Arc;

use super::messages::{Side, bytes, row, spell};
use super::rig::{fresh, table, write};
use crate::postgres::{Clean, RoutineBook, ServerEvent, ServerState, Session, SessionConfig, Want};
use crate::{Effects, PinReason};

/// A session, and what it said last.
struct Talk {
    session: Session,
    waiting: Vec<u8>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

/// What the session waits for.
#[derive(Debug, PartialEq, Eq)]
enum Waits {
    Client,
    Replies,
    Server,
}

impl Talk {
    fn new(state: ServerState) -> Self {
        let config = SessionConfig {
            id: 1,
            max_remembered_unnamed: 100,
            process_id: 1,
        };
        let mut session = Session::new(config, table());
        session.attach(state);
        Self {
            session,
            waiting: Vec::new(),
            to_server: Vec::new(),
            to_client: Vec::new(),
        }
    }

    fn client(&mut self, messages: &str) -> Waits {
        self.waiting.extend(bytes(Side::Client, messages));
        self.to_server.clear();
        self.go_on()
    }

    fn go_on(&mut self) -> Waits {
        let mut out = Effects::new();
        let progress = self.session.on_client(&self.waiting, &mut out);
        write(out.to_server(), &self.waiting, &mut self.to_server);
        self.waiting.drain(..progress.consumed);
        match progress.want {
            Want::Replies => Waits::Replies,
            Want::Server => Waits::Server,
            Want::More | Want::Release(_) | Want::Close(_) => Waits::Client,
        }
    }

    /// The server answers; the connection, if it is given back.
    fn server(&mut self, answer: &[u8]) -> Option<Clean> {
        let mut out = Effects::new();
        self.to_server.clear();
        self.to_client.clear();
        let progress = self.session.on_server(answer, &mut out);
        assert_eq!(progress.consumed, answer.len());
        write(out.to_server(), answer, &mut self.to_server);
        write(out.to_client(), answer, &mut self.to_client);
        match progress.event {
            ServerEvent::Release(clean) => Some(clean),
            ServerEvent::More => None,
            event @ (ServerEvent::ServerFatal | ServerEvent::OutOfSync) => panic!("{event:?}"),
        }
    }

    fn asks_catalogue(&self) -> bool {
        String::from_utf8_lossy(&self.to_server).contains("pg_catalog.pg_proc")
    }

    fn sent(&self) -> String {
        spell(Side::Client, &self.to_server)
    }
}

fn columns(values: [&str; 5]) -> Vec<u8> {
    row(&values.map(|value| (!value.is_empty()).then(|| value.to_owned())))
}

fn fingerprint(value: &str) -> Vec<u8> {
    columns([value, "", "", "", ""])
}

fn done() -> Vec<u8> {
    bytes(Side::Server, "C(SET) C(SET) C(SET) C(SELECT 1) Z(I)")
}

fn setter() -> Vec<u8> {
    let body = "select set_config('app.tenant', $1, false)";
    columns(["", "set_tenant", "sql", "n", body])
}

/// A book that says what `set_tenant` does, by way of a session that has read it.
fn read_book() -> (Arc<RoutineBook>, ServerState) {
    let book = Arc::new(RoutineBook::new());
    let mut talk = Talk::new(fresh().with_routines(Arc::clone(&book)));
    assert_eq!(talk.client("Q(select 1)"), Waits::Replies);
    assert!(talk.asks_catalogue());
    talk.server(&[fingerprint("one"), setter(), done()].concat());
    assert!(talk.sent().contains("m(set_tenant)"), "{}", talk.sent());
    talk.server(&done());
    talk.to_server.clear();
    assert_eq!(talk.go_on(), Waits::Client);
    assert_eq!(talk.sent(), "Q(select 1)");
    let clean = talk.server(&bytes(Side::Server, "C(SELECT 1) Z(I)"));
    (book, clean.expect("nothing to ask").into_state())
}

#[test]
fn the_client_waits_until_the_catalogue_is_read() {
    let book = Arc::new(RoutineBook::new());
    let mut talk = Talk::new(fresh().with_routines(book));
    assert_eq!(talk.client("Q(select set_tenant('a'))"), Waits::Replies);
    assert!(talk.asks_catalogue());
    assert!(!talk.sent().contains("set_tenant('a')"));
    assert!(
        talk.server(&[fingerprint("one"), setter(), done()].concat())
            .is_none()
    );
    assert!(talk.to_client.is_empty());
    assert_eq!(talk.client(""), Waits::Replies);
    assert!(talk.server(&done()).is_none());
    talk.to_server.clear();
    assert_eq!(talk.go_on(), Waits::Client);
    assert_eq!(talk.sent(), "Q(select set_tenant('a'))");
    assert!(
        talk.server(&bytes(Side::Server, "C(SELECT 1) Z(I)"))
            .is_none()
    );
    assert_eq!(talk.sent(), "ASK(app.tenant)");
    let answer = [row(&[Some("a".to_owned())]), done()].concat();
    assert!(talk.server(&answer).is_some());
    assert_eq!(talk.session.pins().count(), 0);
}

#[test]
fn a_book_that_is_read_costs_nothing() {
    let (book, state) = read_book();
    let mut talk = Talk::new(state);
    assert_eq!(talk.client("Q(select 1)"), Waits::Client);
    assert_eq!(talk.sent(), "Q(select 1)");
    assert!(
        talk.server(&bytes(Side::Server, "C(SELECT 1) Z(I)"))
            .is_some()
    );
    // Another connection to the same database.
    let mut talk = Talk::new(fresh().with_routines(book));
    assert_eq!(
        talk.client("P(,select set_tenant('b')) B(,) E() S"),
        Waits::Client
    );
    assert!(!talk.asks_catalogue());
    assert!(
        talk.server(&bytes(Side::Server, "1 2 C(SELECT 1) Z(I)"))
            .is_none()
    );
    assert_eq!(talk.sent(), "ASK(app.tenant)");
}

#[test]
fn an_old_book_is_compared_first() {
    let (book, state) = read_book();
    book.mark_old();
    let mut talk = Talk::new(state);
    assert_eq!(talk.client("Q(select set_tenant('a'))"), Waits::Replies);
    assert!(talk.sent().contains("'one'"));
    // One asks for all.
    let mut other = Talk::new(fresh().with_routines(book));
    assert_eq!(other.client("Q(select 1)"), Waits::Client);
    assert!(
        talk.server(&[fingerprint("one"), done()].concat())
            .is_none()
    );
    talk.to_server.clear();
    assert_eq!(talk.go_on(), Waits::Client);
    assert!(
        talk.server(&bytes(Side::Server, "C(SELECT 1) Z(I)"))
            .is_none()
    );
    assert_eq!(talk.sent(), "ASK(app.tenant)", "its contents hold");
}

#[test]
fn what_was_changed_past_the_proxy_is_found_when_the_book_is_old() {
    let (book, state) = read_book();
    book.mark_old();
    let mut talk = Talk::new(state);
    assert_eq!(talk.client("Q(select set_tenant('a'))"), Waits::Replies);
    assert!(
        talk.server(&[fingerprint("two"), done()].concat())
            .is_none()
    );
    talk.to_server.clear();
    assert_eq!(talk.go_on(), Waits::Client);
    assert!(
        talk.server(&bytes(Side::Server, "C(SELECT 1) Z(I)"))
            .is_some()
    );
}

#[test]
fn a_catalogue_that_cannot_be_read_may_hold_anything() {
    let book = Arc::new(RoutineBook::new());
    let mut talk = Talk::new(fresh().with_routines(book));
    assert_eq!(talk.client("Q(select f())"), Waits::Replies);
    assert!(
        talk.server(&bytes(Side::Server, "C(SET) E(42501) Z(I)"))
            .is_none()
    );
    assert!(talk.to_client.is_empty());
    talk.to_server.clear();
    assert_eq!(talk.go_on(), Waits::Client);
    assert!(
        talk.server(&bytes(Side::Server, "C(SELECT 1) Z(I)"))
            .is_none()
    );
    assert_eq!(talk.sent(), "ASK(role;locks,temp,cursors,channels,list)");
}

#[test]
fn after_a_change_the_connection_stays_until_the_catalogue_is_read() {
    let (_, state) = read_book();
    let mut talk = Talk::new(state);
    let text = "Q(create function g() returns text language sql as 'x'; select g())";
    assert_eq!(talk.client(text), Waits::Client);
    let said = bytes(Side::Server, "C(CREATE FUNCTION) C(SELECT 1) Z(I)");
    assert!(talk.server(&said).is_none());
    assert_eq!(talk.to_client, said, "the client does not wait for it");
    assert!(talk.asks_catalogue());
    assert_eq!(
        talk.client("Q(select 2)"),
        Waits::Replies,
        "but what it sends does"
    );
    assert_eq!(talk.sent(), "");
    let body = "select set_config('app.made', 'x', false)";
    let made = columns(["", "g", "sql", "n", body]);
    talk.server(&[fingerprint("two"), setter(), made, done()].concat());
    assert!(talk.asks_catalogue(), "for callers");
    assert!(talk.server(&done()).is_none());
    assert_eq!(
        talk.sent(),
        "ASK(app.made)",
        "which was called before it was known"
    );
    let answer = [row(&[Some("x".to_owned())]), done()].concat();
    assert!(talk.server(&answer).is_some());
    assert_eq!(talk.go_on(), Waits::Server);
}

#[test]
fn another_connection_reads_what_was_changed_before_it_goes_on() {
    let (book, state) = read_book();
    let mut talk = Talk::new(state);
    assert_eq!(talk.client("Q(create view v as select 1)"), Waits::Client);
    assert!(
        talk.server(&bytes(Side::Server, "C(CREATE VIEW) Z(I)"))
            .is_none()
    );
    let mut other = Talk::new(fresh().with_routines(book));
    assert_eq!(other.client("Q(select * from v)"), Waits::Replies);
    assert!(other.asks_catalogue());
}

#[test]
fn a_client_that_leaves_during_the_question_costs_nobody_a_connection() {
    let (_, state) = read_book();
    let mut talk = Talk::new(state);
    assert_eq!(talk.client("Q(create view v as select 1)"), Waits::Client);
    assert!(
        talk.server(&bytes(Side::Server, "C(CREATE VIEW) Z(I)"))
            .is_none()
    );
    let farewell = talk.session.on_client_gone();
    assert!(
        matches!(farewell, crate::postgres::Farewell::Cleanup(_)),
        "{farewell:?}"
    );
}

/// A book with one routine, or expression, that is reached without a name; a text has run meanwhile.
fn reaches(language: &str, body: &str) -> Talk {
    let book = Arc::new(RoutineBook::new());
    let mut talk = Talk::new(fresh().with_routines(book));
    assert_eq!(talk.client("Q(insert into t values (1))"), Waits::Replies);
    let row = columns(["", "reached", language, "a", body]);
    talk.server(&[fingerprint("one"), row, done()].concat());
    talk.to_server.clear();
    assert_eq!(talk.go_on(), Waits::Client);
    talk
}

#[test]
fn code_that_executes_what_nobody_knows_pins_whoever_may_reach_it() {
    let mut talk = reaches("plpgsql", "begin execute new.q; return new; end");
    let said = bytes(Side::Server, "C(INSERT 0 1) Z(I)");
    assert!(talk.server(&said).is_none());
    assert!(talk.sent().starts_with("ASK("), "{}", talk.sent());
    let pins: Vec<_> = talk.session.pins().collect();
    assert_eq!(pins, [PinReason::SessionSetting]);
}

#[test]
fn code_that_is_proven_pins_nobody() {
    for body in [
        "begin execute format('insert into %I values ($1.*)', 'p_' || new.i) using new; return null; end",
        "begin execute 'analyze t'; return null; end",
    ] {
        let mut talk = reaches("plpgsql", body);
        let said = bytes(Side::Server, "C(INSERT 0 1) Z(I)");
        assert!(talk.server(&said).is_none());
        assert_eq!(talk.session.pins().count(), 0, "{body}");
    }
}
