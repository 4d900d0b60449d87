//! A client that says what a test wants, packet by packet.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tollgate_testkit::ClientTls;
use tollgate_types::TargetTls;
use tollgate_wire_mysql::auth::{
    Answer, Channel, ClientAuth, ClientPolicy, ClientSetup, RsaPolicy,
};
use tollgate_wire_mysql::frame;
use tollgate_wire_mysql::handshake::{
    Attributes, ChangeUser, Greeting, LoginReply, Nonce, ServerFirst, login_reply, server_first,
};
use zeroize::Zeroizing;

use super::world::World;
use super::*;
use crate::stream::connect_tls;
use crate::tls::mysql_client_config;

/// What the client can do.
const CAN: Capabilities = Capabilities::LONG_PASSWORD
    .with(Capabilities::PROTOCOL_41)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::PLUGIN_AUTH)
    .with(Capabilities::PLUGIN_AUTH_LENENC);

/// Where rubbish is thrown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behind {
    Greeting,
    Login,
    Tls,
}

pub(super) struct Raw {
    pub(super) stream: Stream,
    pub(super) sequence: Sequence,
    rest: BytesMut,
}

/// Bytes up to the end of a connection.
pub(super) struct Heard {
    pub(super) bytes: Vec<u8>,
}

impl Heard {
    /// The first byte of the first packet's payload, where TLS alerts have a number of 0x15 in front.
    pub(super) fn next(&mut self) -> Option<u8> {
        let is_alert = self.bytes.first() == Some(&0x15);
        self.bytes.get(4).copied().filter(|_| !is_alert)
    }
}

impl Raw {
    /// Connects and reads the greeting.
    pub(super) async fn arrive(port: u16) -> (Self, Greeting) {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut raw = Self {
            stream: Stream::Plain(tcp),
            sequence: Sequence::start(),
            rest: BytesMut::new(),
        };
        let payload = raw.next().await.unwrap();
        let ServerFirst::Greeting(greeting) = server_first(&payload).unwrap() else {
            panic!("{payload:?}");
        };
        (raw, *greeting)
    }

