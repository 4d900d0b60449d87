//! Properties: behind the proxy every client sees what it would see alone, and nothing leaks.

use proptest::prelude::*;

use super::messages::{Side, bytes, spell};
use super::rig::{fresh, table, write};
use super::simulator::Simulator;
use crate::Effects;
use crate::postgres::{Clean, Cleanup, CleanupEvent, Farewell, ServerEvent, ServerState, Session};
use crate::postgres::{SessionConfig, Want, fuzz};

const STATEMENTS: [&str; 24] = [
    "select 1",
    "select 1, 2",
    "select 1/0",
    "selec",
    "begin",
    "begin",
    "commit",
    "commit",
    "rollback",
    "set work_mem = 7",
    "set local work_mem = 9",
    "set timezone = 'CET'",
    "create temp table t (a int)",
    "listen c",
    "unlisten *",
    "select pg_advisory_lock(1)",
    "select pg_advisory_lock(1), 1/0",
    "select nextval('s')",
    "prepare x as select 1",
    "deallocate x",
    "deallocate all",
    "discard all",
    "copy t to stdout",
    "show all",
];

/// One thing a client does: some messages.
fn action() -> impl Strategy<Value = String> {
    let statement = || prop::sample::select(STATEMENTS.to_vec());
    let name = || prop::sample::select(vec!["", "", "s1", "s2"]);
    prop_oneof![
        6 => statement().prop_map(|sql| format!("Q({sql})")),
        2 => (statement(), statement()).prop_map(|(a, b)| format!("Q({a}; {b})")),
        1 => Just("Q()".to_owned()),
        6 => statement().prop_map(|sql| format!("P(,{sql}) B(,) DP() E() S")),
        2 => statement().prop_map(|sql| format!("P(,{sql}) B(,) E() H")),
        3 => (name(), statement()).prop_map(|(name, sql)| format!("P({name},{sql})")),
        3 => (name(), name()).prop_map(|(portal, name)| format!("B({portal},{name})")),
        2 => name().prop_map(|name| format!("DS({name})")),
        2 => (name(), 0..3).prop_map(|(name, rows)| format!("E({name},{rows})")),
        2 => name().prop_map(|name| format!("CS({name})")),
        1 => name().prop_map(|name| format!("CP({name})")),
        6 => Just("S".to_owned()),
        1 => Just("H".to_owned()),
        1 => Just("F(952)".to_owned()),
        2 => copy_in(),
        1 => prop::sample::select(vec!["d(1)", "c", "f(no)"]).prop_map(str::to_owned),
    ]
}

/// A COPY with its data, right or wrong, and now and then a Sync where it does not belong.
fn copy_in() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "Q(copy t from stdin)",
        "Q(select 1; copy t from stdin; select 1)",
        "P(,copy t from stdin) B(,) E()",
        "P(,copy t from stdin) B(,) E() S",
    ]);
    let data = prop::sample::select(vec!["d(1)", "d(1) d(2)", "d(bad)", "d(1) S d(2)", "H"]);
    let end = prop::sample::select(vec!["c", "c S", "f(no) S", "c c"]);
    (start, data, end).prop_map(|(start, data, end)| format!("{start} {data} {end}"))
}

/// What happens next: whose turn it is and how many bytes move.
#[derive(Debug, Clone)]
struct Move {
    client: usize,
    side: Side,
    bytes: usize,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = (
        0..2_usize,
        prop::bool::ANY,
        prop_oneof![Just(1_usize), 2..9_usize, Just(1_000)],
    );
    let one = one.prop_map(|(client, from_client, bytes)| Move {
        client,
        side: if from_client {
            Side::Client
        } else {
            Side::Server
        },
        bytes,
    });
    prop::collection::vec(one, 0..120)
}

/// A client: its session, what it has yet to send, what it has been told.
struct Client {
    session: Session,
    script: Vec<u8>,
    arrived: Vec<u8>,
    from_server: Vec<u8>,
    told: Vec<u8>,
    link: Option<usize>,
    over: bool,
}

/// Two clients, and servers made whenever none is idle.
struct World {
    clients: Vec<Client>,
    servers: Vec<Simulator>,
    idle: Vec<(usize, ServerState)>,
}

impl World {
    fn new(scripts: &[Vec<u8>]) -> Self {
        let table = table();
        let clients = scripts
            .iter()
            .zip(1..)
            .map(|(script, id)| Client {
                session: Session::new(
                    SessionConfig {
                        id,
                        max_remembered_unnamed: 40,
                        process_id: 1,
                    },
                    table.clone(),
                ),
                script: script.clone(),
                arrived: Vec::new(),
                from_server: Vec::new(),
                told: Vec::new(),
                link: None,
                over: false,
            })
            .collect();
        Self {
            clients,
            servers: Vec::new(),
            idle: Vec::new(),
        }
    }

