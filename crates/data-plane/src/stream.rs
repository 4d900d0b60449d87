//! A client or server byte stream, plain or TLS, that can move between shards while idle.
//!
//! TLS is rustls driven by hand over tokio's socket, so that a connection can leave one runtime and
//! enter another with its keys, and so that nothing is buffered beyond what rustls itself needs.

mod attempt;
mod direct;
mod readiness;

use std::fmt;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConfig, ServerConnection};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::task::coop;

use direct::Direct;
pub(crate) use readiness::Watch;

/// Most bytes that wait inside rustls for a peer that does not read. A write beyond it is `Pending`.
const TLS_OUTPUT_LIMIT: usize = 64 * 1024;

/// Bytes that one handshake read asks for; messages of a login are small.
const HANDSHAKE_READ: usize = 4096;

/// Reads without plaintext after which a connection that should be quiet is not: session tickets and key updates
/// take one or two.
const IDLE_FILLS: u32 = 16;

/// Silence after which the kernel asks whether a server is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);

/// Time between the kernel's questions.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Unanswered questions after which the kernel gives the connection up.
const KEEPALIVE_TRIES: u32 = 3;

/// A connected byte stream.
pub(crate) enum Stream {
    /// In the clear.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream>),
}

/// A socket and the TLS session on it.
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: rustls::Connection,
}

/// What a finished TLS handshake with a client says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsInfo {
    /// `1.2` or `1.3`.
    pub(crate) version: &'static str,
    /// Host name the client asked for.
    pub(crate) sni: Option<String>,
    /// Protocol agreed on.
    pub(crate) alpn: Option<Vec<u8>>,
}

/// Why a connection that should have been quiet is not.
#[derive(Debug)]
pub(crate) enum IdleEvent {
    /// The peer has closed it.
    Closed,
    /// The peer has sent something; it can still be read.
    Bytes,
    /// It broke.
    Failed(io::Error),
}

impl fmt::Display for IdleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer closed it"),
            Self::Bytes => f.write_str("the peer sent something"),
            Self::Failed(error) => write!(f, "it broke: {error}"),
        }
    }
}

/// An idle stream that belongs to no runtime: the form in which it moves to another shard.
pub(crate) struct Parked {
    tcp: std::net::TcpStream,
    session: Option<rustls::Connection>,
}

impl Parked {
    /// Enters the runtime of the calling thread.
    pub(crate) fn register(self) -> io::Result<Stream> {
        let tcp = TcpStream::from_std(self.tcp)?;
        Ok(match self.session {
            None => Stream::Plain(tcp),
            Some(session) => Stream::Tls(Box::new(TlsStream { tcp, session })),
        })
    }
}

