//! How far a database server's certificate is checked: libpq's `sslmode`, with rustls.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tollgate_types::{TargetTls, TlsMode};

use super::der::public_key_info;
use super::{ALPN_POSTGRESQL, TlsConfigError, provider};

/// Sessions remembered per target for resumption, which halves what a handshake costs us.
const REMEMBERED_SESSIONS: usize = 64;

/// The TLS configuration towards one target. Reads the system's roots from disk if the policy needs them,
/// so it is called when a configuration is applied, not per connection. Where TLS is off, the result
/// checks nothing and is not used.
pub(crate) fn client_config(tls: &TargetTls) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let check = match tls.mode {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => Check::Nothing,
        TlsMode::VerifyCa => Check::Chain(Trust::load(tls.ca_pem.as_deref())?),
        TlsMode::VerifyFull => Check::ChainAndName(Trust::load(tls.ca_pem.as_deref())?),
    };
    let provider = provider();
    let verifier = TargetVerifier {
        check,
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_POSTGRESQL.to_vec()];
    config.resumption = Resumption::in_memory_sessions(REMEMBERED_SESSIONS);
    Ok(Arc::new(config))
}

/// The same towards MySQL and MariaDB, which have no name in ALPN.
pub(crate) fn mysql_client_config(tls: &TargetTls) -> Result<Arc<ClientConfig>, TlsConfigError> {
    let mut config = client_config(tls)?;
    Arc::make_mut(&mut config).alpn_protocols.clear();
    Ok(config)
}

/// Whom to believe.
#[derive(Debug)]
struct Trust {
    roots: RootCertStore,
    /// The roots as they were given, for servers that show one of them as their own certificate.
    certificates: Vec<CertificateDer<'static>>,
}

impl Trust {
    fn load(ca_pem: Option<&str>) -> Result<Self, TlsConfigError> {
        match ca_pem {
            Some(pem) => Self::from_pem(pem),
            None => Self::from_system(),
        }
    }

    fn from_pem(pem: &str) -> Result<Self, TlsConfigError> {
        let what = "CA certificate";
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| TlsConfigError::Pem { what, source })?;
        if certificates.is_empty() {
            return Err(TlsConfigError::NoCertificate { what });
        }
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            roots
                .add(certificate.clone())
                .map_err(|source| TlsConfigError::BadRoot {
                    number: index + 1,
                    source,
                })?;
        }
        Ok(Self {
            roots,
            certificates,
        })
    }

    fn from_system() -> Result<Self, TlsConfigError> {
        let mut roots = RootCertStore::empty();
        // Systems carry a few roots that nobody can parse; one bad apple must not take TLS away.
        let (added, _ignored) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            return Err(TlsConfigError::NoSystemRoots);
        }
        Ok(Self {
            roots,
            certificates: Vec::new(),
        })
    }
}

#[derive(Debug)]
enum Check {
    Nothing,
    Chain(Trust),
    ChainAndName(Trust),
}

/// Judges a server's certificate by the target's policy. Whatever the policy, the server must prove that
/// it owns the key of the certificate: SCRAM's channel binding rests on it.
#[derive(Debug)]
struct TargetVerifier {
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl TargetVerifier {
    fn check_chain(
        &self,
        trust: &Trust,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &trust.roots,
            intermediates,
            now,
            algorithms,
        ) {
            // `openssl req -x509` makes certificates that are their own CA. webpki refuses them as a
            // server's, after it has checked the dates; one that the operator registered byte by byte is
            // trusted all the same, as libpq does.
            Err(Error::InvalidCertificate(error))
                if is_ca_as_server(&error)
                    && trust.certificates.contains(&leaf.clone().into_owned()) =>
            {
                Ok(())
            }
            other => other,
        }
    }
}

fn is_ca_as_server(error: &CertificateError) -> bool {
    let CertificateError::Other(other) = error else {
        return false;
    };
    other.0.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity)
}

impl ServerCertVerifier for TargetVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.check {
            Check::Nothing => {}
            Check::Chain(trust) => self.check_chain(trust, leaf, intermediates, now)?,
            Check::ChainAndName(trust) => {
                self.check_chain(trust, leaf, intermediates, now)?;
                verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match (&self.check, public_key_info(leaf)) {
            // `openssl x509 -req` without extensions makes version 1 certificates, which webpki does not
            // read. Where the certificate is not checked anyway, its key is enough.
            (Check::Nothing, Some(key)) => {
                let key = SubjectPublicKeyInfoDer::from(key);
                verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
            }
            (Check::Nothing | Check::Chain(_) | Check::ChainAndName(_), _) => {
                verify_tls13_signature(message, leaf, signed, algorithms)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Why a handshake failed, for an operator: what rustls says, and what to do where it speaks in riddles.
pub(crate) fn handshake_words(error: &std::io::Error) -> String {
    let said = error.to_string();
    let source = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(problem)) = source else {
        return said;
    };
    if is_ca_as_server(problem) {
        return "invalid peer certificate: it is a self-signed CA certificate and not the registered one \
                (register it, or give the server a certificate of its own)"
            .to_owned();
    }
    // A bad signature is a CA of the same name with another key.
    if matches!(
        problem,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    ) {
        return format!("{said}: it was not issued by a trusted CA (see the database's tls.caPem)");
    }
    said
}
