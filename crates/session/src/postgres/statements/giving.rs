//! Gives a connection statements under the client's own names, or what stands there for them.

use tollgate_wire_postgres::backend::TransactionStatus;

use super::carried::STALE;
use super::judged::Judgement;
use super::names::{Named, What};
use super::own::{Called, Need, Roll, STAND_IN};
use super::table::{Recipe, Shape};
use super::wire;
use crate::Effects;
use crate::postgres::link::{Held, Link, Segment};
use crate::postgres::queue::{Kind, Noise, Work};
use crate::postgres::settings::Reading;

/// What is tried in the client's transaction is tried behind this, and taken back.
const SAVEPOINT: &[u8] = b"SAVEPOINT tollgate_aside";
const BACK: &[u8] = b"ROLLBACK TO tollgate_aside";
const FORGET: &[u8] = b"RELEASE tollgate_aside";

/// Fails: nobody has such a savepoint.
const FAIL: &[u8] = b"ROLLBACK TO tollgate";

/// How statements are made for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Giving {
    /// In the client's segment: what fails there fails for the client.
    InSegment,
    /// In front of it, all or none.
    Together,
    /// In front of it, those that can be made.
    EachApart,
    /// In a transaction that had failed and, for them, has been left: it must have failed again when the text
    /// comes.
    ToFail,
}

/// A text that fails when it is planned, with these words.
fn failing(words: &[u8]) -> Vec<u8> {
    [
        &b"SELECT CAST('"[..],
        words,
        b"'::pg_catalog.text AS pg_catalog.pg_lsn)",
    ]
    .concat()
}

impl Link {
    /// How this roll is met in the state that the connection is in.
    pub(super) fn giving(&self, roll: &Roll) -> Giving {
        match self.segment {
            Segment::Closed if roll.is_tolerant() => Giving::EachApart,
            Segment::Closed => Giving::Together,
            Segment::Open | Segment::Skipping | Segment::Refused => Giving::InSegment,
        }
    }

    /// Makes what is missing.
    pub(super) fn give(
        &mut self,
        giving: Giving,
        missing: Vec<Called>,
        now: Option<&Reading>,
        out: &mut Effects,
    ) {
        if giving == Giving::EachApart {
            self.try_called(missing, now, out);
        } else {
            for (named, need) in missing {
                self.make_for(need, &named, now, out);
            }
        }
        if giving == Giving::ToFail {
            self.run_aside(FAIL, Work::None, out);
        }
        match giving {
            Giving::InSegment => {}
            // A transaction of their own: what follows may be a Query, which from PostgreSQL 18 on does
            // not end one that messages before it have begun.
            Giving::Together | Giving::ToFail => {
                self.own_sync(out);
                self.held = Held::ForText;
            }
            Giving::EachApart if self.status == TransactionStatus::InTransaction => {
                self.held = Held::ForTries;
            }
            Giving::EachApart => self.held = Held::ForText,
        }
        self.noise = Noise::Heard;
    }

    /// An empty statement stands where one of the client's will be dropped, or where none must be made: it
    /// can be made in every state of the session.
    pub(super) fn take_name(&mut self, named: &Named, out: &mut Effects) {
        let recipe = match &named.what {
            What::Shared(statement) | What::Uncertain(statement) => Some(&statement.recipe),
            What::Stuck { .. } => None,
        };
        // It takes the same parameters, so that a request for it is refused as it would be.
        out.server_lane().inject(|bytes| match recipe {
            Some(Recipe::Parse(parsed)) => {
                wire::parse(bytes, &named.name, b"\0", &parsed.parameters);
            }
            Some(Recipe::Sql(_)) | None => wire::parse_plain(bytes, &named.name, b""),
        });
        let name = named.name.clone();
        self.expect_work(Kind::Make, Work::Own { name, id: STAND_IN });
    }

    /// Makes those that can be made: one that fails takes neither others with it nor the client's transaction.
    fn try_called(&mut self, missing: Vec<Called>, now: Option<&Reading>, out: &mut Effects) {
        let guarded = self.status == TransactionStatus::InTransaction && !missing.is_empty();
        if guarded {
            self.run_aside(SAVEPOINT, Work::None, out);
            self.own_sync(out);
        }
        for (named, need) in missing {
            self.noise = Noise::Tried;
            self.make_for(need, &named, now, out);
            self.own_sync(out);
            if guarded {
                // A statement that was made outlives this. If it fails, the client's text will.
                self.noise = Noise::Meant;
                self.drop_aside(out);
                self.run_aside(BACK, Work::None, out);
            }
        }
        if guarded {
            self.run_aside(FORGET, Work::None, out);
            self.own_sync(out);
        }
    }

    /// Gives the name what is needed, as far as that is known to be possible.
    fn make_for(&mut self, need: Need, named: &Named, now: Option<&Reading>, out: &mut Effects) {
        match (need, self.carried.judgement_of(named).cloned()) {
            (Need::Real, Some(Judgement::Unmakeable)) => self.make_refused(named, out),
            (Need::Taken, _)
            | (Need::Shown, Some(Judgement::Unmakeable))
            | (Need::Real | Need::Shown, Some(Judgement::Hopeless)) => self.take_name(named, out),
            (Need::Real, Some(Judgement::Stale(parameters))) => {
                self.make_stale(named, &parameters, out);
            }
            (Need::Real | Need::Shown, None) | (Need::Shown, Some(Judgement::Stale(_))) => {
                self.make_own(named, now, out);
            }
        }
    }

    /// A statement stands for one that PostgreSQL would refuse to run: it takes the same parameters and fails
    /// where that one would, when it is planned, with words that are rewritten.
    fn make_stale(&mut self, named: &Named, parameters: &[u8], out: &mut Effects) {
        let text = [failing(&self.carried.stale_words()), b"\0".to_vec()].concat();
        out.server_lane()
            .inject(|bytes| wire::parse(bytes, &named.name, &text, parameters));
        let name = named.name.clone();
        self.expect_work(Kind::Make, Work::Own { name, id: STALE });
    }

    /// The same for one that cannot be made, with what the server has said to that.
    fn make_refused(&mut self, named: &Named, out: &mut Effects) {
        let text = failing(&self.carried.refused_words(&named.name));
        out.server_lane()
            .inject(|bytes| wire::parse_plain(bytes, &named.name, &text));
        let name = named.name.clone();
        self.expect_work(Kind::Make, Work::Own { name, id: STALE });
    }

    fn make_own(&mut self, named: &Named, now: Option<&Reading>, out: &mut Effects) {
        let Some(statement) = named.shared() else {
            return;
        };
        let switch = statement.reading.as_ref().and_then(|then| then.switch(now));
        self.switches(switch.as_ref().map(|switch| &switch.there), out);
        let name = named.name.clone();
        let id = statement.id;
        let work = Work::Own { name, id };
        match &statement.recipe {
            Recipe::Parse(parsed) => {
                out.server_lane().inject(|bytes| {
                    wire::parse(bytes, &named.name, &parsed.tail, &parsed.parameters);
                });
                self.expect_work(Kind::Make, work);
            }
            Recipe::Sql(prepared) => self.run_aside(&prepared.text, work, out),
        }
        let shape = statement.recipe.shape();
        if shape != Shape::Any {
            out.server_lane()
                .inject(|bytes| wire::target(bytes, b'D', b'S', &named.name));
            let name = named.name.clone();
            self.expect_work(Kind::Learn, Work::OwnShape { name, id, shape });
        }
        self.switches(switch.as_ref().map(|switch| &switch.back), out);
    }
}
