//! Temporary credentials: session tokens that carry signed claims, and the secrets that belong to them.
//!
//! A session token is `v1.KEY.CLAIMS.SIGNATURE`: the id of a session key, the claims as base64url JSON, and an
//! Ed25519 signature over all of it. Nothing is stored for a session. Its secret access key is derived from its
//! access key id with a key that the token does not contain, so that a token is worthless without the secret
//! and the secret need not travel.
//!
//! Whoever verifies holds the public half and the derivation key: it can check sessions and cannot make them.

mod claims;
mod key;
#[cfg(test)]
mod tests;

pub use claims::{Claims, Holder};
pub use key::{KeyError, Opened, SessionKey, SessionKeyPair, SessionKeys, SessionRejection};

/// What access key ids of temporary credentials start with. Source: IAM User Guide, "IAM identifiers".
pub const ACCESS_KEY_PREFIX: &str = "ASIA";

/// Longest session token looked at, in bytes: what fits into a login token with room to spare.
pub const TOKEN_LENGTH_MAX: usize = 12 * 1024;
