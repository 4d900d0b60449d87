//! From a client's login to a principal, or to a refusal the operator can look up.

use std::io;
use std::sync::Arc;

use tollgate_iam::token::Rejection;
use tollgate_types::{AuthDecision, AuthOutcome, ClientPasswordAuth, Engine};
use tollgate_wire_mysql::auth::{
    Account, Channel, FirstAnswer, Mismatch, PasswordVerifier, Plugin, Refusal as Verdict,
    ServerAuth, ServerSetup, ServerStep, Switching, Tokens,
};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::frame::FrameError;
use tollgate_wire_mysql::handshake::{self as wire, NONCE_LEN, Nonce};
use tollgate_wire_mysql::output::EncodeError;
use tollgate_wire_mysql::secret::Secret;

use super::handshake::{Login, Opening};
use super::packets::PacketError;
use crate::clock;
use crate::login::{
    Asked, Findings, Place, Subject, Throttle, TokenCheck, check_token, decision, no_secret,
};
use crate::random;
use crate::reply::mysql::{self as reply, Refusal, Who};
use crate::running::LoginRule;

/// What the fast answer to `caching_sha2_password` is confirmed with (`fast_auth_success`).
const FAST_OK: u8 = 0x03;
/// What asks for the whole password (`perform_full_authentication`).
const FULL: u8 = 0x04;

/// Most bytes of a schema's name: 64 characters of four bytes. A longer one is no schema's, and audit events are
/// no place to put it.
const MAX_SCHEMA: usize = 256;

/// How a login ended.
pub(crate) struct Ended {
    /// Allowed with the caller's ARN (token logins), or refused.
    pub(crate) result: Result<Option<Arc<str>>, Refused>,
    /// The audit event; `None` when nothing was decided (the client left before).
    pub(crate) decision: Option<AuthDecision>,
    /// The reason of a refusal.
    pub(crate) refused: Option<Rejection>,
}

/// A login that did not succeed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Tell the client this and close.
    Tell(Refusal),
    /// The client is gone.
    Gone,
}

/// Why an exchange ended without success.
enum Failure {
    Rejected(Rejection),
    Broken(FrameError),
    Gone,
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<EncodeError> for Failure {
    fn from(_: EncodeError) -> Self {
        // Names of plugins are ours and have no zero byte.
        Self::Gone
    }
}

/// What a client has shown.
enum Proof {
    Password,
    Token(Secret),
}

/// Decides whether the client may log in, or change its user. Sends everything of the exchange but the final answer. `engine` is the
/// software behind the proxy, for conditions of policies.
pub(crate) async fn authenticate(
    login: &mut Login,
    place: &Place,
    engine: Engine,
    correlation_id: &str,
) -> Ended {
    let user = String::from_utf8_lossy(&login.said.user).into_owned();
    let schema = login.said.schema.get(..MAX_SCHEMA);
    let schema = schema.unwrap_or(&login.said.schema);
    let schema = String::from_utf8_lossy(schema).into_owned();
    let rule = place.proxy.logins.get(&user).map(Arc::clone);
    let asked = Asked::of(rule.as_deref(), place);
    let candidate = Candidate {
        place,
        rule: rule.as_deref(),
        asked,
        engine,
        user: &user,
        schema: &schema,
    };
    let mut findings = Findings::default();
    let verdict = candidate.exchange(login, &mut findings).await;
    let subject = Subject {
        engine: "mysql",
        user: &user,
        database: &schema,
        tls: login.tls.as_ref(),
        correlation_id,
        asked,
    };
    let told = |outcome, reason: &str| decision(&subject, place, &findings, (outcome, reason));
    match verdict {
        Ok(()) => Ended {
            decision: Some(told(AuthOutcome::Allow, "ALLOWED")),
            refused: None,
            result: Ok(findings.principal.as_ref().map(|p| Arc::clone(&p.arn))),
        },
        Err(Failure::Rejected(reason)) => {
            let who = Who {
                user: &user,
                host: place.peer.ip(),
            };
            let refusal = reply::login_refused(reason, asked, who, correlation_id);
            Ended {
                decision: Some(told(AuthOutcome::Deny, reason.code())),
                refused: Some(reason),
                result: Err(Refused::Tell(refusal)),
            }
        }
        Err(Failure::Broken(error)) => Ended {
            decision: Some(told(AuthOutcome::Deny, Rejection::Malformed.code())),
            refused: Some(Rejection::Malformed),
            result: Err(Refused::Tell(reply::out_of_step(error))),
        },
        Err(Failure::Gone) => Ended {
            decision: None,
            refused: None,
            result: Err(Refused::Gone),
        },
    }
}

/// Who wants in, and by which rule.
struct Candidate<'a> {
    place: &'a Place,
    rule: Option<&'a LoginRule>,
    asked: Asked,
    engine: Engine,
    user: &'a str,
    schema: &'a str,
}

