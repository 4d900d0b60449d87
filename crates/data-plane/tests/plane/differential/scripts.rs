//! Conversations by hand, one for every rule that poolers are known to break.

mod apart;
mod cancels;
mod copy;
mod first;
mod functions;
mod messages_aside;
mod named_in_sql;
mod pipelines;
mod portals;
mod prepared;
mod reading;
mod resets;
mod settings;
mod simple;
mod startup;
mod state;
mod superuser;
mod transactions;

/// A conversation: batches, each of which is answered completely before the next is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub(super) name: &'static str,
    pub(super) batches: &'static [&'static str],
}

impl Script {
    /// True when the server ends the connection in it.
    pub(super) fn ends_the_session(&self) -> bool {
        self.name.contains("in the middle of a copy") || self.name.contains("fatal")
    }
}

/// A theme's scripts: names and batches.
type Theme = &'static [(&'static str, &'static [&'static str])];

const THEMES: &[Theme] = &[
    first::SCRIPTS,
    pipelines::SCRIPTS,
    simple::SCRIPTS,
    transactions::SCRIPTS,
    prepared::SCRIPTS,
    named_in_sql::SCRIPTS,
    portals::SCRIPTS,
    copy::SCRIPTS,
    functions::SCRIPTS,
    settings::SCRIPTS,
    startup::SCRIPTS,
    resets::SCRIPTS,
    state::SCRIPTS,
    messages_aside::SCRIPTS,
    cancels::SCRIPTS,
];

/// Those that come out differently while others change the catalogue: PostgreSQL then reads every statement
/// anew, under the settings of that moment, and for that looks at the database in the middle of a transaction.
const UNDISTURBED: &[Theme] = &[reading::SCRIPTS, named_in_sql::READING, apart::SCRIPTS];

/// Those that only superusers can play.
pub(super) fn of_superusers() -> impl Iterator<Item = Script> {
    scripts(&[superuser::SCRIPTS])
}

/// All that anybody can play.
pub(super) fn all() -> impl Iterator<Item = Script> {
    in_company().chain(scripts(UNDISTURBED))
}

/// Those that mean the same whatever other clients do.
pub(super) fn in_company() -> impl Iterator<Item = Script> {
    scripts(THEMES)
}

/// All of these, or those whose names have what `TOLLGATE_SCRIPT` says in them.
fn scripts(themes: &'static [Theme]) -> impl Iterator<Item = Script> {
    let wanted = std::env::var("TOLLGATE_SCRIPT").unwrap_or_default();
    let all = themes.iter().copied().flatten();
    all.filter(move |(name, _)| name.contains(&wanted))
        .map(|(name, batches)| Script { name, batches })
}
