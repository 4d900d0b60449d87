//! A client that logs in with SCRAM and then sends any bytes, hears every message, and may die rudely.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tollgate_testkit::ClientTls;
use tollgate_testkit::scripted::{self, Message, SSL_REQUEST};
use tollgate_wire_postgres::scram::{ClientBinding, ClientCredential, ScramClient};
use tollgate_wire_postgres::secret::Secret;

use crate::fixture::Fixture;

/// The code of a cancel request. PostgreSQL manual, "Message Formats".
const CANCEL_REQUEST: u32 = 80_877_102;

/// How long to wait for the next byte before the connection counts as hung.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where and as whom to log in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) password: String,
    /// Further startup parameters.
    pub(crate) startup: Vec<(String, String)>,
    /// Encrypts if there is one.
    pub(crate) tls: Option<ClientTls>,
    /// How long to wait for the next byte before the connection counts as hung.
    pub(crate) patience: Duration,
}

impl Door {
    /// As the user of every fixture, without TLS.
    pub(crate) fn new(port: u16, database: &str) -> Self {
        Self {
            port,
            user: "app".to_owned(),
            database: database.to_owned(),
            password: Fixture::password().to_owned(),
            startup: Vec::new(),
            tls: None,
            patience: PATIENCE,
        }
    }
}

/// A connection's bytes.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// A logged-in connection.
pub(crate) struct Raw {
    stream: Box<dyn Wire>,
    /// The same socket, to close it rudely.
    socket: socket2::Socket,
    patience: Duration,
    buffer: BytesMut,
    /// Everything the server said after the login.
    pub(crate) greeting: Vec<Message>,
    /// Process id and secret for a cancel request.
    pub(crate) key: Vec<u8>,
}

