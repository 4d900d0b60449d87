//! Replies to requests of our own: none of them reaches the client.

use tollgate_wire_postgres::backend::{self, TransactionStatus, read};
use tollgate_wire_postgres::tag::backend as tag;

use super::Session;
use super::link::{Restored, SequenceUse};
use super::queue::{Kind, SoFar};
use super::replies::ends_session;
use super::server::Verdict;
use crate::{Effects, PinReason};

impl Session {
    /// A message that answers the replay or the inspection.
    pub(super) fn own_reply(
        &mut self,
        kind: Kind,
        message_tag: u8,
        body: &[u8],
        out: &mut Effects,
    ) -> Verdict {
        match message_tag {
            tag::ERROR_RESPONSE if ends_session(body) => {
                out.client_lane()
                    .inject(|bytes| backend::raw(bytes, tag::ERROR_RESPONSE, body));
                Verdict::Fatal
            }
            // It was meant to.
            tag::ERROR_RESPONSE if kind == Kind::Replay && self.is_in_failed_transaction() => {
                Verdict::GoOn
            }
            tag::ERROR_RESPONSE if kind == Kind::Replay => {
                self.restore_failed(body, out);
                Verdict::Fatal
            }
            // A server that cannot say what it means in the client's encoding says so without end.
            tag::ERROR_RESPONSE if self.failed_before() => Verdict::OutOfSync,
            tag::ERROR_RESPONSE if kind == Kind::Catalogue => {
                self.catalogue_refused();
                Verdict::GoOn
            }
            tag::COMMAND_COMPLETE if kind == Kind::Replay && body == b"DISCARD SEQUENCES\0" => {
                if let Some(link) = &mut self.link {
                    link.sequences = SequenceUse::Unused;
                }
                Verdict::GoOn
            }
            tag::DATA_ROW if kind == Kind::Catalogue => {
                self.catalogue_row(body);
                Verdict::GoOn
            }
            tag::DATA_ROW if kind == Kind::Inspection => {
                self.answered(body);
                Verdict::GoOn
            }
            tag::PARAMETER_STATUS => {
                self.parameter_reported(body);
                Verdict::GoOn
            }
            tag::NOTIFICATION_RESPONSE => {
                self.pins.hold(PinReason::Listen);
                Verdict::GoOn
            }
            tag::READY_FOR_QUERY => self.own_ready(body, out),
            _ => Verdict::GoOn,
        }
    }

    fn is_in_failed_transaction(&self) -> bool {
        let link = self.link.as_ref();
        link.is_some_and(|link| link.status == TransactionStatus::Failed)
    }

    /// Notes that the request in front failed. True if it had already.
    fn failed_before(&mut self) -> bool {
        let front = self.link.as_mut().and_then(|link| link.queue.front_mut());
        front.is_some_and(|front| {
            std::mem::replace(&mut front.so_far, SoFar::Failed) == SoFar::Failed
        })
    }

    fn own_ready(&mut self, body: &[u8], out: &mut Effects) -> Verdict {
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        // Nothing of our own begins or ends a transaction.
        let as_before = read::ready_for_query(body) == Ok(link.status);
        let done = link.queue.pop();
        let replaying = link.queue.front_kind() == Some(Kind::Replay);
        match done.map(|done| done.kind) {
            Some(Kind::Inspection) => self.inspected(),
            Some(Kind::Catalogue) => self.catalogue_ready(out),
            Some(Kind::Replay) if !replaying => self.tell_what_differs(out),
            _ => {}
        }
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        let more = matches!(
            link.queue.front_kind(),
            Some(Kind::Replay | Kind::Catalogue)
        );
        if !more {
            link.restored = match link.restored {
                Restored::Awaited => Restored::Ready,
                Restored::Consulting => Restored::Done,
                restored @ (Restored::Not | Restored::Ready | Restored::Done) => restored,
            };
        }
        if as_before {
            Verdict::GoOn
        } else {
            Verdict::OutOfSync
        }
    }

    /// A message while replies are in doubt. `None` if it means what it always means.
    pub(super) fn doubtful_reply(&mut self, message_tag: u8, body: &[u8]) -> Option<Verdict> {
        let link = self.link.as_mut()?;
        match message_tag {
            tag::READY_FOR_QUERY => {
                let Ok(status) = read::ready_for_query(body) else {
                    return Some(Verdict::OutOfSync);
                };
                link.status = status;
            }
            tag::ERROR_RESPONSE if ends_session(body) => return Some(Verdict::Fatal),
            tag::PARAMETER_STATUS | tag::NOTIFICATION_RESPONSE => return None,
            _ => {}
        }
        Some(Verdict::GoOn)
    }
}
