//! The certificates shown to clients: given by the operator, or issued by a CA made on first start.

use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use time::{Duration, OffsetDateTime};
use tollgate_data_plane::ServerIdentity;

use crate::config::{Config, GivenCertificate};
use crate::data_dir::{DataDir, read_secret, write_whole};

/// Life of the own CA.
const CA_LIFE: Duration = Duration::days(3650);
/// Life of a server certificate; a new one is issued at a start when less than [`RENEW_BEFORE`] is left.
const LEAF_LIFE: Duration = Duration::days(397);
/// See [`LEAF_LIFE`].
const RENEW_BEFORE: Duration = Duration::days(60);

/// The identity to serve with.
pub(crate) fn load_or_issue(config: &Config, dir: &DataDir) -> Result<ServerIdentity> {
    if let Some(given) = &config.certificate {
        return from_files(given);
    }
    let (chain, key) = own(config, dir)?;
    ServerIdentity::from_pem(chain.as_bytes(), key.as_bytes()).with_context(|| {
        format!(
            "the own server certificate {} is unusable; delete it to have a new one issued",
            dir.file("server.pem").display()
        )
    })
}

fn from_files(given: &GivenCertificate) -> Result<ServerIdentity> {
    ServerIdentity::from_files(&given.chain, &given.key).with_context(|| {
        format!(
            "cannot use tls-cert {} with tls-key {}",
            given.chain.display(),
            given.key.display()
        )
    })
}

/// Chain and key of a certificate of the own CA, issued anew when the names changed or it runs out.
fn own(config: &Config, dir: &DataDir) -> Result<(String, String)> {
    let (ca_pem, ca_key_pem, ca_age) = own_ca(dir)?;
    let names = names(config);
    let stamp = dir.file("server.names");
    let now = OffsetDateTime::now_utc();
    if ca_age == Age::Old
        && let Ok(text) = std::fs::read_to_string(&stamp)
        && let Some((until, known)) = text.split_once('\n')
        && known == names.join("\n")
        && until
            .parse::<i64>()
            .is_ok_and(|until| until > (now + RENEW_BEFORE).unix_timestamp())
        && let Some(key) = read_secret(&dir.file("server.key"))?
        && let Ok(chain) = std::fs::read_to_string(dir.file("server.pem"))
    {
        return Ok((
            chain,
            String::from_utf8(key).context("server.key is not PEM")?,
        ));
    }
    let ca_key =
        KeyPair::from_pem(&ca_key_pem).context("ca.key in the data directory is unusable")?;
    // The issuer is the same name and key that ca.pem was made from.
    let params = ca_params();
    let issuer = Issuer::from_params(&params, ca_key);
    let until = now + LEAF_LIFE;
    let (certificate, key) = issue(&names, &issuer, (now, until))?;
    let chain = format!("{certificate}{ca_pem}");
    write_whole(&dir.file("server.key"), key.as_bytes(), 0o600)?;
    write_whole(&dir.file("server.pem"), chain.as_bytes(), 0o600)?;
    let text = format!("{}\n{}", until.unix_timestamp(), names.join("\n"));
    write_whole(&stamp, text.as_bytes(), 0o600)?;
    Ok((chain, key))
}

/// Names the certificate is good for: what is given out, and what people type on the machine itself.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec![config.endpoint_host.clone()];
    for local in ["localhost", "127.0.0.1", "::1"] {
        if config.endpoint_host != local {
            names.push(local.to_owned());
        }
    }
    names
}

/// Whether the own CA was there before this start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Old,
    New,
}

/// Certificate and key of the own CA. Only when both are missing is a new one made: clients trust the old one.
fn own_ca(dir: &DataDir) -> Result<(String, String, Age)> {
    let (ca_path, key_path) = (dir.file("ca.pem"), dir.file("ca.key"));
    let ca = match std::fs::read_to_string(&ca_path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", ca_path.display()));
        }
    };
    match (ca, read_secret(&key_path)?) {
        (Some(ca), Some(key)) => {
            let key = String::from_utf8(key).context("ca.key is not PEM")?;
            return Ok((ca, key, Age::Old));
        }
        (Some(_), None) => return Err(half(&ca_path, &key_path)),
        (None, Some(_)) => return Err(half(&key_path, &ca_path)),
        (None, None) => {}
    }
    let now = OffsetDateTime::now_utc();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("cannot make a CA key")?;
    let mut params = ca_params();
    params.not_before = now - Duration::days(1);
    params.not_after = now + CA_LIFE;
    let ca = params
        .self_signed(&key)
        .context("cannot make a CA certificate")?
        .pem();
    write_whole(&key_path, key.serialize_pem().as_bytes(), 0o600)?;
    write_whole(&ca_path, ca.as_bytes(), 0o644)?;
    Ok((ca, key.serialize_pem(), Age::New))
}

fn half(present: &Path, missing: &Path) -> anyhow::Error {
    anyhow::anyhow!(
        "{} is there without {}: restore it, or delete both to have a new authority made, which every client must then trust",
        present.display(),
        missing.display()
    )
}

/// Name and purpose of the own CA.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name("Tollgate CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn issue(
    names: &[String],
    issuer: &Issuer<'_, KeyPair>,
    (from, until): (OffsetDateTime, OffsetDateTime),
) -> Result<(String, String)> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("cannot make a server key")?;
    let mut params = CertificateParams::new(names.to_vec())
        .with_context(|| format!("{} cannot stand in a certificate", names.join(", ")))?;
    params.distinguished_name = distinguished_name("Tollgate endpoint");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = from - Duration::days(1);
    params.not_after = until;
    let certificate = params
        .signed_by(&key, issuer)
        .context("cannot issue a certificate")?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RawConfig;

    fn issue_in(dir: &DataDir) -> Result<(String, String)> {
        own(&Config::load(RawConfig::default(), None)?, dir)
    }

    #[test]
    fn a_certificate_stays_until_its_authority_is_made_anew() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("data")).unwrap();
        let first = issue_in(&dir).unwrap();
        assert_eq!(issue_in(&dir).unwrap(), first);
        for name in ["ca.pem", "ca.key"] {
            std::fs::remove_file(dir.file(name)).unwrap();
        }
        let second = issue_in(&dir).unwrap();
        assert_ne!(second, first);
        let ca = std::fs::read_to_string(dir.file("ca.pem")).unwrap();
        assert!(second.0.ends_with(&ca));
    }

    #[test]
    fn half_an_authority_is_refused_and_not_replaced() {
        for (gone, kept) in [("ca.pem", "ca.key"), ("ca.key", "ca.pem")] {
            let parent = tempfile::tempdir().unwrap();
            let dir = DataDir::open(&parent.path().join("data")).unwrap();
            issue_in(&dir).unwrap();
            let before = std::fs::read(dir.file(kept)).unwrap();
            std::fs::remove_file(dir.file(gone)).unwrap();
            let error = issue_in(&dir).unwrap_err().to_string();
            assert!(error.contains(gone) && error.contains(kept), "{error}");
            assert_eq!(std::fs::read(dir.file(kept)).unwrap(), before);
        }
    }
}
