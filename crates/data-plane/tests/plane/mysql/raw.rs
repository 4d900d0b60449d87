//! A client that logs in with any capabilities and then sends any packets, hears every packet, and may die rudely.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tollgate_testkit::ClientTls;
use tollgate_wire_mysql::auth::{
    Answer, Channel, ClientAuth, ClientPolicy, ClientSetup, RsaPolicy,
};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command;
use tollgate_wire_mysql::frame::{self, Frame, HEADER_LEN, Header, Sequence};
use tollgate_wire_mysql::handshake::{
    self, Greeting, Login, LoginReply, ServerFirst, login_reply, server_first,
};
use tollgate_wire_mysql::reply::{ErrPacket, Part, ReplyKind, ReplyScanner, Then, text_values};
use tollgate_wire_mysql::secret::Secret;
use zeroize::Zeroizing;

use super::fixture::PASSWORD;

/// How long to wait for the next byte before the connection counts as hung.
const PATIENCE: Duration = Duration::from_mins(1);

/// What clients of both families can do unless a test wants something else.
pub(crate) const USUAL: Capabilities = Capabilities::LONG_FLAG
    .with(Capabilities::LOCAL_FILES)
    .with(Capabilities::PROTOCOL_41)
    .with(Capabilities::TRANSACTIONS)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::MULTI_STATEMENTS)
    .with(Capabilities::MULTI_RESULTS)
    .with(Capabilities::PS_MULTI_RESULTS)
    .with(Capabilities::PLUGIN_AUTH)
    .with(Capabilities::PLUGIN_AUTH_LENENC)
    .with(Capabilities::SESSION_TRACK)
    .with(Capabilities::DEPRECATE_EOF);

/// Where and as whom to log in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    /// Empty for none.
    pub(crate) schema: String,
    /// Those of them that the server offers are used.
    pub(crate) capabilities: Capabilities,
    pub(crate) collation: u8,
    /// Encrypts if there is one.
    pub(crate) tls: Option<ClientTls>,
    pub(crate) patience: Duration,
}

impl Door {
    /// As the user of every fixture, without TLS.
    pub(crate) fn new(port: u16, schema: &str) -> Self {
        Self {
            port,
            user: "app".to_owned(),
            password: PASSWORD.to_owned(),
            schema: schema.to_owned(),
            capabilities: USUAL,
            collation: 45,
            tls: None,
            patience: PATIENCE,
        }
    }
}

/// A packet of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) number: u8,
    pub(crate) payload: Vec<u8>,
}

/// One packet of a reply and what it is.
pub(crate) type Said = (Part, Vec<u8>);

/// A connection's bytes.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A connection, logged in or about to.
pub(crate) struct Raw {
    stream: Box<dyn Wire>,
    /// The same socket, to close it rudely.
    socket: socket2::Socket,
    patience: Duration,
    buffer: BytesMut,
    /// What both sides can do.
    pub(crate) capabilities: Capabilities,
    /// As the greeting says.
    pub(crate) id: u32,
    /// The packet that ended the login.
    pub(crate) welcome: Vec<u8>,
    password: String,
}

/// What a reply led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Whole,
    /// The other side closed before the reply was whole.
    Closed,
}

/// A refused login.
#[derive(Debug, thiserror::Error)]
#[error("refused: {code} {message}")]
pub(crate) struct Refused {
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Raw {
    /// Connects and hears the greeting.
    pub(crate) async fn knock(port: u16, patience: Duration) -> Result<(Self, Box<Greeting>)> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .context("connecting")?;
        stream.set_nodelay(true)?;
        let socket = socket2::SockRef::from(&stream).try_clone()?;
        let mut raw = Self {
            stream: Box::new(stream),
            socket,
            patience,
            buffer: BytesMut::new(),
            capabilities: Capabilities::EMPTY,
            id: 0,
            welcome: Vec::new(),
            password: String::new(),
        };
        let first = raw.next().await?;
        match server_first(&first.payload)? {
            ServerFirst::Greeting(greeting) => {
                raw.id = greeting.connection_id;
                Ok((raw, greeting))
            }
            ServerFirst::Error(error) => Err(refused(&error).into()),
        }
    }

