//! What the control plane needs from outside: somebody who runs snapshots, and what they report.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tollgate_secrets::ExternalState;
use tollgate_types::{Observation, PinReport, ProxyId, SessionInfo, Snapshot};

use crate::audit::DecisionSink;

/// Takes whole snapshots to every data plane.
pub trait Publisher: Send + Sync {
    /// Hands over the newest configuration. Must not block; a later snapshot replaces an earlier one.
    fn publish(&self, snapshot: Arc<Snapshot>);
}

/// The answer to a question that takes a while.
pub type Eventually<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Knows who is connected right now.
pub trait SessionsView: Send + Sync {
    /// Every client connection of one proxy; empty for a proxy that no data plane runs.
    fn sessions<'a>(&'a self, proxy: &'a ProxyId) -> Eventually<'a, Vec<SessionInfo>>;

    /// What pins them and what has since the start; empty for a proxy that no data plane runs.
    fn pins<'a>(&'a self, proxy: &'a ProxyId) -> Eventually<'a, PinReport>;
}

/// Knows secrets that live in an AWS Secrets Manager. Nothing here may block.
pub trait ExternalSecrets: Send + Sync {
    /// The ARNs of all that are needed from now on.
    fn watch(&self, arns: &BTreeSet<String>);

    /// What is known of one of them.
    fn state(&self, arn: &str) -> ExternalState;

    /// A database has refused what is known of it.
    fn hurry(&self, arn: &str);
}

/// The clock, in milliseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Fills a buffer with unpredictable bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Everything outside that the control plane talks to.
#[derive(Clone)]
pub struct Ports {
    /// Where snapshots go.
    pub publisher: Arc<dyn Publisher>,
    /// The newest report of the data planes; it counts as changed only when there is news in it.
    pub observations: watch::Receiver<Observation>,
    /// Who is connected.
    pub sessions: Arc<dyn SessionsView>,
    /// Secrets of an AWS Secrets Manager.
    pub external_secrets: Arc<dyn ExternalSecrets>,
    /// Where the data planes of this process leave their authentication decisions.
    pub decisions: DecisionSink,
    /// Milliseconds since the epoch.
    pub clock: Clock,
    /// Unpredictable bytes.
    pub random: Random,
}
