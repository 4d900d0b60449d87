//! Random bytes and letters from the operating system's generator.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Fills `out`.
pub(crate) fn fill(out: &mut [u8]) {
    SystemRandom::new()
        .fill(out)
        .expect("AWS-LC's generator only fails when the kernel gives no entropy at start-up");
}

/// So many random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// So many letters and digits, each with a little under 6 bits of entropy.
pub(crate) fn letters(count: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let [byte] = bytes::<1>();
        // Bytes beyond the largest multiple of 62 would favour the first letters.
        if byte < 248
            && let Some(letter) = ALPHABET.get(usize::from(byte % 62))
        {
            out.push(char::from(*letter));
        }
    }
    out
}
