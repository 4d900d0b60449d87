//! Statements under the client's own names, for SQL that names them.
//!
//! A connection keeps what it was given until a session that uses such names says otherwise: before a text
//! that names statements, those of others are closed and those of the client are made.

use std::sync::Arc;

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;

use super::carried::STALE;
use super::giving::Giving;
use super::judged::Judgement;
use super::making::EXITS;
use super::names::{Named, Names};
use super::requests::CHANGES;
use super::wire;
use crate::Effects;
use crate::postgres::link::{Held, Link, Segment};
use crate::postgres::queue::{Kind, Meaning, NameChange, Noise, Work};
use crate::postgres::{Session, Want};

/// Effects of texts that name statements.
pub(super) const NAMING: EffectSet = EffectSet::PREPARE
    .union(EffectSet::EXECUTE)
    .union(EffectSet::DEALLOCATE);

/// No statement has this id.
pub(super) const STAND_IN: u64 = 0;

/// What a text needs of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Need {
    /// The statement, which the text runs.
    Real,
    /// Only whether the name is taken matters: the text makes or drops the statement.
    Taken,
    /// The statement as far as it can be made: the text looks at it.
    Shown,
}

/// A statement whose name is called.
pub(super) type Called = (Arc<Named>, Need);

/// Which names must be right before a text is sent.
#[derive(Debug)]
pub(in crate::postgres) enum Roll {
    Nobody,
    /// The one statement of the text runs this one.
    One(Box<[u8]>),
    Named(Vec<(Box<[u8]>, Need)>),
    /// Whether names are taken matters, for any name: code out of sight makes or drops statements.
    AllTaken,
    /// Code out of sight runs statements.
    All,
    /// All, and nothing else may be there: the text looks at the list.
    List,
}

impl Roll {
    /// What a text with this meaning needs.
    pub(in crate::postgres) fn before(meaning: &Meaning) -> Self {
        let effects = meaning.effects;
        if effects.intersects(EffectSet::STATEMENTS_VIEW) {
            return Self::List;
        }
        if effects.intersects(EffectSet::UNREAD_CODE) {
            // Code that puts together what it executes can run a statement, and by any name.
            return Self::All;
        }
        // Which statements code executes or changes is not among the names.
        let executes = effects.intersects(EffectSet::EXECUTE);
        let by_code = effects.intersects(EffectSet::ROUTINE.union(EffectSet::PROCEDURE))
            && (executes || effects.intersects(CHANGES));
        match Self::named(meaning.name.as_deref()) {
            Self::Named(names) if !by_code => Self::Named(names),
            Self::Named(names)
                if !executes && names.iter().all(|(_, need)| *need == Need::Taken) =>
            {
                Self::AllTaken
            }
            Self::One(name) if !by_code => Self::One(name),
            Self::One(_) | Self::Named(_) => Self::All,
            Self::Nobody | Self::AllTaken | Self::All | Self::List => {
                Self::unnamed(effects, by_code)
            }
        }
    }

    fn unnamed(effects: EffectSet, by_code: bool) -> Self {
        if effects.intersects(EffectSet::EXECUTE) {
            Self::All
        } else if by_code || effects.intersects(NAMING) {
            Self::AllTaken
        } else {
            Self::Nobody
        }
    }

    /// What the changes that a text makes to names need: of each name what is done with it first.
    fn named(change: Option<&NameChange>) -> Self {
        let mut names = Vec::new();
        let changes = match change {
            None => return Self::Nobody,
            Some(NameChange::Use(name)) => return Self::One(name.clone()),
            Some(NameChange::Several(all)) => &all[..],
            Some(
                one @ (NameChange::Add { .. } | NameChange::Remove(_) | NameChange::RemoveAll),
            ) => std::slice::from_ref(one),
        };
        for change in changes {
            let (name, need) = match change {
                NameChange::Add { name, .. } | NameChange::Remove(name) => (name, Need::Taken),
                NameChange::Use(name) => (name, Need::Real),
                // Nothing of what there was is left behind it.
                NameChange::RemoveAll | NameChange::Several(_) => break,
            };
            if !names.iter().any(|(known, _)| known == name) {
                names.push((name.clone(), need));
            }
        }
        Self::Named(names)
    }

