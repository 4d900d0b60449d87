//! A TCP link that misbehaves on command: it cuts, stalls, delays, or trickles one byte at a time.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime,
    sync::{mpsc, watch},
};

/// What the link does with bytes and with new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkMode {
    /// Carries everything.
    Forward,
    /// Carries nothing, keeps everything open; bytes wait until the mode changes.
    Stall,
    /// Carries everything, every piece late.
    Delay(Duration),
    /// Carries one byte per write, in both directions.
    ByteAtATime,
    /// Resets new connections at once; open ones go on.
    Refuse,
}

/// A forwarder in front of one TCP server, on its own thread.
#[derive(Debug)]
pub struct ChaosLink {
    port: u16,
    mode: watch::Sender<LinkMode>,
    cut: watch::Sender<u64>,
    _alive: mpsc::Sender<()>,
}

#[derive(Clone)]
struct Switches {
    mode: watch::Receiver<LinkMode>,
    cut: watch::Receiver<u64>,
}

impl ChaosLink {
    /// A link to `target_port` on loopback, forwarding.
    pub fn start(target_port: u16) -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("binding the link's port")?;
        listener
            .set_nonblocking(true)
            .context("preparing the link")?;
        let port = listener.local_addr().context("reading the port")?.port();
        let (mode, mode_seen) = watch::channel(LinkMode::Forward);
        let (cut, cut_seen) = watch::channel(0);
        let (alive, mut ended) = mpsc::channel::<()>(1);
        let switches = Switches {
            mode: mode_seen,
            cut: cut_seen,
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the link's runtime")?;
        thread::spawn(move || {
            runtime.block_on(async {
                let target = SocketAddr::from((Ipv4Addr::LOCALHOST, target_port));
                tokio::select! {
                    () = accept_all(listener, target, switches) => {}
                    _ = ended.recv() => {}
                }
            });
        });
        Ok(Self {
            port,
            mode,
            cut,
            _alive: alive,
        })
    }

    /// The port to connect to instead of the server's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what happens to bytes from now on.
    pub fn set(&self, mode: LinkMode) {
        self.mode.send_replace(mode);
    }

    /// Resets every open connection; new ones follow the mode.
    pub fn cut(&self) {
        self.cut.send_modify(|count| *count = count.wrapping_add(1));
    }
}

async fn accept_all(listener: std::net::TcpListener, target: SocketAddr, switches: Switches) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if *switches.mode.borrow() == LinkMode::Refuse {
            reset(client);
            continue;
        }
        tokio::spawn(carry(client, target, switches.clone()));
    }
}

async fn carry(client: TcpStream, target: SocketAddr, mut switches: Switches) {
    switches.cut.mark_unchanged();
    let Ok(server) = TcpStream::connect(target).await else {
        reset(client);
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    // Zero linger: when the halves are dropped after a cut, the peers see a reset.
    let _ = client.set_zero_linger();
    let _ = server.set_zero_linger();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let forth = pump(from_client, to_server, switches.mode.clone());
    let back = pump(from_server, to_client, switches.mode.clone());
    tokio::select! {
        _ = async { tokio::join!(forth, back) } => {}
        _ = switches.cut.changed() => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<LinkMode>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        while *mode.borrow_and_update() == LinkMode::Stall {
            if mode.changed().await.is_err() {
                return;
            }
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = mode.changed() => continue,
        };
        let piece = match read {
            Ok(length) if length > 0 => buffer.get(..length).unwrap_or_default(),
            Ok(_) | Err(_) => {
                let _ = to.shutdown().await;
                return;
            }
        };
        if write(&mut to, piece, &mut mode).await.is_err() {
            return;
        }
    }
}

async fn write(
    to: &mut OwnedWriteHalf,
    piece: &[u8],
    mode: &mut watch::Receiver<LinkMode>,
) -> std::io::Result<()> {
    let now = *mode.borrow_and_update();
    match now {
        LinkMode::Forward | LinkMode::Refuse => to.write_all(piece).await,
        LinkMode::Delay(pause) => {
            tokio::time::sleep(pause).await;
            to.write_all(piece).await
        }
        LinkMode::ByteAtATime => {
            for byte in piece.chunks(1) {
                to.write_all(byte).await?;
                tokio::task::yield_now().await;
            }
            Ok(())
        }
        LinkMode::Stall => {
            // The mode changed while the bytes were being read: hold them back.
            let _ = mode.wait_for(|mode| *mode != LinkMode::Stall).await;
            to.write_all(piece).await
        }
    }
}

fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        port
    }

    async fn round_trip(stream: &mut TcpStream, text: &[u8]) -> std::io::Result<()> {
        stream.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        assert_eq!(answer, text);
        Ok(())
    }

    #[tokio::test]
    async fn carries_whole_and_bytewise() {
        let link = ChaosLink::start(echo().await).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port()))
            .await
            .unwrap();
        round_trip(&mut stream, b"whole").await.unwrap();
        link.set(LinkMode::ByteAtATime);
        round_trip(&mut stream, b"piece by piece").await.unwrap();
    }

    #[tokio::test]
    async fn a_cut_resets_open_connections_and_new_ones_work() {
        let link = ChaosLink::start(echo().await).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port()))
            .await
            .unwrap();
        round_trip(&mut stream, b"before").await.unwrap();
        link.cut();
        assert!(matches!(stream.read(&mut [0; 8]).await, Err(_) | Ok(0)));
        let mut fresh = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port()))
            .await
            .unwrap();
        round_trip(&mut fresh, b"after").await.unwrap();
    }

    #[tokio::test]
    async fn stalled_bytes_arrive_later() {
        let link = ChaosLink::start(echo().await).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port()))
            .await
            .unwrap();
        round_trip(&mut stream, b"before").await.unwrap();
        link.set(LinkMode::Stall);
        stream.write_all(b"held").await.unwrap();
        let mut answer = [0; 4];
        let early =
            tokio::time::timeout(Duration::from_millis(100), stream.read(&mut answer)).await;
        assert!(early.is_err(), "bytes came through a stalled link");
        link.set(LinkMode::Forward);
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"held");
    }

    #[tokio::test]
    async fn refuses_new_connections() {
        let link = ChaosLink::start(echo().await).unwrap();
        link.set(LinkMode::Refuse);
        let port = link.port();
        let refused = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            Ok(mut stream) => round_trip(&mut stream, b"hello").await.is_err(),
            Err(_) => true,
        };
        assert!(refused);
    }
}
