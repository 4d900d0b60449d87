//! The accept loop of one endpoint on one shard, and a connection's way to a running session.

use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;
use tollgate_iam::token::Rejection;
use tollgate_telemetry::GaugeGuard;
use tollgate_types::EngineFamily;
use tollgate_wire_postgres::backend::{self, ErrorFields};

use tollgate_wire_postgres::startup::Replication;

use crate::engine::Postgres;
use crate::gatekeeper::{self, Gate};
use crate::goodbye;
use crate::greeting;
use crate::handshake::{self, Login, Outcome};
use crate::listeners::ListenerKey;
use crate::login::{self, Place, Refused, Throttle};
use crate::metrics::ProxyMetrics;
use crate::mysql;
use crate::pool_key::PoolKey;
use crate::proxy_state::Counted;
use crate::random;
use crate::relay::Relay;
use crate::reply;
use crate::running::RunningProxy;
use crate::sessions::NewSession;
use crate::shard::{Command, Shard};
use crate::stream;

/// Pause after a failed accept: out of descriptors, trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Accepts until `stop`. An accept error pauses the loop and never ends it.
pub(crate) async fn serve(
    shard: Rc<Shard>,
    key: ListenerKey,
    listener: TcpListener,
    stop: CancellationToken,
) {
    let endpoint: Arc<str> = Arc::from(key.endpoint.as_str());
    loop {
        let permit = Arc::clone(&shard.handshakes).acquire_owned().await;
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                let arrival = Arrival {
                    key: key.clone(),
                    endpoint: Arc::clone(&endpoint),
                    socket,
                    peer,
                };
                let arrival = Box::pin(arrive(Rc::clone(&shard), arrival, permit));
                tokio::task::spawn_local(connection(arrival));
            }
            Err(error) => {
                tracing::warn!(proxy.id = %key.proxy, endpoint.port = key.port, %error, "accept failed, pausing");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that has just been accepted.
struct Arrival {
    key: ListenerKey,
    endpoint: Arc<str>,
    socket: TcpStream,
    peer: SocketAddr,
}

/// The same, for a client of a protocol in which the server speaks first.
pub(crate) struct Arrived {
    /// The proxy connected to.
    pub(crate) proxy: Arc<RunningProxy>,
    /// Name of the endpoint.
    pub(crate) endpoint: Arc<str>,
    /// The socket's peer.
    pub(crate) peer: SocketAddr,
    /// Counters of the endpoint.
    pub(crate) metrics: Rc<ProxyMetrics>,
    /// Whether there are as many clients as may be.
    pub(crate) room: Room,
}

/// Whether there is room for another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Left,
    /// There is none.
    Full,
}

/// One client connection among all that the data plane holds.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A login that succeeded.
struct Admitted {
    login: Box<Login>,
    new: NewSession,
    count: Counted,
}

/// What a connection does once it has arrived, for as long as it lasts.
enum Stay {
    /// A session of PostgreSQL.
    Session(Present, Box<Relay<Postgres>>),
    /// Sessions of MySQL, one after the other, logins included.
    Visit(Pin<Box<dyn Future<Output = ()>>>),
}

/// What counts a client for as long as it is there.
type Present = (Held, GaugeGuard, Counted);

/// The task of a connection. It holds no more than what the session needs: an arrival takes much more, and is over
/// soon. What is an argument of this would be held all the time.
async fn connection(arrival: Pin<Box<impl Future<Output = Option<Stay>>>>) {
    let stay = arrival.await;
    match stay {
        Some(Stay::Session(_present, relay)) => {
            relay.run().await;
        }
        Some(Stay::Visit(visit)) => visit.await,
        None => {}
    }
}

async fn arrive(shard: Rc<Shard>, arrival: Arrival, permit: OwnedSemaphorePermit) -> Option<Stay> {
    let proxy = shard
        .running
        .borrow()
        .proxies
        .get(&arrival.key.proxy)
        .map(Arc::clone)?;
    let metrics = shard.metrics.endpoint(&proxy.config, &arrival.key.endpoint);
    let open = shard.seed.clients.fetch_add(1, Ordering::Relaxed);
    let held = Held(Arc::clone(&shard.seed.clients));
    let shown = metrics.clients.hold();
    // A failing option costs latency, not correctness.
    let _ = stream::tune_client_socket(&arrival.socket);
    let full = open >= shard.seed.settings.max_client_connections;
    if proxy.config.engine_family == EngineFamily::Mysql {
        let arrived = Arrived {
            proxy,
            endpoint: arrival.endpoint,
            peer: arrival.peer,
            metrics,
            room: if full { Room::Full } else { Room::Left },
        };
        let socket = arrival.socket;
        return Some(Stay::Visit(Box::pin(async move {
            let _present = (held, shown);
            mysql::arriving::serve(shard, arrived, socket, permit).await;
        })));
    }
    if gatekeeper::gate(&proxy, &arrival.endpoint, arrival.peer) == Gate::Shut {
        bar(&shard, arrival, &proxy, &metrics).await;
        return None;
    }
    if full {
        turn_away(arrival.socket, &reply::too_many_clients()).await;
        return None;
    }
    let admission = admit_in_time(&shard, arrival, proxy, &metrics).await;
    drop(permit);
    let Admitted { login, new, count } = admission?;
    let relay = greeting::greet(shard, login, new, metrics).await?;
    Some(Stay::Session((held, shown, count), Box::new(relay)))
}

/// A client logs in, if it does so soon enough.
async fn admit_in_time(
    shard: &Rc<Shard>,
    arrival: Arrival,
    proxy: Arc<RunningProxy>,
    metrics: &Rc<ProxyMetrics>,
) -> Option<Admitted> {
    let peer = arrival.peer;
    let admission = admit(Rc::clone(shard), arrival, proxy, Rc::clone(metrics));
    match tokio::time::timeout(shard.seed.settings.handshake_timeout, admission).await {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(error)) => {
            tracing::debug!(client.address = %peer, %error, "client connection failed before login");
            None
        }
        Err(_) => {
            tracing::debug!(client.address = %peer, "client took too long to log in");
            None
        }
    }
}

