//! The same in front of real MySQL and MariaDB servers.

mod differential;
mod fixture;
mod raw;
mod sessions;
