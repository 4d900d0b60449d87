//! Passwords under RSA: how clients without TLS send a whole password.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::{AuthError, xor};
use crate::handshake::Nonce;
use crate::secret::Secret;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// Characters in a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;
/// Largest PEM text we read, far more than a key of 8192 bits has.
const MAX_PEM: usize = 8 * 1024;

/// A server's public key.
#[derive(Clone)]
pub struct RsaPublicKey(PublicEncryptingKey);

impl RsaPublicKey {
    /// Reads the text that a server answers to a request for its key, and that `--server-public-key-path` names.
    ///
    /// # Errors
    /// [`AuthError::Key`] for anything but the `SubjectPublicKeyInfo` of an RSA key of 2048 to 8192 bits.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthError> {
        let text = std::str::from_utf8(pem).map_err(|_| AuthError::Key)?;
        if text.len() > MAX_PEM {
            return Err(AuthError::Key);
        }
        let (_, behind) = text.split_once(BEGIN).ok_or(AuthError::Key)?;
        let (inner, _) = behind.split_once(END).ok_or(AuthError::Key)?;
        let compact: String = inner.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD
            .decode(compact)
            .map_err(|_| AuthError::Key)?;
        PublicEncryptingKey::from_der(&der)
            .map(Self)
            .map_err(|_| AuthError::Key)
    }

    /// Encrypts a password as `caching_sha2_password` and `sha256_password` do: with its zero byte, masked by the
    /// nonce, under OAEP with SHA-1. The padding's random bytes are aws-lc's.
    pub(super) fn encrypt(&self, password: &[u8], nonce: &Nonce) -> Result<Vec<u8>, AuthError> {
        let mut masked = Zeroizing::new([password, &[0]].concat());
        xor(masked.as_mut_slice(), nonce.bytes());
        let key = OaepPublicEncryptingKey::new(self.0.clone()).map_err(|_| AuthError::Rsa)?;
        let mut out = vec![0; key.ciphertext_size()];
        let length = key
            .encrypt(&OAEP_SHA1_MGF1SHA1, &masked, &mut out, None)
            .map_err(|_| AuthError::Rsa)?
            .len();
        out.truncate(length);
        Ok(out)
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPublicKey")
    }
}

/// Our own key pair, for clients that send passwords without TLS.
pub struct RsaPrivateKey {
    key: OaepPrivateDecryptingKey,
    pem: String,
}

impl RsaPrivateKey {
    /// From an unencrypted PKCS#8 document.
    ///
    /// # Errors
    /// [`AuthError::Key`] for anything but an RSA key of 2048 to 8192 bits.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, AuthError> {
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| AuthError::Key)?;
        let public = key.public_key().as_der().map_err(|_| AuthError::Key)?;
        let encoded = BASE64_STANDARD.encode(public.as_ref());
        let mut pem = format!("{BEGIN}\n");
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            // Base64 is ASCII, so that every index is the border of a character.
            let (line, behind) = rest.split_at_checked(PEM_LINE).unwrap_or((rest, ""));
            pem.push_str(line);
            pem.push('\n');
            rest = behind;
        }
        pem.push_str(END);
        pem.push('\n');
        let key = OaepPrivateDecryptingKey::new(key).map_err(|_| AuthError::Key)?;
        Ok(Self { key, pem })
    }

    /// The public half, as clients ask for it.
    pub fn public_pem(&self) -> &str {
        &self.pem
    }

    /// What a client encrypted with [`RsaPublicKey::encrypt`], without its zero byte.
    pub(super) fn decrypt(&self, data: &[u8], nonce: &Nonce) -> Result<Secret, AuthError> {
        let mut out = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let length = self
            .key
            .decrypt(&OAEP_SHA1_MGF1SHA1, data, out.as_mut_slice(), None)
            .map_err(|_| AuthError::Rsa)?
            .len();
        let clear = out.get_mut(..length).ok_or(AuthError::Rsa)?;
        xor(clear, nonce.bytes());
        match clear {
            [password @ .., 0] => Ok(Secret::from(&*password)),
            [..] => Err(AuthError::Rsa),
        }
    }
}

impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