    fn make(&mut self, step: &Move) {
        match step.side {
            Side::Client => {
                let client = &mut self.clients[step.client];
                let length = step.bytes.min(client.script.len());
                let piece: Vec<u8> = client.script.drain(..length).collect();
                client.arrived.extend(piece);
                self.client(step.client);
            }
            Side::Server => {
                self.server(step.client, step.bytes);
                self.client(step.client);
            }
        }
    }

    fn client(&mut self, who: usize) {
        while !self.clients[who].over {
            let mut out = Effects::new();
            let client = &mut self.clients[who];
            let input = std::mem::take(&mut client.arrived);
            let progress = client.session.on_client(&input, &mut out);
            client.arrived = input[progress.consumed..].to_vec();
            write(out.to_client(), &[], &mut client.told);
            let mut sent = Vec::new();
            write(out.to_server(), &input, &mut sent);
            if let Some(link) = client.link {
                self.servers[link].receive(&sent);
            } else {
                assert_eq!(sent, b"", "bytes for no server");
            }
            match progress.want {
                Want::More | Want::Replies => return,
                Want::Server => {
                    let (link, state) = self.idle.pop().unwrap_or_else(|| {
                        self.servers.push(Simulator::new());
                        (self.servers.len() - 1, fresh())
                    });
                    self.clients[who].link = Some(link);
                    self.clients[who].session.attach(state);
                }
                Want::Release(clean) => self.release(who, clean),
                Want::Close(reason) => panic!("closed: {reason:?}"),
            }
        }
    }

    fn server(&mut self, who: usize, most: usize) {
        let Some(link) = self.clients[who].link else {
            return;
        };
        let client = &mut self.clients[who];
        client.from_server.extend(self.servers[link].take(most));
        let mut out = Effects::new();
        let input = std::mem::take(&mut client.from_server);
        let progress = client.session.on_server(&input, &mut out);
        client.from_server = input[progress.consumed..].to_vec();
        write(out.to_client(), &input, &mut client.told);
        match progress.event {
            ServerEvent::More => {}
            ServerEvent::Release(clean) => self.release(who, clean),
            ServerEvent::ServerFatal => {
                assert!(
                    self.servers[link].is_dead(),
                    "a live server was called dead"
                );
                client.over = true;
                client.link = None;
            }
            ServerEvent::OutOfSync => {
                let told = spell_whole(&client.told);
                panic!("out of sync at {input:?} after {told}");
            }
        }
    }

    fn release(&mut self, who: usize, clean: Clean) {
        let link = self.clients[who].link.take().expect("a link to release");
        self.park(link, clean);
    }

    fn park(&mut self, link: usize, clean: Clean) {
        if let Some(dirt) = self.servers[link].dirt() {
            panic!("called clean: {dirt}");
        }
        self.idle.push((link, clean.into_state()));
    }

    /// Lets everything arrive.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            for who in 0..self.clients.len() {
                let all = usize::MAX;
                self.make(&Move {
                    client: who,
                    side: Side::Client,
                    bytes: all,
                });
                self.make(&Move {
                    client: who,
                    side: Side::Server,
                    bytes: all,
                });
            }
            let quiet = self.clients.iter().all(|client| {
                let server = client
                    .link
                    .is_some_and(|link| self.servers[link].has_sent());
                client.over || (client.script.is_empty() && !server)
            });
            if quiet {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    /// Every client goes; what they leave is cleaned up.
    fn everybody_goes(&mut self) {
        for who in 0..self.clients.len() {
            let link = self.clients[who].link.take();
            match (self.clients[who].session.on_client_gone(), link) {
                (Farewell::Nothing | Farewell::CloseServer { .. }, _) => {}
                (Farewell::Clean(clean), Some(link)) => self.park(link, clean),
                (Farewell::Cleanup(cleanup), Some(link)) => self.clean_up(cleanup, link),
                (farewell, None) => panic!("no link but {farewell:?}"),
            }
        }
    }

    fn clean_up(&mut self, mut cleanup: Cleanup, link: usize) {
        let discard = cleanup.bytes().to_ascii_lowercase();
        // The simulator knows statements in lower case, and tags in upper.
        let query: Vec<u8> = discard
            .iter()
            .map(|byte| if *byte == b'q' { b'Q' } else { *byte })
            .collect();
        self.servers[link].receive(&query);
        loop {
            let input = self.servers[link].take(usize::MAX);
            let progress = cleanup.on_server(&input);
            assert_eq!(progress.consumed, input.len());
            match progress.event {
                CleanupEvent::More(more) => cleanup = more,
                CleanupEvent::Clean(clean) => return self.park(link, clean),
                CleanupEvent::Failed => panic!("the cleanup failed"),
            }
            assert!(
                self.servers[link].has_sent(),
                "the cleanup waits for nothing"
            );
        }
    }
}

