//! The client's bytes: which message is at hand, and whether it needs a server connection.

use memchr::memchr;
use tollgate_sql::EffectSet;
use tollgate_wire_postgres::backend::{self, ErrorFields, TransactionStatus};
use tollgate_wire_postgres::frame::{self, Frame, Header};
use tollgate_wire_postgres::sqlstate::SqlState;
use tollgate_wire_postgres::tag::frontend as tag;

use super::head::{Head, Message, head, kind_byte};
use super::link::{Copy, Entry, Held, Link, Mode, Pieces, Restored, Segment, StrayData, Upset};
use super::queue::Kind;
use super::statements::{Ahead, is_awaited};
use super::unnamed::{Remembered, Unnamed};
use super::{CloseReason, Progress, Session, Unlinked, Want};
use crate::{Effects, Notice};

/// What became of one look at the input.
pub(super) enum Step {
    /// The message at hand starts here and is to be passed on or thrown away.
    Taken,
    Wait(Want),
}

impl Session {
    /// Looks at bytes of the client. Whole messages and parts of long ones are consumed; a header that has
    /// not arrived completely is not.
    pub fn on_client(&mut self, input: &[u8], out: &mut Effects) -> Progress {
        let mut consumed = 0_usize;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let taken = self.continue_message(rest, consumed, out);
            consumed = consumed.saturating_add(taken);
            if taken > 0
                && self.between_messages()
                && let Some(clean) = self.release_if_clean(out)
            {
                let want = Want::Release(clean);
                return Progress { consumed, want };
            }
            if taken > 0 {
                continue;
            }
            let step = match frame::next(rest) {
                Frame::Complete(header) | Frame::Incomplete(header) => {
                    let body_end = header.total.min(rest.len());
                    let bytes = rest.get(..body_end).unwrap_or_default();
                    self.begin(Message { header, bytes }, out)
                }
                Frame::NeedHeader => Step::Wait(Want::More),
                Frame::Invalid(error) => Step::Wait(self.violation(&error.to_string(), out)),
            };
            match step {
                Step::Taken => {}
                Step::Wait(want) => return Progress { consumed, want },
            }
        }
    }

    fn between_messages(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.inbound.left == 0 && link.queue.is_empty())
    }

    /// Passes on, or throws away, what has arrived of the message in progress. Returns its length.
    fn continue_message(&mut self, rest: &[u8], at: usize, out: &mut Effects) -> usize {
        if self.discard > 0 {
            let length = self.discard.min(rest.len());
            self.discard = self.discard.saturating_sub(length);
            return length;
        }
        let Some(link) = &mut self.link else {
            return 0;
        };
        let length = link.inbound.left.min(rest.len());
        if length == 0 {
            return 0;
        }
        let bytes = rest.get(..length).unwrap_or_default();
        let skipped = link.inbound.skip.min(length);
        link.inbound.skip = link.inbound.skip.saturating_sub(skipped);
        let (start, passed) = (at.saturating_add(skipped), length.saturating_sub(skipped));
        out.server_lane().forward(start, passed);
        link.inbound.left = link.inbound.left.saturating_sub(length);
        record(link, &mut self.unnamed, bytes);
        if link.inbound.left == 0 {
            link.passed(out);
        }
        if link.inbound.text.is_some() {
            self.read_text(bytes, out);
        }
        length
    }

    /// Feeds the SQL text in `bytes` to the scanner, and judges it when it is complete.
    fn read_text(&mut self, bytes: &[u8], out: &mut Effects) {
        let Some(link) = &mut self.link else {
            return;
        };
        let inbound = &mut link.inbound;
        let skipped = inbound.prefix.min(bytes.len());
        inbound.prefix = inbound.prefix.saturating_sub(skipped);
        let text = bytes.get(skipped..).unwrap_or_default();
        let end = memchr(0, text);
        let text = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        let pieces = inbound.pieces;
        inbound.pieces = Pieces::Several;
        if let Some(scanner) = &mut inbound.text {
            scanner.feed(text);
        }
        if end.is_none() && inbound.left > 0 {
            return;
        }
        if let Some(scanner) = inbound.text.take() {
            let summary = scanner.finish();
            if summary.effects.intersects(EffectSet::DATABASE_DDL) {
                // Said as early as can be: the server waits only for a while.
                out.notice(Notice::DatabaseCommand);
            }
            let whole = match pieces {
                Pieces::One => Some(text),
                Pieces::Several => None,
            };
            self.text_read(&summary, whole);
        }
    }

    /// Decides about the message whose header is at hand.
    fn begin(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        if message.header.tag == tag::TERMINATE {
            return self.terminate();
        }
        if !is_known(message.header.tag) {
            if self.replies_are_due() {
                return Step::Wait(Want::Replies);
            }
            let text = format!("invalid frontend message type {}", message.header.tag);
            return Step::Wait(self.violation(&text, out));
        }
        if self.link.is_some() {
            self.begin_linked(message, out)
        } else {
            self.begin_unlinked(message, out)
        }
    }

    fn terminate(&mut self) -> Step {
        // Nothing that still runs needs a cancel: the client leaves in good order.
        self.unlinked = Unlinked::Leaving;
        if self.replies_are_due() {
            // What was sent before is meant to run to its end, as it would on a connection of its own.
            return Step::Wait(Want::Replies);
        }
        Step::Wait(Want::Close(CloseReason::Terminated))
    }

    /// True when the server will answer what it was sent, whatever else the client sends.
    fn replies_are_due(&self) -> bool {
        self.link.as_ref().is_some_and(|link| {
            !link.queue.is_empty()
                && link.segment == Segment::Closed
                && !matches!(link.copy, Copy::In { .. })
                && link.mode == Mode::Tracking
        })
    }

    fn begin_unlinked(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Header { tag, total } = message.header;
        match self.unlinked {
            Unlinked::DropMessage => {
                self.unlinked = Unlinked::Serving;
                self.discard = total;
                return Step::Taken;
            }
            Unlinked::SkipToSync => {
                self.discard = total;
                if tag == tag::SYNC {
                    self.unlinked = Unlinked::Serving;
                    ready(out);
                }
                return Step::Taken;
            }
            Unlinked::Serving | Unlinked::Waiting(_) | Unlinked::Leaving => {}
        }
        match tag {
            tag::PARSE | tag::QUERY if awaits_text(message) => return Step::Wait(Want::More),
            tag::QUERY if self.deallocates(message) => deallocated(out),
            tag::SYNC => ready(out),
            tag::CLOSE => match head(message, 1) {
                // Only the session knows its statements, portals end with their transaction: what does not
                // exist is closed with success as well.
                Head::Name { name, .. } if message.bytes.len() >= total && closes(message) => {
                    if name.is_empty() && kind_byte(message) == Some(b'S') {
                        self.unnamed.change_starts();
                        self.unnamed.drop_statement(Remembered::Nothing);
                    } else if kind_byte(message) == Some(b'S') {
                        self.names.remove(name);
                    }
                    out.client_lane().inject(backend::close_complete);
                }
                Head::Short => return Step::Wait(Want::More),
                Head::Name { .. } | Head::Malformed | Head::TooLong => return self.wait(tag),
            },
            // A Flush has nothing to flush. COPY data that comes late, after the server has given the COPY
            // up, is ignored by PostgreSQL as well.
            tag::FLUSH | tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL => {}
            _ => return self.wait(tag),
        }
        self.discard = total;
        Step::Taken
    }

    fn wait(&mut self, tag: u8) -> Step {
        self.unlinked = Unlinked::Waiting(tag);
        Step::Wait(Want::Server)
    }

    fn begin_linked(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        if matches!(link.mode, Mode::Doubt | Mode::Blind) {
            return self.begin_in_doubt(message, out);
        }
        if link.upset == Upset::ByOurs && link.segment == Segment::Closed && !link.queue.is_empty()
        {
            // What was sent for this message has failed; the Sync behind it is about to be answered.
            return Step::Wait(Want::Replies);
        }
        if link.segment == Segment::Refused && message.header.tag != tag::SYNC {
            return self.refused(message, out);
        }
        if link.segment == Segment::Skipping && message.header.tag != tag::SYNC {
            return self.skipped(message, out);
        }
        if link.queue.is_full() {
            return Step::Wait(Want::Replies);
        }
        if link.may_lose_track() && !belongs_to_copy(message.header.tag) {
            return Step::Wait(self.settle_first(out));
        }
        if awaits_text(message) && !link.takes_copy_data() {
            return Step::Wait(Want::More);
        }
        if let Some(want) = self.studies_first(message.header.tag, out) {
            return Step::Wait(want);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let awaited = match link.restored {
            Restored::Done => self.consult_between(out),
            Restored::Not | Restored::Awaited | Restored::Ready | Restored::Consulting => {
                self.restore(message, out)
            }
        };
        if let Some(want) = awaited {
            return Step::Wait(want);
        }
        if let Some(want) = self.guard_sequences(message, out) {
            return Step::Wait(want);
        }
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        match message.header.tag {
            tag::QUERY => return self.query(message, out),
            tag::PARSE => return self.parse(message, out),
            tag::BIND => return self.bind(message, out),
            tag::DESCRIBE => return self.describe(message, out),
            tag::EXECUTE => return self.execute(message, out),
            tag::CLOSE => return self.close(message, out),
            tag::FUNCTION_CALL => return self.function_call(message, out),
            tag::SYNC => {
                link.sync(message.header);
                self.names.segment_ends();
            }
            tag::COPY_DONE | tag::COPY_FAIL => {
                link.data = StrayData::Sent;
                link.copy_end(message.header);
            }
            tag::COPY_DATA => {
                link.data = StrayData::Sent;
                link.pass(message.header, Entry::None);
            }
            _ => link.pass(message.header, Entry::None),
        }
        Step::Taken
    }

    /// A message that the server would discard on its way to the next Sync, had it not had that already.
    fn refused(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let ends_itself = matches!(message.header.tag, tag::QUERY | tag::FUNCTION_CALL);
        if ends_itself && link.upset == Upset::ByOurs {
            // What failed was sent for this message, so its error was this message's.
            let status = link.status;
            out.client_lane()
                .inject(|bytes| backend::ready_for_query(bytes, status));
            link.close_segment();
        }
        link.upset = Upset::No;
        link.held = Held::No;
        link.carried.segment_ends();
        link.ahead = Ahead::NotAsked;
        link.swallow(message.header.total);
        Step::Taken
    }

    /// A message that the server discards on its way to the next Sync.
    fn skipped(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let ends_itself = matches!(message.header.tag, tag::QUERY | tag::FUNCTION_CALL);
        if ends_itself && link.upset == Upset::ByOurs {
            // What failed was sent for this message, so its error is this message's.
            out.server_lane().inject(super::statements::sync);
            link.sync(message.header);
            self.names.segment_ends();
            link.swallow(message.header.total);
            return Step::Taken;
        }
        link.upset = Upset::No;
        link.pass(message.header, Entry::None);
        Step::Taken
    }

    pub(super) fn name_too_long(&mut self, out: &mut Effects) -> Want {
        let text = "name of a statement or portal is too long";
        self.fatal(
            &ErrorFields::fatal(SqlState::PROGRAM_LIMIT_EXCEEDED, text),
            out,
        );
        Want::Close(CloseReason::NameTooLong)
    }

    fn violation(&mut self, text: &str, out: &mut Effects) -> Want {
        self.fatal(&ErrorFields::fatal(SqlState::PROTOCOL_VIOLATION, text), out);
        Want::Close(CloseReason::ProtocolViolation)
    }

    pub(super) fn fatal(&mut self, fields: &ErrorFields, out: &mut Effects) {
        if self.at_boundary() {
            out.client_lane()
                .inject(|bytes| backend::error_response(bytes, fields));
        }
    }
}