    /// Logs in.
    pub(crate) async fn login(door: &Door) -> Result<Self> {
        let (mut raw, greeting) = Self::knock(door.port, door.patience).await?;
        let mut capabilities = door.capabilities.both(greeting.capabilities);
        if greeting.capabilities.contains(Capabilities::LONG_PASSWORD) {
            capabilities = capabilities | Capabilities::LONG_PASSWORD;
        }
        if !door.schema.is_empty() {
            capabilities = capabilities | Capabilities::CONNECT_WITH_DB;
        }
        let mut number = 1;
        if let Some(tls) = &door.tls {
            capabilities = capabilities | Capabilities::SSL;
            raw = raw.encrypted(tls, capabilities, door.collation).await?;
            number = 2;
        }
        raw.capabilities = capabilities;
        raw.password.clone_from(&door.password);
        let setup = raw.setup(door.tls.is_some());
        let (mut auth, plugin, data) = ClientAuth::start(setup, &greeting.plugin, &greeting.nonce)?;
        let login = Login {
            capabilities,
            max_packet: 1 << 30,
            collation: door.collation,
            user: door.user.clone().into_bytes(),
            auth: Secret::new(data.to_vec()),
            schema: door.schema.clone().into_bytes(),
            plugin: plugin.name().as_bytes().to_vec(),
            attributes: handshake::Attributes::default(),
            zstd_level: 0,
        };
        let mut bytes = Vec::new();
        handshake::login(&mut bytes, &mut Sequence::after(number), &login)?;
        raw.send(&bytes).await?;
        raw.welcome = raw.prove(&mut auth).await?;
        Ok(raw)
    }

    fn setup(&self, private: bool) -> ClientSetup {
        ClientSetup {
            password: Secret::new(self.password.clone().into_bytes()),
            channel: if private { Channel::Tls } else { Channel::Open },
            policy: ClientPolicy {
                rsa: RsaPolicy::AskServer,
            },
            random: Zeroizing::new([7; 32]),
        }
    }

    /// Answers until the other side has decided: its OK.
    async fn prove(&mut self, auth: &mut ClientAuth) -> Result<Vec<u8>> {
        loop {
            let packet = self.next().await?;
            let reply = login_reply(&packet.payload, self.capabilities)?;
            if let LoginReply::Error(error) = &reply {
                return Err(refused(error).into());
            }
            match auth.reply(&reply)? {
                Answer::Send(data) => {
                    let number = packet.number.wrapping_add(1);
                    self.send(&framed(number, &data)).await?;
                }
                Answer::Wait => {}
                Answer::Done => return Ok(packet.payload),
            }
        }
    }

    async fn encrypted(
        mut self,
        tls: &ClientTls,
        capabilities: Capabilities,
        collation: u8,
    ) -> Result<Self> {
        let mut bytes = Vec::new();
        let number = &mut Sequence::after(1);
        handshake::tls_request(&mut bytes, number, capabilities, 1 << 30, collation);
        self.send(&bytes).await?;
        let stream = tls.connect("127.0.0.1", self.stream).await?;
        self.stream = Box::new(stream);
        Ok(self)
    }

