//! A few clients on fewer server connections, in an order that the fuzzer's bytes decide.
//!
//! The servers answer as PostgreSQL would, with failures where the bytes say so, and now and then a byte of
//! either side is spoilt. What must hold: nothing panics, a connection is called clean only when its server
//! has nothing left to read, to say or to end, and no answer to a query of our own reaches a client.

mod server;

use super::{check, state};
use crate::postgres::{
    Clean, Cleanup, CleanupEvent, Farewell, ServerEvent, ServerState, Session, SessionConfig, Want,
};
use crate::{Effects, Piece};
use server::{Server, Trust, message};

const CLIENTS: u8 = 3;
const SERVERS: usize = 2;

/// Marks the answers to queries that no client has sent.
const OURS: &[u8] = b"OURS";

const TEXTS: [&[u8]; 20] = [
    b"select 1",
    b"bad",
    b"begin",
    b"commit",
    b"rollback",
    b"set work_mem = 7",
    b"set local work_mem = 8",
    b"set role alice",
    b"reset all",
    b"reset role",
    b"set timezone = 'CET'",
    b"discard all",
    b"listen c",
    b"select pg_advisory_lock(1)",
    b"create temp table t (i int)",
    b"prepare q as select 1",
    b"execute q",
    b"deallocate all",
    b"copy t from stdin",
    b"",
];

const NAMES: [&[u8]; 3] = [b"", b"s1", b"s2"];

/// The fuzzer's bytes, read as decisions.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Zero when there are no more.
    fn byte(&mut self) -> u8 {
        self.next().unwrap_or_default()
    }

    fn one_in(&mut self, count: u8) -> bool {
        self.byte().checked_rem(count) == Some(1)
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        from.get(usize::from(self.byte()).checked_rem(from.len())?)
    }
}

/// Any conversations of three clients with two servers.
pub fn fuzz_crowd(data: &[u8]) {
    let mut choices = Choices(data);
    let mut crowd = Crowd::new();
    while let Some(choice) = choices.next() {
        let who = usize::from(choice % CLIENTS);
        match choice / CLIENTS % 12 {
            0..5 => crowd.speak(who, &mut choices),
            5..10 => crowd.hear(who, &mut choices),
            10 => crowd.leave(who, &mut choices),
            _ => crowd.spoil(who, &mut choices),
        }
    }
    for who in 0..usize::from(CLIENTS) {
        crowd.hear(who, &mut choices);
        crowd.leave(who, &mut choices);
    }
}

struct Client {
    session: Session,
    said: Vec<u8>,
    heard: Vec<u8>,
    /// Bytes of the server that were not understood yet.
    unread: Vec<u8>,
    server: Option<usize>,
    /// What it says may mean something else to the session than to us.
    spoilt: bool,
}

impl Client {
    fn new(id: u64) -> Self {
        let session = Session::new(
            SessionConfig {
                id,
                max_remembered_unnamed: 64,
                process_id: 1,
            },
            super::table(),
        );
        Self {
            session,
            said: Vec::new(),
            heard: Vec::new(),
            unread: Vec::new(),
            server: None,
            spoilt: false,
        }
    }
}

struct Crowd {
    clients: Vec<Client>,
    servers: Vec<Server>,
    idle: Vec<(usize, ServerState)>,
    born: u64,
}

impl Crowd {
    fn new() -> Self {
        let clients = (0..u64::from(CLIENTS)).map(Client::new).collect();
        Self {
            clients,
            servers: Vec::new(),
            idle: Vec::new(),
            born: u64::from(CLIENTS),
        }
    }

    /// A client says something, perhaps only in part.
    fn speak(&mut self, who: usize, choices: &mut Choices<'_>) {
        let said = utterance(choices);
        let Some(client) = self.clients.get_mut(who) else {
            return;
        };
        client.said.extend(said);
        self.go_on(who, choices);
    }

