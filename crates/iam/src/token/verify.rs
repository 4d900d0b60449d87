//! Checks of a parsed token: is it for us, is it in time, and does the signature hold.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use subtle::{Choice, ConstantTimeEq};

use super::{CLOCK_SKEW_S, LIFE_S_MAX, Rejection, SERVICE, SigningKey, Token};
use crate::percent;

/// SHA-256 of nothing: the payload hash of every presigned `GET`.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A host and port that clients may have dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    /// Host name or address, any case; one trailing dot and IPv6 brackets are ignored.
    pub host: String,
    /// The port given out to clients, which may differ from the one that is bound.
    pub port: u16,
}

/// What a token must say to be for this connection.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The endpoint that was dialled, and its declared aliases.
    pub endpoints: &'a [Authority],
    /// The user named in the protocol's startup message.
    pub db_user: &'a str,
    /// The installation's region.
    pub region: &'a str,
    /// The present second since the epoch.
    pub now_unix: i64,
}

/// What kind of credentials an access key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A user's own key (`AKIA…`): no session token exists for it.
    LongTerm,
    /// Temporary credentials (`ASIA…`): worthless without their session token.
    Session,
}

impl Token {
    /// Checks everything that needs no key, cheapest first: endpoint, user, region, length of life, time.
    pub fn check_claims(&self, expected: &Expected<'_>) -> Result<(), Rejection> {
        let ours = |endpoint: &Authority| {
            endpoint.port == self.port
                && bare_host(&endpoint.host).eq_ignore_ascii_case(bare_host(&self.host))
        };
        if !expected.endpoints.iter().any(ours) {
            return Err(Rejection::HostMismatch);
        }
        if self.db_user != expected.db_user {
            return Err(Rejection::UserMismatch);
        }
        if self.region != expected.region {
            return Err(Rejection::WrongRegion);
        }
        if self.expires_s > LIFE_S_MAX {
            return Err(Rejection::ExpiresTooLong);
        }
        if self.issued_at > expected.now_unix.saturating_add(CLOCK_SKEW_S) {
            return Err(Rejection::NotYetValid);
        }
        if expected.now_unix >= self.expires_at() {
            return Err(Rejection::Expired);
        }
        Ok(())
    }

    /// Checks that a session token is there exactly when the access key needs one.
    pub fn check_key_kind(&self, kind: KeyKind) -> Result<(), Rejection> {
        match (kind, self.has_session_token()) {
            (KeyKind::LongTerm, false) | (KeyKind::Session, true) => Ok(()),
            (KeyKind::LongTerm, true) => Err(Rejection::SessionTokenInvalid),
            (KeyKind::Session, false) => Err(Rejection::SessionTokenMissing),
        }
    }

    /// Derives the signature again and compares it in constant time.
    ///
    /// The key must be the one of [`Token::date`], [`Token::region`] and [`SERVICE`]. For an unknown access
    /// key use [`SigningKey::dummy`], so that the refusal takes as long.
    pub fn check_signature(&self, key: &SigningKey) -> Result<(), Rejection> {
        let mut matched = Choice::from(0);
        for host in self.signed_hosts() {
            let signature = key.sign(self.string_to_sign(&host).as_bytes());
            matched |= signature.ct_eq(&self.signature);
        }
        if (matched & key.is_genuine()).into() {
            Ok(())
        } else {
            Err(Rejection::SignatureMismatch)
        }
    }

    /// The `host` headers a signer may have signed: JS signs what it was given, botocore signs lower case
    /// and leaves port 443 out, others sign lower case with the port. All three name the same endpoint.
    fn signed_hosts(&self) -> Vec<String> {
        let lower = self.authority.to_ascii_lowercase();
        let portless = lower.strip_suffix(":443").map(ToOwned::to_owned);
        let mut hosts = vec![self.authority.clone()];
        if lower != self.authority {
            hosts.push(lower);
        }
        hosts.extend(portless);
        hosts
    }

    fn string_to_sign(&self, host: &str) -> String {
        let request_hash = digest::digest(&digest::SHA256, self.canonical_request(host).as_bytes());
        format!(
            "AWS4-HMAC-SHA256\n{}\n{}/{}/{SERVICE}/aws4_request\n{}",
            self.amz_date,
            self.date,
            self.region,
            hex::encode(request_hash)
        )
    }

    /// The request as it was signed. Parameters are written in byte order of their names.
    pub(super) fn canonical_request(&self, host: &str) -> String {
        let mut out = String::with_capacity(640);
        out.push_str("GET\n/\nAction=connect&DBUser=");
        percent::encode_into(&mut out, &self.db_user);
        out.push_str("&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
        percent::encode_into(&mut out, &self.access_key_id);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "%2F{}%2F{}%2F{SERVICE}%2Faws4_request&X-Amz-Date={}&X-Amz-Expires={}",
            self.date, self.region, self.amz_date, self.expires_s
        );
        if let Some(token) = &self.session {
            out.push_str("&X-Amz-Security-Token=");
            percent::encode_into(&mut out, token);
        }
        let _ = write!(
            out,
            "&X-Amz-SignedHeaders=host\nhost:{host}\n\nhost\n{EMPTY_SHA256}"
        );
        out
    }
}

/// The host without IPv6 brackets and without one trailing dot.
fn bare_host(host: &str) -> &str {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare)
}
