//! Making an idle server connection clean, or proving that it still is, when no client is using it.

use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::backend::read;
use tollgate_wire_postgres::frame::{self, Frame, Header};
use tollgate_wire_postgres::tag::backend as tag;

use super::link::{Clean, Link, Owner, ServerState};
use crate::PinSet;

/// `Query` messages. They are sent one behind the other and answered in order.
const ROLLBACK: &[u8] = b"Q\0\0\0\x0dROLLBACK\0";
const DISCARD: &[u8] = b"Q\0\0\0\x10DISCARD ALL\0";
const EMPTY: &[u8] = b"Q\0\0\0\x05\0";
const ROLLBACK_AND_DISCARD: &[u8] = b"Q\0\0\0\x0dROLLBACK\0Q\0\0\0\x10DISCARD ALL\0";

/// Longest setting to compare; a longer one fails the cleanup.
const MAX_MESSAGE: usize = 8 * 1024;

/// A server connection that is being made clean.
///
/// Send `bytes` once, then give it what the server answers. If that takes too long, or the connection
/// breaks, drop the machine and close the connection.
#[derive(Debug)]
pub struct Cleanup {
    link: Box<Link>,
    bytes: &'static [u8],
    steps: &'static [Step],
    /// Bytes of a notice to skip.
    skip: usize,
}

/// One expected reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Command(&'static [u8]),
    EmptyQuery,
    Ready,
}

/// How far the server's answer has come.
#[derive(Debug)]
pub enum CleanupEvent {
    /// More is to come.
    More(Cleanup),
    /// The connection is clean.
    Clean(Clean),
    /// It is not and will not be: close it.
    Failed,
}

/// What became of some bytes of the server.
#[derive(Debug)]
pub struct CleanupProgress {
    /// Bytes of the input that are done with; give the rest again with more behind it.
    pub consumed: usize,
    /// What they meant.
    pub event: CleanupEvent,
}

impl Cleanup {
    /// Tests an idle connection with an empty query. Whoever called must not do this more often than a
    /// keepalive needs.
    pub fn keepalive(state: ServerState) -> Self {
        Self::new(state.0, EMPTY, &[Step::EmptyQuery, Step::Ready])
    }

    /// Ends what the last client left: a transaction, and everything `DISCARD ALL` discards.
    pub(super) fn after_session(link: Box<Link>, reasons: PinSet) -> Self {
        const BOTH: &[Step] = &[
            Step::Command(b"ROLLBACK"),
            Step::Ready,
            Step::Command(b"DISCARD ALL"),
            Step::Ready,
        ];
        let open = link.status != TransactionStatus::Idle;
        let (bytes, steps) = match (open, reasons.is_empty()) {
            (true, true) => (ROLLBACK, BOTH.get(..2)),
            (true, false) => (ROLLBACK_AND_DISCARD, Some(BOTH)),
            (false, _) => (DISCARD, BOTH.get(2..)),
        };
        Self::new(link, bytes, steps.unwrap_or(BOTH))
    }

    fn new(link: Box<Link>, bytes: &'static [u8], steps: &'static [Step]) -> Self {
        Self {
            link,
            bytes,
            steps,
            skip: 0,
        }
    }

    /// What to send to the server.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// Looks at bytes of the server.
    pub fn on_server(mut self, input: &[u8]) -> CleanupProgress {
        let mut consumed = 0_usize;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let skipped = self.skip.min(rest.len());
            self.skip = self.skip.saturating_sub(skipped);
            consumed = consumed.saturating_add(skipped);
            let rest = rest.get(skipped..).unwrap_or_default();
            if self.skip > 0 {
                let event = CleanupEvent::More(self);
                return CleanupProgress { consumed, event };
            }
            if self.steps.is_empty() {
                // Anything behind the last reply is nothing we asked for.
                let event = if rest.is_empty() {
                    self.finished()
                } else {
                    CleanupEvent::Failed
                };
                return CleanupProgress { consumed, event };
            }
            let taken = match frame::next(rest) {
                Frame::Complete(header) => self
                    .message(header.tag, header.body(rest))
                    .then_some(header.total),
                Frame::Incomplete(header) => self.incomplete(header),
                Frame::NeedHeader => Some(0),
                Frame::Invalid(_) => None,
            };
            let event = match taken {
                None => CleanupEvent::Failed,
                Some(0) if self.skip == 0 => CleanupEvent::More(self),
                Some(taken) => {
                    consumed = consumed.saturating_add(taken);
                    continue;
                }
            };
            return CleanupProgress { consumed, event };
        }
    }

    /// A message that has not arrived completely: wait for it, or skip it if it may be long and does not
    /// matter.
    fn incomplete(&mut self, header: Header) -> Option<usize> {
        if header.tag == tag::NOTICE_RESPONSE {
            self.skip = header.total;
            return Some(0);
        }
        (header.total <= MAX_MESSAGE).then_some(0)
    }

    /// Takes one message; false if it does not belong here.
    fn message(&mut self, message_tag: u8, body: &[u8]) -> bool {
        match message_tag {
            tag::NOTICE_RESPONSE => return true,
            tag::PARAMETER_STATUS => {
                let Ok((name, value)) = read::parameter_status(body) else {
                    return false;
                };
                self.link.parameters.report(name, value);
                return true;
            }
            _ => {}
        }
        let Some((step, others)) = self.steps.split_first() else {
            return false;
        };
        let expected = match (step, message_tag) {
            (Step::Command(wanted), tag::COMMAND_COMPLETE) => {
                read::command_tag(body).is_ok_and(|found| found == *wanted)
            }
            (Step::EmptyQuery, tag::EMPTY_QUERY_RESPONSE) => true,
            (Step::Ready, tag::READY_FOR_QUERY) => {
                matches!(read::ready_for_query(body), Ok(TransactionStatus::Idle))
            }
            _ => false,
        };
        if expected && matches!(step, Step::Command(b"DISCARD ALL")) {
            self.link.carried.forget_all();
        }
        self.steps = others;
        expected
    }

    fn finished(mut self) -> CleanupEvent {
        // Every Query drops the unnamed statement.
        self.link.owner = Owner::Nobody;
        self.link.status = TransactionStatus::Idle;
        if self.link.parameters.differ() || !self.link.is_quiet() {
            return CleanupEvent::Failed;
        }
        CleanupEvent::Clean(self.link.into_clean())
    }
}
