//! The server's replies: which request each one answers, and what has become of that request.

use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::backend::read;
use tollgate_wire_postgres::tag::backend as tag;

use super::Session;
use super::doubt::{CopyEnd, Outlook};
use super::link::{Alignment, Copy, Entry, Intrusion, Segment, SequenceUse, StrayData, Upset};
use super::queue::{Expected, Kind, Meaning, Noise, SoFar, Statements, Touches, Work};
use super::server::Verdict;
use super::unnamed::{Remembered, Unnamed};
use crate::{PinReason, PinSet};

impl Session {
    /// Rows and their descriptions.
    pub(super) fn detail(&mut self, tag: u8, body: &[u8]) {
        let Some(link) = &mut self.link else {
            return;
        };
        match (tag, link.queue.front_mut()) {
            (tag::PARAMETER_DESCRIPTION, Some(front)) if front.kind == Kind::Learn => {
                front.kind = Kind::LearnColumns;
                link.learnt = body.to_vec();
            }
            (tag::ROW_DESCRIPTION | tag::NO_DATA, Some(front))
                if front.kind == Kind::LearnColumns =>
            {
                if let Some(done) = link.queue.pop() {
                    self.learnt(&done, (tag == tag::ROW_DESCRIPTION).then_some(body));
                }
            }
            (tag::DATA_ROW, Some(front)) => match front.work() {
                Work::Reading => link.reading_answered(body),
                Work::Foresight => link.foresight_answered(body),
                Work::Roster => link.study.listed(body),
                Work::None
                | Work::Number(_)
                | Work::Own { .. }
                | Work::OwnShape { .. }
                | Work::Study => {}
            },
            (tag::PARAMETER_DESCRIPTION, Some(front)) => front.kind = Kind::DescribeColumns,
            (tag::ROW_DESCRIPTION | tag::NO_DATA, Some(front))
                if front.kind == Kind::DescribeColumns =>
            {
                link.queue.pop();
            }
            _ => {}
        }
    }

    /// `1`, `2` or `3`: what the oldest request asked for is made or gone.
    pub(super) fn made(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let Some(done) = link.queue.pop() else {
            return;
        };
        match done.kind {
            Kind::UnnamedParse => {
                self.unnamed.replace(done.kept, done.meaning);
                link.alignment = Alignment::Confirmed;
            }
            Kind::UnnamedClose => {
                self.unnamed.drop_statement(Remembered::Nothing);
                link.alignment = Alignment::Confirmed;
            }
            Kind::InjectedParse | Kind::InjectedClose => link.alignment = Alignment::Confirmed,
            Kind::Parse => self.parsed(&done),
            Kind::Close => self.closed(&done),
            Kind::Make | Kind::Drop | Kind::OwnBind => self.worked(done),
            Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::Execute
            | Kind::Sync
            | Kind::Query
            | Kind::FunctionCall
            | Kind::Learn
            | Kind::LearnColumns
            | Kind::OwnExecute
            | Kind::OwnSync
            | Kind::Replay
            | Kind::Inspection
            | Kind::Catalogue
            | Kind::CopyEnd => {}
        }
    }

