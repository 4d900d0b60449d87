//! New ids and access keys, spelled as AWS spells them, from the randomness that is given.

use tollgate_types::{ProxyId, SecretString, TargetId};
use zeroize::Zeroizing;

use crate::ports::Random;

/// Letters of AWS's unique ids and access key ids (base 32).
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_SUFFIX_LENGTH: usize = 17;
const KEY_SUFFIX_LENGTH: usize = 16;
/// As at AWS, where policies say `secret:NAME-??????`.
const SECRET_SUFFIX_LENGTH: usize = 6;
const SECRET_SUFFIX_ALPHABET: &[u8; 62] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Letters of secret access keys (base 64).
const SECRET_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SECRET_LENGTH: usize = 40;

/// What a unique id is for; AWS's prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unique {
    User,
    Group,
    Role,
    Policy,
}

impl Unique {
    fn prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
            Self::Policy => "ANPA",
        }
    }
}

/// A unique id that is never reused, such as `AIDA…`.
pub(crate) fn unique_id(random: &Random, what: Unique) -> String {
    format!(
        "{}{}",
        what.prefix(),
        letters(random, ID_ALPHABET, ID_SUFFIX_LENGTH).as_str()
    )
}

/// `AKIA…` and its secret of 40 characters (240 random bits).
pub(crate) fn access_key(random: &Random) -> (String, SecretString) {
    let id = format!(
        "AKIA{}",
        letters(random, ID_ALPHABET, KEY_SUFFIX_LENGTH).as_str()
    );
    let secret = letters(random, SECRET_ALPHABET, SECRET_LENGTH);
    (id, SecretString::from(secret.as_str()))
}

/// The access key id of temporary credentials, `ASIA…`.
pub(crate) fn session_key_id(random: &Random) -> String {
    let letters = letters(random, ID_ALPHABET, KEY_SUFFIX_LENGTH);
    format!(
        "{}{}",
        tollgate_iam::session::ACCESS_KEY_PREFIX,
        letters.as_str()
    )
}

/// A proxy's id.
pub(crate) fn proxy_id(random: &Random) -> ProxyId {
    let mut bytes = [0; 17];
    random(&mut bytes);
    ProxyId::from_random(&bytes)
}

/// A registration's id.
pub(crate) fn target_id(random: &Random) -> TargetId {
    let mut bytes = [0; 17];
    random(&mut bytes);
    TargetId::from_random(&bytes)
}

/// An endpoint's id.
pub(crate) fn endpoint_id(random: &Random) -> String {
    let id = proxy_id(random);
    let letters = id.as_str().strip_prefix(ProxyId::PREFIX);
    format!("prx-endpoint-{}", letters.unwrap_or_default())
}

/// An id of EC2's form: 17 hexadecimal digits behind a prefix.
pub(crate) fn ec2_id(random: &Random, prefix: &str) -> String {
    let digits: String = hex::encode(bytes::<9>(random)).chars().take(17).collect();
    format!("{prefix}{digits}")
}

/// An id for rows that callers know by name: 128 random bits in hex behind a prefix.
pub(crate) fn row_id(random: &Random, prefix: &str) -> String {
    let mut bytes = [0; 16];
    random(&mut bytes);
    format!("{prefix}{}", hex::encode(bytes))
}

/// The random suffix of a secret's ARN, without hyphens, so that the name can be told from it.
pub(crate) fn secret_suffix(random: &Random) -> String {
    (0..SECRET_SUFFIX_LENGTH)
        .filter_map(|_| SECRET_SUFFIX_ALPHABET.get(below(random, SECRET_SUFFIX_ALPHABET.len())))
        .map(|letter| char::from(*letter))
        .collect()
}

/// An id for a version of a secret.
pub(crate) fn version_id(random: &Random) -> String {
    uuid::Uuid::from_bytes(bytes(random)).to_string()
}

/// A number below `count`, each as likely as the others but for one part in 2^64; 0 when `count` is 0.
pub(crate) fn below(random: &Random, count: usize) -> usize {
    let drawn = u128::from_le_bytes(bytes(random));
    let below = u128::try_from(count)
        .ok()
        .and_then(|count| drawn.checked_rem(count));
    below
        .and_then(|below| usize::try_from(below).ok())
        .unwrap_or(0)
}

/// Random bytes.
pub(crate) fn bytes<const N: usize>(random: &Random) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

/// The alphabets' lengths divide 256, so that every letter is equally likely.
fn letters(random: &Random, alphabet: &[u8], length: usize) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    random(&mut bytes);
    let letter = |byte: &u8| {
        alphabet
            .get(usize::from(*byte) % alphabet.len())
            .map(|l| char::from(*l))
    };
    Zeroizing::new(bytes.iter().filter_map(letter).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn ids_have_awss_shapes() {
        let random: Random = Arc::new(|buffer| buffer.fill(33));
        assert_eq!(unique_id(&random, Unique::User), "AIDABBBBBBBBBBBBBBBBB");
        let (id, secret) = access_key(&random);
        assert_eq!((id.len(), secret.expose().len()), (20, 40));
        assert!(proxy_id(&random).as_str().starts_with("prx-"));
        assert!(target_id(&random).as_str().starts_with("tgt-"));
        assert_eq!(endpoint_id(&random), "prx-endpoint-xxxxxxxxxxxxxxxxx");
    }
}
