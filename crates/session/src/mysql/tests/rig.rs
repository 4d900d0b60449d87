//! Sessions on a real server: several server connections, each command on another one than the last.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use tollgate_sql::mysql::Server;
use tollgate_testkit::{MySqlKind, MySqlServer};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::{self, Frame};
use tollgate_wire_mysql::reply::{Part, ReplyKind, ReplyScanner, Then};
use tollgate_wire_mysql::status::StatusFlags;

use crate::mysql::exchange::Uploading;
use crate::mysql::rows::text_row;
use crate::mysql::{
    Cleanup, CleanupEvent, CodeWatch, Farewell, Fit, Killed, ServerConfig, ServerEvent,
    ServerState, Session, SessionConfig, Want,
};
use crate::{Effects, Piece, PinChange, PinReason};

/// What every connection here can do, but for the ends of results.
pub(super) const COMMON: Capabilities = Capabilities::LONG_PASSWORD
    .with(Capabilities::PROTOCOL_41)
    .with(Capabilities::TRANSACTIONS)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::MULTI_STATEMENTS)
    .with(Capabilities::MULTI_RESULTS)
    .with(Capabilities::PS_MULTI_RESULTS)
    .with(Capabilities::LOCAL_FILES)
    .with(Capabilities::PLUGIN_AUTH);

pub(super) const SERVER: Capabilities = COMMON
    .with(Capabilities::SESSION_TRACK)
    .with(Capabilities::DEPRECATE_EOF);

/// Runs `test` on every server there is.
pub(super) fn on_servers(test: impl Fn(&mut Rig)) {
    for kind in [MySqlKind::MySql9, MySqlKind::MariaDb] {
        on_server(kind, SERVER, &test);
    }
}

/// Runs `test` on this server, whose connections have these capabilities; those of the clients differ in what may
/// differ.
pub(super) fn on_server(kind: MySqlKind, capabilities: Capabilities, test: impl Fn(&mut Rig)) {
    if kind.available() {
        let server = MySqlServer::start(kind).expect("a server");
        test(&mut Rig::new(server, capabilities));
    }
}

pub(super) struct Rig {
    server: MySqlServer,
    family: Server,
    user: &'static str,
    watch: CodeWatch,
    capabilities: Capabilities,
    /// What becomes of a `KILL`.
    pub(super) killed: Killed,
    idle: VecDeque<(ServerState, UnixStream)>,
    clients: Vec<Client>,
    pub(super) borrows: u32,
}

pub(super) struct Client {
    session: Session,
    socket: Option<UnixStream>,
    unread: Vec<u8>,
    capabilities: Capabilities,
    told: Vec<PinChange>,
}

/// An answer, as far as tests look at it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Values with commas between them, rows with bars.
    pub(super) rows: String,
    pub(super) error: Option<u16>,
    pub(super) status: StatusFlags,
    pub(super) statement: u32,
    pub(super) columns: Vec<String>,
}

impl Rig {
    fn new(server: MySqlServer, capabilities: Capabilities) -> Self {
        let family = match server.kind() {
            MySqlKind::MySql9 => Server::MySql { version: 90_700 },
            MySqlKind::MariaDb => Server::MariaDb { version: 101_118 },
        };
        let setup = "CREATE DATABASE a; CREATE DATABASE b; CREATE TABLE a.t \
            (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(3)); CREATE TABLE b.t (only_b INT)";
        server.superuser_sql("mysql", setup).expect("tables");
        let mut rig = Self {
            server,
            family,
            user: "root",
            watch: CodeWatch::default(),
            capabilities,
            killed: Killed::Done,
            idle: VecDeque::new(),
            clients: Vec::new(),
            borrows: 0,
        };
        for at in 0..3 {
            let common = capabilities.without(Capabilities::DEPRECATE_EOF);
            let capabilities = match at {
                1 => common,
                _ => common.with(Capabilities::DEPRECATE_EOF),
            };
            rig.clients.push(rig.client(capabilities));
            let connection = rig.connect();
            rig.idle.push_back(connection);
        }
        rig
    }

    pub(super) fn sql(&self, text: &str) {
        self.server.superuser_sql("a", text).expect("it runs");
    }

    pub(super) fn is_mysql(&self) -> bool {
        matches!(self.family, Server::MySql { .. })
    }

    fn client(&self, capabilities: Capabilities) -> Client {
        Client {
            session: Session::new(SessionConfig {
                connection_id: 4242,
                capabilities,
                server: self.family,
                schema: b"a".to_vec(),
                collation: 45,
                status: StatusFlags::AUTOCOMMIT,
                variable_sets: crate::mysql::VariableSets::Pin,
                heritage: None,
                texts: crate::mysql::TextTable::default(),
            }),
            socket: None,
            unread: Vec::new(),
            told: Vec::new(),
            capabilities,
        }
    }

