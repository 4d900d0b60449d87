//! Who is calling: `SigV4` for the service `tollgate`, or HTTP Basic where the wire is safe.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;
use tollgate_iam::request::{
    DUMMY_SECRET, RequestExpected, RequestRejection, SERVICE, SignedRequest,
};
use tollgate_iam::session::{ACCESS_KEY_PREFIX, SessionRejection};
use zeroize::Zeroizing;

use super::call::Received;
use crate::api::Api;
use crate::identity::{KnownKey, Principal, SessionRing};
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
        _ => signed_for_tollgate(api, received, crate::time::seconds(now_ms)).await,
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

/// What a signature must be for.
pub(crate) struct SignedFor<'a> {
    pub(crate) service: &'a str,
    /// Any region if absent.
    pub(crate) region: Option<&'a str>,
}

/// The principal whose key signed the request, or why it is not believed.
pub(crate) async fn signed(
    api: &Api,
    received: &Received,
    signed_for: &SignedFor<'_>,
    now: i64,
) -> Result<Result<Arc<Principal>, RequestRejection>, Problem> {
    let headers = header_texts(received)?;
    let authorization = match SignedRequest::parse(headers.iter().copied()) {
        Ok(authorization) => authorization,
        Err(reason) => return Ok(Err(reason)),
    };
    let request = SignedRequest {
        method: received.method.as_str(),
        uri: received
            .uri
            .path_and_query()
            .map_or("/", |uri| uri.as_str()),
        headers: &headers,
        body: &received.body,
    };
    let expected = RequestExpected {
        service: signed_for.service,
        region: signed_for.region,
        now_unix: now,
    };
    let id = &authorization.access_key_id;
    let verified = |secret: &str| request.verify(&authorization, secret, &expected);
    match &authorization.session_token {
        Some(token) => match SessionRing::load(api)
            .await?
            .verifying()
            .open(id, token, now)
        {
            Ok(opened) => match verified(&opened.secret) {
                Ok(()) => api.session(opened.claims).await,
                Err(reason) => Ok(Err(reason)),
            },
            Err(SessionRejection::Invalid) => Ok(Err(RequestRejection::SessionTokenInvalid)),
            Err(SessionRejection::Expired) => Ok(Err(RequestRejection::SessionExpired)),
        },
        None if id.starts_with(ACCESS_KEY_PREFIX) => Ok(Err(RequestRejection::SessionTokenMissing)),
        None => {
            let known = api.access_key(id).await?;
            let secret = known
                .as_ref()
                .map_or(DUMMY_SECRET, |key| key.secret.expose());
            Ok(known_key(verified(secret), known))
        }
    }
}

fn known_key(
    verified: Result<(), RequestRejection>,
    known: Option<KnownKey>,
) -> Result<Arc<Principal>, RequestRejection> {
    match (verified, known) {
        (Ok(()), Some(key)) if key.active => Ok(key.principal),
        (Ok(()), Some(_)) => Err(RequestRejection::KeyInactive),
        (Ok(()) | Err(RequestRejection::SignatureMismatch), None) => {
            Err(RequestRejection::UnknownAccessKey)
        }
        (Err(reason), _) => Err(reason),
    }
}

async fn signed_for_tollgate(
    api: &Api,
    received: &Received,
    now: i64,
) -> Result<Arc<Principal>, Problem> {
    let region = Some(api.settings.arn.region.as_str());
    let service = SERVICE;
    match signed(api, received, &SignedFor { service, region }, now).await? {
        Ok(principal) => Ok(principal),
        Err(RequestRejection::SignatureMismatch | RequestRejection::UnknownAccessKey) => {
            Err(invalid())
        }
        Err(reason) => Err(Problem::new(Code::Signature(reason), reason.to_string())),
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
