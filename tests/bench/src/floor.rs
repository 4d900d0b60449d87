//! The floor: a transaction pooler that only reads and writes, to mark what one thread, epoll and sockets cost.
//!
//! Not a proxy to use. It trusts everybody on loopback, takes an answer to end where a read ends with `ReadyForQuery`
//! outside a transaction, knows no prepared statements, and serves nobody else while a socket's buffer is full.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::{
    buffer::spare_capacity,
    event::{
        PollFd, PollFlags,
        epoll::{self, EventData, EventFlags},
        poll,
    },
    fd::{AsFd, OwnedFd},
};

/// `ReadyForQuery`, outside a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";
/// Token of the listener; connections have their place in the table.
const LISTENER: u64 = u64::MAX;
/// Large enough that one read takes what the kernel holds.
const BUFFER_BYTES: usize = 256 * 1024;

/// The server connections that everybody shares.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Port of PostgreSQL on loopback, which must trust us.
    pub server_port: u16,
    /// How many connections.
    pub connections: usize,
    /// Whose.
    pub user: String,
    /// To which database.
    pub database: String,
}

enum Side {
    Server { client: Option<usize> },
    Client { phase: Phase, server: Option<usize> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Waiting,
}

/// What one read gave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Got {
    Bytes(usize),
    Nothing,
    Closed,
}

struct Connection {
    stream: TcpStream,
    side: Side,
}

struct Floor {
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    idle: Vec<usize>,
    waiting: VecDeque<usize>,
    greeting: Vec<u8>,
    buffer: Vec<u8>,
}

/// Serves clients on `listen_port` until the process is ended.
pub fn serve(listen_port: u16, pool: &Pool) -> Result<()> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, listen_port)).context("binding the port")?;
    let mut floor = Floor {
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        connections: Vec::new(),
        idle: Vec::new(),
        waiting: VecDeque::new(),
        greeting: Vec::new(),
        buffer: vec![0; BUFFER_BYTES],
    };
    for _ in 0..pool.connections {
        let (stream, greeting) = log_in(pool)?;
        floor.greeting = greeting;
        let place = floor.add(stream, Side::Server { client: None })?;
        floor.idle.push(place);
    }
    epoll::add(
        &floor.epoll,
        &listener,
        EventData::new_u64(LISTENER),
        EventFlags::IN,
    )?;
    let mut events = Vec::with_capacity(256);
    loop {
        epoll::wait(&floor.epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let token = event.data.u64();
            if token == LISTENER {
                floor.accept(&listener)?;
            } else {
                floor.readable(usize::try_from(token)?)?;
            }
        }
    }
}

/// Logs in once and keeps the answer, which every client gets.
fn log_in(pool: &Pool) -> Result<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, pool.server_port))?;
    stream.set_nodelay(true)?;
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for word in ["user", &pool.user, "database", &pool.database, ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4)?;
    stream.write_all(&[&length.to_be_bytes()[..], &body].concat())?;
    let mut greeting = Vec::new();
    let mut chunk = [0; 8192];
    while !greeting.ends_with(READY) {
        let count = stream.read(&mut chunk)?;
        ensure!(count > 0, "the server refused the login");
        greeting.extend_from_slice(&chunk[..count]);
    }
    Ok((stream, greeting))
}

