//! One token: signature, issuer, audience and time.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use super::{KeyCache, OidcError};

/// How far clocks may differ, in seconds.
const LEEWAY_S: i64 = 30;
/// Longest token looked at, in bytes.
const TOKEN_LENGTH_MAX: usize = 16 * 1024;

/// No algorithm with a shared secret, and never none.
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// A registered provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider<'a> {
    /// The issuer as its tokens write it, with its scheme.
    pub(crate) issuer: &'a str,
    /// Audiences that its tokens may be for.
    pub(crate) audiences: &'a [String],
}

/// What a genuine token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) subject: String,
    pub(crate) audience: String,
    /// Every claim that is a scalar, by condition key: `URL:claim`, nested ones as `URL:outer.inner`.
    pub(crate) claims: BTreeMap<String, String>,
}

/// The issuer that a token names; nothing of it is believed yet.
pub(crate) fn issuer(token: &str) -> Result<String, OidcError> {
    let malformed = || OidcError::Invalid("the token is not a JWT".to_owned());
    if token.len() > TOKEN_LENGTH_MAX {
        return Err(OidcError::Invalid(
            "the token is longer than 16 KiB".to_owned(),
        ));
    }
    let payload = token.split('.').nth(1).ok_or_else(malformed)?;
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload)
            .map_err(|_| malformed())?;
    let claims: Value = serde_json::from_slice(&payload).map_err(|_| malformed())?;
    let issuer = claims
        .get("iss")
        .and_then(Value::as_str)
        .ok_or_else(malformed)?;
    Ok(issuer.to_owned())
}

/// An issuer without its scheme: how a provider is registered and named in ARNs and condition keys.
pub(crate) fn bare(issuer: &str) -> &str {
    let bare = issuer
        .strip_prefix("https://")
        .or(issuer.strip_prefix("http://"));
    bare.unwrap_or(issuer)
}

impl Provider<'_> {
    /// Checks a token of this provider.
    pub(crate) async fn verify(
        &self,
        keys: &KeyCache,
        token: &str,
        now: i64,
    ) -> Result<Verified, OidcError> {
        let invalid = |words: &str| OidcError::Invalid(words.to_owned());
        let header = decode_header(token).map_err(|_| invalid("the token is not a JWT"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(invalid("the token's algorithm is not accepted"));
        }
        let id = header
            .kid
            .ok_or_else(|| invalid("the token names no key"))?;
        if issuer(token)? != self.issuer {
            return Err(invalid("the token is another issuer's"));
        }
        let key = keys.key(self.issuer, &id, now).await?;
        let key =
            DecodingKey::from_jwk(&key).map_err(|_| invalid("the issuer's key is of no use"))?;
        let decoded = decode::<Value>(token, &key, &signature_only(header.alg))
            .map_err(|_| invalid("the token's signature does not hold"))?;
        self.check(&decoded.claims, now)
    }

    fn check(&self, claims: &Value, now: i64) -> Result<Verified, OidcError> {
        let invalid = |words: &str| OidcError::Invalid(words.to_owned());
        let number = |name: &str| claims.get(name).and_then(Value::as_i64);
        let expires = number("exp").ok_or_else(|| invalid("the token never expires"))?;
        if now >= expires.saturating_add(LEEWAY_S) {
            return Err(OidcError::Expired(now.saturating_sub(expires)));
        }
        for start in ["nbf", "iat"] {
            if number(start).is_some_and(|start| start > now.saturating_add(LEEWAY_S)) {
                return Err(invalid("the token is not valid yet"));
            }
        }
        let audience = audiences(claims)
            .into_iter()
            .find(|audience| self.audiences.contains(audience))
            .ok_or_else(|| invalid("Incorrect token audience"))?;
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject = subject
            .ok_or_else(|| invalid("the token names no subject"))?
            .to_owned();
        let mut found = BTreeMap::new();
        let url = bare(self.issuer);
        collect(claims, url, ':', &mut found);
        found.insert(format!("{url}:aud"), audience.clone());
        Ok(Verified {
            subject,
            audience,
            claims: found,
        })
    }
}

/// Issuer, audience and time are checked here, by the clock that is given.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// `azp`, where there is one, stands for the audience, as in AWS; else every `aud`.
fn audiences(claims: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(party) = claims.get("azp").and_then(text) {
        return vec![party];
    }
    match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

fn collect(claims: &Value, prefix: &str, divider: char, found: &mut BTreeMap<String, String>) {
    for (name, value) in claims.as_object().into_iter().flatten() {
        let key = format!("{prefix}{divider}{name}");
        match value {
            Value::String(text) => drop(found.insert(key, text.clone())),
            Value::Number(number) => drop(found.insert(key, number.to_string())),
            Value::Bool(flag) => drop(found.insert(key, flag.to_string())),
            Value::Object(_) => collect(value, &key, '.', found),
            Value::Null | Value::Array(_) => {}
        }
    }
}