impl Candidate<'_> {
    async fn exchange(&self, login: &mut Login, findings: &mut Findings) -> Result<(), Failure> {
        let reject = |findings: &mut Findings, reason, words: &str| {
            words.clone_into(&mut findings.detail);
            Err(Failure::Rejected(reason))
        };
        if self.place.throttled == Throttle::Closed {
            let words = "too many failed logins from this address";
            return reject(findings, Rejection::RateLimited, words);
        }
        // Before anything is asked for: a client that is asked may send its token in the open.
        let tls_needed = self.place.proxy.config.require_tls || self.asked == Asked::Token;
        if login.tls.is_none() && tls_needed {
            let words = "the connection is not encrypted";
            return reject(findings, Rejection::TlsRequired, words);
        }
        let names = [&login.said.user, &login.said.schema];
        if names.iter().any(|name| std::str::from_utf8(name).is_err()) {
            let words = "the user or the schema is not UTF-8";
            return reject(findings, Rejection::Malformed, words);
        }
        if login.said.schema.len() > MAX_SCHEMA {
            let words = "the schema's name is too long";
            return reject(findings, Rejection::Malformed, words);
        }
        match prove(login, self.setup(login), findings).await {
            Ok(Proof::Token(secret)) => self.token(login, &secret, findings),
            // Nobody knows the password of an unknown user, so that this is a rule's.
            Ok(Proof::Password) => Ok(()),
            Err(Failure::Rejected(Rejection::WrongPassword)) if self.verifier().is_none() => {
                match self.asked {
                    Asked::Password => {
                        findings.detail = no_secret(self.user);
                        Err(Failure::Rejected(Rejection::NoSecretForUser))
                    }
                    Asked::Token => {
                        let words = "what came as password is not an IAM token";
                        reject(findings, Rejection::Malformed, words)
                    }
                }
            }
            Err(Failure::Rejected(reason)) => {
                if findings.detail.is_empty() {
                    reason.code().clone_into(&mut findings.detail);
                }
                Err(Failure::Rejected(reason))
            }
            Err(failure @ (Failure::Broken(_) | Failure::Gone)) => Err(failure),
        }
    }

    /// What the password of the rule is checked with, where passwords count.
    fn verifier(&self) -> Option<PasswordVerifier> {
        let password = match self.asked {
            Asked::Password => self.rule?.config.passwords.first()?,
            Asked::Token => return None,
        };
        PasswordVerifier::new(password.expose().as_bytes())
    }

    fn setup(&self, login: &Login) -> ServerSetup {
        let (verifier, tokens) = match self.asked {
            Asked::Token => (None, Tokens::Accepted),
            // An unknown user is asked like a known one, and no answer is right.
            Asked::Password => (self.verifier().or_else(unknown_password), Tokens::Refused),
        };
        let mut fresh = [0; NONCE_LEN];
        random::fill(&mut fresh);
        ServerSetup {
            account: Account { verifier, tokens },
            channel: match login.tls {
                Some(_) => Channel::Tls,
                None => Channel::Open,
            },
            preferred: self.preferred(login),
            // A proof against the known password is always possible: whoever fails it has another password,
            // and nothing is gained by seeing it whole.
            mismatch: Mismatch::Refuse,
            fresh: Nonce::from_random(fresh),
        }
    }

    /// The plugin to go on with. Tokens need one that sends the whole password; `caching_sha2_password` does under
    /// TLS, and drivers need no option for it.
    fn preferred(&self, login: &Login) -> Plugin {
        let (greeted, _) = login.greeted;
        let named = Plugin::from_name(&login.said.plugin);
        match (self.asked, named) {
            (Asked::Password, named) => self.preferred_for_passwords(greeted, named),
            (Asked::Token, Some(Plugin::CachingSha2)) => Plugin::CachingSha2,
            (Asked::Token, Some(Plugin::Clear)) => Plugin::Clear,
            (Asked::Token, _) if login.named == Some(Plugin::CachingSha2) => Plugin::CachingSha2,
            (Asked::Token, _) => match greeted {
                // It was greeted with it and names another: it does not know it.
                Plugin::CachingSha2 => Plugin::Clear,
                Plugin::Native
                | Plugin::Sha256
                | Plugin::Clear
                | Plugin::Ed25519
                | Plugin::Parsec => Plugin::CachingSha2,
            },
        }
    }

    /// The plugin for a password, as the user's auth rule says; who has none is asked like the first user that has
    /// one, so that nobody can tell them apart. Clients of MariaDB may lack `caching_sha2_password`, so they may
    /// choose.
    fn preferred_for_passwords(&self, greeted: Plugin, named: Option<Plugin>) -> Plugin {
        let first = self.place.proxy.config.auth.first();
        let rule = self.rule.map(|rule| &rule.config).or(first);
        match (rule.map(|rule| rule.client_password), self.engine) {
            (Some(ClientPasswordAuth::MysqlNativePassword), _) => Plugin::Native,
            (_, Engine::Mariadb) => match named {
                Some(Plugin::CachingSha2) => Plugin::CachingSha2,
                Some(Plugin::Native) => Plugin::Native,
                Some(Plugin::Sha256 | Plugin::Clear | Plugin::Ed25519 | Plugin::Parsec) | None => {
                    greeted
                }
            },
            (_, Engine::Mysql | Engine::Postgres) => Plugin::CachingSha2,
        }
    }

    fn token(
        &self,
        login: &Login,
        secret: &Secret,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let Ok(text) = std::str::from_utf8(secret.expose()) else {
            "what came as password is not an IAM token".clone_into(&mut findings.detail);
            return Err(Failure::Rejected(Rejection::Malformed));
        };
        let place = self.place;
        let Some(endpoint) = place.proxy.endpoints.get(place.endpoint.as_ref()) else {
            return Err(Failure::Gone);
        };
        let check = TokenCheck {
            running: &place.running,
            proxy: &place.proxy.config,
            endpoint,
            rule: self.rule,
            user: self.user,
            database: self.schema,
            engine: self.engine.as_str(),
            source: place.peer.ip(),
            tls_version: login.tls.as_ref().map_or("", |info| info.version),
            now_unix: clock::unix_seconds(),
        };
        check_token(text, &check, findings).map_err(Failure::Rejected)
    }
}

