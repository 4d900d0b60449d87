//! From a successful login to a running session: what the server would say, said from memory.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tollgate_session::postgres::{Defaults, Session, SessionConfig};
use tollgate_wire_postgres::backend::{self, ErrorFields, Severity, TransactionStatus};
use tollgate_wire_postgres::secret::CancelSecret;

use crate::buffers::InputBuffer;
use crate::choosing::choose_target;
use crate::engine::Postgres;
use crate::goodbye;
use crate::handshake::Login;
use crate::metrics::ProxyMetrics;
use crate::pool_key::PoolKey;
use crate::random;
use crate::relay::Relay;
use crate::reply::{self, Told};
use crate::scouting;
use crate::sessions::{CancelKey, Interrupt, NewSession, SessionControl};
use crate::shard::Shard;
use crate::stream::{IdleEvent, Stream};
use crate::target_pool::{Borrowed, TargetPool};

/// Secret bytes given to clients that speak protocol 3.2; PostgreSQL 18 uses 32 as well.
const LONG_SECRET: usize = 32;
/// Secret bytes of protocol 3.0.
const SHORT_SECRET: usize = 4;

/// Bytes of an unnamed statement remembered per client, so that it can be prepared again on another
/// server connection; longer ones pin.
const REMEMBERED_STATEMENT: usize = 64 * 1024;

/// Sends the greeting. `None` when the client had to be refused or went away.
pub(crate) async fn greet(
    shard: Rc<Shard>,
    mut login: Box<Login>,
    new: NewSession,
    metrics: Rc<ProxyMetrics>,
) -> Option<Relay<Postgres>> {
    let mut out = std::mem::take(&mut login.unsent);
    out.reserve(512);
    backend::auth_ok(&mut out);
    let found = tokio::select! {
        found = parameters(&shard, &new) => found,
        () = gone(&mut login.stream) => return None,
    };
    let parameters = match found {
        Ok(parameters) => parameters,
        Err(fields) => {
            backend::error_response(&mut out, &reply::identified(fields, new.id));
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
    let config = SessionConfig {
        id: shard
            .sessions
            .fresh_serial(shard.seed.index, shard.seed.settings.shards),
        max_remembered_unnamed: REMEMBERED_STATEMENT,
        process_id: registered.control.cancel_key.process_id,
    };
    let session = Session::new(config, shard.statements.clone()).greeted(parameters);
    let ends = (stream, from_client);
    Some(Relay::new(shard, registered, session, ends, metrics))
}

/// Ends when the client leaves; what it sends ahead stays where it is.
pub(crate) async fn gone(stream: &mut Stream) {
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
    let pool = choose_target(shard, proxy, &new.endpoint).map_err(|none| {
        let (role, why) = none.parts();
        reply::no_target_at_login(role, why)
    })?;
    let epoch = pool.target.epoch();
    let answer = match pool.borrow(shard, &new.key, |_| true) {
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
    pool: &TargetPool<Postgres>,
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
