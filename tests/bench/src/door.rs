//! Where a client of one system knocks, and how it proves who it is.

use std::sync::Arc;

use rustls::{ClientConfig, client::Resumption};
use tollgate_testkit::ClientTls;

use crate::{process::Process, system::System};

/// Whether a client's connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tls {
    /// Plain TCP.
    Off,
    /// TLS 1.3, a full handshake.
    On,
}

/// How a client comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    /// The cheapest login that a system has: md5, or none where it cannot ask.
    Cheap(Tls),
    /// SCRAM-SHA-256.
    Scram(Tls),
    /// An IAM token inside TLS; only ours knows it.
    Token,
}

/// An address with everything that a client needs there.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Whose it is.
    pub(crate) system: System,
    /// Port on loopback.
    pub(crate) port: u16,
    /// User name.
    pub(crate) user: String,
    /// Password or token.
    pub(crate) password: String,
    /// The authority to trust, when the connection is encrypted.
    pub(crate) tls: Option<ClientTls>,
    /// The proxy's process; none for the server itself.
    pub(crate) process: Option<Process>,
}

impl Door {
    /// Whether clients encrypt here.
    pub(crate) fn encryption(&self) -> Tls {
        match self.tls {
            None => Tls::Off,
            Some(_) => Tls::On,
        }
    }

    /// For rustls; every connection shakes hands in full, as clients do that were just started.
    pub(crate) fn client_config(&self) -> Option<Arc<ClientConfig>> {
        let mut config = self.tls.as_ref()?.config();
        Arc::make_mut(&mut config).resumption = Resumption::disabled();
        Some(config)
    }
}
