//! What a call's headers claim: who signed what, when, and for which scope.

use std::fmt;

use zeroize::Zeroizing;

use super::{RequestRejection, SignedRequest};
use crate::{
    amz_date,
    token::{is_plain, parse_signature},
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Longest `Authorization` header looked at, in bytes.
const AUTHORIZATION_LENGTH_MAX: usize = 8 * 1024;

/// Most headers a signature may name.
const SIGNED_HEADERS_MAX: usize = 64;

/// The claims of a signed call, none of them believed yet. `Debug` prints neither signature nor session
/// token.
#[derive(Clone)]
pub struct Authorization {
    /// The access key that is said to have signed.
    pub access_key_id: String,
    /// Date of the credential scope, `YYYYMMDD`.
    pub date: String,
    /// Region of the credential scope.
    pub region: String,
    /// Service of the credential scope.
    pub service: String,
    /// Names of the signed headers in lower case, sorted, without repeats.
    pub signed_headers: Vec<String>,
    /// The signature.
    pub signature: [u8; 32],
    /// `X-Amz-Date` as written.
    pub amz_date: String,
    /// The same in seconds since the epoch.
    pub signed_at: i64,
    /// `X-Amz-Security-Token`, a secret.
    pub session_token: Option<Zeroizing<String>>,
    /// `X-Amz-Content-Sha256` if the client sent it.
    pub content_sha256: Option<String>,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization")
            .field("access_key_id", &self.access_key_id)
            .field("amz_date", &self.amz_date)
            .field("region", &self.region)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl SignedRequest<'_> {
    /// Reads the claims from a request's headers (names of any case).
    ///
    /// Fails with `MissingAuthorization`, `Malformed`, `WrongAlgorithm`, `DuplicateHeader`, `MissingDate`,
    /// `DateScopeMismatch` or `HeaderNotSigned`.
    pub fn parse<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Result<Authorization, RequestRejection> {
        let found = Found::collect(headers)?;
        let text = found
            .authorization
            .ok_or(RequestRejection::MissingAuthorization)?;
        let parts = Parts::parse(text)?;
        let amz_date = found.date.ok_or(RequestRejection::MissingDate)?;
        let signed_at = amz_date::parse(amz_date).ok_or(RequestRejection::MissingDate)?;

        let signed_headers = parse_signed_headers(parts.signed_headers)?;
        let is_signed = |name: &String| signed_headers.binary_search(name).is_ok();
        if !is_signed(&"host".to_owned()) || !found.amz_headers.iter().all(is_signed) {
            return Err(RequestRejection::HeaderNotSigned);
        }
        let authorization = Authorization {
            signature: parse_signature(parts.signature).map_err(|_| RequestRejection::Malformed)?,
            signed_headers,
            amz_date: amz_date.to_owned(),
            signed_at,
            session_token: found.session_token.map(|t| Zeroizing::new(t.to_owned())),
            content_sha256: found.content_sha256.map(ToOwned::to_owned),
            ..parse_credential(parts.credential)?
        };
        if amz_date.get(..8) != Some(authorization.date.as_str()) {
            return Err(RequestRejection::DateScopeMismatch);
        }
        Ok(authorization)
    }
}

/// The headers that matter here.
#[derive(Default)]
struct Found<'h> {
    authorization: Option<&'h str>,
    date: Option<&'h str>,
    session_token: Option<&'h str>,
    content_sha256: Option<&'h str>,
    host: Option<&'h str>,
    /// Names of all `X-Amz-` headers, in lower case.
    amz_headers: Vec<String>,
}

impl<'h> Found<'h> {
    fn collect(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    ) -> Result<Self, RequestRejection> {
        let mut found = Self::default();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            let slot = match name.as_str() {
                "authorization" => Some(&mut found.authorization),
                "host" => Some(&mut found.host),
                "x-amz-date" => Some(&mut found.date),
                "x-amz-security-token" => Some(&mut found.session_token),
                "x-amz-content-sha256" => Some(&mut found.content_sha256),
                _ => None,
            };
            if let Some(slot) = slot
                && slot.replace(value.trim()).is_some()
            {
                return Err(RequestRejection::DuplicateHeader);
            }
            if name.starts_with("x-amz-") {
                found.amz_headers.push(name);
            }
        }
        Ok(found)
    }
}

/// The three fields of the header, as written.
struct Parts<'h> {
    credential: &'h str,
    signed_headers: &'h str,
    signature: &'h str,
}

impl<'h> Parts<'h> {
    fn parse(text: &'h str) -> Result<Self, RequestRejection> {
        if text.len() > AUTHORIZATION_LENGTH_MAX {
            return Err(RequestRejection::Malformed);
        }
        let (algorithm, fields) = text.split_once(' ').unwrap_or((text, ""));
        if algorithm != ALGORITHM {
            return Err(RequestRejection::WrongAlgorithm);
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field
                .trim()
                .split_once('=')
                .ok_or(RequestRejection::Malformed)?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(RequestRejection::Malformed),
            };
            if slot.replace(value).is_some() {
                return Err(RequestRejection::Malformed);
            }
        }
        Ok(Self {
            credential: credential.ok_or(RequestRejection::Malformed)?,
            signed_headers: signed_headers.ok_or(RequestRejection::Malformed)?,
            signature: signature.ok_or(RequestRejection::Malformed)?,
        })
    }
}

/// Fills the fields that `Credential` gives; the others stay empty for the caller to fill.
fn parse_credential(text: &str) -> Result<Authorization, RequestRejection> {
    let parts: Vec<&str> = text.split('/').collect();
    let [access_key_id, date, region, service, "aws4_request"] = parts.as_slice() else {
        return Err(RequestRejection::Malformed);
    };
    if ![access_key_id, date, region, service]
        .iter()
        .all(|p| is_plain(p))
    {
        return Err(RequestRejection::Malformed);
    }
    Ok(Authorization {
        access_key_id: (*access_key_id).to_owned(),
        date: (*date).to_owned(),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
        signed_headers: Vec::new(),
        signature: [0; 32],
        amz_date: String::new(),
        signed_at: 0,
        session_token: None,
        content_sha256: None,
    })
}

/// The list must be what a signer writes: lower case, sorted, no repeats.
fn parse_signed_headers(text: &str) -> Result<Vec<String>, RequestRejection> {
    let names: Vec<String> = text.split(';').map(ToOwned::to_owned).collect();
    let is_name = |name: &String| {
        let allowed =
            |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !matches!(b, b':' | b',');
        !name.is_empty() && name.bytes().all(allowed)
    };
    let ascending = names.is_sorted_by(|a, b| a < b);
    if names.len() > SIGNED_HEADERS_MAX || !names.iter().all(is_name) || !ascending {
        return Err(RequestRejection::Malformed);
    }
    Ok(names)
}
