//! Random bytes for nonces, keys and jitter.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Fills `out` with bytes an attacker cannot guess.
pub(crate) fn fill(out: &mut [u8]) {
    SystemRandom::new()
        .fill(out)
        .expect("AWS-LC's generator only fails when the kernel gives no entropy at start-up");
}

/// A random 32-bit number.
pub(crate) fn number() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// A fresh correlation id: `c-` and 16 hex digits.
pub(crate) fn correlation_id() -> String {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    format!("c-{:016x}", u64::from_le_bytes(bytes))
}
