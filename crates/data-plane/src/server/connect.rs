//! The way to a server: name, address, socket, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tollgate_types::{ProbeStep, TargetConfig, TlsMode};
use tollgate_wire_postgres::startup::encode_ssl_request;

use super::{Deadline, OpenError, OpenErrorKind};
use crate::stream::{Stream, connect_tls, tune_server_socket};
use crate::tls;

/// A stream, and how it came to be encrypted or not.
pub(crate) struct Secured {
    /// Ready for the startup packet.
    pub(crate) stream: Stream,
    /// What the TLS step found.
    pub(crate) how: Security,
}

/// What the TLS step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// The policy says no TLS.
    Off,
    /// The policy would like TLS, the server has none.
    NotOffered,
    /// Encrypted.
    Encrypted,
}

/// The addresses behind the target's name, in the resolver's order.
pub(crate) async fn resolve(
    target: &TargetConfig,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, OpenError> {
    let host = target.host.as_str();
    let failed = |problem: String| OpenErrorKind::Dns {
        host: host.to_owned(),
        problem,
    };
    let part = async {
        let found = lookup_host((host, target.port))
            .await
            .map_err(|error| failed(error.to_string()))?;
        let addresses: Vec<SocketAddr> = found.collect();
        if addresses.is_empty() {
            return Err(failed("the name has no address".to_owned()));
        }
        Ok(addresses)
    };
    deadline.limit(ProbeStep::Dns, part).await
}

/// Connects to the first address that answers. Each gets its share of the time left, so that one that
/// swallows packets does not use up the time of the next.
pub(crate) async fn dial(
    addresses: &[SocketAddr],
    deadline: Deadline,
) -> Result<TcpStream, OpenError> {
    let mut failure = OpenErrorKind::Protocol("no address to connect to".to_owned());
    let mut ahead = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.left() / ahead.max(1);
        ahead = ahead.saturating_sub(1);
        let connected = tokio::time::timeout(share, connect(*address)).await;
        let problem = match connected {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("no answer within {} ms", share.as_millis()),
        };
        failure = OpenErrorKind::Connect {
            address: address.to_string(),
            problem,
        };
    }
    Err(OpenError {
        step: ProbeStep::Tcp,
        kind: failure,
    })
}

/// Opens and sets up one socket.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    tune_server_socket(&tcp)?;
    Ok(tcp)
}

/// Brings TLS up as far as the target's policy wants it.
pub(crate) async fn secure(
    tcp: TcpStream,
    target: &TargetConfig,
    tls: Option<&Arc<ClientConfig>>,
    deadline: Deadline,
) -> Result<Secured, OpenError> {
    let required = match target.tls.mode {
        TlsMode::Disable => {
            return Ok(Secured {
                stream: Stream::Plain(tcp),
                how: Security::Off,
            });
        }
        TlsMode::Prefer => Need::Wished,
        TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => Need::Required,
    };
    let Some(config) = tls else {
        return Err(OpenError::tls_policy(
            "the target's TLS policy has no configuration",
        ));
    };
    let part = upgrade(tcp, &target.host, Arc::clone(config), required);
    deadline.limit(ProbeStep::Tls, part).await
}

/// Whether a connection in the clear will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Wished,
    Required,
}

/// Asks for TLS and shakes hands.
pub(super) async fn upgrade(
    tcp: TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
    need: Need,
) -> Result<Secured, OpenErrorKind> {
    let mut stream = Stream::Plain(tcp);
    let mut request = Vec::new();
    encode_ssl_request(&mut request);
    stream.write_all(&request).await?;
    let mut answer = BytesMut::new();
    if stream.read_some(&mut answer).await? == 0 {
        return Err(OpenErrorKind::Lost(
            "the server closed it after the TLS request".to_owned(),
        ));
    }
    match (&answer[..], need) {
        (b"S", _) => {}
        (b"N", Need::Wished) => {
            return Ok(Secured {
                stream,
                how: Security::NotOffered,
            });
        }
        (b"N", Need::Required) => {
            let problem = "the server does not offer it, and the target's policy requires it";
            return Err(OpenErrorKind::Tls(problem.to_owned()));
        }
        // CVE-2021-23222: bytes sent before the handshake could be taken for bytes sent under TLS.
        ([b'S' | b'N', _, ..], _) => {
            let problem = "the server sent unencrypted bytes after its answer to the TLS request";
            return Err(OpenErrorKind::Protocol(problem.to_owned()));
        }
        // An error text from here is not authenticated (CVE-2024-10977), so it is not repeated.
        _ => {
            let problem = "the answer to the TLS request is neither S nor N; is this PostgreSQL?";
            return Err(OpenErrorKind::Protocol(problem.to_owned()));
        }
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_invalid| OpenErrorKind::Tls(format!("\"{host}\" is not a valid server name")))?;
    let Stream::Plain(tcp) = stream else {
        return Err(OpenErrorKind::Tls("TLS is up already".to_owned()));
    };
    let stream = connect_tls(tcp, config, name)
        .await
        .map_err(|error| OpenErrorKind::Tls(tls::handshake_words(&error)))?;
    Ok(Secured {
        stream,
        how: Security::Encrypted,
    })
}
