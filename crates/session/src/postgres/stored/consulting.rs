//! Asking the catalogue: when a connection is lent, between two texts, and after a change.

use tollgate_sql::{Calls, Conduct, EffectSet, Routines};
use tollgate_wire_postgres::backend::TransactionStatus;

use super::question::{Consultation, Verdict};
use super::{Changes, Knowledge, LateText};
use crate::Effects;
use crate::postgres::link::{Link, Restored, Segment};
use crate::postgres::queue::{Blame, Expected, Kind, Meaning, NameChange, Statements};
use crate::postgres::statements::Others;
use crate::postgres::{Session, Want};

/// Whether the catalogue was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Consulted {
    /// There was no need to.
    No,
    Asked,
}

impl Session {
    /// Takes over what the book has to say, and asks the server if the book wants to know. Nothing must be
    /// under way on the connection.
    pub(in crate::postgres) fn consult(&mut self, out: &mut Effects) -> Consulted {
        let Some(link) = &mut self.link else {
            return Consulted::No;
        };
        if !link.knowledge.is_behind() {
            return Consulted::No;
        }
        let major = link.parameters.server_major();
        let Some(mut consultation) = link.knowledge.look(major) else {
            return Consulted::No;
        };
        out.server_lane()
            .inject(|bytes| consultation.append_first(bytes));
        link.knowledge.consultation = Some(consultation);
        link.queue.push(Expected::new(Kind::Catalogue));
        link.ran_a_query_of_our_own(&self.unnamed);
        Consulted::Asked
    }

    /// The client goes on with a connection that it has kept. Returns what to wait for before it may.
    pub(in crate::postgres) fn consult_between(&mut self, out: &mut Effects) -> Option<Want> {
        let link = self.link.as_ref()?;
        if !link.knowledge.is_behind() || !link.is_between_transactions() {
            return None;
        }
        self.consult_now(out).then_some(Want::Replies)
    }

    /// The connection may be about to be given back. True if it has to stay, because routines may have
    /// changed and what was called since is not known.
    pub(in crate::postgres) fn consult_after_change(&mut self, out: &mut Effects) -> bool {
        let changed = self
            .link
            .as_ref()
            .is_some_and(|link| link.knowledge.changes == Changes::Sent);
        if !changed || self.unnamed.is_forgotten() {
            return false;
        }
        if self.consult_now(out) {
            return true;
        }
        self.judge_late_calls();
        false
    }

    fn consult_now(&mut self, out: &mut Effects) -> bool {
        // A Query of our own drops the unnamed statement; one that cannot be made again pins, and the
        // question can wait.
        if self.unnamed.is_forgotten() || self.consult(out) == Consulted::No {
            return false;
        }
        if let Some(link) = &mut self.link {
            link.restored = Restored::Consulting;
        }
        true
    }

    /// A row of the answer.
    pub(in crate::postgres) fn catalogue_row(&mut self, body: &[u8]) {
        if let Some(consultation) = self.consultation() {
            consultation.row(body);
        }
    }

    /// The server will not answer.
    pub(in crate::postgres) fn catalogue_refused(&mut self) {
        if let Some(consultation) = self.consultation() {
            consultation.failed();
        }
    }

    fn consultation(&mut self) -> Option<&mut Consultation> {
        self.link.as_mut()?.knowledge.consultation.as_deref_mut()
    }

    /// An answer is complete: asks on, or takes it over.
    pub(in crate::postgres) fn catalogue_ready(&mut self, out: &mut Effects) {
        let Some(link) = &mut self.link else {
            return;
        };
        let Some(mut consultation) = link.knowledge.consultation.take() else {
            return;
        };
        let mut verdict = None;
        out.server_lane()
            .inject(|bytes| verdict = consultation.ready(bytes));
        match verdict {
            None => {
                link.knowledge.consultation = Some(consultation);
                link.queue.push(Expected::new(Kind::Catalogue));
                return;
            }
            Some(verdict) => link.knowledge.learn(consultation.covers, verdict),
        }
        self.judge_late_calls();
    }

    /// What was called behind a change of the routines is judged by those that there are now.
    fn judge_late_calls(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        if std::mem::replace(&mut link.knowledge.changes, Changes::None) == Changes::None {
            return;
        }
        let calls = std::mem::replace(&mut link.knowledge.late, Calls::NOTHING);
        let text = std::mem::replace(&mut link.knowledge.late_text, LateText::None);
        let routines = link.knowledge.routines.as_deref();
        let Some(conduct) = routines.and_then(|routines| routines.conduct(&calls)) else {
            return;
        };
        let facts = self.pins.tried(
            conduct.effects,
            Blame {
                digest: text.digest(),
                culprit: conduct.culprit.as_ref(),
            },
        );
        self.pending.tried(conduct.effects, Some(&conduct.settings));
        self.pending.suspect(facts);
        self.stored_code_ran(conduct.effects);
        self.settle_settings();
    }

    /// What running a text with this meaning means, with the stored code that it calls.
    pub(in crate::postgres) fn with_stored_code(&self, meaning: Meaning) -> Meaning {
        match self.conduct(&meaning) {
            Some(conduct) => meaning.with(conduct),
            None => meaning,
        }
    }