/// Turns away a client that no security group lets in, and says so in audit and metrics.
async fn bar(shard: &Shard, arrival: Arrival, proxy: &Arc<RunningProxy>, metrics: &ProxyMetrics) {
    let place = place(shard, proxy, &arrival.endpoint, arrival.peer);
    let id = random::correlation_id();
    let decision = gatekeeper::turn_away(arrival.socket, &place, &id.to_string()).await;
    metrics.decided(Some(Rejection::SecurityGroup));
    shard.seed.settings.decisions.record(decision);
}

/// Tells a client that never got as far as a startup packet, without waiting for one.
async fn turn_away(mut socket: TcpStream, fields: &ErrorFields) {
    let mut out = Vec::new();
    backend::error_response(&mut out, fields);
    let write = tokio::io::AsyncWriteExt::write_all(&mut socket, &out);
    // The client may not read; it is not worth waiting for.
    let _ = tokio::time::timeout(Duration::from_secs(1), write).await;
}

async fn admit(
    shard: Rc<Shard>,
    arrival: Arrival,
    proxy: Arc<RunningProxy>,
    metrics: Rc<ProxyMetrics>,
) -> std::io::Result<Option<Admitted>> {
    let tls = shard.seed.tls.load_full();
    let mut login = match handshake::handshake(arrival.socket, &tls).await? {
        Outcome::Login(login) => login,
        Outcome::Cancel {
            process_id,
            secret,
            stream,
        } => {
            forward_cancel(&shard, process_id, secret).await;
            drop(stream);
            return Ok(None);
        }
        Outcome::Closed(why) => {
            tracing::debug!(client.address = %arrival.peer, reason = why, "handshake ended");
            return Ok(None);
        }
    };
    if let Some(fields) = unfit(&shard, &login, &proxy) {
        tell(login, &fields).await?;
        return Ok(None);
    }
    let correlation_id = random::correlation_id();
    let place = place(&shard, &proxy, &arrival.endpoint, arrival.peer);
    let ended = login::authenticate(&mut login, &place, &correlation_id.to_string()).await;
    if let Some(decision) = ended.decision {
        metrics.decided(ended.refused);
        shard.seed.settings.decisions.record(decision);
    }
    let principal = match ended.result {
        Ok(principal) => principal,
        Err(Refused::Tell(fields)) => {
            shard
                .failed_logins
                .note(arrival.peer.ip(), shard.clock.coarse());
            tell(login, &fields).await?;
            return Ok(None);
        }
        Err(Refused::Gone) => return Ok(None),
    };
    let startup = &login.startup;
    let key = PoolKey::new(&startup.user, &startup.database, &startup.params);
    let new = NewSession {
        id: correlation_id,
        proxy: proxy.config.id.clone(),
        endpoint: arrival.endpoint,
        key: shard.keys_of(&proxy.config.id).intern(key),
        application: None,
        principal,
        peer: arrival.peer,
        tls: login.tls.is_some(),
    };
    Ok(Some(Admitted {
        login,
        new,
        count: proxy.shared.count(),
    }))
}

