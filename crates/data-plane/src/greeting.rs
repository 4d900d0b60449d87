//! From a successful login to a running session: what the server would say, said from memory.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tollgate_session::postgres::Defaults;
use tollgate_types::{TargetHealth, TargetRole};
use tollgate_wire_postgres::backend::{self, ErrorFields, Severity, TransactionStatus};
use tollgate_wire_postgres::secret::CancelSecret;

use crate::buffers::InputBuffer;
use crate::goodbye;
use crate::handshake::Login;
use crate::metrics::ProxyMetrics;
use crate::pool_key::PoolKey;
use crate::random;
use crate::relay::Relay;
use crate::reply::{self, Told};
use crate::running::RunningProxy;
use crate::scouting;
use crate::sessions::{CancelKey, Interrupt, NewSession, SessionControl};
use crate::shard::Shard;
use crate::stream::{IdleEvent, Stream};
use crate::target::TargetShared;
use crate::target_pool::{Borrowed, TargetPool};

/// Secret bytes given to clients that speak protocol 3.2; PostgreSQL 18 uses 32 as well.
const LONG_SECRET: usize = 32;
/// Secret bytes of protocol 3.0.
const SHORT_SECRET: usize = 4;

/// Sends the greeting. `None` when the client had to be refused or went away.
pub(crate) async fn greet(
    shard: Rc<Shard>,
    mut login: Box<Login>,
    new: NewSession,
    metrics: Rc<ProxyMetrics>,
) -> Option<Relay> {
    let mut out = Vec::with_capacity(512);
    backend::auth_ok(&mut out);
    let found = tokio::select! {
        found = parameters(&shard, &new) => found,
        () = gone(&mut login.stream) => return None,
    };
    let parameters = match found {
        Ok(parameters) => parameters,
        Err(fields) => {
            backend::error_response(&mut out, &fields);
            if login.stream.write_all(&out).await.is_ok() {
                goodbye::close(login.stream).await;
            }
            return None;
        }
    };
    for (name, value) in parameters.iter() {
        backend::parameter_status(&mut out, name, value);
    }
    let (cancel_key, secret) = cancel_key(&shard, login.startup.negotiated_minor());
    backend::backend_key_data(&mut out, cancel_key.process_id, &secret);
    backend::ready_for_query(&mut out, TransactionStatus::Idle);
    login.stream.write_all(&out).await.ok()?;
    tracing::debug!(
        session.id = %new.id, proxy.id = %new.proxy, db.user = %new.key.user, db.name = %new.key.database,
        client.address = %new.peer, "client connected"
    );
    let control = Rc::new(SessionControl::new(new, cancel_key, shard.clock.coarse()));
    let registered = shard.sessions.register(control);
    // Whoever ends sessions may have looked for them before this one was registered.
    if !shard.serves(&registered.control.proxy) {
        registered.control.interrupt(Interrupt::Drain);
    }
    let Login { stream, rest, .. } = *login;
    // A login message is 64 KiB at the most, so what came behind it always fits.
    let from_client = InputBuffer::holding(&rest, &shard.buffers)?;
    let relay = Relay::new(shard, registered, stream, from_client, metrics);
    Some(relay.greeted(parameters))
}

/// Ends when the client leaves; what it sends ahead stays where it is.
async fn gone(stream: &mut Stream) {
    poll_fn(|cx| match stream.poll_idle(cx) {
        Poll::Ready(IdleEvent::Closed | IdleEvent::Failed(_)) => Poll::Ready(()),
        Poll::Ready(IdleEvent::Bytes) | Poll::Pending => Poll::Pending,
    })
    .await;
}

fn cancel_key(shard: &Shard, minor: u16) -> (CancelKey, Vec<u8>) {
    let mut secret = vec![
        0;
        if minor >= 2 {
            LONG_SECRET
        } else {
            SHORT_SECRET
        }
    ];
    random::fill(&mut secret);
    let process_id = shard
        .sessions
        .fresh_process_id(shard.seed.index, shard.seed.settings.shards);
    let key = CancelKey {
        process_id,
        secret: CancelSecret::new(&secret).expect("4 and 32 bytes are within the limit"),
    };
    (key, secret)
}

