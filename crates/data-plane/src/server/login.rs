//! Logging in to a server: startup packet, authentication, settings, ready.

use std::net::SocketAddr;

use tollgate_types::{SecretString, TlsMode};
use tollgate_wire_postgres::backend::read::{backend_key_data, parameter_status, ready_for_query};
use tollgate_wire_postgres::backend::{Authentication, ErrorFields, TransactionStatus};
use tollgate_wire_postgres::frontend;
use tollgate_wire_postgres::md5_auth::Md5Hash;
use tollgate_wire_postgres::secret::CancelSecret;
use tollgate_wire_postgres::startup::encode_startup;
use tollgate_wire_postgres::tag::backend as tag;
use zeroize::Zeroizing;

use super::messages::{Message, Messages};
use super::{Connection, OpenErrorKind, ScramKeyCache, ServerConnection, scram};
use crate::stream::Stream;

/// The protocol's minor version spoken to servers: what 3.2 adds (long cancel keys) we do not need there,
/// and every server since 2003 knows 3.0.
const MINOR: u16 = 0;

/// Settings a server may report; PostgreSQL 18 reports 15.
const MAX_PARAMETERS: usize = 256;

/// Who logs in where.
pub(crate) struct Credentials<'a> {
    /// Database user.
    pub(crate) user: &'a str,
    /// The password; a server that trusts us needs none.
    pub(crate) password: Option<&'a SecretString>,
    /// Database.
    pub(crate) database: &'a str,
    /// Settings sent with the startup packet.
    pub(crate) params: &'a [(String, String)],
    /// Keys derived at earlier logins.
    pub(crate) key_cache: &'a ScramKeyCache,
    /// Fills bytes that nobody can guess.
    pub(crate) random: fn(&mut [u8]),
    /// The target's TLS policy: it decides whether a password may be sent in the clear.
    pub(crate) tls_mode: TlsMode,
}

impl<'a> Credentials<'a> {
    /// The password for sending it as it is. Without TLS only where the operator has switched TLS off: a
    /// server that merely does not offer it may be somebody else's, asking for what it should not get.
    fn cleartext_password(&self, stream: &Stream) -> Result<&'a SecretString, OpenErrorKind> {
        if stream.is_tls() || self.tls_mode == TlsMode::Disable {
            return self.password();
        }
        Err(OpenErrorKind::Credentials(
            "the server asks for the password in clear text over an unencrypted connection: \
             set the database's tls.mode to require or stricter, or to disable to allow it"
                .to_owned(),
        ))
    }

    /// The password, for a server that wants one.
    pub(super) fn password(&self) -> Result<&'a SecretString, OpenErrorKind> {
        self.password.ok_or_else(|| {
            let user = self.user;
            OpenErrorKind::Credentials(format!(
                "the server wants a password for user \"{user}\", and none is registered"
            ))
        })
    }
}

/// Logs in over a fresh stream.
pub(crate) async fn log_in(
    mut stream: Stream,
    credentials: &Credentials<'_>,
) -> Result<ServerConnection, OpenErrorKind> {
    let address = stream.peer_addr()?;
    let mut startup = Vec::new();
    let params = credentials.params.iter().map(|(name, value)| (name, value));
    encode_startup(
        &mut startup,
        credentials.user,
        credentials.database,
        params,
        MINOR,
    )?;
    stream.write_all(&startup).await?;
    let mut messages = Messages::new(&mut stream);
    authenticate(&mut messages, credentials).await?;
    let settled = settle(&mut messages, address).await?;
    messages.finish()?;
    Ok(settled.with_stream(stream))
}

/// The next message that is not a notice; the server's error ends the login.
pub(super) async fn next(messages: &mut Messages<'_>) -> Result<Message, OpenErrorKind> {
    loop {
        let message = messages.next().await?;
        match message.tag {
            tag::NOTICE_RESPONSE => {}
            tag::ERROR_RESPONSE => {
                let fields = ErrorFields::parse(&message.body)?;
                return Err(OpenErrorKind::Server(Box::new(fields)));
            }
            _ => return Ok(message),
        }
    }
}

