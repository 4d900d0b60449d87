//! Requests that name a prepared statement: what the statement is called on the server, and what to send
//! before them.

use std::sync::Arc;

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::frame::HEADER_LEN;

use super::carried::{DOORMAT, Doormat, NOWHERE};
use super::judged::Judgement;
use super::making::{Made, Purpose};
use super::names::{Change, Draft, Found, Named, Others, Place, Stage, What, cut};
use super::own::{NAMING, Roll};
use super::rereading::Read;
use super::scanning::Scanned;
use super::table::{Recipe, Shape};
use super::wire;
use crate::postgres::client::Step;
use crate::postgres::head::Message;
use crate::postgres::link::Lesson;
use crate::postgres::meaning::meaning_of;
use crate::postgres::queue::{Alias, Kind, Meaning, Touches, Work};
use crate::postgres::{MAX_WHOLE, Session, Want};
use crate::{Effects, Notice};

/// Effects that change which statements exist.
pub(super) const CHANGES: EffectSet = EffectSet::PREPARE
    .union(EffectSet::DEALLOCATE)
    .union(EffectSet::DEALLOCATE_ALL)
    .union(EffectSet::DISCARD_ALL);

/// Where the statement of a request is, and what running it may do.
pub(in crate::postgres) struct Located {
    pub(in crate::postgres) place: Place,
    pub(in crate::postgres) meaning: Meaning,
    pub(in crate::postgres) alias: Alias,
}

impl Located {
    fn as_it_is(meaning: Meaning) -> Self {
        Self {
            place: Place::OwnName,
            meaning,
            alias: Alias::None,
        }
    }

    fn under(number: u32, meaning: Meaning, alias: Alias) -> Self {
        Self {
            place: Place::Number(number),
            meaning,
            alias,
        }
    }
}

impl Located {
    /// A Bind with the wrong number of parameters is refused before anybody looks at the result.
    fn or_miscounted(mut self, message: Message<'_>, names: (&[u8], &[u8])) -> Self {
        let Alias::Stale { statement, number } = &self.alias else {
            return self;
        };
        let Recipe::Parse(parsed) = &statement.recipe else {
            return self;
        };
        if parsed.is_miscounted(message, names) {
            let number = *number;
            self.place = Place::Number(number);
            self.alias = sent(names.1, number);
        }
        self
    }
}

