//! Where a message of the server goes: to the client, or nowhere because it answers a request of our own.

use tollgate_wire_postgres::frame::{self, Frame, HEADER_LEN, Header};
use tollgate_wire_postgres::tag::backend as tag;

use super::link::{Copy, Link, Mode, Way};
use super::queue::{Kind, Noise};
use crate::effects::Lane;

/// Bytes of a body to keep if it matters and comes in pieces. Severity and code are the first fields of an
/// error, tags are short; a setting longer than this counts as beyond control.
pub(super) const MAX_BODY_KEPT: usize = 8 * 1024;

/// Bytes of an answer to a question of our own to keep; a longer one counts as none.
const MAX_ANSWER_KEPT: usize = 512 * 1024;

/// Bytes of the description of a statement to keep; the largest there is has fewer.
const MAX_SHAPE_KEPT: usize = 1024 * 1024;

/// A message of the server that is here completely.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) header: Header,
    /// The input from its first byte on.
    pub(super) rest: &'a [u8],
    /// Where in the input that is.
    pub(super) at: usize,
}

impl Link {
    /// Where a message with this tag goes, or `None` if it answers nothing.
    #[inline]
    pub(super) fn way(&self, header: Header) -> Option<Way> {
        let message_tag = header.tag;
        if self.mode != Mode::Tracking {
            return self.way_in_doubt(header);
        }
        let front = self.queue.front_kind();
        if let Some(kind @ (Kind::Replay | Kind::Inspection | Kind::Catalogue)) = front {
            return way_of_own(kind, message_tag);
        }
        if let Some(kind) = front.filter(|kind| kind.is_work()) {
            if message_tag == tag::ERROR_RESPONSE && self.is_quiet_work() {
                return Some(Way::Nowhere);
            }
            if message_tag == tag::ERROR_RESPONSE && self.error_is_aliased() {
                return Some(Way::Rewritten);
            }
            return way_of_work(kind, message_tag);
        }
        let expected = match message_tag {
            tag::DATA_ROW => matches!(front, Some(Kind::Execute | Kind::Query)),
            tag::ERROR_RESPONSE if self.error_is_aliased() => return Some(Way::Rewritten),
            // What the server has to say about a text, it has said to the client before.
            tag::NOTICE_RESPONSE if front == Some(Kind::InjectedParse) => {
                return Some(Way::Nowhere);
            }
            tag::ERROR_RESPONSE
            | tag::NOTICE_RESPONSE
            | tag::PARAMETER_STATUS
            | tag::NOTIFICATION_RESPONSE => true,
            tag::COMMAND_COMPLETE
            | tag::EMPTY_QUERY_RESPONSE
            | tag::COPY_IN_RESPONSE
            | tag::COPY_OUT_RESPONSE
            | tag::COPY_BOTH_RESPONSE => matches!(front, Some(Kind::Execute | Kind::Query)),
            tag::PARSE_COMPLETE => match front {
                Some(Kind::InjectedParse) => return Some(Way::Nowhere),
                front => matches!(front, Some(Kind::Parse | Kind::UnnamedParse)),
            },
            tag::BIND_COMPLETE => front == Some(Kind::Bind),
            tag::CLOSE_COMPLETE => match front {
                Some(Kind::InjectedClose) => return Some(Way::Nowhere),
                front => matches!(front, Some(Kind::Close | Kind::UnnamedClose)),
            },
            tag::READY_FOR_QUERY => match front {
                Some(Kind::Sync | Kind::Query)
                    if self.study.withholds() && self.queue.is_at_last() =>
                {
                    return Some(Way::Nowhere);
                }
                front => matches!(front, Some(Kind::Sync | Kind::Query | Kind::FunctionCall)),
            },
            tag::ROW_DESCRIPTION => matches!(front, Some(Kind::DescribeColumns | Kind::Query)),
            tag::NO_DATA => front == Some(Kind::DescribeColumns),
            tag::PARAMETER_DESCRIPTION => front == Some(Kind::DescribeStatement),
            tag::PORTAL_SUSPENDED => front == Some(Kind::Execute),
            tag::FUNCTION_CALL_RESPONSE => front == Some(Kind::FunctionCall),
            tag::COPY_DATA | tag::COPY_DONE => self.copy == Copy::Out,
            _ => false,
        };
        expected.then_some(Way::Client)
    }

    /// Bytes of the whole messages at the front of `rest` that go to the client and change nothing: the rows of
    /// a request of the client's.
    #[inline]
    pub(super) fn rows(&self, rest: &[u8]) -> usize {
        // Most of what is looked at is none.
        let Some(tag::DATA_ROW | tag::ROW_DESCRIPTION | tag::COPY_DATA) = rest.first().copied()
        else {
            return 0;
        };
        let Some(front @ (Kind::Query | Kind::Execute)) = self.queue.front_kind() else {
            return 0;
        };
        if self.mode != Mode::Tracking || self.outbound.left > 0 {
            return 0;
        }
        let mut length = 0_usize;
        while let Frame::Complete(header) = frame::next(rest.get(length..).unwrap_or_default()) {
            let is_row = match header.tag {
                tag::DATA_ROW => true,
                tag::ROW_DESCRIPTION => front == Kind::Query,
                tag::COPY_DATA => self.copy == Copy::Out,
                _ => false,
            };
            if !is_row {
                break;
            }
            length = length.saturating_add(header.total);
        }
        length
    }

    fn way_in_doubt(&self, header: Header) -> Option<Way> {
        if self.mode == Mode::Doubt && self.fence.may_be_answered_by(header) {
            return Some(Way::Fence);
        }
        match header.tag {
            tag::ERROR_RESPONSE
            | tag::NOTICE_RESPONSE
            | tag::PARAMETER_STATUS
            | tag::NOTIFICATION_RESPONSE => Some(Way::Client),
            message_tag => is_session_message(message_tag).then_some(Way::Client),
        }
    }