impl Raw {
    /// Logs in and hears the greeting.
    pub(crate) async fn login(door: &Door) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, door.port))
            .await
            .context("connecting")?;
        stream.set_nodelay(true)?;
        let socket = socket2::SockRef::from(&stream).try_clone()?;
        let stream: Box<dyn Wire> = match &door.tls {
            None => Box::new(stream),
            Some(tls) => encrypted(stream, tls).await?,
        };
        let mut raw = Self {
            stream,
            socket,
            patience: door.patience,
            buffer: BytesMut::new(),
            greeting: Vec::new(),
            key: Vec::new(),
        };
        let mut parameters = vec![
            ("user", door.user.as_str()),
            ("database", door.database.as_str()),
        ];
        let more = door.startup.iter();
        parameters.extend(more.map(|(name, value)| (name.as_str(), value.as_str())));
        raw.send(&scripted::startup(0, &parameters)).await?;
        raw.prove(&door.password).await?;
        raw.greeting = raw.until_ready().await?;
        let key = raw.greeting.iter().find(|message| message.tag == b'K');
        raw.key = key.map(|key| key.body.clone()).unwrap_or_default();
        Ok(raw)
    }

    async fn prove(&mut self, password: &str) -> Result<()> {
        let (_, binding) = ClientBinding::choose(&["SCRAM-SHA-256"], None)?;
        let credential = ClientCredential::Password(Secret::from(password));
        let client = ScramClient::new(credential, "0123456789abcdef01234567", binding)?;
        let (first, client) = client.client_first();
        self.asked(10).await?;
        let mut body = b"SCRAM-SHA-256\0".to_vec();
        body.extend(u32::try_from(first.len())?.to_be_bytes());
        body.extend(&first);
        self.send(&scripted::message(b'p', &body)).await?;
        let challenge = self.asked(11).await?;
        let answer = client.server_first(&challenge)?;
        self.send(&scripted::message(b'p', &answer.message)).await?;
        let proof = self.asked(12).await?;
        answer.next.server_final(&proof)?;
        Ok(())
    }

    /// An authentication message of this kind, without the kind.
    async fn asked(&mut self, kind: u32) -> Result<Vec<u8>> {
        let message = self.next().await?;
        let body = message.body.strip_prefix(&kind.to_be_bytes());
        match (message.tag, body) {
            (b'R', Some(rest)) => Ok(rest.to_vec()),
            _ => bail!("refused: {}", describe(&message)),
        }
    }

    /// Sends these bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(self.patience, self.stream.write_all(bytes))
            .await
            .context("nobody takes the bytes")?
            .context("sending")?;
        self.stream.flush().await.context("sending")
    }

    /// The next message; `None` when the other side has closed.
    pub(crate) async fn hear(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(message) = take(&mut self.buffer)? {
                return Ok(Some(message));
            }
            let read = timeout(self.patience, self.stream.read_buf(&mut self.buffer))
                .await
                .context("the connection hangs")?;
            if !read.is_ok_and(|length| length > 0) {
                ensure!(self.buffer.is_empty(), "closed inside a message");
                return Ok(None);
            }
        }
    }

    /// The next message; a close is an error.
    pub(crate) async fn next(&mut self) -> Result<Message> {
        self.hear().await?.context("the connection was closed")
    }

    /// Messages up to `ReadyForQuery`; a close is an error.
    pub(crate) async fn until_ready(&mut self) -> Result<Vec<Message>> {
        let mut heard = Vec::new();
        loop {
            let message = self.next().await?;
            let ready = message.tag == b'Z';
            heard.push(message);
            if ready {
                return Ok(heard);
            }
        }
    }

    /// Sends while it hears, so that neither side waits for the other, until `done` says so or the other
    /// side closes.
    pub(crate) async fn exchange(
        &mut self,
        pieces: &[Vec<u8>],
        mut done: impl FnMut(&Message) -> Heard,
    ) -> Result<Vec<Message>> {
        let patience = self.patience;
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let buffer = &mut self.buffer;
        let mut heard = Vec::new();
        let hearing = async {
            loop {
                while let Some(message) = take(buffer)? {
                    let verdict = done(&message);
                    heard.push(message);
                    match verdict {
                        Heard::GoOn => {}
                        Heard::Enough => return anyhow::Ok(()),
                    }
                }
                let length = timeout(patience, read.read_buf(buffer))
                    .await
                    .context("the connection hangs")?;
                if !length.is_ok_and(|length| length > 0) {
                    ensure!(buffer.is_empty(), "closed inside a message");
                    return Ok(());
                }
            }
        };
        let saying = async {
            say(&mut write, pieces).await;
            std::future::pending::<()>().await;
        };
        let result = tokio::select! {
            result = hearing => result,
            () = saying => Ok(()),
        };
        let said = || heard.iter().map(describe).collect::<Vec<_>>();
        result.with_context(|| format!("after hearing {:#?}", said()))?;
        Ok(heard)
    }

    /// Sends while it hears what comes in the meantime.
    pub(crate) async fn pour(
        &mut self,
        pieces: &[Vec<u8>],
        heard: &mut Vec<Message>,
    ) -> Result<()> {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let buffer = &mut self.buffer;
        let hearing = async {
            // A connection that has closed is noticed by who hears next.
            while read.read_buf(buffer).await.is_ok_and(|length| length > 0) {}
            std::future::pending::<()>().await;
        };
        let saying = timeout(self.patience, say(&mut write, pieces));
        tokio::select! {
            said = saying => said.context("nobody takes the bytes")?,
            () = hearing => {}
        }
        while let Some(message) = take(&mut self.buffer)? {
            heard.push(message);
        }
        Ok(())
    }

    /// Hears until nothing has come for this long, or the other side has closed.
    pub(crate) async fn lull(&mut self, quiet: Duration, heard: &mut Vec<Message>) -> Result<()> {
        while let Ok(Ok(1..)) = timeout(quiet, self.stream.read_buf(&mut self.buffer)).await {
            while let Some(message) = take(&mut self.buffer)? {
                heard.push(message);
            }
        }
        Ok(())
    }

    /// Hears until so many messages have come in all, or the other side has closed.
    pub(crate) async fn hear_until(
        &mut self,
        count: usize,
        heard: &mut Vec<Message>,
    ) -> Result<()> {
        while heard.len() < count {
            let said = || heard.iter().map(describe).collect::<Vec<_>>();
            let next = self.hear().await;
            match next.with_context(|| format!("in a pause, having heard {:#?}", said()))? {
                Some(message) => heard.push(message),
                None => break,
            }
        }
        Ok(())
    }

    /// Closes without a word, in the rudest way there is.
    pub(crate) fn reset(self) {
        // Zero linger makes the close a reset.
        let _ = self.socket.set_linger(Some(Duration::ZERO));
    }
}

