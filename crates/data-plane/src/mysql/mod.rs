//! MySQL and MariaDB: how servers are logged in to and looked after, and how clients come in.

pub(crate) mod arriving;
mod door;
mod face;
mod greeting;
mod handshake;
mod login;
pub(crate) mod opening;
mod packets;
pub(crate) mod probe;
pub(crate) mod server;
mod welcomes;

pub(crate) use server::ServerError;
pub(crate) use welcomes::Welcomes;
