//! The client's requests while it has a server connection: what each will be answered with, and what
//! running it may do.

use tollgate_sql::{Dialect, EffectSet, Scanner, Summary};
use tollgate_wire_postgres::frame::{HEADER_LEN, Header};

use super::client::Step;
use super::head::{Head, Message, head, kind_byte, two_names};
use super::link::{
    Alignment, Changes, Copy, Entry, Held, Inbound, Intrusion, Link, Owner, Segment,
    SegmentProgress, Upset,
};
use super::meaning::meaning_of;
use super::queue::{Alias, DataEnd, Expected, Kind, Meaning, Syncs};
use super::statements::{Apart, EXITS, Roll, text_of};
use super::unnamed::{Remedy, Remembered, Unnamed};
use super::{Session, Want};
use crate::Effects;

/// Closes the unnamed statement; answered with `3`. PostgreSQL manual, "Message Formats".
const CLOSE_UNNAMED: &[u8] = b"C\0\0\0\x06S\0";

/// Functions of large objects by object id: descriptors end with the transaction, as in a session of its
/// own. Any other function called by id may do anything. Source: PostgreSQL 15 `pg_proc.dat`.
const HARMLESS_FUNCTIONS: [u32; 20] = [
    715, 764, 765, 767, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172, 3457, 3458,
    3459, 3460,
];

impl Session {
    /// The text of the newest request is known: note what running it will mean.
    pub(super) fn text_read(&mut self, summary: &Summary, text: Option<&[u8]>) {
        let Some(link) = &mut self.link else {
            return;
        };
        if link.inbound.entry == Entry::None {
            return;
        }
        let meaning = meaning_of(summary, link, self.names.possible(), text);
        let Some(newest) = link.queue.back_mut() else {
            return;
        };
        if newest.kind == Kind::UnnamedParse {
            newest.meaning = meaning.clone();
            self.unnamed.change_means(meaning.effects);
            link.segment_statement = Some(meaning);
            return;
        }
        if newest.kind == Kind::Parse {
            self.draft_means(meaning);
            return;
        }
        if newest.kind == Kind::Query {
            let meaning = self.with_stored_code(meaning);
            self.newest_means(meaning);
        }
    }

    fn newest_means(&mut self, meaning: Meaning) {
        if let Some(link) = &mut self.link {
            link.knowledge.runs(&meaning);
            if let Some(newest) = link.queue.back_mut() {
                newest.meaning = meaning;
            }
        }
    }

