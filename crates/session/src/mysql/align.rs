//! Makes the server connection what the client's is: armed, with its settings, its schema and its statements' reading.

use std::sync::Arc;

use tollgate_sql::mysql::Server;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command as wire;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::reply::ReplyKind;

use super::diagnostics::Doubt;
use super::link::{Armed, InsertId, Link, Listed, Past, Purpose};
use super::settings::{Certainty, Change, Settings};
use super::statements::{READING, Reading};
use super::variables::Variables;
use super::{Known, Session, Want, tracking};
use crate::Effects;

/// What a connection has of itself: the global values a reset goes back to, and the session's own.
const BASELINE: &[u8] = b"SELECT @@global.character_set_client,@@global.character_set_connection,\
@@global.character_set_results,@@global.collation_connection,@@character_set_client,\
@@character_set_connection,@@character_set_results,@@collation_connection,@@sql_mode,@@autocommit,DATABASE(),";

/// No role, as `SET ROLE` takes it.
const NO_ROLE: &[u8] = b"NONE";

/// The first columns of `BASELINE`, twice.
pub(super) const CHARSETS: [&[u8]; 4] = [
    b"character_set_client",
    b"character_set_connection",
    b"character_set_results",
    b"collation_connection",
];

/// What must have been answered before the client's command can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aligned {
    Now,
    Later,
    Never,
}

impl Session {
    /// Gives the server connection the client's settings. `None`: the client's bytes may follow at once.
    pub(super) fn align(&mut self, out: &mut Effects) -> Option<Want> {
        if let Some(link) = &mut self.link {
            link.settings.share(&mut self.settings);
            link.variables.share(&mut self.variables.known);
        }
        let target = self.settings.clone();
        self.align_to(&target, out)
    }

    /// The same for a command that goes to another schema: the one that the client is in may be gone.
    pub(super) fn align_but_schema(&mut self, out: &mut Effects) -> Option<Want> {
        let mut target = self.settings.clone();
        if let Some(link) = &self.link {
            target.schema.clone_from(&link.settings.schema);
        }
        self.align_to(&target, out)
    }

    pub(super) fn align_to(&mut self, target: &Settings, out: &mut Effects) -> Option<Want> {
        let multi = self.multi_statements;
        let reads = self.link.as_ref().is_some_and(|link| link.needs_book());
        if (reads || self.disturbs(target))
            && let Some(want) = self.keep_what_was_left(out)
        {
            return Some(want);
        }
        let Some(link) = &mut self.link else {
            return Some(self.wait_for_server());
        };
        if link.armed == Armed::No {
            link.arm(out);
            return Some(Want::Replies);
        }
        if link.needs_book() {
            link.read_book(out);
            return Some(Want::Replies);
        }
        link.bodies.use_book();
        if self.collation == Known::InDoubt {
            self.ask_collation(out);
            return Some(Want::Replies);
        }
        if link.multi_statements != multi {
            link.multi_statements = multi;
            let option = multi.option();
            out.server_lane()
                .inject(|bytes| wire::write_set_option(bytes, option));
            link.expect(Purpose::Restore, ReplyKind::Single, 0);
        }
        let aligned = link.take_settings(target, out);
        link.take_variables(&self.variables.known, out);
        if link.insert_id == InsertId::Stale {
            self.give_insert_id(out);
        }
        match aligned {
            Aligned::Now => None,
            Aligned::Later => Some(Want::Replies),
            Aligned::Never => {
                self.error(
                    ErrorCode::UNKNOWN,
                    "no server connection without a current schema is at hand",
                );
                // The command is seen again, with its verdict.
                Some(Want::Replies)
            }
        }
    }

    /// True when something of ours must run first.
    fn disturbs(&self, target: &Settings) -> bool {
        self.link.as_ref().is_some_and(|link| {
            self.collation == Known::InDoubt
                || link.insert_id == InsertId::Stale
                || link.multi_statements != self.multi_statements
                || link.settings != *target
                || link.variables != self.variables.known
        })
    }

    pub(super) fn ask_collation(&mut self, out: &mut Effects) {
        self.collation = Known::Yes;
        let names = ["character_set_connection", "collation_connection"];
        if let Some(link) = &mut self.link {
            link.ask(names.iter().map(|name| name.as_bytes().to_vec()), out);
        }
    }

