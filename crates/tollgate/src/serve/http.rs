//! The API port: accepts connections, bounds how long a request may take to arrive, adds the metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tollgate_control_plane::DecisionSink;
use tollgate_telemetry::Metrics;
use tower::ServiceExt;

use crate::adapters::ConfigMade;

/// Time for a request's head to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection without a call under way for this long is closed, whatever else it does: one that never says
/// anything, or only pings, must not keep one of [`CONNECTIONS`] for ever.
const IDLE: Duration = Duration::from_mins(1);
/// Time for answers under way when the process stops.
const GRACE: Duration = Duration::from_secs(3);
/// API connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 1024;
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The process's metrics; `audit` counts what it could not write.
pub(super) fn metrics(made: ConfigMade, audit: DecisionSink) -> Metrics {
    let mut metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    metrics.register_config_age(move || made.age_s());
    metrics.register_audit_dropped(move || audit.dropped());
    metrics
}

/// `GET /metrics`.
pub(super) fn routes(metrics: Arc<Metrics>) -> Router {
    Router::new().route(
        "/metrics",
        get(move || {
            let metrics = Arc::clone(&metrics);
            async move {
                (
                    [(CONTENT_TYPE, tollgate_telemetry::CONTENT_TYPE)],
                    metrics.encode_text(),
                )
                    .into_response()
            }
        }),
    )
}

/// Serves `router` until `stop`. An accept error pauses the loop and never ends it.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                let connection = connection((socket, peer), router.clone(), &graceful, IDLE);
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed on the API port, pausing");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Long polls are cut: their callers ask again.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

fn connection(
    (socket, peer): (TcpStream, SocketAddr),
    router: Router,
    graceful: &GracefulShutdown,
    idle: Duration,
) -> impl Future<Output = ()> + Send + 'static {
    let calls = Arc::new(Calls::default());
    let counted = Arc::clone(&calls);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let under_way = Calls::begin(&counted);
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await;
            drop(under_way);
            answer
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    let served = builder
        .serve_connection(TokioIo::new(socket), service)
        .into_owned();
    let watched = graceful.watch(served);
    async move {
        tokio::select! {
            ended = watched => if let Err(error) = ended {
                tracing::debug!(client.address = %peer, error, "API connection ended");
            },
            () = calls.idle(idle) => {
                tracing::debug!(client.address = %peer, "idle API connection closed");
            }
        }
    }
}

/// The calls of one connection.
#[derive(Debug, Default)]
struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A call under way; over when dropped.
struct UnderWay(Arc<Calls>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Calls {
    fn begin(calls: &Arc<Self>) -> UnderWay {
        calls.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(calls))
    }

    /// Returns when no call has begun or been under way for between one and two times `period`.
    async fn idle(&self, period: Duration) {
        let mut seen = None;
        loop {
            let ended = self.ended.load(Ordering::Relaxed);
            let begun = self.begun.load(Ordering::Relaxed);
            if begun == ended && seen == Some(begun) {
                return;
            }
            seen = (begun == ended).then_some(begun);
            tokio::time::sleep(period).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn a_connection_is_idle_only_without_calls() {
        let calls = Arc::new(Calls::default());
        let under_way = Calls::begin(&calls);
        let watch = || tokio::time::timeout(SHORT * 20, calls.idle(SHORT));
        assert!(watch().await.is_err());
        drop(under_way);
        calls.idle(SHORT).await;
    }

    #[tokio::test]
    async fn a_client_that_never_asks_for_anything_is_cut() {
        // Nothing, the first letters of a version, and HTTP/2 without a call.
        for said in ["", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(said.as_bytes()).await.unwrap();
            let accepted = listener.accept().await.unwrap();
            let graceful = GracefulShutdown::new();
            connection(accepted, Router::new(), &graceful, SHORT).await;
            // A reset is a cut as well.
            let _ = client.read_to_end(&mut Vec::new()).await;
        }
    }
}
