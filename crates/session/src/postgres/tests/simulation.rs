//! Properties: behind the proxy every client sees what it would see alone, and nothing leaks.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::messages::{Side, bytes, spell, words};
use super::rig::{defaults, fresh, other, table, write};
use super::simulator::Simulator;
use crate::Effects;
use crate::postgres::{Clean, Cleanup, CleanupEvent, Farewell, ServerEvent, ServerState, Session};
use crate::postgres::{SessionConfig, Want, fuzz};

const CLIENTS: usize = 3;

/// Conversations to try of every kind, unless `TOLLGATE_CASES` says how many: enough for what matters, and a
/// few seconds.
const CASES: u32 = 250;

const STATEMENTS: [&str; 45] = [
    "select 1",
    "select 1, 2",
    "select 1/0",
    "selec",
    "begin",
    "begin",
    "commit",
    "commit",
    "rollback",
    "savepoint s",
    "rollback to s",
    "release s",
    "set work_mem = 7MB",
    "set work_mem = 8MB",
    "set work_mem = bad",
    "set local work_mem = 9MB",
    "reset work_mem",
    "select set_config('work_mem', '5MB', false)",
    "select set_config('work_mem', '6MB', false), 1/0",
    "set app.user = 'me'",
    "set local app.user = 'you'",
    "reset app.user",
    "set timezone = 'CET'",
    "set timezone = 'EST'",
    "reset timezone",
    "set role other",
    "reset role",
    "reset all",
    "call p()",
    "create temp table t (a int)",
    "drop table t",
    "discard temp",
    "declare c cursor with hold for select 1",
    "close all",
    "listen c",
    "unlisten *",
    "select pg_advisory_lock(1)",
    "select pg_advisory_lock(1), 1/0",
    "select pg_advisory_unlock(1)",
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
        4 => Just("Q(show all)".to_owned()),
        2 => transaction(),
        2 => pipeline(),
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

/// Statements of one implicit transaction.
fn pipeline() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(STATEMENTS.to_vec());
    prop::collection::vec(statement, 2..5).prop_map(|statements| {
        let requests = statements.iter().map(|sql| format!("P(,{sql}) B(,) E()"));
        format!("{} S", requests.collect::<Vec<_>>().join(" "))
    })
}

/// What client number `who` does with sequences, if it reads them `reads` times as often as it moves
/// them.
fn sequences(who: usize, reads: usize) -> impl Strategy<Value = Vec<String>> {
    let mut statements = vec![format!("select setval('s', {who})")];
    statements.extend(vec!["select currval('s')".to_owned(); reads]);
    for other in [
        "select 1",
        "begin",
        "commit",
        "rollback",
        "savepoint s",
        "rollback to s",
        "select 1/0",
        "discard sequences",
    ] {
        statements.push(other.to_owned());
    }
    let statement = move || prop::sample::select(statements.clone());
    let action = prop_oneof![
        3 => statement().prop_map(|sql| format!("Q({sql})")),
        1 => (statement(), statement()).prop_map(|(a, b)| format!("Q({a}; {b})")),
        3 => statement().prop_map(|sql| format!("P(,{sql}) B(,) E() S")),
        2 => (statement(), statement())
            .prop_map(|(a, b)| format!("P(,{a}) B(,) E() P(,{b}) B(,) E() S")),
        1 => Just("B(,) E() S".to_owned()),
        1 => Just("S".to_owned()),
    ];
    prop::collection::vec(action, 0..10)
}

/// A transaction that goes in one batch or many, with settings and savepoints.
fn transaction() -> impl Strategy<Value = String> {
    let inside = prop::sample::select(STATEMENTS[7..29].to_vec());
    let inside = prop::collection::vec(inside, 1..6);
    let end = prop::sample::select(vec!["commit", "rollback", "select 1"]);
    (inside, end, prop::bool::ANY).prop_map(|(inside, end, whole)| {
        let statements = [vec!["begin"], inside, vec![end]].concat();
        if whole {
            return format!("Q({})", statements.join("; "));
        }
        let queries = statements.iter().map(|sql| format!("Q({sql})"));
        queries.collect::<Vec<_>>().join(" ")
    })
}

/// A COPY with its data, right or wrong, and now and then a Sync where it does not belong.
fn copy_in() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "Q(copy t from stdin)",
        "Q(select 1; copy t from stdin; select 1)",
        "P(,copy t from stdin) B(,) E()",
        "P(,copy t from stdin) B(,) E() S",
    ]);
    let data = prop::sample::select(vec![
        "d(1)",
        "d(1) d(2)",
        "d(bad)",
        "d(1) S d(2)",
        "d(1) S d(bad)",
        "d(bad) S d(1)",
        "H",
    ]);
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
        0..CLIENTS,
        prop::bool::ANY,
        prop_oneof![
            1 => Just(1_usize),
            2 => 2..9_usize,
            5 => 10..60_usize,
            3 => Just(1_000),
        ],
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
    prop::collection::vec(one, 0..160)
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

