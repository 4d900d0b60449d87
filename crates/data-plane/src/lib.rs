//! The data plane: listeners, authentication, pools and the relay between clients and servers.
//!
//! One supervisor thread takes in configuration and probes targets; every shard is a thread of its own
//! that serves connections and shares nothing with the others but messages and a few atomics. The
//! binary is the only caller: it starts a [`DataPlane`], gives it snapshots and reads observations.

mod accept;
mod buffers;
mod choosing;
mod cleaning;
mod clock;
mod engine;
mod fingerprint;
mod gatekeeper;
mod goodbye;
mod greeting;
mod greetings;
mod handshake;
#[cfg(test)]
mod hostility;
mod identity;
mod janitor;
mod killing;
mod listeners;
mod login;
mod metrics;
mod mysql;
mod opening;
mod pins;
mod plane;
mod plane_metrics;
mod pool_key;
mod pooled;
mod probe;
mod prober;
mod proxy_state;
mod random;
mod relay;
mod renewing;
mod reply;
mod routines;
mod running;
mod scouting;
mod server;
mod sessions;
mod settings;
mod shard;
mod stream;
mod supervisor;
mod target;
mod target_pool;
mod throttle;
mod tls;
mod vacating;
mod validation;
mod waiting;

pub use plane::{DataPlane, StartError};
pub use settings::{DecisionSink, Settings};
pub use tls::{ServerIdentity, TlsConfigError};
pub use tollgate_pool::Reuse;