    /// What the stored code does that a text with this meaning calls, if anything.
    pub(in crate::postgres) fn conduct(&self, meaning: &Meaning) -> Option<Conduct> {
        let link = self.link.as_ref()?;
        let routines = link.knowledge.routines.as_deref()?;
        if routines.are_harmless() {
            return None;
        }
        let effects = meaning.effects;
        let executes = effects.intersects(EffectSet::EXECUTE);
        let one = meaning.statements == Statements::One;
        if effects.intersects(EffectSet::PREPARE) && one && !executes {
            // It runs when it is executed.
            return None;
        }
        let mut calls = meaning.calls.clone();
        if executes {
            calls.add(&self.executed_calls(meaning));
        }
        let mut conduct = routines.conduct(&calls);
        if effects.intersects(EffectSet::PROCEDURE) && !routines.settings().is_empty() {
            // A body may put together what it executes, and call any routine in that.
            let any = conduct.get_or_insert_default();
            any.effects.insert(EffectSet::SETTING);
            let _all_fit = any.settings.add(routines.settings());
        }
        conduct
    }

    /// What stored code may do that a text with this meaning calls. Outside of a transaction also what any text
    /// behind it may: there it can be seen to before anything is done.
    pub(in crate::postgres) fn effects_of_stored_code(&self, meaning: &Meaning) -> EffectSet {
        let ahead = match &self.link {
            Some(link) if link.status == TransactionStatus::Idle => {
                let routines = link.knowledge.routines.as_deref();
                routines.map_or(EffectSet::NONE, Routines::effects_anywhere)
            }
            Some(_) | None => EffectSet::NONE,
        };
        match self.conduct(meaning) {
            Some(conduct) => ahead.union(conduct.effects),
            None => ahead,
        }
    }

    /// True if the stored code that a text with this meaning calls looks at the list of statements.
    pub(in crate::postgres) fn looks_at_statements(&self, meaning: &Meaning) -> bool {
        let conduct = self.conduct(meaning);
        conduct.is_some_and(|conduct| conduct.effects.intersects(EffectSet::STATEMENTS_VIEW))
    }

    /// What the statements call that a text executes by name.
    fn executed_calls(&self, meaning: &Meaning) -> Calls {
        let known = |name: &[u8]| {
            let named = self.names.get(name);
            named.map(|named| named.meaning().calls.clone())
        };
        let calls = match meaning.name.as_deref() {
            Some(NameChange::Use(name)) => known(name),
            Some(NameChange::Several(changes)) if self.names.others() == Others::None => {
                let used = changes.iter().filter_map(|change| match change {
                    NameChange::Use(name) => Some(name),
                    NameChange::Add { .. }
                    | NameChange::Remove(_)
                    | NameChange::RemoveAll
                    | NameChange::Several(_) => None,
                });
                // What the text itself prepares is among its own calls.
                Some(
                    used.filter_map(|name| known(name))
                        .fold(Calls::NOTHING, |mut all, calls| {
                            all.add(&calls);
                            all
                        }),
                )
            }
            Some(
                NameChange::Add { .. }
                | NameChange::Remove(_)
                | NameChange::RemoveAll
                | NameChange::Several(_),
            )
            | None => None,
        };
        match calls {
            Some(calls) => calls,
            None if self.names.is_empty() && !self.names.are_changing() => Calls::NOTHING,
            None => Calls::ANYTHING,
        }
    }

    /// Stored code with these effects may have run, by name or in a `DO`: what it makes or drops, it
    /// makes or drops at once.
    pub(in crate::postgres) fn stored_code_ran(&mut self, effects: EffectSet) {
        let stored = EffectSet::ROUTINE.union(EffectSet::PROCEDURE);
        let drops = EffectSet::DEALLOCATE.union(EffectSet::DEALLOCATE_ALL);
        if !effects.intersects(stored) || !effects.intersects(drops.union(EffectSet::PREPARE)) {
            return;
        }
        self.doubt_names();
        if effects.intersects(drops)
            && let Some(link) = &mut self.link
        {
            link.carried.distrust_all();
        }
    }
}

impl Knowledge {
    /// Looks into the book. Returns the question it has.
    fn look(&mut self, major: Option<u32>) -> Option<Box<Consultation>> {
        let look = self.book.as_ref()?.look();
        self.news = look.news;
        self.routines = Some(look.routines);
        let ask = look.ask?;
        Some(Box::new(Consultation::new(ask, major)))
    }

    fn learn(&mut self, covers: u64, verdict: Verdict) {
        let Some(book) = &self.book else {
            return;
        };
        match verdict {
            Verdict::Unchanged => book.is_unchanged(covers),
            Verdict::Read {
                fingerprint,
                routines,
            } => book.write(covers, fingerprint, routines),
        }
        self.routines = Some(book.contents());
    }
}

impl Link {
    /// True when a question of our own would be no part of anything of the client's.
    fn is_between_transactions(&self) -> bool {
        self.queue.is_empty()
            && self.segment == Segment::Closed
            && self.status == TransactionStatus::Idle
    }
}
