//! Conversations by hand, one for every rule that poolers are known to break.

mod first;

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

const THEMES: &[Theme] = &[first::SCRIPTS];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Script> {
    let all = THEMES.iter().copied().flatten();
    all.map(|(name, batches)| Script { name, batches })
}
