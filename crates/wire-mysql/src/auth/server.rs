//! A client logs in to us: checks passwords, receives tokens, and lets nobody send either in the open.

use std::fmt;
use std::sync::Arc;

use super::{Channel, PasswordVerifier, Plugin, RsaPrivateKey, sha2};
use crate::error_code::ErrorCode;
use crate::handshake::Nonce;
use crate::secret::Secret;

/// Largest whole password or token, 64 KiB. Tokens with a session token have up to 16 KiB.
const MAX_PASSWORD: usize = 64 * 1024;

/// Whether the user may log in with a token, which only its whole text can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// It may.
    Accepted,
    /// It may not.
    Refused,
}

/// How a user can prove who it is.
///
/// For a user who does not exist, use a verifier of a random password: the exchange looks the same.
#[derive(Debug, Clone)]
pub struct Account {
    /// For passwords; `None` when there is none.
    pub verifier: Option<PasswordVerifier>,
    /// For tokens.
    pub tokens: Tokens,
}

/// What follows a wrong fast answer where the account has no tokens.
#[derive(Debug, Clone)]
pub enum Mismatch {
    /// The password is wrong. Right for everybody whose verifier is known.
    Refuse,
    /// The whole password is asked for, as servers with a cold cache do; on an open channel under this key.
    AskInFull(Arc<RsaPrivateKey>),
}

/// Everything that does not change during a login.
#[derive(Debug, Clone)]
pub struct ServerSetup {
    /// The user's account.
    pub account: Account,
    /// How bytes travel.
    pub channel: Channel,
    /// The plugin that the greeting named, or that we want: [`Plugin::Native`], [`Plugin::CachingSha2`] or, for
    /// tokens, [`Plugin::Clear`].
    pub preferred: Plugin,
    /// What follows a wrong fast answer.
    pub mismatch: Mismatch,
    /// A challenge for a switch, never used before.
    pub fresh: Nonce,
}

/// Why a login is refused. All of them are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Wrong password, or none (1045).
    #[error("wrong password")]
    WrongPassword,
    /// The user needs a token, and the channel is open (3159).
    #[error("TLS is required")]
    TlsRequired,
    /// The client cannot use the plugin that the account needs (1251).
    #[error("the client does not support the authentication plugin")]
    PluginUnsupported,
    /// The client's data cannot be what the plugin sends (1045).
    #[error("malformed authentication data")]
    Malformed,
}

/// What to do after a packet of the client.
#[derive(Debug)]
pub enum ServerStep {
    /// Send a switch to this plugin with this data, and read on.
    Switch {
        /// The plugin.
        plugin: Plugin,
        /// The challenge with its zero byte; nothing for [`Plugin::Clear`].
        data: Vec<u8>,
    },
    /// Send this as data for the plugin in force, and read on.
    MoreData(Vec<u8>),
    /// The password is right: send OK.
    Accepted,
    /// The password is right: send `[0x03]` as data for the plugin in force, then OK.
    AcceptedFast,
    /// The client sent this in full, and it is not the password of the account: check it as a token.
    Token(Secret),
    /// Send an error and close.
    Refused(Refusal),
}

/// What the client sends next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its answer to this plugin's challenge.
    Answer(Plugin, Nonce),
    /// The whole password, after an answer to `caching_sha2_password`.
    Full(Nonce),
    /// The whole password under RSA.
    Sealed(Nonce),
    /// Nothing: it is decided.
    Decided,
}

/// The machine of one login.
#[derive(Debug)]
pub struct ServerAuth {
    setup: ServerSetup,
    state: State,
}

impl ServerAuth {
    /// Begins with the client's login: the plugin it names and its first data, an answer to `greeted`, the
    /// challenge of the greeting.
    ///
    /// Clients without plugins answer as `mysql_native_password` and cannot be switched: see [`Switching`].
    pub fn start(
        setup: ServerSetup,
        client: &FirstAnswer<'_>,
        greeted: &Nonce,
    ) -> (Self, ServerStep) {
        let mut login = Self {
            setup,
            state: State::Decided,
        };
        let step = login.first(client, greeted);
        (login, step)
    }

