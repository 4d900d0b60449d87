//! Statements under the client's own names, for SQL that names them.
//!
//! A connection keeps what it was given until a session that uses such names says otherwise: before a text
//! that names statements, those of others are closed and those of the client are made.

use std::sync::Arc;

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;

use super::making::EXITS;
use super::names::{Named, Names};
use super::table::Recipe;
use super::wire;
use crate::Effects;
use crate::postgres::link::{Held, Link, Segment};
use crate::postgres::queue::{Kind, Meaning, NameChange, Statements, Work};
use crate::postgres::settings::Reading;
use crate::postgres::{Session, Want};

/// Effects of texts that name statements.
pub(super) const NAMING: EffectSet = EffectSet::PREPARE
    .union(EffectSet::EXECUTE)
    .union(EffectSet::DEALLOCATE);

/// No statement has this id.
const STAND_IN: u64 = 0;

/// The portal that runs a command of ours.
const PORTAL: &[u8] = b"tollgate_aside";

/// Which names must be right before a text is sent.
#[derive(Debug)]
pub(in crate::postgres) enum Roll {
    Nobody,
    One(Box<[u8]>),
    /// Only whether this name is taken matters: the text makes or drops the statement.
    Taken(Box<[u8]>),
    /// As above, for any name: the text makes statements.
    AllTaken,
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
        if !effects.intersects(NAMING) {
            return Self::Nobody;
        }
        match meaning.name.as_deref() {
            Some(NameChange::Add { name, .. } | NameChange::Remove(name))
                if meaning.statements == Statements::One
                    && !effects.intersects(EffectSet::EXECUTE) =>
            {
                Self::Taken(name.clone())
            }
            Some(NameChange::Use(name)) if meaning.statements == Statements::One => {
                Self::One(name.clone())
            }
            Some(_) | None if effects.intersects(NAMING.without(EffectSet::PREPARE)) => Self::All,
            Some(_) | None => Self::AllTaken,
        }
    }

    /// What a Parse or Bind of such a text needs: the list is looked at when it runs.
    pub(in crate::postgres) fn before_bind(meaning: &Meaning) -> Self {
        match Self::before(meaning) {
            Self::List if meaning.effects.intersects(NAMING) => Self::All,
            Self::List => Self::Nobody,
            roll @ (Self::Nobody | Self::One(_) | Self::Taken(_) | Self::AllTaken | Self::All) => {
                roll
            }
        }
    }

    /// Whether it will do that the connection has this statement under the client's name.
    fn is_met(&self, named: Option<&Arc<Named>>, own: Option<u64>) -> bool {
        match self {
            Self::Taken(_) | Self::AllTaken => named.is_some() == own.is_some(),
            Self::Nobody | Self::One(_) | Self::All | Self::List => own_id(named) == own,
        }
    }

    /// Whether the connection can be given what is called.
    fn can_meet(&self, named: &Named) -> bool {
        match self {
            Self::Taken(_) | Self::AllTaken => !named.is_uncertain(),
            Self::Nobody | Self::One(_) | Self::All | Self::List => named.shared().is_some(),
        }
    }

    fn calls(&self, name: &[u8]) -> bool {
        match self {
            Self::Nobody => false,
            Self::One(one) | Self::Taken(one) => **one == *name,
            Self::AllTaken | Self::All | Self::List => true,
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
        if matches!(roll, Roll::Nobody) {
            return None;
        }
        let link = self.link.as_mut()?;
        if link.takes_copy_data() {
            return None;
        }
        if self.names.are_changing() || link.queue.awaits_own() {
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
        let stays_failed = link.segment == Segment::Closed || !link.bound.intersects(EXITS);
        if link.status == TransactionStatus::Failed && stays_failed {
            link.prepare_to_fail(roll, extra, &missing, out);
            return None;
        }
        let now = if missing.is_empty() {
            None
        } else {
            self.reading_now()
        };
        let link = self.link.as_mut()?;
        let closed = link.segment == Segment::Closed;
        if !closed {
            link.set_clock(out);
        }
        for name in extra {
            link.drop_name(name, out);
        }
        if hidden {
            for number in link.carried.take_all() {
                link.drop_number(number, out);
            }
        }
        for named in missing {
            match roll {
                Roll::Taken(_) | Roll::AllTaken => link.take_name(&named, out),
                Roll::Nobody | Roll::One(_) | Roll::All | Roll::List => {
                    link.make_own(&named, now.as_ref(), out);
                }
            }
        }
        if closed {
            // A transaction of their own: what follows may be a Query, which from PostgreSQL 18 on does
            // not end one that messages before it have begun.
            out.server_lane().inject(wire::sync);
            link.expect_work(Kind::OwnSync, Work::None);
            link.held = Held::ForText;
        }
        Some(self.settle_first(out))
    }
}

fn own_id(named: Option<&Arc<Named>>) -> Option<u64> {
    named
        .and_then(|named| named.shared())
        .map(|shared| shared.id)
}

impl Link {
    /// The names to close and those to make before the roll is met.
    fn lacks(&self, roll: &Roll, names: &Names) -> (Vec<Box<[u8]>>, Vec<Arc<Named>>) {
        let extra = self
            .carried
            .owns()
            .filter(|(name, id)| {
                // What is uncertain ties the client to this connection, which has it or never will.
                let known = names.get(name);
                let certain = known.is_none_or(|named| !named.is_uncertain());
                roll.calls(name) && certain && !roll.is_met(known, Some(*id))
            })
            .map(|(name, _)| name.into())
            .collect();
        let missing = names
            .iter()
            .filter(|named| {
                let own = self.carried.own(&named.name);
                roll.calls(&named.name) && roll.can_meet(named) && !roll.is_met(Some(named), own)
            })
            .map(Arc::clone)
            .collect();
        (extra, missing)
    }

    /// The transaction has failed, so whatever runs fails now: a Bind only needs a statement to refuse. But a
    /// text may end the transaction and then look at the list, which must not show what others have.
    fn prepare_to_fail(
        &mut self,
        roll: &Roll,
        extra: Vec<Box<[u8]>>,
        missing: &[Arc<Named>],
        out: &mut Effects,
    ) {
        let one = matches!(roll, Roll::One(_));
        let list = matches!(roll, Roll::List) && self.segment == Segment::Closed;
        if !one && !list {
            return;
        }
        for name in extra {
            self.drop_name(name, out);
        }
        if one {
            for named in missing {
                self.take_name(named, out);
            }
            self.segment = Segment::Open;
            return;
        }
        for number in self.carried.take_all() {
            self.drop_number(number, out);
        }
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

    /// An empty statement stands where one of the client's will be dropped, or where none must be made: it
    /// can be made in every state of the session.
    fn take_name(&mut self, named: &Named, out: &mut Effects) {
        out.server_lane()
            .inject(|bytes| wire::parse_plain(bytes, &named.name, b""));
        let name = named.name.clone();
        self.expect_work(Kind::Make, Work::Own { name, id: STAND_IN });
    }

    fn make_own(&mut self, named: &Named, now: Option<&Reading>, out: &mut Effects) {
        let Some(statement) = named.shared() else {
            return;
        };
        let switch = statement.reading.as_ref().and_then(|then| then.switch(now));
        self.switches(switch.as_ref().map(|switch| &switch.there), out);
        let work = Work::Own {
            name: named.name.clone(),
            id: statement.id,
        };
        match &statement.recipe {
            Recipe::Parse(parsed) => {
                out.server_lane().inject(|bytes| {
                    wire::parse(bytes, &named.name, &parsed.tail, &parsed.parameters);
                });
                self.expect_work(Kind::Make, work);
            }
            Recipe::Sql(text) => self.run_aside(text, work, out),
        }
        self.switches(switch.as_ref().map(|switch| &switch.back), out);
    }

    /// Runs a command in the open segment without touching the client's unnamed statement and portal.
    pub(in crate::postgres) fn run_aside(&mut self, text: &[u8], work: Work, out: &mut Effects) {
        let number = self.carried.fresh_number();
        let name = self.carried.name(number);
        out.server_lane().inject(|bytes| {
            wire::parse_plain(bytes, name.as_bytes(), text);
            wire::bind_plain(bytes, PORTAL, name.as_bytes());
            wire::execute(bytes, PORTAL);
            wire::target(bytes, b'C', b'P', PORTAL);
            wire::target(bytes, b'C', b'S', name.as_bytes());
        });
        self.expect_work(Kind::Make, Work::Number(number));
        self.expect_work(Kind::OwnBind, Work::None);
        self.expect_work(Kind::OwnExecute, work);
        self.expect_work(Kind::Drop, Work::None);
        self.expect_work(Kind::Drop, Work::Number(number));
    }
}
