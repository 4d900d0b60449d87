//! The server's bytes: where each message goes, and when the connection is done with.

use tollgate_wire_postgres::backend::{self, read};
use tollgate_wire_postgres::frame::{self, Frame, HEADER_LEN, Header};
use tollgate_wire_postgres::tag::backend as tag;

use super::link::{Link, Mode, Way};
use super::queue::{Kind, Noise};
use super::replies::ends_session;
use super::routing::{MAX_BODY_KEPT, Whole, kept_of_body};
use super::{ServerEvent, ServerProgress, Session};
use crate::{Effects, Notice, PinReason};

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
            let rows = link.rows(rest);
            if rows > 0 {
                out.client_lane().forward(consumed, rows);
                consumed = consumed.saturating_add(rows);
                if consumed >= input.len() {
                    break self.at_end(0, out);
                }
                continue;
            }
            let (taken, verdict) = if link.outbound.left > 0 {
                self.go_on(rest, consumed, out)
            } else {
                match frame::next(rest) {
                    Frame::Complete(header) => self.whole(header, rest, consumed, out),
                    Frame::Incomplete(header)
                        if Link::awaits_whole(header) || link.fence.holds_back(header) =>
                    {
                        break self.at_end(rest.len(), out);
                    }
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
        }
        self.send_fence(out);
        self.heard.pass_on(out);
        let released = self.release_if_clean(out);
        if self.asked.is_none() && !self.pending.is_open() {
            self.pins.announce(out);
        }
        match released {
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
        let mut waits = false;
        if link.mode == Mode::Doubt && way != Some(Way::Fence) {
            waits = link.fence.holds_back(header);
            link.passes_fence(header.tag, out);
        }
        match way {
            None => return (0, Verdict::OutOfSync),
            Some(Way::Client) if waits => link.hold_notice(header.body(rest)),
            Some(Way::Client) if header.tag == tag::NOTIFICATION_RESPONSE => {
                let whole = Whole { header, rest, at };
                link.notify(whole, self.process_id, out.client_lane());
            }
            Some(Way::Client) => out.client_lane().forward(at, header.total),
            Some(Way::Nowhere) => {}
            Some(Way::Rewritten) => self.rewrite(header.body(rest), out),
            Some(Way::Fence) => {
                let verdict = self.beside_fence(header.tag, header.body(rest), out);
                return (header.total, verdict);
            }
        }
        (
            header.total,
            self.complete(header.tag, header.body(rest), out),
        )
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
        if let Some(limit) = kept_of_body(outbound.tag, outbound.way) {
            // The header is kept with it and cut off below.
            let room = limit.saturating_sub(outbound.body.len());
            let kept = rest.get(..length.min(room)).unwrap_or_default();
            outbound.body.extend_from_slice(kept);
        }
        if outbound.left > 0 {
            return (length, Verdict::GoOn);
        }
        let body = std::mem::take(&mut outbound.body);
        let (tag, way) = (outbound.tag, outbound.way);
        let verdict = if way == Way::Fence {
            self.beside_fence(tag, body.get(HEADER_LEN..).unwrap_or_default(), out)
        } else if tag == tag::PARAMETER_STATUS && body.len() >= MAX_BODY_KEPT {
            link.parameters.report_unreadable();
            Verdict::GoOn
        } else {
            if way == Way::Rewritten {
                self.rewrite(body.get(HEADER_LEN..).unwrap_or_default(), out);
            }
            self.complete(tag, body.get(HEADER_LEN..).unwrap_or_default(), out)
        };
        if let Some(link) = &mut self.link {
            link.outbound.body = body;
            link.outbound.body.clear();
        }
        (length, verdict)
    }

    /// A message has been passed on completely.
    fn complete(&mut self, tag: u8, body: &[u8], out: &mut Effects) -> Verdict {
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        match (link.mode, link.queue.front_kind()) {
            (Mode::Tracking, Some(kind @ (Kind::Replay | Kind::Inspection | Kind::Catalogue))) => {
                return self.own_reply(kind, tag, body, out);
            }
            (Mode::Tracking, _) => {}
            (Mode::Doubt | Mode::Blind, _) => {
                if let Some(verdict) = self.doubtful_reply(tag, body) {
                    return verdict;
                }
            }
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
            tag::ERROR_RESPONSE => {
                if is_database_in_use(body) {
                    out.notice(Notice::DatabaseInUse);
                }
                self.say_last_words(body, out);
                return self.error(body);
            }
            tag::PARAMETER_STATUS => self.parameter_reported(body),
            // Only a session that listens hears this, whatever its statements looked like.
            tag::NOTIFICATION_RESPONSE => self.pins.hold(PinReason::Listen),
            _ => return Verdict::OutOfSync,
        }
        Verdict::GoOn
    }

    /// The server ends the session while it answers a question that the client knows nothing of.
    fn say_last_words(&mut self, body: &[u8], out: &mut Effects) {
        let front = self.link.as_ref().and_then(|link| link.queue.front());
        if front.is_some_and(|front| front.noise != Noise::Heard) && ends_session(body) {
            out.client_lane()
                .inject(|bytes| backend::raw(bytes, tag::ERROR_RESPONSE, body));
        }
    }

    pub(super) fn parameter_reported(&mut self, body: &[u8]) {
        if let Some(link) = &mut self.link {
            match read::parameter_status(body) {
                Ok((name, value)) => link.parameters.report(name, value),
                Err(_) => link.parameters.report_unreadable(),
            }
        }
    }
}

impl Link {
    /// A message begins that has not arrived completely.
    fn start(&mut self, header: Header, out: &mut Effects) -> Verdict {
        let Some(mut way) = self.way(header) else {
            return Verdict::OutOfSync;
        };
        if way == Way::Rewritten && header.total > MAX_BODY_KEPT {
            way = Way::Client;
        }
        if self.mode == Mode::Doubt && way != Way::Fence {
            self.passes_fence(header.tag, out);
        }
        self.outbound.left = header.total;
        self.outbound.tag = header.tag;
        self.outbound.way = way;
        self.outbound.body.clear();
        Verdict::GoOn
    }
}

/// True for the refusal of a command on a whole database because of its sessions. `55006` alone says too
/// little: a table with open cursors or an active replication slot gets it as well. Source: the callers of
/// `CountOtherDBBackends`, all of them in `dbcommands.c`.
fn is_database_in_use(body: &[u8]) -> bool {
    let mut fields = body.split(|byte| *byte == 0);
    let has_code = fields.any(|field| field == b"C55006");
    has_code && fields.any(|field| field == b"Fdbcommands.c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_on_databases_find_a_database_in_use() {
        let dropping =
            b"SERROR\0VERROR\0C55006\0Mdatabase is in use\0Fdbcommands.c\0L1749\0Rdropdb\0\0";
        assert!(is_database_in_use(dropping));
        let truncating = b"SERROR\0VERROR\0C55006\0Mpending events\0Ftablecmds.c\0L4131\0\0";
        assert!(!is_database_in_use(truncating));
        let unknown = b"SERROR\0VERROR\0C3D000\0MC55006\0Fdbcommands.c\0L1749\0\0";
        assert!(!is_database_in_use(unknown));
        assert!(!is_database_in_use(b"C55006"));
    }
}
