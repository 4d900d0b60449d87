//! Logging in to a server by SCRAM, bound to the TLS channel where both sides can.

use std::fmt::Write as _;

use tollgate_wire_postgres::backend::Authentication;
use tollgate_wire_postgres::frontend;
use tollgate_wire_postgres::scram::{
    ClientAwaitingFirst, ClientBinding, ClientCredential, ClientFinal, DerivationCost, ScramClient,
    tls_server_end_point,
};
use tollgate_wire_postgres::secret::Secret;

use super::login::{authentication, next};
use super::messages::Messages;
use super::{Credentials, OpenErrorKind};

/// Random bytes in our nonce (`SCRAM_RAW_NONCE_LEN`, PostgreSQL's `scram-common.h`).
const NONCE_LEN: usize = 18;

/// Runs the exchange after the server's offer, and remembers the keys once the server has proved that it
/// knows the verifier.
pub(super) async fn log_in(
    messages: &mut Messages<'_>,
    offered: &[&str],
    credentials: &Credentials<'_>,
) -> Result<(), OpenErrorKind> {
    let password = credentials.password()?;
    let secret = Secret::from(password.expose());
    let known = credentials.key_cache.keys(credentials.user, password);
    let credential = match known.clone() {
        Some(keys) => ClientCredential::KeysOrPassword {
            keys,
            password: secret,
        },
        None => ClientCredential::Password(secret),
    };
    let end_point = messages
        .stream
        .peer_certificate()
        .and_then(|leaf| tls_server_end_point(leaf));
    let (mechanism, binding) = ClientBinding::choose(offered, end_point)?;
    let client = ScramClient::new(credential, &nonce(credentials.random), binding)?;
    let (first, client) = client.client_first();
    let mut out = Vec::new();
    frontend::sasl_initial_response(&mut out, mechanism.as_str(), &first)?;
    messages.stream.write_all(&out).await?;

    let message = next(messages).await?;
    let Authentication::SaslContinue(challenge) = authentication(&message)? else {
        return Err(out_of_order());
    };
    let answer = prove(client, challenge).await?;
    out.clear();
    frontend::sasl_response(&mut out, &answer.message);
    messages.stream.write_all(&out).await?;

    let message = next(messages).await?;
    let Authentication::SaslFinal(proof) = authentication(&message)? else {
        return Err(out_of_order());
    };
    answer.next.server_final(proof)?;
    if known.as_ref() != Some(&answer.keys) {
        credentials
            .key_cache
            .remember(credentials.user, password, answer.keys);
    }
    Ok(())
}

/// Answers the server's challenge. Deriving keys takes half a millisecond at PostgreSQL's default and up to
/// a tenth of a second at a hostile server's wish, so it happens on another thread.
async fn prove(
    client: ClientAwaitingFirst,
    challenge: &[u8],
) -> Result<ClientFinal, OpenErrorKind> {
    match client.cost(challenge) {
        DerivationCost::Cheap => Ok(client.server_first(challenge)?),
        DerivationCost::Pbkdf2(_iterations) => {
            let challenge = challenge.to_vec();
            let derived =
                tokio::task::spawn_blocking(move || client.server_first(&challenge)).await;
            match derived {
                Ok(answer) => Ok(answer?),
                Err(_cancelled) => Err(OpenErrorKind::Lost("the program is ending".to_owned())),
            }
        }
    }
}

fn out_of_order() -> OpenErrorKind {
    OpenErrorKind::Protocol("the server left the SASL exchange before its end".to_owned())
}

/// Hexadecimal digits of fresh random bytes.
fn nonce(random: fn(&mut [u8])) -> String {
    let mut bytes = [0; NONCE_LEN];
    random(&mut bytes);
    bytes
        .iter()
        .fold(String::with_capacity(NONCE_LEN * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
