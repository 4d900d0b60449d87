//! Giving a connection a statement it lacks, and finding out whether it still is what it was.

use std::sync::Arc;

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::frame::HEADER_LEN;

use super::apart::Apart;
use super::requests::{is_awaited, is_whole};
use super::table::{Gives, Parsed, Recipe, Shape, Statement};
use super::wire;
use crate::Effects;
use crate::postgres::head::Message;
use crate::postgres::link::{Alignment, Link, Segment, SegmentProgress};
use crate::postgres::queue::{Alias, Kind, Meaning, Work};
use crate::postgres::unnamed::Remedy;
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
    /// Another one is, under this number, which will be refused as the statement would be.
    InVain(u32),
    Later(Want),
    /// It was made anew under this number, and is another one now.
    Stale(u32),
}

/// What a statement is needed for.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// This message, with these names of a portal and a statement.
    Bind(Message<'a>, (&'a [u8], &'a [u8])),
    Describe,
}

/// Whether the transaction has failed and waits for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FailedTransaction {
    Yes,
    No,
}

/// Effects of the statements that run in a failed transaction. Source: `IsTransactionExitStmt`.
pub(in crate::postgres) const EXITS: EffectSet = EffectSet::COMMIT
    .union(EffectSet::ROLLBACK)
    .union(EffectSet::ROLLBACK_TO);

impl Purpose<'_> {
    /// True if the server will refuse the request for a reason that has nothing to do with the text: what
    /// it would say of the text now must not come first.
    fn is_futile(self, parsed: &Parsed, in_failed_transaction: FailedTransaction) -> bool {
        let failed = in_failed_transaction == FailedTransaction::Yes;
        match self {
            Self::Bind(message, names) => failed || parsed.is_miscounted(message, names),
            // The server does not look at such a statement again to say what it takes.
            Self::Describe => parsed.gives == Gives::Nothing,
        }
    }

    /// True if more of the message must be seen before that can be told.
    fn is_unclear(self) -> bool {
        match self {
            Self::Bind(message, _) => is_awaited(message),
            Self::Describe => false,
        }
    }
}

impl Parsed {
    /// True for a Bind that brings another number of parameters than the statement has.
    pub(super) fn is_miscounted(&self, message: Message<'_>, names: (&[u8], &[u8])) -> bool {
        let expected = self.parameters.first_chunk::<2>().copied();
        is_whole(message) && wire::parameters_bound(message, names) != expected
    }

    /// True if a Bind with the right number of parameters may have faults of its own: values that are none,
    /// or a portal that exists.
    fn leaves_room_for_faults(&self, portal: &[u8]) -> bool {
        !portal.is_empty() || self.parameters.first_chunk::<2>() != Some(&[0, 0])
    }
}

impl Link {
    /// Whether a statement with this meaning would run in a failed transaction, and be refused for that.
    fn refuses(&self, meaning: &Meaning) -> FailedTransaction {
        // What has run in an open segment may have ended the transaction.
        let certain = self.status == TransactionStatus::Failed && self.segment == Segment::Closed;
        if certain && !meaning.effects.intersects(EXITS) {
            FailedTransaction::Yes
        } else {
            FailedTransaction::No
        }
    }

    /// Makes an empty statement with the same parameters, which can be made in every state of the session
    /// and is refused as that one would be.
    fn stand_in(&mut self, parameters: &[u8], out: &mut Effects) -> u32 {
        let number = self.carried.fresh_number();
        let name = self.carried.name(number);
        out.server_lane()
            .inject(|bytes| wire::parse(bytes, name.as_bytes(), b"\0", parameters));
        self.expect_work(Kind::Make, Work::Number(number));
        self.carried.is_left_over(number);
        self.segment = Segment::Open;
        number
    }

