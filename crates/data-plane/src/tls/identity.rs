//! The certificate and key shown to clients, as two rustls configurations.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tollgate_wire_postgres::scram::tls_server_end_point;
use zeroize::Zeroizing;

use super::{ALPN_POSTGRESQL, TlsConfigError, provider};

/// Sessions of TLS 1.2 remembered for clients without tickets.
const REMEMBERED_SESSIONS: usize = 256;

/// A server certificate with its key, checked to belong together. Cloning is cheap.
#[derive(Clone)]
pub struct ServerIdentity {
    certified: Arc<CertifiedKey>,
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerIdentity([redacted])")
    }
}

impl ServerIdentity {
    /// Takes a certificate chain (leaf first) and its private key, both PEM.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsConfigError> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| TlsConfigError::Pem {
                what: "server certificate",
                source,
            })?;
        if chain.is_empty() {
            return Err(TlsConfigError::NoCertificate {
                what: "server certificate",
            });
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsConfigError::Pem {
            what: "server key",
            source,
        })?;
        let certified = Arc::new(CertifiedKey::from_der(chain, key, &provider())?);
        Ok(Self { certified })
    }

    /// Reads chain and key from PEM files. Blocks; meant for start and reload.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsConfigError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsConfigError::File {
                path: path.to_owned(),
                source,
            })
        };
        Self::from_pem(&read(chain)?, &Zeroizing::new(read(key)?))
    }
}

#[cfg(test)]
impl ServerIdentity {
    /// The certificate and its key, for servers that misuse them.
    pub(super) fn certified_for_tests(&self) -> &CertifiedKey {
        &self.certified
    }
}

/// An identity in the forms that handshakes need.
pub(crate) struct ServerTls {
    /// For TLS that begins after an `SSLRequest`: ALPN may be left out.
    pub(crate) upgraded: Arc<ServerConfig>,
    /// For TLS from the first byte: a client that does not offer `postgresql` by ALPN is refused, as
    /// PostgreSQL 17 does, so that no other protocol can be tricked into talking to us (ALPACA).
    pub(crate) direct: Arc<ServerConfig>,
    /// For TLS that begins after MySQL's `SSLRequest`. There is no name for its protocol in ALPN, so whatever
    /// clients offer is passed over.
    pub(crate) mysql: Arc<ServerConfig>,
    /// Channel binding data `tls-server-end-point` of our leaf; absent where it is not defined.
    pub(crate) channel_binding: Option<Vec<u8>>,
}

impl ServerTls {
    /// Makes the configurations, with fresh keys for session tickets.
    pub(crate) fn new(identity: &ServerIdentity) -> Result<Self, TlsConfigError> {
        let resolver = Arc::new(SingleCertAndKey::from(Arc::clone(&identity.certified)));
        let direct = Arc::new(RequirePostgresql(Arc::clone(&resolver)));
        let leaf = identity.certified.end_entity_cert()?;
        let upgraded = config(resolver)?;
        let mut mysql = ServerConfig::clone(&upgraded);
        mysql.alpn_protocols.clear();
        // A ticket of the one protocol must not open a session of the other.
        mysql.ticketer = Ticketer::new()?;
        mysql.session_storage = ServerSessionMemoryCache::new(REMEMBERED_SESSIONS);
        Ok(Self {
            upgraded,
            direct: config(direct)?,
            mysql: Arc::new(mysql),
            channel_binding: tls_server_end_point(leaf),
        })
    }
}

fn config(resolver: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, TlsConfigError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN_POSTGRESQL.to_vec()];
    config.ticketer = Ticketer::new()?;
    // One ticket is enough for one next connection; each costs a seal and bytes in every handshake.
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// Shows the certificate only to clients that offer `postgresql`.
#[derive(Debug)]
struct RequirePostgresql(Arc<SingleCertAndKey>);

impl ResolvesServerCert for RequirePostgresql {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if !hello.alpn()?.any(|protocol| protocol == ALPN_POSTGRESQL) {
            return None;
        }
        self.0.resolve(hello)
    }
}
