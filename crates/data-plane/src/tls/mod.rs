//! TLS identities and policies for both sides.
//!
//! The provider is always passed by hand: a process that has two of them compiled in must not decide by
//! chance which one a connection uses.

mod client;
mod der;
mod identity;

pub(crate) use client::{client_config, handshake_words, mysql_client_config};
pub use identity::ServerIdentity;
pub(crate) use identity::ServerTls;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The protocol name of PostgreSQL in ALPN (registered with IANA, PostgreSQL 17's `libpq-be.h`).
const ALPN_POSTGRESQL: &[u8] = b"postgresql";

/// Why a certificate, a key or a set of trusted certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsConfigError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// PEM text is malformed.
    #[error("the {what} is not valid PEM: {source}")]
    Pem {
        /// Which input.
        what: &'static str,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// PEM text has no section of the wanted kind.
    #[error("the {what} holds no certificate")]
    NoCertificate {
        /// Which input.
        what: &'static str,
    },
    /// A trusted certificate is malformed.
    #[error("certificate {number} of the CA certificates cannot be used: {source}")]
    BadRoot {
        /// Its place, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The system has no trusted certificates, and the database was registered without a CA.
    #[error("no CA certificate is given and the system has none")]
    NoSystemRoots,
    /// Certificate and key do not make a TLS configuration.
    #[error("certificate and key cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

/// AWS-LC, the one implementation of cryptography in this program.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(test)]
pub(crate) mod tests;
