//! PgBouncer: transaction pooling, one thread, md5 for one user and SCRAM for the other.

use std::fmt::Write as _;

use anyhow::Result;
use tollgate_testkit::ClientTls;

use super::{Place, Recipe};
use crate::{
    door::{Entry, Tls},
    stage::{Buffers, PASSWORD, POOL, SCRAM_USER, USER},
    system::System,
};

/// Named statements in transaction pooling came with this version (its change log).
const NAMED_STATEMENTS_SINCE: (u32, u32) = (1, 21);

pub(super) fn recipe(place: &Place<'_>, version: &str) -> Result<Recipe> {
    let identity = place.behind.authority.server(&["127.0.0.1"])?;
    let certificate = place.write("server.crt", &identity.cert_pem)?;
    let key = place.write("server.key", &identity.key_pem)?;
    let mut users = String::new();
    for user in [USER, SCRAM_USER] {
        let _ = writeln!(users, "\"{user}\" \"{PASSWORD}\"");
    }
    let users = place.write("users", &users)?;
    let hba = place.write(
        "hba",
        &format!("host all {USER} 127.0.0.1/32 md5\nhost all all 127.0.0.1/32 scram-sha-256\n"),
    )?;
    let mut settings = format!(
        "[databases]\nbench = host=127.0.0.1 port={} dbname=bench\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\n\
         pool_mode = transaction\ndefault_pool_size = {POOL}\nmax_client_conn = 15000\n\
         auth_type = hba\nauth_hba_file = {hba}\nauth_file = {users}\nserver_tls_sslmode = disable\n\
         client_tls_sslmode = allow\nclient_tls_cert_file = {certificate}\nclient_tls_key_file = {key}\n\
         listen_backlog = 1024\nlog_connections = 0\nlog_disconnections = 0\n\
         ignore_startup_parameters = extra_float_digits\n",
        place.behind.server_port, place.port
    );
    if place.behind.buffers == Buffers::Large {
        settings.push_str("pkt_buf = 65536\n");
    }
    if knows_named_statements(version) {
        settings.push_str("max_prepared_statements = 200\n");
    }
    let trust = ClientTls::trusting(&place.behind.authority.cert_pem())?;
    let mut doors = Vec::new();
    for (tls, trust) in [(Tls::Off, None), (Tls::On, Some(trust))] {
        let door = |user| place.door(System::PgBouncer, user, trust.clone());
        doors.push((Entry::Cheap(tls), door(USER)));
        doors.push((Entry::Scram(tls), door(SCRAM_USER)));
    }
    Ok(Recipe {
        arguments: vec![place.write("pgbouncer.ini", &settings)?],
        doors,
    })
}

/// Whether `PgBouncer 1.26.1` is new enough.
fn knows_named_statements(version: &str) -> bool {
    let numbers = version.rsplit(' ').next().unwrap_or_default();
    let mut numbers = numbers.split('.').map_while(|word| word.parse().ok());
    let pair = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    pair >= NAMED_STATEMENTS_SINCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_versions_have_named_statements() {
        assert!(knows_named_statements("PgBouncer 1.26.1"));
        assert!(!knows_named_statements("PgBouncer 1.18.0"));
        assert!(!knows_named_statements(""));
    }
}
