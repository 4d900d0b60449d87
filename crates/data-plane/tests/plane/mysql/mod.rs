//! The same in front of real MySQL and MariaDB servers.

mod differential;
mod failures;
pub(crate) mod fixture;
mod forger;
mod isolation;
mod raw;
mod sessions;
