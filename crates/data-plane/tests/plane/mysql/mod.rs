//! The same in front of real MySQL and MariaDB servers.

mod fixture;
mod sessions;