    /// `LAST_INSERT_ID()` is to be the client's, for a command that may read it.
    pub(super) fn restore_insert_id(&mut self, out: &mut Effects) -> Option<Want> {
        let clients = |link: &Link| link.insert_id == InsertId::Clients;
        if !self.link.as_deref().is_some_and(clients)
            && let Some(want) = self.keep_what_was_left(out)
        {
            return Some(want);
        }
        let link = self.link.as_mut()?;
        match (link.insert_id, self.diagnostics.insert_id_doubt) {
            (InsertId::Clients, _) => None,
            (InsertId::Zero, Doubt::Yes) => {
                link.ask_insert_id(out);
                Some(Want::Replies)
            }
            (InsertId::Zero, Doubt::No) | (InsertId::Stale, _) => {
                self.give_insert_id(out);
                None
            }
        }
    }

    fn give_insert_id(&mut self, out: &mut Effects) {
        let Some(link) = &mut self.link else { return };
        let mut change = Change::default();
        change.assign_insert_id(self.diagnostics.insert_id());
        link.insert_id = InsertId::Clients;
        link.say(&change.sql, Purpose::Restore, out);
    }

    /// How the client's texts are read now.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            schema: self.settings.schema.clone(),
            values: READING.map(|name| self.settings.value(name).cloned()),
        }
    }

    /// The client's settings, but a text is read as it was when it was prepared.
    pub(super) fn settings_for(&self, reading: &Reading) -> Settings {
        let mut settings = self.settings.clone();
        settings.schema.clone_from(&reading.schema);
        for (name, value) in READING.iter().zip(&reading.values) {
            match value {
                Some(value) => settings.set(name, value.as_deref()),
                None => settings.unset(name),
            }
        }
        settings
    }
}

impl Link {
    /// Sends a query of our own.
    pub(super) fn say(&mut self, sql: &[u8], purpose: Purpose, out: &mut Effects) {
        let capabilities = self.config.capabilities;
        out.server_lane()
            .inject(|bytes| wire::write_query(bytes, capabilities, sql));
        self.expect(purpose, ReplyKind::TextResults, 0);
    }

    /// Makes the server report, and reads what the connection has of itself.
    pub(super) fn arm(&mut self, out: &mut Effects) {
        self.say(tracking::arming(self.config.server), Purpose::Arm, out);
        let role = match self.config.server {
            // It has none.
            Server::MySql { version } if version < 80_000 => &b"NULL"[..],
            Server::MySql { .. } | Server::MariaDb { .. } => b"CURRENT_ROLE()",
        };
        self.say(&[BASELINE, role].concat(), Purpose::Baseline, out);
    }

    /// Makes the server forget conditions: both families do so for a statement with a table.
    pub(super) fn forget_conditions(&mut self, out: &mut Effects) {
        if self.listed == Listed::Something {
            self.listed = Listed::Nothing;
            self.say(b"SELECT 0 FROM (SELECT 0) t", Purpose::Restore, out);
        }
    }

    /// Reads `LAST_INSERT_ID()` and makes it 0: arguments are evaluated from left to right.
    pub(super) fn ask_insert_id(&mut self, out: &mut Effects) {
        let sql = b"SELECT LAST_INSERT_ID(),LAST_INSERT_ID(0)";
        self.say(sql, Purpose::InsertId, out);
    }

    /// Reads variables of the client.
    pub(super) fn ask(&mut self, names: impl Iterator<Item = Vec<u8>>, out: &mut Effects) {
        let names: Vec<_> = names.collect();
        let mut sql = b"SELECT ".to_vec();
        for (at, name) in names.iter().enumerate() {
            sql.extend_from_slice(if at == 0 { b"@@" } else { b",@@" });
            sql.extend_from_slice(name);
        }
        self.say(&sql, Purpose::Ask(names), out);
    }

