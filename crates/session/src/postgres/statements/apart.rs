//! Messages of our own in a transaction of their own, in front of the client's.
//!
//! What is sent in the client's own transaction shows there: a Parse looks at the database, after which the
//! isolation level is settled, and after a command has run some others are refused. So whatever the client's
//! request needs is sent before its transaction has begun, or has done anything that could be seen.

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;

use super::making::EXITS;
use super::own::Roll;
use crate::Effects;
use crate::postgres::link::{Held, Link, Segment, SegmentProgress};
use crate::postgres::queue::Meaning;
use crate::postgres::{Session, Want};

/// Whether there can be such a transaction before the request at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) enum Apart {
    Now,
    /// Once what has been sent of the client's segment is answered, for that ends with it.
    WhenAnswered,
    /// The client's transaction has portals, or waits for its end.
    Never,
}

impl Link {
    pub(in crate::postgres) fn stands_apart(&self) -> Apart {
        match (self.segment, self.progress) {
            (Segment::Closed, _) => Apart::Now,
            (Segment::Open, SegmentProgress::NothingBound) if self.queue.is_empty() => Apart::Now,
            (Segment::Open, SegmentProgress::NothingBound) => Apart::WhenAnswered,
            (Segment::Open, SegmentProgress::Bound) | (Segment::Skipping | Segment::Refused, _) => {
                Apart::Never
            }
        }
    }

    /// The same for what is behind a savepoint in the client's transaction: a Sync ends nothing in there.
    fn stands_apart_for(&self, roll: &Roll) -> Apart {
        let all = matches!(roll, Roll::All);
        match (self.status, self.segment) {
            (TransactionStatus::Idle, _) => self.stands_apart(),
            (TransactionStatus::InTransaction, Segment::Closed) if all => Apart::Now,
            // Its end may be under way.
            (TransactionStatus::InTransaction, Segment::Open) if self.bound.intersects(EXITS) => {
                Apart::Never
            }
            (TransactionStatus::InTransaction, Segment::Open) if all && self.queue.is_empty() => {
                Apart::Now
            }
            (TransactionStatus::InTransaction, Segment::Open) if all => Apart::WhenAnswered,
            (TransactionStatus::InTransaction | TransactionStatus::Failed, _) => Apart::Never,
        }
    }

    /// Ends it. The connection is kept for the request that all this is for.
    pub(in crate::postgres) fn end_apart(&mut self, out: &mut Effects) {
        self.own_sync(out);
        self.close_segment();
        self.held = Held::ForText;
    }
}

impl Session {
    /// What a statement with this meaning, which is about to be bound, will need when it runs and is given
    /// here, where what cannot be made takes nothing with it.
    pub(in crate::postgres) fn roll_apart(&self, meaning: &Meaning) -> Roll {
        let stored = self.effects_of_stored_code(meaning);
        if meaning
            .effects
            .union(stored)
            .intersects(EffectSet::STATEMENTS_VIEW)
        {
            Roll::List
        } else if stored.intersects(EffectSet::UNREAD_CODE.union(EffectSet::EXECUTE)) {
            Roll::All
        } else {
            Roll::Nobody
        }
    }

    /// Calls it. Returns what to wait for if the names are not yet what they are for the client.
    pub(in crate::postgres) fn call_apart(
        &mut self,
        roll: &Roll,
        out: &mut Effects,
    ) -> Option<Want> {
        if matches!(roll, Roll::Nobody) {
            return None;
        }
        let link = self.link.as_mut()?;
        let apart = link.stands_apart_for(roll);
        if apart == Apart::Never || link.takes_copy_data() {
            return None;
        }
        if self.names.are_changing() || apart == Apart::WhenAnswered || !link.queue.is_empty() {
            return Some(self.settle_first(out));
        }
        let (extra, missing) = link.lacks(roll, &self.names);
        if extra.is_empty() && missing.is_empty() {
            link.held = Held::No;
            return None;
        }
        if link.segment == Segment::Open {
            link.end_apart(out);
            return Some(Want::Replies);
        }
        self.call_roll(roll, out)
    }
}
