//! The first packets of a client connection, up to a value: a login, or the end.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tollgate_session::mysql::{Heritage, Session};
use tollgate_wire_mysql::auth::Plugin;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::frame::{self, Frame, HEADER_LEN, MAX_LOGIN_PACKET, Sequence};
use tollgate_wire_mysql::handshake::{self as wire, ChangeUser, ClientFirst, Nonce, client_first};
use tollgate_wire_mysql::reply::{OkPacket, ok};
use tollgate_wire_mysql::secret::Secret;
use tollgate_wire_mysql::status::StatusFlags;

use super::face::Face;
use super::packets::{PacketError, Packets, exactly_one};
use crate::goodbye;
use crate::random;
use crate::relay::Rejoining;
use crate::reply::mysql::{self as reply, Refusal};
use crate::stream::{Stream, TlsInfo, accept_tls};
use crate::tls::ServerTls;

/// How a handshake ends.
pub(crate) enum Outcome {
    /// The client wants to log in.
    Login(Box<Login>),
    /// Nothing more to do; the client was told why, if there was anything to tell.
    Closed(&'static str),
}

/// How an exchange of plugins begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// With an answer to the greeting.
    Login,
    /// With `COM_CHANGE_USER`, which is answered with a new challenge.
    Change,
}

/// A client's login and the connection it came over.
pub(crate) struct Login {
    /// The connection.
    pub(crate) stream: Stream,
    /// Bytes that came behind the login.
    pub(crate) rest: BytesMut,
    /// What the client said.
    pub(crate) said: wire::Login,
    /// What both sides can do.
    pub(crate) capabilities: Capabilities,
    /// TLS, if any.
    pub(crate) tls: Option<TlsInfo>,
    /// The number that the client was given.
    pub(crate) connection_id: u32,
    /// The collation it wants; 0 for the server's.
    pub(crate) collation: u16,
    /// The greeting's challenge, and the plugin it was for.
    pub(super) greeted: (Plugin, Nonce),
    /// The plugin that the login named. Some drivers name one in `COM_CHANGE_USER` without asking themselves.
    pub(super) named: Option<Plugin>,
    /// Which packet asks.
    pub(super) opening: Opening,
    /// Number of the next packet.
    pub(super) sequence: Sequence,
    /// What the session before has left.
    pub(super) heritage: Option<Heritage>,
}

impl Login {
    /// What came, a packet at a time, and where answers go.
    pub(super) fn packets(&mut self) -> Packets<'_> {
        Packets {
            stream: &mut self.stream,
            input: &mut self.rest,
            sequence: &mut self.sequence,
            limit: MAX_LOGIN_PACKET,
        }
    }

    /// Puts a `COM_CHANGE_USER` in place of the login, to be authenticated like one. What the client can do
    /// stays what it was; whoever fails is told and closed, as servers do.
    pub(crate) fn change_user(&mut self, change: ChangeUser) {
        self.said.user = change.user;
        self.said.auth = change.auth;
        self.said.schema = change.schema;
        self.said.plugin = change.plugin;
        self.said.attributes = change.attributes;
        if let Some(collation) = change.collation.filter(|number| *number != 0) {
            self.collation = collation;
        }
        self.opening = Opening::Change;
        self.sequence = Sequence::after(1);
    }

    /// The connection, what came behind the login, and what another login over it needs to know.
    pub(crate) fn take_apart(self) -> (Stream, BytesMut, Remembered) {
        let remembered = Remembered {
            capabilities: self.capabilities,
            tls: self.tls,
            connection_id: self.connection_id,
            collation: self.collation,
            greeted: self.greeted,
            named: self.named,
        };
        (self.stream, self.rest, remembered)
    }

    /// Ends the login well: the session begins, in this state.
    pub(crate) async fn welcome(&mut self, status: StatusFlags) -> io::Result<()> {
        let mut out = Vec::new();
        let packet = OkPacket::with_status(status);
        ok(&mut out, &mut self.sequence, self.capabilities, &packet);
        self.stream.write_all(&out).await
    }

    /// Ends it with a refusal and closes.
    pub(crate) async fn tell(mut self, refusal: &Refusal) -> io::Result<()> {
        let packet = refusal.packet(&mut self.sequence, self.capabilities);
        self.stream.write_all(&packet).await?;
        goodbye::close(self.stream).await;
        Ok(())
    }
}

/// What is kept of a login for the next one over the same connection.
pub(crate) struct Remembered {
    capabilities: Capabilities,
    tls: Option<TlsInfo>,
    connection_id: u32,
    collation: u16,
    greeted: (Plugin, Nonce),
    named: Option<Plugin>,
}

