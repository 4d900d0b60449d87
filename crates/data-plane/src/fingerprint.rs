//! What sessions of a server begin with, as a text that differs when it has changed: asked by every probe,
//! and compared with what the probe before found.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::server::{OpenErrorKind, ServerConnection, query_rows};

/// When the server was started, and what its sessions begin with: the configuration files as of their last
/// loading, `ALTER ROLE .. SET` and `ALTER DATABASE .. SET`, who is a superuser, and the version. Whole rows
/// are hashed by the server, because a setting may be a secret; sums do not depend on the order. A fresh
/// connection tells the postmaster's time of loading. All of it is open to everybody. Times are asked as
/// integers, which read the same whatever the login's settings are.
/// Source: PostgreSQL `src/backend/utils/adt/timestamp.c` (`pg_conf_load_time`), `pg_db_role_setting.h`.
const QUESTION: &str = "SELECT \
     pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::pg_catalog.int8, \
     pg_catalog.concat_ws(' ', \
     pg_catalog.date_part('epoch', pg_catalog.pg_conf_load_time())::pg_catalog.int8, \
     pg_catalog.date_part('microseconds', pg_catalog.pg_conf_load_time())::pg_catalog.int8, \
     (SELECT pg_catalog.sum(pg_catalog.hashtextextended(s::pg_catalog.text, 0)) \
     FROM pg_catalog.pg_db_role_setting s), \
     (SELECT pg_catalog.sum(pg_catalog.hashtextextended(rolname::pg_catalog.text, 0)) \
     FROM pg_catalog.pg_roles WHERE rolsuper), \
     pg_catalog.current_setting('server_version'))";

/// Servers remembered per target. More than one only behind a name or a balancer that leads to several.
const REMEMBERED: usize = 16;

/// One look at one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Where it was met.
    pub(crate) address: SocketAddr,
    /// What tells servers behind one address apart: when it was started (PostgreSQL), or what it calls itself.
    pub(crate) server: String,
    /// Equal for as long as sessions begin with the same.
    pub(crate) fingerprint: String,
}

/// Asks the server.
pub(crate) async fn look(connection: &mut ServerConnection) -> Result<Sight, OpenErrorKind> {
    let rows = query_rows(connection, QUESTION).await?;
    let mut columns = rows.into_iter().flatten();
    match (columns.next().flatten(), columns.next().flatten()) {
        (Some(started), Some(fingerprint)) => Ok(Sight {
            address: connection.address(),
            server: started,
            fingerprint,
        }),
        _ => Err(OpenErrorKind::Protocol(
            "the server's answer about its defaults cannot be read".to_owned(),
        )),
    }
}

/// Whether a look has found something else than the looks before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing new.
    AsBefore,
    /// A server has other defaults than it had, or another server has come.
    Changed,
}

/// The servers that were seen behind one target, the one seen last at the end. Probes that meet two servers
/// in turn find nothing new after the first meetings.
#[derive(Debug, Default)]
pub(crate) struct Sights(VecDeque<Sight>);

impl Sights {
    /// Takes note of a look. The first one is nothing new: nobody has a server connection from before it
    /// whose defaults could be others.
    pub(crate) fn note(&mut self, seen: Sight) -> Found {
        let is_first = self.0.is_empty();
        let same_server =
            |known: &Sight| known.address == seen.address && known.server == seen.server;
        let before = self.0.iter().position(same_server);
        let before = before.and_then(|at| self.0.remove(at));
        let found = match &before {
            Some(known) if *known == seen => Found::AsBefore,
            None if is_first => Found::AsBefore,
            Some(_) | None => Found::Changed,
        };
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(seen);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(port: u16, server: &str, fingerprint: &str) -> Sight {
        Sight {
            address: ([127, 0, 0, 1], port).into(),
            server: server.to_owned(),
            fingerprint: fingerprint.to_owned(),
        }
    }

    #[test]
    fn a_change_is_found_once() {
        let mut sights = Sights::default();
        assert_eq!(sights.note(sight(1, "1", "a")), Found::AsBefore);
        assert_eq!(sights.note(sight(1, "1", "a")), Found::AsBefore);
        assert_eq!(sights.note(sight(1, "1", "b")), Found::Changed);
        assert_eq!(sights.note(sight(1, "1", "b")), Found::AsBefore);
        assert_eq!(sights.note(sight(1, "1", "a")), Found::Changed, "and back");
    }

    #[test]
    fn a_restart_is_a_change() {
        let mut sights = Sights::default();
        sights.note(sight(1, "1", "a"));
        assert_eq!(sights.note(sight(1, "2", "a")), Found::Changed);
    }

    #[test]
    fn two_servers_that_answer_in_turn_are_no_change_after_change() {
        let mut sights = Sights::default();
        sights.note(sight(1, "1", "a"));
        assert_eq!(sights.note(sight(2, "1", "b")), Found::Changed);
        for _ in 0..3 {
            assert_eq!(sights.note(sight(1, "1", "a")), Found::AsBefore);
            assert_eq!(sights.note(sight(2, "1", "b")), Found::AsBefore);
        }
    }

    #[test]
    fn no_more_servers_are_remembered_than_there_may_be() {
        let mut sights = Sights::default();
        for port in 1..100 {
            sights.note(sight(port, "1", "a"));
        }
        assert_eq!(sights.0.len(), REMEMBERED);
        assert_eq!(sights.note(sight(99, "1", "a")), Found::AsBefore);
    }
}