    /// Binds an empty statement with the same parameters: what is wrong with the request itself comes before
    /// what is wrong with the statement by now, as in PostgreSQL. There as well a portal with nothing in it
    /// stays behind in a transaction that fails for the latter, and is dropped only for the Bind to come.
    fn rehearse(
        &mut self,
        parsed: &Parsed,
        (message, (portal, statement)): (Message<'_>, (&[u8], &[u8])),
        out: &mut Effects,
    ) {
        let number = self.stand_in(&parsed.parameters, out);
        let name = self.carried.name(number);
        out.server_lane().inject(|bytes| {
            wire::bind_another(bytes, name.as_bytes(), message, (portal, statement));
        });
        self.expect_work(Kind::OwnBind, Work::None);
        self.alias(Alias::Sent {
            name: statement.into(),
            number,
        });
    }

    /// The Bind will be refused because its statement is another one now. In PostgreSQL its portal exists by
    /// then, with nothing in it, and stays while the failed transaction does. Source: `exec_bind_message`.
    pub(super) fn leave_half_a_portal(
        &mut self,
        alias: &Alias,
        (message, names): (Message<'_>, (&[u8], &[u8])),
        out: &mut Effects,
    ) {
        let Alias::Stale { statement, .. } = alias else {
            return;
        };
        let Recipe::Parse(parsed) = &statement.recipe else {
            return;
        };
        let fails_now = self.status != TransactionStatus::Failed;
        if fails_now && !names.0.is_empty() && is_whole(message) {
            self.rehearse(parsed, (message, names), out);
        }
    }

    /// True when a request waits that will be told that its statement is another one now.
    pub(super) fn found_stale(&self) -> bool {
        self.making
            .as_ref()
            .is_some_and(|making| making.outcome == Outcome::Stale)
    }
}

impl Session {
    /// The client describes or binds its unnamed statement, which the connection lacks. In a transaction that has
    /// failed it cannot be made, but PostgreSQL still describes one without a result
    /// (`exec_describe_statement_message`), and counts what is bound before it refuses (`exec_bind_message`): an
    /// empty statement under this number does the same. `Err`: what to wait for first.
    pub(in crate::postgres) fn unnamed_stand_in(
        &mut self,
        request: Kind,
        out: &mut Effects,
    ) -> Result<Option<u32>, Want> {
        let Some(link) = &mut self.link else {
            return Err(Want::Server);
        };
        let failed = link.status == TransactionStatus::Failed
            && (link.segment == Segment::Closed || link.progress == SegmentProgress::NothingBound);
        let Remedy::Parse(message) = self.unnamed.remedy() else {
            return Ok(None);
        };
        if link.alignment != Alignment::No || !failed || link.takes_copy_data() {
            return Ok(None);
        }
        let parameters = if request == Kind::Bind {
            parameters_without_marks(message)
        } else {
            parameters_of_a_command(message)
        };
        let Some(parameters) = parameters else {
            return Ok(None);
        };
        if self.unnamed.is_changing() || !link.queue.is_all_own() {
            // What is on its way may end the transaction.
            return Err(self.settle_first(out));
        }
        Ok(Some(link.stand_in(parameters, out)))
    }

    /// Makes sure that the connection has the statement.
    pub(super) fn made_here(
        &mut self,
        statement: &Arc<Statement>,
        purpose: Purpose<'_>,
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
        if purpose.is_unclear() {
            return Made::Later(Want::More);
        }
        if !link.queue.is_all_own() {
            // What is on its way may begin, fail or end a transaction.
            return Made::Later(self.settle_first(out));
        }
        let apart = link.stands_apart();
        if apart == Apart::WhenAnswered {
            return Made::Later(self.settle_first(out));
        }
        if purpose.is_futile(parsed, link.refuses(&statement.meaning)) {
            return Made::InVain(link.stand_in(&parsed.parameters, out));
        }
        self.make(statement, parsed, (purpose, apart), out)
    }

    /// Sends what makes the statement and tells what it is now.
    fn make(
        &mut self,
        statement: &Arc<Statement>,
        parsed: &Parsed,
        (purpose, apart): (Purpose<'_>, Apart),
        out: &mut Effects,
    ) -> Made {
        let then = statement.reading.as_ref();
        let now = then.and_then(|_| self.reading_now());
        let switch = then.and_then(|then| then.switch(now.as_ref()));
        let Some(link) = &mut self.link else {
            return Made::Later(Want::Server);
        };
        let rehearsed = match purpose {
            Purpose::Bind(message, names)
                if is_whole(message)
                    && parsed.leaves_room_for_faults(names.0)
                    // An empty statement ends no transaction, and would be refused for that.
                    && link.status != TransactionStatus::Failed =>
            {
                link.rehearse(parsed, (message, names), out);
                Some(names.0)
            }
            Purpose::Bind(..) | Purpose::Describe => None,
        };
        link.switches(switch.as_ref().map(|switch| &switch.there), out);
        let number = link.carried.fresh_number();
        let name = link.carried.name(number);
        out.server_lane().inject(|bytes| {
            wire::parse(bytes, name.as_bytes(), &parsed.tail, &parsed.parameters);
        });
        link.expect_work(Kind::Make, Work::Number(number));
        if matches!(purpose, Purpose::Describe) {
            let statement = Arc::clone(statement);
            link.alias(Alias::Described { statement });
        }
        link.ask_shape(number, out);
        link.switches(switch.as_ref().map(|switch| &switch.back), out);
        if let Some(portal) = rehearsed {
            out.server_lane()
                .inject(|bytes| wire::target(bytes, b'C', b'P', portal));
            link.expect_work(Kind::Drop, Work::None);
        }
        link.close_leftovers(out);
        match apart {
            Apart::Now => link.end_apart(out),
            Apart::WhenAnswered | Apart::Never => link.segment = Segment::Open,
        }
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

/// The text of a Parse of the unnamed statement, and what it says of parameters.
fn text_and_parameters(parse: &[u8]) -> Option<(&[u8], &[u8])> {
    let tail = parse.get(HEADER_LEN.saturating_add(1)..)?;
    let (text, rest) = tail.split_at_checked(memchr::memchr(0, tail)?)?;
    Some((text, rest.get(1..)?))
}

/// What such a Parse says of parameters; `None` if the text may name more of them.
fn parameters_without_marks(parse: &[u8]) -> Option<&[u8]> {
    let (text, parameters) = text_and_parameters(parse)?;
    memchr::memchr(b'$', text).is_none().then_some(parameters)
}

/// The same; `None` if the statement may have a result, or
/// parameters that only the server has seen.
fn parameters_of_a_command(parse: &[u8]) -> Option<&[u8]> {
    // Those that have no result, whatever stands behind the word.
    const COMMANDS: &[&str] = &[
        "abort",
        "alter",
        "analyze",
        "begin",
        "checkpoint",
        "close",
        "cluster",
        "comment",
        "commit",
        "copy",
        "create",
        "deallocate",
        "declare",
        "discard",
        "do",
        "drop",
        "end",
        "grant",
        "listen",
        "load",
        "lock",
        "move",
        "notify",
        "prepare",
        "reassign",
        "refresh",
        "reindex",
        "release",
        "reset",
        "revoke",
        "rollback",
        "savepoint",
        "security",
        "set",
        "start",
        "truncate",
        "unlisten",
        "vacuum",
    ];
    const CHANGES_OF_ROWS: &[&str] = &["insert", "update", "delete", "merge"];
    let (text, parameters) = text_and_parameters(parse)?;
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|byte| !byte.is_ascii_alphabetic());
    let word = words.by_ref().find(|word| !word.is_empty())?;
    let starts = text.trim_ascii_start().starts_with(word);
    let is = |known: &[&str]| known.iter().any(|one| one.as_bytes() == word);
    let without_result = is(COMMANDS)
        || (is(CHANGES_OF_ROWS)
            && !text.contains(&b'$')
            && !words.any(|word| word == b"returning"));
    (starts && without_result).then_some(parameters)
}