/// The parameters a server connection of this key reports: learnt before, or from one opened now,
/// which also proves that the database exists and the startup parameters are accepted.
async fn parameters(shard: &Rc<Shard>, new: &NewSession) -> Result<Defaults, ErrorFields> {
    let running = Arc::clone(&shard.running.borrow());
    let proxy = running
        .proxies
        .get(&new.proxy)
        .ok_or_else(reply::shutting_down)?;
    let greetings = &proxy.shared.greetings;
    if let Some(known) = greetings.find(&new.key) {
        return Ok(known);
    }
    let pool = choose_target(shard, proxy, &new.endpoint).map_err(|none| none.fatal_at_login())?;
    let epoch = pool.target.epoch();
    let answer = match pool.borrow(shard, &new.key) {
        Borrowed::Ready(lease) => Ok(lease),
        Borrowed::Refused(error) => Err(error),
        Borrowed::Later(mut waiting) => {
            let granted = poll_fn(|cx| waiting.poll(cx));
            if !pool.target.is_full() || pool.stats().opening > 0 {
                granted.await
            } else {
                tokio::select! {
                    answer = granted => answer,
                    scouted = scout(&pool, &new.key) => {
                        return Ok(pool.learn(&new.key, &scouted?, epoch));
                    }
                }
            }
        }
    };
    match answer {
        Ok(lease) => {
            let greeting = match greetings.find(&new.key) {
                Some(known) => known,
                None => pool.learn(&new.key, &lease.server.parameters, epoch),
            };
            pool.return_unused(shard, lease);
            Ok(greeting)
        }
        Err(error) => Err(match pool.last_error(&new.key) {
            Some(open) => reply::open_failed(&open, &pool.target.database, Told::AtLogin),
            None => reply::with_severity(
                reply::borrow_refused(&error, &pool.target.database),
                Severity::Fatal,
            ),
        }),
    }
}

/// A scout's findings, or the server's refusal of this very key. Whatever else stops the scout leaves
/// the client waiting for the pool.
async fn scout(
    pool: &TargetPool,
    key: &Arc<PoolKey>,
) -> Result<Vec<(Box<str>, Box<str>)>, ErrorFields> {
    match scouting::scout(&pool.target, key).await {
        Ok(parameters) => Ok(parameters),
        Err(error) if error.concerns_the_key() => Err(reply::open_failed(
            &error,
            &pool.target.database,
            Told::AtLogin,
        )),
        Err(_) => std::future::pending().await,
    }
}

/// The target a request of this endpoint goes to: of those that serve the endpoint's role the one
/// with the fewest server connections.
pub(crate) fn choose_target(
    shard: &Shard,
    proxy: &RunningProxy,
    endpoint: &str,
) -> Result<Rc<TargetPool>, NoTarget> {
    let role = proxy
        .endpoints
        .get(endpoint)
        .map_or(TargetRole::ReadWrite, |endpoint| {
            endpoint.config.target_role
        });
    let best = proxy
        .targets
        .iter()
        .filter(|target| target.serves(role))
        .min_by_key(|target| target.credits.in_use());
    best.and_then(|target| shard.pool(&target.id))
        .ok_or_else(|| NoTarget {
            role,
            why: proxy
                .targets
                .iter()
                .map(|target| describe(target))
                .collect::<Vec<_>>()
                .join("; "),
        })
}

/// No target serves the endpoint's role.
pub(crate) struct NoTarget {
    role: TargetRole,
    why: String,
}

impl NoTarget {
    fn parts(&self) -> (&'static str, &str) {
        let role = match self.role {
            TargetRole::ReadWrite => "READ_WRITE",
            TargetRole::ReadOnly => "READ_ONLY",
        };
        let why = if self.why.is_empty() {
            "no target is registered"
        } else {
            &self.why
        };
        (role, why)
    }

    /// The refusal of a login.
    pub(crate) fn fatal_at_login(&self) -> ErrorFields {
        let (role, why) = self.parts();
        reply::no_target_at_login(role, why)
    }

    /// The refusal of a request.
    pub(crate) fn in_session(&self) -> ErrorFields {
        let (role, why) = self.parts();
        reply::no_target(role, why)
    }
}

fn describe(target: &TargetShared) -> String {
    let health: Arc<TargetHealth> = target.health();
    format!("target \"{}\": {}", target.database, health.description)
}
