//! The server's role: two messages in, two messages out, and a verdict.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq;

use super::crypto::Key;
use super::wire::{Attributes, is_printable};
use super::{
    MAX_CLIENT_MESSAGE, MIN_NONCE, Mechanism, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramError,
    Verifier,
};

/// Whether the server can bind a login to the TLS channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelBinding {
    /// No TLS, or its certificate has no end point hash.
    None,
    /// The `tls-server-end-point` hash of our certificate;
    /// see [`tls_server_end_point`](super::tls_server_end_point).
    Available(Vec<u8>),
}

/// A server that has offered SCRAM and waits for the client's first message.
#[derive(Debug, Clone)]
pub struct ScramServer {
    verifier: Verifier,
    binding: ChannelBinding,
}

/// A server that waits for the client's proof.
#[derive(Debug, Clone)]
pub struct ServerAwaitingFinal {
    verifier: Verifier,
    /// What the client must repeat, base64-decoded: its first message's header and the channel's hash.
    channel: Vec<u8>,
    /// Both nonces, the client's first.
    nonce: Vec<u8>,
    client_first_bare: Vec<u8>,
    server_first: Vec<u8>,
}

impl ScramServer {
    /// For an unknown user pass [`Verifier::mock`], so that the exchange looks the same.
    pub fn new(verifier: Verifier, binding: ChannelBinding) -> Self {
        Self { verifier, binding }
    }

    /// What to offer with [`auth_sasl`](crate::backend::auth_sasl), best first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        match self.binding {
            ChannelBinding::None => &[SCRAM_SHA_256],
            ChannelBinding::Available(_) => &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256],
        }
    }

    /// Takes the client's first message and gives the server's. `server_nonce` is at least
    /// [`MIN_NONCE`] fresh random bytes.
    pub fn client_first(
        self,
        mechanism: &str,
        data: &[u8],
        server_nonce: &[u8],
    ) -> Result<(Vec<u8>, ServerAwaitingFinal), ScramError> {
        if server_nonce.len() < MIN_NONCE {
            return Err(ScramError::UnusableNonce);
        }
        self.client_first_with(mechanism, data, BASE64.encode(server_nonce).as_bytes())
    }

    /// The same with a nonce that is already text.
    pub(super) fn client_first_with(
        self,
        mechanism: &str,
        data: &[u8],
        server_nonce: &[u8],
    ) -> Result<(Vec<u8>, ServerAwaitingFinal), ScramError> {
        let mechanism = self.chosen(mechanism)?;
        let mut attributes = Attributes::new(data, MAX_CLIENT_MESSAGE)?;
        let flag = attributes
            .element()
            .ok_or(ScramError::Attribute { attribute: 'n' })?;
        let end_point = self.check_flag(mechanism, flag)?;
        match attributes.element() {
            Some([]) => {}
            Some([b'a', b'=', ..]) => return Err(ScramError::AuthorizationIdentity),
            Some(_) | None => return Err(ScramError::Attribute { attribute: 'a' }),
        }
        let client_first_bare = attributes.rest().to_vec();
        // The user name is ignored: the startup message named the user (auth-scram.c).
        attributes.value(b'n')?;
        let client_nonce = attributes.value(b'r')?;
        if !is_printable(client_nonce) {
            return Err(ScramError::Value { attribute: 'r' });
        }
        let channel = [flag, b",,", end_point].concat();
        let nonce = [client_nonce, server_nonce].concat();
        let salt = BASE64.encode(self.verifier.salt());
        let iterations = self.verifier.iterations().to_string();
        let server_first = [
            b"r=",
            &nonce[..],
            b",s=",
            salt.as_bytes(),
            b",i=",
            iterations.as_bytes(),
        ]
        .concat();
        let verifier = self.verifier;
        let reply = server_first.clone();
        let next = ServerAwaitingFinal {
            verifier,
            channel,
            nonce,
            client_first_bare,
            server_first,
        };
        Ok((reply, next))
    }

    fn chosen(&self, mechanism: &str) -> Result<Mechanism, ScramError> {
        match (mechanism, &self.binding) {
            (SCRAM_SHA_256, _) => Ok(Mechanism::ScramSha256),
            (SCRAM_SHA_256_PLUS, ChannelBinding::Available(_)) => Ok(Mechanism::ScramSha256Plus),
            (_, _) => Err(ScramError::UnknownMechanism),
        }
    }

    /// Checks the channel binding flag against mechanism and offer; gives the hash the client must prove
    /// to know, empty without channel binding.
    fn check_flag(&self, mechanism: Mechanism, flag: &[u8]) -> Result<&[u8], ScramError> {
        match (mechanism, flag) {
            (Mechanism::ScramSha256, b"n") => Ok(&[]),
            (Mechanism::ScramSha256, b"y") => match self.binding {
                ChannelBinding::None => Ok(&[]),
                ChannelBinding::Available(_) => Err(ScramError::Downgrade),
            },
            (Mechanism::ScramSha256Plus, b"p=tls-server-end-point") => match &self.binding {
                ChannelBinding::None => Err(ScramError::UnknownMechanism),
                ChannelBinding::Available(hash) => Ok(hash),
            },
            (Mechanism::ScramSha256Plus, [b'p', b'=', ..]) => Err(ScramError::BindingType),
            (Mechanism::ScramSha256, [b'p', b'=', ..])
            | (Mechanism::ScramSha256Plus, b"n" | b"y") => Err(ScramError::BindingFlag),
            (Mechanism::ScramSha256 | Mechanism::ScramSha256Plus, _) => {
                Err(ScramError::Attribute { attribute: 'n' })
            }
        }
    }
}

