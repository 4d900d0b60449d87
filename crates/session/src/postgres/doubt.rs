//! When a COPY has failed and nobody can say how many more times the server will be ready.
//!
//! While a COPY takes data, the server ignores Syncs; once it has failed, it skips to the next one it
//! reads. Which of the Syncs sent amid the data was read before the failure and which after it cannot be
//! told from here, so replies cannot be counted. Instead a fence is sent behind the first Sync that
//! certainly counts: an empty Query, whose reply is unmistakable as long as the client has none of its
//! own under way. Source: observed on PostgreSQL 15, and `src/backend/tcop/postgres.c`.

use tollgate_wire_postgres::tag::frontend as tag;

use super::client::Step;
use super::head::Message;
use super::link::{Copy, Entry, Link, Mode, Segment};
use super::queue::{DataEnd, Expected, Kind, Syncs};
use super::replies::skip_unnamed;
use super::{Session, Want};
use crate::{Effects, PinReason};

/// An empty Query; answered with `I` and `Z`.
const FENCE: &[u8] = b"Q\0\0\0\x05\0";

impl Session {
    /// A COPY from the client ended, well or not, at a moment that leaves the replies to come unknown.
    pub(super) fn copy_ended(&mut self, how: CopyEnd) -> Outlook {
        let Some(link) = &mut self.link else {
            return Outlook::Clear;
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
            return Outlook::Doubtful;
        }
        Outlook::Clear
    }

    /// From here on replies are passed on without being understood, until the fence is answered.
    fn doubt(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let unanswered: Vec<Expected> = link.queue.drain().collect();
        link.inbound.entry = Entry::None;
        // Sent behind the end of the data, a Sync will be answered.
        let synced = unanswered.iter().any(|sent| sent.kind == Kind::Sync);
        link.mode = if synced { Mode::FenceDue } else { Mode::Doubt };
        // The fence would drop an unnamed statement that cannot be made again.
        let lost = self.unnamed.is_forgotten();
        if lost || unanswered.iter().any(|sent| leaves_doubt(sent.kind)) {
            link.mode = Mode::Blind;
            self.pins.hold(PinReason::CopyInDoubt);
        }
        for sent in &unanswered {
            skip_unnamed(&mut self.unnamed, sent);
            self.attempted(&sent.meaning);
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

/// Whether the replies to come can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    Clear,
    Doubtful,
}

/// How a COPY from the client ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyEnd {
    /// With a command tag.
    Completed,
    /// With an error, perhaps; the error may be another request's.
    Failed,
}

/// True for requests that change the client's statements: nobody will know whether they did.
fn leaves_doubt(kind: Kind) -> bool {
    match kind {
        Kind::Parse
        | Kind::UnnamedParse
        | Kind::InjectedParse
        | Kind::Close
        | Kind::UnnamedClose
        | Kind::InjectedClose
        | Kind::Query => true,
        Kind::Bind
        | Kind::DescribeStatement
        | Kind::DescribeColumns
        | Kind::Execute
        | Kind::Sync
        | Kind::FunctionCall
        | Kind::Replay
        | Kind::Inspection
        | Kind::CopyEnd => false,
    }
}