/// Asks for the cancel of what the session with this key is doing, and waits until that has been acted upon.
pub(crate) async fn cancel(door: &Door, key: &[u8]) -> Result<()> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, door.port))
        .await
        .context("connecting to cancel")?;
    let mut stream: Box<dyn Wire> = match &door.tls {
        None => Box::new(stream),
        Some(tls) => encrypted(stream, tls).await?,
    };
    let request = [&CANCEL_REQUEST.to_be_bytes()[..], key].concat();
    let length = u32::try_from(request.len() + 4)?;
    let request = [&length.to_be_bytes()[..], &request].concat();
    stream.write_all(&request).await.context("cancelling")?;
    stream.flush().await.context("cancelling")?;
    let mut answer = Vec::new();
    let closed = timeout(door.patience, stream.read_to_end(&mut answer)).await;
    // PostgreSQL closes without a word, and a reset is the same.
    drop(closed.context("nobody acts upon the cancel request")?);
    ensure!(answer.is_empty(), "a cancel request was answered");
    Ok(())
}

async fn encrypted(mut stream: TcpStream, tls: &ClientTls) -> Result<Box<dyn Wire>> {
    stream.write_all(&scripted::request(SSL_REQUEST)).await?;
    let answer = stream.read_u8().await?;
    ensure!(answer == b'S', "TLS refused: {answer}");
    Ok(Box::new(tls.connect("127.0.0.1", stream).await?))
}

/// What to do after a message.
pub(crate) enum Heard {
    GoOn,
    Enough,
}

/// A peer that has closed takes nothing any more; what it said before is still heard.
async fn say(write: &mut (impl AsyncWrite + Unpin), pieces: &[Vec<u8>]) {
    for piece in pieces {
        // Flushing hands over what TLS has encrypted.
        if write.write_all(piece).await.is_err() || write.flush().await.is_err() {
            return;
        }
        if pieces.len() > 1 {
            tokio::task::yield_now().await;
        }
    }
}

fn take(buffer: &mut BytesMut) -> Result<Option<Message>> {
    let Some((head, _)) = buffer.split_first_chunk::<5>() else {
        return Ok(None);
    };
    let [tag, length @ ..] = *head;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    let body = length.checked_sub(4).context("a length below four")?;
    if buffer.len() < body + 5 {
        return Ok(None);
    }
    buffer.advance(5);
    let body = buffer.split_to(body).to_vec();
    Ok(Some(Message { tag, body }))
}

/// One message for a failure's text.
pub(crate) fn describe(message: &Message) -> String {
    let tag = char::from(message.tag);
    if matches!(message.tag, b'E' | b'N') {
        let field = |code| message.field(code).unwrap_or_default();
        let more: Vec<String> = [b'D', b'H', b'P', b'p', b'q', b'W']
            .into_iter()
            .filter_map(|code| Some(format!(" {}: {:?}", char::from(code), message.field(code)?)))
            .collect();
        let more = more.concat();
        return format!(
            "{tag} {} {} {}{more}",
            field(b'S'),
            field(b'C'),
            field(b'M')
        );
    }
    let body = String::from_utf8_lossy(&message.body);
    let start: String = body.chars().take(60).collect();
    format!("{tag} {start:?} ({} bytes)", message.body.len())
}

/// The text of the first column of the first row.
pub(crate) fn first_value(messages: &[Message]) -> Option<String> {
    let row = messages.iter().find(|message| message.tag == b'D')?;
    let length = row.body.get(2..6)?.first_chunk::<4>()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    let value = row.body.get(6..6 + length)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// The SQLSTATE of the first error.
pub(crate) fn first_error(messages: &[Message]) -> Option<String> {
    let error = messages.iter().find(|message| message.tag == b'E')?;
    error.sqlstate()
}
