//! The hash of a certificate that channel binding uses (RFC 5929, section 4, `tls-server-end-point`).
//!
//! Only as much DER is read as is needed to find the signature's hash function (RFC 5280, section 4.1).

use aws_lc_rs::digest::{self, Algorithm, SHA224, SHA256, SHA384, SHA512};

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const CONTEXT_0: u8 = 0xa0;

/// 1.2.840.113549.1.1, PKCS #1 (RFC 8017, appendix C).
const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// 1.2.840.10045.4, ECDSA signatures (RFC 5758, section 3.2).
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
/// 2.16.840.1.101.3.4.2, NIST hash functions (RFC 5754, section 2).
const NIST_HASH: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// 1.3.14.3.2.26, SHA-1.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];

/// The channel binding data of a DER certificate: its hash under its signature's hash function, with
/// SHA-256 in place of MD5 and SHA-1. `None` if the certificate is malformed or its signature has no hash
/// function of its own (Ed25519), for which the RFC defines no binding.
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = signature_hash(certificate)?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

fn signature_hash(certificate: &[u8]) -> Option<&'static Algorithm> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_to_be_signed, rest) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    let (id, parameters) = element(algorithm, OBJECT_ID)?;
    if let Some(number) = id.strip_prefix(PKCS1) {
        return match number {
            // md5WithRSAEncryption, sha1WithRSAEncryption, sha256WithRSAEncryption.
            [4 | 5 | 11] => Some(&SHA256),
            [12] => Some(&SHA384),
            [13] => Some(&SHA512),
            [14] => Some(&SHA224),
            [10] => pss_hash(parameters),
            _ => None,
        };
    }
    match id.strip_prefix(ECDSA)? {
        // ecdsa-with-SHA1, then ecdsa-with-SHA224 to SHA512.
        [1] | [3, 2] => Some(&SHA256),
        [3, 1] => Some(&SHA224),
        [3, 3] => Some(&SHA384),
        [3, 4] => Some(&SHA512),
        _ => None,
    }
}

/// RSASSA-PSS names its hash in the parameters; without one it is SHA-1 (RFC 4055, section 3.1).
fn pss_hash(parameters: &[u8]) -> Option<&'static Algorithm> {
    let (parameters, _) = element(parameters, SEQUENCE)?;
    let Some((hash, _)) = element(parameters, CONTEXT_0) else {
        return Some(&SHA256);
    };
    let (hash, _) = element(hash, SEQUENCE)?;
    let (id, _) = element(hash, OBJECT_ID)?;
    if id == SHA1 {
        return Some(&SHA256);
    }
    match id.strip_prefix(NIST_HASH)? {
        [1] => Some(&SHA256),
        [2] => Some(&SHA384),
        [3] => Some(&SHA512),
        [4] => Some(&SHA224),
        _ => None,
    }
}

/// The content of the DER element at the front, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    if length < 0x80 {
        return rest.split_at_checked(usize::from(length));
    }
    // Long form: the low bits say how many bytes of length follow; certificates need at most three.
    let count = usize::from(length & 0x7f);
    let (bytes, rest) = rest
        .split_at_checked(count)
        .filter(|_| (1..=3).contains(&count))?;
    let length = bytes
        .iter()
        .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests;
