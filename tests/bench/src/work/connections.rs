//! CPU time of a proxy per new connection: connect, prove who one is, one query, goodbye.

use anyhow::Result;

use super::{micros_each, process, proxy_door};
use crate::{
    door::{Door, Entry, Tls},
    stage::Stage,
    system::System,
    wire::Client,
};

/// Where clients of `system` come in that way. Nobody but us knows tokens: there, passwords by SCRAM inside TLS are
/// what one compares with.
pub(super) fn door(stage: &Stage, system: System, entry: Entry) -> Option<Door> {
    match (system, entry) {
        (System::Floor | System::HaProxy | System::Router | System::Direct, _) => None,
        (System::PgBouncer, Entry::Token) => proxy_door(stage, system, Entry::Scram(Tls::On)),
        (System::Tollgate | System::PgBouncer, entry) => proxy_door(stage, system, entry),
    }
}

/// Microseconds per connection.
pub(super) fn cpu(door: &Door, logins: u32) -> Result<f64> {
    // The first one may ask the server for what later ones are told from memory.
    once(door)?;
    let work = || (0..logins).try_for_each(|_| once(door));
    let (time, ()) = process(door)?.cpu_of(work)?;
    micros_each(time, u64::from(logins))
}

fn once(door: &Door) -> Result<()> {
    let mut client = Client::connect(door)?;
    client.query("SELECT 1")?;
    client.close()
}
