//! What the server must report to us, and which of it a client has asked to be told.

use tollgate_sql::mysql::Server;
use tollgate_wire_mysql::reply::{Change, Changes, put_change};

use super::settings::Meaning;

/// The variables a server reports unless it is told otherwise (`session_track_system_variables`, both families).
const USUAL: &[u8] =
    b"time_zone,autocommit,character_set_client,character_set_results,character_set_connection";

/// The statement that makes a server report everything. What it reports of other variables in the same
/// statement depends on the order, so that it sets nothing else. MariaDB has no `session_track_gtids`.
pub(super) fn arming(server: Server) -> &'static [u8] {
    match server {
        Server::MySql { .. } => {
            b"SET session_track_system_variables='*',session_track_schema=ON,\
session_track_state_change=ON,session_track_transaction_info='CHARACTERISTICS',\
session_track_gtids=OWN_GTID"
        }
        Server::MariaDb { .. } => {
            b"SET session_track_system_variables='*',session_track_schema=ON,\
session_track_state_change=ON,session_track_transaction_info='CHARACTERISTICS'"
        }
    }
}

/// What the client hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    variables: Box<[u8]>,
    schema: Switch,
    state_change: Switch,
    transaction: Level,
    gtids: Switch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Off,
    State,
    Characteristics,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            variables: USUAL.into(),
            schema: Switch::On,
            state_change: Switch::Off,
            transaction: Level::Off,
            gtids: Switch::Off,
        }
    }
}

impl Switch {
    fn of(value: &[u8]) -> Self {
        match value {
            b"0" | b"OFF" | b"" => Self::Off,
            _ => Self::On,
        }
    }
}

impl Subscription {
    /// A variable that says what is reported has this value.
    pub(super) fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        let value = value.unwrap_or_default();
        match name {
            b"session_track_system_variables" => self.variables = value.into(),
            b"session_track_schema" => self.schema = Switch::of(value),
            b"session_track_state_change" => self.state_change = Switch::of(value),
            b"session_track_gtids" => self.gtids = Switch::of(value),
            b"session_track_transaction_info" => {
                self.transaction = match value {
                    b"CHARACTERISTICS" => Level::Characteristics,
                    b"STATE" => Level::State,
                    _ => Level::Off,
                }
            }
            _ => {}
        }
    }

    /// True when the client is told that state has changed which is reported in no other way.
    pub(super) fn hears_of_state(&self) -> bool {
        self.state_change == Switch::On
    }

    /// The part of `changes` that the client hears.
    pub(super) fn filter(&self, changes: &[u8]) -> Vec<u8> {
        let mut kept = Vec::new();
        for change in Changes::new(changes).map_while(Result::ok) {
            if self.wants(&change) {
                put_change(&mut kept, &change);
            }
        }
        kept
    }

    fn wants(&self, change: &Change<'_>) -> bool {
        match change {
            Change::SystemVariable { name, .. } => self.hears(name),
            Change::Schema(_) => self.schema == Switch::On,
            Change::StateChange(_) => self.state_change == Switch::On,
            Change::Gtids(_) => self.gtids == Switch::On,
            Change::TransactionState(_) => self.transaction != Level::Off,
            Change::TransactionCharacteristics(_) => self.transaction == Level::Characteristics,
            Change::Unknown { .. } => false,
        }
    }

    /// Numbers of the server's connection are never passed on: drivers would take them for their own, and
    /// `redirect_url` leads past the proxy.
    fn hears(&self, name: &[u8]) -> bool {
        if Meaning::of(name) == Meaning::Passing {
            return false;
        }
        let mut names = self.variables.split(|byte| *byte == b',');
        names.any(|wanted| {
            let wanted = wanted.trim_ascii();
            wanted == b"*" || wanted.eq_ignore_ascii_case(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &'static str) -> Vec<u8> {
        let mut out = Vec::new();
        let value = Some(&b"1"[..]);
        put_change(
            &mut out,
            &Change::SystemVariable {
                name: name.as_bytes(),
                value,
            },
        );
        out
    }

    #[test]
    fn the_client_hears_what_it_asked_for() {
        let mut changes = variable("time_zone");
        changes.extend(variable("sql_mode"));
        put_change(&mut changes, &Change::StateChange(b"1"));
        let mut subscription = Subscription::default();
        assert_eq!(subscription.filter(&changes), variable("time_zone"));
        subscription.set(b"session_track_system_variables", Some(b"sql_mode"));
        assert_eq!(subscription.filter(&changes), variable("sql_mode"));
        subscription.set(b"session_track_system_variables", Some(b""));
        assert!(subscription.filter(&changes).is_empty());
    }

    #[test]
    fn numbers_of_the_servers_connection_are_never_told() {
        let mut subscription = Subscription::default();
        subscription.set(b"session_track_system_variables", Some(b"*"));
        for name in ["redirect_url", "connection_id", "statement_id"] {
            assert!(subscription.filter(&variable(name)).is_empty(), "{name}");
        }
    }
}
