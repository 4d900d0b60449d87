//! The server's bytes: where each message goes, and when the connection is done with.

use tollgate_wire_postgres::backend::read;
use tollgate_wire_postgres::frame::{self, Frame, HEADER_LEN, Header};
use tollgate_wire_postgres::tag::backend as tag;

use super::fence::MAX_HELD;
use super::link::{Copy, Link, Mode, Outbound, Way};
use super::queue::Kind;
use super::{ServerEvent, ServerProgress, Session};
use crate::{Effects, PinReason};

/// Bytes of a body to keep if it matters and comes in pieces. Severity and code are the first fields of an
/// error, tags are short; a setting longer than this counts as changed.
const MAX_BODY_KEPT: usize = 8 * 1024;

/// Bytes of the description of a statement to keep; the largest there is has fewer.
const MAX_SHAPE_KEPT: usize = 1024 * 1024;

/// What one complete message means for the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Fatal,
    OutOfSync,
}

impl Session {
    /// Looks at bytes of the server. Give all that has arrived: the connection is released only when
    /// nothing of the input is left.
    pub fn on_server(&mut self, input: &[u8], out: &mut Effects) -> ServerProgress {
        let mut consumed = 0_usize;
        let event = loop {
            let Some(link) = &mut self.link else {
                break ServerEvent::More;
            };
            let rest = input.get(consumed..).unwrap_or_default();
            let (taken, verdict) = if link.outbound.left > 0 {
                self.go_on(rest, consumed, out)
            } else {
                match frame::next(rest) {
                    Frame::Complete(header) => self.whole(header, rest, consumed, out),
                    Frame::Incomplete(header) => (0, link.start(header, out)),
                    Frame::NeedHeader => break self.at_end(rest.len(), out),
                    Frame::Invalid(_) => (0, Verdict::OutOfSync),
                }
            };
            consumed = consumed.saturating_add(taken);
            match verdict {
                Verdict::GoOn => {}
                Verdict::Fatal => {
                    self.link = None;
                    break ServerEvent::ServerFatal;
                }
                Verdict::OutOfSync => break ServerEvent::OutOfSync,
            }
            if consumed >= input.len() {
                break self.at_end(0, out);
            }
        };
        ServerProgress { consumed, event }
    }

    /// The input is used up, but for `unread` bytes of a header.
    fn at_end(&mut self, unread: usize, out: &mut Effects) -> ServerEvent {
        if let Some(link) = &mut self.link {
            link.unread = unread;
            if link.is_quiet() {
                let differ = link.parameters.differ();
                self.derive_pins(differ);
            }
        }
        self.pins.announce(out);
        match self.release_if_clean() {
            Some(clean) => ServerEvent::Release(clean),
            None => ServerEvent::More,
        }
    }

    /// A message that is here completely: the hot path.
    fn whole(
        &mut self,
        header: Header,
        rest: &[u8],
        at: usize,
        out: &mut Effects,
    ) -> (usize, Verdict) {
        let Some(link) = &mut self.link else {
            return (0, Verdict::OutOfSync);
        };
        let way = link.way(header);
        if link.mode == Mode::Doubt && way != Some(Way::Fence) {
            link.passes_fence(header.tag, out);
        }
        match way {
            None => return (0, Verdict::OutOfSync),
            Some(Way::Client) => out.client_lane().forward(at, header.total),
            Some(Way::Nowhere) => {}
            Some(Way::Rewritten) => self.rewrite(header.body(rest), out),
            Some(Way::Fence) => {
                let verdict = self.beside_fence(header.tag, header.body(rest), out);
                return (header.total, verdict);
            }
        }
        (header.total, self.complete(header.tag, header.body(rest)))
    }