impl Floor {
    fn add(&mut self, stream: TcpStream, side: Side) -> Result<usize> {
        stream.set_nonblocking(true)?;
        let place = self.connections.iter().position(Option::is_none);
        let place = place.unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        // A client that waits for a server connection has bytes to read all the time: only news count.
        let flags = match side {
            Side::Server { .. } => EventFlags::IN,
            Side::Client { .. } => EventFlags::IN | EventFlags::ET,
        };
        epoll::add(
            &self.epoll,
            stream.as_fd(),
            EventData::new_u64(place as u64),
            flags,
        )?;
        self.connections[place] = Some(Connection { stream, side });
        Ok(place)
    }

    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let side = Side::Client {
            phase: Phase::Starting,
            server: None,
        };
        self.add(stream, side).map(drop)
    }

    fn readable(&mut self, place: usize) -> Result<()> {
        match self.connections[place].as_ref().map(|found| &found.side) {
            // Closed while its event was on the way.
            None => Ok(()),
            Some(Side::Server { client }) => {
                let client = *client;
                self.answer(place, client)
            }
            Some(Side::Client { phase, server }) => {
                let (phase, server) = (*phase, *server);
                self.request(place, phase, server)
            }
        }
    }

    fn request(&mut self, place: usize, phase: Phase, server: Option<usize>) -> Result<()> {
        if phase == Phase::Starting {
            return self.greet(place);
        }
        let Some(server) = server.or_else(|| self.idle.pop()) else {
            if phase == Phase::Running {
                self.become_client(place, Phase::Waiting, None);
                self.waiting.push_back(place);
            }
            return Ok(());
        };
        match self.read(place)? {
            Got::Bytes(count) if self.buffer[0] != b'X' => {
                self.become_client(place, Phase::Running, Some(server));
                self.become_server(server, Some(place));
                self.write(server, count);
                return Ok(());
            }
            Got::Bytes(_) | Got::Closed => self.connections[place] = None,
            Got::Nothing if self.is_lent(server) => return Ok(()),
            Got::Nothing => self.become_client(place, Phase::Running, None),
        }
        self.become_server(server, None);
        self.idle.push(server);
        Ok(())
    }

    fn is_lent(&self, server: usize) -> bool {
        let side = self.connections[server].as_ref().map(|found| &found.side);
        matches!(side, Some(Side::Server { client: Some(_) }))
    }

    fn greet(&mut self, place: usize) -> Result<()> {
        match self.read(place)? {
            Got::Nothing => {}
            Got::Closed => self.connections[place] = None,
            Got::Bytes(_) => {
                self.become_client(place, Phase::Running, None);
                if let Some(client) = self.connections[place].as_mut() {
                    let _ = client.stream.write_all(&self.greeting);
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, place: usize, client: Option<usize>) -> Result<()> {
        let count = match self.read(place)? {
            Got::Bytes(count) => count,
            Got::Nothing => return Ok(()),
            Got::Closed => bail!("the server closed a connection"),
        };
        if let Some(client) = client {
            self.write(client, count);
        }
        if !self.buffer[..count].ends_with(READY) {
            return Ok(());
        }
        if let Some(client) = client {
            self.become_client(client, Phase::Running, None);
        }
        self.become_server(place, None);
        self.idle.push(place);
        while !self.idle.is_empty()
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.request(waiting, Phase::Waiting, None)?;
        }
        Ok(())
    }

    fn read(&mut self, place: usize) -> Result<Got> {
        let Some(connection) = self.connections[place].as_mut() else {
            return Ok(Got::Closed);
        };
        match connection.stream.read(&mut self.buffer) {
            Ok(0) => Ok(Got::Closed),
            Ok(count) => Ok(Got::Bytes(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Got::Nothing),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(Got::Closed),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes all of it. A client that went away is noticed when it is read.
    fn write(&mut self, place: usize, count: usize) {
        let Some(connection) = self.connections[place].as_mut() else {
            return;
        };
        let mut rest = &self.buffer[..count];
        while !rest.is_empty() {
            match connection.stream.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut wait = [PollFd::new(&connection.stream, PollFlags::OUT)];
                    let _ = poll(&mut wait, None);
                }
                Err(_) => return,
            }
        }
    }

    fn become_client(&mut self, place: usize, phase: Phase, server: Option<usize>) {
        if let Some(connection) = self.connections[place].as_mut() {
            connection.side = Side::Client { phase, server };
        }
    }

    fn become_server(&mut self, place: usize, client: Option<usize>) {
        if let Some(connection) = self.connections[place].as_mut() {
            connection.side = Side::Server { client };
        }
    }
}
