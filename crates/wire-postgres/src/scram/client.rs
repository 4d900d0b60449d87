//! The client's role: logging in to a server with a password or with kept keys.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::crypto::Key;
use super::keys::{iterations_in_range, salt_in_range};
use super::wire::{Attributes, is_printable};
use super::{
    ClientKeys, MAX_SERVER_MESSAGE, MIN_NONCE, Mechanism, SCRAM_SHA_256, SCRAM_SHA_256_PLUS,
    ScramError,
};
use crate::secret::Secret;

/// Characters kept of a server's error word.
const MAX_ERROR_WORD: usize = 64;

/// What the client proves to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCredential {
    /// The password; keys are derived for each login.
    Password(Secret),
    /// Keys of an earlier login; fails with [`ScramError::StaleKeys`] once the server's salt changed.
    Keys(ClientKeys),
    /// Keys of an earlier login, and the password for when they are stale.
    KeysOrPassword {
        /// Tried first.
        keys: ClientKeys,
        /// Used when the server names another salt or iteration count.
        password: Secret,
    },
}

/// What the client says about channel binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientBinding {
    /// We cannot bind (`n`): no TLS, or no hash of the server's certificate.
    Unsupported,
    /// We could, but the server did not offer it (`y`). A server that did will refuse: the offer was
    /// tampered with.
    NotOffered,
    /// Bound to the certificate with this `tls-server-end-point` hash (`p`).
    EndPoint(Vec<u8>),
}

impl ClientBinding {
    /// Chooses mechanism and binding from the server's offer, the way libpq does with
    /// `channel_binding=prefer`. `end_point` is the hash of the server's certificate, over TLS.
    pub fn choose(
        offered: &[impl AsRef<str>],
        end_point: Option<Vec<u8>>,
    ) -> Result<(Mechanism, Self), ScramError> {
        let offers = |name: &str| offered.iter().any(|offer| offer.as_ref() == name);
        match (end_point, offers(SCRAM_SHA_256_PLUS), offers(SCRAM_SHA_256)) {
            (Some(hash), true, _) => Ok((Mechanism::ScramSha256Plus, Self::EndPoint(hash))),
            (Some(_), false, true) => Ok((Mechanism::ScramSha256, Self::NotOffered)),
            (None, _, true) => Ok((Mechanism::ScramSha256, Self::Unsupported)),
            (_, _, false) => Err(ScramError::NoCommonMechanism),
        }
    }

    /// The header of the first message (RFC 5802, `gs2-header`) and the bound data behind it.
    fn channel(&self) -> (&'static [u8], &[u8]) {
        match self {
            Self::Unsupported => (b"n,,", &[]),
            Self::NotOffered => (b"y,,", &[]),
            Self::EndPoint(hash) => (b"p=tls-server-end-point,,", hash),
        }
    }
}

/// A client that has not spoken yet.
#[derive(Debug, Clone)]
pub struct ScramClient {
    credential: ClientCredential,
    binding: ClientBinding,
    first_bare: Vec<u8>,
    nonce: Vec<u8>,
}

/// A client that waits for the server's salt.
#[derive(Debug, Clone)]
pub struct ClientAwaitingFirst(ScramClient);

/// A client that waits for the server's signature.
#[derive(Debug, Clone)]
pub struct ClientAwaitingFinal {
    expected: Key,
}

/// What answering the server's first message yields.
#[derive(Debug, Clone)]
pub struct ClientFinal {
    /// The message to send, for [`sasl_response`](crate::frontend::sasl_response).
    pub message: Vec<u8>,
    /// The keys that were used. Keep them once the server has accepted them.
    pub keys: ClientKeys,
    /// The next step.
    pub next: ClientAwaitingFinal,
}

/// How much work answering the server's first message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DerivationCost {
    /// Microseconds: kept keys fit, or the message is refused.
    Cheap,
    /// A PBKDF2 derivation of this many iterations, about 0.13 µs each: keep it off I/O threads.
    Pbkdf2(u32),
}

impl ScramClient {
    /// `nonce` is text of at least [`MIN_NONCE`] printable characters without comma, from fresh
    /// randomness; base64 of 18 bytes is PostgreSQL's choice.
    pub fn new(
        credential: ClientCredential,
        nonce: &str,
        binding: ClientBinding,
    ) -> Result<Self, ScramError> {
        // PostgreSQL ignores the user name here; libpq sends an empty one.
        Self::with_user(credential, nonce, binding, "")
    }

    pub(super) fn with_user(
        credential: ClientCredential,
        nonce: &str,
        binding: ClientBinding,
        user: &str,
    ) -> Result<Self, ScramError> {
        if nonce.len() < MIN_NONCE || !is_printable(nonce.as_bytes()) {
            return Err(ScramError::UnusableNonce);
        }
        let first_bare = format!("n={user},r={nonce}").into_bytes();
        Ok(Self {
            credential,
            binding,
            first_bare,
            nonce: nonce.as_bytes().to_vec(),
        })
    }

