//! Logging in to a server: our answer to its greeting, its plugins, and the facts of the new session.

use bytes::BytesMut;
use tollgate_types::{SecretString, TlsMode};
use tollgate_wire_mysql::auth::{
    Answer, Channel, ClientAuth, ClientPolicy, ClientSetup, RsaPolicy,
};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::frame::MAX_SERVER_LOGIN_PACKET;
use tollgate_wire_mysql::handshake::{self, Attributes, Login, LoginReply, login_reply};
use tollgate_wire_mysql::secret::Secret;
use tollgate_wire_mysql::status::StatusFlags;
use tollgate_wire_mysql::version::{Family, ServerVersion};
use zeroize::Zeroizing;

use super::terms::MAX_PACKET;
use super::{Connection, Facts, Greeted, ServerConnection, ServerError, Terms};
use crate::mysql::packets::Packets;
use crate::server::OpenErrorKind;
use crate::stream::Stream;

/// What the server's list of sessions shows as the program.
const PROGRAM: &str = "tollgate";

/// Who logs in where.
pub(crate) struct Credentials<'a> {
    /// Database user.
    pub(crate) user: &'a str,
    /// The password. A server that wants none is not believed: accounts without a password are not served.
    pub(crate) password: Option<&'a SecretString>,
    /// The schema to begin in; empty for none.
    pub(crate) schema: &'a str,
    /// The terms of the greeting.
    pub(crate) terms: &'a Terms,
    /// Fills bytes that nobody can guess.
    pub(crate) random: fn(&mut [u8]),
    /// The target's TLS policy: it decides whether the server's word is enough for the key of a password.
    pub(crate) tls_mode: TlsMode,
}

impl Credentials<'_> {
    fn setup(&self, stream: &Stream) -> Result<ClientSetup, OpenErrorKind> {
        let password = self.password.ok_or_else(|| {
            let user = self.user;
            OpenErrorKind::Credentials(format!("no password is registered for user \"{user}\""))
        })?;
        let mut random = Zeroizing::new([0; 32]);
        (self.random)(random.as_mut_slice());
        let channel = if stream.is_tls() {
            Channel::Tls
        } else {
            Channel::Open
        };
        // Whoever sits on the way can pretend that the server has no TLS, and then give a key of his own. Only
        // an operator who has switched TLS off has said that nobody sits there.
        let rsa = match self.tls_mode {
            TlsMode::Disable => RsaPolicy::AskServer,
            TlsMode::Prefer | TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => {
                RsaPolicy::Never
            }
        };
        Ok(ClientSetup {
            password: Secret::from(password.expose()),
            channel,
            policy: ClientPolicy { rsa },
            random,
        })
    }
}

/// Logs in to a server that has greeted.
pub(crate) async fn log_in(
    greeted: Greeted,
    credentials: &Credentials<'_>,
) -> Result<ServerConnection, OpenErrorKind> {
    let Greeted {
        mut stream,
        greeting,
        mut sequence,
        ..
    } = greeted;
    let address = stream.peer_addr()?;
    let setup = credentials.setup(&stream)?;
    let (auth, plugin, data) = ClientAuth::start(setup, &greeting.plugin, &greeting.nonce)?;
    let mut capabilities = credentials.terms.towards(&greeting);
    if stream.is_tls() {
        capabilities = capabilities | Capabilities::SSL;
    }
    let mut attributes = Attributes::default();
    attributes.push(b"program_name", PROGRAM.as_bytes());
    attributes.push(b"_client_name", PROGRAM.as_bytes());
    let login = Login {
        capabilities,
        max_packet: MAX_PACKET,
        collation: credentials.terms.collation,
        user: credentials.user.as_bytes().to_vec(),
        auth: Secret::from(data.as_slice()),
        schema: credentials.schema.as_bytes().to_vec(),
        plugin: plugin.name().as_bytes().to_vec(),
        attributes,
        zstd_level: 0,
    };
    let mut input = BytesMut::new();
    let mut packets = Packets {
        stream: &mut stream,
        input: &mut input,
        sequence: &mut sequence,
        limit: MAX_SERVER_LOGIN_PACKET,
    };
    packets
        .send(|out, sequence| handshake::login(out, sequence, &login).map_err(OpenErrorKind::from))
        .await?;
    let status = prove(&mut packets, auth, capabilities).await?;
    if !input.is_empty() {
        let problem = "the server sent more than was asked for".to_owned();
        return Err(OpenErrorKind::Protocol(problem));
    }
    let version = ServerVersion::parse(&greeting.version).ok_or_else(|| {
        let version = String::from_utf8_lossy(&greeting.version).into_owned();
        OpenErrorKind::Protocol(format!("the server's version \"{version}\" is none"))
    })?;
    Ok(Connection {
        stream,
        facts: Facts {
            version_text: Box::from(String::from_utf8_lossy(&greeting.version).as_ref()),
            version,
            capabilities,
            status,
            collation: greeting.collation,
            connection_id: greeting.connection_id,
        },
        variables: Vec::new(),
        password_index: 0,
        address,
    })
}

/// Answers what the server's plugins ask until it has decided.
async fn prove(
    packets: &mut Packets<'_>,
    mut auth: ClientAuth,
    capabilities: Capabilities,
) -> Result<StatusFlags, OpenErrorKind> {
    loop {
        let payload = packets.next().await?;
        let reply = login_reply(&payload, capabilities)?;
        match reply {
            LoginReply::Ok(ok) => return Ok(ok.head.status),
            LoginReply::Error(packet) => {
                let error = ServerError::of(&packet);
                return Err(OpenErrorKind::MySql(Box::new(error)));
            }
            LoginReply::Switch { .. }
            | LoginReply::OldSwitch
            | LoginReply::MoreData(_)
            | LoginReply::NextFactor => {}
        }
        match auth.reply(&reply)? {
            Answer::Send(data) => {
                packets
                    .send(|out, sequence| {
                        handshake::auth_data(out, sequence, &data);
                        Ok::<(), OpenErrorKind>(())
                    })
                    .await?;
            }
            Answer::Wait | Answer::Done => {}
        }
    }
}

/// Whether a version is of this family; the greeting's capabilities say the same.
pub(super) fn is_mariadb(version: ServerVersion) -> bool {
    match version.family {
        Family::MySql => false,
        Family::MariaDb => true,
    }
}
