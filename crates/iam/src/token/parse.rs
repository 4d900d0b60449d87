//! From text to [`Token`]: both shapes, any parameter order, nothing that is not documented.

use zeroize::Zeroizing;

use super::{Rejection, SERVICE, TOKEN_LENGTH_MAX, Token};
use crate::{amz_date, percent};

/// The parameters a signer writes; anything else is refused.
#[derive(Default)]
struct Params {
    action: Option<String>,
    db_user: Option<String>,
    algorithm: Option<String>,
    credential: Option<String>,
    date: Option<String>,
    expires: Option<String>,
    signed_headers: Option<String>,
    session_token: Option<String>,
    signature: Option<String>,
}

impl Token {
    /// Reads a token of either shape, `host:port/?…` or `host:port?…`, with or without `https://`.
    ///
    /// Shapes and parameter orders differ by SDK (boto3, Java, Go, JS, Kong); the parameters are the closed
    /// list of `generate-db-auth-token`. Fails with `Malformed`, `DuplicateParam`, `UnknownParam`,
    /// `WrongAction`, `WrongAlgorithm`, `WrongService`, `HostPortMissing`, or `ExpiresTooLong` for an expiry
    /// beyond 32 bits.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        // The HTTP grammar of a URL has neither spaces, controls, raw non-ASCII nor (here) fragments.
        let visible = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if text.len() > TOKEN_LENGTH_MAX || !visible {
            return Err(Rejection::Malformed);
        }
        let text = text.strip_prefix("https://").unwrap_or(text);
        let (left, query) = text.split_once('?').ok_or(Rejection::Malformed)?;
        let authority = left.strip_suffix('/').unwrap_or(left);
        let params = Params::parse(query)?;
        let (host, port) = split_authority(authority)?;
        params.into_token(authority, host, port)
    }
}

impl Params {
    fn parse(query: &str) -> Result<Self, Rejection> {
        let mut params = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let mut unknown = false;
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').ok_or(Rejection::Malformed)?;
            let name = percent::decode(name).ok_or(Rejection::Malformed)?;
            let value = percent::decode(value).ok_or(Rejection::Malformed)?;
            // Names that differ by case only are one name to some readers, so they count as repeated
            // (the class of CVE-2022-2385).
            if seen.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                return Err(Rejection::DuplicateParam);
            }
            match params.slot(&name) {
                Some(slot) => *slot = Some(value),
                None => unknown = true,
            }
            seen.push(name);
            // Nine names are known; a longer list holds an unknown one whatever follows.
            if seen.len() > 64 {
                return Err(Rejection::UnknownParam);
            }
        }
        if unknown {
            return Err(Rejection::UnknownParam);
        }
        Ok(params)
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "Action" => &mut self.action,
            "DBUser" => &mut self.db_user,
            "X-Amz-Algorithm" => &mut self.algorithm,
            "X-Amz-Credential" => &mut self.credential,
            "X-Amz-Date" => &mut self.date,
            "X-Amz-Expires" => &mut self.expires,
            "X-Amz-SignedHeaders" => &mut self.signed_headers,
            "X-Amz-Security-Token" => &mut self.session_token,
            "X-Amz-Signature" => &mut self.signature,
            _ => return None,
        })
    }

    fn into_token(self, authority: &str, host: &str, port: u16) -> Result<Token, Rejection> {
        if required(self.action)? != "connect" {
            return Err(Rejection::WrongAction);
        }
        if required(self.algorithm)? != "AWS4-HMAC-SHA256" {
            return Err(Rejection::WrongAlgorithm);
        }
        if required(self.signed_headers)? != "host" {
            return Err(Rejection::Malformed);
        }
        let amz_date = required(self.date)?;
        let issued_at = amz_date::parse(&amz_date).ok_or(Rejection::Malformed)?;
        let scope = Scope::parse(&required(self.credential)?)?;
        if amz_date.get(..8) != Some(scope.date.as_str()) {
            return Err(Rejection::Malformed);
        }
        // An empty session token is signed by nobody; refuse it rather than guess what it means.
        let session_token = match self.session_token {
            Some(token) => Some(required(Some(token))?),
            None => None,
        };
        Ok(Token {
            authority: authority.to_owned(),
            host: host.to_owned(),
            port,
            db_user: required(self.db_user)?,
            access_key_id: scope.access_key_id,
            date: scope.date,
            region: scope.region,
            amz_date,
            issued_at,
            expires_s: parse_expires(&required(self.expires)?)?,
            session: session_token.map(Zeroizing::new),
            signature: parse_signature(&required(self.signature)?)?,
        })
    }
}

fn required(value: Option<String>) -> Result<String, Rejection> {
    value
        .filter(|text| !text.is_empty())
        .ok_or(Rejection::Malformed)
}

/// `AKID/YYYYMMDD/region/rds-db/aws4_request`.
struct Scope {
    access_key_id: String,
    date: String,
    region: String,
}

impl Scope {
    fn parse(credential: &str) -> Result<Self, Rejection> {
        let mut parts = credential.split('/');
        let mut next = || parts.next().ok_or(Rejection::Malformed);
        let (access_key_id, date, region) = (next()?, next()?, next()?);
        let (service, terminator) = (next()?, next()?);
        let plain = is_plain(access_key_id) && is_plain(region);
        if parts.next().is_some() || terminator != "aws4_request" || !plain {
            return Err(Rejection::Malformed);
        }
        if service != SERVICE {
            return Err(Rejection::WrongService);
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
        })
    }
}

/// Key ids and regions end up in audit events and metrics, so they may hold plain characters only.
pub(crate) fn is_plain(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

/// Splits `host:port` or `[v6]:port`; the host comes back without brackets.
fn split_authority(authority: &str) -> Result<(&str, u16), Rejection> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(Rejection::Malformed)?;
        let allowed = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
        if address.is_empty() || !address.bytes().all(allowed) {
            return Err(Rejection::Malformed);
        }
        return match port.strip_prefix(':') {
            Some(port) => Ok((address, parse_port(port)?)),
            None if port.is_empty() => Err(Rejection::HostPortMissing),
            None => Err(Rejection::Malformed),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    // Underscores are no host name characters, but SDKs sign them and resolvers accept them.
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    if !(1..=255).contains(&host.len()) || !host.bytes().all(allowed) {
        return Err(Rejection::Malformed);
    }
    Ok((host, parse_port(port.unwrap_or_default())?))
}

fn parse_port(text: &str) -> Result<u16, Rejection> {
    if text.is_empty() {
        return Err(Rejection::HostPortMissing);
    }
    let port = text.parse::<u16>().map_err(|_| Rejection::Malformed)?;
    if port == 0 || text != port.to_string() {
        return Err(Rejection::Malformed);
    }
    Ok(port)
}

fn parse_expires(text: &str) -> Result<u32, Rejection> {
    // The signature covers the text, so only the one text that stands for the number is read.
    if !text.bytes().all(|b| b.is_ascii_digit()) || text.starts_with('0') {
        return Err(Rejection::Malformed);
    }
    text.parse().map_err(|_| Rejection::ExpiresTooLong)
}

pub(crate) fn parse_signature(text: &str) -> Result<[u8; 32], Rejection> {
    let mut signature = [0; 32];
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Rejection::Malformed);
    }
    hex::decode_to_slice(text, &mut signature).map_err(|_| Rejection::Malformed)?;
    Ok(signature)
}
