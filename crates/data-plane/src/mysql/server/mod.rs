//! Connections towards MySQL and MariaDB servers: opened, logged in, told to report what sessions do, asked.

mod error;
mod greeting;
pub(crate) mod kill;
mod login;
mod query;
mod terms;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tollgate_types::{ProbeStep, SecretString, TargetConfig};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command;
use tollgate_wire_mysql::status::StatusFlags;
use tollgate_wire_mysql::version::ServerVersion;

use crate::server::{Deadline, OpenError, OpenErrorKind, dial, resolve};
use crate::stream::{Parked, Stream};

pub(crate) use error::{Numbered, ServerError};
pub(crate) use greeting::{Greeted, greeted};
use kill::Victim;
pub(crate) use login::{Credentials, log_in};
pub(crate) use query::query_rows;
pub(crate) use terms::Terms;

/// Values of system variables, by name; `None` is NULL.
pub(crate) type Variables = Vec<(Box<str>, Option<Box<str>>)>;

/// What every session of ours is told to report. The list of variables comes first, so that the answer reports
/// the others already.
const TRACK: &str = "SET session_track_system_variables = '*', session_track_schema = ON, \
     session_track_state_change = ON, session_track_transaction_info = 'CHARACTERISTICS'";
/// The same on MySQL: MariaDB reports GTIDs as a variable.
const TRACK_GTIDS: &str = ", session_track_gtids = OWN_GTID";

/// Everything needed to open one server connection.
pub(crate) struct OpenPlan<'a> {
    /// Where to.
    pub(crate) target: &'a TargetConfig,
    /// Made from the target's TLS policy; not used where the policy is `disable`.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Database user.
    pub(crate) user: &'a str,
    /// Tried in order for as long as the server refuses them.
    pub(crate) passwords: &'a [SecretString],
    /// The schema to begin in; empty for none.
    pub(crate) schema: &'a str,
    /// What the clients of this connection have in common.
    pub(crate) terms: Terms,
    /// Run once when logged in; any error fails the opening.
    pub(crate) init_query: Option<&'a str>,
    /// Fills bytes that nobody can guess.
    pub(crate) random: fn(&mut [u8]),
    /// Time for everything together.
    pub(crate) deadline: Duration,
}

/// What a server said about itself and the new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The version as the greeting gives it.
    pub(crate) version_text: Box<str>,
    /// The same, read.
    pub(crate) version: ServerVersion,
    /// What both sides can do.
    pub(crate) capabilities: Capabilities,
    /// The session's state after the last answer.
    pub(crate) status: StatusFlags,
    /// The server's default collation, the lower byte.
    pub(crate) collation: u8,
    /// The server's number for it, to kill it by. Servers with more than 32 bits of them give the lower ones.
    pub(crate) connection_id: u32,
}

/// A logged-in connection to a server over the stream `S`.
pub(crate) struct Connection<S> {
    /// The bytes.
    pub(crate) stream: S,
    /// What the server said.
    pub(crate) facts: Facts,
    /// System variables that the server reported while the session was set up.
    pub(crate) variables: Variables,
    /// Which of the plan's passwords fitted; more than 0 means that a rotation is under way.
    pub(crate) password_index: usize,
    address: SocketAddr,
}

/// A connection in use.
pub(crate) type ServerConnection = Connection<Stream>;

/// A connection on its way to another shard.
pub(crate) type ParkedConnection = Connection<Parked>;

impl<S> Connection<S> {
    fn split(self) -> (S, Connection<()>) {
        let parts = Connection {
            stream: (),
            facts: self.facts,
            variables: self.variables,
            password_index: self.password_index,
            address: self.address,
        };
        (self.stream, parts)
    }

    fn with_stream<T>(self, stream: T) -> Connection<T> {
        Connection {
            stream,
            facts: self.facts,
            variables: self.variables,
            password_index: self.password_index,
            address: self.address,
        }
    }

    /// The address that was connected to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it takes to end the statement running on it.
    pub(crate) fn victim(&self) -> Victim {
        Victim {
            address: self.address,
            connection_id: self.facts.connection_id,
        }
    }
}

impl ServerConnection {
    /// Leaves this thread's runtime.
    pub(crate) fn park(self) -> io::Result<ParkedConnection> {
        let (stream, parts) = self.split();
        Ok(parts.with_stream(stream.deregister()?))
    }

    /// Says goodbye, so that the server ends the session at once, and closes.
    pub(crate) fn close(mut self) {
        let mut bytes = Vec::new();
        command::quit(&mut bytes);
        self.stream.last_words(&bytes);
    }
}

impl ParkedConnection {
    /// Enters the runtime of the calling thread.
    pub(crate) fn unpark(self) -> io::Result<ServerConnection> {
        let (parked, parts) = self.split();
        Ok(parts.with_stream(parked.register()?))
    }
}

/// Opens a connection: DNS, TCP, greeting, TLS, login, trackers, init query. A refused password costs a
/// connection each.
pub(crate) async fn open(plan: &OpenPlan<'_>) -> Result<ServerConnection, OpenError> {
    let deadline = Deadline::after(plan.deadline);
    let addresses = resolve(plan.target, deadline).await?;
    let mut connection = enter(plan, &addresses, deadline).await?;
    let part = settle(&mut connection, plan.init_query);
    deadline.limit(ProbeStep::Auth, part).await?;
    Ok(connection)
}

/// Logs in at the first of these addresses that answers.
async fn enter(
    plan: &OpenPlan<'_>,
    addresses: &[SocketAddr],
    deadline: Deadline,
) -> Result<ServerConnection, OpenError> {
    let mut refused = None;
    for (password_index, password) in plan.passwords.iter().enumerate() {
        let tcp = dial(addresses, deadline).await?;
        let way = (&plan.terms, deadline);
        let greeted = greeted(tcp, plan.target, plan.tls.as_ref(), way).await?;
        let credentials = Credentials {
            user: plan.user,
            password: Some(password),
            schema: plan.schema,
            terms: &plan.terms,
            random: plan.random,
            tls_mode: plan.target.tls.mode,
        };
        let logged_in = deadline
            .limit(ProbeStep::Auth, log_in(greeted, &credentials))
            .await;
        match logged_in {
            Ok(connection) => {
                return Ok(Connection {
                    password_index,
                    ..connection
                });
            }
            // The first password is the current one: its refusal is the one worth reporting.
            Err(error) if error.is_refused_password() => {
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| OpenError::no_credentials(plan.user)))
}

/// Makes the session report what it does, and runs the operator's query. That one comes second, so that what
/// it sets is reported too.
async fn settle(
    connection: &mut ServerConnection,
    init_query: Option<&str>,
) -> Result<(), OpenErrorKind> {
    if connection
        .facts
        .capabilities
        .contains(Capabilities::SESSION_TRACK)
    {
        let mut sql = TRACK.to_owned();
        if !login::is_mariadb(connection.facts.version) {
            sql.push_str(TRACK_GTIDS);
        }
        if let Some(error) = query::run(connection, &sql, |_row| Ok(())).await? {
            return Err(OpenErrorKind::Protocol(format!(
                "the server cannot track sessions: {error}"
            )));
        }
    }
    match init_query {
        None => Ok(()),
        Some(sql) => query::run_init(connection, sql).await,
    }
}

#[cfg(test)]
pub(crate) mod tests;