/// Answers what the server asks until it says that it is satisfied. It may ask once.
async fn authenticate(
    messages: &mut Messages<'_>,
    credentials: &Credentials<'_>,
) -> Result<(), OpenErrorKind> {
    let message = next(messages).await?;
    let mut answer = Zeroizing::new(Vec::with_capacity(256));
    match authentication(&message)? {
        Authentication::Ok => return Ok(()),
        Authentication::CleartextPassword => {
            let password = credentials.cleartext_password(messages.stream)?.expose();
            answer.reserve(password.len());
            frontend::password(&mut *answer, password.as_bytes())?;
            messages.stream.write_all(&answer).await?;
        }
        Authentication::Md5Password { salt } => {
            let password = credentials.password()?.expose();
            let hash = Md5Hash::from_password(credentials.user, password.as_bytes());
            frontend::password(&mut *answer, hash.response(salt).expose())?;
            messages.stream.write_all(&answer).await?;
        }
        Authentication::Sasl { mechanisms } => {
            scram::log_in(messages, &mechanisms, credentials).await?;
        }
        Authentication::Unsupported(code) => {
            return Err(OpenErrorKind::Protocol(format!(
                "the server wants authentication method {code}, which is not supported"
            )));
        }
        Authentication::SaslContinue(_) | Authentication::SaslFinal(_) => {
            return Err(OpenErrorKind::Protocol(
                "SASL continued before it began".to_owned(),
            ));
        }
    }
    match authentication(&next(messages).await?)? {
        Authentication::Ok => Ok(()),
        Authentication::CleartextPassword
        | Authentication::Md5Password { .. }
        | Authentication::Sasl { .. }
        | Authentication::SaslContinue(_)
        | Authentication::SaslFinal(_)
        | Authentication::Unsupported(_) => Err(OpenErrorKind::Protocol(
            "the server asks for credentials twice".to_owned(),
        )),
    }
}

/// Reads an authentication message.
pub(super) fn authentication(message: &Message) -> Result<Authentication<'_>, OpenErrorKind> {
    if message.tag != tag::AUTHENTICATION {
        return Err(unexpected(message, "authentication"));
    }
    Ok(Authentication::parse(&message.body)?)
}

pub(super) fn unexpected(message: &Message, during: &str) -> OpenErrorKind {
    let shown = char::from(message.tag).escape_default();
    OpenErrorKind::Protocol(format!("unexpected message '{shown}' during {during}"))
}

/// Collects what the server reports until it is ready.
async fn settle(
    messages: &mut Messages<'_>,
    address: SocketAddr,
) -> Result<Connection<()>, OpenErrorKind> {
    let mut parameters: Vec<(Box<str>, Box<str>)> = Vec::new();
    let mut key: Option<(i32, CancelSecret)> = None;
    loop {
        let message = next(messages).await?;
        match message.tag {
            tag::PARAMETER_STATUS if parameters.len() < MAX_PARAMETERS => {
                report(&mut parameters, &message)?;
            }
            // RDS Proxy and some other servers never send one.
            tag::BACKEND_KEY_DATA => key = Some(backend_key_data(&message.body)?),
            tag::READY_FOR_QUERY => {
                if ready_for_query(&message.body)? != TransactionStatus::Idle {
                    let problem = "a fresh session is inside a transaction";
                    return Err(OpenErrorKind::Protocol(problem.to_owned()));
                }
                break;
            }
            _ => return Err(unexpected(&message, "the start of the session")),
        }
    }
    let process_id = key.as_ref().map_or(0, |(process_id, _)| *process_id);
    Ok(Connection {
        stream: (),
        process_id,
        parameters,
        password_index: 0,
        cancel_secret: key.map(|(_, secret)| secret),
        address,
    })
}

/// Notes a setting's value, in place of an earlier one.
pub(super) fn report(
    parameters: &mut Vec<(Box<str>, Box<str>)>,
    message: &Message,
) -> Result<(), OpenErrorKind> {
    let (name, value) = parameter_status(&message.body)?;
    let name = String::from_utf8_lossy(name);
    let value = String::from_utf8_lossy(value);
    match parameters.iter_mut().find(|(known, _)| **known == *name) {
        Some((_, old)) => *old = Box::from(value.as_ref()),
        None => parameters.push((Box::from(name.as_ref()), Box::from(value.as_ref()))),
    }
    Ok(())
}
