//! TLS policies of both sides against each other, over real sockets.

use std::sync::Arc;

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tollgate_types::{TargetTls, TlsMode};
use tollgate_wire_postgres::scram::tls_server_end_point;

use super::*;
use crate::stream::{Stream, TlsInfo, accept_tls, connect_tls};

/// A version 1 certificate for `db.test`, as `openssl x509 -req` makes them, good for a century.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBHzCBxwIUW/pg1uuz2CrUgqA24O+VFXTQm4gwCgYIKoZIzj0EAwIwEjEQMA4G
A1UEAwwHZGIudGVzdDAgFw0yNjExMjExMDI5MTZaGA8yMTI2MTAyODEwMjkxNlow
EjEQMA4GA1UEAwwHZGIudGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLwi
PWBsLgAAUwhM10xFh1DXzPJxUg3GBMHQjsQY+4XFY6rpmWv3GPrmlaSbFruE0Zhc
RdzKEa63pSh3VoX/UUgwCgYIKoZIzj0EAwIDRwAwRAIgRMdpy5HbSZ17Xi3G+Ahn
QS3LVL388rubyjzqgvItrEcCIDx94FHIeba7eYFDVRYlJRnnZ3aPWMXxSmAWvXW3
QN30
-----END CERTIFICATE-----
";

/// Its key, used nowhere else.
const VERSION_1_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghN/z9KRDnJZcuP7v
9q3LVThA/FKSClmQPxYPDWLD0nuhRANCAAS8Ij1gbC4AAFMITNdMRYdQ18zycVIN
xgTB0I7EGPuFxWOq6Zlr9xj65pWkmxa7hNGYXEXcyhGut6Uod1aF/1FI
-----END PRIVATE KEY-----
";

/// A certificate authority for a test.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// The certificate that clients are to trust.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server certificate for these names.
    pub(crate) fn server(&self, names: &[&str]) -> ServerIdentity {
        self.signed(&params(names), &KeyPair::generate().unwrap())
    }

    fn signed(&self, params: &CertificateParams, key: &KeyPair) -> ServerIdentity {
        let leaf = params.signed_by(key, &self.0).unwrap();
        ServerIdentity::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }
}

