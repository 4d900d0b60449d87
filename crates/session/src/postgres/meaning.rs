//! What running a text means for the session: its effects, its names, and what to call it if it pins.

use std::sync::Arc;

use tollgate_sql::{Dialect, EffectSet, Summary};

use super::link::Link;
use super::pins::PINNING;
use super::queue::{Meaning, Statements};
use super::statements::{Possible, changes};

/// Bytes of a statement kept to tell what pinned.
const MAX_DIGEST: usize = 200;

/// What running a text with this summary means, beside the statements that have names already.
pub(super) fn meaning_of(
    summary: &Summary,
    link: &mut Link,
    named: &Possible,
    text: Option<&[u8]>,
) -> Meaning {
    let mut effects = summary.effects;
    let uncertain = link.settings_in_flight || link.parameters.backslash_is_ambiguous();
    if effects.intersects(EffectSet::AMBIGUOUS_ESCAPE) && uncertain {
        // The server may have read the strings in another way, and run what looks like data here.
        effects.insert(EffectSet::UNKNOWN);
    }
    let executes = effects.intersects(EffectSet::EXECUTE);
    let statements = match summary.statements {
        0 => Statements::None,
        1 => Statements::One,
        _ => Statements::Many,
    };
    let touched = (!summary.settings.is_empty()).then(|| Arc::new(summary.settings.clone()));
    let mut meaning = Meaning {
        effects,
        statements,
        name: changes(summary, text),
        touched,
        calls: summary.calls.clone(),
        digest: None,
        culprit: None,
    };
    if executes {
        meaning = meaning.executing(named);
    }
    if meaning.effects.intersects(PINNING) || link.knowledge.may_pin(&meaning.calls) {
        meaning.digest = digest(text, link);
    }
    meaning
}

/// The statement for those who want to know what pinned.
fn digest(text: Option<&[u8]>, link: &Link) -> Option<Arc<str>> {
    let style = link.parameters.style();
    let digest = tollgate_sql::digest(Dialect::PostgreSql, style, text?, MAX_DIGEST);
    Some(Arc::from(digest))
}