/// What a client sees that has a server of its own.
fn alone(script: &[u8]) -> Vec<u8> {
    let mut server = Simulator::new();
    server.receive(script);
    server.take(usize::MAX)
}

/// Spells bytes that may end in the middle of a message.
fn spell_whole(bytes: &[u8]) -> String {
    let mut end = 0;
    while let Some(header) = bytes.get(end..end + 5) {
        let next = end + 1 + u32::from_be_bytes(header[1..].try_into().unwrap()) as usize;
        if next > bytes.len() {
            break;
        }
        end = next;
    }
    spell(Side::Server, &bytes[..end])
}

fn play(scripts: &[String], moves: &[Move]) {
    let scripts: Vec<_> = scripts
        .iter()
        // The end of any COPY, and a Sync: the server keeps its replies back until one of them.
        .map(|script| bytes(Side::Client, &format!("{script} c S")))
        .collect();
    let mut world = World::new(&scripts);
    for step in moves {
        world.make(step);
    }
    world.settle();
    for (client, script) in world.clients.iter().zip(&scripts) {
        let expected = spell(Side::Server, &alone(script));
        assert_eq!(spell(Side::Server, &client.told), expected);
        assert!(client.over || client.arrived.is_empty(), "left unread");
    }
    world.everybody_goes();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever two clients send, however it is cut and interleaved, each sees what it would see alone,
    /// and no connection changes hands with anything left on it.
    #[test]
    fn the_proxy_cannot_be_seen(
        first in prop::collection::vec(action(), 0..14),
        second in prop::collection::vec(action(), 0..14),
        moves in moves(),
    ) {
        play(&[first.join(" "), second.join(" ")], &moves);
    }

    #[test]
    fn any_client_bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::fuzz_client(&data);
    }

    #[test]
    fn any_bytes_from_both_sides_are_survived(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::fuzz_both(&data);
    }

    /// As above, with bytes that are mostly messages.
    #[test]
    fn broken_conversations_are_survived(
        pieces in prop::collection::vec(piece(), 0..40),
    ) {
        fuzz::fuzz_client(&pieces.iter().filter(|(side, _)| *side == Side::Client)
            .flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>());
        let both: Vec<u8> = pieces.into_iter().flat_map(|(side, mut bytes)| {
            bytes.truncate(254);
            let length = u8::try_from(bytes.len()).unwrap();
            // The parity of the length says whose bytes they are.
            let wanted = u8::from(side == Side::Server);
            if length % 2 != wanted {
                bytes.push(0);
            }
            let length = u8::try_from(bytes.len()).unwrap();
            [vec![length], bytes].concat()
        }).collect();
        fuzz::fuzz_both(&both);
    }

    #[test]
    fn any_answer_to_a_keepalive_is_survived(data in prop::collection::vec(any::<u8>(), 0..100)) {
        fuzz::fuzz_cleanup(&data);
    }
}

/// A message of either side, sometimes with a byte changed.
fn piece() -> impl Strategy<Value = (Side, Vec<u8>)> {
    let reply = prop::sample::select(vec![
        "1",
        "2",
        "3",
        "t",
        "T",
        "n",
        "D",
        "C(SELECT 1)",
        "C(SET)",
        "C(DISCARD ALL)",
        "I",
        "s",
        "G",
        "H",
        "d(x)",
        "c",
        "V",
        "N",
        "A",
        "S(TimeZone=CET)",
        "E(42601)",
        "FATAL(57P01)",
        "Z(I)",
        "Z(T)",
        "Z(E)",
    ]);
    let message = prop_oneof![
        action().prop_map(|text| (Side::Client, bytes(Side::Client, &text))),
        reply.prop_map(|text| (Side::Server, bytes(Side::Server, text))),
    ];
    (
        message,
        prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>())),
    )
        .prop_map(|((side, mut bytes), change)| {
            if let Some((at, byte)) = change {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            (side, bytes)
        })
}
