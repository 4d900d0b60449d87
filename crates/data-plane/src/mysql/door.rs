//! One client's way from an accepted socket to an admitted login, within limits and a deadline.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tollgate_iam::token::Rejection;
use tollgate_session::mysql::Session;
use tollgate_types::AuthDecision;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::frame::Sequence;

use super::face::Face;
use super::handshake::{Login, Outcome, Remembered, handshake};
use super::login::{Ended, Refused, authenticate};
use crate::gatekeeper;
use crate::goodbye;
use crate::login::{Asked, Place};
use crate::relay::Rejoining;
use crate::reply::mysql::{self as reply, Refusal, Who};
use crate::stream::Stream;
use crate::tls::ServerTls;

/// Whether clients are let in at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// They are.
    Open,
    /// There are too many already.
    Full,
    /// The proxy is being deleted or the process is stopping.
    Closing,
    /// No security group lets their address in.
    Barred,
}

/// What a client meets.
pub(crate) struct Door {
    /// What it is greeted with.
    pub(crate) face: Face,
    /// Our certificate.
    pub(crate) tls: Arc<ServerTls>,
    /// Where it logs in, and from where it comes.
    pub(crate) place: Place,
    /// The number it is given.
    pub(crate) connection_id: u32,
    /// Whether it is let in at all.
    pub(crate) admission: Admission,
    /// Time from here to a finished login.
    pub(crate) patience: Duration,
}

/// A login that succeeded. The client waits for its OK: see [`Login::welcome`].
pub(crate) struct Admitted {
    /// The connection.
    pub(crate) login: Box<Login>,
    /// The caller's ARN (token logins).
    pub(crate) principal: Option<Arc<str>>,
}

/// What came of a visit.
#[derive(Default)]
pub(crate) struct Visit {
    /// The client that got in.
    pub(crate) admitted: Option<Admitted>,
    /// The audit event, if anything was decided.
    pub(crate) decision: Option<AuthDecision>,
    /// The reason of a refusal; it counts against the address.
    pub(crate) refused: Option<Rejection>,
}

impl Door {
    /// Lets one client in, or tells it why not. A client that takes too long is closed without a word, as
    /// servers do.
    pub(crate) async fn visit(&self, socket: TcpStream, correlation_id: &str) -> Visit {
        let peer = self.place.peer;
        let mut visit = Visit::default();
        let way = self.way(socket, correlation_id, &mut visit);
        match tokio::time::timeout(self.patience, way).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(client.address = %peer, %error, "client connection failed before login");
            }
            Err(_elapsed) => {
                tracing::debug!(client.address = %peer, "client took too long to log in");
            }
        }
        visit
    }

    /// The same for a client that has said `COM_CHANGE_USER`.
    pub(crate) async fn revisit(
        &self,
        remembered: Remembered,
        rejoining: Rejoining<Session>,
        correlation_id: &str,
    ) -> Visit {
        let mut visit = Visit::default();
        let Some(login) = remembered.again(rejoining) else {
            return visit;
        };
        let way = self.authenticated(Box::new(login), correlation_id, &mut visit);
        let peer = self.place.peer;
        match tokio::time::timeout(self.patience, way).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(client.address = %peer, %error, "client connection failed at another login");
            }
            Err(_elapsed) => {
                tracing::debug!(client.address = %peer, "client took too long to log in again");
            }
        }
        visit
    }

    async fn way(
        &self,
        socket: TcpStream,
        correlation_id: &str,
        visit: &mut Visit,
    ) -> io::Result<()> {
        match self.admission {
            Admission::Open => {}
            Admission::Full => {
                let refusal = reply::too_many_clients().identified(correlation_id);
                return turn_away(socket, &refusal).await;
            }
            Admission::Closing => return turn_away(socket, &reply::shutting_down()).await,
            Admission::Barred => {
                visit.refused = Some(Rejection::SecurityGroup);
                let (place, nobody) = (&self.place, ("", ""));
                let decision = gatekeeper::turned_away(place, "mysql", nobody, correlation_id);
                visit.decision = Some(decision);
                return turn_away(socket, &self.barred(correlation_id)).await;
            }
        }
        match handshake(socket, &self.face, self.connection_id, &self.tls).await? {
            Outcome::Login(login) => self.authenticated(login, correlation_id, visit).await,
            Outcome::Closed(why) => {
                let peer = self.place.peer;
                tracing::debug!(client.address = %peer, reason = why, "handshake ended");
                Ok(())
            }
        }
    }

    fn barred(&self, correlation_id: &str) -> Refusal {
        let who = Who {
            user: "",
            host: self.place.peer.ip(),
        };
        let asked = Asked::of(None, &self.place);
        reply::login_refused(Rejection::SecurityGroup, asked, who, correlation_id)
    }

    async fn authenticated(
        &self,
        mut login: Box<Login>,
        correlation_id: &str,
        visit: &mut Visit,
    ) -> io::Result<()> {
        let engine = self.face.engine;
        let ended = authenticate(&mut login, &self.place, engine, correlation_id).await;
        let Ended {
            result,
            decision,
            refused,
        } = ended;
        // What was decided counts even if the client is slow to read it.
        visit.decision = decision;
        visit.refused = refused;
        match result {
            Ok(principal) => {
                visit.admitted = Some(Admitted { login, principal });
                Ok(())
            }
            Err(Refused::Tell(refusal)) => login.tell(&refusal).await,
            Err(Refused::Gone) => Ok(()),
        }
    }
}

/// Tells a client in place of the greeting.
async fn turn_away(socket: TcpStream, refusal: &Refusal) -> io::Result<()> {
    let mut stream = Stream::Plain(socket);
    let packet = refusal.packet(&mut Sequence::start(), Capabilities::EMPTY);
    stream.write_all(&packet).await?;
    goodbye::close(stream).await;
    Ok(())
}

#[cfg(test)]
mod tests;
