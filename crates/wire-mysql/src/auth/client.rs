//! We log in to a server: answers its challenges with one password, and never in a way others can read.

use zeroize::Zeroizing;

use super::{AuthError, Channel, Plugin, RsaPublicKey, ed25519, native, parsec, sha2};
use crate::handshake::{LoginReply, Nonce};
use crate::secret::Secret;

/// Switches of plugin that we follow. Servers use one.
const MAX_SWITCHES: u8 = 3;

/// What to do when a server wants the whole password and the channel is open.
#[derive(Debug, Clone)]
pub enum RsaPolicy {
    /// Give up.
    Never,
    /// Encrypt it with this key, known beforehand.
    Pinned(RsaPublicKey),
    /// Ask the server for its key. Whoever sits on the way can answer instead and read the password.
    AskServer,
}

/// Which ways of sending the whole password are allowed.
#[derive(Debug, Clone)]
pub struct ClientPolicy {
    /// For servers reached without TLS.
    pub rsa: RsaPolicy,
}

/// Everything that does not change during a login.
#[derive(Debug, Clone)]
pub struct ClientSetup {
    /// The password, or a token.
    pub password: Secret,
    /// How bytes travel.
    pub channel: Channel,
    /// What is allowed.
    pub policy: ClientPolicy,
    /// 32 random bytes, for [`Plugin::Parsec`]. Never use them in two logins.
    pub random: Zeroizing<[u8; 32]>,
}

/// What to do with a packet of the server.
#[derive(Debug)]
pub enum Answer {
    /// Send this as a packet (it may be empty), and read on.
    Send(Zeroizing<Vec<u8>>),
    /// Send nothing, and read on.
    Wait,
    /// The server has decided: the packet was OK or ERR.
    Done,
}

/// What the plugin in force expects next.
#[derive(Debug)]
enum State {
    /// The answer is sent; the server decides.
    Answered(Plugin, Option<Nonce>),
    /// The key of the server was asked for.
    Key(Plugin, Nonce),
    /// The salt was asked for; the server's challenge.
    Salt(Box<[u8; parsec::CHALLENGE_LEN]>),
}

/// The machine of one login. Feed every packet between login and OK or ERR to [`Self::reply`].
#[derive(Debug)]
pub struct ClientAuth {
    setup: ClientSetup,
    state: State,
    switches: u8,
}

impl ClientAuth {
    /// Begins a login with the greeting's plugin and challenge. Gives the plugin to name in the login, and its
    /// first data.
    ///
    /// A plugin we do not speak, or that may not be used here, is replaced by one that reveals nothing: the
    /// server then switches to what the account needs.
    ///
    /// # Errors
    /// [`AuthError::Rsa`] when encryption fails.
    pub fn start(
        setup: ClientSetup,
        greeted: &[u8],
        nonce: &Nonce,
    ) -> Result<(Self, Plugin, Zeroizing<Vec<u8>>), AuthError> {
        let plugin = match Plugin::from_name(greeted) {
            Some(plugin @ (Plugin::Native | Plugin::CachingSha2)) => plugin,
            // The others want a switch with a challenge of their own, or the whole password at once.
            Some(Plugin::Sha256 | Plugin::Clear | Plugin::Ed25519 | Plugin::Parsec) | None => {
                Plugin::Native
            }
        };
        let mut login = Self {
            setup,
            state: State::Answered(plugin, None),
            switches: 0,
        };
        let data = match login.begin(plugin, nonce.bytes())? {
            Answer::Send(data) => data,
            Answer::Wait | Answer::Done => Zeroizing::new(Vec::new()),
        };
        Ok((login, plugin, data))
    }

    /// Begins where the server will switch anyway: after `COM_CHANGE_USER` with empty data.
    pub fn start_without_challenge(setup: ClientSetup) -> Self {
        Self {
            setup,
            state: State::Answered(Plugin::Native, None),
            switches: 0,
        }
    }

    /// What to do with a packet of the server.
    ///
    /// # Errors
    /// [`AuthError`]: the login must be given up and the connection closed.
    pub fn reply(&mut self, reply: &LoginReply<'_>) -> Result<Answer, AuthError> {
        match *reply {
            LoginReply::Ok(_) | LoginReply::Error(_) => Ok(Answer::Done),
            LoginReply::OldSwitch => Err(AuthError::OldAuthentication),
            LoginReply::NextFactor => Err(AuthError::NextFactor),
            LoginReply::Switch { plugin, data } => {
                self.switches = self.switches.saturating_add(1);
                if self.switches > MAX_SWITCHES {
                    return Err(AuthError::TooManySwitches);
                }
                let known = Plugin::from_name(plugin).ok_or_else(|| AuthError::UnknownPlugin {
                    name: String::from_utf8_lossy(plugin).into_owned(),
                })?;
                self.begin(known, data)
            }
            LoginReply::MoreData(data) => self.more(data),
        }
    }

