//! A PostgreSQL client that sends exactly the bytes it is told to and shows every message it gets.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::ClientTls;

/// How long a scripted client waits for the next byte before it gives up.
const PATIENCE: Duration = Duration::from_mins(1);

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One backend message: its tag and its body without the length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The tag byte (`b'Z'`, `b'E'`, …).
    pub tag: u8,
    /// Everything behind the length.
    pub body: Vec<u8>,
}

impl Message {
    /// A field of an `ErrorResponse` or `NoticeResponse`, for instance `b'C'` for the SQLSTATE.
    pub fn field(&self, code: u8) -> Option<String> {
        let mut rest = self.body.as_slice();
        while let Some((&kind, after)) = rest.split_first() {
            if kind == 0 {
                return None;
            }
            let end = after.iter().position(|byte| *byte == 0)?;
            if kind == code {
                return Some(String::from_utf8_lossy(after.get(..end)?).into_owned());
            }
            rest = after.get(end.checked_add(1)?..)?;
        }
        None
    }

    /// The SQLSTATE of an `ErrorResponse`.
    pub fn sqlstate(&self) -> Option<String> {
        self.field(b'C')
    }
}

/// How a read ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A whole message.
    Message(Message),
    /// The other side closed (or reset) between two messages.
    Closed,
}

/// A raw connection to a PostgreSQL port.
pub struct ScriptedClient {
    stream: Box<dyn Wire>,
    buffer: BytesMut,
}

impl std::fmt::Debug for ScriptedClient {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ScriptedClient").finish_non_exhaustive()
    }
}

impl ScriptedClient {
    /// Connects to `port` on loopback and sends nothing.
    pub async fn plain(port: u16) -> Result<Self> {
        Ok(Self::over(tcp(port).await?))
    }

    /// Connects, asks for TLS with an `SSLRequest` and shakes hands.
    pub async fn tls(port: u16, tls: &ClientTls) -> Result<Self> {
        let mut stream = tcp(port).await?;
        stream.write_all(&request(SSL_REQUEST)).await?;
        let answer = timeout(PATIENCE, stream.read_u8()).await??;
        ensure!(
            answer == b'S',
            "SSLRequest was answered {:?}",
            char::from(answer)
        );
        Ok(Self::over(tls.connect("127.0.0.1", stream).await?))
    }

    /// Connects and starts with the TLS handshake (PostgreSQL 17's direct TLS).
    pub async fn direct_tls(port: u16, tls: &ClientTls) -> Result<Self> {
        Ok(Self::over(
            tls.connect("127.0.0.1", tcp(port).await?).await?,
        ))
    }

    fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: BytesMut::new(),
        }
    }

    /// Sends these bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await.context("sending")?;
        self.stream.flush().await.context("sending")
    }

    /// Sends one message with a tag.
    pub async fn send_message(&mut self, tag: u8, body: &[u8]) -> Result<()> {
        self.send(&message(tag, body)).await
    }

    /// Sends a startup packet of protocol 3.`minor` with these parameters.
    pub async fn startup(&mut self, minor: u16, parameters: &[(&str, &str)]) -> Result<()> {
        self.send(&startup(minor, parameters)).await
    }

    /// Sends a simple query.
    pub async fn query(&mut self, sql: &str) -> Result<()> {
        self.send_message(b'Q', &c_string(sql)).await
    }

    /// Startup, then a password in clear text when asked, up to the first `ReadyForQuery`.
    ///
    /// Returns everything heard on the way; a refusal is an error that shows the message.
    pub async fn login(
        &mut self,
        user: &str,
        database: &str,
        password: &str,
    ) -> Result<Vec<Message>> {
        self.startup(0, &[("user", user), ("database", database)])
            .await?;
        let asked = self.next().await?;
        ensure!(
            asked.tag == b'R' && asked.body == 3_u32.to_be_bytes(),
            "expected a request for a clear-text password, got {}",
            describe(&asked)
        );
        self.send_message(b'p', &c_string(password)).await?;
        self.until_ready().await
    }

    /// The next message; a close is an error.
    pub async fn next(&mut self) -> Result<Message> {
        match self.hear().await? {
            Heard::Message(message) => Ok(message),
            Heard::Closed => bail!("the connection was closed"),
        }
    }

    /// Messages up to and including `ReadyForQuery`; a FATAL error or a close is an error.
    pub async fn until_ready(&mut self) -> Result<Vec<Message>> {
        let mut heard = Vec::new();
        loop {
            let message = self.next().await?;
            let fatal = message.tag == b'E' && message.field(b'V').as_deref() == Some("FATAL");
            ensure!(!fatal, "refused: {}", describe(&message));
            let ready = message.tag == b'Z';
            heard.push(message);
            if ready {
                return Ok(heard);
            }
        }
    }

    /// Messages up to the close.
    pub async fn until_closed(&mut self) -> Result<Vec<Message>> {
        let mut heard = Vec::new();
        while let Heard::Message(message) = self.hear().await? {
            heard.push(message);
        }
        Ok(heard)
    }

    /// One byte that is no message (the answer to `SSLRequest` or `GSSENCRequest`).
    pub async fn byte(&mut self) -> Result<u8> {
        while self.buffer.is_empty() {
            ensure!(self.fill().await?, "closed instead of a byte");
        }
        Ok(self.buffer.get_u8())
    }

    /// The next message or the close.
    pub async fn hear(&mut self) -> Result<Heard> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Heard::Message(message));
            }
            if !self.fill().await? {
                ensure!(
                    self.buffer.is_empty(),
                    "closed inside a message after {:02x?}",
                    self.buffer
                );
                return Ok(Heard::Closed);
            }
        }
    }

    fn take(&mut self) -> Result<Option<Message>> {
        let Some((head, _)) = self.buffer.split_first_chunk::<5>() else {
            return Ok(None);
        };
        let [tag, length @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        let body = length.checked_sub(4).context("a length below four")?;
        if self.buffer.len() < body.saturating_add(5) {
            return Ok(None);
        }
        self.buffer.advance(5);
        let body = self.buffer.split_to(body).to_vec();
        Ok(Some(Message { tag, body }))
    }

    /// Reads more bytes; `false` when the other side has closed. A reset counts as a close.
    async fn fill(&mut self) -> Result<bool> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer))
            .await
            .context("nothing came within the scripted client's patience")?;
        Ok(read.is_ok_and(|length| length > 0))
    }
}

