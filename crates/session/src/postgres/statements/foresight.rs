//! How the constants of a `PREPARE` will be read, found out before its text is sent.
//!
//! A text may change settings before it prepares, and end its transaction behind that: afterwards nobody could
//! tell. So the settings of the moment in which it is sent are taken, or asked for, and what its statements
//! make of them is followed as far as they say so plainly.

use std::sync::Arc;

use tollgate_sql::{Deed, Dialect, EffectSet, classify, statements};
use tollgate_wire_postgres::backend::TransactionStatus;

use super::rereading::Ahead;
use crate::Effects;
use crate::postgres::link::{Link, Segment};
use crate::postgres::meaning::meaning_of;
use crate::postgres::queue::{Meaning, NameChange, Work};
use crate::postgres::settings::{Moved, Reading, depends_on_reading, is_of_reading};
use crate::postgres::{Session, Want};

/// Effects after which settings may be any, and nobody has said which.
pub(super) const OPAQUE: EffectSet = EffectSet::SETTING_UNKNOWN
    .union(EffectSet::LOCAL_SETTING)
    .union(EffectSet::RESET_ALL)
    .union(EffectSet::PROCEDURE)
    .union(EffectSet::UNKNOWN);

/// Effects of statements behind which settings of the transaction are gone.
pub(super) const ENDINGS: EffectSet = EffectSet::COMMIT
    .union(EffectSet::ROLLBACK)
    .union(EffectSet::ROLLBACK_TO);

/// The settings at one place in a text.
struct Course {
    reading: Arc<Reading>,
    /// Whether some may be those of the transaction only.
    moved: Moved,
}

impl NameChange {
    /// The statements with constants that the text makes, in its order, and where to note how they are read.
    fn foreseeable(&mut self) -> Vec<(&[u8], &mut Option<Arc<Reading>>)> {
        match self {
            Self::Add { text, reading, .. } => {
                let text = text.as_deref().filter(|text| depends_on_reading(text));
                text.map(|text| (text, reading)).into_iter().collect()
            }
            Self::Several(all) => all.iter_mut().flat_map(Self::foreseeable).collect(),
            Self::Remove(_) | Self::Use(_) | Self::RemoveAll => Vec::new(),
        }
    }
}

impl Meaning {
    fn foreseeable(&mut self) -> Vec<(&[u8], &mut Option<Arc<Reading>>)> {
        let name = self.name.as_deref_mut();
        name.map(NameChange::foreseeable).unwrap_or_default()
    }
}

impl Session {
    /// Notes how the statements will be read that this text of a Query makes. Returns what to wait for if that
    /// has to be asked first.
    pub(in crate::postgres) fn foresee(
        &mut self,
        text: &[u8],
        meaning: &mut Meaning,
        out: &mut Effects,
    ) -> Option<Want> {
        if meaning.foreseeable().is_empty() {
            return None;
        }
        let start = match self.course(text, out) {
            Ok(start) => start?,
            Err(want) => return Some(want),
        };
        let found = self.follow(start, text);
        let mut found = found.into_iter();
        for (_, reading) in meaning.foreseeable() {
            *reading = found.next().flatten();
        }
        None
    }

    /// As above, for an Execute in a segment that is open: what has to be asked is asked right in front of it.
    pub(in crate::postgres) fn foresee_here(&mut self, meaning: &mut Meaning, out: &mut Effects) {
        if meaning.name.is_none() {
            return;
        }
        let now = self.reading_now().map(Arc::new);
        let known = self.settings_are_known();
        let mut adds = meaning.foreseeable();
        let ([(text, reading)], Some(link)) = (&mut adds[..], &mut self.link) else {
            return;
        };
        if let Some(now) = now {
            **reading = Some(read_now(&now, reading.as_ref(), text));
        } else if !known && link.segment == Segment::Open && !link.takes_copy_data() {
            link.run_aside(Reading::question().as_bytes(), Work::Foresight, out);
        } else {
            **reading = None;
        }
    }

