//! When a COPY has failed and nobody can say how many more times the server will be ready.
//!
//! While a COPY takes data, the server ignores Syncs; once it has failed, it skips to the next one it
//! reads. Which of the Syncs sent amid the data was read before the failure and which after it cannot be
//! told from here, so replies cannot be counted. Instead a fence is sent behind the first Sync that
//! certainly counts: an empty Query, whose reply is unmistakable as long as the client has none of its
//! own under way. Source: observed on PostgreSQL 15, and `src/backend/tcop/postgres.c`.

use tollgate_wire_postgres::tag::frontend as tag;

use super::Session;
use super::client::Step;
use super::head::Message;
use super::link::{Copy, Entry, Link, Mode, Segment};
use super::queue::{DataEnd, Kind, Statements, Syncs};
use super::Want;
use crate::{Effects, PinReason};

/// An empty Query; answered with `I` and `Z`.
const FENCE: &[u8] = b"Q\0\0\0\x05\0";

impl Session {
    /// A COPY from the client ended, well or not, at a moment that leaves the replies to come unknown.
    pub(super) fn copy_ended(&mut self, how: CopyEnd) {
        let Some(link) = &mut self.link else {
            return;
        };
        let in_doubt = match (how, link.copy) {
            (
                CopyEnd::Completed,
                Copy::In {
                    end: DataEnd::NotSent,
                    syncs: Syncs::Swallowed,
                },
            )
            | (
                CopyEnd::Failed,
                Copy::In {
                    syncs: Syncs::Swallowed,
                    ..
                },
            ) => true,
            (CopyEnd::Completed | CopyEnd::Failed, Copy::None | Copy::In { .. } | Copy::Out) => {
                false
            }
        };
        link.copy = Copy::None;
        if in_doubt && link.mode == Mode::Tracking {
            self.doubt();
        }
    }

    /// From here on replies are passed on without being understood, until the fence is answered.
    fn doubt(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let mut next = Mode::Doubt;
        for expected in link.queue.iter() {
            match expected.kind {
                // Sent behind the end of the data, it will be answered.
                Kind::Sync => next = Mode::FenceDue,
                Kind::Query if expected.meaning.is_empty_text() => {
                    self.pins.hold(PinReason::CopyInDoubt);
                    next = Mode::Blind;
                    break;
                }
                _ => {}
            }
        }
        let skipped: Vec<_> = link.queue.drain().map(|expected| expected.meaning).collect();
        link.mode = next;
        link.inbound.entry = Entry::None;
        for meaning in &skipped {
            self.attempted(meaning);
        }
        self.pending.doubt();
    }

    /// What the server says from now on answers no request: replication.
    pub(super) fn goes_blind(&mut self, reason: PinReason) {
        if let Some(link) = &mut self.link {
            link.mode = Mode::Blind;
            link.inbound.entry = Entry::None;
            link.queue.reset();
        }
        self.pins.hold(reason);
    }

    /// A message of the client while replies are in doubt.
    pub(super) fn begin_in_doubt(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        self.send_fence(out);
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let tag = message.header.tag;
        match link.mode {
            Mode::Tracking | Mode::Blind => {}
            Mode::FenceDue | Mode::Fenced | Mode::FenceAnswered => {
                return Step::Wait(Want::Replies);
            }
            Mode::Doubt => match tag {
                // The failure has been seen, so this one certainly counts.
                tag::SYNC => link.mode = Mode::FenceDue,
                tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL | tag::FLUSH => {}
                _ => {
                    link.mode = Mode::Blind;
                    self.pins.hold(PinReason::CopyInDoubt);
                }
            },
        }
        if let Some(link) = &mut self.link {
            link.pass(message.header, Entry::None);
        }
        Step::Taken
    }

    /// Sends the fence if it is due and the client is not in the middle of a message.
    pub(super) fn send_fence(&mut self, out: &mut Effects) {
        if let Some(link) = &mut self.link
            && link.mode == Mode::FenceDue
            && link.inbound.left == 0
        {
            out.server_lane()
                .inject(|bytes| bytes.extend_from_slice(FENCE));
            link.mode = Mode::Fenced;
            link.segment = Segment::Closed;
        }
    }
}

impl Link {
    /// The fence is answered: nothing else is to come.
    pub(super) fn doubt_is_over(&mut self) {
        self.mode = Mode::Tracking;
        self.copy = Copy::None;
        self.segment = Segment::Closed;
    }
}

/// How a COPY from the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyEnd {
    /// With a command tag.
    Completed,
    /// With an error, perhaps; the error may be another request's.
    Failed,
}

impl super::queue::Meaning {
    /// True for a text without a statement.
    fn is_empty_text(&self) -> bool {
        self.statements == Statements::None
    }
}
