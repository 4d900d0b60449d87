//! Replies to requests that name a prepared statement: what exists now, for the client and on the
//! connection.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use super::carried::{Carried, DOORMAT, Doormat};
use super::judged::{Judgement, StoodIn};
use super::making::Outcome;
use super::names::{Change, Draft, Named, Others, Place, Stage, What};
use super::own;
use super::rereading::Read;
use super::table::{Parsed, Recipe, Shape};
use super::wire;
use crate::Effects;
use crate::postgres::Session;
use crate::postgres::link::Link;
use crate::postgres::queue::{Alias, Expected, Kind, Meaning, NameChange, Noise, Touches, Work};

impl Session {
    /// The server has made a statement with a name.
    pub(in crate::postgres) fn parsed(&mut self, done: &Expected) {
        if done.touches == Touches::Nothing {
            // Sent amid the data of a COPY that the server had given up: under the client's own name.
            self.names.add_unknown();
            return;
        }
        let Some(draft) = self.names.oldest_draft() else {
            return;
        };
        if draft.tail.is_some() {
            draft.stage = Stage::Made;
            return;
        }
        if let Some(Change::Made(draft)) = self.names.settle_oldest() {
            self.stuck(draft);
        }
    }

    /// It exists, but only here.
    fn stuck(&mut self, draft: Draft) {
        let what = What::Stuck {
            place: draft.place,
            meaning: draft.meaning,
        };
        self.names.add(draft.name, what);
    }

    /// A statement of the client is closed.
    pub(in crate::postgres) fn closed(&mut self, done: &Expected) {
        if done.touches == Touches::Nothing {
            return;
        }
        if let Some(Change::Gone(name)) = self.names.settle_oldest() {
            self.names.remove(&name);
            if let Some(link) = &mut self.link {
                link.carried.has_own_no_more(&name);
            }
        }
    }

    /// A `PREPARE` of ours has run.
    pub(in crate::postgres) fn prepared_again(&mut self) {
        let Some(done) = self.link.as_mut().and_then(|link| link.queue.pop()) else {
            return;
        };
        match done.work() {
            Work::Roster => self.roster_is_complete(),
            Work::None
            | Work::Number(_)
            | Work::Reading
            | Work::Foresight
            | Work::Own { .. }
            | Work::OwnShape { .. }
            | Work::Study => self.worked(done),
        }
    }

    /// A message of our own has done what it was for.
    pub(in crate::postgres) fn worked(&mut self, done: Expected) {
        let Some(link) = &mut self.link else {
            return;
        };
        match (done.kind, done.into_work()) {
            (Kind::Make, Work::Number(DOORMAT)) => link.carried.set_doormat(Doormat::There),
            (Kind::Make | Kind::OwnExecute, Work::Own { name, id }) => {
                link.carried.has_own(name, id);
            }
            (Kind::Drop, Work::Own { name, .. }) => link.carried.has_own_no_more(&name),
            // A number that was made is known when it has been described, one that was closed is gone.
            (
                _,
                Work::Number(_)
                | Work::None
                | Work::Reading
                | Work::Foresight
                | Work::Own { .. }
                | Work::OwnShape { .. }
                | Work::Study
                | Work::Roster,
            ) => {}
        }
    }

    /// The server has said what a statement gives: the body of `T`, or nothing for `n`.
    pub(in crate::postgres) fn learnt(&mut self, done: &Expected, columns: Option<&[u8]>) {
        let shape = match columns {
            Some(body) => wire::shape(body),
            None => Some(Shape::NoData),
        };
        let Some(link) = &mut self.link else {
            return;
        };
        let parameters = std::mem::take(&mut link.learnt);
        let number = match done.work() {
            Work::Number(number) => *number,
            Work::Study => {
                self.studied(shape);
                return;
            }
            Work::OwnShape {
                name,
                id,
                shape: first,
            } => {
                if !shape.is_some_and(|shape| first.admits(shape)) {
                    let parameters = parameters.into_boxed_slice();
                    link.carried.judge(name, *id, Judgement::Stale(parameters));
                }
                return;
            }
            Work::None | Work::Reading | Work::Foresight | Work::Own { .. } | Work::Roster => {
                return;
            }
        };
        if link
            .making
            .as_ref()
            .is_some_and(|making| making.number == number)
        {
            link.compare(shape);
            return;
        }
        let reported = link.parameters.climate();
        let climate = self.climate(reported);
        let Some(Change::Made(draft)) = self.names.settle_oldest() else {
            return;
        };
        let answered = self
            .link
            .as_mut()
            .and_then(|link| link.answered_reading.take());
        let reading = match &draft.read {
            Read::Alike => Some(None),
            Read::Under(reading) => Some(Some(Arc::clone(reading))),
            Read::AsAnswered => answered.map(Some),
            Read::Unknown => None,
        };
        match (shape, draft.tail, reading) {
            (Some(shape), Some(tail), Some(reading)) => {
                let recipe = Recipe::Parse(Parsed {
                    shape: shape.of_text(&tail),
                    gives: shape.gives(),
                    tail,
                    parameters: parameters.into_boxed_slice(),
                    climate,
                });
                let statement = self.table.intern(recipe, draft.meaning, reading);
                if let Some(link) = &mut self.link {
                    link.carried.has(statement.id, number);
                }
                self.names.add(draft.name, What::Shared(statement));
            }
            (_, tail, _) => self.stuck(Draft { tail, ..draft }),
        }
    }

