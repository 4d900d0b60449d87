//! A link in front of a server that changes what the server says.

use std::net::Ipv4Addr;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server says, and what is heard in its place.
type Forgery = (&'static [u8], &'static [u8]);

/// The link; it ends when it is dropped.
pub(crate) struct Forger {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Forger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Forger {
    /// A link to this port.
    pub(crate) async fn start(port: u16, forgery: Forgery) -> Result<Self> {
        assert_eq!(
            forgery.0.len(),
            forgery.1.len(),
            "packets keep their lengths"
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let own = listener.local_addr()?.port();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, forgery));
            }
        });
        Ok(Self { port: own, task })
    }
}

/// Until one of them closes.
async fn carry(client: TcpStream, port: u16, forgery: Forgery) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let there = tokio::io::copy(&mut from_client, &mut to_server);
    let back = async {
        let mut buffer = vec![0; 1 << 16];
        // What is forged is short and said at once, so that it is read in one piece.
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let bytes = &mut buffer[..length];
            let (said, heard) = forgery;
            for at in 0..bytes.len().saturating_sub(said.len() - 1) {
                if bytes[at..].starts_with(said) {
                    bytes[at..at + said.len()].copy_from_slice(heard);
                }
            }
            if to_client.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = there => {}
        () = back => {}
    }
}
