//! What is kept instead of passwords: a server's verifier and a client's keys.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::crypto::{KEY_LEN, Key, salted_password};
use super::{DEFAULT_ITERATIONS, MAX_ITERATIONS, MAX_SALT, SCRAM_SHA_256, ScramError};

/// Bytes of the salts we make up for unknown users (`SCRAM_DEFAULT_SALT_LEN`, `scram-common.h`).
const MOCK_SALT_LEN: usize = 16;

/// Checked iteration count.
pub(super) fn iterations_in_range(iterations: u64) -> Result<NonZeroU32, ScramError> {
    u32::try_from(iterations)
        .ok()
        .filter(|count| *count <= MAX_ITERATIONS)
        .and_then(NonZeroU32::new)
        .ok_or(ScramError::Iterations { iterations })
}

/// Checked salt.
pub(super) fn salt_in_range(salt: Vec<u8>) -> Result<Vec<u8>, ScramError> {
    if (1..=MAX_SALT).contains(&salt.len()) {
        Ok(salt)
    } else {
        Err(ScramError::Salt { length: salt.len() })
    }
}

/// What a server keeps to check a password without knowing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    salt: Vec<u8>,
    iterations: NonZeroU32,
    stored_key: Key,
    pub(super) server_key: Key,
}

impl Verifier {
    /// Derives the verifier of a password. Slow by design; see the module's notes.
    pub fn from_password(
        password: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, ScramError> {
        ClientKeys::from_password(password, salt, iterations).map(|keys| keys.verifier())
    }

    /// Reads PostgreSQL's text, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`
    /// (`auth-scram.c`, `parse_scram_secret`).
    pub fn parse(text: &str) -> Result<Self, ScramError> {
        let mut parts = text.split('$');
        let (Some(SCRAM_SHA_256), Some(how), Some(keys), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ScramError::Verifier);
        };
        let (iterations, salt) = how.split_once(':').ok_or(ScramError::Verifier)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(ScramError::Verifier)?;
        if !iterations.bytes().all(|c| c.is_ascii_digit()) {
            return Err(ScramError::Verifier);
        }
        let iterations: u64 = iterations.parse().map_err(|_| ScramError::Verifier)?;
        let salt = BASE64.decode(salt).map_err(|_| ScramError::Verifier)?;
        Ok(Self {
            salt: salt_in_range(salt)?,
            iterations: iterations_in_range(iterations)?,
            stored_key: decode_key(stored_key)?,
            server_key: decode_key(server_key)?,
        })
    }

    /// PostgreSQL's text, as it stands in `pg_authid.rolpassword`. It lets its reader impersonate the
    /// server and try passwords, so it is not a `Display`.
    pub fn to_text(&self) -> Zeroizing<String> {
        let stored_key = Zeroizing::new(BASE64.encode(self.stored_key.bytes()));
        let server_key = Zeroizing::new(BASE64.encode(self.server_key.bytes()));
        Zeroizing::new(format!(
            "{SCRAM_SHA_256}${}:{}${}:{}",
            self.iterations,
            BASE64.encode(&self.salt),
            stored_key.as_str(),
            server_key.as_str()
        ))
    }

    /// A verifier no password fits, the same for a user name each time: an unknown user's login looks
    /// like one with a wrong password. `server_nonce_key` is a secret of the installation and must stay
    /// the same as long as real verifiers do (PostgreSQL: `mock_authentication_nonce`).
    pub fn mock(user: &str, server_nonce_key: &[u8; KEY_LEN]) -> Self {
        let key = Key::new(*server_nonce_key);
        let derive = |purpose: &[u8]| key.hmac(&[purpose, b"\0", user.as_bytes()]);
        let salt = derive(b"mock salt");
        Self {
            salt: salt.bytes().iter().copied().take(MOCK_SALT_LEN).collect(),
            // One is the smallest count there is; the default is far above it.
            iterations: NonZeroU32::new(DEFAULT_ITERATIONS).unwrap_or(NonZeroU32::MIN),
            // Nobody knows a client key whose SHA-256 is this value.
            stored_key: derive(b"mock stored key"),
            server_key: derive(b"mock server key"),
        }
    }

    /// The salt the keys were derived with.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// How often the derivation iterated.
    pub fn iterations(&self) -> u32 {
        self.iterations.get()
    }

    /// Checks a client's proof over the exchanged messages, in constant time.
    pub(super) fn check_proof(
        &self,
        auth_message: &[&[u8]],
        proof: &Key,
    ) -> Result<(), ScramError> {
        let signature = self.stored_key.hmac(auth_message);
        let client_key = signature.xor(proof);
        if client_key.sha256() == self.stored_key {
            Ok(())
        } else {
            Err(ScramError::ProofMismatch)
        }
    }
}

/// What a client keeps to log in again without the slow derivation. As good as the password for this
/// salt and iteration count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKeys {
    salt: Vec<u8>,
    iterations: NonZeroU32,
    client_key: Key,
    server_key: Key,
}

impl ClientKeys {
    /// Derives the keys of a password. Slow by design; see the module's notes.
    pub fn from_password(
        password: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, ScramError> {
        let salt = salt_in_range(salt.to_vec())?;
        let iterations = iterations_in_range(u64::from(iterations))?;
        let salted = salted_password(password, &salt, iterations);
        Ok(Self {
            client_key: salted.hmac(&[b"Client Key"]),
            server_key: salted.hmac(&[b"Server Key"]),
            salt,
            iterations,
        })
    }

    /// Keys that were kept elsewhere.
    pub fn new(
        salt: &[u8],
        iterations: u32,
        client_key: [u8; KEY_LEN],
        server_key: [u8; KEY_LEN],
    ) -> Result<Self, ScramError> {
        Ok(Self {
            salt: salt_in_range(salt.to_vec())?,
            iterations: iterations_in_range(u64::from(iterations))?,
            client_key: Key::new(client_key),
            server_key: Key::new(server_key),
        })
    }

    /// The verifier a server keeps for the same password.
    pub fn verifier(&self) -> Verifier {
        Verifier {
            salt: self.salt.clone(),
            iterations: self.iterations,
            stored_key: self.client_key.sha256(),
            server_key: self.server_key.clone(),
        }
    }

    /// The salt the keys belong to.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The iteration count the keys belong to.
    pub fn iterations(&self) -> u32 {
        self.iterations.get()
    }

    /// The client key, for keeping it elsewhere under seal.
    pub fn expose_client_key(&self) -> &[u8; KEY_LEN] {
        self.client_key.bytes()
    }

    /// The server key, for keeping it elsewhere under seal.
    pub fn expose_server_key(&self) -> &[u8; KEY_LEN] {
        self.server_key.bytes()
    }

    /// Whether the keys answer a server that names this salt and count.
    pub(super) fn fit(&self, salt: &[u8], iterations: NonZeroU32) -> bool {
        self.salt == salt && self.iterations == iterations
    }

    pub(super) fn proof(&self, auth_message: &[&[u8]]) -> Key {
        let signature = self.client_key.sha256().hmac(auth_message);
        self.client_key.xor(&signature)
    }

    pub(super) fn server_signature(&self, auth_message: &[&[u8]]) -> Key {
        self.server_key.hmac(auth_message)
    }
}

fn decode_key(text: &str) -> Result<Key, ScramError> {
    let bytes = Zeroizing::new(BASE64.decode(text).map_err(|_| ScramError::Verifier)?);
    Key::from_slice(&bytes).ok_or(ScramError::Verifier)
}
