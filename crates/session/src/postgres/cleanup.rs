//! Making an idle server connection clean, or proving that it still is, when no client is using it.

use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::backend::read;
use tollgate_wire_postgres::frame::{self, Frame, Header};
use tollgate_wire_postgres::tag::backend as tag;

use super::link::{Clean, Link, Owner, Past, SequenceUse, ServerState};
use super::settings::Settings;

/// `Query` messages. They are sent one behind the other and answered in order.
const ROLLBACK: &[u8] = b"Q\0\0\0\x0dROLLBACK\0";
const DISCARD: &[u8] = b"Q\0\0\0\x10DISCARD ALL\0";
const EMPTY: &[u8] = b"Q\0\0\0\x05\0";
const RESET: &[u8] = b"Q\0\0\0\x35RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL\0";

/// What is to be undone behind a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The open transaction.
    Transaction,
    /// The open transaction, if any, and settings that may have changed since the last one.
    Settings,
    /// All that `DISCARD ALL` discards.
    Everything,
}

/// Longest setting to compare; a longer one fails the cleanup.
const MAX_MESSAGE: usize = 8 * 1024;

/// A server connection that is being made clean.
///
/// Send `bytes` once, then give it what the server answers. If that takes too long, or the connection
/// breaks, drop the machine and close the connection.
#[derive(Debug)]
pub struct Cleanup {
    link: Box<Link>,
    bytes: Vec<u8>,
    /// Replies to come, the next one last.
    steps: Vec<Step>,
    /// Bytes of a notice to skip.
    skip: usize,
    purpose: Purpose,
}

/// What the machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To see whether the connection still answers. Nothing may have changed meanwhile.
    Keepalive,
    /// To end what a client left.
    Cleaning,
}

/// One expected reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Whatever the question in flight is answered with, up to its `Z`.
    Inspection,
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
        Self {
            link: state.0,
            bytes: EMPTY.to_vec(),
            steps: vec![Step::Ready, Step::EmptyQuery],
            skip: 0,
            purpose: Purpose::Keepalive,
        }
    }

    /// Ends what the last client left, as far as `extent` says, behind the answer to a question that may
    /// still be under way.
    pub(super) fn after_session(mut link: Box<Link>, extent: Extent) -> Self {
        const RESETS: [Step; 4] = [
            Step::Command(b"RESET"),
            Step::Command(b"RESET"),
            Step::Command(b"RESET"),
            Step::Ready,
        ];
        let mut bytes = Vec::new();
        let mut steps = Vec::new();
        if !link.queue.is_empty() {
            steps.push(Step::Inspection);
            link.queue.reset();
        }
        if link.status != TransactionStatus::Idle {
            bytes.extend_from_slice(ROLLBACK);
            steps.extend([Step::Command(b"ROLLBACK"), Step::Ready]);
        }
        match extent {
            Extent::Transaction => {}
            Extent::Settings => {
                bytes.extend_from_slice(RESET);
                steps.extend(RESETS);
                link.settings = Settings::default();
            }
            Extent::Everything => {
                bytes.extend_from_slice(DISCARD);
                steps.extend([Step::Command(b"DISCARD ALL"), Step::Ready]);
                link.sequences = SequenceUse::Unused;
                link.settings = Settings::default();
            }
        }
        if extent != Extent::Transaction {
            link.past = Past::SettingsTouched;
        }
        steps.reverse();
        Self {
            link,
            bytes,
            steps,
            skip: 0,
            purpose: Purpose::Cleaning,
        }
    }

    /// What to send to the server.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
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
        let Some(step) = self.steps.pop() else {
            return false;
        };
        if step == Step::Inspection
            && matches!(
                message_tag,
                tag::ROW_DESCRIPTION | tag::DATA_ROW | tag::COMMAND_COMPLETE | tag::ERROR_RESPONSE
            )
        {
            self.steps.push(step);
            return true;
        }
        match (step, message_tag) {
            (Step::Command(wanted), tag::COMMAND_COMPLETE) => {
                if wanted == b"DISCARD ALL" {
                    self.link.carried.forget_all();
                }
                read::command_tag(body).is_ok_and(|found| found == wanted)
            }
            (Step::EmptyQuery, tag::EMPTY_QUERY_RESPONSE) => true,
            (Step::Ready, tag::READY_FOR_QUERY) => {
                matches!(read::ready_for_query(body), Ok(TransactionStatus::Idle))
            }
            (Step::Inspection, tag::READY_FOR_QUERY) => read::ready_for_query(body).is_ok(),
            _ => false,
        }
    }

    fn finished(mut self) -> CleanupEvent {
        // Every Query drops the unnamed statement.
        self.link.owner = Owner::Nobody;
        self.link.status = TransactionStatus::Idle;
        let settings = match self.purpose {
            Purpose::Keepalive => !self.link.parameters.has_news(),
            Purpose::Cleaning => self.link.parameters.agree_with(&self.link.settings),
        };
        if !settings || !self.link.is_quiet() {
            return CleanupEvent::Failed;
        }
        CleanupEvent::Clean(self.link.into_clean())
    }
}