    /// Logs in as the superuser, who has no password on the socket.
    /// From now on the server connections are those of a user with these rights on the schema `a`.
    pub(super) fn log_in_as(&mut self, user: &'static str, rights: &str) {
        self.sql(&format!(
            "CREATE USER {user}@localhost; GRANT {rights} ON a.* TO {user}@localhost"
        ));
        self.user = user;
        self.idle = (0..3).map(|_| self.connect()).collect();
    }

    fn connect(&self) -> (ServerState, UnixStream) {
        let mut socket = UnixStream::connect(self.server.socket()).expect("the socket");
        let (_, greeting) = packet(&mut socket);
        let version = greeting
            .iter()
            .position(|byte| *byte == 0)
            .expect("a version");
        let thread = greeting[version + 1..version + 5].try_into().expect("four");
        let mut login = self.capabilities.base().to_le_bytes().to_vec();
        login.extend([0, 0, 0, 1, 45]);
        login.extend([0; 19]);
        login.extend(self.capabilities.extended().to_le_bytes());
        login.extend(self.user.as_bytes());
        login.extend(b"\0\0mysql_native_password\0");
        send(&mut socket, 1, &login);
        loop {
            let (number, payload) = packet(&mut socket);
            match payload[0] {
                0 => break,
                0xfe => send(&mut socket, number + 1, b""),
                _ => assert_eq!(payload[0], 1, "login: {}", payload.escape_ascii()),
            }
        }
        let config = ServerConfig {
            capabilities: self.capabilities,
            thread_id: u32::from_le_bytes(thread),
            server: self.family,
            schema: Vec::new(),
            max_statements: 2,
        };
        let mut state = ServerState::new(config);
        state.watch_code(&self.watch);
        (state, socket)
    }

    /// A client sends a query.
    pub(super) fn query(&mut self, who: usize, text: &str) -> Answer {
        let mut input = Vec::new();
        let capabilities = self.clients[who].capabilities;
        command::write_query(&mut input, capabilities, text.as_bytes());
        self.send(who, &input, ReplyKind::TextResults)
    }

    /// The rows of an answer that is no error.
    pub(super) fn rows(&mut self, who: usize, text: &str) -> String {
        let answer = self.query(who, text);
        assert_eq!(answer.error, None, "{text}");
        answer.rows
    }

    /// A client sends a command that is answered with `kind`.
    pub(super) fn send(&mut self, who: usize, input: &[u8], kind: ReplyKind) -> Answer {
        let output = self.drive(who, input);
        answer(&output, kind, self.clients[who].capabilities)
    }

    pub(super) fn drive(&mut self, who: usize, input: &[u8]) -> Vec<u8> {
        let mut input = input.to_vec();
        let mut output = Vec::new();
        loop {
            let mut out = Effects::new();
            let client = &mut self.clients[who];
            let progress = client.session.on_client(&input, &mut out);
            perform(&mut client.socket, &out, &input, &mut output);
            client.told.extend_from_slice(out.pin_changes());
            input.drain(..progress.consumed);
            match progress.want {
                Want::Server => self.attach(who),
                Want::Release(clean) => self.release(who, clean.into_state()),
                Want::Kill(_) => client.session.killed(self.killed),
                Want::More | Want::Replies if self.awaits(who) => self.read(who, &mut output),
                Want::More => break,
                // A verdict was reached without asking the server.
                Want::Replies => {}
                want @ (Want::Close(_) | Want::ChangeUser) => panic!("{want:?}"),
            }
        }
        output
    }

    /// A client sends several commands at once; the answers, in order.
    pub(super) fn pipeline(
        &mut self,
        who: usize,
        commands: &[(Vec<u8>, ReplyKind)],
    ) -> Vec<Answer> {
        let input: Vec<u8> = commands
            .iter()
            .flat_map(|(bytes, _)| bytes.clone())
            .collect();
        let output = self.drive(who, &input);
        let capabilities = self.clients[who].capabilities;
        let mut rest = &output[..];
        let mut answers = Vec::new();
        for (_, kind) in commands {
            let mut scanner = ReplyScanner::new(*kind, capabilities);
            let mut length = 0;
            while !scanner.is_done() {
                let Frame::Complete(header) = frame::next(&rest[length..]) else {
                    panic!("{} answers of {}", answers.len(), commands.len());
                };
                let payload = header.payload(&rest[length..]);
                let seen = scanner
                    .packet(header, payload)
                    .expect("a packet of the protocol");
                assert!(seen.is_some(), "a whole one");
                length += header.total();
            }
            answers.push(answer(&rest[..length], *kind, capabilities));
            rest = &rest[length..];
        }
        assert!(rest.is_empty(), "bytes behind the answers");
        answers
    }

