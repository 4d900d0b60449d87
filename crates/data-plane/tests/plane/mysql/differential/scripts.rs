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
    pub(super) batches: &'static [&'static str],
}

/// A theme's scripts: names and batches.
type Theme = &'static [(Of, &'static str, &'static [&'static str])];

const THEMES: &[Theme] = &[
    commands::SCRIPTS,
    results::SCRIPTS,
    prepared::SCRIPTS,
    pipelines::SCRIPTS,
    transactions::SCRIPTS,
    settings::SCRIPTS,
    diagnostics::SCRIPTS,
    state::SCRIPTS,
    files::SCRIPTS,
    logins::SCRIPTS,
];

/// Those that get in the way of everybody else on the server.
const ALONE: &[Theme] = &[state::FOR_ONE];

/// All of them for this kind of server.
pub(super) fn all(kind: MySqlKind) -> impl Iterator<Item = Script> {
    in_company(kind).chain(scripts(ALONE, kind))
}

/// Those that mean the same whatever other clients do.
pub(super) fn in_company(kind: MySqlKind) -> impl Iterator<Item = Script> {
    scripts(THEMES, kind)
}

fn scripts(themes: &'static [Theme], kind: MySqlKind) -> impl Iterator<Item = Script> {
    let all = themes.iter().copied().flatten();
    all.filter(move |(of, _, _)| of.is(kind))
        .map(|(_, name, batches)| Script { name, batches })
}
