//! Channel binding data of type `tls-server-end-point` (RFC 5929 §4.1) for SCRAM-SHA-256-PLUS.

use aws_lc_rs::digest::{self, Algorithm, SHA224, SHA256, SHA384, SHA512};

use super::der::{CONTEXT_0, OBJECT_IDENTIFIER, Reader, SEQUENCE, signature_algorithm};

/// Hash of a certificate by the hash of its signature algorithm, where MD5 and SHA-1 count as SHA-256.
/// `None` where the signature algorithm names no hash (Ed25519) or is not known: the binding is then
/// undefined, and SCRAM without binding is what both sides must use.
pub(crate) fn end_point_binding(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = hash_of_signature(signature_algorithm(certificate)?)?;
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

/// `AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }`.
fn hash_of_signature(identifier: &[u8]) -> Option<&'static Algorithm> {
    let mut fields = Reader::new(identifier);
    let oid = fields.expect(OBJECT_IDENTIFIER)?.body;
    match oid {
        // 1.2.840.113549.1.1.x, PKCS#1 (RFC 8017 appendix C): md5, sha1, sha256, sha384, sha512, sha224.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match last {
            4 | 5 | 11 => Some(&SHA256),
            12 => Some(&SHA384),
            13 => Some(&SHA512),
            14 => Some(&SHA224),
            10 => hash_of_pss(fields),
            _ => None,
        },
        // 1.2.840.10045.4.1, ECDSA with SHA-1.
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => Some(&SHA256),
        // 1.2.840.10045.4.3.x, ECDSA with SHA-2 (RFC 5758 §3.2).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last] => match last {
            1 => Some(&SHA224),
            2 => Some(&SHA256),
            3 => Some(&SHA384),
            4 => Some(&SHA512),
            _ => None,
        },
        _ => None,
    }
}

/// `RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, … }` (RFC 8017 A.2.3).
fn hash_of_pss(mut fields: Reader<'_>) -> Option<&'static Algorithm> {
    let mut params = Reader::new(fields.expect(SEQUENCE)?.body);
    let Some(hash) = params.expect(CONTEXT_0) else {
        return Some(&SHA256); // the default is SHA-1
    };
    let oid = Reader::new(Reader::new(hash.body).expect(SEQUENCE)?.body)
        .expect(OBJECT_IDENTIFIER)?
        .body;
    match oid {
        // 1.3.14.3.2.26, SHA-1.
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(&SHA256),
        // 2.16.840.1.101.3.4.2.x, SHA-2.
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] => match last {
            1 => Some(&SHA256),
            2 => Some(&SHA384),
            3 => Some(&SHA512),
            4 => Some(&SHA224),
            _ => None,
        },
        _ => None,
    }
}
