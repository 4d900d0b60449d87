//! MariaDB's `client_ed25519`: an Ed25519 signature whose key is the SHA-512 of the password itself.
//!
//! Ordinary Ed25519 hashes a seed of 32 bytes; MariaDB hashes the password, of any length, in its place. No
//! library signs with such a key, so that the two lines of arithmetic are here (RFC 8032, section 5.1.6).

use aws_lc_rs::digest::{Context, SHA512};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use zeroize::Zeroizing;

/// Bytes of the challenge: all of the switch's data.
pub(super) const CHALLENGE_LEN: usize = 32;

/// Bytes of a signature.
pub(super) const SIGNATURE_LEN: usize = 64;

fn sha512(parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut context = Context::new(&SHA512);
    for part in parts {
        context.update(part);
    }
    let mut hash = Zeroizing::new([0; 64]);
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// The secret scalar and the prefix that makes nonces.
struct Key {
    scalar: Zeroizing<Scalar>,
    prefix: Zeroizing<[u8; 32]>,
}

impl Key {
    fn of(password: &[u8]) -> Self {
        let hash = sha512(&[password]);
        let mut lower = Zeroizing::new([0; 32]);
        let mut prefix = Zeroizing::new([0; 32]);
        for (to, from) in lower.iter_mut().chain(prefix.iter_mut()).zip(hash.iter()) {
            *to = *from;
        }
        let clamped = Zeroizing::new(clamp_integer(*lower));
        // Reducing by the order of the base point changes no product with it.
        let scalar = Zeroizing::new(Scalar::from_bytes_mod_order(*clamped));
        Self { scalar, prefix }
    }

    fn public(&self) -> [u8; 32] {
        EdwardsPoint::mul_base(&self.scalar).compress().to_bytes()
    }
}

/// The key that the server stores for this password (`ed25519_password()`, before base64).
#[cfg(test)]
pub(super) fn public_key(password: &[u8]) -> [u8; 32] {
    Key::of(password).public()
}

/// Signs the server's challenge.
#[allow(
    clippy::arithmetic_side_effects,
    reason = "scalars are reduced: their arithmetic has no overflow"
)]
pub(super) fn sign(password: &[u8], challenge: &[u8; CHALLENGE_LEN]) -> [u8; SIGNATURE_LEN] {
    let key = Key::of(password);
    let once = Zeroizing::new(Scalar::from_bytes_mod_order_wide(&sha512(&[
        key.prefix.as_slice(),
        challenge,
    ])));
    let commitment = EdwardsPoint::mul_base(&once).compress().to_bytes();
    let hash = sha512(&[&commitment, &key.public(), challenge]);
    let proof = Scalar::from_bytes_mod_order_wide(&hash) * *key.scalar + *once;
    let mut signature = [0; SIGNATURE_LEN];
    let bytes = commitment.into_iter().chain(proof.to_bytes());
    for (to, from) in signature.iter_mut().zip(bytes) {
        *to = from;
    }
    signature
}
