//! What an installation decides for its control plane.

use std::ops::RangeInclusive;

use tollgate_types::{Arn, SecretString};

/// The installation's first principal, who may do everything.
#[derive(Debug, Clone)]
pub struct RootCredentials {
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret: SecretString,
}

/// From where HTTP Basic (the secret itself on the wire) is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerRule {
    /// The listener speaks TLS: from anywhere.
    Tls,
    /// The listener speaks plain HTTP: from a loopback address only.
    LoopbackOnly,
}

/// Which addresses identity providers may have, whose keys are read over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OidcReach {
    /// Public ones only, and HTTPS: a registered URL cannot be used to look around in the own network.
    Public,
    /// Any, for providers inside the own network; plain HTTP from loopback addresses.
    Anywhere,
}

/// Settings of [`crate::control_plane`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Region and account of every ARN.
    pub arn: Arn,
    /// Host name given out in endpoints.
    pub endpoint_host: String,
    /// Ports given to endpoints.
    pub endpoint_ports: RangeInclusive<u16>,
    /// The root principal.
    pub root: RootCredentials,
    /// From where HTTP Basic is accepted.
    pub plaintext_basic: PeerRule,
    /// Which addresses identity providers may have.
    pub oidc_reach: OidcReach,
    /// Seconds that running transactions get when a proxy is deleted.
    pub drain_timeout_s: u32,
    /// Days ahead for which signing keys are derived; a data plane serves that long without the control plane.
    pub signing_key_days_ahead: u16,
}
