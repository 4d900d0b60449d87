//! The control plane: REST resources, who may touch them, and the loop that makes them true.
//!
//! [`control_plane`] puts it together from settings, a store, a sealer and [`Ports`]. It knows data planes
//! only as somebody who takes [`tollgate_types::Snapshot`]s and reports [`tollgate_types::Observation`]s.

mod api;
mod audit;
mod authz;
mod aws;
mod http;
mod identity;
mod oidc;
mod ports;
mod problem;
mod reconcile;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod time;
mod vault;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tollgate_secrets::Sealer;
use tollgate_store::Store;

use crate::api::Api;

pub use crate::audit::{DecisionSink, DecisionWriter, decision_sink};
pub use crate::http::openapi;
pub use crate::ports::{
    Clock, Eventually, ExternalSecrets, Ports, Publisher, Random, SessionsView,
};
pub use crate::settings::{OidcReach, PeerRule, RootCredentials, Settings};

/// A control plane that has not been started.
#[derive(Clone)]
pub struct ControlPlane {
    api: Api,
}

/// Puts a control plane together. Nothing is connected to and nothing runs yet.
pub fn control_plane(
    settings: Settings,
    store: Store,
    sealer: Arc<Sealer>,
    ports: Ports,
) -> ControlPlane {
    ControlPlane {
        api: Api::new(settings, store, sealer, ports),
    }
}

impl ControlPlane {
    /// The whole API: `/v1/**`, `/livez`, `/readyz` and `/openapi.json`.
    ///
    /// Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: without the peer's address every
    /// caller counts as remote, and HTTP Basic is refused.
    pub fn router(&self) -> axum::Router {
        http::router(self.api.clone())
    }

    /// The reconciler; runs until cancelled. It may be dropped at any point: the next run repeats the work.
    pub async fn run(&self, cancel: CancellationToken) {
        reconcile::run(self.api.clone(), cancel).await;
    }

    /// From now on `/readyz` says that no work should be sent here.
    pub fn drain(&self) {
        self.api.loop_health.drain();
    }
}
