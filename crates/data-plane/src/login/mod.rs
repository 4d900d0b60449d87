//! From a startup packet to a principal, or to a refusal the operator can look up.

mod event;
mod password;
mod token;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use tollgate_iam::token::Rejection;
use tollgate_types::{AuthDecision, AuthOutcome, IamAuth};
use tollgate_wire_postgres::backend::{self, ErrorFields};
use tollgate_wire_postgres::frontend;

use crate::clock;
use crate::handshake::Login;
use crate::reply;
use crate::running::{LoginRule, Running, RunningProxy};
use password::Failure;

pub(crate) use event::{Subject, decision};
pub(crate) use token::{Findings, TokenCheck, check as check_token};
use wire::{Answer, LoginStream};

/// Where a login happens.
pub(crate) struct Place {
    /// The running configuration.
    pub(crate) running: Arc<Running>,
    /// The proxy connected to.
    pub(crate) proxy: Arc<RunningProxy>,
    /// Name of the endpoint connected to.
    pub(crate) endpoint: Arc<str>,
    /// The socket's peer.
    pub(crate) peer: SocketAddr,
    /// Channel binding of our certificate.
    pub(crate) binding: Option<Vec<u8>>,
    /// Key for the verifiers of users nobody knows.
    pub(crate) mock_key: Arc<[u8; 32]>,
    /// Whether this source failed too often of late.
    pub(crate) throttled: Throttle,
}

/// Whether a source may try at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Throttle {
    /// It may.
    Open,
    /// Too many failures of late.
    Closed,
}

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
pub(crate) enum Refused {
    /// Tell the client this and close.
    Tell(ErrorFields),
    /// The client is gone.
    Gone,
}

/// Where the exchange stands when it ends.
enum Verdict {
    Allowed,
    Rejected(Rejection),
    Protocol(String),
    Gone,
}

/// Decides whether the client may log in. Sends everything of the exchange but the final answer.
pub(crate) async fn authenticate(login: &mut Login, place: &Place, correlation_id: &str) -> Ended {
    let user = login.startup.user.clone();
    let rule = place.proxy.logins.get(&user).map(Arc::clone);
    let mut findings = Findings::default();
    let asked = Asked::of(rule.as_deref(), place);
    let verdict = exchange(login, place, (rule.as_deref(), asked), &mut findings).await;
    let principal = findings.principal.as_ref().map(|p| Arc::clone(&p.arn));
    let told = |outcome, reason: &str| {
        let subject = Subject {
            engine: "postgresql",
            user: &login.startup.user,
            database: &login.startup.database,
            tls: login.tls.as_ref(),
            correlation_id,
            asked,
        };
        decision(&subject, place, &findings, (outcome, reason))
    };
    match verdict {
        Verdict::Allowed => Ended {
            decision: Some(told(AuthOutcome::Allow, "ALLOWED")),
            refused: None,
            result: Ok(principal),
        },
        Verdict::Rejected(reason) => Ended {
            decision: Some(told(AuthOutcome::Deny, reason.code())),
            refused: Some(reason),
            result: Err(Refused::Tell(reply::login_refused(
                reason,
                asked,
                &user,
                correlation_id,
            ))),
        },
        Verdict::Protocol(what) => Ended {
            decision: Some(told(AuthOutcome::Deny, Rejection::Malformed.code())),
            refused: Some(Rejection::Malformed),
            result: Err(Refused::Tell(reply::protocol_violation(&what))),
        },
        Verdict::Gone => Ended {
            decision: None,
            refused: None,
            result: Err(Refused::Gone),
        },
    }
}

/// What a client is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// An IAM token.
    Token,
    /// A password.
    Password,
}

impl Asked {
    /// What this user is asked for.
    pub(crate) fn of(rule: Option<&LoginRule>, place: &Place) -> Self {
        let required = |rule: &LoginRule| rule.config.iam == IamAuth::Required;
        let token = match rule {
            Some(rule) => required(rule),
            // An unknown user is asked for what the proxy's other users are asked for.
            None => place.proxy.logins.values().any(|known| required(known)),
        };
        if token { Self::Token } else { Self::Password }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Token => "iam-token",
            Self::Password => "password",
        }
    }
}

async fn exchange(
    login: &mut Login,
    place: &Place,
    (rule, asked): (Option<&LoginRule>, Asked),
    findings: &mut Findings,
) -> Verdict {
    if place.throttled == Throttle::Closed {
        "too many failed logins from this address".clone_into(&mut findings.detail);
        return Verdict::Rejected(Rejection::RateLimited);
    }
    let tls = login.tls.is_some();
    if !tls && (place.proxy.config.require_tls || asked == Asked::Token) {
        "the connection is not encrypted".clone_into(&mut findings.detail);
        return Verdict::Rejected(Rejection::TlsRequired);
    }
    if asked == Asked::Token {
        return token_login(login, place, rule, findings).await;
    }
    let user = login.startup.user.clone();
    let binding = place.binding.clone().filter(|_| tls);
    let mut stream = LoginStream::new(login, &place.mock_key);
    match password::check(&mut stream, &user, rule, binding).await {
        Ok(()) => Verdict::Allowed,
        Err(Failure::Rejected(reason)) => {
            findings.detail = if reason == Rejection::NoSecretForUser {
                no_secret(&user)
            } else {
                reason.code().to_owned()
            };
            Verdict::Rejected(reason)
        }
        Err(Failure::Gone) => Verdict::Gone,
        Err(Failure::Protocol(what)) => Verdict::Protocol(what),
    }
}

/// Why a user that no rule knows is refused.
pub(crate) fn no_secret(user: &str) -> String {
    format!("no auth rule of this proxy has a secret for user \"{user}\"")
}

async fn token_login(
    login: &mut Login,
    place: &Place,
    rule: Option<&LoginRule>,
    findings: &mut Findings,
) -> Verdict {
    let mut ask = Vec::new();
    backend::auth_cleartext_password(&mut ask);
    let (user, database) = (login.startup.user.clone(), login.startup.database.clone());
    let tls_version = login
        .tls
        .as_ref()
        .map_or("", |info| info.version)
        .to_owned();
    let mut stream = LoginStream::new(login, &place.mock_key);
    if stream.send(&ask).await.is_err() {
        return Verdict::Gone;
    }
    let body = match stream.password_message().await {
        Ok(Answer::Message(body)) => body,
        Ok(Answer::Closed) => {
            "the client closed when asked for a clear-text password"
                .clone_into(&mut findings.detail);
            return Verdict::Rejected(Rejection::ClientRefusedCleartext);
        }
        Ok(Answer::Unexpected(what)) => return Verdict::Protocol(what),
        Err(_) => return Verdict::Gone,
    };
    let text = match frontend::PasswordMessage::parse(&body) {
        Ok(message) => std::str::from_utf8(message.bytes),
        Err(error) => return Verdict::Protocol(error.to_string()),
    };
    let Ok(text) = text else {
        return Verdict::Rejected(Rejection::Malformed);
    };
    let Some(endpoint) = place.proxy.endpoints.get(place.endpoint.as_ref()) else {
        return Verdict::Gone;
    };
    let check = TokenCheck {
        running: &place.running,
        proxy: &place.proxy.config,
        endpoint,
        rule,
        user: &user,
        database: &database,
        engine: "postgres",
        source: place.peer.ip(),
        tls_version: &tls_version,
        now_unix: clock::unix_seconds(),
    };
    if let Err(reason) = token::check(text, &check, findings) {
        return Verdict::Rejected(reason);
    }
    Verdict::Allowed
}