/// Keeps the bytes of an unnamed Parse.
fn record(link: &mut Link, unnamed: &mut Unnamed, bytes: &[u8]) {
    if link.inbound.entry == Entry::None {
        return;
    }
    if let Some(newest) = link.queue.back_mut()
        && newest.kind == Kind::UnnamedParse
    {
        newest.kept = unnamed.record(newest.kept, bytes);
    }
}

fn deallocated(out: &mut Effects) {
    out.client_lane()
        .inject(|bytes| backend::command_complete(bytes, "DEALLOCATE"));
    ready(out);
}

fn ready(out: &mut Effects) {
    out.client_lane()
        .inject(|bytes| backend::ready_for_query(bytes, TransactionStatus::Idle));
}

/// True for a message with a text that must be seen whole and has not arrived.
fn awaits_text(message: Message<'_>) -> bool {
    match message.header.tag {
        tag::QUERY => is_awaited(message),
        tag::PARSE => is_awaited(message) && !matches!(head(message, 0), Head::TooLong),
        _ => false,
    }
}

/// Messages that may be sent in the middle of a COPY.
fn belongs_to_copy(message_tag: u8) -> bool {
    matches!(
        message_tag,
        tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL | tag::FLUSH | tag::SYNC
    )
}

fn closes(message: Message<'_>) -> bool {
    matches!(kind_byte(message), Some(b'S' | b'P'))
}

fn is_known(message_tag: u8) -> bool {
    matches!(
        message_tag,
        tag::BIND
            | tag::CLOSE
            | tag::DESCRIBE
            | tag::EXECUTE
            | tag::FUNCTION_CALL
            | tag::FLUSH
            | tag::PARSE
            | tag::QUERY
            | tag::SYNC
            | tag::COPY_DONE
            | tag::COPY_DATA
            | tag::COPY_FAIL
    )
}