/// Some clients, and servers made whenever none is idle.
struct World {
    clients: Vec<Client>,
    servers: Vec<Simulator>,
    idle: Vec<(usize, ServerState)>,
    homes: Homes,
}

/// Where sessions of the servers begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Homes {
    /// Where the clients were told.
    AsTold,
    /// At every other server in another time zone than the clients were told.
    Differ,
    /// Everywhere in another time zone by now.
    Moved,
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
                )
                .greeted(defaults("")),
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
            homes: Homes::AsTold,
        }
    }

    /// A new server and what it reports.
    fn start(&mut self) -> (usize, ServerState) {
        let place = self.servers.len();
        let (server, state) = match self.homes {
            Homes::Differ if place.is_multiple_of(2) => {
                (Simulator::abroad("EST"), other("TimeZone=EST"))
            }
            Homes::Moved => (Simulator::abroad("GMT"), other("TimeZone=GMT")),
            Homes::AsTold | Homes::Differ => (Simulator::new(), fresh()),
        };
        self.servers.push(server);
        (place, state)
    }

    /// All servers get another default.
    fn reload(&mut self) {
        self.homes = Homes::Moved;
        for server in &mut self.servers {
            server.reload("GMT");
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
                    let idle = self.idle.pop();
                    let (link, state) = idle.unwrap_or_else(|| self.start());
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
        let mut sent = Vec::new();
        write(out.to_server(), &[], &mut sent);
        self.servers[link].receive(&sent);
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
        let state = clean.into_state();
        let known = |name: &str| state.0.settings.get(name.as_bytes());
        if let Some(dirt) = self.servers[link].dirt(known) {
            panic!("called clean: {dirt}");
        }
        self.idle.push((link, state));
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

    /// A client goes; what it leaves is cleaned up.
    fn goes(&mut self, who: usize) {
        self.clients[who].over = true;
        let link = self.clients[who].link.take();
        match (self.clients[who].session.on_client_gone(), link) {
            (Farewell::Nothing | Farewell::CloseServer { .. }, _) => {}
            (Farewell::Clean(clean), Some(link)) => self.park(link, clean),
            (Farewell::Cleanup(cleanup), Some(link)) => self.clean_up(cleanup, link),
            (farewell, None) => panic!("no link but {farewell:?}"),
        }
    }

    fn clean_up(&mut self, mut cleanup: Cleanup, link: usize) {
        self.servers[link].receive(cleanup.bytes());
        loop {
            let input = self.servers[link].take(usize::MAX);
            let progress = cleanup.on_server(&input);
            let said = spell(Side::Server, &input);
            match progress.event {
                CleanupEvent::More(more) => cleanup = more,
                CleanupEvent::Clean(clean) => return self.park(link, clean),
                CleanupEvent::Failed => panic!("the cleanup failed at {said}"),
            }
            assert_eq!(progress.consumed, input.len());
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

/// The bytes of a script, with the end of any COPY, and a Sync: the server keeps its replies back until
/// one of them.
fn whole(script: &[String]) -> Vec<u8> {
    bytes(Side::Client, &format!("{} c S", script.join(" ")))
}

fn play(scripts: &[Vec<String>], moves: &[Move], homes: Homes) {
    let scripts: Vec<_> = scripts.iter().map(|script| whole(script)).collect();
    let mut world = World::new(&scripts);
    world.homes = homes;
    for step in moves {
        world.make(step);
    }
    world.settle();
    for (client, script) in world.clients.iter().zip(&scripts) {
        let expected = spell(Side::Server, &alone(script));
        assert_eq!(spell(Side::Server, &client.told), expected);
        assert!(client.over || client.arrived.is_empty(), "left unread");
    }
    for who in 0..CLIENTS {
        world.goes(who);
    }
}

/// The servers get another default in the midst of it all.
fn play_with_a_reload(scripts: &[Vec<String>], before: &[Move], after: &[Move]) {
    let scripts: Vec<_> = scripts.iter().map(|script| whole(script)).collect();
    let mut world = World::new(&scripts);
    for step in before {
        world.make(step);
    }
    world.reload();
    for step in after {
        world.make(step);
    }
    world.settle();
    for client in &world.clients {
        check_belief(&spell(Side::Server, &client.told));
    }
}

/// When a client has a reply, it has been told the time zone that the reply was made in: before it, or with
/// it, where the servers' default moved in the midst of the request.
fn check_belief(told: &str) {
    let mut before = "UTC".to_owned();
    let mut belief = before.clone();
    let mut shown = None;
    for word in words(told) {
        if let Some(value) = word.strip_prefix("S(TimeZone=") {
            belief = value.trim_end_matches(')').to_owned();
        }
        if let Some(row) = word.strip_prefix("D([\"") {
            shown = row.split('"').next().map(str::to_owned);
        }
        if word.starts_with("Z(") {
            let shown = shown.take().unwrap_or_else(|| belief.clone());
            assert!(shown == before || shown == belief, "{shown} in {told}");
            before.clone_from(&belief);
        }
    }
}

/// One thing that a client does with its time zone, one statement at a time.
fn zone_action() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(vec![
        "show all",
        "show all",
        "show all",
        "set timezone = 'CET'",
        "set timezone = 'UTC'",
        "set timezone = 'GMT'",
        "reset timezone",
        "reset all",
        "set work_mem = 7MB",
        "begin",
        "commit",
        "rollback",
        "select 1/0",
    ]);
    (statement, prop::bool::ANY).prop_map(|(sql, simple)| {
        if simple {
            format!("Q({sql})")
        } else {
            format!("P(,{sql}) B(,) E() S")
        }
    })
}

/// As above, but the first client goes in the midst of it all.
fn play_with_a_loss(scripts: &[Vec<String>], before: &[Move], after: &[Move]) {
    let scripts: Vec<_> = scripts.iter().map(|script| whole(script)).collect();
    let mut world = World::new(&scripts);
    for step in before {
        world.make(step);
    }
    world.goes(0);
    for step in after.iter().filter(|step| step.client != 0) {
        world.make(step);
    }
    world.clients[0].script.clear();
    world.settle();
    let told = spell_whole(&world.clients[0].told);
    let expected = spell(Side::Server, &alone(&scripts[0]));
    assert!(
        expected.starts_with(&told),
        "{told} is not what begins {expected}"
    );
    for (client, script) in world.clients.iter().zip(&scripts).skip(1) {
        let expected = spell(Side::Server, &alone(script));
        assert_eq!(spell(Side::Server, &client.told), expected);
    }
}

/// An action that resets nothing that is told at login.
fn without_resets(action: &str) -> String {
    ["reset timezone", "reset all", "discard all"]
        .into_iter()
        .fold(action.to_owned(), |action, reset| {
            action.replace(reset, "select 1")
        })
}

fn scripts(length: usize) -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(action(), 0..length), CLIENTS)
}

/// The same cases every time, unless new ones are asked for with `TOLLGATE_SEED=new`.
fn seed() -> RngSeed {
    match std::env::var("TOLLGATE_SEED").as_deref() {
        Ok("new") => RngSeed::Random,
        Ok(_) | Err(_) => RngSeed::Fixed(20),
    }
}

fn cases() -> u32 {
    let named = std::env::var("TOLLGATE_CASES").ok();
    named.and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        rng_seed: seed(),
        ..ProptestConfig::default()
    })]

    /// Whatever some clients send, however it is cut and interleaved, each sees what it would see alone,
    /// and no connection changes hands with anything left on it that is not known.
    #[test]
    fn the_proxy_cannot_be_seen(scripts in scripts(14), moves in moves()) {
        play(&scripts, &moves, Homes::AsTold);
    }

    /// Nor is it seen by clients that were told other defaults than their servers have, as long as they do
    /// not ask for the defaults of today.
    #[test]
    fn what_clients_were_told_stays_true(scripts in scripts(14), moves in moves()) {
        let scripts: Vec<Vec<String>> = scripts
            .into_iter()
            .map(|script| script.iter().map(|action| without_resets(action)).collect())
            .collect();
        play(&scripts, &moves, Homes::Differ);
    }

    /// When the servers' defaults move under clients and connections, no client is left with a wrong idea.
    #[test]
    fn what_clients_believe_is_true(
        scripts in prop::collection::vec(prop::collection::vec(zone_action(), 0..14), CLIENTS),
        before in moves(),
        after in moves(),
    ) {
        play_with_a_reload(&scripts, &before, &after);
    }

    /// A client that vanishes at any moment leaves nothing that another one could see.
    #[test]
    fn a_client_that_vanishes_leaves_nothing(
        scripts in scripts(8),
        before in moves(),
        after in moves(),
    ) {
        play_with_a_loss(&scripts, &before, &after);
    }

    /// What sequences gave last is a client's own, once it has asked for it; and before that, it is never
    /// another's.
    #[test]
    fn what_sequences_gave_is_ones_own(
        scripts in (sequences(1, 2), sequences(2, 0), sequences(3, 2)),
        moves in moves(),
    ) {
        let (one, two, three) = scripts;
        let asked = vec!["Q(select currval('s'))".to_owned()];
        let scripts = [[asked, one].concat(), two, three];
        let scripts: Vec<_> = scripts.iter().map(|script| whole(script)).collect();
        let mut world = World::new(&scripts);
        for step in &moves {
            world.make(step);
        }
        world.settle();
        let expected = spell(Side::Server, &alone(&scripts[0]));
        assert_eq!(spell(Side::Server, &world.clients[0].told), expected);
        for (client, own) in world.clients.iter().zip(1..) {
            let told = spell(Side::Server, &client.told);
            let mut others = (1..=CLIENTS).filter(|other| *other != own);
            let leak = others.find(|other| told.contains(&format!("last {other}")));
            assert_eq!(leak, None, "client {own} was told {told}");
        }
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
        "A(7)",
        "SET",
        "ANSWER(1MB;t)",
        "ANSWER(;f)",
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
