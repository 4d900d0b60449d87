//! The API port: accepts connections, bounds how long a request may take to arrive, adds the metrics.

use std::net::SocketAddr;
use std::sync::Arc;
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
use tollgate_telemetry::Metrics;
use tower::ServiceExt;

use crate::adapters::ConfigMade;

/// Time for a request's head to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for answers under way when the process stops.
const GRACE: Duration = Duration::from_secs(3);
/// API connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 1024;
/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The process's metrics.
pub(super) fn metrics(made: ConfigMade) -> Metrics {
    let mut metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    metrics.register_config_age(move || made.age_s());
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
                let connection = connection(socket, peer, router.clone(), &graceful);
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
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
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
        if let Err(error) = watched.await {
            tracing::debug!(client.address = %peer, error, "API connection ended");
        }
    }
}