    /// Logs in again on the same connection; the packet that ended it.
    pub(crate) async fn change_user(&mut self, user: &str, schema: &str) -> Result<Vec<u8>> {
        let mut payload = vec![command::Command::ChangeUser.code()];
        payload.extend(user.as_bytes());
        payload.extend([0, 0]);
        payload.extend(schema.as_bytes());
        payload.extend([0, 45, 0]);
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            payload.extend(b"mysql_native_password\0");
        }
        self.send(&framed(0, &payload)).await?;
        let private = self.capabilities.contains(Capabilities::SSL);
        let mut auth = ClientAuth::start_without_challenge(self.setup(private));
        self.prove(&mut auth).await
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(self.patience, self.stream.write_all(bytes))
            .await
            .context("nobody takes the bytes")?
            .context("sending")?;
        self.stream.flush().await.context("sending")
    }

    /// Sends piece by piece while it hears nothing. A peer that has closed takes nothing any more; what it said
    /// before is still heard.
    pub(crate) async fn pour(&mut self, pieces: &[Vec<u8>]) -> Result<()> {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let buffer = &mut self.buffer;
        let hearing = async {
            while read.read_buf(buffer).await.is_ok_and(|length| length > 0) {}
            std::future::pending::<()>().await;
        };
        let saying = timeout(self.patience, async {
            for piece in pieces {
                if write.write_all(piece).await.is_err() || write.flush().await.is_err() {
                    return;
                }
                if pieces.len() > 1 {
                    tokio::task::yield_now().await;
                }
            }
        });
        tokio::select! {
            said = saying => said.context("nobody takes the bytes"),
            () = hearing => Ok(()),
        }
    }

    /// The next packet; `None` when the other side has closed.
    pub(crate) async fn hear(&mut self) -> Result<Option<Packet>> {
        loop {
            if let Some(packet) = take(&mut self.buffer) {
                return Ok(Some(packet));
            }
            let read = timeout(self.patience, self.stream.read_buf(&mut self.buffer))
                .await
                .context("the connection hangs")?;
            if !read.is_ok_and(|length| length > 0) {
                ensure!(self.buffer.is_empty(), "closed inside a packet");
                return Ok(None);
            }
        }
    }

    /// The next packet; a close is an error.
    pub(crate) async fn next(&mut self) -> Result<Packet> {
        self.hear().await?.context("the connection was closed")
    }

    /// Hears a whole reply of this kind, whose first packet has the number after `last`. A file that is asked for
    /// is `file`.
    pub(crate) async fn reply(
        &mut self,
        kind: ReplyKind,
        last: u8,
        file: &[u8],
    ) -> Result<(Vec<Said>, Outcome)> {
        let mut scanner = ReplyScanner::new(kind, self.capabilities);
        let mut number = Sequence::after(last.wrapping_add(1));
        let mut heard = Vec::new();
        while !scanner.is_done() {
            let Some(packet) = self.hear().await? else {
                return Ok((heard, Outcome::Closed));
            };
            let header = Header {
                length: u32::try_from(packet.payload.len())?,
                sequence: packet.number,
            };
            number
                .check(header)
                .with_context(|| format!("after {heard:?}"))?;
            let seen = scanner
                .packet(header, &packet.payload)
                .with_context(|| format!("{:?} after {heard:?}", packet.payload))?
                .context("a whole packet is not enough")?;
            heard.push((seen.part, packet.payload));
            if seen.then == Then::Client {
                self.upload(&mut scanner, &mut number, file).await?;
            }
        }
        Ok((heard, Outcome::Whole))
    }

    async fn upload(
        &mut self,
        scanner: &mut ReplyScanner,
        number: &mut Sequence,
        file: &[u8],
    ) -> Result<()> {
        let mut bytes = Vec::new();
        for piece in file.chunks(1 << 14).chain([&[][..]]) {
            let at = number.take();
            scanner.upload(Header {
                length: u32::try_from(piece.len())?,
                sequence: at,
            })?;
            bytes.extend(framed(at, piece));
        }
        self.send(&bytes).await
    }

    /// Sends a query and hears the reply.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<(Vec<Said>, Outcome)> {
        let mut bytes = Vec::new();
        command::write_query(&mut bytes, self.capabilities, sql.as_bytes());
        self.send(&bytes).await?;
        self.reply(ReplyKind::TextResults, 0, b"").await
    }

    /// Sends a query; the first column of the first row, or the first error.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Result<String, (u16, String)>> {
        let (heard, outcome) = self.query(sql).await?;
        if let Some(error) = first_error(&heard) {
            return Ok(Err(error));
        }
        ensure!(outcome == Outcome::Whole, "closed after {sql}");
        Ok(Ok(first_value(&heard)))
    }

    /// Sends a query that must succeed.
    pub(crate) async fn must(&mut self, sql: &str) -> Result<String> {
        match self.ask(sql).await? {
            Ok(value) => Ok(value),
            Err(error) => bail!("{sql}: {error:?}"),
        }
    }

    /// Closes without a word, in the rudest way there is.
    pub(crate) fn reset(self) {
        // Zero linger makes the close a reset.
        let _ = self.socket.set_linger(Some(Duration::ZERO));
    }
}

fn refused(error: &ErrPacket<'_>) -> Refused {
    Refused {
        code: error.code,
        message: String::from_utf8_lossy(error.message).into_owned(),
    }
}

/// A payload as packets, the first of which has this number.
pub(crate) fn framed(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sequence = Sequence::after(number);
    tollgate_wire_mysql::output::packet(&mut bytes, &mut sequence, |bytes| {
        bytes.extend_from_slice(payload);
    });
    bytes
}

fn take(buffer: &mut BytesMut) -> Option<Packet> {
    let Frame::Complete(header) = frame::next(buffer) else {
        return None;
    };
    buffer.advance(HEADER_LEN);
    let payload = buffer.split_to(header.payload_len()).to_vec();
    Some(Packet {
        number: header.sequence,
        payload,
    })
}

/// The text of the first column of the first row; `NULL` for none, empty when there is no row.
pub(crate) fn first_value(heard: &[Said]) -> String {
    let row = heard.iter().find(|(part, _)| *part == Part::Row);
    let value = row.and_then(|(_, row)| text_values(row).next());
    match value {
        None => String::new(),
        Some(Ok(Some(text))) => String::from_utf8_lossy(text).into_owned(),
        Some(Ok(None) | Err(_)) => "NULL".to_owned(),
    }
}

/// Code and message of the first error.
pub(crate) fn first_error(heard: &[Said]) -> Option<(u16, String)> {
    let error = heard
        .iter()
        .find(|(part, _)| matches!(part, Part::Error { .. }));
    let error = ErrPacket::parse(&error?.1).ok()?;
    let message = String::from_utf8_lossy(error.message).into_owned();
    Some((error.code, message))
}