    /// `C`, `I` or `s`: a statement of a Query, or an Execute, ran.
    pub(super) fn command_done(&mut self, tag: &[u8]) {
        if self.copy_ended(CopyEnd::Completed) == Outlook::Doubtful {
            return;
        }
        let Some(link) = &mut self.link else {
            return;
        };
        let Some(front) = link.queue.front_mut() else {
            return;
        };
        if front.kind == Kind::OwnExecute {
            self.prepared_again();
            return;
        }
        let executed = front.kind == Kind::Execute;
        if executed && tag == b"ROLLBACK" && link.status == TransactionStatus::Failed {
            // What comes behind it in its segment does not fail for that any more.
            link.status = TransactionStatus::InTransaction;
        }
        let statements = if executed {
            Statements::One
        } else {
            front.meaning.statements
        };
        let meaning = &mut front.meaning;
        let effects = meaning.effects;
        let sequences = EffectSet::SEQUENCE.union(EffectSet::PROCEDURE);
        if tag.first() == Some(&b'I') || effects.intersects(sequences) {
            self.pins.used_sequences();
            if link.sequences == SequenceUse::ByOthers {
                link.sequences = SequenceUse::ByHolder;
            }
        }
        // Most statements have no effects, and most of their tags no meaning.
        if !effects.is_empty() || may_matter(tag) {
            let mut facts = self.pins.tried(effects, meaning.blame());
            facts = facts.union(self.pins.tagged(tag, effects));
            self.pending.tried(effects, meaning.touched.as_deref());
            self.pending.suspect(facts);
            self.pending.tagged(tag);
            let change = meaning.take_change(tag, statements);
            if matches!(tag, b"DISCARD ALL" | b"DISCARD SEQUENCES") {
                link.sequences = SequenceUse::Unused;
            }
            let meaning = Meaning {
                effects,
                statements: Statements::One,
                name: None,
                touched: meaning.touched.clone(),
                calls: meaning.calls.clone(),
                digest: meaning.digest.clone(),
                culprit: meaning.culprit.clone(),
            };
            self.stored_code_ran(effects);
            self.statements_tagged(tag, change, meaning);
        }
        self.executed();
    }

    /// An Execute is answered; a Query has its `ReadyForQuery` to come.
    fn executed(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        if link.queue.front_kind() != Some(Kind::Execute) {
            return;
        }
        let done = link.queue.pop();
        if done.is_some_and(|done| done.touches == Touches::Names) {
            drop(self.names.settle_oldest());
        }
    }

    pub(super) fn copy_begins(&mut self, tag: u8) {
        let Some(link) = &mut self.link else {
            return;
        };
        match tag {
            tag::COPY_IN_RESPONSE => {
                let ahead = link.queue.copy_begins();
                if link.segment == Segment::Closed && link.queue.ends_open() {
                    // Its Sync was swallowed: the client has another one to send.
                    link.segment = Segment::Open;
                }
                link.copy = Copy::In {
                    end: ahead.end,
                    syncs: ahead.syncs,
                };
            }
            tag::COPY_OUT_RESPONSE => link.copy = Copy::Out,
            // Replication: what follows has no request and reply.
            _ => self.goes_blind(PinReason::Unknown),
        }
    }

    pub(super) fn ready(&mut self, body: &[u8]) -> Verdict {
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        let Ok(status) = read::ready_for_query(body) else {
            return Verdict::OutOfSync;
        };
        link.status = status;
        let Some(done) = link.queue.pop() else {
            return Verdict::OutOfSync;
        };
        if link.queue.is_empty() {
            if link.study.withholds() && matches!(done.kind, Kind::Sync | Kind::Query) {
                link.study.withhold(status);
            }
            link.settings_in_flight = false;
            link.data = StrayData::None;
        }
        if status == TransactionStatus::Idle && link.queue.is_empty() {
            link.nothing_is_bound();
        }
        if done.touches == Touches::Names {
            drop(self.names.settle_oldest());
        }
        match done.kind {
            Kind::Query => {
                self.unnamed.drop_statement(Remembered::Nothing);
                // A statement cancelled at its very start may have left everything as it was.
                match done.so_far {
                    SoFar::Well => link.alignment = Alignment::Confirmed,
                    SoFar::Failed => link.misaligned(),
                }
            }
            Kind::FunctionCall => self.attempted_quietly(&done.meaning),
            // The request that all this was for has been answered with an error.
            Kind::OwnSync if done.noise == Noise::Quiet => {
                if link.study.spoils(status) {
                    // The client would be told of a failure that is none of its own.
                    return Verdict::OutOfSync;
                }
            }
            Kind::OwnSync if link.upset == Upset::ByOurs => link.segment = Segment::Refused,
            Kind::Sync
            | Kind::Parse
            | Kind::UnnamedParse
            | Kind::InjectedParse
            | Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::Execute
            | Kind::Close
            | Kind::UnnamedClose
            | Kind::InjectedClose
            | Kind::Make
            | Kind::Learn
            | Kind::LearnColumns
            | Kind::Drop
            | Kind::OwnBind
            | Kind::OwnExecute
            | Kind::OwnSync
            | Kind::Replay
            | Kind::Inspection
            | Kind::Catalogue
            | Kind::CopyEnd => {}
        }
        self.settle(status);
        Verdict::GoOn
    }