    /// The first data of a plugin whose challenge is `data`.
    fn begin(&mut self, plugin: Plugin, data: &[u8]) -> Result<Answer, AuthError> {
        let malformed = AuthError::MalformedData {
            plugin: plugin.name(),
        };
        let password = self.setup.password.expose();
        let (state, answer) = match plugin {
            Plugin::Native | Plugin::CachingSha2 => {
                let nonce = Nonce::from_server(data).ok_or(malformed)?;
                let answer = match plugin {
                    Plugin::Native => native::answer(password, &nonce),
                    Plugin::CachingSha2
                    | Plugin::Sha256
                    | Plugin::Clear
                    | Plugin::Ed25519
                    | Plugin::Parsec => sha2::answer(password, &nonce),
                };
                (State::Answered(plugin, Some(nonce)), answer)
            }
            Plugin::Sha256 => {
                let nonce = Nonce::from_server(data).ok_or(malformed)?;
                self.state = State::Answered(plugin, Some(nonce));
                return self.whole(plugin, nonce);
            }
            Plugin::Clear => {
                self.require_private(plugin)?;
                (State::Answered(plugin, None), self.terminated())
            }
            Plugin::Ed25519 => {
                let challenge = challenge(data).ok_or(malformed)?;
                let signature = ed25519::sign(password, &challenge);
                let answer = Zeroizing::new(signature.to_vec());
                (State::Answered(plugin, None), answer)
            }
            Plugin::Parsec => {
                let challenge = challenge(data).ok_or(malformed)?;
                // An empty packet asks for the salt.
                let ask = Zeroizing::new(Vec::new());
                (State::Salt(Box::new(challenge)), ask)
            }
        };
        self.state = state;
        Ok(Answer::Send(answer))
    }

    fn more(&mut self, data: &[u8]) -> Result<Answer, AuthError> {
        match &self.state {
            State::Answered(Plugin::CachingSha2, Some(nonce)) => match *data {
                [sha2::FAST_OK] => Ok(Answer::Wait),
                [sha2::FULL] => {
                    let nonce = *nonce;
                    self.whole(Plugin::CachingSha2, nonce)
                }
                _ => Err(AuthError::MalformedData {
                    plugin: Plugin::CachingSha2.name(),
                }),
            },
            State::Key(plugin, nonce) => {
                let key = RsaPublicKey::from_pem(data)?;
                let sealed = key.encrypt(self.setup.password.expose(), nonce)?;
                self.state = State::Answered(*plugin, None);
                Ok(Answer::Send(Zeroizing::new(sealed)))
            }
            State::Salt(server) => {
                let password = self.setup.password.expose();
                let answer = parsec::answer(password, server, &self.setup.random, data)?;
                self.state = State::Answered(Plugin::Parsec, None);
                Ok(Answer::Send(Zeroizing::new(answer)))
            }
            State::Answered(..) => Err(AuthError::Unexpected),
        }
    }

    /// Sends the whole password: in clear where nobody can read it, or under RSA.
    fn whole(&mut self, plugin: Plugin, nonce: Nonce) -> Result<Answer, AuthError> {
        let password = self.setup.password.expose();
        let in_clear = match (self.setup.channel, plugin) {
            // Servers take this one in clear over TLS only (`sha256_password_authenticate`).
            (Channel::Local, Plugin::Sha256) => false,
            (Channel::Tls | Channel::Local, _) => true,
            (Channel::Open, _) => password.is_empty(),
        };
        if in_clear {
            self.state = State::Answered(plugin, None);
            return Ok(Answer::Send(self.terminated()));
        }
        // Nobody can put another key in the place of the server's on a Unix socket.
        let policy = match (self.setup.channel, &self.setup.policy.rsa) {
            (Channel::Local, RsaPolicy::Never) => &RsaPolicy::AskServer,
            (Channel::Tls | Channel::Local | Channel::Open, policy) => policy,
        };
        match policy {
            RsaPolicy::Never => Err(AuthError::NeedsPrivateChannel {
                plugin: plugin.name(),
            }),
            RsaPolicy::Pinned(key) => {
                let sealed = key.encrypt(password, &nonce)?;
                self.state = State::Answered(plugin, None);
                Ok(Answer::Send(Zeroizing::new(sealed)))
            }
            RsaPolicy::AskServer => {
                let request = match plugin {
                    Plugin::Sha256 => sha2::SHA256_KEY_REQUEST,
                    Plugin::CachingSha2
                    | Plugin::Native
                    | Plugin::Clear
                    | Plugin::Ed25519
                    | Plugin::Parsec => sha2::KEY_REQUEST,
                };
                self.state = State::Key(plugin, nonce);
                Ok(Answer::Send(Zeroizing::new(vec![request])))
            }
        }
    }

    fn require_private(&self, plugin: Plugin) -> Result<(), AuthError> {
        if self.setup.channel.is_private() {
            return Ok(());
        }
        Err(AuthError::NeedsPrivateChannel {
            plugin: plugin.name(),
        })
    }

    /// The password and its zero byte.
    fn terminated(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.setup.password.expose(), &[0]].concat())
    }
}

/// A challenge of 32 bytes, of which some servers send a zero byte too many.
fn challenge(data: &[u8]) -> Option<[u8; 32]> {
    match data.split_first_chunk::<32>()? {
        (bytes, [] | [0]) => Some(*bytes),
        (_, [_, ..]) => None,
    }
}