    pub(super) fn query(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let mut meaning = match self.judge(message, 0, out) {
            Ok(meaning) => meaning,
            Err(want) => return Step::Wait(want),
        };
        if let Some(meaning) = &mut meaning
            && meaning.name.is_some()
            && let Some(want) = self.foresee(whole_text(message), meaning, out)
        {
            return Step::Wait(want);
        }
        if let Some(meaning) = &meaning
            && self.may_read_sequences(meaning)
            && let Some(want) = self.forget_sequences(Some(whole_text(message)), out)
        {
            return Step::Wait(want);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.note_intrusion();
        link.expect(Kind::Query);
        link.close_segment();
        link.unnamed_changes(&mut self.unnamed);
        link.segment_changes = Changes::Nothing;
        link.carried.segment_ends();
        link.pass(message.header, Entry::Queued);
        if let Some(meaning) = meaning {
            self.runs(meaning);
        } else {
            link.scan(HEADER_LEN);
            self.runs_anything();
        }
        self.names.segment_ends();
        Step::Taken
    }

    pub(super) fn parse(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let name = match head(message, 0) {
            Head::Name { name, .. } => name,
            // Whatever the server makes of it, it is no statement.
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        if !name.is_empty() {
            return self.parse_named(message, name, out);
        }
        let meaning = match self.judge(message, 1, out) {
            Ok(meaning) => meaning,
            Err(want) => return Step::Wait(want),
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.extended(message.header, Kind::UnnamedParse);
        link.unnamed_changes(&mut self.unnamed);
        if let Some(newest) = link.queue.back_mut() {
            newest.kept = Remembered::Bytes(0);
            if let Some(meaning) = &meaning {
                newest.meaning = meaning.clone();
                self.unnamed.change_means(meaning.effects);
            }
        }
        if meaning.is_none() {
            link.scan(HEADER_LEN.saturating_add(1));
        }
        link.segment_statement = meaning;
        Step::Taken
    }

    pub(super) fn bind(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let (portal, statement) = match two_names(message) {
            Ok(names) => names,
            Err(Head::Short) => return Step::Wait(Want::More),
            Err(Head::TooLong) => return Step::Wait(self.name_too_long(out)),
            // The server will refuse it, so nothing is bound.
            Err(Head::Name { .. } | Head::Malformed) => (&b"?"[..], &b"?"[..]),
        };
        if !statement.is_empty() {
            return self.bind_named(message, (portal, statement), out);
        }
        let meaning = self.meaning_of_unnamed();
        if !meaning.effects.intersects(EXITS) {
            match self.unnamed_stand_in(Kind::Bind, out) {
                Ok(Some(number)) => return self.bind_in_vain(message, portal, number, out),
                Ok(None) => {}
                Err(want) => return Step::Wait(want),
            }
        }
        let roll = self.roll_apart(&meaning);
        if let Some(want) = self.call_apart(&roll, out) {
            return Step::Wait(want);
        }
        // What is sent to forget drops the unnamed statement, which must not be the one that cannot be
        // made again.
        if self.may_read_sequences(&meaning)
            && !self.unnamed.is_forgotten()
            && let Some(want) = self.forget_sequences(None, out)
        {
            return Step::Wait(want);
        }
        let roll = Roll::before_bind(&meaning);
        if let Some(want) = self
            .call_roll(&roll, out)
            .or_else(|| self.align(Kind::Bind, out))
        {
            return Step::Wait(want);
        }
        let meaning = self.with_stored_code(meaning);
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.binds(&meaning);
        if portal.is_empty() {
            link.segment_portal = Some(meaning);
        }
        link.extended(message.header, Kind::Bind);
        Step::Taken
    }

    /// The transaction has failed, so the Bind will: at the statement with this number.
    fn bind_in_vain(
        &mut self,
        message: Message<'_>,
        portal: &[u8],
        number: u32,
        out: &mut Effects,
    ) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if portal.is_empty() {
            link.segment_portal = Some(Meaning::NOTHING);
        }
        link.extended(message.header, Kind::Bind);
        link.alias(Alias::Sent {
            name: (*b"").into(),
            number,
        });
        link.rename_bind(message, (portal, b""), number, out);
        Step::Taken
    }

    pub(super) fn describe(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let name = match head(message, 1) {
            Head::Name { name, .. } => name,
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let statement = kind_byte(message) == Some(b'S');
        if statement && !name.is_empty() {
            return self.describe_named(message, name, out);
        }
        let stand_in = if statement && name.is_empty() {
            match self.unnamed_stand_in(Kind::DescribeStatement, out) {
                Ok(stand_in) => stand_in,
                Err(want) => return Step::Wait(want),
            }
        } else {
            None
        };
        if statement
            && name.is_empty()
            && stand_in.is_none()
            && let Some(want) = self.align(Kind::DescribeStatement, out)
        {
            return Step::Wait(want);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let kind = if statement {
            Kind::DescribeStatement
        } else {
            Kind::DescribeColumns
        };
        link.extended(message.header, kind);
        if let Some(number) = stand_in {
            link.rename_target(message, number, out);
        }
        Step::Taken
    }

    pub(super) fn execute(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let portal = match head(message, 0) {
            Head::Name { name, .. } => name,
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let sent = link.segment_portal.clone().filter(|_| portal.is_empty());
        let mut meaning =
            sent.unwrap_or_else(|| Meaning::of_several(link.bound, &link.bound_settings));
        if meaning.effects.intersects(EffectSet::EXECUTE) {
            meaning = meaning.executing(self.names.possible());
        }
        if self.names.are_full() {
            return Step::Wait(self.settle_first(out));
        }
        if let Some(want) = self.call_roll(&Roll::before(&meaning), out) {
            return Step::Wait(want);
        }
        self.foresee_here(&mut meaning, out);
        let named = !portal.is_empty();
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if named && meaning.effects.intersects(EffectSet::PREPARE) {
            link.study.older_texts_run();
        }
        link.extended(message.header, Kind::Execute);
        self.runs(meaning);
        Step::Taken
    }

    pub(super) fn close(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let name = match head(message, 1) {
            Head::Name { name, .. } => name,
            Head::Malformed => b"?",
            Head::Short => return Step::Wait(Want::More),
            Head::TooLong => return Step::Wait(self.name_too_long(out)),
        };
        let statement = kind_byte(message) == Some(b'S');
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if statement && name.is_empty() {
            link.unnamed_changes(&mut self.unnamed);
            link.segment_statement = None;
            link.extended(message.header, Kind::UnnamedClose);
            return Step::Taken;
        }
        if statement {
            return self.close_named(message, name, out);
        }
        link.extended(message.header, Kind::Close);
        Step::Taken
    }

    pub(super) fn function_call(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let body = message.header.body(message.bytes);
        let function = body.first_chunk::<4>().map(|id| u32::from_be_bytes(*id));
        if function.is_none() && message.header.body_len() >= 4 {
            return Step::Wait(Want::More);
        }
        let harmless = function.is_none_or(|id| HARMLESS_FUNCTIONS.contains(&id));
        if !harmless && let Some(want) = self.call_roll(&Roll::All, out) {
            return Step::Wait(want);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        link.note_intrusion();
        link.expect(Kind::FunctionCall);
        link.segment_changes = Changes::Nothing;
        if !harmless && let Some(newest) = link.queue.back_mut() {
            newest.meaning = Meaning::of_effects(EffectSet::UNKNOWN);
        }
        link.close_segment();
        link.carried.segment_ends();
        link.pass(message.header, Entry::Queued);
        self.names.segment_ends();
        Step::Taken
    }

    /// Makes sure that the unnamed statement on the connection is the client's. Returns what to wait for
    /// if that cannot be told yet.
    pub(super) fn align(&mut self, request: Kind, out: &mut Effects) -> Option<Want> {
        let link = self.link.as_mut()?;
        match link.alignment {
            Alignment::Confirmed | Alignment::Sent => return None,
            Alignment::No => {}
        }
        if link.takes_copy_data() {
            // The server expects nothing but data, and ends the session at anything else.
            return None;
        }
        if self.unnamed.is_changing() || link.queue.awaits_injected() {
            // Replaced in an earlier segment, with an outcome that is not known. The server will answer:
            // that segment is complete. A statement that is on its way already is not sent again and
            // again, which would make much out of few bytes of the client.
            return Some(Want::Replies);
        }
        let then = self.unnamed.reading();
        let now = then.and_then(|_| self.reading_now());
        let switch = then.and_then(|then| then.switch(now.as_ref()));
        let link = self.link.as_mut()?;
        let (kind, message) = match self.unnamed.remedy() {
            Remedy::Parse(message) => (Kind::InjectedParse, message),
            Remedy::Close => (Kind::InjectedClose, CLOSE_UNNAMED),
        };
        // A Bind looks at the database as a Parse does, a Describe does not.
        let shows = switch.is_some() || request != Kind::Bind;
        let apart = match link.stands_apart() {
            Apart::Now if shows && kind == Kind::InjectedParse => true,
            Apart::WhenAnswered if shows && kind == Kind::InjectedParse => {
                return Some(self.settle_first(out));
            }
            Apart::Now | Apart::WhenAnswered | Apart::Never => false,
        };
        link.switches(switch.as_ref().map(|switch| &switch.there), out);
        out.server_lane()
            .inject(|bytes| bytes.extend_from_slice(message));
        link.expect(kind);
        link.switches(switch.as_ref().map(|switch| &switch.back), out);
        link.owner = Owner::Unknown;
        if apart {
            link.end_apart(out);
            return Some(Want::Replies);
        }
        link.segment = Segment::Open;
        link.alignment = Alignment::Sent;
        link.segment_changes = Changes::UnnamedStatement;
        None
    }
}

/// The text of a Query.
fn whole_text(message: Message<'_>) -> &[u8] {
    text_of(message.header.body(message.bytes))
}

impl Link {
    /// The message at hand goes to the server as it is.
    pub(super) fn pass(&mut self, header: Header, entry: Entry) {
        self.inbound = Inbound {
            left: header.total,
            entry,
            ..Inbound::NONE
        };
    }

    /// The message at hand has SQL text behind its first `prefix` bytes.
    pub(super) fn scan(&mut self, prefix: usize) {
        self.inbound.prefix = prefix;
        let scanner = Scanner::new(Dialect::PostgreSql, self.parameters.style());
        self.inbound.text = Some(Box::new(scanner));
    }

    fn note_intrusion(&mut self) {
        if self.segment == Segment::Open {
            self.intrusion = Intrusion::Sent;
        }
    }

    pub(super) fn expect(&mut self, kind: Kind) {
        let mut expected = Expected::new(kind);
        expected.noise = self.noise;
        self.queue.push(expected);
    }

    pub(super) fn extended(&mut self, header: Header, kind: Kind) {
        self.expect(kind);
        self.segment = Segment::Open;
        if matches!(kind, Kind::Bind | Kind::Execute) {
            self.progress = SegmentProgress::Bound;
        }
        self.held = Held::No;
        self.pass(header, Entry::Queued);
    }

    /// What was sent last makes the server say that it is ready.
    pub(super) fn close_segment(&mut self) {
        self.segment = Segment::Closed;
        self.progress = SegmentProgress::NothingBound;
    }

    /// The message at hand replaces or drops the unnamed statement, here and for the client alike.
    fn unnamed_changes(&mut self, unnamed: &mut Unnamed) {
        unnamed.change_starts();
        self.segment_changes = Changes::UnnamedStatement;
        self.owner = Owner::Unknown;
        if self.alignment == Alignment::No {
            self.alignment = Alignment::Sent;
        }
    }

    pub(super) fn sync(&mut self, header: Header) {
        if let Copy::In {
            end: DataEnd::NotSent,
            syncs,
        } = &mut self.copy
        {
            // The server ignores it unless the COPY has failed by the time it is read.
            *syncs = Syncs::Swallowed;
            self.pass(header, Entry::None);
            return;
        }
        self.expect(Kind::Sync);
        self.close_segment();
        self.upset = Upset::No;
        self.carried.segment_ends();
        self.segment_changes = Changes::Nothing;
        self.segment_statement = None;
        self.segment_portal = None;
        if self.alignment == Alignment::Sent {
            self.alignment = Alignment::No;
        }
        self.pass(header, Entry::Queued);
    }

    pub(super) fn copy_end(&mut self, header: Header) {
        match &mut self.copy {
            Copy::In { end, .. } if *end == DataEnd::NotSent => *end = DataEnd::Sent,
            Copy::None | Copy::In { .. } | Copy::Out => {
                // A COPY the server has not begun yet will find this mark.
                if !self.queue.is_empty() {
                    self.expect(Kind::CopyEnd);
                }
            }
        }
        self.pass(header, Entry::None);
    }
}
