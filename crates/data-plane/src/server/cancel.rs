//! Cancelling what a server connection is doing, over a connection of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::ClientConfig;
use tollgate_wire_postgres::secret::CancelSecret;
use tollgate_wire_postgres::startup::encode_cancel;

use super::OpenErrorKind;
use super::connect::{Need, connect, upgrade};
use crate::stream::Stream;

/// Names one session on one server. The address is the session's own: behind a name with several
/// addresses, another server would take the key for somebody else's.
#[derive(Debug, Clone)]
pub(crate) struct CancelHandle {
    /// Where the session is.
    pub(super) address: SocketAddr,
    /// Its process id.
    pub(super) process_id: i32,
    /// Its secret.
    pub(super) secret: CancelSecret,
    /// Whether the session is encrypted; then the request is too, as it carries the secret.
    pub(super) encrypted: bool,
}

/// Sends the request and waits until the server closes, by when it has sent the signal. `host` and `tls`
/// are the target's. The caller keeps the session away from others until this returns.
pub(crate) async fn cancel(
    handle: &CancelHandle,
    host: &str,
    tls: Option<Arc<ClientConfig>>,
    deadline: Duration,
) -> io::Result<()> {
    let elapsed = |_elapsed| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            "the server did not take the cancel request",
        )
    };
    tokio::time::timeout(deadline, send(handle, host, tls))
        .await
        .map_err(elapsed)?
}

async fn send(handle: &CancelHandle, host: &str, tls: Option<Arc<ClientConfig>>) -> io::Result<()> {
    let tcp = connect(handle.address).await?;
    let mut stream = match (handle.encrypted, tls) {
        (false, _) => Stream::Plain(tcp),
        (true, Some(config)) => {
            upgrade(tcp, host, config, Need::Required)
                .await
                .map_err(|kind: OpenErrorKind| io::Error::other(kind))?
                .stream
        }
        (true, None) => {
            let problem = "the session is encrypted, and there is no TLS configuration any more";
            return Err(io::Error::other(problem));
        }
    };
    let mut request = Vec::new();
    encode_cancel(&mut request, handle.process_id, &handle.secret);
    stream.write_all(&request).await?;
    let mut ignored = BytesMut::new();
    loop {
        match stream.read_some(&mut ignored).await {
            Ok(0) => return Ok(()),
            Ok(_) => ignored.clear(),
            // PostgreSQL closes without saying goodbye, and under TLS that looks like a cut. A reset is
            // the same: the postmaster's child has read the request and is gone.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}