impl ServerAwaitingFinal {
    /// Takes the client's proof. On success gives the server's last message, which proves to the client
    /// that we know its verifier; send it, then [`auth_ok`](crate::backend::auth_ok).
    pub fn client_final(self, data: &[u8]) -> Result<Vec<u8>, ScramError> {
        let mut attributes = Attributes::new(data, MAX_CLIENT_MESSAGE)?;
        let channel = attributes.value(b'c')?;
        let nonce = attributes.value(b'r')?;
        let (proof, without_proof) = find_proof(&mut attributes, data)?;
        if !bool::from(BASE64.encode(&self.channel).as_bytes().ct_eq(channel)) {
            return Err(ScramError::BindingMismatch);
        }
        if !bool::from(self.nonce.ct_eq(nonce)) {
            return Err(ScramError::NonceMismatch);
        }
        let auth_message = [
            &self.client_first_bare[..],
            b",",
            &self.server_first[..],
            b",",
            without_proof,
        ];
        self.verifier.check_proof(&auth_message, &proof)?;
        let signature = self.verifier.server_key.hmac(&auth_message);
        Ok([b"v=", BASE64.encode(signature.bytes()).as_bytes()].concat())
    }
}

/// Skips extensions up to the proof, which must come last; also gives the message up to its comma.
fn find_proof<'a>(
    attributes: &mut Attributes<'a>,
    data: &'a [u8],
) -> Result<(Key, &'a [u8]), ScramError> {
    const MISSING: ScramError = ScramError::Attribute { attribute: 'p' };
    const MALFORMED: ScramError = ScramError::Value { attribute: 'p' };
    loop {
        match attributes.element() {
            Some([b'p', b'=', proof @ ..]) if attributes.is_empty() => {
                let bytes = BASE64.decode(proof).map_err(|_| MALFORMED)?;
                let proof = Key::from_slice(&bytes).ok_or(MALFORMED)?;
                // 44 base64 digits encode the 32 bytes; before them stands ",p=".
                let end = data.len().checked_sub(47).ok_or(MISSING)?;
                return Ok((proof, data.get(..end).ok_or(MISSING)?));
            }
            Some([b'p', b'=', ..]) => return Err(MALFORMED),
            Some([_, b'=', ..]) => {}
            Some(_) | None => return Err(MISSING),
        }
    }
}