    /// What a Parse or Bind of such a text needs: the list is looked at when it runs.
    pub(in crate::postgres) fn before_bind(meaning: &Meaning) -> Self {
        match Self::before(meaning) {
            Self::List if meaning.effects.intersects(NAMING) => Self::All,
            Self::List => Self::Nobody,
            roll @ (Self::Nobody | Self::One(_) | Self::Named(_) | Self::AllTaken | Self::All) => {
                roll
            }
        }
    }

    /// What is needed of a name, if it is called.
    fn need(&self, name: &[u8]) -> Option<Need> {
        match self {
            Self::Nobody => None,
            Self::One(one) => (**one == *name).then_some(Need::Real),
            Self::Named(names) => names
                .iter()
                .find(|(called, _)| **called == *name)
                .map(|(_, need)| *need),
            Self::AllTaken => Some(Need::Taken),
            Self::All => Some(Need::Real),
            Self::List => Some(Need::Shown),
        }
    }

    /// True if the text goes on when one of them cannot be made: nobody knows which of them it wants.
    pub(super) fn is_tolerant(&self) -> bool {
        match self {
            Self::Nobody | Self::One(_) | Self::Named(_) | Self::AllTaken => false,
            Self::All | Self::List => true,
        }
    }
}

impl Need {
    /// Whether it will do that the connection has this statement under the client's name.
    fn is_met(
        self,
        named: Option<&Arc<Named>>,
        own: Option<u64>,
        judgement: Option<&Judgement>,
    ) -> bool {
        match (self, judgement) {
            // By one of the client's, not by what another client has left: nobody is to be taken for another.
            (Self::Taken, _) => match own {
                None => named.is_none(),
                Some(own) => named.is_some_and(|named| stands_for(own, named)),
            },
            (Self::Real | Self::Shown, None) => own_id(named) == own,
            // Of what cannot be made an empty statement would run.
            (Self::Real, Some(Judgement::Stale(_) | Judgement::Unmakeable)) => own == Some(STALE),
            (Self::Shown, Some(Judgement::Stale(_))) => own.is_some(),
            (Self::Shown, Some(Judgement::Unmakeable)) => {
                matches!(own, Some(STAND_IN | STALE))
            }
            (Self::Real | Self::Shown, Some(Judgement::Hopeless)) => own.is_none(),
        }
    }

    /// Whether the connection can be given what is called.
    fn can_be_met(self, named: &Named) -> bool {
        match self {
            Self::Taken => !named.is_uncertain(),
            Self::Real | Self::Shown => named.shared().is_some(),
        }
    }
}

impl Session {
    /// Makes sure that the names called are on the connection what they are for the client. Returns what
    /// to wait for if they are not yet.
    pub(in crate::postgres) fn call_roll(
        &mut self,
        roll: &Roll,
        out: &mut Effects,
    ) -> Option<Want> {
        self.call_roll_behind(None, roll, out)
    }

    /// The same for a text that does this first to end a transaction that has failed.
    pub(super) fn call_roll_behind(
        &mut self,
        leaves: Option<&[u8]>,
        roll: &Roll,
        out: &mut Effects,
    ) -> Option<Want> {
        if matches!(roll, Roll::Nobody) {
            return None;
        }
        let link = self.link.as_mut()?;
        if link.takes_copy_data() {
            return None;
        }
        // What was meant to fail has left something behind, which is seen when it has.
        let failing = link.held == Held::ForText && link.stays_failed() && !link.queue.is_empty();
        if self.names.are_changing() || link.queue.awaits_own() || failing {
            return Some(self.settle_first(out));
        }
        let (extra, missing) = link.lacks(roll, &self.names);
        let hidden = matches!(roll, Roll::List) && link.carried.has_any();
        if extra.is_empty() && missing.is_empty() && !hidden {
            link.held = Held::No;
            return None;
        }
        if !link.queue.is_empty() {
            return Some(self.settle_first(out));
        }
        // Everything is answered, so the status is exact: a portal that would end the failure has not run.
        let mut giving = link.giving(roll);
        if link.status == TransactionStatus::Failed {
            let (Some(leaves), Held::No) = (leaves, link.held) else {
                link.held = Held::No;
                link.prepare_to_fail(roll, extra, &missing, out);
                return None;
            };
            // The text is a Query, for which it makes no difference where the segment before it ends.
            link.close_segment();
            link.noise = Noise::Meant;
            link.drop_aside(out);
            link.run_aside(leaves, Work::None, out);
            giving = Giving::ToFail;
        }
        let now = if missing.is_empty() {
            None
        } else {
            self.reading_now()
        };
        let link = self.link.as_mut()?;
        if giving == Giving::InSegment {
            link.set_clock(out);
        }
        let drops = !extra.is_empty() || hidden;
        for name in extra {
            link.drop_name(name, out);
        }
        if hidden {
            for number in link.carried.take_all() {
                link.drop_number(number, out);
            }
        }
        if drops && giving == Giving::EachApart {
            link.own_sync(out);
        }
        link.give(giving, missing, now.as_ref(), out);
        Some(self.settle_first(out))
    }
}