    /// The settings under which a text that is sent now begins to be read; `None` if nobody can know.
    fn course(&mut self, text: &[u8], out: &mut Effects) -> Result<Option<Course>, Want> {
        let ahead = self
            .link
            .as_mut()
            .map(|link| std::mem::take(&mut link.ahead));
        if let Some(reading) = self.reading_now() {
            let (reading, moved) = (Arc::new(reading), Moved::No);
            return Ok(Some(Course { reading, moved }));
        }
        let known = self.settings_are_known();
        let (Some(link), Some(ahead)) = (&mut self.link, ahead) else {
            return Err(Want::Server);
        };
        let moved = match (link.status, link.segment) {
            (TransactionStatus::Idle, Segment::Closed) => Moved::No,
            (TransactionStatus::InTransaction, Segment::Closed) => Moved::Perhaps,
            (
                TransactionStatus::Idle
                | TransactionStatus::InTransaction
                | TransactionStatus::Failed,
                _,
            ) => return Ok(None),
        };
        if known || link.takes_copy_data() {
            return Ok(None);
        }
        if !link.queue.is_empty() {
            link.ahead = ahead;
            return Err(self.settle_first(out));
        }
        match ahead {
            Ahead::Answered(reading) => Ok(Some(Course { reading, moved })),
            Ahead::Asked => Ok(None),
            // A question is a query, behind which a transaction is no longer given its characteristics.
            Ahead::NotAsked if moved == Moved::Perhaps && speaks_of_transactions(text) => Ok(None),
            Ahead::NotAsked => {
                link.run_aside(Reading::question().as_bytes(), Work::Reading, out);
                link.end_apart(out);
                link.ahead = Ahead::Asked;
                Err(self.settle_first(out))
            }
        }
    }

    /// How each statement with constants is read that the text makes; `None` for those of which that cannot be
    /// told. All are cut into tokens before the first one runs.
    fn follow(&mut self, start: Course, text: &[u8]) -> Vec<Option<Arc<Reading>>> {
        let Some(link) = &self.link else {
            return Vec::new();
        };
        let style = link.parameters.style();
        let mut found = Vec::new();
        let arrived = Arc::clone(&start.reading);
        let mut course = Some(start);
        for span in statements(Dialect::PostgreSql, style, text) {
            let statement = text.get(span).unwrap_or_default();
            let summary = classify(Dialect::PostgreSql, style, statement);
            let namings = summary.namings.all().unwrap_or_default();
            if namings.iter().any(|naming| naming.deed == Deed::Prepare) {
                if depends_on_reading(statement.trim_ascii()) {
                    let scanned = |course: &Course| course.reading.scanned(&arrived, statement);
                    found.push(course.as_ref().map(scanned));
                }
                continue;
            }
            course = course.and_then(|course| self.after(course, statement));
        }
        found
    }

    fn after(&mut self, course: Course, statement: &[u8]) -> Option<Course> {
        let link = self.link.as_mut()?;
        let style = link.parameters.style();
        let summary = classify(Dialect::PostgreSql, style, statement);
        let meaning = meaning_of(&summary, link, self.names.possible(), None);
        let meaning = self.with_stored_code(meaning);
        let effects = meaning.effects;
        if let Some((reading, moved)) = course.reading.after(statement) {
            return Some(match moved {
                Moved::No => course,
                Moved::Perhaps => Course {
                    reading: Arc::new(reading),
                    moved,
                },
            });
        }
        let mut touched = meaning.touched.iter().flat_map(|touched| touched.iter());
        if effects.intersects(OPAQUE) || touched.any(is_of_reading) {
            return None;
        }
        let stays = course.moved == Moved::No || !effects.intersects(ENDINGS);
        stays.then_some(course)
    }
}

impl Link {
    /// The row that says how the `PREPARE` behind it will be read.
    pub(in crate::postgres) fn foresight_answered(&mut self, body: &[u8]) {
        let answered = Reading::answered(body).map(Arc::new);
        let Some(next) = self.queue.next_execute() else {
            return;
        };
        for (text, reading) in next.meaning.foreseeable() {
            let answered = answered.as_ref();
            *reading = answered.map(|now| read_now(now, reading.as_ref(), text));
        }
    }
}

/// How a text is read that is looked into under the settings of `now`, and that came under those of `then` if
/// these were others.
fn read_now(now: &Arc<Reading>, then: Option<&Arc<Reading>>, text: &[u8]) -> Arc<Reading> {
    match then {
        Some(then) => now.scanned(then, text),
        None => Arc::clone(now),
    }
}

/// True if a text may set what holds for a transaction as a whole: also `BEGIN ISOLATION LEVEL` and the like do.
fn speaks_of_transactions(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] = [b"transaction", b"isolation", b"deferrable", b"read"];
    let has = |word: &&[u8]| {
        text.windows(word.len())
            .any(|letters| letters.eq_ignore_ascii_case(word))
    };
    WORDS.iter().any(has)
}
