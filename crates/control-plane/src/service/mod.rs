//! What the resources mean: specifications, naming, and the steps between a request and the store.

pub(crate) mod access_keys;
pub(crate) mod check;
pub(crate) mod databases;
pub(crate) mod endpoint_spec;
pub(crate) mod endpoints;
pub(crate) mod fresh;
pub(crate) mod identities;
pub(crate) mod identity_spec;
pub(crate) mod name;
pub(crate) mod network;
pub(crate) mod proxies;
pub(crate) mod proxy_spec;
pub(crate) mod proxy_view;
pub(crate) mod resource;
pub(crate) mod secret_data;
pub(crate) mod secret_spec;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod simulate;
pub(crate) mod store_problem;
pub(crate) mod tagging;
pub(crate) mod wait;
pub(crate) mod waiting;

mod database_spec;