    /// A query as a packet of this client's.
    pub(super) fn packet_of(&self, who: usize, text: &str) -> (Vec<u8>, ReplyKind) {
        let mut bytes = Vec::new();
        command::write_query(&mut bytes, self.clients[who].capabilities, text.as_bytes());
        (bytes, ReplyKind::TextResults)
    }

    fn awaits(&self, who: usize) -> bool {
        let link = self.clients[who].session.link.as_ref();
        link.is_some_and(|link| {
            let exchange = link.exchange.as_ref();
            let sends = exchange.is_some_and(|exchange| exchange.uploading == Uploading::Yes);
            !link.queue.is_empty() && !sends
        })
    }

    fn read(&mut self, who: usize, output: &mut Vec<u8>) {
        let client = &mut self.clients[who];
        let socket = client.socket.as_mut().expect("a server connection");
        let mut buffer = [0; 977];
        let length = socket.read(&mut buffer).expect("an answer");
        assert!(length > 0, "the server has closed the connection");
        client.unread.extend_from_slice(&buffer[..length]);
        let mut out = Effects::new();
        let progress = client.session.on_server(&client.unread, &mut out);
        perform(&mut client.socket, &out, &client.unread, output);
        client.told.extend_from_slice(out.pin_changes());
        client.unread.drain(..progress.consumed);
        match progress.event {
            ServerEvent::More => {}
            ServerEvent::Release(clean) => self.release(who, clean.into_state()),
            event @ (ServerEvent::ServerFatal | ServerEvent::OutOfSync) => panic!("{event:?}"),
        }
    }

    fn attach(&mut self, who: usize) {
        self.borrows += 1;
        let session = &self.clients[who].session;
        let at = self
            .idle
            .iter()
            .position(|(state, _)| session.fit(state) != Fit::Never);
        let at = at.expect("an idle server connection");
        let (state, socket) = self.idle.remove(at).expect("it is there");
        let client = &mut self.clients[who];
        client.socket = Some(socket);
        client.session.attach(state);
    }

    fn release(&mut self, who: usize, state: ServerState) {
        let socket = self.clients[who].socket.take().expect("its socket");
        self.idle.push_back((state, socket));
    }

    pub(super) fn is_attached(&self, who: usize) -> bool {
        self.clients[who].session.is_attached()
    }

    /// Why a client still has its server connection.
    pub(super) fn held_by(&self, who: usize) -> String {
        let session = &self.clients[who].session;
        let link = session.link.as_ref();
        format!(
            "{:?} {:?}",
            session.pins,
            link.map(|link| (link.status, link.transaction, &link.queue))
        )
    }

    /// What a client's session has said of pins since the last time.
    pub(super) fn pin_changes(&mut self, who: usize) -> Vec<PinChange> {
        std::mem::take(&mut self.clients[who].told)
    }

    pub(super) fn pins(&self, who: usize) -> Vec<PinReason> {
        self.clients[who].session.pins().collect()
    }

