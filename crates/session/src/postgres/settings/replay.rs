//! The query that takes a connection from the settings it has to those a session needs.
//!
//! It is one simple Query, so that nobody waits for it: the client's bytes follow in the same write. It opens
//! a transaction block of its own; when a setting is refused, the block is left open and failed, and what
//! the client sent fails too (25P02) instead of running under settings it did not choose.
//!
//! Who the session acts as (`session_authorization`, then `role`) is put back last, so that everything else
//! is set with the rights of the login, which the client has in any case.

use super::sql::{
    is_identifier, is_plain, is_setting_name, push_identifier, push_literal, push_query,
    push_setting_name, push_text,
};
use super::standing::{Standing, standing, takes_literal};
use super::{Setting, Settings};

const ROLE: &[u8] = b"role";
const SESSION_AUTHORIZATION: &[u8] = b"session_authorization";

/// What was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Query messages; each is answered by one `ReadyForQuery`. Results, reports and notices come before it.
    pub(crate) queries: u32,
    /// Whether the server may refuse.
    pub(crate) certainty: Certainty,
}

/// Whether a server may refuse settings that another connection to the same database took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// It cannot.
    Certain,
    /// It can: rights, roles or objects may be gone.
    Fallible,
}

/// Appends the Query message that takes a connection from `from` to `to`; nothing when they are the same.
pub(crate) fn replay(from: &Settings, to: &Settings, out: &mut Vec<u8>) -> Replay {
    let changes = Changes::between(from, to);
    if changes.is_empty() {
        return Replay {
            queries: 0,
            certainty: Certainty::Certain,
        };
    }
    let identity = changes.identity(from, to);
    // A deferrable transaction, if that is the default, could wait for others before it answers.
    let mut sql = String::from("BEGIN ISOLATION LEVEL READ COMMITTED;");
    if identity == Identity::Moves {
        sql.push_str("RESET ROLE;RESET SESSION AUTHORIZATION;");
    }
    for name in &changes.resets {
        push_reset(&mut sql, name);
    }
    for setting in &changes.sets {
        push_set(&mut sql, setting);
    }
    if identity == Identity::Moves {
        push_identity(&mut sql, to);
    }
    sql.push_str("COMMIT");
    push_query(out, &sql);
    Replay {
        queries: 1,
        certainty: changes.certainty(identity),
    }
}

/// Whether the session must act as its login while its settings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// It acts as the same one before and after, and nothing that changes depends on rights.
    Stays,
    /// It goes back to the login and then to what the settings say.
    Moves,
}

/// What differs, without the identity.
struct Changes<'a> {
    resets: Vec<&'a [u8]>,
    sets: Vec<&'a Setting>,
    identity_differs: Difference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    No,
    Yes,
}

impl<'a> Changes<'a> {
    fn between(from: &'a Settings, to: &'a Settings) -> Self {
        let mut changes = Self {
            resets: Vec::new(),
            sets: Vec::new(),
            identity_differs: Difference::No,
        };
        if from.same(to) {
            return changes;
        }
        for setting in from.entries() {
            if to.get(&setting.name).is_some() {
                continue;
            }
            if is_identity(&setting.name) {
                changes.identity_differs = Difference::Yes;
            } else {
                changes.resets.push(&setting.name);
            }
        }
        for setting in to.entries() {
            if from.get(&setting.name) == Some(&*setting.value) {
                continue;
            }
            if is_identity(&setting.name) {
                changes.identity_differs = Difference::Yes;
            } else {
                changes.sets.push(setting);
            }
        }
        changes
    }

    fn is_empty(&self) -> bool {
        self.resets.is_empty() && self.sets.is_empty() && self.identity_differs == Difference::No
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        let sets = self.sets.iter().map(|setting| &*setting.name);
        self.resets.iter().copied().chain(sets)
    }

    fn identity(&self, from: &Settings, to: &Settings) -> Identity {
        if self.identity_differs == Difference::Yes {
            return Identity::Moves;
        }
        let borrowed = [from, to]
            .iter()
            .any(|side| side.get(ROLE).is_some() || side.get(SESSION_AUTHORIZATION).is_some());
        if borrowed && self.names().any(|name| standing(name) != Standing::Plain) {
            Identity::Moves
        } else {
            Identity::Stays
        }
    }

    fn certainty(&self, identity: Identity) -> Certainty {
        let delicate = self
            .names()
            .any(|name| standing(name) == Standing::Delicate);
        if delicate || identity == Identity::Moves {
            Certainty::Fallible
        } else {
            Certainty::Certain
        }
    }
}

fn is_identity(name: &[u8]) -> bool {
    name == ROLE || name == SESSION_AUTHORIZATION
}

fn push_reset(sql: &mut String, name: &[u8]) {
    if is_setting_name(name) {
        sql.push_str("RESET ");
        push_setting_name(sql, name);
        sql.push(';');
    } else {
        push_set_config(sql, name, None);
    }
}

fn push_set(sql: &mut String, setting: &Setting) {
    let (name, value) = (&*setting.name, &*setting.value);
    if is_setting_name(name) && is_plain(value) && takes_literal(name) {
        sql.push_str("SET ");
        push_setting_name(sql, name);
        sql.push_str(" TO ");
        push_literal(sql, value);
        sql.push(';');
    } else {
        push_set_config(sql, name, Some(value));
    }
}

/// The function takes a value as it is; without one it does what RESET does. It returns the value, which the
/// client's encoding of that moment may not have: only whether there is one is sent.
fn push_set_config(sql: &mut String, name: &[u8], value: Option<&[u8]>) {
    sql.push_str("SELECT pg_catalog.set_config(");
    push_text(sql, name);
    sql.push(',');
    match value {
        Some(value) => push_text(sql, value),
        None => sql.push_str("NULL"),
    }
    sql.push_str(",false) IS NULL;");
}

fn push_identity(sql: &mut String, to: &Settings) {
    // Whoever acts as another login has no role by that; one that is not set is the session's own.
    let goes_back = to.get(SESSION_AUTHORIZATION).is_some() && to.get(ROLE).is_none();
    let parts = [
        (SESSION_AUTHORIZATION, "SET SESSION AUTHORIZATION "),
        (ROLE, "SET ROLE "),
    ];
    for (name, command) in parts {
        let Some(who) = to.get(name) else { continue };
        if is_identifier(who) {
            sql.push_str(command);
            push_identifier(sql, who);
            sql.push(';');
        } else {
            push_set_config(sql, name, Some(who));
        }
    }
    if goes_back {
        sql.push_str("RESET ROLE;");
    }
}
