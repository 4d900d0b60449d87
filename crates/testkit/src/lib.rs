//! Real pieces for tests: throw-away PostgreSQL, MySQL and MariaDB servers, the real `tollgate` program, certificates, a
//! client that speaks raw bytes, and a link that misbehaves. Never shipped.

mod account;
mod api;
mod ca;
mod chaos;
mod client_tls;
mod mysql;
mod port;
mod postgres;
mod process;
pub mod scripted;
mod template;
mod tollgate;
mod tools;

pub use account::Account;
pub use api::{Api, Reply};
pub use ca::{Identity, TestCa};
pub use chaos::{ChaosLink, LinkMode};
pub use client_tls::{ClientTls, NamedTls, PgTlsStream};
pub use mysql::{Binlog, LoginPlugin, MySqlKind, MySqlOptions, MySqlServer, PerformanceSchema};
pub use port::Ports;
pub use postgres::{HostAuth, Postgres, PostgresOptions, PostgresVersion};
pub use process::{Ended, Guarded, Signal};
pub use scripted::ScriptedClient;
pub use tollgate::{RootKey, Tollgate, TollgateOptions, tollgate_program};
pub use tools::tools_dir;
