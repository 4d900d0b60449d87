//! Clients whose address no security group of the endpoint lets in: they are turned away before anything else.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tollgate_iam::token::Rejection;
use tollgate_types::{AuthDecision, AuthOutcome};
use tollgate_wire_postgres::backend;
use tollgate_wire_postgres::startup::{FirstPacket, StartupMessage, first_packet};

use crate::goodbye;
use crate::login::{Asked, Findings, Place, Subject, decision};
use crate::reply;
use crate::running::RunningProxy;
use crate::stream::Stream;

/// Time in which a client must have said something that can be answered.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether clients may come in from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They may.
    Open,
    /// No rule lets them.
    Shut,
}

/// What the endpoint's security groups say about an address. An endpoint that has just gone lets nobody in.
pub(crate) fn gate(proxy: &RunningProxy, endpoint: &str, peer: SocketAddr) -> Gate {
    let endpoint = proxy.endpoints.get(endpoint);
    if endpoint.is_some_and(|endpoint| endpoint.config.admitted.admit(peer.ip())) {
        Gate::Open
    } else {
        Gate::Shut
    }
}

/// The audit event about a client that was turned away.
pub(crate) fn turned_away(
    place: &Place,
    engine: &str,
    (user, database): (&str, &str),
    correlation_id: &str,
) -> AuthDecision {
    let subject = Subject {
        engine,
        user,
        database,
        tls: None,
        correlation_id,
        asked: Asked::of(None, place),
    };
    let findings = Findings {
        detail: "no rule of the endpoint's security groups lets this address in".to_owned(),
        ..Findings::default()
    };
    let reason = Rejection::SecurityGroup.code();
    decision(&subject, place, &findings, (AuthOutcome::Deny, reason))
}

/// Turns a PostgreSQL client away: its first packet is answered with the refusal, whether it asks for encryption
/// or logs in. Whoever begins with TLS at once can be told nothing.
pub(crate) async fn turn_away(
    socket: TcpStream,
    place: &Place,
    correlation_id: &str,
) -> AuthDecision {
    let answered = tokio::time::timeout(PATIENCE, answer(socket, place, correlation_id)).await;
    // Whoever says nothing, or leaves, is refused all the same.
    let startup = answered.ok().and_then(Result::ok).flatten();
    let names = startup.as_ref().map_or(("", ""), |startup| {
        (startup.user.as_str(), startup.database.as_str())
    });
    turned_away(place, "postgresql", names, correlation_id)
}

async fn answer(
    socket: TcpStream,
    place: &Place,
    correlation_id: &str,
) -> std::io::Result<Option<StartupMessage>> {
    let mut stream = Stream::Plain(socket);
    let mut input = BytesMut::with_capacity(1024);
    let startup = loop {
        match first_packet(&input) {
            FirstPacket::NeedMore => {
                if stream.read_some(&mut input).await? == 0 {
                    return Ok(None);
                }
            }
            FirstPacket::SslRequest | FirstPacket::GssEncRequest => break None,
            FirstPacket::Startup(message) => break Some(message),
            FirstPacket::DirectTls | FirstPacket::Cancel { .. } | FirstPacket::Invalid(_) => {
                return Ok(None);
            }
        }
    };
    let reason = Rejection::SecurityGroup;
    let fields = reply::login_refused(reason, Asked::of(None, place), "", correlation_id);
    let mut out = Vec::new();
    backend::error_response(&mut out, &fields);
    stream.write_all(&out).await?;
    goodbye::close(stream).await;
    Ok(startup)
}
