//! The same in front of real MySQL and MariaDB servers.

mod differential;
mod failures;
mod fixture;
mod isolation;
mod raw;
mod sessions;
