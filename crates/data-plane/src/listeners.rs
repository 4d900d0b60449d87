//! Binding endpoints: one socket per shard on the same port, so that the kernel spreads connections.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};
use tollgate_types::{EndpointState, ObservedEndpoint, ProxyId};

use crate::running::Running;

/// Connections that may wait in the kernel for a shard to accept them.
const BACKLOG: i32 = 4096;

/// Names one listening endpoint. A changed port is another endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ListenerKey {
    /// Proxy.
    pub(crate) proxy: ProxyId,
    /// Endpoint name.
    pub(crate) endpoint: String,
    /// Port.
    pub(crate) port: u16,
}

/// What a shard has to change about its listeners.
pub(crate) struct ListenerChange {
    /// Endpoints to serve from now on, with this shard's socket.
    pub(crate) open: Vec<(ListenerKey, TcpListener)>,
    /// Endpoints to stop serving.
    pub(crate) close: Vec<ListenerKey>,
}

/// Every endpoint that listens or should.
pub(crate) struct Listeners {
    bind: IpAddr,
    shards: usize,
    states: HashMap<ListenerKey, EndpointState>,
}

impl Listeners {
    /// Nothing bound yet.
    pub(crate) fn new(bind: IpAddr, shards: usize) -> Self {
        Self {
            bind,
            shards,
            states: HashMap::new(),
        }
    }

    /// Binds and releases until what listens is what `running` wants; one change per shard. Ports
    /// that were refused before are tried again.
    pub(crate) fn reconcile(&mut self, running: &Running) -> Vec<ListenerChange> {
        let wanted = wanted(running);
        let mut changes: Vec<ListenerChange> = std::iter::repeat_with(|| ListenerChange {
            open: Vec::new(),
            close: Vec::new(),
        })
        .take(self.shards)
        .collect();
        let gone: Vec<ListenerKey> = self
            .states
            .keys()
            .filter(|key| !wanted.contains(key))
            .cloned()
            .collect();
        for key in gone {
            if self.states.remove(&key) == Some(EndpointState::Listening) {
                for change in &mut changes {
                    change.close.push(key.clone());
                }
            }
        }
        for key in wanted {
            if self.states.get(&key) != Some(&EndpointState::Listening) {
                self.open(key, &mut changes);
            }
        }
        changes
    }

    fn open(&mut self, key: ListenerKey, changes: &mut [ListenerChange]) {
        let state = match bind_all(SocketAddr::new(self.bind, key.port), self.shards) {
            Ok(sockets) => {
                for (change, socket) in changes.iter_mut().zip(sockets) {
                    change.open.push((key.clone(), socket));
                }
                tracing::info!(proxy.id = %key.proxy, endpoint.name = %key.endpoint, endpoint.port = key.port, "endpoint listens");
                EndpointState::Listening
            }
            Err(error) => {
                let state = refused(&error, SocketAddr::new(self.bind, key.port));
                if self.states.get(&key) != Some(&state) {
                    tracing::warn!(proxy.id = %key.proxy, endpoint.name = %key.endpoint, endpoint.port = key.port, %error, "endpoint cannot listen");
                }
                state
            }
        };
        self.states.insert(key, state);
    }

    /// Whether some wanted endpoint could not be bound, so that another try is due.
    pub(crate) fn has_refused(&self) -> bool {
        self.states
            .values()
            .any(|state| *state != EndpointState::Listening)
    }

    /// The endpoints of one proxy as they are.
    pub(crate) fn observed(&self, proxy: &ProxyId) -> Vec<ObservedEndpoint> {
        self.states
            .iter()
            .filter(|(key, _)| key.proxy == *proxy)
            .map(|(key, state)| ObservedEndpoint {
                name: key.endpoint.clone(),
                state: state.clone(),
            })
            .collect()
    }
}

fn wanted(running: &Running) -> Vec<ListenerKey> {
    running
        .proxies
        .values()
        .filter(|proxy| !proxy.is_draining())
        .flat_map(|proxy| {
            proxy.config.endpoints.iter().map(|endpoint| ListenerKey {
                proxy: proxy.config.id.clone(),
                endpoint: endpoint.name.clone(),
                port: endpoint.port,
            })
        })
        .collect()
}

fn refused(error: &io::Error, address: SocketAddr) -> EndpointState {
    // EMFILE 24, ENFILE 23, ENOBUFS 105, ENOMEM 12 on Linux.
    let resources = matches!(error.raw_os_error(), Some(23 | 24 | 105 | 12));
    let message = format!("cannot listen on {address}: {error}");
    if resources {
        EndpointState::ResourcesRejected { message }
    } else {
        EndpointState::PortRejected { message }
    }
}

/// Binds `address` once per shard. `SO_REUSEPORT` alone would let two installations of one user share
/// a port and steal each other's clients, so the port must first be free without it.
fn bind_all(address: SocketAddr, shards: usize) -> io::Result<Vec<TcpListener>> {
    drop(bind(address, Sharing::Exclusive)?);
    (0..shards)
        .map(|_| bind(address, Sharing::AmongShards))
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Exclusive,
    AmongShards,
}

fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if sharing == Sharing::AmongShards {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_even_by_a_sharing_socket() {
        let taken = bind("127.0.0.1:0".parse().unwrap(), Sharing::AmongShards).unwrap();
        let address = taken.local_addr().unwrap();
        let error = bind_all(address, 2).unwrap_err();
        assert!(matches!(
            refused(&error, address),
            EndpointState::PortRejected { .. }
        ));
    }

    #[test]
    fn every_shard_gets_a_socket_on_the_same_port() {
        let free = bind("127.0.0.1:0".parse().unwrap(), Sharing::Exclusive).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let sockets = bind_all(address, 3).unwrap();
        assert!(
            sockets
                .iter()
                .all(|socket| socket.local_addr().unwrap() == address)
        );
    }
}
