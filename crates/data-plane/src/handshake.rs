//! The first bytes of a client connection, up to a value: a login, a cancel request, or the end.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tollgate_wire_postgres::backend::{self, ErrorFields};
use tollgate_wire_postgres::secret::CancelSecret;
use tollgate_wire_postgres::startup::{FirstPacket, StartupError, StartupMessage, first_packet};

use crate::goodbye;
use crate::reply;
use crate::stream::{Stream, TlsInfo, accept_tls};
use crate::tls::ServerTls;

/// How a handshake ends.
pub(crate) enum Outcome {
    /// The client wants to log in.
    Login(Box<Login>),
    /// The client wants another connection's request cancelled.
    Cancel {
        /// Process id of that connection.
        process_id: i32,
        /// Its secret.
        secret: CancelSecret,
        /// The connection, whose end tells the client that the request has been acted upon.
        stream: Stream,
    },
    /// Nothing more to do; the client was told why, if there was anything to tell.
    Closed(&'static str),
}

/// A startup packet and the connection it came over.
pub(crate) struct Login {
    /// The connection.
    pub(crate) stream: Stream,
    /// Bytes that came behind the startup packet.
    pub(crate) rest: BytesMut,
    /// The packet.
    pub(crate) startup: StartupMessage,
    /// TLS, if any.
    pub(crate) tls: Option<TlsInfo>,
    /// What the client has not been told yet: it is sent in front of whatever comes next.
    pub(crate) unsent: Vec<u8>,
}

/// Which upgrades the client has asked for; each may be asked once.
#[derive(Default)]
struct Asked {
    tls: u8,
    gss: u8,
}

/// Drives the handshake. The caller bounds its time; dropping it closes the connection.
pub(crate) async fn handshake(socket: TcpStream, tls: &Arc<ServerTls>) -> std::io::Result<Outcome> {
    let mut first = [0_u8; 1];
    if socket.peek(&mut first).await? == 0 {
        return Ok(Outcome::Closed("closed before the first byte"));
    }
    if first == [0x16] {
        // Direct TLS (PostgreSQL 17): the client must have agreed on ALPN `postgresql`, which the
        // configuration enforces.
        let (stream, info) = accept_tls(socket, Arc::clone(&tls.direct)).await?;
        return startup(stream, Some(info), Asked { tls: 1, gss: 1 }, tls).await;
    }
    startup(Stream::Plain(socket), None, Asked::default(), tls).await
}

async fn startup(
    mut stream: Stream,
    mut info: Option<TlsInfo>,
    mut asked: Asked,
    tls: &Arc<ServerTls>,
) -> std::io::Result<Outcome> {
    let mut input = BytesMut::with_capacity(1024);
    loop {
        let packet = first_packet(&input);
        let used = packet.consumed();
        let rest_len = input.len().saturating_sub(used);
        match packet {
            FirstPacket::NeedMore => {
                if stream.read_some(&mut input).await? == 0 {
                    return Ok(Outcome::Closed("closed during the handshake"));
                }
            }
            FirstPacket::SslRequest if asked.tls == 0 => {
                asked.tls = 1;
                if rest_len > 0 {
                    // CVE-2021-23222: bytes sent before TLS could be taken for bytes sent inside it.
                    return refuse(stream, "received unencrypted data after SSL request").await;
                }
                let Stream::Plain(mut socket) = stream else {
                    return Ok(Outcome::Closed("TLS inside TLS"));
                };
                tokio::io::AsyncWriteExt::write_all(&mut socket, b"S").await?;
                let (upgraded, new_info) = accept_tls(socket, Arc::clone(&tls.upgraded)).await?;
                stream = upgraded;
                info = Some(new_info);
                asked.gss = 1;
                input.clear();
            }
            FirstPacket::GssEncRequest if asked.gss == 0 => {
                asked.gss = 1;
                if rest_len > 0 {
                    return refuse(
                        stream,
                        "received unencrypted data after GSSAPI encryption request",
                    )
                    .await;
                }
                stream.write_all(b"N").await?;
                input.clear();
            }
            FirstPacket::SslRequest | FirstPacket::GssEncRequest => {
                return refuse(stream, "encryption was already negotiated").await;
            }
            FirstPacket::DirectTls => {
                return refuse(stream, "TLS must come first or after an SSL request").await;
            }
            FirstPacket::Cancel { process_id, secret } => {
                return Ok(Outcome::Cancel {
                    process_id,
                    secret,
                    stream,
                });
            }
            FirstPacket::Startup(message) => {
                let rest = input.split_off(used);
                return negotiated(Login {
                    stream,
                    rest,
                    startup: message,
                    tls: info,
                    unsent: Vec::new(),
                })
                .await;
            }
            FirstPacket::Invalid(error) => return refuse_startup(stream, &error).await,
        }
    }
}

/// Tells the client what is not spoken, if it asked for more than is.
async fn negotiated(mut login: Login) -> std::io::Result<Outcome> {
    if let Some(answer) = login.startup.negotiation() {
        let mut out = Vec::new();
        backend::negotiate_protocol_version(&mut out, answer.newest_minor, &answer.unknown_options);
        login.stream.write_all(&out).await?;
    }
    Ok(Outcome::Login(Box::new(login)))
}

/// Refuses a startup packet in the form its sender understands.
async fn refuse_startup(mut stream: Stream, error: &StartupError) -> std::io::Result<Outcome> {
    let mut out = Vec::new();
    if error.wants_old_style() {
        backend::old_style_error(&mut out, &error.to_string());
    } else {
        backend::error_response(
            &mut out,
            &ErrorFields::fatal(error.sqlstate(), error.to_string()),
        );
    }
    stream.write_all(&out).await?;
    goodbye::close(stream).await;
    Ok(Outcome::Closed("bad startup packet"))
}

async fn refuse(mut stream: Stream, why: &str) -> std::io::Result<Outcome> {
    let mut out = Vec::new();
    backend::error_response(&mut out, &reply::protocol_violation(why));
    stream.write_all(&out).await?;
    goodbye::close(stream).await;
    Ok(Outcome::Closed("protocol violation"))
}
