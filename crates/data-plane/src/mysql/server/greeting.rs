//! The way to a server up to its login: what it greets with, and TLS.

use std::sync::Arc;

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tollgate_types::{ProbeStep, TargetConfig, TlsMode};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::frame::{MAX_SERVER_LOGIN_PACKET, Sequence};
use tollgate_wire_mysql::handshake::{Greeting, ServerFirst, server_first, tls_request};

use super::ServerError;
use super::terms::{MAX_PACKET, Terms};
use crate::mysql::packets::Packets;
use crate::server::{Deadline, OpenError, OpenErrorKind, Security};
use crate::stream::{Stream, connect_tls};
use crate::tls;

/// A server that has greeted, over a stream that is encrypted as far as the target's policy wants it.
pub(crate) struct Greeted {
    /// Ready for the login.
    pub(crate) stream: Stream,
    /// What the TLS step found.
    pub(crate) how: Security,
    /// What the server said.
    pub(super) greeting: Greeting,
    /// Number of the login's packet.
    pub(super) sequence: Sequence,
}

/// What a server may say first.
enum First {
    Greeting(Box<Greeting>),
    Refusal(Box<ServerError>),
}

/// Reads the greeting and brings TLS up. The server's own refusal counts as a failed login; what else is wrong
/// with the greeting fails the step of TLS, even where there will be none, because it is what comes next.
pub(crate) async fn greeted(
    tcp: TcpStream,
    target: &TargetConfig,
    tls: Option<&Arc<ClientConfig>>,
    (terms, deadline): (&Terms, Deadline),
) -> Result<Greeted, OpenError> {
    let mut stream = Stream::Plain(tcp);
    let mut sequence = Sequence::start();
    let first = deadline.limit(ProbeStep::Tls, first(&mut stream, &mut sequence));
    let greeting = match first.await? {
        First::Greeting(greeting) => *greeting,
        First::Refusal(error) => {
            return Err(OpenError {
                step: ProbeStep::Auth,
                kind: OpenErrorKind::MySql(error),
            });
        }
    };
    let offered = greeting.capabilities.contains(Capabilities::SSL);
    let how = match (target.tls.mode, offered) {
        (TlsMode::Disable, _) => Security::Off,
        (TlsMode::Prefer, false) => Security::NotOffered,
        (TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull, false) => {
            return Err(OpenError::tls_policy(
                "the server does not offer it, and the target's policy requires it",
            ));
        }
        (TlsMode::Prefer | TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull, true) => {
            let config = tls.ok_or_else(|| {
                OpenError::tls_policy("the target's TLS policy has no configuration")
            })?;
            let capabilities = terms.towards(&greeting);
            let mut request = Vec::new();
            tls_request(
                &mut request,
                &mut sequence,
                capabilities,
                MAX_PACKET,
                terms.collation,
            );
            let part = upgrade(stream, &target.host, Arc::clone(config), &request);
            stream = deadline.limit(ProbeStep::Tls, part).await?;
            Security::Encrypted
        }
    };
    Ok(Greeted {
        stream,
        how,
        greeting,
        sequence,
    })
}

async fn first(stream: &mut Stream, sequence: &mut Sequence) -> Result<First, OpenErrorKind> {
    let mut input = BytesMut::new();
    let payload = Packets {
        stream,
        input: &mut input,
        sequence,
        limit: MAX_SERVER_LOGIN_PACKET,
    }
    .next()
    .await?;
    // Bytes sent before TLS could be taken for bytes sent under it.
    if !input.is_empty() {
        let problem = "the server sent more than its greeting; is this MySQL?";
        return Err(OpenErrorKind::Protocol(problem.to_owned()));
    }
    Ok(match server_first(&payload)? {
        ServerFirst::Greeting(greeting) => First::Greeting(greeting),
        ServerFirst::Error(packet) => First::Refusal(Box::new(ServerError::of(&packet))),
    })
}

async fn upgrade(
    mut stream: Stream,
    host: &str,
    config: Arc<ClientConfig>,
    request: &[u8],
) -> Result<Stream, OpenErrorKind> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_invalid| OpenErrorKind::Tls(format!("\"{host}\" is not a valid server name")))?;
    stream.write_all(request).await?;
    let Stream::Plain(tcp) = stream else {
        return Err(OpenErrorKind::Tls("TLS is up already".to_owned()));
    };
    connect_tls(tcp, config, name)
        .await
        .map_err(|error| OpenErrorKind::Tls(tls::handshake_words(&error)))
}