    /// The client goes away, and another takes its place.
    pub(super) fn leave(&mut self, who: usize) -> &'static str {
        let capabilities = self.clients[who].capabilities;
        let fresh = self.client(capabilities);
        let mut old = std::mem::replace(&mut self.clients[who], fresh);
        match old.session.on_client_gone() {
            Farewell::Nothing => "nothing",
            Farewell::Clean(clean) => {
                let socket = old.socket.expect("its socket");
                self.idle.push_back((clean.into_state(), socket));
                "clean"
            }
            Farewell::Cleanup(mut cleanup) => {
                let mut socket = old.socket.expect("its socket");
                socket.write_all(cleanup.bytes()).expect("it is sent");
                let mut unread = Vec::new();
                loop {
                    let mut buffer = [0; 64];
                    let length = socket.read(&mut buffer).expect("an answer");
                    unread.extend_from_slice(&buffer[..length]);
                    let progress = Cleanup::on_server(cleanup, &unread);
                    unread.drain(..progress.consumed);
                    match progress.event {
                        CleanupEvent::More(more) => cleanup = more,
                        CleanupEvent::Clean(clean) => {
                            self.idle.push_back((clean.into_state(), socket));
                            return "cleaned up";
                        }
                        CleanupEvent::Failed => return "failed",
                    }
                }
            }
            Farewell::CloseServer { .. } => {
                let connection = self.connect();
                self.idle.push_back(connection);
                "closed"
            }
        }
    }

    /// A session that nobody drives.
    pub(super) fn session(&self, like: usize) -> Session {
        self.client(self.clients[like].capabilities).session
    }

    /// A client sends a command, and nothing of an answer arrives.
    pub(super) fn start(&mut self, who: usize, input: &[u8]) {
        for _ in 0..2 {
            let mut out = Effects::new();
            let client = &mut self.clients[who];
            let progress = client.session.on_client(input, &mut out);
            perform(&mut client.socket, &out, input, &mut Vec::new());
            if matches!(progress.want, Want::Server) {
                self.attach(who);
            }
        }
    }

    /// The server connection of a client is lost.
    pub(super) fn lose(&mut self, who: usize) -> (crate::mysql::Told, Vec<u8>) {
        let mut out = Effects::new();
        let client = &mut self.clients[who];
        let code = ErrorCode::SERVER_SHUTDOWN;
        let told = client.session.on_server_lost(code, "lost", &mut out);
        let mut output = Vec::new();
        perform(&mut None, &out, &[], &mut output);
        client.socket = None;
        (told, output)
    }
}

fn perform(socket: &mut Option<UnixStream>, out: &Effects, input: &[u8], output: &mut Vec<u8>) {
    for piece in out.to_client() {
        match piece {
            Piece::Input(range) => output.extend_from_slice(&input[range]),
            Piece::Injected(bytes) => output.extend_from_slice(bytes),
        }
    }
    for piece in out.to_server() {
        let socket = socket.as_mut().expect("a server connection");
        let bytes = match piece {
            Piece::Input(range) => &input[range],
            Piece::Injected(bytes) => bytes,
        };
        socket.write_all(bytes).expect("it is sent");
    }
}

fn send(socket: &mut UnixStream, number: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("short");
    let mut bytes = frame::header_bytes(length, number).to_vec();
    bytes.extend_from_slice(payload);
    socket.write_all(&bytes).expect("it is sent");
}

fn packet(socket: &mut UnixStream) -> (u8, Vec<u8>) {
    let mut header = [0; 4];
    socket.read_exact(&mut header).expect("a header");
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let mut payload = vec![0; length as usize];
    socket.read_exact(&mut payload).expect("a payload");
    (header[3], payload)
}

/// Reads an answer as a client does, numbers of packets included.
fn answer(output: &[u8], kind: ReplyKind, capabilities: Capabilities) -> Answer {
    let mut scanner = ReplyScanner::new(kind, capabilities);
    let mut answer = Answer::default();
    let mut rest = output;
    // Behind the last packet of the command, which has more than one only from 16 MiB on.
    let mut number = output.get(3).copied().unwrap_or(1);
    assert!(number == 1 || number == 2, "packet {number} comes first");
    let mut rows = Vec::new();
    while let Frame::Complete(header) = frame::next(rest) {
        assert_eq!(header.sequence, number, "{}", output.escape_ascii());
        number = number.wrapping_add(1);
        let payload = header.payload(rest);
        rest = &rest[header.total()..];
        let seen = scanner
            .packet(header, payload)
            .expect("a packet of the protocol")
            .expect("a whole one");
        match seen.part {
            Part::Error { code } => answer.error = Some(code),
            Part::Row => rows.push(match text_row(payload) {
                Some(values) => values
                    .iter()
                    .map(|value| spell(*value))
                    .collect::<Vec<_>>()
                    .join(","),
                None => payload.escape_ascii().to_string(),
            }),
            Part::End { head, .. } => answer.status = head.status,
            Part::Prepared(prepared) => answer.statement = prepared.statement_id,
            Part::Definition { .. } => answer.columns.push(payload.escape_ascii().to_string()),
            Part::Continued
            | Part::Progress
            | Part::Columns { .. }
            | Part::DefinitionsEnd { .. }
            | Part::FileRequest
            | Part::Text
            | Part::Login
            | Part::Stream => {}
        }
        if seen.then == Then::End {
            assert!(rest.is_empty(), "bytes behind the answer");
        }
    }
    assert!(
        scanner.is_done() && rest.is_empty(),
        "half an answer: {}",
        output.escape_ascii()
    );
    answer.rows = rows.join("|");
    answer
}

fn spell(value: Option<&[u8]>) -> String {
    value.map_or("NULL".to_owned(), |value| {
        String::from_utf8_lossy(value).into_owned()
    })
}
