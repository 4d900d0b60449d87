//! Names of log fields: the same thing has the same name in every event, units are part of the name.
//!
//! Used as `info!({ fields::PROXY_NAME } = %name, "proxy applied")`.

/// Name of a proxy.
pub const PROXY_NAME: &str = "proxy.name";
/// Id of a proxy (`prx-…`).
pub const PROXY_ID: &str = "proxy.id";
/// Generation of a proxy's settings.
pub const PROXY_GENERATION: &str = "proxy.generation";
/// Name of an endpoint.
pub const ENDPOINT_NAME: &str = "endpoint.name";
/// Address that an endpoint is bound to.
pub const ENDPOINT_ADDRESS: &str = "endpoint.address";
/// Name of a registered database.
pub const TARGET_NAME: &str = "target.name";
/// Host and port of a target.
pub const TARGET_ADDRESS: &str = "target.address";
/// Rung of the probe ladder.
pub const TARGET_STEP: &str = "target.step";
/// Health of a target.
pub const TARGET_STATE: &str = "target.state";
/// Address of a client.
pub const CLIENT_ADDRESS: &str = "client.address";
/// Correlation id that a client was shown.
pub const CLIENT_CORRELATION_ID: &str = "client.correlation_id";
/// Database user.
pub const DB_USER: &str = "db.user";
/// Database within the server.
pub const DB_NAME: &str = "db.name";
/// Process id that a server gave to a connection.
pub const SERVER_PROCESS_ID: &str = "server.process_id";
/// Five characters that say what went wrong.
pub const SQLSTATE: &str = "sqlstate";
/// Who is to blame: client, backend, proxy or operator.
pub const FAULT: &str = "fault";
/// Reason from a closed list (pins, refusals, closes).
pub const REASON: &str = "reason";
/// An error with its sources.
pub const ERROR: &str = "error";
/// Revision of a configuration.
pub const CONFIG_REVISION: &str = "config.revision";
/// Id of an API request.
pub const REQUEST_ID: &str = "request.id";
/// Index of a shard.
pub const SHARD: &str = "shard";
/// How long it took, in milliseconds.
pub const DURATION_MS: &str = "duration_ms";
/// How long somebody waited, in milliseconds.
pub const WAIT_MS: &str = "wait_ms";
/// Server connections borrowed by a client.
pub const BORROWS: &str = "borrows";
/// Bytes sent from a client to servers.
pub const BYTES_TO_SERVER: &str = "bytes_to_server";
/// Bytes sent from servers to a client.
pub const BYTES_TO_CLIENT: &str = "bytes_to_client";
