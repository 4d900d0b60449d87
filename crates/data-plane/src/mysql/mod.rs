//! MySQL and MariaDB: how servers are logged in to and looked after, and how clients come in.

mod defaults;
pub(crate) mod door;
mod face;
mod handshake;
mod login;
mod packets;
pub(crate) mod probe;
pub(crate) mod server;

pub(crate) use server::ServerError;
