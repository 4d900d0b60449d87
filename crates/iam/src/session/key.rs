//! Session keys: making tokens with the private half, opening them with the public half.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{ACCESS_KEY_PREFIX, Claims, TOKEN_LENGTH_MAX};
use crate::reason::closed_reasons;

const VERSION: &str = "v1";

/// Separates this use of the derivation key from every other.
const SECRET_LABEL: &[u8] = b"tollgate session secret v1\0";

/// Length of a secret access key, in characters. Source: IAM.
const SECRET_LENGTH: usize = 40;

closed_reasons! {
    /// Why temporary credentials were not believed.
    pub enum SessionRejection {
        Invalid = "SESSION_TOKEN_INVALID": "the session token does not belong to this access key",
        Expired = "SESSION_EXPIRED": "the temporary credentials have expired",
    }
}

/// A text is not a session key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a session key")]
pub struct KeyError;

/// What is needed to check sessions: not enough to make them.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey {
    #[zeroize(skip)]
    id: String,
    #[zeroize(skip)]
    public: [u8; 32],
    derivation: [u8; 32],
}

/// What is needed to make sessions.
pub struct SessionKeyPair {
    key: SessionKey,
    pair: Ed25519KeyPair,
}

/// A session that is genuine and in time.
pub struct Opened {
    /// What the token says.
    pub claims: Claims,
    /// The secret access key that belongs to it.
    pub secret: Zeroizing<String>,
}

/// Every key that sessions may be checked with.
#[derive(Debug, Clone, Default)]
pub struct SessionKeys(Vec<SessionKey>);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

impl SessionKey {
    /// A key from its parts: id, public half and derivation key, the last two as 64 hex digits.
    pub fn from_hex(id: &str, public: &str, derivation: &str) -> Result<Self, KeyError> {
        let mut key = Self {
            id: id.to_owned(),
            public: [0; 32],
            derivation: [0; 32],
        };
        hex::decode_to_slice(public, &mut key.public).map_err(|_| KeyError)?;
        hex::decode_to_slice(derivation, &mut key.derivation).map_err(|_| KeyError)?;
        Ok(key)
    }

    /// Names the key in tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as hex.
    pub fn public_hex(&self) -> String {
        hex::encode(self.public)
    }

    /// The derivation key as hex, a secret.
    pub fn derivation_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.derivation))
    }

    /// The secret access key of an access key id: 240 bits that only holders of the derivation key can tell.
    fn secret(&self, access_key_id: &str) -> Zeroizing<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.derivation);
        let mut context = hmac::Context::with_key(&key);
        context.update(SECRET_LABEL);
        context.update(access_key_id.as_bytes());
        let mut text = Zeroizing::new(STANDARD_NO_PAD.encode(context.sign()));
        text.truncate(SECRET_LENGTH);
        text
    }
}

impl SessionKeyPair {
    /// A pair from 64 random bytes: 32 for the signature, 32 for the derivation.
    pub fn from_seed(id: &str, seed: &[u8; 64]) -> Result<Self, KeyError> {
        let (signing, deriving) = seed.split_at(32);
        let pair = Ed25519KeyPair::from_seed_unchecked(signing).map_err(|_| KeyError)?;
        let mut key = SessionKey {
            id: id.to_owned(),
            public: [0; 32],
            derivation: [0; 32],
        };
        for (to, from) in key.public.iter_mut().zip(pair.public_key().as_ref()) {
            *to = *from;
        }
        for (to, from) in key.derivation.iter_mut().zip(deriving) {
            *to = *from;
        }
        Ok(Self { key, pair })
    }

    /// The half that checks.
    pub fn verifying(&self) -> &SessionKey {
        &self.key
    }

    /// The session token and the secret access key for these claims.
    pub fn issue(&self, claims: &Claims) -> (Zeroizing<String>, Zeroizing<String>) {
        // Claims are plain texts and numbers: serialising them cannot fail, and an empty text opens nothing.
        let claims_json = serde_json::to_vec(claims).unwrap_or_default();
        let signed = format!(
            "{VERSION}.{}.{}",
            self.key.id,
            URL_SAFE_NO_PAD.encode(claims_json)
        );
        let signature = self.pair.sign(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        let token = Zeroizing::new(format!("{signed}.{signature}"));
        (token, self.key.secret(&claims.access_key_id))
    }
}

impl SessionKeys {
    /// A ring of keys.
    pub fn new(keys: Vec<SessionKey>) -> Self {
        Self(keys)
    }

    /// Opens a session token that was sent with an access key id.
    ///
    /// Nothing in the token is looked at before its signature holds.
    pub fn open(
        &self,
        access_key_id: &str,
        token: &str,
        now_unix: i64,
    ) -> Result<Opened, SessionRejection> {
        let invalid = SessionRejection::Invalid;
        if token.len() > TOKEN_LENGTH_MAX || !access_key_id.starts_with(ACCESS_KEY_PREFIX) {
            return Err(invalid);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(invalid)?;
        let mut parts = signed.splitn(3, '.');
        let (Some(VERSION), Some(id), Some(claims)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid);
        };
        let key = self.0.iter().find(|key| key.id == id).ok_or(invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid)?;
        UnparsedPublicKey::new(&ED25519, key.public)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| invalid)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| invalid)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| invalid)?;
        if claims.access_key_id != access_key_id {
            return Err(invalid);
        }
        if now_unix >= claims.expires_at {
            return Err(SessionRejection::Expired);
        }
        let secret = key.secret(access_key_id);
        Ok(Opened { claims, secret })
    }
}
