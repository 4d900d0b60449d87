//! `caching_sha2_password`: SHA256(password) masked by SHA256(SHA256(SHA256(password)), nonce).

use aws_lc_rs::digest::{Context, SHA256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::xor;
use crate::handshake::Nonce;

/// Bytes of an answer and of what is stored.
pub(super) const LEN: usize = 32;

/// Data of a server: the answer was right, OK follows (`fast_auth_success`).
pub(super) const FAST_OK: u8 = 0x03;
/// Data of a server: it wants the whole password (`perform_full_authentication`).
pub(super) const FULL: u8 = 0x04;
/// Data of a client: it wants the server's RSA key (`request_public_key`).
pub(super) const KEY_REQUEST: u8 = 0x02;
/// The same for `sha256_password`.
pub(super) const SHA256_KEY_REQUEST: u8 = 0x01;

type Hash = Zeroizing<[u8; LEN]>;

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = Zeroizing::new([0; LEN]);
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// What a server keeps in its cache: SHA256(SHA256(password)).
pub(super) fn stored(password: &[u8]) -> Hash {
    sha256(&[sha256(&[password]).as_slice()])
}

/// The client's answer; nothing for an empty password.
pub(super) fn answer(password: &[u8], nonce: &Nonce) -> Zeroizing<Vec<u8>> {
    if password.is_empty() {
        return Zeroizing::new(Vec::new());
    }
    let mut hash = sha256(&[password]);
    let mask = sha256(&[stored(password).as_slice(), nonce.bytes()]);
    xor(hash.as_mut_slice(), mask.as_slice());
    Zeroizing::new(hash.to_vec())
}

/// Whether the answer proves the password that `stored` was made of.
pub(super) fn verify(stored: &[u8; LEN], nonce: &Nonce, answer: &[u8]) -> bool {
    let Ok(masked) = <[u8; LEN]>::try_from(answer) else {
        return false;
    };
    let mut hash = Zeroizing::new(masked);
    let mask = sha256(&[stored, nonce.bytes()]);
    xor(hash.as_mut_slice(), mask.as_slice());
    sha256(&[hash.as_slice()])
        .as_slice()
        .ct_eq(stored.as_slice())
        .into()
}