    /// The session looks at what its client has said.
    fn go_on(&mut self, who: usize, choices: &mut Choices<'_>) {
        loop {
            let Some(client) = self.clients.get_mut(who) else {
                return;
            };
            let mut effects = Effects::new();
            let input = std::mem::take(&mut client.said);
            let progress = client.session.on_client(&input, &mut effects);
            check(&effects, &input, progress.consumed);
            client.said = input.get(progress.consumed..).unwrap_or_default().to_vec();
            self.perform(who, &effects, (&input, &[]), choices);
            match progress.want {
                Want::More | Want::Replies => return,
                Want::Server => {
                    let Some((server, state)) = self.borrow(choices) else {
                        return;
                    };
                    if let Some(client) = self.clients.get_mut(who) {
                        client.session.attach(state);
                        client.server = Some(server);
                    }
                }
                Want::Release(clean) => self.release(who, clean),
                Want::Close(_) => return self.leave(who, choices),
            }
        }
    }

    /// Writes what is to be written to both sides.
    fn perform(
        &mut self,
        who: usize,
        effects: &Effects,
        (from_client, from_server): (&[u8], &[u8]),
        choices: &mut Choices<'_>,
    ) {
        let Some(client) = self.clients.get_mut(who) else {
            return;
        };
        let told = gather(effects.to_client(), from_server);
        client.heard.extend(told);
        let leak = client.heard.windows(OURS.len()).any(|bytes| bytes == OURS);
        assert!(!leak, "an answer to a query of our own reached a client");
        // What is left may be the beginning of the mark.
        let keep = client.heard.len().saturating_sub(OURS.len());
        client.heard.drain(..keep);
        let sent = gather(effects.to_server(), from_client);
        match client
            .server
            .and_then(|server| self.servers.get_mut(server))
        {
            Some(server) => {
                if client.spoilt {
                    server.lose(Trust::Spoilt);
                }
                server.receive(&sent, choices);
            }
            None => assert!(sent.is_empty(), "bytes for no server"),
        }
    }

    /// A part of what the server has sent arrives.
    fn hear(&mut self, who: usize, choices: &mut Choices<'_>) {
        let most = match choices.byte() % 4 {
            0 => 1,
            1 => 7,
            _ => usize::MAX,
        };
        let Some(client) = self.clients.get_mut(who) else {
            return;
        };
        let Some(number) = client.server else {
            return self.go_on(who, choices);
        };
        let Some(server) = self.servers.get_mut(number) else {
            return;
        };
        let length = most.min(server.sent.len());
        client.unread.extend(server.sent.drain(..length));
        let mut effects = Effects::new();
        let input = std::mem::take(&mut client.unread);
        let progress = client.session.on_server(&input, &mut effects);
        check(&effects, &input, progress.consumed);
        client.unread = input.get(progress.consumed..).unwrap_or_default().to_vec();
        self.perform(who, &effects, (&[], &input), choices);
        match progress.event {
            ServerEvent::More => self.go_on(who, choices),
            ServerEvent::Release(clean) => {
                self.release(who, clean);
                self.go_on(who, choices);
            }
            ServerEvent::ServerFatal | ServerEvent::OutOfSync => {
                let believable = self.servers.get(number).is_some_and(Server::can_be_doubted);
                assert!(believable, "a server that did nothing wrong is out of sync");
                self.leave(who, choices);
            }
        }
    }

    /// The client is gone, and another one comes.
    fn leave(&mut self, who: usize, choices: &mut Choices<'_>) {
        self.born = self.born.saturating_add(1);
        let newcomer = Client::new(self.born);
        let Some(client) = self.clients.get_mut(who) else {
            return;
        };
        let mut client = std::mem::replace(client, newcomer);
        let unread = !client.unread.is_empty();
        match (client.session.on_client_gone(), client.server) {
            (Farewell::Clean(clean), Some(server)) => self.park(server, clean),
            (Farewell::Cleanup(cleanup), Some(server)) if !unread => {
                self.clean_up(cleanup, server, choices);
            }
            (Farewell::Cleanup(_) | Farewell::CloseServer { .. }, Some(server)) => {
                self.close(server);
            }
            (Farewell::Nothing, Some(server)) => self.close(server),
            (farewell, None) => assert!(
                matches!(farewell, Farewell::Nothing | Farewell::CloseServer { .. }),
                "a connection from nowhere"
            ),
        }
    }

