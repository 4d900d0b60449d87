//! From a successful login to a running session: the OK is said from memory where it can be.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use tollgate_pool::BorrowError;
use tollgate_session::mysql::{Session, SessionConfig, VariableSets};
use tollgate_types::SessionPinningFilter;
use tollgate_wire_postgres::secret::CancelSecret;

use super::handshake::{Login, Remembered};
use super::opening;
use super::server::Facts;
use super::welcomes::Welcome;
use crate::buffers::InputBuffer;
use crate::choosing::choose_target;
use crate::engine::{Engine, Mysql};
use crate::greeting::gone;
use crate::metrics::ProxyMetrics;
use crate::random;
use crate::relay::Relay;
use crate::reply::mysql::{self as reply, Refusal};
use crate::server::OpenError;
use crate::sessions::{CancelKey, Interrupt, NewSession, SessionControl};
use crate::shard::Shard;
use crate::target_pool::{Borrowed, TargetPool};

/// A session, and what a later `COM_CHANGE_USER` needs to know of the connection.
pub(super) struct Begun {
    /// The session.
    pub(super) relay: Relay<Mysql>,
    /// The connection's part.
    pub(super) remembered: Remembered,
}

/// Says OK. `None` when the client had to be refused or went away.
pub(super) async fn greet(
    shard: Rc<Shard>,
    mut login: Box<Login>,
    new: NewSession,
    process_id: i32,
    metrics: Rc<ProxyMetrics>,
) -> Option<Begun> {
    let found = tokio::select! {
        found = welcome(&shard, &new) => found,
        () = gone(&mut login.stream) => return None,
    };
    let welcome = match found {
        Ok(welcome) => welcome,
        Err(refusal) => {
            let refusal = refusal.identified(&new.id.to_string());
            // A client that does not read it learns from the end of the connection.
            let _ = login.tell(&refusal).await;
            return None;
        }
    };
    login.welcome(welcome.status).await.ok()?;
    tracing::debug!(
        session.id = %new.id, proxy.id = %new.proxy, db.user = %new.key.user, db.name = %new.key.database,
        client.address = %new.peer, "client connected"
    );
    let session = Session::new(SessionConfig {
        connection_id: login.connection_id,
        capabilities: login.capabilities,
        server: opening::session_server(welcome.version),
        schema: std::mem::take(&mut login.said.schema),
        collation: login.collation,
        status: welcome.status,
        variable_sets: variable_sets(&shard, &new),
        heritage: login.heritage,
        texts: shard.texts.clone(),
    });
    let control = Rc::new(SessionControl::new(
        new,
        unguessable(process_id),
        shard.clock.coarse(),
    ));
    let registered = shard.sessions.register(control);
    // Whoever ends sessions may have looked for them before this one was registered.
    if !shard.serves(&registered.control.proxy) {
        registered.control.interrupt(Interrupt::Drain);
    }
    let (stream, rest, remembered) = login.take_apart();
    let from_client = InputBuffer::holding(&rest, &shard.buffers)?;
    let relay = Relay::new(shard, registered, session, (stream, from_client), metrics);
    Some(Begun { relay, remembered })
}

fn variable_sets(shard: &Shard, new: &NewSession) -> VariableSets {
    let running = Arc::clone(&shard.running.borrow());
    let proxy = running.proxies.get(&new.proxy);
    let filters = proxy.map(|proxy| &proxy.config.pool.session_pinning_filters);
    let excluded =
        filters.is_some_and(|filters| filters.contains(&SessionPinningFilter::ExcludeVariableSets));
    if excluded {
        VariableSets::Excluded
    } else {
        VariableSets::Pin
    }
}

/// MySQL has no cancel requests: nobody is told this key.
fn unguessable(process_id: i32) -> CancelKey {
    let mut secret = [0; 32];
    random::fill(&mut secret);
    CancelKey {
        process_id,
        secret: CancelSecret::new(&secret).expect("32 bytes are within the limit"),
    }
}

/// What a server said when a connection of this key was opened before, or says now: then it is proven that the
/// schema exists and may be used.
async fn welcome(shard: &Rc<Shard>, new: &NewSession) -> Result<Welcome, Refusal> {
    let running = Arc::clone(&shard.running.borrow());
    let proxy = running
        .proxies
        .get(&new.proxy)
        .ok_or_else(reply::shutting_down)?;
    let welcomes = &proxy.shared.welcomes;
    if let Some(known) = welcomes.find(&new.key) {
        return Ok(known);
    }
    let pool = choose_target::<Mysql>(shard, proxy, &new.endpoint)
        .map_err(|none| Mysql::refusals().no_target(&none))?;
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
                    facts = scout(&pool, new) => return Ok(pool.learn(&new.key, &facts?, epoch)),
                }
            }
        }
    };
    match answer {
        Ok(lease) => {
            let facts = lease.server.facts.clone();
            pool.return_unused(shard, lease);
            Ok(welcomes
                .find(&new.key)
                .unwrap_or_else(|| pool.learn(&new.key, &facts, epoch)))
        }
        Err(error) => Err(refusal(&pool, new, &error)),
    }
}

fn refusal(pool: &TargetPool<Mysql>, new: &NewSession, error: &BorrowError) -> Refusal {
    match pool.last_error(&new.key) {
        Some(open) => reply::open_failed(&open, &pool.target.database),
        None => reply::borrow_refused(error, &pool.target.database),
    }
}

/// Asks a server while the pool is full, as [`crate::scouting`] does. Whatever else than the server's refusal of this
/// very key stops it leaves the client waiting for the pool.
async fn scout(pool: &TargetPool<Mysql>, new: &NewSession) -> Result<Facts, Refusal> {
    // The semaphore is never closed; without a permit the scout would only be less patient.
    let _turn = pool.target.scout.acquire().await.ok();
    match opening::visit(&pool.target, &new.key).await {
        Ok(facts) => Ok(facts),
        Err(error) if error.concerns_the_key() => Err(told(&error, pool)),
        Err(_) => std::future::pending().await,
    }
}

fn told(error: &OpenError, pool: &TargetPool<Mysql>) -> Refusal {
    reply::open_failed(error, &pool.target.database)
}