/// The policy that encrypts and asks no questions.
pub(crate) fn any_server() -> TargetTls {
    TargetTls {
        mode: TlsMode::Require,
        ca_pem: None,
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

fn self_signed(params: &CertificateParams) -> (ServerIdentity, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let key = key.serialize_pem();
    (
        ServerIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap(),
        certificate,
    )
}

fn upgraded(identity: &ServerIdentity) -> Arc<ServerConfig> {
    ServerTls::new(identity).unwrap().upgraded
}

/// Both ends of one handshake: what the client and the server say about it.
async fn shake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: &str,
) -> (Result<Stream, String>, Result<TlsInfo, String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let far = listener.accept().await.unwrap().0;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (near, far) = tokio::join!(connect_tls(near, client, name), accept_tls(far, server));
    let words = |error: std::io::Error| error.to_string();
    (
        near.map_err(words),
        far.map(|(_, info)| info).map_err(words),
    )
}

/// Connects with a target's policy to a server with this identity. `Ok` or the client's words.
async fn check(
    mode: TlsMode,
    ca_pem: Option<&str>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(), String> {
    let policy = TargetTls {
        mode,
        ca_pem: ca_pem.map(str::to_owned),
    };
    let client = client_config(&policy).unwrap();
    shake(client, Arc::clone(server), name)
        .await
        .0
        .map(|_stream| ())
}

#[tokio::test]
async fn each_mode_checks_what_libpq_checks() {
    let (ours, other) = (Authority::new(), Authority::new());
    let mut late = params(&["db.test"]);
    late.not_before = date_time_ymd(2020, 1, 1);
    late.not_after = date_time_ymd(2021, 1, 1);
    let good = upgraded(&ours.server(&["db.test", "127.0.0.1"]));
    let misnamed = upgraded(&ours.server(&["other.test"]));
    let expired = upgraded(&ours.signed(&late, &KeyPair::generate().unwrap()));
    let foreign = upgraded(&other.server(&["db.test"]));
    let all = [
        TlsMode::Prefer,
        TlsMode::Require,
        TlsMode::VerifyCa,
        TlsMode::VerifyFull,
    ];
    let cases = [
        (&good, "db.test", [None, None, None, None]),
        (&good, "127.0.0.1", [None, None, None, None]),
        (
            &good,
            "127.0.0.2",
            [None, None, None, Some("not valid for name")],
        ),
        (
            &misnamed,
            "db.test",
            [None, None, None, Some("not valid for name")],
        ),
        (
            &expired,
            "db.test",
            [None, None, Some("expired"), Some("expired")],
        ),
        (
            &foreign,
            "db.test",
            [None, None, Some("BadSignature"), Some("BadSignature")],
        ),
    ];
    for (server, name, outcomes) in cases {
        for (mode, expected) in all.into_iter().zip(outcomes) {
            let outcome = check(mode, Some(&ours.pem()), server, name).await;
            match expected {
                None => assert_eq!(outcome, Ok(()), "{mode:?} {name}"),
                Some(words) => {
                    let told = outcome.unwrap_err();
                    assert!(told.contains(words), "{mode:?} {name}: {told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_registered_self_signed_server_is_trusted_like_libpq_does() {
    let mut own_ca = params(&["db.test"]);
    own_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut late = own_ca.clone();
    late.not_before = date_time_ymd(2020, 1, 1);
    late.not_after = date_time_ymd(2021, 1, 1);
    let (good, good_pem) = self_signed(&own_ca);
    let (expired, expired_pem) = self_signed(&late);
    let (_, unrelated_pem) = self_signed(&own_ca);
    let (good, expired) = (upgraded(&good), upgraded(&expired));
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
        assert_eq!(
            check(mode, Some(&good_pem), &good, "db.test").await,
            Ok(()),
            "{mode:?}"
        );
        assert!(
            check(mode, Some(&unrelated_pem), &good, "db.test")
                .await
                .is_err(),
            "{mode:?}"
        );
        let told = check(mode, Some(&expired_pem), &expired, "db.test")
            .await
            .unwrap_err();
        assert!(told.contains("expired"), "{mode:?}: {told}");
    }
    assert!(
        check(TlsMode::VerifyFull, Some(&good_pem), &good, "other.test")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn version_1_certificates_do_for_encryption_only() {
    let chain = vec![CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(VERSION_1_KEY.as_bytes()).unwrap();
    let key = provider().key_provider.load_private_key(key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    server.session_storage = Arc::new(NoServerSessionStorage {});
    let server = Arc::new(server);
    assert_eq!(
        check(TlsMode::Require, None, &server, "db.test").await,
        Ok(())
    );
    let ca = Authority::new().pem();
    assert!(
        check(TlsMode::VerifyCa, Some(&ca), &server, "db.test")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_server_without_the_key_of_its_certificate_is_refused_in_every_mode() {
    let ours = Authority::new();
    let (shown, kept) = (ours.server(&["db.test"]), ours.server(&["db.test"]));
    let stolen = CertifiedKey::new(
        shown.certified_for_tests().cert.clone(),
        Arc::clone(&kept.certified_for_tests().key),
    );
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(stolen)));
    let server = Arc::new(server);
    for mode in [
        TlsMode::Prefer,
        TlsMode::Require,
        TlsMode::VerifyCa,
        TlsMode::VerifyFull,
    ] {
        let told = check(mode, Some(&ours.pem()), &server, "db.test")
            .await
            .unwrap_err();
        assert!(told.contains("BadSignature"), "{mode:?}: {told}");
    }
}

#[tokio::test]
async fn direct_tls_wants_the_protocol_named() {
    let tls = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let postgresql = client_config(&any_server()).unwrap();
    let with_alpn = |protocols: &[&[u8]]| {
        let mut config = ClientConfig::clone(&postgresql);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    };
    let accepted = |config| {
        let direct = Arc::clone(&tls.direct);
        async move { shake(config, direct, "db.test").await.1 }
    };
    assert!(accepted(with_alpn(&[b"postgresql"])).await.is_ok());
    assert!(accepted(with_alpn(&[b"h2", b"postgresql"])).await.is_ok());
    assert!(accepted(with_alpn(&[])).await.is_err());
    assert!(accepted(with_alpn(&[b"http/1.1"])).await.is_err());
    let after_request = shake(with_alpn(&[]), tls.upgraded, "db.test")
        .await
        .1
        .unwrap();
    assert_eq!(after_request.alpn, None);
}

#[tokio::test]
async fn mysql_names_no_protocol_and_minds_none() {
    let tls = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let ours = mysql_client_config(&any_server()).unwrap();
    assert!(ours.alpn_protocols.is_empty());
    // A server that wants HTTP would not know PostgreSQL's name, and takes a client without any.
    let mut http = ServerConfig::clone(&tls.mysql);
    http.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (stream, _) = shake(Arc::clone(&ours), Arc::new(http), "db.test").await;
    assert!(stream.is_ok());
    let mut other = ClientConfig::clone(&ours);
    other.alpn_protocols = vec![b"mariadb".to_vec()];
    let (stream, accepted) = shake(Arc::new(other), tls.mysql, "db.test").await;
    assert!(stream.is_ok());
    assert_eq!(accepted.unwrap().alpn, None);
}

#[tokio::test]
async fn both_sides_bind_to_the_same_certificate() {
    let tls = ServerTls::new(&Authority::new().server(&["db.test"])).unwrap();
    let client = client_config(&any_server()).unwrap();
    let (stream, _) = shake(client, tls.upgraded, "db.test").await;
    let stream = stream.unwrap();
    let seen = tls_server_end_point(stream.peer_certificate().unwrap());
    assert!(seen.is_some());
    assert_eq!(seen, tls.channel_binding);
}

#[test]
fn an_ed25519_authority_leaves_no_channel_binding() {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let authority = Authority(CertifiedIssuer::self_signed(authority, key).unwrap());
    let tls = ServerTls::new(&authority.server(&["db.test"])).unwrap();
    assert_eq!(tls.channel_binding, None);
}

#[test]
fn a_useless_identity_is_refused_and_says_why() {
    let ours = Authority::new();
    let key = KeyPair::generate().unwrap();
    let leaf = params(&["db.test"]).signed_by(&key, &ours.0).unwrap().pem();
    let (own, other) = (
        key.serialize_pem(),
        KeyPair::generate().unwrap().serialize_pem(),
    );
    let told = |chain: &str, key: &str| {
        ServerIdentity::from_pem(chain.as_bytes(), key.as_bytes())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(ServerIdentity::from_pem(leaf.as_bytes(), own.as_bytes()).is_ok());
    assert!(
        told(&leaf, &other).contains("certificate and key"),
        "{}",
        told(&leaf, &other)
    );
    assert!(
        told("", &own).contains("holds no certificate"),
        "{}",
        told("", &own)
    );
    assert!(
        told(&leaf, "nothing").contains("server key"),
        "{}",
        told(&leaf, "nothing")
    );
    let cut = &leaf[..leaf.len() / 2];
    assert!(
        told(cut, &own).contains("server certificate"),
        "{}",
        told(cut, &own)
    );
    assert!(
        !told(&leaf, &other).contains(&other[60..80]),
        "keys stay out of errors"
    );
}

#[test]
fn a_missing_file_is_named() {
    let missing = std::path::Path::new("no-such-folder/chain.pem");
    let told = ServerIdentity::from_files(missing, missing)
        .unwrap_err()
        .to_string();
    assert!(told.contains("no-such-folder/chain.pem"), "{told}");
}

#[test]
fn files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    let pair = KeyPair::generate().unwrap();
    let leaf = params(&["db.test"])
        .signed_by(&pair, &Authority::new().0)
        .unwrap();
    std::fs::write(&chain, leaf.pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    let identity = ServerIdentity::from_files(&chain, &key).unwrap();
    assert_eq!(format!("{identity:?}"), "ServerIdentity([redacted])");
}

#[test]
fn a_useless_ca_is_refused_and_says_why() {
    let told = |pem: &str| {
        let policy = TargetTls {
            mode: TlsMode::VerifyFull,
            ca_pem: Some(pem.to_owned()),
        };
        client_config(&policy).map(|_| ()).unwrap_err().to_string()
    };
    let good = Authority::new().pem();
    assert!(told("").contains("holds no certificate"), "{}", told(""));
    assert!(told("not PEM at all").contains("holds no certificate"));
    assert!(told(&good[..good.len() / 2]).contains("not valid PEM"));
    let rubbish = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let second = format!("{good}{rubbish}");
    assert!(told(&second).contains("certificate 2"), "{}", told(&second));
}

#[test]
fn finds_the_public_key_of_every_version() {
    for pem in [VERSION_1.to_owned(), Authority::new().pem()] {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let found = der::public_key_info(&certificate).unwrap();
        // SubjectPublicKeyInfo of a P-256 key: 91 bytes that end with the uncompressed point.
        assert_eq!((found.len(), found[26]), (91, 4));
    }
}

proptest! {
    #[test]
    fn no_bytes_upset_the_der_walk(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = der::public_key_info(&bytes);
    }

    #[test]
    fn a_damaged_certificate_does_not_upset_the_der_walk(at in 0_usize..280, byte: u8) {
        let mut damaged = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap().to_vec();
        if let Some(place) = damaged.get_mut(at) {
            *place = byte;
        }
        if let Some(found) = der::public_key_info(&damaged) {
            prop_assert!(found.len() <= damaged.len());
        }
    }
}
