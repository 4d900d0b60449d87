//! Giving a connection a statement it lacks, and finding out whether it still is what it was.

use std::sync::Arc;

use super::table::{Recipe, Shape, Statement};
use super::wire;
use crate::Effects;
use crate::postgres::link::{Link, Segment};
use crate::postgres::queue::{Alias, Kind, Work};
use crate::postgres::{Session, Want};

/// A statement that is being made for a request that waits for it.
#[derive(Debug)]
pub(in crate::postgres) struct Making {
    pub(super) id: u64,
    pub(super) number: u32,
    pub(super) shape: Shape,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Sent,
    /// It was made, and its result is not what the client was told.
    Stale,
}

/// Whether the connection has a statement.
pub(super) enum Made {
    Here(u32),
    Later(Want),
    /// It was made anew under this number, and is another one now.
    Stale(u32),
}

/// What a statement is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Bind,
    Describe,
}

impl Link {
    /// True when a request waits that will be told that its statement is another one now.
    pub(super) fn found_stale(&self) -> bool {
        self.making
            .as_ref()
            .is_some_and(|making| making.outcome == Outcome::Stale)
    }
}

impl Session {
    /// Makes sure that the connection has the statement.
    pub(super) fn made_here(
        &mut self,
        statement: &Arc<Statement>,
        purpose: Purpose,
        out: &mut Effects,
    ) -> Made {
        let Some(link) = &mut self.link else {
            return Made::Later(Want::Server);
        };
        if let Some(number) = link.carried.used(statement.id) {
            return Made::Here(number);
        }
        match &link.making {
            Some(making) if making.outcome == Outcome::Sent => return Made::Later(Want::Replies),
            Some(making) if making.id == statement.id => {
                let number = making.number;
                link.making = None;
                return Made::Stale(number);
            }
            Some(_) | None => {}
        }
        let Recipe::Parse(parsed) = &statement.recipe else {
            return Made::Later(Want::Replies);
        };
        let then = statement.reading.as_ref();
        let now = then.and_then(|_| self.reading_now());
        let switch = then.and_then(|then| then.switch(now.as_ref()));
        let Some(link) = &mut self.link else {
            return Made::Later(Want::Server);
        };
        link.switches(switch.as_ref().map(|switch| &switch.there), out);
        let number = link.carried.fresh_number();
        let name = link.carried.name(number);
        out.server_lane().inject(|bytes| {
            wire::parse(bytes, name.as_bytes(), &parsed.tail, &parsed.parameters);
        });
        link.expect_work(Kind::Make, Work::Number(number));
        if purpose == Purpose::Describe {
            let statement = Arc::clone(statement);
            link.alias(Alias::Described { statement });
        }
        link.switches(switch.as_ref().map(|switch| &switch.back), out);
        link.ask_shape(number, out);
        link.close_leftovers(out);
        link.segment = Segment::Open;
        link.making = Some(Making {
            id: statement.id,
            number,
            shape: parsed.shape,
            outcome: Outcome::Sent,
        });
        link.flush_once(out);
        Made::Later(Want::Replies)
    }
}