/// True if what a connection has under a client's name is the client's.
pub(super) fn is_of(own: u64, named: &Named) -> bool {
    named.shared().is_some_and(|shared| shared.id == own)
}

/// The same with what stands there for any client that has the name.
pub(super) fn stands_for(own: u64, named: &Named) -> bool {
    is_of(own, named) || matches!(own, STAND_IN | STALE)
}

fn own_id(named: Option<&Arc<Named>>) -> Option<u64> {
    named
        .and_then(|named| named.shared())
        .map(|shared| shared.id)
}

impl Link {
    /// The names to close and those to make before the roll is met.
    pub(super) fn lacks(&self, roll: &Roll, names: &Names) -> (Vec<Box<[u8]>>, Vec<Called>) {
        let extra = self
            .carried
            .owns()
            .filter(|(name, id)| {
                // What is uncertain ties the client to this connection, which has it or never will.
                let known = names.get(name);
                let certain = known.is_none_or(|named| !named.is_uncertain());
                let judgement = known.and_then(|named| self.carried.judgement_of(named));
                let met = |need: Need| need.is_met(known, Some(*id), judgement);
                certain && roll.need(name).is_some_and(|need| !met(need))
            })
            .map(|(name, _)| name.into())
            .collect();
        let missing = names.iter().filter_map(|named| {
            let need = roll.need(&named.name)?;
            let own = self.carried.own(&named.name);
            let judgement = self.carried.judgement_of(named);
            let hopeless = judgement == Some(&Judgement::Hopeless);
            let met = hopeless || need.is_met(Some(named), own, judgement);
            let lacks = need.can_be_met(named) && !met;
            lacks.then(|| (Arc::clone(named), need))
        });
        (extra, missing.collect())
    }

    /// The transaction has failed, so whatever runs fails now: a Bind only needs a statement to refuse. But a
    /// text too long to be known may end the transaction, and then must not meet what others have.
    fn prepare_to_fail(
        &mut self,
        roll: &Roll,
        extra: Vec<Box<[u8]>>,
        missing: &[Called],
        out: &mut Effects,
    ) {
        let one = matches!(roll, Roll::One(_));
        let closed = self.segment == Segment::Closed;
        let list = matches!(roll, Roll::List);
        let drops = list || !extra.is_empty();
        for name in extra {
            self.drop_name(name, out);
        }
        if one {
            for (named, _) in missing {
                self.take_name(named, out);
            }
            self.segment = Segment::Open;
            return;
        }
        if list {
            for number in self.carried.take_all() {
                self.drop_number(number, out);
            }
        }
        if closed && drops {
            self.own_sync(out);
        }
    }

    /// True if the transaction has failed and what has been sent in it does not end it.
    pub(super) fn stays_failed(&self) -> bool {
        let ends = self.segment != Segment::Closed && self.bound.intersects(EXITS);
        self.status == TransactionStatus::Failed && !ends
    }

    pub(super) fn own_sync(&mut self, out: &mut Effects) {
        out.server_lane().inject(wire::sync);
        self.expect_work(Kind::OwnSync, Work::None);
    }

    /// A transaction that starts with a Close has the time of the statement before it; a Parse sets the
    /// clock.
    fn set_clock(&mut self, out: &mut Effects) {
        let number = self.carried.fresh_number();
        let name = self.carried.name(number);
        out.server_lane()
            .inject(|bytes| wire::parse_plain(bytes, name.as_bytes(), b""));
        self.expect_work(Kind::Make, Work::Number(number));
        out.server_lane()
            .inject(|bytes| wire::target(bytes, b'C', b'S', name.as_bytes()));
        self.expect_work(Kind::Drop, Work::Number(number));
    }

    /// Closes the statement with this name.
    fn drop_name(&mut self, name: Box<[u8]>, out: &mut Effects) {
        out.server_lane()
            .inject(|bytes| wire::target(bytes, b'C', b'S', &name));
        let id = STAND_IN;
        self.expect_work(Kind::Drop, Work::Own { name, id });
    }
}