    /// A message that comes in pieces.
    fn go_on(&mut self, rest: &[u8], at: usize, out: &mut Effects) -> (usize, Verdict) {
        let Some(link) = &mut self.link else {
            return (0, Verdict::OutOfSync);
        };
        let outbound = &mut link.outbound;
        let length = outbound.left.min(rest.len());
        outbound.left = outbound.left.saturating_sub(length);
        match outbound.way {
            Way::Client => out.client_lane().forward(at, length),
            Way::Nowhere | Way::Rewritten | Way::Fence => {}
        }
        if body_matters(outbound.tag) || outbound.way == Way::Fence || describes(outbound) {
            // The header is kept with it and cut off below.
            let most = if describes(outbound) {
                MAX_SHAPE_KEPT
            } else {
                MAX_BODY_KEPT
            };
            let room = most.saturating_sub(outbound.body.len());
            let kept = rest.get(..length.min(room)).unwrap_or_default();
            outbound.body.extend_from_slice(kept);
        }
        if outbound.left > 0 {
            return (length, Verdict::GoOn);
        }
        let body = std::mem::take(&mut outbound.body);
        let tag = outbound.tag;
        let way = outbound.way;
        if way == Way::Rewritten {
            self.rewrite(body.get(HEADER_LEN..).unwrap_or_default(), out);
        }
        let fence = way == Way::Fence;
        let Some(link) = &mut self.link else {
            return (0, Verdict::OutOfSync);
        };
        let verdict = if tag == tag::PARAMETER_STATUS && body.len() >= MAX_BODY_KEPT {
            link.parameters.report_unreadable();
            Verdict::GoOn
        } else if fence {
            self.beside_fence(tag, body.get(HEADER_LEN..).unwrap_or_default(), out)
        } else {
            self.complete(tag, body.get(HEADER_LEN..).unwrap_or_default())
        };
        if let Some(link) = &mut self.link {
            link.outbound.body = body;
            link.outbound.body.clear();
        }
        (length, verdict)
    }

    /// A message has been passed on completely.
    fn complete(&mut self, tag: u8, body: &[u8]) -> Verdict {
        let in_doubt = self
            .link
            .as_ref()
            .is_some_and(|link| link.mode == Mode::Doubt);
        if in_doubt && is_session_message(tag) && tag != tag::READY_FOR_QUERY {
            return Verdict::GoOn;
        }
        match tag {
            tag::DATA_ROW
            | tag::COPY_DATA
            | tag::COPY_DONE
            | tag::ROW_DESCRIPTION
            | tag::NO_DATA
            | tag::NOTICE_RESPONSE
            | tag::FUNCTION_CALL_RESPONSE
            | tag::PARAMETER_DESCRIPTION => self.detail(tag, body),
            tag::PARSE_COMPLETE | tag::BIND_COMPLETE | tag::CLOSE_COMPLETE => self.made(),
            tag::COMMAND_COMPLETE => {
                let tag = read::command_tag(body).unwrap_or_default();
                self.command_done(tag);
            }
            tag::EMPTY_QUERY_RESPONSE | tag::PORTAL_SUSPENDED => self.command_done(b""),
            tag::COPY_IN_RESPONSE | tag::COPY_OUT_RESPONSE | tag::COPY_BOTH_RESPONSE => {
                self.copy_begins(tag);
            }
            tag::READY_FOR_QUERY => return self.ready(body),
            tag::ERROR_RESPONSE => return self.error(body),
            tag::PARAMETER_STATUS => {
                if let Some(link) = &mut self.link {
                    match read::parameter_status(body) {
                        Ok((name, value)) => link.parameters.report(name, value),
                        Err(_) => link.parameters.report_unreadable(),
                    }
                }
            }
            // Only a session that listens hears this, whatever its statements looked like.
            tag::NOTIFICATION_RESPONSE => self.pins.hold(PinReason::Listen),
            _ => return Verdict::OutOfSync,
        }
        Verdict::GoOn
    }
}

impl Link {
    /// A message begins that has not arrived completely.
    fn start(&mut self, header: Header, out: &mut Effects) -> Verdict {
        let Some(mut way) = self.way(header) else {
            return Verdict::OutOfSync;
        };
        if self.mode == Mode::Doubt && way != Way::Fence {
            self.passes_fence(header.tag, out);
        }
        if way == Way::Rewritten && header.total > MAX_BODY_KEPT {
            way = Way::Client;
        }
        self.outbound.left = header.total;
        self.outbound.tag = header.tag;
        self.outbound.way = way;
        self.outbound.body.clear();
        Verdict::GoOn
    }

