//! MySQL and MariaDB: how servers are logged in to and looked after, and how clients come in.

mod packets;
pub(crate) mod probe;
pub(crate) mod server;

pub(crate) use server::ServerError;
