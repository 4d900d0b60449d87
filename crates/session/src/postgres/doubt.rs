//! When a COPY has failed and nobody can say how many more times the server will be ready.
//!
//! While a COPY takes data, the server ignores Syncs; once it has failed, it skips to the next one it
//! reads. Which of the Syncs sent amid the data was read before the failure and which after it cannot be
//! told from here, so replies cannot be counted. They are passed on without being understood until a fence
//! is answered; see `fence`. Source: observed on PostgreSQL 15, and `src/backend/tcop/postgres.c`.

use super::Session;
use super::link::{Copy, Entry, Mode};
use super::queue::{DataEnd, Expected, Kind, Syncs};
use super::replies::skip_unnamed;
use crate::PinReason;

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
            link.fence.is_due(how);
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
        let mut unanswered: Vec<Expected> = link.queue.drain().collect();
        let kinds = || unanswered.iter().map(|sent| sent.kind);
        let (names, unnamed) = (kinds().any(changes_names), kinds().any(leaves_doubt));
        link.inbound.entry = Entry::None;
        link.mode = Mode::Doubt;
        if unnamed {
            link.fence.lose_unnamed();
        }
        if names || unnamed {
            self.pins.hold(PinReason::CopyInDoubt);
        }
        for sent in &mut unanswered {
            skip_unnamed(&mut self.unnamed, sent);
            self.undone(sent);
            self.attempted(&sent.meaning);
        }
        if names {
            self.doubt_names_amid_copy();
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

/// True for requests that make or drop a statement with a name, which stands under the client's own name then.
fn changes_names(kind: Kind) -> bool {
    matches!(kind, Kind::Parse | Kind::Close)
}

/// True for requests that change the client's unnamed statement or its session: nobody will know whether
/// they did.
fn leaves_doubt(kind: Kind) -> bool {
    match kind {
        Kind::UnnamedParse
        | Kind::InjectedParse
        | Kind::UnnamedClose
        | Kind::InjectedClose
        | Kind::Query => true,
        Kind::Parse
        | Kind::Close
        | Kind::Bind
        | Kind::DescribeStatement
        | Kind::DescribeColumns
        | Kind::Execute
        | Kind::Make
        | Kind::Learn
        | Kind::LearnColumns
        | Kind::Drop
        | Kind::OwnBind
        | Kind::OwnExecute
        | Kind::OwnSync
        | Kind::Sync
        | Kind::FunctionCall
        | Kind::Replay
        | Kind::Inspection
        | Kind::Catalogue
        | Kind::CopyEnd => false,
    }
}
