//! Real pieces for tests: throw-away PostgreSQL servers, certificates, ports, links that misbehave. Never shipped.

mod account;
mod ca;
mod port;
mod postgres;
mod process;
mod tools;

pub use account::Account;
pub use ca::{Identity, TestCa};
pub use port::{free_port, free_ports};
pub use postgres::{HostAuth, Postgres, PostgresOptions, PostgresVersion};
pub use process::{Ended, Guarded};
pub use tools::tools_dir;