    /// What tells the settings of this session from those of others: a plan may have been made of them, and
    /// must not be anybody's who has set something else. Where they are not known, the session shares with
    /// nobody.
    pub(super) fn climate(&mut self, reported: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(reported);
        for (name, value) in self.settings.iter() {
            hasher.write(name);
            hasher.write_u8(0);
            hasher.write(value);
            hasher.write_u8(0);
        }
        let unknown = self.asked.is_some()
            || !self.pending.leaves_settings_alone()
            || self.pins.hide_settings();
        if unknown {
            self.climates = self.climates.wrapping_add(1);
            hasher.write_u64(self.id);
            hasher.write_u32(self.climates);
        }
        hasher.finish()
    }

    /// A request was not run: it failed, or the server skipped it.
    pub(in crate::postgres) fn undone(&mut self, entry: &mut Expected) {
        match entry.kind {
            Kind::Learn | Kind::LearnColumns => self.not_learnt(entry.work()),
            Kind::OwnExecute if matches!(entry.work(), Work::Roster) => {
                self.names.others_are(Others::Unanswered);
            }
            Kind::Make | Kind::Drop | Kind::OwnExecute => {
                if let Some(link) = &mut self.link {
                    link.not_worked(entry);
                }
            }
            Kind::Parse
            | Kind::Close
            | Kind::Execute
            | Kind::Query
            | Kind::UnnamedParse
            | Kind::InjectedParse
            | Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::UnnamedClose
            | Kind::InjectedClose
            | Kind::OwnBind
            | Kind::OwnSync
            | Kind::Sync
            | Kind::FunctionCall
            | Kind::Replay
            | Kind::Inspection
            | Kind::Catalogue
            | Kind::CopyEnd => {
                if entry.touches == Touches::Names {
                    entry.touches = Touches::Nothing;
                    drop(self.names.settle_oldest());
                }
            }
        }
    }

    fn not_learnt(&mut self, work: &Work) {
        let number = match work {
            Work::Number(number) => *number,
            Work::Study => {
                self.studied(None);
                return;
            }
            Work::OwnShape { name, id, .. } => {
                if let Some(link) = &mut self.link {
                    link.carried.judge(name, *id, Judgement::Unmakeable);
                }
                return;
            }
            Work::None | Work::Reading | Work::Foresight | Work::Own { .. } | Work::Roster => {
                return;
            }
        };
        let made = self.names.oldest_draft().is_some_and(|draft| {
            draft.stage == Stage::Made && draft.place == Place::Number(number)
        });
        if made && let Some(Change::Made(draft)) = self.names.settle_oldest() {
            self.stuck(draft);
        }
        if let Some(link) = &mut self.link
            && link
                .making
                .as_ref()
                .is_some_and(|making| making.number == number)
        {
            link.making = None;
            link.carried.is_left_over(number);
        }
    }

    /// A command ran that changes which statements exist, in this way if that is known.
    pub(in crate::postgres) fn statements_tagged(
        &mut self,
        tag: &[u8],
        change: Option<NameChange>,
        meaning: Meaning,
    ) {
        match (tag, change) {
            (b"DISCARD ALL" | b"DEALLOCATE ALL", _) => {
                self.names.clear();
                if let Some(link) = &mut self.link {
                    link.carried.forget_all();
                    link.study.forget_all();
                }
            }
            (
                b"PREPARE",
                Some(NameChange::Add {
                    name,
                    text,
                    reading,
                }),
            ) => {
                self.prepared(name, (text, reading), meaning);
            }
            (b"PREPARE", _) => self.names.add_unknown(),
            (b"DEALLOCATE", Some(NameChange::Remove(name))) => self.gone(&name),
            // Some statement is gone, and which one is not known.
            (b"DEALLOCATE", _) => self.doubt_names(),
            _ => {}
        }
    }

    /// Statements may be gone, or others come, and which ones only the server knows.
    pub(in crate::postgres) fn doubt_names(&mut self) {
        self.doubt_names_if(own::stands_for);
    }