    /// The server is ready: what was done in a transaction that is over is now so, or never was.
    pub(super) fn settle(&mut self, status: TransactionStatus) {
        if let Some(link) = &mut self.link
            && link.intrusion == Intrusion::Sent
        {
            if status != TransactionStatus::Idle {
                // Whether its transaction will really be over when the server says so is not certain.
                self.pins.hold(PinReason::Unknown);
            } else if link.queue.is_empty() {
                link.intrusion = Intrusion::None;
            }
        }
        match status {
            TransactionStatus::Idle => {
                if let Some(link) = &self.link {
                    link.knowledge.transaction_over();
                }
                self.settle_settings();
            }
            TransactionStatus::InTransaction | TransactionStatus::Failed => {
                self.pending.transaction_open();
            }
        }
    }

    /// The reasons that follow from what the session has now, not from what was done.
    pub(super) fn derive_pins(&mut self) {
        let link = self.link.as_ref();
        let beyond_control = link.is_some_and(|link| link.parameters.beyond_control());
        let is_lettered = link.is_some_and(|link| link.carried.is_lettered());
        let mut derived = PinSet::NONE;
        if beyond_control {
            derived.insert(PinReason::SessionSetting);
        }
        if self.names.are_bound() || is_lettered {
            derived.insert(PinReason::PreparedStatement);
        }
        if self.unnamed.is_forgotten() {
            derived.insert(PinReason::UnnamedStatement);
        }
        self.pins.derive(derived);
    }

    pub(super) fn error(&mut self, body: &[u8]) -> Verdict {
        if ends_session(body) {
            return Verdict::Fatal;
        }
        let Some(front) = self.link.as_mut().and_then(|link| link.queue.front_mut()) else {
            return Verdict::OutOfSync;
        };
        front.so_far = SoFar::Failed;
        let (kind, noise) = (front.kind, front.noise);
        if noise == Noise::Tried
            && let Some(link) = &mut self.link
        {
            link.carried.hears_refusal(body);
        }
        // A Sync amid the data may have been read after the failure: what follows may have run, and
        // nothing can be taken for skipped.
        if self.copy_ended(CopyEnd::Failed) == Outlook::Doubtful {
            return Verdict::GoOn;
        }
        if kind == Kind::OwnSync
            && noise == Noise::Heard
            && let Some(link) = &mut self.link
        {
            link.upset = Upset::ByOurs;
        }
        if kind.is_extended() {
            self.skip();
        } else if let Some(front) = self.link.as_mut().and_then(|link| link.queue.front_mut()) {
            let meaning = std::mem::replace(&mut front.meaning, Meaning::NOTHING);
            self.attempted(&meaning);
        }
        Verdict::GoOn
    }