impl Stream {
    /// Reads what is there into `buf`, which must not be empty. 0 means the peer has closed; a TLS
    /// stream cut without `close_notify` is an error of kind `UnexpectedEof`.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => attempt::poll_read(tcp, cx, buf),
            Self::Tls(tls) => tls.poll_read(cx, buf),
        }
    }

    /// Takes bytes from the front of `bufs` and sends them. Under TLS, bytes that are counted may still
    /// wait as ciphertext: see [`Stream::poll_flush`]. `Pending` means that none was taken.
    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(tcp) => attempt::poll_write_vectored(tcp, cx, bufs),
            Self::Tls(tls) => tls.poll_write_vectored(cx, bufs),
        }
    }

    /// Ready when every byte taken has been given to the kernel.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => tls.poll_push(cx),
        }
    }

    /// Whether bytes taken by a write still wait for the kernel.
    pub(crate) fn has_pending_output(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(tls) => tls.session.wants_write(),
        }
    }

    /// Watches an idle connection. Costs no system call while it stays quiet, and consumes nothing that
    /// the peer said: session tickets and key updates are dealt with, anything else is an event.
    pub(crate) fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<IdleEvent> {
        match self {
            Self::Plain(tcp) => {
                let mut byte = [0; 1];
                Poll::Ready(
                    match ready!(tcp.poll_peek(cx, &mut ReadBuf::new(&mut byte))) {
                        Ok(0) => IdleEvent::Closed,
                        Ok(_) => IdleEvent::Bytes,
                        Err(error) => IdleEvent::Failed(error),
                    },
                )
            }
            Self::Tls(tls) => tls.poll_idle(cx),
        }
    }

    /// Sends `bytes` and says goodbye, as [`Stream::shutdown`] does. What the kernel does not take at once
    /// is lost.
    pub(crate) fn last_words(&mut self, bytes: &[u8]) {
        // A peer that is gone already cannot be told, and nothing depends on it.
        let _ = match self {
            Self::Plain(tcp) => tcp.try_write(bytes),
            Self::Tls(tls) => tls.session.writer().write(bytes),
        };
        self.shutdown();
    }

    /// Says goodbye as far as the kernel takes it at once (`close_notify`, then FIN), behind what waits inside TLS.
    pub(crate) fn shutdown(&mut self) {
        // A peer that is gone already cannot be told, and nothing depends on it.
        let _ = match self {
            Self::Plain(tcp) => SockRef::from(&*tcp).shutdown(std::net::Shutdown::Write),
            Self::Tls(tls) => tls.shutdown(),
        };
    }

    /// The other end's address.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    /// Whether bytes are encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(_) => true,
        }
    }

    /// `1.2` or `1.3` under TLS.
    pub(crate) fn tls_version(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(version_name(&tls.session)),
        }
    }

    /// The certificate the peer has proved to own.
    pub(crate) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => tls.session.peer_certificates()?.first(),
        }
    }

    /// Leaves this thread's runtime.
    pub(crate) fn deregister(self) -> io::Result<Parked> {
        Ok(match self {
            Self::Plain(tcp) => Parked {
                tcp: tcp.into_std()?,
                session: None,
            },
            Self::Tls(tls) => Parked {
                tcp: tls.tcp.into_std()?,
                session: Some(tls.session),
            },
        })
    }

    /// Appends what the peer sent to `buf` and returns how much it was. For handshakes. Cancel-safe.
    pub(crate) async fn read_some(&mut self, buf: &mut BytesMut) -> io::Result<usize> {
        // Callers loop, and a peer may never run dry.
        coop::consume_budget().await;
        std::future::poll_fn(|cx| {
            let before = buf.len();
            buf.resize(before + HANDSHAKE_READ, 0);
            let read = self.poll_read(cx, &mut buf[before..]);
            let count = match &read {
                Poll::Ready(Ok(count)) => *count,
                Poll::Ready(Err(_)) | Poll::Pending => 0,
            };
            buf.truncate(before + count);
            read
        })
        .await
    }

    /// Sends all of `bytes`. For handshakes. Not cancel-safe: what was sent before is unknown.
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let count =
                std::future::poll_fn(|cx| self.poll_write_vectored(cx, &[IoSlice::new(rest)]))
                    .await?;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[count..];
        }
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.tcp,
        }
    }
}

/// Shakes hands with a client. Does not end by itself on a silent client: the caller limits the time.
pub(crate) async fn accept_tls(
    tcp: TcpStream,
    config: Arc<ServerConfig>,
) -> io::Result<(Stream, TlsInfo)> {
    let session = ServerConnection::new(config).map_err(invalid)?;
    let mut tls = Box::new(TlsStream::new(tcp, session.into()));
    std::future::poll_fn(|cx| tls.poll_handshake(cx)).await?;
    let info = TlsInfo {
        version: version_name(&tls.session),
        sni: match &tls.session {
            rustls::Connection::Server(server) => server.server_name().map(str::to_owned),
            rustls::Connection::Client(_) => None,
        },
        alpn: tls.session.alpn_protocol().map(<[u8]>::to_vec),
    };
    Ok((Stream::Tls(tls), info))
}