    /// Begins with a switch, whatever the client sent: for `COM_CHANGE_USER`.
    pub fn switch(setup: ServerSetup) -> (Self, ServerStep) {
        let mut login = Self {
            setup,
            state: State::Decided,
        };
        let step = login.switch_to_preferred();
        (login, step)
    }

    /// What to do after a packet of the client.
    pub fn packet(&mut self, payload: &[u8]) -> ServerStep {
        match std::mem::replace(&mut self.state, State::Decided) {
            State::Answer(plugin, nonce) => self.answer(plugin, nonce, payload),
            State::Full(nonce) => self.full(nonce, payload),
            State::Sealed(nonce) => self.sealed(nonce, payload),
            State::Decided => ServerStep::Refused(Refusal::Malformed),
        }
    }

    fn first(&mut self, client: &FirstAnswer<'_>, greeted: &Nonce) -> ServerStep {
        let account = &self.setup.account;
        let only_tokens = account.verifier.is_none() && account.tokens == Tokens::Accepted;
        // Before anything is asked for: a client that is asked may send its token in the open.
        if only_tokens && self.setup.channel == Channel::Open {
            return ServerStep::Refused(Refusal::TlsRequired);
        }
        if client.switching == Switching::Impossible {
            return if self.may(Plugin::Native) {
                self.answer(Plugin::Native, *greeted, client.data)
            } else {
                ServerStep::Refused(Refusal::PluginUnsupported)
            };
        }
        match Plugin::from_name(client.plugin) {
            // Some drivers send the password with the login when they are told to.
            Some(Plugin::Clear) if !client.data.is_empty() => match self.setup.channel {
                Channel::Tls | Channel::Local => self.answer(Plugin::Clear, *greeted, client.data),
                Channel::Open => ServerStep::Refused(Refusal::TlsRequired),
            },
            Some(plugin @ (Plugin::Native | Plugin::CachingSha2))
                if plugin == self.setup.preferred && !client.data.is_empty() =>
            {
                self.answer(plugin, *greeted, client.data)
            }
            Some(_) | None => self.switch_to_preferred(),
        }
    }

    /// Whether a plugin can prove anything for this account.
    fn may(&self, plugin: Plugin) -> bool {
        match plugin {
            Plugin::Native => self.setup.account.verifier.is_some(),
            Plugin::CachingSha2 => true,
            Plugin::Clear => self.setup.channel.is_private(),
            Plugin::Sha256 | Plugin::Ed25519 | Plugin::Parsec => false,
        }
    }

    fn switch_to_preferred(&mut self) -> ServerStep {
        let account = &self.setup.account;
        let only_tokens = account.verifier.is_none() && account.tokens == Tokens::Accepted;
        if only_tokens && self.setup.channel == Channel::Open {
            return ServerStep::Refused(Refusal::TlsRequired);
        }
        let plugin = if self.may(self.setup.preferred) {
            self.setup.preferred
        } else {
            Plugin::CachingSha2
        };
        let nonce = self.setup.fresh;
        self.state = State::Answer(plugin, nonce);
        let data = match plugin {
            Plugin::Clear => Vec::new(),
            Plugin::Native
            | Plugin::CachingSha2
            | Plugin::Sha256
            | Plugin::Ed25519
            | Plugin::Parsec => [nonce.bytes().as_slice(), &[0]].concat(),
        };
        ServerStep::Switch { plugin, data }
    }

    fn answer(&mut self, plugin: Plugin, nonce: Nonce, data: &[u8]) -> ServerStep {
        let verifier = self.setup.account.verifier.as_ref();
        match plugin {
            Plugin::Native => match verifier {
                Some(known) if known.matches_native(&nonce, data) => ServerStep::Accepted,
                Some(_) | None => ServerStep::Refused(Refusal::WrongPassword),
            },
            Plugin::CachingSha2 => match verifier {
                Some(known) if known.matches_sha2(&nonce, data) => ServerStep::AcceptedFast,
                Some(_) | None => self.ask_in_full(nonce, data),
            },
            Plugin::Clear => self.whole(data),
            Plugin::Sha256 | Plugin::Ed25519 | Plugin::Parsec => {
                ServerStep::Refused(Refusal::PluginUnsupported)
            }
        }
    }