    /// Whether an error now answers a request that calls its statement something else, or may have met a
    /// statement that stands for a stale one.
    fn error_is_aliased(&self) -> bool {
        self.queue.front().is_some_and(|front| {
            // A Sync runs what is deferred.
            let runs = matches!(
                front.kind,
                Kind::Query | Kind::Bind | Kind::Execute | Kind::FunctionCall | Kind::Sync
            );
            front.alias.matters() || (runs && self.carried.may_stand_in())
        })
    }

    /// Whether an error now is nothing to the client.
    fn is_quiet_work(&self) -> bool {
        let front = self.queue.front();
        front.is_some_and(|front| front.noise != Noise::Heard)
    }

    /// True for a message that is passed on only when it is here completely, because it is rewritten. A
    /// notification has at most 8000 bytes of text. Source: PostgreSQL `NOTIFY_PAYLOAD_MAX_LENGTH`.
    pub(super) fn awaits_whole(header: Header) -> bool {
        header.tag == tag::NOTIFICATION_RESPONSE && header.total <= 2 * MAX_BODY_KEPT
    }

    /// Passes a notification on. One that the session's own server process sent bears the process id that
    /// the client was told at login, as it would on a connection of its own.
    pub(super) fn notify(&self, whole: Whole<'_>, told: i32, lane: &mut Lane) {
        const HEAD: usize = HEADER_LEN + size_of::<i32>();
        let Whole { header, rest, at } = whole;
        let sender = header.body(rest).first_chunk().copied();
        if sender.map(i32::from_be_bytes) != self.process_id || sender.is_none() {
            lane.forward(at, header.total);
            return;
        }
        lane.forward(at, HEADER_LEN);
        lane.inject(|bytes| bytes.extend_from_slice(&told.to_be_bytes()));
        lane.forward(at.saturating_add(HEAD), header.total.saturating_sub(HEAD));
    }
}

/// How many bytes of a body are looked at, if any.
pub(super) fn kept_of_body(message_tag: u8, way: Way) -> Option<usize> {
    match (message_tag, way) {
        (
            tag::READY_FOR_QUERY
            | tag::COMMAND_COMPLETE
            | tag::ERROR_RESPONSE
            | tag::PARAMETER_STATUS,
            _,
        )
        | (_, Way::Fence) => Some(MAX_BODY_KEPT),
        (tag::DATA_ROW, Way::Nowhere) => Some(MAX_ANSWER_KEPT),
        (tag::PARAMETER_DESCRIPTION | tag::ROW_DESCRIPTION, Way::Nowhere) => Some(MAX_SHAPE_KEPT),
        _ => None,
    }
}

/// Where the reply to a request of our own goes.
fn way_of_own(kind: Kind, message_tag: u8) -> Option<Way> {
    match message_tag {
        // The client changed nothing: what the replay reports it knows already.
        tag::PARAMETER_STATUS if kind == Kind::Replay => Some(Way::Nowhere),
        tag::PARAMETER_STATUS | tag::NOTIFICATION_RESPONSE => Some(Way::Client),
        tag::ROW_DESCRIPTION
        | tag::DATA_ROW
        | tag::COMMAND_COMPLETE
        | tag::NOTICE_RESPONSE
        | tag::ERROR_RESPONSE
        | tag::READY_FOR_QUERY => Some(Way::Nowhere),
        _ => None,
    }
}

/// Where the reply to a message about a statement with a name goes that the client did not send.
fn way_of_work(kind: Kind, message_tag: u8) -> Option<Way> {
    let swallowed = match message_tag {
        // An error is that of the client's request, which waits for this.
        tag::ERROR_RESPONSE | tag::PARAMETER_STATUS | tag::NOTIFICATION_RESPONSE => {
            return Some(Way::Client);
        }
        // What the server has to say about a text, it has said to the client before.
        tag::NOTICE_RESPONSE => true,
        tag::PARSE_COMPLETE => kind == Kind::Make,
        tag::BIND_COMPLETE => kind == Kind::OwnBind,
        tag::CLOSE_COMPLETE => kind == Kind::Drop,
        tag::COMMAND_COMPLETE | tag::DATA_ROW => kind == Kind::OwnExecute,
        tag::READY_FOR_QUERY => kind == Kind::OwnSync,
        tag::PARAMETER_DESCRIPTION => kind == Kind::Learn,
        tag::ROW_DESCRIPTION | tag::NO_DATA => kind == Kind::LearnColumns,
        _ => false,
    };
    swallowed.then_some(Way::Nowhere)
}

/// Messages a server may send once a login is done.
fn is_session_message(message_tag: u8) -> bool {
    matches!(
        message_tag,
        tag::PARSE_COMPLETE
            | tag::BIND_COMPLETE
            | tag::CLOSE_COMPLETE
            | tag::COMMAND_COMPLETE
            | tag::DATA_ROW
            | tag::COPY_IN_RESPONSE
            | tag::COPY_OUT_RESPONSE
            | tag::COPY_BOTH_RESPONSE
            | tag::EMPTY_QUERY_RESPONSE
            | tag::ROW_DESCRIPTION
            | tag::FUNCTION_CALL_RESPONSE
            | tag::READY_FOR_QUERY
            | tag::COPY_DATA
            | tag::COPY_DONE
            | tag::NO_DATA
            | tag::PORTAL_SUSPENDED
            | tag::PARAMETER_DESCRIPTION
    )
}
