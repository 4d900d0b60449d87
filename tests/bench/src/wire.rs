//! A PostgreSQL client on a blocking socket, with nothing between it and the measurement.

mod login;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use crate::door::Door;

/// The code of an `SSLRequest` (PostgreSQL's documentation, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Large results are read in pieces of this size.
const BUFFER_BYTES: usize = 256 * 1024;
/// The first buffer: idle clients are held by the thousand.
const FIRST_BUFFER_BYTES: usize = 512;

/// A connection that has logged in.
pub(crate) struct Client {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// Connects and logs in to database `bench`.
    pub(crate) fn connect(door: &Door) -> Result<Self> {
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, door.port)).context("connecting")?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_mins(1)))?;
        let mut client = Self {
            stream: encrypted(door, socket)?,
            buffer: vec![0; FIRST_BUFFER_BYTES],
            start: 0,
            end: 0,
        };
        login::log_in(&mut client, door)
            .with_context(|| format!("logging in to {}", door.system.name()))?;
        Ok(client)
    }

    /// Sends a simple query and reads everything up to `ReadyForQuery`; returns the bytes of the answer.
    pub(crate) fn query(&mut self, sql: &str) -> Result<usize> {
        self.roundtrip(&query_message(sql))
    }

    /// Sends these bytes and reads everything up to `ReadyForQuery`; returns the bytes of the answer.
    pub(crate) fn roundtrip(&mut self, request: &[u8]) -> Result<usize> {
        self.send(request)?;
        let mut bytes = 0;
        loop {
            let (tag, length) = self.skip_message()?;
            bytes += length + 1;
            match tag {
                b'Z' => return Ok(bytes),
                b'E' => bail!("the query was refused"),
                _ => {}
            }
        }
    }

    /// Makes room for large answers.
    pub(crate) fn with_large_buffer(mut self) -> Self {
        self.buffer.resize(BUFFER_BYTES, 0);
        self
    }

    /// Says goodbye.
    pub(crate) fn close(mut self) -> Result<()> {
        self.send(b"X\0\0\0\x04")
    }

    /// The socket of a client without TLS, for a loop over many of them.
    pub(crate) fn into_socket(self) -> Result<TcpStream> {
        match self.stream {
            Stream::Plain(socket) => Ok(socket),
            Stream::Tls(_) => bail!("the client speaks TLS"),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.write_all(bytes)?,
            Stream::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }

    /// Tag and body of the next message.
    fn message(&mut self) -> Result<(u8, Vec<u8>)> {
        let (tag, length) = self.header()?;
        while self.end - self.start < length + 1 {
            self.fill()?;
        }
        let body = self.buffer[self.start + 5..=self.start + length].to_vec();
        self.start += length + 1;
        Ok((tag, body))
    }

    /// Tag and length of the next message, whose body is dropped as it comes.
    fn skip_message(&mut self) -> Result<(u8, usize)> {
        let (tag, length) = self.header()?;
        let mut missing = length + 1;
        while missing > 0 {
            if self.start == self.end {
                self.fill()?;
            }
            let here = missing.min(self.end - self.start);
            self.start += here;
            missing -= here;
        }
        Ok((tag, length))
    }

    fn header(&mut self) -> Result<(u8, usize)> {
        while self.end - self.start < 5 {
            self.fill()?;
        }
        let here = &self.buffer[self.start..];
        let length = u32::from_be_bytes([here[1], here[2], here[3], here[4]]);
        Ok((here[0], usize::try_from(length)?))
    }

    fn fill(&mut self) -> Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = &mut self.buffer[self.end..];
        let count = match &mut self.stream {
            Stream::Plain(socket) => socket.read(room),
            Stream::Tls(stream) => stream.read(room),
        }
        .context("reading")?;
        ensure!(count > 0, "the connection was closed");
        self.end += count;
        Ok(())
    }
}

/// A `Query` message.
pub(crate) fn query_message(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

fn encrypted(door: &Door, mut socket: TcpStream) -> Result<Stream> {
    let Some(config) = door.client_config() else {
        return Ok(Stream::Plain(socket));
    };
    socket.write_all(&SSL_REQUEST)?;
    let mut answer = [0];
    socket.read_exact(&mut answer)?;
    ensure!(answer == *b"S", "TLS is not offered");
    let name = ServerName::try_from("127.0.0.1").context("naming the server")?;
    let session = ClientConnection::new(config, name).context("starting TLS")?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(session, socket))))
}