    /// Where a message with this tag goes, or `None` if it answers nothing.
    #[inline]
    fn way(&self, header: Header) -> Option<Way> {
        let message_tag = header.tag;
        if self.mode == Mode::Doubt && self.may_answer_fence(header) {
            return Some(Way::Fence);
        }
        let front = self.queue.front_kind();
        let expected = match message_tag {
            tag::DATA_ROW => {
                matches!(front, Some(Kind::Execute | Kind::Query)) || self.mode == Mode::Doubt
            }
            // What the server has to say about a text, it has said to the client before.
            tag::NOTICE_RESPONSE if front.is_some_and(Kind::is_work) => return Some(Way::Nowhere),
            tag::ERROR_RESPONSE if self.error_is_aliased() => return Some(Way::Rewritten),
            tag::ERROR_RESPONSE
            | tag::NOTICE_RESPONSE
            | tag::PARAMETER_STATUS
            | tag::NOTIFICATION_RESPONSE => true,
            tag::COMMAND_COMPLETE if front == Some(Kind::OwnExecute) => return Some(Way::Nowhere),
            _ if self.mode == Mode::Doubt => is_session_message(message_tag),
            tag::COMMAND_COMPLETE
            | tag::EMPTY_QUERY_RESPONSE
            | tag::COPY_IN_RESPONSE
            | tag::COPY_OUT_RESPONSE
            | tag::COPY_BOTH_RESPONSE => matches!(front, Some(Kind::Execute | Kind::Query)),
            tag::PARSE_COMPLETE => match front {
                Some(Kind::InjectedParse | Kind::Make) => return Some(Way::Nowhere),
                front => matches!(front, Some(Kind::Parse | Kind::UnnamedParse)),
            },
            tag::BIND_COMPLETE if front == Some(Kind::OwnBind) => return Some(Way::Nowhere),
            tag::BIND_COMPLETE => front == Some(Kind::Bind),
            tag::CLOSE_COMPLETE => match front {
                Some(Kind::InjectedClose | Kind::Drop) => return Some(Way::Nowhere),
                front => matches!(front, Some(Kind::Close | Kind::UnnamedClose)),
            },
            tag::READY_FOR_QUERY => {
                matches!(front, Some(Kind::Sync | Kind::Query | Kind::FunctionCall))
            }
            tag::ROW_DESCRIPTION | tag::NO_DATA if front == Some(Kind::LearnColumns) => {
                return Some(Way::Nowhere);
            }
            tag::PARAMETER_DESCRIPTION if front == Some(Kind::Learn) => {
                return Some(Way::Nowhere);
            }
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
}

impl Link {
    /// Whether a message must be held until it is known not to be an answer to the fence.
    fn may_answer_fence(&self, header: Header) -> bool {
        self.fence.is_awaited()
            && header.total <= MAX_HELD
            && matches!(
                header.tag,
                tag::READY_FOR_QUERY
                    | tag::PARSE_COMPLETE
                    | tag::PARAMETER_DESCRIPTION
                    | tag::NO_DATA
                    | tag::CLOSE_COMPLETE
            )
    }

    /// Whether an error now answers a request that calls its statement something else.
    fn error_is_aliased(&self) -> bool {
        self.queue.front().is_some_and(|front| front.alias.matters())
    }
}

/// True for the description of a statement that was asked for here.
fn describes(outbound: &Outbound) -> bool {
    outbound.way == Way::Nowhere
        && matches!(
            outbound.tag,
            tag::PARAMETER_DESCRIPTION | tag::ROW_DESCRIPTION
        )
}

/// Tags whose body is looked at.
fn body_matters(message_tag: u8) -> bool {
    matches!(
        message_tag,
        tag::READY_FOR_QUERY | tag::COMMAND_COMPLETE | tag::ERROR_RESPONSE | tag::PARAMETER_STATUS
    )
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