    fn clean_up(&mut self, mut cleanup: Cleanup, number: usize, choices: &mut Choices<'_>) {
        let mut unread = Vec::new();
        if let Some(server) = self.servers.get_mut(number) {
            server.receive(cleanup.bytes(), choices);
        }
        for _ in 0..10_000 {
            let Some(server) = self.servers.get_mut(number) else {
                return;
            };
            if server.sent.is_empty() {
                break;
            }
            unread.push(server.sent.remove(0));
            let progress = cleanup.on_server(&unread);
            unread.drain(..progress.consumed);
            match progress.event {
                CleanupEvent::More(more) => cleanup = more,
                CleanupEvent::Clean(clean) => return self.park(number, clean),
                CleanupEvent::Failed => break,
            }
        }
        self.close(number);
    }

    /// Spoils a byte on its way.
    fn spoil(&mut self, who: usize, choices: &mut Choices<'_>) {
        let value = choices.byte();
        let Some(client) = self.clients.get_mut(who) else {
            return;
        };
        let server = client
            .server
            .and_then(|server| self.servers.get_mut(server));
        let bytes = match server {
            Some(server) if value.is_multiple_of(2) => {
                server.lose(Trust::Spoilt);
                &mut server.sent
            }
            Some(_) | None => {
                client.spoilt = true;
                &mut client.said
            }
        };
        let at = usize::from(choices.byte());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
    }

    fn borrow(&mut self, choices: &mut Choices<'_>) -> Option<(usize, ServerState)> {
        if !self.idle.is_empty() {
            let at = usize::from(choices.byte()).checked_rem(self.idle.len())?;
            return Some(self.idle.remove(at));
        }
        let open = self
            .servers
            .iter()
            .filter(|server| server.trust != Trust::Dead)
            .count();
        if open >= SERVERS {
            return None;
        }
        self.servers.push(Server::default());
        Some((self.servers.len().saturating_sub(1), state()))
    }

    fn release(&mut self, who: usize, clean: Clean) {
        let Some(client) = self.clients.get_mut(who) else {
            return;
        };
        let server = client.server.take().expect("released what it had");
        assert!(client.unread.is_empty(), "released with bytes unread");
        self.park(server, clean);
    }

    fn park(&mut self, number: usize, clean: Clean) {
        let Some(server) = self.servers.get(number) else {
            return;
        };
        if server.trust >= Trust::Spoilt {
            return self.close(number);
        }
        let unrest = server.unrest();
        assert!(unrest.is_none(), "called clean: {unrest:?}");
        self.idle.push((number, clean.into_state()));
    }

    fn close(&mut self, number: usize) {
        if let Some(server) = self.servers.get_mut(number) {
            server.lose(Trust::Dead);
        }
    }
}

fn gather<'a>(pieces: impl Iterator<Item = Piece<'a>>, input: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Input(range) => bytes.extend(input.get(range).unwrap_or_default()),
            Piece::Injected(injected) => bytes.extend(injected),
        }
    }
    bytes
}

/// Some messages of a client.
fn utterance(choices: &mut Choices<'_>) -> Vec<u8> {
    let text = choices.pick(&TEXTS).copied().unwrap_or_default();
    let name = choices.pick(&NAMES).copied().unwrap_or_default();
    let parse = message(b'P', &[name, b"\0", text, b"\0\0\0"]);
    let bind = message(b'B', &[b"\0", name, b"\0\0\0\0\0\0\0"]);
    let execute = message(b'E', &[b"\0\0\0\0\0"]);
    let sync = message(b'S', &[]);
    match choices.byte() % 14 {
        0..3 => message(b'Q', &[text, b"\0"]),
        3..5 => [parse, bind, execute, sync].concat(),
        5 => [parse, sync].concat(),
        6 => [bind, execute, sync].concat(),
        7 => [message(b'D', &[b"S", name, b"\0"]), sync].concat(),
        8 => message(b'C', &[b"S", name, b"\0"]),
        9 => [parse, bind, execute, message(b'H', &[])].concat(),
        10 => sync,
        11 => message(b'F', &[&[0; 10]]),
        12 => [message(b'd', &[b"x"]), message(b'c', &[])].concat(),
        _ => [message(b'f', &[b"no\0"]), sync].concat(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fuzz_crowd;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 1500,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn crowds_are_survived(data in prop::collection::vec(any::<u8>(), 0..700)) {
            fuzz_crowd(&data);
        }
    }
}