/// `SSLRequest` (PostgreSQL "Message Formats").
pub const SSL_REQUEST: u32 = 80_877_103;
/// `GSSENCRequest`.
pub const GSS_ENC_REQUEST: u32 = 80_877_104;
/// `CancelRequest`.
pub const CANCEL_REQUEST: u32 = 80_877_102;

/// A request packet that consists of its code only.
pub fn request(code: u32) -> Vec<u8> {
    let mut packet = 8_u32.to_be_bytes().to_vec();
    packet.extend(code.to_be_bytes());
    packet
}

/// A `CancelRequest` for a key as `BackendKeyData` gave it (process id, then the secret).
pub fn cancel_request(key: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    packet.put_u32(u32::try_from(key.len().saturating_add(8)).unwrap_or(u32::MAX));
    packet.put_u32(CANCEL_REQUEST);
    packet.put_slice(key);
    packet
}

/// A startup packet.
pub fn startup(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u16(3);
    body.put_u16(minor);
    for (name, value) in parameters {
        body.extend(c_string(name));
        body.extend(c_string(value));
    }
    body.put_u8(0);
    let mut packet = Vec::new();
    packet.put_u32(u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX));
    packet.extend(body);
    packet
}

/// A message with a tag and a length.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.put_u32(u32::try_from(body.len().saturating_add(4)).unwrap_or(u32::MAX));
    bytes.put_slice(body);
    bytes
}

/// Text with a terminating zero byte.
pub fn c_string(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn describe(message: &Message) -> String {
    match (message.sqlstate(), message.field(b'M')) {
        (Some(state), Some(text)) => format!("{state} {text}"),
        _ => format!("{:?} {:02x?}", char::from(message.tag), message.body),
    }
}

async fn tcp(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("connecting to port {port}"))?;
    stream.set_nodelay(true).context("setting TCP_NODELAY")?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HostAuth, Postgres, PostgresOptions, PostgresVersion, TestCa};

    #[tokio::test]
    async fn logs_in_and_queries_over_tls() {
        let ca = TestCa::new().unwrap();
        let options = PostgresOptions::new(PostgresVersion::newest().unwrap())
            .auth(HostAuth::Cleartext)
            .tls(ca.server(&["127.0.0.1"]).unwrap());
        let postgres = Postgres::start_with(options).unwrap();
        let tls = ClientTls::trusting(&ca.cert_pem()).unwrap();
        let mut client = ScriptedClient::tls(postgres.port(), &tls).await.unwrap();
        let password = Postgres::superuser_password();
        client
            .login("postgres", "postgres", password)
            .await
            .unwrap();
        client.query("SELECT 7").await.unwrap();
        let tags: Vec<u8> = client
            .until_ready()
            .await
            .unwrap()
            .iter()
            .map(|m| m.tag)
            .collect();
        assert_eq!(tags, b"TDCZ");
    }

    #[tokio::test]
    async fn shows_the_fields_of_a_refusal() {
        let postgres = Postgres::start(PostgresVersion::newest().unwrap()).unwrap();
        let mut client = ScriptedClient::plain(postgres.port()).await.unwrap();
        client
            .startup(0, &[("user", "postgres"), ("database", "")])
            .await
            .unwrap();
        client.send_message(b'p', b"rubbish").await.unwrap();
        let heard = client.until_closed().await.unwrap();
        let last = heard.last().unwrap();
        assert_eq!(
            (last.tag, last.sqlstate().as_deref()),
            (b'E', Some("08P01"))
        );
    }

    #[test]
    fn encodes_packets_as_the_manual_says() {
        assert_eq!(request(SSL_REQUEST), [0, 0, 0, 8, 4, 210, 22, 47]);
        assert_eq!(
            startup(2, &[("user", "u")]),
            b"\0\0\0\x10\0\x03\0\x02user\0u\0\0"
        );
        assert_eq!(cancel_request(&[0, 0, 0, 1, 9, 9, 9, 9]).len(), 16);
        assert_eq!(message(b'Q', b"x\0"), b"Q\0\0\0\x06x\0");
    }
}
