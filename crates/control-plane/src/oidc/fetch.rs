//! Reading a provider's keys: discovery document, then key set, within narrow limits.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::OidcError;
use crate::settings::OidcReach;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest document read, in bytes.
const DOCUMENT_LENGTH_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// The keys of an issuer, given as `https://host/path`.
pub(super) async fn key_set(issuer: &str, reach: OidcReach) -> Result<JwkSet, OidcError> {
    let client = client(reach)?;
    let well_known = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let discovery: Discovery = document(&client, &well_known, reach).await?;
    if discovery.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        let words = format!("its discovery document is that of {}", discovery.issuer);
        return Err(OidcError::Unreachable(words));
    }
    document(&client, &discovery.jwks_uri, reach).await
}

fn client(reach: OidcReach) -> Result<Client, OidcError> {
    let builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    let builder = match reach {
        OidcReach::Public => builder.dns_resolver(PublicOnly).https_only(true),
        OidcReach::Anywhere => builder,
    };
    builder.build().map_err(unreachable)
}

async fn document<T: DeserializeOwned>(
    client: &Client,
    url: &str,
    reach: OidcReach,
) -> Result<T, OidcError> {
    let url = Url::parse(url).map_err(unreachable)?;
    check(&url, reach)?;
    let mut answer = client.get(url).send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        let words = format!("it answered with status {}", answer.status());
        return Err(OidcError::Unreachable(words));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len().saturating_add(chunk.len()) > DOCUMENT_LENGTH_MAX {
            return Err(OidcError::Unreachable(
                "its answer is longer than 64 KiB".to_owned(),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(unreachable)
}

/// Addresses written into a URL do not pass the resolver.
fn check(url: &Url, reach: OidcReach) -> Result<(), OidcError> {
    let refuse = |words: &str| Err(OidcError::Unreachable(words.to_owned()));
    let host = url.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    match reach {
        OidcReach::Public if url.scheme() != "https" => refuse("its URL must begin with https://"),
        OidcReach::Public if address.is_some_and(|address| !is_public(address)) => {
            refuse("its address is not a public one")
        }
        OidcReach::Anywhere
            if url.scheme() == "http" && !address.is_some_and(|a| a.is_loopback()) =>
        {
            refuse("plain http:// is accepted for loopback addresses only")
        }
        OidcReach::Public | OidcReach::Anywhere => Ok(()),
    }
}

/// Resolves to public addresses only.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(format!("{} has no public address", name.as_str()).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (v4.octets()[1] & 0xc0) == 64;
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.octets()[0] == 0
                || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

fn unreachable(error: impl std::error::Error) -> OidcError {
    let cause =
        std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
    OidcError::Unreachable(format!("{error}{cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_our_own_network_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "2606:4700::1111"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn only_harmless_urls_are_called() {
        let check = |url: &str, reach| check(&Url::parse(url).unwrap(), reach).is_ok();
        assert!(check("https://idp.example/keys", OidcReach::Public));
        assert!(!check("http://idp.example/keys", OidcReach::Public));
        assert!(!check("https://127.0.0.1/keys", OidcReach::Public));
        assert!(!check("https://[::1]/keys", OidcReach::Public));
        assert!(check("http://127.0.0.1:8080/keys", OidcReach::Anywhere));
        assert!(!check("http://idp.example/keys", OidcReach::Anywhere));
        assert!(check("https://10.0.0.1/keys", OidcReach::Anywhere));
    }
}