    /// A fast answer is wrong, or there is nothing to check it with.
    fn ask_in_full(&mut self, nonce: Nonce, answer: &[u8]) -> ServerStep {
        if answer.len() != sha2::LEN {
            // An empty answer is an empty password, which no account has.
            return ServerStep::Refused(Refusal::WrongPassword);
        }
        let tokens = self.setup.account.tokens == Tokens::Accepted;
        match (self.setup.channel, &self.setup.mismatch) {
            (Channel::Tls | Channel::Local, _) if tokens => {}
            (_, Mismatch::AskInFull(_)) => {}
            (Channel::Tls | Channel::Local | Channel::Open, Mismatch::Refuse) => {
                return ServerStep::Refused(Refusal::WrongPassword);
            }
        }
        self.state = State::Full(nonce);
        ServerStep::MoreData(vec![sha2::FULL])
    }

    fn full(&mut self, nonce: Nonce, data: &[u8]) -> ServerStep {
        match (self.setup.channel, &self.setup.mismatch) {
            (Channel::Tls | Channel::Local, _) => self.whole(data),
            (Channel::Open, Mismatch::AskInFull(key)) if data == [sha2::KEY_REQUEST] => {
                let pem = key.public_pem().as_bytes().to_vec();
                self.state = State::Sealed(nonce);
                ServerStep::MoreData(pem)
            }
            // A client with our key pinned does not ask for it.
            (Channel::Open, Mismatch::AskInFull(_)) => self.sealed(nonce, data),
            (Channel::Open, Mismatch::Refuse) => ServerStep::Refused(Refusal::Malformed),
        }
    }

    fn sealed(&mut self, nonce: Nonce, data: &[u8]) -> ServerStep {
        let Mismatch::AskInFull(key) = &self.setup.mismatch else {
            return ServerStep::Refused(Refusal::Malformed);
        };
        let verifier = self.setup.account.verifier.as_ref();
        match (key.decrypt(data, &nonce), verifier) {
            (Ok(password), Some(known)) if known.matches_password(password.expose()) => {
                ServerStep::Accepted
            }
            // A token under RSA could be recorded and sent again: it is never taken from an open channel.
            (Ok(_) | Err(_), _) => ServerStep::Refused(Refusal::WrongPassword),
        }
    }

    /// The whole password or a token, on a private channel. Its zero byte may be missing.
    fn whole(&self, data: &[u8]) -> ServerStep {
        let text = data.strip_suffix(&[0]).unwrap_or(data);
        if text.len() > MAX_PASSWORD || memchr::memchr(0, text).is_some() {
            return ServerStep::Refused(Refusal::Malformed);
        }
        if text.is_empty() {
            return ServerStep::Refused(Refusal::WrongPassword);
        }
        let account = &self.setup.account;
        match (&account.verifier, account.tokens) {
            (Some(known), _) if known.matches_password(text) => ServerStep::Accepted,
            (Some(_) | None, Tokens::Accepted) => ServerStep::Token(Secret::from(text)),
            (Some(_) | None, Tokens::Refused) => ServerStep::Refused(Refusal::WrongPassword),
        }
    }
}

/// Whether the client knows of plugins ([`PLUGIN_AUTH`](crate::capabilities::Capabilities::PLUGIN_AUTH)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switching {
    /// It can be asked to use another plugin.
    Possible,
    /// It answers as `mysql_native_password` and nothing else.
    Impossible,
}

/// A client's first answer, from its login.
#[derive(Clone, Copy)]
pub struct FirstAnswer<'a> {
    /// The plugin it names; may be empty.
    pub plugin: &'a [u8],
    /// Its data.
    pub data: &'a [u8],
    /// Whether it knows of plugins.
    pub switching: Switching,
}

impl fmt::Debug for FirstAnswer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstAnswer")
            .field("plugin", &String::from_utf8_lossy(self.plugin))
            .field("data", &"[redacted]")
            .field("switching", &self.switching)
            .finish()
    }
}

impl Refusal {
    /// The error that a client gets.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::WrongPassword | Self::Malformed => ErrorCode::ACCESS_DENIED,
            Self::TlsRequired => ErrorCode::SECURE_TRANSPORT_REQUIRED,
            Self::PluginUnsupported => ErrorCode::NOT_SUPPORTED_AUTH_MODE,
        }
    }
}
