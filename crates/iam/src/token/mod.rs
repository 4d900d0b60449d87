//! Login tokens for `rds-db:connect`: what a token claims, and every reason to refuse one.
//!
//! A token is a presigned `SigV4` URL without its scheme, used as the database password. It is checked in
//! three steps that each cost more than the one before: [`Token::parse`] (text only),
//! [`Token::check_claims`] (what the caller expects) and [`Token::check_signature`] (HMAC). Nothing a token
//! says may be believed before all three have passed.

mod key;
mod mint;
mod parse;
mod reject;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use std::fmt;

use zeroize::Zeroizing;

pub use key::{KeyParseError, SigningKey};
pub(crate) use parse::{is_plain, parse_signature};

pub use mint::{MintRequest, mint};
pub use reject::Rejection;
pub use verify::{Authority, Expected, KeyKind};

/// The service in a token's credential scope.
pub const SERVICE: &str = "rds-db";

/// Longest token looked at, in bytes. AWS session tokens make tokens of about 2 KiB; 16 KiB leaves room.
pub const TOKEN_LENGTH_MAX: usize = 16 * 1024;

/// Longest life of a token, in seconds from its `X-Amz-Date`.
pub const LIFE_S_MAX: u32 = 900;

/// How far in the future a token's `X-Amz-Date` may lie, in seconds: clocks differ.
pub const CLOCK_SKEW_S: i64 = 300;

/// Everything a token claims, none of it believed yet.
///
/// `Debug` prints the access key id and the date only: the token is a password, and it carries the session
/// token in the clear.
#[derive(Clone)]
pub struct Token {
    /// `host:port` exactly as written, because some SDKs sign it in that form.
    authority: String,
    /// Host as written, without the brackets of an IPv6 address.
    host: String,
    port: u16,
    db_user: String,
    access_key_id: String,
    date: String,
    region: String,
    amz_date: String,
    issued_at: i64,
    expires_s: u32,
    session: Option<Zeroizing<String>>,
    signature: [u8; 32],
}

impl Token {
    /// The access key that is said to have signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The database user the token is for.
    pub fn db_user(&self) -> &str {
        &self.db_user
    }

    /// The host the token is for, as written; an IPv6 address has no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port the token is for.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The region of the credential scope.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The date of the credential scope, `YYYYMMDD`; together with the region it names the signing key.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// When it was signed, in seconds since the epoch.
    pub fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// The first second at which it is no longer accepted: `issued_at` plus the shorter of what it asks for
    /// and [`LIFE_S_MAX`].
    pub fn expires_at(&self) -> i64 {
        self.issued_at
            .saturating_add(i64::from(self.expires_s.min(LIFE_S_MAX)))
    }

    /// Whether it carries a session token, so was made with temporary credentials.
    pub fn has_session_token(&self) -> bool {
        self.session.is_some()
    }

    /// The session token, a secret: hand it to whoever opens it, never to a log.
    pub fn session_token(&self) -> Option<&str> {
        self.session.as_ref().map(|token| token.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("access_key_id", &self.access_key_id)
            .field("amz_date", &self.amz_date)
            .finish_non_exhaustive()
    }
}