/// A verifier that nobody has the password of.
fn unknown_password() -> Option<PasswordVerifier> {
    let mut password = [0; 32];
    random::fill(&mut password);
    PasswordVerifier::new(&password)
}

/// Runs the exchange of plugins until the client has proved something or failed to.
async fn prove(
    login: &mut Login,
    setup: ServerSetup,
    findings: &mut Findings,
) -> Result<Proof, Failure> {
    let (_, nonce) = login.greeted;
    let plugin = std::mem::take(&mut login.said.plugin);
    let data = std::mem::replace(&mut login.said.auth, Secret::new(Vec::new()));
    let first = FirstAnswer {
        plugin: &plugin,
        data: data.expose(),
        switching: if login.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            Switching::Possible
        } else {
            Switching::Impossible
        },
    };
    let (mut auth, mut step) = match (login.opening, first.switching) {
        // Clients of before plugins can only answer the challenge they know.
        (Opening::Login, _) | (Opening::Change, Switching::Impossible) => {
            ServerAuth::start(setup, &first, &nonce)
        }
        (Opening::Change, Switching::Possible) => ServerAuth::switch(setup),
    };
    let mut packets = login.packets();
    loop {
        let whole = match step {
            ServerStep::Switch { plugin, ref data } => {
                let name = plugin.name().as_bytes();
                packets
                    .send(|out, number| {
                        wire::auth_switch(out, number, name, data).map_err(Failure::from)
                    })
                    .await?;
                plugin == Plugin::Clear
            }
            ServerStep::MoreData(ref data) => {
                more(&mut packets, data).await?;
                data.as_slice() == [FULL]
            }
            ServerStep::Accepted => return Ok(Proof::Password),
            ServerStep::AcceptedFast => {
                more(&mut packets, &[FAST_OK]).await?;
                return Ok(Proof::Password);
            }
            ServerStep::Token(secret) => return Ok(Proof::Token(secret)),
            ServerStep::Refused(verdict) => {
                return Err(Failure::Rejected(refused(verdict, findings)));
            }
        };
        step = match packets.next().await {
            Ok(payload) => auth.packet(&payload),
            Err(PacketError::Closed | PacketError::Broken(_)) if whole => {
                "the client closed when asked for a clear-text password"
                    .clone_into(&mut findings.detail);
                return Err(Failure::Rejected(Rejection::ClientRefusedCleartext));
            }
            Err(PacketError::Closed | PacketError::Broken(_)) => return Err(Failure::Gone),
            Err(PacketError::Frame(error)) => return Err(Failure::Broken(error)),
        };
    }
}

async fn more(packets: &mut super::packets::Packets<'_>, data: &[u8]) -> Result<(), Failure> {
    packets
        .send(|out, number| {
            wire::more_data(out, number, data);
            Ok(())
        })
        .await
}

fn refused(verdict: Verdict, findings: &mut Findings) -> Rejection {
    match verdict {
        Verdict::WrongPassword => Rejection::WrongPassword,
        Verdict::TlsRequired => {
            "the client wants to send its password in the clear".clone_into(&mut findings.detail);
            Rejection::TlsRequired
        }
        Verdict::PluginUnsupported => {
            "the client has no plugin that sends a token".clone_into(&mut findings.detail);
            Rejection::ClientRefusedCleartext
        }
        Verdict::Malformed => {
            "what came as password cannot be one".clone_into(&mut findings.detail);
            Rejection::Malformed
        }
    }
}
