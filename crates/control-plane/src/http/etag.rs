//! `ETag`s: a generation, and a short hash of whose it is, so that a later namesake never matches.

use aws_lc_rs::digest;

use super::call::Call;
use crate::problem::Problem;

/// Hex digits of the hash. It tells namesakes apart; nothing depends on its strength.
const HASH_LENGTH: usize = 8;

/// `"<generation>-<hash of the id>"`, with its quotes.
pub(crate) fn etag(id: &str, generation: u64) -> String {
    let hash = hex::encode(digest::digest(&digest::SHA256, id.as_bytes()));
    let short = hash.get(..HASH_LENGTH).unwrap_or(&hash);
    format!("\"{generation}-{short}\"")
}

/// Checks `If-Match` against the present state. Inside a write nobody else can change it before the commit.
pub(crate) fn check(call: &Call, id: &str, generation: u64) -> Result<(), Problem> {
    call.expected().check(&etag(id, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namesake_has_another_etag() {
        assert_eq!(etag("a", 1), etag("a", 1));
        assert_ne!(etag("a", 1), etag("b", 1));
        assert_ne!(etag("a", 1), etag("a", 2));
        assert!(etag("a", 4).starts_with("\"4-"));
    }
}