    /// The next packet; `None` at the end of the connection.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(packet) = frame::small(&self.rest, 1 << 20).unwrap() {
                assert_eq!(packet.sequence, self.sequence.take());
                let payload = packet.payload.to_vec();
                let _ = self.rest.split_to(packet.consumed);
                return Some(payload);
            }
            if self.stream.read_some(&mut self.rest).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    pub(super) async fn everything(&mut self) -> Heard {
        while self.stream.read_some(&mut self.rest).await.unwrap_or(0) > 0 {}
        Heard {
            bytes: self.rest.to_vec(),
        }
    }

    pub(super) async fn send(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        wire::auth_data(&mut out, &mut self.sequence, payload);
        self.stream.write_all(&out).await.unwrap();
    }

    pub(super) fn login(&self, user: &str, auth: &[u8], plugin: &str) -> wire::Login {
        wire::Login {
            capabilities: if self.stream.is_tls() {
                CAN | Capabilities::SSL
            } else {
                CAN
            },
            max_packet: 1 << 24,
            collation: 45,
            user: user.as_bytes().to_vec(),
            auth: Secret::from(auth),
            schema: Vec::new(),
            plugin: plugin.as_bytes().to_vec(),
            attributes: Attributes::default(),
            zstd_level: 0,
        }
    }

    pub(super) async fn send_login(&mut self, said: &wire::Login) {
        let mut out = Vec::new();
        wire::login(&mut out, &mut self.sequence, said).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    /// Logs in with the password, in the clear.
    pub(super) async fn enter(world: &World) -> Self {
        let (mut raw, greeting) = Self::arrive(world.port).await;
        let proof = native_answer(super::PASSWORD, &greeting.nonce);
        let said = raw.login("app", &proof, "mysql_native_password");
        raw.send_login(&said).await;
        assert_eq!(raw.next().await.unwrap()[0], 0, "OK");
        raw
    }

    /// Begins `COM_CHANGE_USER`, with the schema `reports`.
    pub(super) async fn change_user(&mut self, user: &str, plugin: &str) {
        let change = ChangeUser {
            user: user.as_bytes().to_vec(),
            auth: Secret::from(&b"answers nothing"[..]),
            schema: b"reports".to_vec(),
            collation: Some(45),
            plugin: plugin.as_bytes().to_vec(),
            attributes: Attributes::default(),
        };
        self.sequence = Sequence::start();
        let mut out = Vec::new();
        change.write(&mut out, &mut self.sequence, CAN).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    /// Proves a password to whatever is asked. The last packet is OK or ERR.
    pub(super) async fn answer_switches(&mut self, plugin: &str, password: &str) -> Vec<u8> {
        let setup = ClientSetup {
            password: Secret::from(password),
            channel: if self.stream.is_tls() {
                Channel::Tls
            } else {
                Channel::Open
            },
            policy: ClientPolicy {
                rsa: RsaPolicy::Never,
            },
            random: Zeroizing::new([0; 32]),
        };
        let mut auth = ClientAuth::start_without_challenge(setup);
        let mut switched = false;
        loop {
            let payload = self.next().await.unwrap();
            let reply = login_reply(&payload, CAN).unwrap();
            if let LoginReply::Switch { plugin: to, .. } = reply {
                let known = ["mysql_native_password", "caching_sha2_password"];
                let expected = if known.contains(&plugin) {
                    plugin
                } else {
                    "mysql_clear_password"
                };
                assert_eq!(to, expected.as_bytes());
                switched = true;
            }
            match auth.reply(&reply).unwrap() {
                Answer::Send(data) => self.send(&data).await,
                Answer::Wait => {}
                Answer::Done => {
                    assert!(switched, "a new challenge came first");
                    return payload;
                }
            }
        }
    }

    /// A request for TLS, for the caller to send.
    pub(super) fn tls_request(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        wire::tls_request(&mut out, &mut self.sequence, CAN, 1 << 24, 45);
        out
    }

    /// Asks for TLS and shakes hands.
    pub(super) async fn encrypt(mut self, world: &World) -> Self {
        let request = self.tls_request();
        self.stream.write_all(&request).await.unwrap();
        let config = mysql_client_config(&TargetTls {
            mode: TlsMode::VerifyFull,
            ca_pem: Some(world.ca.cert_pem()),
        });
        let Stream::Plain(tcp) = self.stream else {
            panic!("TLS inside TLS");
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        Self {
            stream: connect_tls(tcp, config.unwrap(), name).await.unwrap(),
            ..self
        }
    }

    /// Asks for TLS and begins it in the same write. The stream given back is the encrypted one; the client's own
    /// is another connection and only counts packets.
    pub(super) async fn encrypt_at_once(
        mut self,
        world: &World,
    ) -> (Self, impl AsyncRead + AsyncWrite + Unpin) {
        let request = self.tls_request();
        let Stream::Plain(socket) = self.stream else {
            panic!("TLS inside TLS");
        };
        let together = Together { socket, request };
        let tls = ClientTls::trusting(&world.ca.cert_pem()).unwrap();
        let tls = tls.connect("127.0.0.1", together).await.unwrap();
        let (other, _) = Self::arrive(world.port).await;
        let counting = Self {
            sequence: self.sequence,
            ..other
        };
        (counting, tls)
    }
}

/// Puts bytes in front of the first write.
struct Together {
    socket: TcpStream,
    request: Vec<u8>,
}

impl AsyncWrite for Together {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let front = self.request.len();
        let bytes = [self.request.as_slice(), buf].concat();
        match Pin::new(&mut self.socket).poll_write(cx, &bytes) {
            Poll::Ready(Ok(count)) => {
                assert!(count >= front, "a small write goes out whole");
                self.request.clear();
                Poll::Ready(Ok(count - front))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl AsyncRead for Together {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

/// The right answer of `mysql_native_password` to a challenge.
pub(super) fn native_answer(password: &str, nonce: &Nonce) -> Vec<u8> {
    let setup = ClientSetup {
        password: Secret::from(password),
        channel: Channel::Open,
        policy: ClientPolicy {
            rsa: RsaPolicy::Never,
        },
        random: Zeroizing::new([0; 32]),
    };
    let (_, _, data) = ClientAuth::start(setup, b"mysql_native_password", nonce).unwrap();
    data.to_vec()
}

/// Throws bytes at the door and waits until it has closed the connection.
pub(super) async fn throw(world: &World, bytes: &[u8], behind: Behind) {
    let (mut raw, _) = Raw::arrive(world.port).await;
    match behind {
        Behind::Greeting => {}
        Behind::Login => {
            let said = raw.login("app", &[7; 32], "caching_sha2_password");
            raw.send_login(&said).await;
        }
        Behind::Tls => raw = raw.encrypt(world).await,
    }
    // The door may have had enough before all of it is written.
    let _ = raw.stream.write_all(bytes).await;
    raw.stream.shutdown();
    raw.everything().await;
}