    /// A request of the extended protocol failed: the server discards everything up to the next Sync.
    fn skip(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let Some(mut failed) = link.queue.pop() else {
            return;
        };
        match failed.noise {
            Noise::Quiet => link.study.failed(),
            Noise::Heard if failed.kind.is_own() => link.upset = Upset::ByOurs,
            Noise::Heard | Noise::Meant | Noise::Tried => {}
        }
        match failed.kind {
            Kind::UnnamedParse => {
                self.unnamed.drop_statement(failed.kept);
                link.misaligned();
            }
            // The statement is still the client's; it could not be made here and now.
            Kind::InjectedParse | Kind::InjectedClose => link.misaligned(),
            Kind::UnnamedClose => self.unnamed.skip(Remembered::Nothing),
            Kind::Parse
            | Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::Execute
            | Kind::Close
            | Kind::Sync
            | Kind::Query
            | Kind::FunctionCall
            | Kind::Make
            | Kind::Learn
            | Kind::LearnColumns
            | Kind::Drop
            | Kind::OwnBind
            | Kind::OwnExecute
            | Kind::OwnSync
            | Kind::Replay
            | Kind::Inspection
            | Kind::Catalogue
            | Kind::CopyEnd => {}
        }
        self.undone(&mut failed);
        let mut sent_along = false;
        while let Some(mut skipped) = self.link.as_mut().and_then(|link| link.queue.pop_skipped()) {
            skip_unnamed(&mut self.unnamed, &skipped);
            self.undone(&mut skipped);
            sent_along |= !skipped.kind.is_own();
        }
        let Some(link) = &mut self.link else {
            return;
        };
        if sent_along {
            // What failed was sent for that message, and together with it.
            link.upset = Upset::No;
        }
        if link.queue.is_empty() {
            // The Sync has not been sent yet.
            link.segment = Segment::Skipping;
            link.inbound.entry = Entry::None;
        }
        // Only an Execute has run anything; a failed Parse has not, whatever its text says.
        let meaning = if failed.kind == Kind::Execute {
            failed.meaning
        } else {
            Meaning::NOTHING
        };
        self.attempted(&meaning);
    }

    /// A request with this meaning was tried. It ended its transaction or its failure will.
    fn attempted_quietly(&mut self, meaning: &Meaning) {
        let facts = self.pins.tried(meaning.effects, meaning.blame());
        self.pending
            .tried(meaning.effects, meaning.touched.as_deref());
        self.pending.suspect(facts);
        self.stored_code_ran(meaning.effects);
    }

    /// A request with this meaning failed, perhaps half-way.
    pub(super) fn attempted(&mut self, meaning: &Meaning) {
        self.attempted_quietly(meaning);
        self.pending.failed(meaning.effects);
        if meaning.effects.intersects(EffectSet::PREPARE) && meaning.name.is_none() {
            self.names.add_unknown();
        }
        if meaning.leaves_changes_open() {
            self.doubt_names();
        }
    }
}

pub(super) fn skip_unnamed(unnamed: &mut Unnamed, skipped: &Expected) {
    match skipped.kind {
        Kind::UnnamedParse => unnamed.skip(skipped.kept),
        Kind::Query | Kind::UnnamedClose => unnamed.skip(Remembered::Nothing),
        Kind::Parse
        | Kind::InjectedParse
        | Kind::InjectedClose
        | Kind::Bind
        | Kind::DescribeStatement
        | Kind::DescribeColumns
        | Kind::Execute
        | Kind::Close
        | Kind::Sync
        | Kind::FunctionCall
        | Kind::Make
        | Kind::Learn
        | Kind::LearnColumns
        | Kind::Drop
        | Kind::OwnBind
        | Kind::OwnExecute
        | Kind::OwnSync
        | Kind::Replay
        | Kind::Inspection
        | Kind::Catalogue
        | Kind::CopyEnd => {}
    }
}

/// False for the command tags of queries and of the commonest commands, which mean nothing here.
fn may_matter(command_tag: &[u8]) -> bool {
    !(command_tag.starts_with(b"SELECT")
        || command_tag.starts_with(b"INSERT")
        || command_tag.starts_with(b"UPDATE")
        || command_tag.starts_with(b"DELETE"))
}

/// True if the error is the last thing the server says.
pub(super) fn ends_session(body: &[u8]) -> bool {
    // A body may be cut short; the severity is at its start.
    let mut rest = body;
    let mut localised = false;
    while let Some((code, tail)) = rest.split_first() {
        let end = memchr::memchr(0, tail).unwrap_or(tail.len());
        let (value, after) = tail.split_at_checked(end).unwrap_or((tail, &[]));
        let fatal = matches!(value, b"FATAL" | b"PANIC");
        match code {
            b'V' => return fatal,
            b'S' => localised = fatal,
            _ => {}
        }
        rest = after.get(1..).unwrap_or_default();
    }
    localised
}