/// Shakes hands with a server. The caller limits the time.
pub(crate) async fn connect_tls(
    tcp: TcpStream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> io::Result<Stream> {
    let session = ClientConnection::new(config, name).map_err(invalid)?;
    let mut tls = Box::new(TlsStream::new(tcp, session.into()));
    std::future::poll_fn(|cx| tls.poll_handshake(cx)).await?;
    Ok(Stream::Tls(tls))
}

/// Sets up a socket towards a client: small messages leave at once.
pub(crate) fn tune_client_socket(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)
}

/// Sets up a socket towards a server: small messages leave at once, and a peer that vanished without a
/// word is found out within about a minute although idle connections send nothing.
pub(crate) fn tune_server_socket(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_TRIES);
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}

impl TlsStream {
    fn new(tcp: TcpStream, mut session: rustls::Connection) -> Self {
        session.set_buffer_limit(Some(TLS_OUTPUT_LIMIT));
        Self { tcp, session }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.session.reader().read(buf) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
        loop {
            ready!(self.poll_fill(cx))?;
            match self.session.reader().read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            // A peer may send tickets without end, and no plaintext.
            ready!(coop::poll_proceed(cx)).made_progress();
        }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<IdleEvent> {
        for _ in 0..IDLE_FILLS {
            match self.session.reader().fill_buf() {
                Ok([]) => return Poll::Ready(IdleEvent::Closed),
                Ok(_) => return Poll::Ready(IdleEvent::Bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(IdleEvent::Failed(error)),
            }
            if let Err(error) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(IdleEvent::Failed(error));
            }
        }
        Poll::Ready(IdleEvent::Bytes)
    }

    /// Takes ciphertext from the socket once and decrypts it. 0 means the socket is at its end, which
    /// the session's reader then reports as a clean or a cut end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let count = match self.session.read_tls(&mut Polled { tcp: &self.tcp, cx }) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let processed = self.session.process_new_packets();
        if self.session.wants_write() && !self.session.is_handshaking() {
            // The answer to a key update, or an alert. If the kernel is full it leaves with the next write.
            let _ = self.poll_push(cx);
        }
        match processed {
            Ok(_) => Poll::Ready(Ok(count)),
            Err(error) => {
                let _ = self.poll_push(cx);
                Poll::Ready(Err(invalid(error)))
            }
        }
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut taken = self.session.writer().write_vectored(bufs)?;
        let pushed = self.poll_push(cx)?;
        if taken == 0 && pushed.is_ready() {
            taken = self.session.writer().write_vectored(bufs)?;
            let _ = self.poll_push(cx)?;
        }
        if taken == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
            // The buffer is full of earlier bytes; pushing them has registered the waker.
            return Poll::Pending;
        }
        Poll::Ready(Ok(taken))
    }

    /// Gives the kernel all ciphertext that waits.
    fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Polled { tcp: &self.tcp, cx }) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let pushed = self.poll_push(cx)?;
            if !self.session.is_handshaking() {
                return pushed.map(Ok);
            }
            if ready!(self.poll_fill(cx))? == 0 && self.session.is_handshaking() {
                let cut = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the connection was closed during the TLS handshake",
                );
                return Poll::Ready(Err(cut));
            }
        }
    }

    fn shutdown(&mut self) -> io::Result<()> {
        self.session.send_close_notify();
        while self.session.wants_write() {
            match self.session.write_tls(&mut Direct(&self.tcp)) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        SockRef::from(&self.tcp).shutdown(std::net::Shutdown::Write)
    }
}

fn version_name(session: &rustls::Connection) -> &'static str {
    match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        // rustls speaks no other version, and both ends of this file ask after the handshake only.
        _ => "unknown",
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Lets rustls read and write the socket inside a poll: `Pending` becomes `WouldBlock`, and the waker
/// is registered.
struct Polled<'socket, 'cx, 'waker> {
    tcp: &'socket TcpStream,
    cx: &'cx mut Context<'waker>,
}

impl Read for Polled<'_, '_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        blocking(attempt::poll_read(self.tcp, self.cx, buf))
    }
}

impl Write for Polled<'_, '_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        blocking(attempt::poll_write(self.tcp, self.cx, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        blocking(attempt::poll_write_vectored(self.tcp, self.cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn blocking<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

#[cfg(test)]
mod tests;