/// Where a client is that has just arrived.
fn place(shard: &Shard, proxy: &Arc<RunningProxy>, endpoint: &Arc<str>, peer: SocketAddr) -> Place {
    Place {
        running: Arc::clone(&shard.running.borrow()),
        proxy: Arc::clone(proxy),
        endpoint: Arc::clone(endpoint),
        peer,
        binding: shard.seed.tls.load().channel_binding.clone(),
        mock_key: Arc::clone(&shard.seed.mock_key),
        throttled: throttle(shard, peer),
    }
}

/// Whether an address has failed too often of late.
pub(crate) fn throttle(shard: &Shard, peer: SocketAddr) -> Throttle {
    if shard
        .failed_logins
        .throttled(peer.ip(), shard.clock.coarse())
    {
        Throttle::Closed
    } else {
        Throttle::Open
    }
}

/// What disqualifies a connection before anybody asks who it is.
fn unfit(shard: &Shard, login: &Login, proxy: &RunningProxy) -> Option<ErrorFields> {
    if !shard.serves(&proxy.config.id) {
        return Some(reply::shutting_down());
    }
    match login.startup.replication_mode() {
        Ok(Replication::Off) => None,
        Ok(Replication::Physical | Replication::Logical) => Some(reply::replication_refused()),
        Err(error) => Some(ErrorFields::fatal(error.sqlstate(), error.to_string())),
    }
}

async fn tell(mut login: Box<Login>, fields: &ErrorFields) -> std::io::Result<()> {
    let mut out = std::mem::take(&mut login.unsent);
    backend::error_response(&mut out, fields);
    login.stream.write_all(&out).await?;
    goodbye::close(login.stream).await;
    Ok(())
}

/// Time in which a cancel request must have been acted upon; its connection is closed then.
const CANCEL_PATIENCE: Duration = Duration::from_secs(10);

/// A cancel request arrives on whatever shard the kernel chose; the process id tells whose it is. Ends when
/// the server has acted upon it: a client that waits for the end of its cancel connection, as `PQcancel`
/// does, must not have its next statement hit.
async fn forward_cancel(
    shard: &Shard,
    process_id: i32,
    secret: tollgate_wire_postgres::secret::CancelSecret,
) {
    if let Some(peer) = shard.owner_of(process_id) {
        let (acted, done) = oneshot::channel();
        // Nobody is told whether a cancel request met anything; PostgreSQL does not either.
        let _ = peer.send(Command::Cancel {
            process_id,
            secret,
            acted,
        });
        // Whoever deals with the request drops the sender when it is dealt with.
        let _ = tokio::time::timeout(CANCEL_PATIENCE, done).await;
    }
}