impl Session {
    /// A Parse with a name.
    pub(in crate::postgres) fn parse_named(
        &mut self,
        message: Message<'_>,
        name: &[u8],
        out: &mut Effects,
    ) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if link.takes_copy_data() {
            link.parse_amid_copy(message, name, out);
            return Step::Taken;
        }
        if is_awaited(message) {
            return Step::Wait(Want::More);
        }
        if self.names.are_full() {
            return Step::Wait(self.settle_first(out));
        }
        match self.names.find(name) {
            Found::Unsettled => Step::Wait(self.settle_first(out)),
            Found::Named(named) if named.is_uncertain() && self.names.others() != Others::None => {
                self.parse_fresh(message, name, out)
            }
            Found::Named(_) | Found::Draft(_) => self.parse_existing(message, name, out),
            Found::Absent => self.parse_fresh(message, name, out),
        }
    }

    /// The name is taken: the server is asked to make the statement under a name that is taken as well, so
    /// that it finds every other fault first.
    fn parse_existing(&mut self, message: Message<'_>, name: &[u8], out: &mut Effects) -> Step {
        let segment = self.names.segment();
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        match link.carried.doormat() {
            Doormat::There => {}
            Doormat::Sent(when) if when == segment => {}
            Doormat::Sent(_) => return Step::Wait(self.settle_first(out)),
            missing @ (Doormat::Missing | Doormat::Distrusted) => {
                let doormat = link.carried.name(DOORMAT);
                if missing == Doormat::Distrusted {
                    out.server_lane()
                        .inject(|bytes| wire::target(bytes, b'C', b'S', doormat.as_bytes()));
                    link.expect_work(Kind::Drop, Work::None);
                }
                out.server_lane()
                    .inject(|bytes| wire::parse_plain(bytes, doormat.as_bytes(), b""));
                link.expect_work(Kind::Make, Work::Number(DOORMAT));
                link.carried.set_doormat(Doormat::Sent(segment));
            }
        }
        link.extended(message.header, Kind::Parse);
        link.alias(Alias::Sent {
            name: name.into(),
            number: DOORMAT,
        });
        link.rename_parse(message, name, DOORMAT, out);
        Step::Taken
    }

    fn parse_fresh(&mut self, message: Message<'_>, name: &[u8], out: &mut Effects) -> Step {
        let others = self.names.others();
        let body = message.header.body(message.bytes);
        let tail = body.get(name.len().saturating_add(1)..).unwrap_or_default();
        let whole = is_whole(message);
        let meaning = if whole {
            self.meaning(text_of(tail), out)
        } else {
            Meaning::NOTHING
        };
        if let Some(want) = self.call_roll(&Roll::before_bind(&meaning), out) {
            return Step::Wait(want);
        }
        let kept = whole && others == Others::None && self.names.have_room(tail.len());
        let read = if kept {
            self.reads_or_asks(text_of(tail), out)
        } else {
            Ok(Read::Unknown)
        };
        let read = match read {
            Ok(read) => read,
            Err(want) => return Step::Wait(want),
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let place = match others {
            Others::None => Place::Number(link.carried.fresh_number()),
            Others::Possible | Others::Unanswered => Place::OwnName,
        };
        link.extended(message.header, Kind::Parse);
        link.touches(Touches::Names);
        if let Place::Number(number) = place {
            link.rename_parse(message, name, number, out);
            link.inbound.learn = kept.then_some(match read {
                Read::AsAnswered => Lesson::ReadingAndShape(number),
                Read::Alike | Read::Under(_) | Read::Unknown => Lesson::Shape(number),
            });
        }
        if !whole {
            link.scan(HEADER_LEN.saturating_add(name.len()).saturating_add(1));
        }
        self.names
            .may_do(meaning.effects.without(NAMING), meaning.touched.as_deref());
        self.names.sent(Change::Made(Draft {
            name: cut(name).into(),
            place,
            tail: kept.then(|| tail.into()),
            meaning,
            read,
            stage: Stage::Sent,
        }));
        Step::Taken
    }

    /// A Bind of a statement with a name.
    pub(in crate::postgres) fn bind_named(
        &mut self,
        message: Message<'_>,
        (portal, statement): (&[u8], &[u8]),
        out: &mut Effects,
    ) -> Step {
        let stale = self.link.as_ref().is_some_and(|link| link.found_stale());
        if stale && is_awaited(message) {
            return Step::Wait(Want::More);
        }
        let roll = match self.names.find(statement) {
            Found::Named(named) => self.roll_apart(named.meaning()),
            Found::Draft(draft) => self.roll_apart(&draft.meaning),
            Found::Absent | Found::Unsettled => Roll::Nobody,
        };
        if let Some(want) = self.call_apart(&roll, out) {
            return Step::Wait(want);
        }
        let located = match self.locate(statement, Purpose::Bind(message, (portal, statement)), out)
        {
            Ok(located) => located.or_miscounted(message, (portal, statement)),
            Err(want) => return Step::Wait(want),
        };
        if let Some(want) = self.call_roll(&Roll::before_bind(&located.meaning), out) {
            return Step::Wait(want);
        }
        if self.may_read_sequences(&located.meaning)
            && !self.unnamed.is_forgotten()
            && let Some(want) = self.forget_sequences(None, out)
        {
            return Step::Wait(want);
        }
        let meaning = self.with_stored_code(located.meaning);
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.binds(&meaning);
        if portal.is_empty() {
            link.segment_portal = Some(meaning);
        }
        link.leave_half_a_portal(&located.alias, (message, (portal, statement)), out);
        link.extended(message.header, Kind::Bind);
        link.alias(located.alias);
        if let Place::Number(number) = located.place {
            link.rename_bind(message, (portal, statement), number, out);
        }
        Step::Taken
    }

    /// A Describe of a statement with a name.
    pub(in crate::postgres) fn describe_named(
        &mut self,
        message: Message<'_>,
        name: &[u8],
        out: &mut Effects,
    ) -> Step {
        let located = match self.locate(name, Purpose::Describe, out) {
            Ok(located) => located,
            Err(want) => return Step::Wait(want),
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.extended(message.header, Kind::DescribeStatement);
        link.alias(located.alias);
        if let Place::Number(number) = located.place {
            link.rename_target(message, number, out);
        }
        Step::Taken
    }

    /// A Close of a statement with a name.
    pub(in crate::postgres) fn close_named(
        &mut self,
        message: Message<'_>,
        name: &[u8],
        out: &mut Effects,
    ) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let unsettled = matches!(self.names.find(name), Found::Unsettled);
        if link.takes_copy_data() && (unsettled || self.names.are_full()) {
            link.extended(message.header, Kind::Close);
            return Step::Taken;
        }
        if self.names.are_full() {
            return Step::Wait(self.settle_first(out));
        }
        let number = match self.names.find(name) {
            Found::Unsettled => return Step::Wait(self.settle_first(out)),
            Found::Named(named) => match &named.what {
                What::Stuck { place, .. } => place.number(),
                What::Shared(_) | What::Uncertain(_) => None,
            },
            // If it is kept it will be another client's as well.
            Found::Draft(draft) if draft.tail.is_some() => None,
            Found::Draft(draft) => draft.place.number(),
            Found::Absent => None,
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.extended(message.header, Kind::Close);
        if let Some(number) = number {
            link.rename_target(message, number, out);
        }
        link.touches(Touches::Names);
        self.names.sent(Change::Gone(cut(name).into()));
        Step::Taken
    }

    /// Where the statement with this name is, or what to wait for.
    fn locate(
        &mut self,
        name: &[u8],
        purpose: Purpose<'_>,
        out: &mut Effects,
    ) -> Result<Located, Want> {
        let Some(link) = &mut self.link else {
            return Err(Want::Server);
        };
        if link.takes_copy_data() {
            return Ok(self.locate_amid_copy(name));
        }
        let others = self.names.others();
        let named = match self.names.find(name) {
            Found::Unsettled => return Err(self.settle_first(out)),
            Found::Draft(draft) => {
                let mut meaning = draft.meaning.clone();
                meaning.was_scanned(Scanned::of_draft(draft, link));
                return Ok(match draft.place {
                    Place::Number(number) => Located::under(number, meaning, sent(name, number)),
                    Place::OwnName => Located::as_it_is(meaning),
                });
            }
            // Perhaps code out of sight has made it. What is known to be there by this name is another client's.
            Found::Absent if others != Others::None && link.carried.own(cut(name)).is_none() => {
                return Ok(Located::as_it_is(Meaning::of_effects(
                    self.names.possible().effects,
                )));
            }
            Found::Absent => {
                return Ok(Located::under(
                    NOWHERE,
                    Meaning::NOTHING,
                    sent(name, NOWHERE),
                ));
            }
            Found::Named(named) => Arc::clone(named),
        };
        self.locate_named(named, (name, purpose), out)
    }

    /// The server ends a session that says such things amid the data of a COPY, whatever they name. But it may
    /// have given the COPY up already, and then it listens.
    fn locate_amid_copy(&mut self, name: &[u8]) -> Located {
        let Some(link) = &mut self.link else {
            return Located::as_it_is(Meaning::NOTHING);
        };
        let Found::Named(named) = self.names.find(name) else {
            return Located::as_it_is(Meaning::NOTHING);
        };
        let number = match &named.what {
            What::Shared(statement) => link.carried.used(statement.id),
            What::Stuck { place, .. } => place.number(),
            What::Uncertain(_) => None,
        };
        let meaning = named.meaning().clone();
        match number {
            Some(number) => Located::under(number, meaning, sent(name, number)),
            None => Located::as_it_is(meaning),
        }
    }

    fn locate_named(
        &mut self,
        named: Arc<Named>,
        (name, purpose): (&[u8], Purpose<'_>),
        out: &mut Effects,
    ) -> Result<Located, Want> {
        let mut meaning = named.meaning().clone();
        meaning.was_scanned(Scanned::of(&named.what));
        let number = match &named.what {
            What::Stuck {
                place: Place::Number(number),
                ..
            } => *number,
            What::Uncertain(_)
            | What::Stuck {
                place: Place::OwnName,
                ..
            } => return Ok(Located::as_it_is(meaning)),
            What::Shared(statement) => match &statement.recipe {
                Recipe::Sql(_) => return self.locate_sql(&named, purpose, out),
                Recipe::Parse(_) => match self.made_here(statement, purpose, out) {
                    Made::Here(number) => number,
                    Made::InVain(number) => {
                        // It will not run, so nothing need be prepared for it.
                        meaning = Meaning::NOTHING;
                        number
                    }
                    Made::Later(want) => return Err(want),
                    Made::Stale(number) => {
                        let statement = Arc::clone(statement);
                        let alias = Alias::Stale { statement, number };
                        return Ok(Located::under(NOWHERE, meaning, alias));
                    }
                },
            },
        };
        let alias = if named.name.len() == name.len() {
            Alias::Named { named, number }
        } else {
            sent(name, number)
        };
        Ok(Located::under(number, meaning, alias))
    }

    /// Where a statement is that a `PREPARE` has made.
    fn locate_sql(
        &mut self,
        named: &Named,
        purpose: Purpose<'_>,
        out: &mut Effects,
    ) -> Result<Located, Want> {
        let fails = self.link.as_ref().is_some_and(|link| {
            let id = named.shared().map(|statement| statement.id);
            link.status == TransactionStatus::Failed && link.carried.own(&named.name) != id
        });
        if let Some(want) = self.call_roll(&Roll::One(named.name.clone()), out) {
            return Err(want);
        }
        let meaning = named.meaning().clone();
        let shape = named.shared().map(|statement| statement.recipe.shape());
        if fails
            && matches!(
                (purpose, shape),
                (Purpose::Describe, Some(Shape::Columns(_)))
            )
        {
            return Ok(Located::under(NOWHERE, meaning, Alias::Aborted));
        }
        let link = self.link.as_ref();
        let judgement = link.and_then(|link| link.carried.judgement_of(named));
        match (purpose, judgement) {
            (Purpose::Describe, Some(Judgement::Stale(parameters))) => {
                let parameters = parameters.clone();
                let alias = Alias::StaleSql { parameters };
                Ok(Located::under(NOWHERE, meaning, alias))
            }
            (Purpose::Describe | Purpose::Bind(..), _) => Ok(Located::as_it_is(meaning)),
        }
    }

    /// What running a text will mean.
    pub(in crate::postgres) fn meaning(&mut self, text: &[u8], out: &mut Effects) -> Meaning {
        let Some(link) = &mut self.link else {
            return Meaning::NOTHING;
        };
        let summary = self.table.classify(link.parameters.style(), text);
        if summary.effects.intersects(EffectSet::DATABASE_DDL) {
            // Said as early as can be: the server waits only for a while.
            out.notice(Notice::DatabaseCommand);
        }
        meaning_of(&summary, link, self.names.possible(), Some(text))
    }

    /// What is on its way must be answered first. Within a segment the server needs to be asked to.
    pub(in crate::postgres) fn settle_first(&mut self, out: &mut Effects) -> Want {
        if let Some(link) = &mut self.link {
            link.flush_once(out);
        }
        Want::Replies
    }
}

/// The text at the start of what follows the name in a Parse.
pub(in crate::postgres) fn text_of(tail: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, tail).unwrap_or(tail.len());
    tail.get(..end).unwrap_or_default()
}

fn sent(name: &[u8], number: u32) -> Alias {
    Alias::Sent {
        name: name.into(),
        number,
    }
}

/// True when the message is seen whole. Longer ones never are, however much of them has arrived.
pub(super) fn is_whole(message: Message<'_>) -> bool {
    message.header.total <= message.bytes.len().min(MAX_WHOLE)
}

/// True when the message must be seen whole and has not arrived.
pub(in crate::postgres) fn is_awaited(message: Message<'_>) -> bool {
    message.bytes.len() < message.header.total && message.header.total <= MAX_WHOLE
}