    /// The role that the connection has, as the server tells it; `None` for the one that it began with.
    pub(super) fn role_told(&mut self, told: Option<&[u8]>) -> Option<Arc<[u8]>> {
        let spelled: Arc<[u8]> = match (self.config.server, told) {
            (_, None) => NO_ROLE.into(),
            // A list of accounts in quotes, or `NONE`.
            (Server::MySql { .. }, Some(roles)) => roles.into(),
            (Server::MariaDb { .. }, Some(role)) => {
                let mut quoted = vec![b'`'];
                for byte in role {
                    quoted.push(*byte);
                    quoted.extend((*byte == b'`').then_some(b'`'));
                }
                quoted.push(b'`');
                quoted.into()
            }
        };
        // A reset leaves the role as it is: only the first answer tells the connection's own.
        let own = self.own_role.get_or_insert_with(|| Arc::clone(&spelled));
        (*own != spelled).then_some(spelled)
    }

    fn take_variables(&mut self, target: &Variables, out: &mut Effects) {
        if let Some(sql) = self.variables.to(target) {
            // No user variable is in the baseline.
            self.touches(b"@");
            self.variables.clone_from(target);
            self.say(&sql, Purpose::Restore, out);
        }
    }

    fn take_settings(&mut self, target: &Settings, out: &mut Effects) -> Aligned {
        let mut aligned = Aligned::Now;
        if self.settings.schema.is_some() && target.schema.is_none() {
            return Aligned::Never;
        }
        if let Some(change) = self.settings.to(target, &self.baseline) {
            let names: Vec<_> = self.settings.names_not_as_in(target);
            for name in names {
                self.touches(&name);
            }
            self.settings.take_variables(target);
            let purpose = match change.certainty {
                Certainty::Certain => Purpose::Restore,
                Certainty::Uncertain => {
                    aligned = Aligned::Later;
                    Purpose::RestoreAwaited
                }
            };
            self.say(&change.sql, purpose, out);
        }
        if self.settings.role != target.role {
            let own = self.own_role.clone().unwrap_or_else(|| NO_ROLE.into());
            let role = target.role.clone().unwrap_or(own);
            self.settings.role.clone_from(&target.role);
            aligned = Aligned::Later;
            let sql = [b"SET ROLE ", &*role].concat();
            self.say(&sql, Purpose::RestoreAwaited, out);
        }
        if self.settings.schema != target.schema
            && let Some(name) = &target.schema
        {
            aligned = Aligned::Later;
            let before = self.settings.schema.replace(Arc::clone(name));
            out.server_lane()
                .inject(|bytes| wire::use_schema(bytes, name));
            self.expect(Purpose::Schema(before), ReplyKind::Single, 0);
        }
        aligned
    }
}

/// Takes what `BASELINE` was answered with; false when it is nothing like it.
pub(super) fn baseline_read(link: &mut Link, row: &[Option<&[u8]>]) -> bool {
    let [rest @ .., sql_mode, autocommit, schema, role] = row else {
        return false;
    };
    let Some((global, own)) = rest.split_at_checked(CHARSETS.len()) else {
        return false;
    };
    if own.len() != CHARSETS.len() {
        return false;
    }
    let mut baseline = Settings::default();
    let mut settings = Settings::default();
    for ((name, global), own) in CHARSETS.iter().zip(global).zip(own) {
        baseline.set(name, *global);
        settings.set(name, *own);
    }
    match (link.config.server, link.past) {
        // A reset has taken what the login had added to the global mode: a client has it until its own reset.
        (Server::MariaDb { .. }, Past::WasReset)
            if link
                .config
                .capabilities
                .contains(Capabilities::IGNORE_SPACE) =>
        {
            let mut mode = b"IGNORE_SPACE,".to_vec();
            mode.extend_from_slice(sql_mode.unwrap_or_default());
            baseline.set(b"sql_mode", Some(&mode));
            settings.set(b"sql_mode", *sql_mode);
        }
        (Server::MySql { .. } | Server::MariaDb { .. }, _) => {
            baseline.set(b"sql_mode", *sql_mode);
        }
    }
    baseline.set(b"autocommit", *autocommit);
    settings.set_schema(schema.unwrap_or_default());
    settings.role = link.role_told(*role);
    link.baseline = baseline;
    link.settings = settings;
    link.armed = Armed::Yes;
    true
}
