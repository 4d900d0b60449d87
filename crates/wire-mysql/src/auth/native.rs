//! `mysql_native_password`: SHA1(password) masked by SHA1(nonce, SHA1(SHA1(password))).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::xor;
use crate::handshake::Nonce;

/// Bytes of an answer and of what is stored.
pub(super) const LEN: usize = 20;

type Hash = Zeroizing<[u8; LEN]>;

fn sha1(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    let mut hash = Zeroizing::new([0; LEN]);
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// What a server stores: SHA1(SHA1(password)).
pub(super) fn stored(password: &[u8]) -> Hash {
    sha1(&[sha1(&[password]).as_slice()])
}

/// The client's answer; nothing for an empty password.
pub(super) fn answer(password: &[u8], nonce: &Nonce) -> Zeroizing<Vec<u8>> {
    if password.is_empty() {
        return Zeroizing::new(Vec::new());
    }
    let mut hash = sha1(&[password]);
    let mask = sha1(&[nonce.bytes(), stored(password).as_slice()]);
    xor(hash.as_mut_slice(), mask.as_slice());
    Zeroizing::new(hash.to_vec())
}

/// Whether the answer proves the password that `stored` was made of.
pub(super) fn verify(stored: &[u8; LEN], nonce: &Nonce, answer: &[u8]) -> bool {
    let Ok(masked) = <[u8; LEN]>::try_from(answer) else {
        return false;
    };
    let mut hash = Zeroizing::new(masked);
    let mask = sha1(&[nonce.bytes(), stored]);
    xor(hash.as_mut_slice(), mask.as_slice());
    sha1(&[hash.as_slice()])
        .as_slice()
        .ct_eq(stored.as_slice())
        .into()
}