    /// The same for messages amid the data of a COPY, before which nobody has looked at what the connection has.
    pub(in crate::postgres) fn doubt_names_amid_copy(&mut self) {
        self.doubt_names_if(own::is_of);
    }

    /// Only what the connection has under the client's own name, and that is the client's, may be gone.
    fn doubt_names_if(&mut self, is_clients: fn(u64, &Named) -> bool) {
        let link = self.link.as_deref();
        self.names.become_uncertain(|named| {
            let own = link.and_then(|link| link.carried.own(&named.name));
            own.is_some_and(|own| is_clients(own, named))
        });
    }

    /// The error that answers the oldest request, in the client's words.
    pub(in crate::postgres) fn rewrite(&mut self, body: &[u8], out: &mut Effects) {
        let Some(link) = &mut self.link else {
            return;
        };
        if let Some(stood_in) = link.carried.stood_in(body) {
            out.client_lane().inject(|bytes| match stood_in {
                StoodIn::Refused(said) => wire::error_in(bytes, said, body),
                StoodIn::Stale => wire::stale_error_in(bytes, body),
            });
            return;
        }
        let front = link.queue.front();
        let Some(front) = front.filter(|front| front.alias.matters()) else {
            out.client_lane()
                .inject(|bytes| wire::reply(bytes, b'E', body));
            return;
        };
        out.client_lane()
            .inject(|bytes| front.alias.rewrite(front.kind, body, &link.carried, bytes));
        if front.alias.is_carried() && is_missing(body) {
            // Code that was called has dropped what is not its own: all is made again when needed.
            link.carried.distrust_shared();
        }
    }
}

impl Link {
    /// The statement that was made for a waiting request: is it still what it was?
    fn compare(&mut self, shape: Option<Shape>) {
        let Some(mut making) = self.making.take() else {
            return;
        };
        if shape.is_some_and(|shape| making.shape.admits(shape)) {
            self.carried.has(making.id, making.number);
            return;
        }
        self.carried.is_left_over(making.number);
        making.outcome = Outcome::Stale;
        self.making = Some(making);
    }

    fn not_worked(&mut self, entry: &Expected) {
        match (entry.kind, entry.work()) {
            // It was not made, or what it was to be made of was not closed before.
            (Kind::Make, Work::Number(DOORMAT)) => self.carried.set_doormat(Doormat::Distrusted),
            (Kind::Make, Work::Number(number)) => {
                if self
                    .making
                    .as_ref()
                    .is_some_and(|making| making.number == *number)
                {
                    self.making = None;
                }
            }
            (Kind::Drop, Work::Number(number)) => self.carried.is_left_over(*number),
            (Kind::Make | Kind::OwnExecute, Work::Own { name, id })
                if entry.noise == Noise::Tried =>
            {
                self.carried.judge(name, *id, Judgement::Unmakeable);
            }
            (
                _,
                Work::Number(_)
                | Work::Own { .. }
                | Work::OwnShape { .. }
                | Work::Reading
                | Work::Foresight
                | Work::None
                | Work::Study
                | Work::Roster,
            ) => {}
        }
    }
}

/// True for the error that a statement does not exist.
fn is_missing(body: &[u8]) -> bool {
    body.split(|byte| *byte == 0)
        .any(|field| field == b"C26000")
}

impl Alias {
    /// True for a statement that the connection was thought to have.
    fn is_carried(&self) -> bool {
        matches!(self, Self::Named { .. } | Self::Sent { .. })
    }

    /// True if an error that answers the request must be rewritten.
    pub(in crate::postgres) fn matters(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The error that the client is to see instead of the one with this body.
    fn rewrite(&self, kind: Kind, body: &[u8], carried: &Carried, out: &mut Vec<u8>) {
        match self {
            Self::None => wire::reply(out, b'E', body),
            Self::Named { named, number } => {
                let ours = carried.name(*number);
                wire::rename_error(out, body, ours.as_bytes(), &named.name);
            }
            Self::Sent { name, number } => {
                let ours = carried.name(*number);
                wire::rename_error(out, body, ours.as_bytes(), name);
            }
            Self::Described { statement } => {
                let aborted = memchr::memmem::find(body, b"\0C25P02\0").is_some();
                if let (Recipe::Parse(parsed), false) = (&statement.recipe, aborted) {
                    wire::parameter_description(out, &parsed.parameters);
                }
                wire::reply(out, b'E', body);
            }
            Self::Stale { statement, .. } => {
                if let (Kind::DescribeStatement, Recipe::Parse(parsed)) = (kind, &statement.recipe)
                {
                    wire::parameter_description(out, &parsed.parameters);
                }
                wire::stale_error(out);
            }
            Self::Aborted => wire::aborted_error(out),
            Self::StaleSql { parameters } => {
                wire::parameter_description(out, parameters);
                wire::stale_error(out);
            }
        }
    }
}