    /// The first message, for [`sasl_initial_response`](crate::frontend::sasl_initial_response).
    pub fn client_first(self) -> (Vec<u8>, ClientAwaitingFirst) {
        let (header, _) = self.binding.channel();
        (
            [header, &self.first_bare].concat(),
            ClientAwaitingFirst(self),
        )
    }
}

/// The server's first message, read.
struct ServerFirst<'a> {
    nonce: &'a [u8],
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl ClientAwaitingFirst {
    /// How much work [`Self::server_first`] will be with this message.
    pub fn cost(&self, data: &[u8]) -> DerivationCost {
        let Ok(first) = self.read(data) else {
            return DerivationCost::Cheap;
        };
        match &self.0.credential {
            ClientCredential::Keys(_) => DerivationCost::Cheap,
            ClientCredential::KeysOrPassword { keys, .. }
                if keys.fit(&first.salt, first.iterations) =>
            {
                DerivationCost::Cheap
            }
            ClientCredential::Password(_) | ClientCredential::KeysOrPassword { .. } => {
                DerivationCost::Pbkdf2(first.iterations.get())
            }
        }
    }

    /// Takes the server's first message and gives our proof. Iteration counts above
    /// [`MAX_ITERATIONS`](super::MAX_ITERATIONS) are refused before any work.
    pub fn server_first(self, data: &[u8]) -> Result<ClientFinal, ScramError> {
        let first = self.read(data)?;
        let ScramClient {
            credential,
            binding,
            first_bare,
            ..
        } = self.0;
        let keys = keys_for(credential, &first)?;
        let (header, hash) = binding.channel();
        let channel = BASE64.encode([header, hash].concat());
        let without_proof = [b"c=", channel.as_bytes(), b",r=", first.nonce].concat();
        let auth_message = [&first_bare[..], b",", data, b",", &without_proof[..]];
        let proof = BASE64.encode(keys.proof(&auth_message).bytes());
        let expected = keys.server_signature(&auth_message);
        let message = [&without_proof[..], b",p=", proof.as_bytes()].concat();
        Ok(ClientFinal {
            message,
            keys,
            next: ClientAwaitingFinal { expected },
        })
    }

    fn read<'a>(&self, data: &'a [u8]) -> Result<ServerFirst<'a>, ScramError> {
        let mut attributes = Attributes::new(data, MAX_SERVER_MESSAGE)?;
        let nonce = attributes.value(b'r')?;
        // The server must add to our nonce; without that it could replay an old exchange.
        let added = nonce
            .strip_prefix(&self.0.nonce[..])
            .ok_or(ScramError::NonceMismatch)?;
        if !is_printable(added) {
            return Err(ScramError::NonceMismatch);
        }
        let salt = attributes.value(b's')?;
        let salt = BASE64
            .decode(salt)
            .map_err(|_| ScramError::Value { attribute: 's' })?;
        // Optional extensions may follow; RFC 5802 wants them ignored.
        let iterations = decimal(attributes.value(b'i')?)?;
        Ok(ServerFirst {
            nonce,
            salt: salt_in_range(salt)?,
            iterations: iterations_in_range(iterations)?,
        })
    }
}

impl ClientAwaitingFinal {
    /// Takes the server's last message and checks that the server knows our verifier. Until this
    /// succeeds the server may be anybody.
    pub fn server_final(self, data: &[u8]) -> Result<(), ScramError> {
        const MALFORMED: ScramError = ScramError::Value { attribute: 'v' };
        let mut attributes = Attributes::new(data, MAX_SERVER_MESSAGE)?;
        if let Some(word) = data.strip_prefix(b"e=") {
            let word = String::from_utf8_lossy(word);
            let value = word
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_ERROR_WORD)
                .collect();
            return Err(ScramError::ServerError { value });
        }
        let signature = BASE64
            .decode(attributes.value(b'v')?)
            .map_err(|_| MALFORMED)?;
        let signature = Key::from_slice(&signature).ok_or(MALFORMED)?;
        if signature == self.expected {
            Ok(())
        } else {
            Err(ScramError::ServerSignature)
        }
    }
}

fn keys_for(
    credential: ClientCredential,
    first: &ServerFirst<'_>,
) -> Result<ClientKeys, ScramError> {
    let derive = |password: &Secret| {
        ClientKeys::from_password(password.expose(), &first.salt, first.iterations.get())
    };
    match credential {
        ClientCredential::Keys(keys) | ClientCredential::KeysOrPassword { keys, .. }
            if keys.fit(&first.salt, first.iterations) =>
        {
            Ok(keys)
        }
        ClientCredential::Keys(_) => Err(ScramError::StaleKeys),
        ClientCredential::Password(password)
        | ClientCredential::KeysOrPassword { password, .. } => derive(&password),
    }
}

/// A count without sign or blanks. Too many digits count as too large.
fn decimal(text: &[u8]) -> Result<u64, ScramError> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(ScramError::Value { attribute: 'i' });
    }
    let digits = text
        .iter()
        .map(|digit| u64::from(digit.saturating_sub(b'0')));
    Ok(digits.fold(0_u64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(digit)
    }))
}
