//! Random bytes for nonces, keys and jitter.

use std::fmt;

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

/// What a login, and what was refused or recorded in its course, is found by: `c-` and 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CorrelationId(u64);

impl fmt::Display for CorrelationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "c-{:016x}", self.0)
    }
}

/// A fresh correlation id.
pub(crate) fn correlation_id() -> CorrelationId {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    CorrelationId(u64::from_le_bytes(bytes))
}
