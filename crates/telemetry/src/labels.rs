//! Label sets of our metrics: their names are fixed and their values come from closed lists, or are
//! names that an operator gave.

use std::fmt::{self, Debug};
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};

/// The labels of one series.
pub trait LabelSet: Ord + Clone + Debug + Send + Sync + 'static {
    /// Calls `visit` with each label's name and value, in the order of the documentation.
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str));

    /// Whether there are no labels.
    fn is_empty(&self) -> bool {
        let mut empty = true;
        self.visit(&mut |_, _| empty = false);
        empty
    }
}

/// A label set in the form the encoder wants.
#[derive(Debug)]
pub(crate) struct Encoded<L>(pub(crate) L);

impl<L: LabelSet> EncodeLabelSet for Encoded<L> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let mut outcome = Ok(());
        self.0.visit(&mut |name, value| {
            if outcome.is_ok() {
                outcome = (name, value).encode(encoder.encode_label());
            }
        });
        outcome
    }
}

/// Of a metric that has one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoLabels;

impl LabelSet for NoLabels {
    fn visit(&self, _visit: &mut dyn FnMut(&'static str, &str)) {}
}

/// `{proxy}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProxyLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
}

impl LabelSet for ProxyLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
    }
}

/// `{proxy,endpoint}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// The endpoint's name.
    pub endpoint: Arc<str>,
}

impl LabelSet for EndpointLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
        visit("endpoint", &self.endpoint);
    }
}

/// `{proxy,target}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// The database's name.
    pub target: Arc<str>,
}

impl LabelSet for TargetLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
        visit("target", &self.target);
    }
}

/// What a server connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerConnectionState {
    /// In the pool.
    Idle,
    /// Lent to a client for a transaction.
    Borrowed,
    /// Kept by a client.
    Pinned,
    /// Being connected and logged in.
    Opening,
}

impl ServerConnectionState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Borrowed => "borrowed",
            Self::Pinned => "pinned",
            Self::Opening => "opening",
        }
    }
}

/// `{proxy,target,state}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerStateLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// The database's name.
    pub target: Arc<str>,
    /// What the connections are doing.
    pub state: ServerConnectionState,
}

impl LabelSet for ServerStateLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
        visit("target", &self.target);
        visit("state", self.state.as_str());
    }
}

/// `{proxy,reason}` of pins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PinLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// Why, from the closed list of pin reasons.
    pub reason: &'static str,
}

impl LabelSet for PinLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
        visit("reason", self.reason);
    }
}

/// How a login was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthOutcome {
    /// Let in.
    Allow,
    /// Refused.
    Deny,
}

impl AuthOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// `{proxy,outcome,reason}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuthLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// Allow or deny.
    pub outcome: AuthOutcome,
    /// Why, from the closed list of decision reasons.
    pub reason: &'static str,
}

impl LabelSet for AuthLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
        visit("outcome", self.outcome.as_str());
        visit("reason", self.reason);
    }
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From clients to servers.
    ToServer,
    /// From servers to clients.
    ToClient,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::ToServer => "to_server",
            Self::ToClient => "to_client",
        }
    }
}

/// `{proxy,direction}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirectionLabels {
    /// The proxy's name.
    pub proxy: Arc<str>,
    /// Which way.
    pub direction: Direction,
}

impl LabelSet for DirectionLabels {
    fn visit(&self, visit: &mut dyn FnMut(&'static str, &str)) {
        visit("proxy", &self.proxy);
        visit("direction", self.direction.as_str());
    }
}
