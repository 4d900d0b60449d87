//! Who is calling: `SigV4` for the service `tollgate`, or HTTP Basic where the wire is safe.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;
use tollgate_iam::request::{
    DUMMY_SECRET, RequestExpected, RequestRejection, SERVICE, SignedRequest,
};
use zeroize::Zeroizing;

use super::call::Received;
use crate::api::Api;
use crate::identity::{KnownKey, Principal};
use crate::problem::{Code, Problem};
use crate::settings::PeerRule;

/// The principal whose key signed this request.
pub(super) async fn caller(
    api: &Api,
    received: &Received,
    now_ms: i64,
) -> Result<Arc<Principal>, Problem> {
    let Some(header) = received.headers.get(AUTHORIZATION) else {
        let detail = "sign the call with AWS Signature Version 4 for the service `tollgate`, or send HTTP Basic";
        return Err(Problem::new(Code::MissingCredentials, detail));
    };
    let header = header.to_str().map_err(|_| invalid())?;
    match header.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
            check_wire(api, received)?;
            basic(api, rest.trim()).await
        }
        _ => signed(api, received, crate::time::seconds(now_ms)).await,
    }
}

/// One answer for every wrong pair, so that nobody learns which key ids exist.
fn invalid() -> Problem {
    let detail = "the access key does not exist, or its secret is not the one that was used";
    Problem::new(Code::InvalidCredentials, detail)
}

fn check_wire(api: &Api, received: &Received) -> Result<(), Problem> {
    let is_local = received
        .peer
        .is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    match api.settings.plaintext_basic {
        PeerRule::Tls => Ok(()),
        PeerRule::LoopbackOnly if is_local => Ok(()),
        PeerRule::LoopbackOnly => {
            let detail =
                "HTTP Basic is accepted over TLS or from a loopback address; sign the call instead";
            Err(Problem::new(Code::InsecureTransport, detail))
        }
    }
}

async fn basic(api: &Api, encoded: &str) -> Result<Arc<Principal>, Problem> {
    let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| invalid())?);
    let text = std::str::from_utf8(&decoded).map_err(|_| invalid())?;
    let (id, secret) = text.split_once(':').ok_or_else(invalid)?;
    let known = api.access_key(id).await?;
    let expected = known
        .as_ref()
        .map_or(DUMMY_SECRET, |key| key.secret.expose());
    let matches: bool = expected.as_bytes().ct_eq(secret.as_bytes()).into();
    admit(known, matches)
}

async fn signed(api: &Api, received: &Received, now: i64) -> Result<Arc<Principal>, Problem> {
    let headers = header_texts(received)?;
    let rejected =
        |reason: RequestRejection| Problem::new(Code::Signature(reason), reason.to_string());
    let authorization = SignedRequest::parse(headers.iter().copied()).map_err(rejected)?;
    if authorization.session_token.is_some() {
        return Err(rejected(RequestRejection::SessionTokenInvalid));
    }
    let known = api.access_key(&authorization.access_key_id).await?;
    let request = SignedRequest {
        method: received.method.as_str(),
        uri: received
            .uri
            .path_and_query()
            .map_or("/", |uri| uri.as_str()),
        headers: &headers,
        body: &received.body,
    };
    let secret = known
        .as_ref()
        .map_or(DUMMY_SECRET, |key| key.secret.expose());
    let expected = RequestExpected {
        service: SERVICE,
        region: Some(&api.settings.arn.region),
        now_unix: now,
    };
    match request.verify(&authorization, secret, &expected) {
        Ok(()) => admit(known, true),
        Err(RequestRejection::SignatureMismatch | RequestRejection::UnknownAccessKey) => {
            admit(known, false)
        }
        Err(reason) => Err(rejected(reason)),
    }
}

fn admit(known: Option<KnownKey>, matches: bool) -> Result<Arc<Principal>, Problem> {
    match known {
        Some(key) if matches && key.active => Ok(key.principal),
        Some(_) if matches => {
            let reason = RequestRejection::KeyInactive;
            Err(Problem::new(Code::Signature(reason), reason.to_string()))
        }
        Some(_) | None => Err(invalid()),
    }
}

/// Every header as text, `host` included: HTTP/2 carries it in the URI.
fn header_texts(received: &Received) -> Result<Vec<(&str, &str)>, Problem> {
    let mut texts = Vec::with_capacity(received.headers.len().saturating_add(1));
    for (name, value) in &received.headers {
        // A header that is not text cannot have been signed; leaving it out is enough.
        if let Ok(value) = std::str::from_utf8(value.as_bytes()) {
            texts.push((name.as_str(), value));
        }
    }
    if !received.headers.contains_key(http::header::HOST) {
        let host = received.uri.authority().ok_or_else(invalid)?;
        texts.push(("host", host.as_str()));
    }
    Ok(texts)
}
