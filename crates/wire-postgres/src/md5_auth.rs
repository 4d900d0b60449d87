//! The md5 login: the answer to four random bytes, from a password or from a stored hash.
//!
//! Source: protocol manual, "Start-up" (`AuthenticationMD5Password`); PostgreSQL `src/common/md5_common.c`.
//! The stored hash is as good as the password, so it is treated as one.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Length of `md5` and 32 hexadecimal digits (`MD5_PASSWD_LEN`, `common/md5.h`).
const HASH_LEN: usize = 35;

/// PostgreSQL's stored form: `md5` and the hexadecimal digest of password and user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Md5Hash(Secret);

impl Md5Hash {
    /// The hash PostgreSQL would store for this user and password.
    pub fn from_password(user: &str, password: &[u8]) -> Self {
        Self(Secret::new(prefixed_digest(password, user.as_bytes())))
    }

    /// Reads the stored form; `None` if it is not `md5` and 32 lower-case hexadecimal digits
    /// (`crypt.c`, `get_password_type`).
    pub fn parse(stored: &str) -> Option<Self> {
        let digits = stored.strip_prefix("md5")?;
        let hexadecimal = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        (stored.len() == HASH_LEN && digits.bytes().all(hexadecimal))
            .then(|| Self(Secret::from(stored)))
    }

    /// What a client answers to the server's salt, for [`password`](crate::frontend::password).
    pub fn response(&self, salt: [u8; 4]) -> Secret {
        let digits = self.0.expose().get(3..).unwrap_or_default();
        Secret::new(prefixed_digest(digits, &salt))
    }

    /// Whether a client's answer to the salt is right. Takes the same time for every wrong answer of
    /// the right length.
    pub fn verify(&self, salt: [u8; 4], response: &[u8]) -> Verdict {
        if self.response(salt).expose().ct_eq(response).into() {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}

/// Whether a client's answer is right.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The client knows the password or its hash.
    Right,
    /// It does not.
    Wrong,
}

/// `md5` and the hexadecimal digest of both parts, one after the other.
fn prefixed_digest(first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut md5 = Md5::new();
    md5.update(first);
    md5.update(second);
    let digits = Zeroizing::new(hex::encode(md5.finalize()));
    let mut text = Vec::with_capacity(HASH_LEN);
    text.extend_from_slice(b"md5");
    text.extend_from_slice(digits.as_bytes());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // Stored by PostgreSQL 15 for `create role md5_user password 'password'`.
    const STORED: &str = "md57cd2b9a92689eab2e58caf2da80afa15";

    #[test]
    fn agrees_with_an_independent_client() {
        let hash = Md5Hash::from_password("md5_user", b"password");
        for salt in [[0x2a, 0x3d, 0x8f, 0xe0], [0; 4], [0xff; 4]] {
            let expected =
                postgres_protocol::authentication::md5_hash(b"md5_user", b"password", salt);
            let response = hash.response(salt);
            assert_eq!(response.expose(), expected.as_bytes());
            assert_eq!(hash.verify(salt, expected.as_bytes()), Verdict::Right);
        }
    }

    #[test]
    fn matches_a_published_answer() {
        // The vector of rust-postgres' own test of this step.
        let hash = Md5Hash::from_password("md5_user", b"password");
        let response = hash.response([0x2a, 0x3d, 0x8f, 0xe0]);
        assert_eq!(response.expose(), b"md562af4dd09bbb41884907a838a3233294");
    }

    #[test]
    fn the_stored_hash_answers_like_the_password() {
        let computed = Md5Hash::from_password("md5_user", b"password");
        assert_eq!(Md5Hash::parse(STORED), Some(computed));
    }

    #[test]
    fn refuses_wrong_answers() {
        let hash = Md5Hash::parse(STORED).expect("well formed");
        let right = hash.response(*b"abcd");
        assert_eq!(hash.verify(*b"abce", right.expose()), Verdict::Wrong);
        assert_eq!(hash.verify(*b"abcd", b""), Verdict::Wrong);
        assert_eq!(hash.verify(*b"abcd", STORED.as_bytes()), Verdict::Wrong);
        let other = Md5Hash::from_password("md5_user", b"Password");
        assert_eq!(other.verify(*b"abcd", right.expose()), Verdict::Wrong);
    }

    #[test]
    fn refuses_malformed_hashes() {
        let upper = STORED.to_ascii_uppercase();
        for bad in [
            "",
            "md5",
            &STORED[..34],
            &upper,
            "md5zzd2b9a92689eab2e58caf2da80afa15",
        ] {
            assert_eq!(Md5Hash::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_hash() {
        let hash = Md5Hash::parse(STORED).expect("well formed");
        assert_eq!(format!("{hash:?}"), "Md5Hash([redacted])");
    }
}