impl Remembered {
    /// The login that `COM_CHANGE_USER` begins. `input` begins with that packet; `None` if it is none.
    pub(crate) fn again(self, rejoining: Rejoining<Session>) -> Option<Login> {
        let input = rejoining.input.as_slice();
        let Frame::Complete(header) = frame::next(input) else {
            return None;
        };
        let (command, body) = header.payload(input).split_first()?;
        if Command::of(&[*command]) != Some(Command::ChangeUser) {
            return None;
        }
        let change = ChangeUser::parse(body, self.capabilities).ok()?;
        let behind = HEADER_LEN.checked_add(header.payload_len())?;
        let mut login = Login {
            heritage: Some(rejoining.session.heritage()),
            stream: rejoining.stream,
            rest: input.get(behind..)?.into(),
            said: wire::Login {
                capabilities: self.capabilities,
                max_packet: 0,
                collation: 0,
                user: Vec::new(),
                auth: Secret::new(Vec::new()),
                schema: Vec::new(),
                plugin: Vec::new(),
                attributes: wire::Attributes::default(),
                zstd_level: 0,
            },
            capabilities: self.capabilities,
            tls: self.tls,
            connection_id: self.connection_id,
            collation: self.collation,
            greeted: self.greeted,
            named: self.named,
            opening: Opening::Change,
            sequence: Sequence::start(),
        };
        login.change_user(change);
        Some(login)
    }
}

/// Greets and reads what the client answers, over TLS if it asks. The caller bounds the time; dropping it closes
/// the connection.
pub(crate) async fn handshake(
    mut socket: TcpStream,
    face: &Face,
    connection_id: u32,
    tls: &ServerTls,
) -> io::Result<Outcome> {
    let mut bytes = [0; wire::NONCE_LEN];
    random::fill(&mut bytes);
    let nonce = Nonce::from_random(bytes);
    let mut sequence = Sequence::start();
    let mut hello = Vec::new();
    let greeting = face.greeting(connection_id, nonce);
    wire::greeting(&mut hello, &mut sequence, &greeting)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    tokio::io::AsyncWriteExt::write_all(&mut socket, &hello).await?;
    // Bytes in front of TLS could be taken for bytes sent under it: none but this packet's are read.
    let first = match exactly_one(&mut socket, &mut sequence, MAX_LOGIN_PACKET).await {
        Ok(Some(payload)) => payload,
        Ok(None) => return Ok(Outcome::Closed("closed before the login")),
        Err(error) => return ended(Stream::Plain(socket), sequence, error).await,
    };
    let arrival = Arrival {
        face,
        connection_id,
        nonce,
    };
    match client_first(&first) {
        Ok(ClientFirst::Login(said)) => {
            let stream = Stream::Plain(socket);
            Ok(arrival.login((stream, None), BytesMut::new(), sequence, *said))
        }
        Ok(ClientFirst::TlsRequest { .. }) => {
            let encrypted = accept_tls(socket, Arc::clone(&tls.mysql)).await?;
            arrival.under_tls(encrypted, sequence).await
        }
        Err(error) => {
            let refusal = reply::bad_handshake(&error.to_string());
            refuse(Stream::Plain(socket), sequence, &refusal).await
        }
    }
}

/// What a client was greeted with.
struct Arrival<'a> {
    face: &'a Face,
    connection_id: u32,
    nonce: Nonce,
}

impl Arrival<'_> {
    /// Reads the login that follows TLS. What the client said of itself before does not count.
    async fn under_tls(
        &self,
        (mut stream, info): (Stream, TlsInfo),
        mut sequence: Sequence,
    ) -> io::Result<Outcome> {
        let mut rest = BytesMut::new();
        let mut packets = Packets {
            stream: &mut stream,
            input: &mut rest,
            sequence: &mut sequence,
            limit: MAX_LOGIN_PACKET,
        };
        let payload = match packets.next().await {
            Ok(payload) => payload,
            Err(error) => return ended(stream, sequence, error).await,
        };
        let problem = match client_first(&payload) {
            Ok(ClientFirst::Login(said)) => {
                return Ok(self.login((stream, Some(info)), rest, sequence, *said));
            }
            Ok(ClientFirst::TlsRequest { .. }) => "TLS was negotiated already".to_owned(),
            Err(error) => error.to_string(),
        };
        refuse(stream, sequence, &reply::bad_handshake(&problem)).await
    }

    fn login(
        &self,
        (stream, tls): (Stream, Option<TlsInfo>),
        rest: BytesMut,
        sequence: Sequence,
        said: wire::Login,
    ) -> Outcome {
        Outcome::Login(Box::new(Login {
            stream,
            rest,
            // What a client has not found in the greeting it cannot mean.
            capabilities: said.capabilities.both(self.face.capabilities),
            collation: u16::from(said.collation),
            named: Plugin::from_name(&said.plugin),
            said,
            tls,
            connection_id: self.connection_id,
            greeted: (self.face.plugin, self.nonce),
            opening: Opening::Login,
            sequence,
            heritage: None,
        }))
    }
}

/// What became of a client whose packets ended or went wrong.
async fn ended(stream: Stream, sequence: Sequence, error: PacketError) -> io::Result<Outcome> {
    match error {
        PacketError::Broken(error) => Err(error),
        PacketError::Closed => Ok(Outcome::Closed("closed before the login")),
        PacketError::Frame(error) => refuse(stream, sequence, &reply::out_of_step(error)).await,
    }
}

/// Tells a client of which nobody knows what it understands.
async fn refuse(
    mut stream: Stream,
    mut sequence: Sequence,
    refusal: &Refusal,
) -> io::Result<Outcome> {
    let packet = refusal.packet(&mut sequence, Capabilities::EMPTY);
    stream.write_all(&packet).await?;
    goodbye::close(stream).await;
    Ok(Outcome::Closed("bad handshake"))
}
