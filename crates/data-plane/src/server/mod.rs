//! Connections towards database servers: opened, logged in, asked, cancelled.

mod cancel;
mod connect;
mod error;
mod key_cache;
mod login;
mod messages;
mod query;
mod scram;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tollgate_types::{ProbeStep, SecretString, TargetConfig};
use tollgate_wire_postgres::frontend;
use tollgate_wire_postgres::secret::CancelSecret;

use crate::stream::{Parked, Stream};

pub(crate) use cancel::{CancelHandle, cancel};
pub(crate) use connect::{Secured, Security, dial, resolve, secure};
pub(crate) use error::{Deadline, ErrorScope, OpenError, OpenErrorKind};
pub(crate) use key_cache::ScramKeyCache;
pub(crate) use login::{Credentials, log_in};
pub(crate) use query::query_rows;

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
    /// Database.
    pub(crate) database: &'a str,
    /// Settings sent with the startup packet.
    pub(crate) params: &'a [(String, String)],
    /// Run once when logged in; any error fails the opening.
    pub(crate) init_query: Option<&'a str>,
    /// Keys derived at earlier logins.
    pub(crate) key_cache: &'a ScramKeyCache,
    /// Fills bytes that nobody can guess.
    pub(crate) random: fn(&mut [u8]),
    /// Time for everything together.
    pub(crate) deadline: Duration,
}

/// A logged-in connection to a server over the stream `S`.
pub(crate) struct Connection<S> {
    /// The bytes.
    pub(crate) stream: S,
    /// The server's process id for it; 0 where the server gave none, and cancelling is then impossible.
    pub(crate) process_id: i32,
    /// Settings as the server reported them, in its order.
    pub(crate) parameters: Vec<(Box<str>, Box<str>)>,
    /// Which of the plan's passwords fitted; more than 0 means that a rotation is under way.
    pub(crate) password_index: usize,
    cancel_secret: Option<CancelSecret>,
    address: SocketAddr,
}

/// A connection in use.
pub(crate) type ServerConnection = Connection<Stream>;

/// A connection on its way to another shard.
pub(crate) type ParkedConnection = Connection<Parked>;

impl<S> Connection<S> {
    fn with_stream<T>(self, stream: T) -> Connection<T> {
        Connection {
            stream,
            process_id: self.process_id,
            parameters: self.parameters,
            password_index: self.password_index,
            cancel_secret: self.cancel_secret,
            address: self.address,
        }
    }

    fn split(self) -> (S, Connection<()>) {
        let parts = Connection {
            stream: (),
            process_id: self.process_id,
            parameters: self.parameters,
            password_index: self.password_index,
            cancel_secret: self.cancel_secret,
            address: self.address,
        };
        (self.stream, parts)
    }
}

impl ServerConnection {
    /// Leaves this thread's runtime.
    pub(crate) fn park(self) -> io::Result<ParkedConnection> {
        let (stream, parts) = self.split();
        Ok(parts.with_stream(stream.deregister()?))
    }

    /// What it takes to cancel the request running on it. `None` if the server gave no key.
    pub(crate) fn cancel_handle(&self) -> Option<CancelHandle> {
        Some(CancelHandle {
            address: self.address,
            process_id: self.process_id,
            secret: self.cancel_secret.clone()?,
            encrypted: self.stream.is_tls(),
        })
    }

    /// The address that was connected to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says goodbye, so that the server ends the session at once, and closes.
    pub(crate) fn close(mut self) {
        let mut bytes = Vec::new();
        frontend::terminate(&mut bytes);
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

/// Opens a connection: DNS, TCP, TLS, login, init query. A refused password costs a connection each.
pub(crate) async fn open(plan: &OpenPlan<'_>) -> Result<ServerConnection, OpenError> {
    let deadline = Deadline::after(plan.deadline);
    let addresses = resolve(plan.target, deadline).await?;
    let mut refused = None;
    let attempts = plan.passwords.len().max(1);
    for password_index in 0..attempts {
        let tcp = dial(&addresses, deadline).await?;
        let stream = secure(tcp, plan.target, plan.tls.as_ref(), deadline)
            .await?
            .stream;
        let credentials = Credentials {
            user: plan.user,
            password: plan.passwords.get(password_index),
            database: plan.database,
            params: plan.params,
            key_cache: plan.key_cache,
            random: plan.random,
            tls_mode: plan.target.tls.mode,
        };
        let logged_in = deadline
            .limit(ProbeStep::Auth, log_in(stream, &credentials))
            .await;
        match logged_in {
            Ok(connection) => {
                let connection = Connection {
                    password_index,
                    ..connection
                };
                return initialise(connection, plan.init_query, deadline).await;
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

async fn initialise(
    mut connection: ServerConnection,
    init_query: Option<&str>,
    deadline: Deadline,
) -> Result<ServerConnection, OpenError> {
    if let Some(sql) = init_query {
        let run = query::run_init(&mut connection, sql);
        deadline.limit(ProbeStep::Auth, run).await?;
    }
    Ok(connection)
}

#[cfg(test)]
pub(crate) mod tests;
