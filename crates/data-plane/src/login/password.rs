//! Password logins: SCRAM-SHA-256 (with -PLUS over TLS) and md5, from verifiers made in advance.

use tollgate_iam::token::Rejection;
use tollgate_types::ClientPasswordAuth;
use tollgate_wire_postgres::md5_auth::{Md5Hash, Verdict as Md5Verdict};
use tollgate_wire_postgres::scram::{ChannelBinding, ScramServer, Verifier};
use tollgate_wire_postgres::{backend, frontend};

use super::wire::{Answer, LoginStream};
use crate::random;
use crate::running::LoginRule;

/// How a password exchange ended.
pub(crate) type Verdict = Result<(), Failure>;

/// Why a password exchange failed.
pub(crate) enum Failure {
    /// Refused for a reason of the closed list.
    Rejected(Rejection),
    /// The client went away or the socket broke.
    Gone,
    /// The client's bytes make no sense.
    Protocol(String),
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

/// Checks the password of a user with this rule; `None` runs the same exchange for a user nobody
/// knows, so that the client cannot tell the two apart.
pub(crate) async fn check(
    stream: &mut LoginStream<'_>,
    user: &str,
    rule: Option<&LoginRule>,
    binding: Option<Vec<u8>>,
) -> Verdict {
    match rule.map(|rule| rule.config.client_password) {
        None | Some(ClientPasswordAuth::PostgresScramSha256) => {
            scram(stream, user, rule, binding).await
        }
        Some(ClientPasswordAuth::PostgresMd5) => md5(stream, user, rule).await,
        // The control plane refuses such rules; nobody gets in by one.
        Some(
            ClientPasswordAuth::MysqlCachingSha2Password | ClientPasswordAuth::MysqlNativePassword,
        ) => scram(stream, user, None, binding).await,
    }
}

async fn scram(
    stream: &mut LoginStream<'_>,
    user: &str,
    rule: Option<&LoginRule>,
    binding: Option<Vec<u8>>,
) -> Verdict {
    let binding = binding.map_or(ChannelBinding::None, ChannelBinding::Available);
    let verifier = match rule.and_then(|rule| rule.scram.first()) {
        Some(verifier) => verifier.clone(),
        None => Verifier::mock(user, stream.mock_key()),
    };
    let server = ScramServer::new(verifier, binding);
    let mut out = Vec::new();
    backend::auth_sasl(&mut out, server.mechanisms());
    stream.send(&out).await?;
    let first = answer(stream).await?;
    let initial = frontend::SaslInitialResponse::parse(&first)
        .map_err(|error| Failure::Protocol(error.to_string()))?;
    let mut nonce = [0; 18];
    random::fill(&mut nonce);
    let data = initial.data.unwrap_or_default();
    let (challenge, server) = server
        .client_first(initial.mechanism, data, &nonce)
        .map_err(|error| Failure::Protocol(error.to_string()))?;
    out.clear();
    backend::auth_sasl_continue(&mut out, &challenge);
    stream.send(&out).await?;
    let last = answer(stream).await?;
    let proof = server.client_final(&last);
    match (proof, rule) {
        (Ok(signature), Some(_)) => {
            out.clear();
            backend::auth_sasl_final(&mut out, &signature);
            stream.send_later(&out);
            Ok(())
        }
        (Ok(_) | Err(_), None) => Err(Failure::Rejected(Rejection::NoSecretForUser)),
        (Err(_), Some(_)) => Err(Failure::Rejected(Rejection::WrongPassword)),
    }
}

async fn md5(stream: &mut LoginStream<'_>, user: &str, rule: Option<&LoginRule>) -> Verdict {
    let mut salt = [0; 4];
    random::fill(&mut salt);
    let mut out = Vec::new();
    backend::auth_md5_password(&mut out, salt);
    stream.send(&out).await?;
    let body = answer(stream).await?;
    let given = frontend::PasswordMessage::parse(&body)
        .map_err(|error| Failure::Protocol(error.to_string()))?;
    let Some(rule) = rule else {
        return Err(Failure::Rejected(Rejection::NoSecretForUser));
    };
    let fits = rule
        .config
        .passwords
        .first()
        .map(|password| Md5Hash::from_password(user, password.expose().as_bytes()))
        .is_some_and(|hash| match hash.verify(salt, given.bytes) {
            Md5Verdict::Right => true,
            Md5Verdict::Wrong => false,
        });
    if fits {
        Ok(())
    } else {
        Err(Failure::Rejected(Rejection::WrongPassword))
    }
}

async fn answer(stream: &mut LoginStream<'_>) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    match stream.password_message().await? {
        Answer::Message(body) => Ok(body),
        Answer::Closed => Err(Failure::Gone),
        Answer::Unexpected(what) => Err(Failure::Protocol(what)),
    }
}
