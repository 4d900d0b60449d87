//! Conversations by hand, one for every command and every trap of the protocol.

mod commands;
mod diagnostics;
mod files;
mod logins;
mod pipelines;
mod prepared;
mod results;
mod settings;
mod state;
mod transactions;

use tollgate_testkit::MySqlKind;

/// Whose conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Both,
    MySql,
    MariaDb,
}

impl Of {
    fn is(self, kind: MySqlKind) -> bool {
        match self {
            Self::Both => true,
            Self::MySql => kind == MySqlKind::MySql9,
            Self::MariaDb => kind == MySqlKind::MariaDb,
        }
    }
}

/// A conversation: batches, each of which is answered completely before the next is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) end: End,
    pub(super) batches: &'static [&'static str],
}

/// How a client is at the end of its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has done nothing that ties it to a server connection, or has ended it.
    Free,
    /// It may be tied.
    Whatever,
}

/// A theme's scripts: names and batches.
type Theme = &'static [(Of, &'static str, &'static [&'static str])];

/// Ordinary life.
const THEMES: &[Theme] = &[
    commands::SCRIPTS,
    results::SCRIPTS,
    pipelines::SCRIPTS,
    transactions::SCRIPTS,
    diagnostics::SCRIPTS,
    files::SCRIPTS,
    logins::SCRIPTS,
];

/// Those in which things are left open.
const OPEN: &[Theme] = &[prepared::SCRIPTS, settings::SCRIPTS, state::SCRIPTS];

/// Those that get in the way of everybody else on the server, or in whose way others are.
const ALONE: &[Theme] = &[state::FOR_ONE, diagnostics::FOR_ONE];

/// All of them for this kind of server.
pub(super) fn all(kind: MySqlKind) -> impl Iterator<Item = Script> {
    in_company(kind).chain(scripts(ALONE, End::Whatever, kind))
}

/// Those that mean the same whatever other clients do.
pub(super) fn in_company(kind: MySqlKind) -> impl Iterator<Item = Script> {
    scripts(THEMES, End::Free, kind).chain(scripts(OPEN, End::Whatever, kind))
}

/// All of these, or those whose names have what `TOLLGATE_SCRIPT` says in them.
fn scripts(themes: &'static [Theme], end: End, kind: MySqlKind) -> impl Iterator<Item = Script> {
    let wanted = std::env::var("TOLLGATE_SCRIPT").unwrap_or_default();
    let all = themes.iter().copied().flatten();
    all.filter(move |(of, name, _)| of.is(kind) && name.contains(&wanted))
        .map(move |(_, name, batches)| Script { name, end, batches })
}
