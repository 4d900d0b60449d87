//! The server's half: which request a message answers, what has become of it, and when all is done.

use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::backend::read;
use tollgate_wire_postgres::frame::{self, Frame, HEADER_LEN, Header};
use tollgate_wire_postgres::tag::backend as tag;

use tollgate_sql::EffectSet;

use super::link::{Alignment, Copy, Entry, Link, Mode, Segment, Way};
use super::queue::{DataEnd, Expected, Kind, Meaning, SoFar, Statements, Syncs};
use super::unnamed::Remembered;
use super::{ServerEvent, ServerProgress, Session};
use crate::{Effects, PinReason, PinSet};

/// Bytes of a body to keep if it matters and comes in pieces. Severity and code are the first fields of an
/// error, tags are short; a setting longer than this counts as changed.
const MAX_BODY_KEPT: usize = 8 * 1024;

/// What one complete message means for the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
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
                    Frame::Incomplete(header) => (0, link.start(header)),
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
        match link.way(header.tag) {
            None => return (0, Verdict::OutOfSync),
            Some(Way::Client) => out.client_lane().forward(at, header.total),
            Some(Way::Nowhere) => {}
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
            Way::Nowhere => {}
        }
        if body_matters(outbound.tag) {
            // The header is kept with it and cut off below.
            let room = MAX_BODY_KEPT.saturating_sub(outbound.body.len());
            let kept = rest.get(..length.min(room)).unwrap_or_default();
            outbound.body.extend_from_slice(kept);
        }
        if outbound.left > 0 {
            return (length, Verdict::GoOn);
        }
        let body = std::mem::take(&mut outbound.body);
        let tag = outbound.tag;
        let verdict = if tag == tag::PARAMETER_STATUS && body.len() >= MAX_BODY_KEPT {
            link.parameters.report_unreadable();
            Verdict::GoOn
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
            | tag::PARAMETER_DESCRIPTION => self.detail(tag),
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

    /// Rows and their descriptions.
    fn detail(&mut self, tag: u8) {
        let Some(link) = &mut self.link else {
            return;
        };
        match (tag, link.queue.front_mut()) {
            (tag::PARAMETER_DESCRIPTION, Some(front)) => front.kind = Kind::DescribeColumns,
            (tag::ROW_DESCRIPTION | tag::NO_DATA, Some(front))
                if front.kind == Kind::DescribeColumns =>
            {
                link.queue.pop();
            }
            _ => {}
        }
    }

    /// `1`, `2` or `3`: what the oldest request asked for is made or gone.
    fn made(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let Some(done) = link.queue.pop() else {
            return;
        };
        match done.kind {
            Kind::UnnamedParse => {
                self.unnamed.replace(done.kept, done.meaning.effects);
                link.alignment = Alignment::Confirmed;
            }
            Kind::UnnamedClose => {
                self.unnamed.drop_statement(Remembered::Nothing);
                link.alignment = Alignment::Confirmed;
            }
            Kind::InjectedParse | Kind::InjectedClose => link.alignment = Alignment::Confirmed,
            Kind::Parse | Kind::Close => {
                if let Some(change) = done.meaning.name {
                    self.names.apply(*change);
                }
            }
            Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::Execute
            | Kind::Sync
            | Kind::Query
            | Kind::FunctionCall
            | Kind::CopyEnd => {}
        }
    }

    /// `C`, `I` or `s`: a statement of a Query, or an Execute, ran.
    fn command_done(&mut self, tag: &[u8]) {
        let Some(link) = &mut self.link else {
            return;
        };
        link.copy_ends();
        if link.mode == Mode::Doubt {
            self.pins.hold(PinReason::CopyInDoubt);
            return;
        }
        let Some(front) = link.queue.front_mut() else {
            return;
        };
        let single = front.kind == Kind::Execute || front.meaning.statements == Statements::One;
        let meaning = &mut front.meaning;
        let effects = meaning.effects;
        // Most statements have no effects, and most of their tags no meaning.
        if !effects.is_empty() || may_matter(tag) {
            self.pins.ran(effects);
            self.pins.tagged(tag, effects);
            if meaning.statements == Statements::One {
                self.pins.tagged_alone(tag, effects);
            }
            let name = if single { meaning.name.take() } else { None };
            match tag {
                b"DISCARD ALL" => self.names.clear(),
                b"DEALLOCATE ALL" if single => self.names.clear(),
                b"PREPARE" if name.is_none() => self.names.add_unknown(),
                b"PREPARE" | b"DEALLOCATE" => {
                    if let Some(change) = name {
                        self.names.apply(*change);
                    }
                }
                _ => {}
            }
        }
        if front.kind == Kind::Execute {
            link.queue.pop();
        }
    }

    fn copy_begins(&mut self, tag: u8) {
        let Some(link) = &mut self.link else {
            return;
        };
        match tag {
            tag::COPY_IN_RESPONSE => {
                let ahead = link.queue.copy_begins();
                link.copy = Copy::In {
                    end: ahead.end,
                    syncs: ahead.syncs,
                };
            }
            tag::COPY_OUT_RESPONSE => link.copy = Copy::Out,
            _ => {
                // Replication: what follows has no request and reply.
                link.doubt();
                self.pins.hold(PinReason::Unknown);
            }
        }
    }

    fn ready(&mut self, body: &[u8]) -> Verdict {
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        let Ok(status) = read::ready_for_query(body) else {
            return Verdict::OutOfSync;
        };
        link.status = status;
        if link.mode == Mode::Doubt {
            return Verdict::GoOn;
        }
        let Some(done) = link.queue.pop() else {
            return Verdict::OutOfSync;
        };
        if link.queue.is_empty() {
            link.settings_in_flight = false;
        }
        if status == TransactionStatus::Idle && link.queue.is_empty() {
            link.bound = EffectSet::NONE;
        }
        match done.kind {
            Kind::Query => {
                self.unnamed.drop_statement(Remembered::Nothing);
                // A statement cancelled at its very start may have left everything as it was.
                link.alignment = match done.so_far {
                    SoFar::Well => Alignment::Confirmed,
                    SoFar::Failed => Alignment::No,
                };
            }
            Kind::FunctionCall => self.pins.tried(done.meaning.effects),
            Kind::Sync
            | Kind::Parse
            | Kind::UnnamedParse
            | Kind::InjectedParse
            | Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::Execute
            | Kind::Close
            | Kind::UnnamedClose
            | Kind::InjectedClose
            | Kind::CopyEnd => {}
        }
        self.settle(status);
        Verdict::GoOn
    }

    /// The server is ready: what was done in a transaction that is over is now so, or never was.
    fn settle(&mut self, status: TransactionStatus) {
        match status {
            TransactionStatus::Idle => self.pins.transaction_over(),
            TransactionStatus::InTransaction | TransactionStatus::Failed => {
                self.pins.transaction_open();
                return;
            }
        }
        if self.names.is_empty() {
            let sent_all = self.link.as_ref().is_some_and(|link| link.queue.is_empty());
            if sent_all {
                self.named_effects = EffectSet::NONE;
            }
        }
    }

    /// The reasons that follow from what the session has now, not from what was done.
    fn derive_pins(&mut self, settings_differ: bool) {
        let derived: PinSet = [
            (settings_differ, PinReason::SessionSetting),
            (!self.names.is_empty(), PinReason::PreparedStatement),
            (self.unnamed.is_forgotten(), PinReason::UnnamedStatement),
        ]
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, reason)| reason)
        .collect();
        self.pins.derive(derived);
    }

    fn error(&mut self, body: &[u8]) -> Verdict {
        if ends_session(body) {
            return Verdict::Fatal;
        }
        let Some(link) = &mut self.link else {
            return Verdict::OutOfSync;
        };
        link.copy_ends_in_error();
        if link.mode == Mode::Doubt {
            self.pins.hold(PinReason::CopyInDoubt);
            return Verdict::GoOn;
        }
        let Some(front) = link.queue.front_mut() else {
            return Verdict::OutOfSync;
        };
        front.so_far = SoFar::Failed;
        if front.kind.is_extended() {
            self.skip();
            return Verdict::GoOn;
        }
        let meaning = std::mem::replace(&mut front.meaning, Meaning::NOTHING);
        self.attempted(&meaning);
        Verdict::GoOn
    }

    /// A request of the extended protocol failed: the server discards everything up to the next Sync.
    fn skip(&mut self) {
        let Some(link) = &mut self.link else {
            return;
        };
        let Some(failed) = link.queue.pop() else {
            return;
        };
        match failed.kind {
            Kind::UnnamedParse => {
                self.unnamed.drop_statement(failed.kept);
                link.alignment = Alignment::No;
            }
            // The statement is still the client's; it could not be made here and now.
            Kind::InjectedParse | Kind::InjectedClose => link.alignment = Alignment::No,
            Kind::UnnamedClose => self.unnamed.skip(Remembered::Nothing),
            Kind::Parse
            | Kind::Bind
            | Kind::DescribeStatement
            | Kind::DescribeColumns
            | Kind::Execute
            | Kind::Close
            | Kind::Sync
            | Kind::Query
            | Kind::FunctionCall
            | Kind::CopyEnd => {}
        }
        while let Some(skipped) = link.queue.pop_skipped() {
            skip_unnamed(&mut self.unnamed, &skipped);
        }
        if link.queue.is_empty() {
            // The Sync has not been sent yet.
            link.segment = Segment::Skipping;
            link.inbound.entry = Entry::None;
        }
        // Only an Execute has run anything; a failed Parse has not, whatever its text says.
        let meaning = if failed.kind == Kind::Execute {
            failed.meaning
        } else {
            Meaning::NOTHING
        };
        self.attempted(&meaning);
    }

    /// A request with this meaning failed, perhaps half-way.
    fn attempted(&mut self, meaning: &Meaning) {
        self.pins.failed(meaning.effects);
        if meaning.effects.intersects(EffectSet::PREPARE) && meaning.name.is_none() {
            self.names.add_unknown();
        }
    }
}

impl Link {
    /// A message begins that has not arrived completely.
    fn start(&mut self, header: Header) -> Verdict {
        let Some(way) = self.way(header.tag) else {
            return Verdict::OutOfSync;
        };
        self.outbound.left = header.total;
        self.outbound.tag = header.tag;
        self.outbound.way = way;
        self.outbound.body.clear();
        Verdict::GoOn
    }

    /// Where a message with this tag goes, or `None` if it answers nothing.
    #[inline]
    fn way(&self, message_tag: u8) -> Option<Way> {
        let front = self.queue.front_kind();
        let expected = match message_tag {
            tag::DATA_ROW => {
                matches!(front, Some(Kind::Execute | Kind::Query)) || self.mode == Mode::Doubt
            }
            tag::ERROR_RESPONSE
            | tag::NOTICE_RESPONSE
            | tag::PARAMETER_STATUS
            | tag::NOTIFICATION_RESPONSE => true,
            _ if self.mode == Mode::Doubt => is_session_message(message_tag),
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
            tag::READY_FOR_QUERY => {
                matches!(front, Some(Kind::Sync | Kind::Query | Kind::FunctionCall))
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

    /// From here on nothing is known about the replies to come.
    fn doubt(&mut self) {
        self.mode = Mode::Doubt;
        self.inbound.entry = Entry::None;
        self.queue.reset();
    }

    /// A statement is complete, and a COPY it may have been.
    fn copy_ends(&mut self) {
        if let Copy::In {
            end: DataEnd::NotSent,
            syncs: Syncs::Swallowed,
        } = self.copy
        {
            self.doubt();
        }
        self.copy = Copy::None;
    }

    /// A COPY from the client may have failed. Whether the server has read a Sync before or after that is
    /// not known, and so is how many more times it will say that it is ready.
    fn copy_ends_in_error(&mut self) {
        if let Copy::In {
            syncs: Syncs::Swallowed,
            ..
        } = self.copy
        {
            self.doubt();
        }
        self.copy = Copy::None;
    }
}

fn skip_unnamed(unnamed: &mut super::Unnamed, skipped: &Expected) {
    match skipped.kind {
        Kind::UnnamedParse => unnamed.skip(skipped.kept),
        Kind::Query | Kind::UnnamedClose => unnamed.skip(Remembered::Nothing),
        Kind::Parse
        | Kind::InjectedParse
        | Kind::InjectedClose
        | Kind::Bind
        | Kind::DescribeStatement
        | Kind::DescribeColumns
        | Kind::Execute
        | Kind::Close
        | Kind::Sync
        | Kind::FunctionCall
        | Kind::CopyEnd => {}
    }
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

/// False for the command tags of queries and of the commonest commands, which mean nothing here.
fn may_matter(command_tag: &[u8]) -> bool {
    !(command_tag.starts_with(b"SELECT")
        || command_tag.starts_with(b"INSERT")
        || command_tag.starts_with(b"UPDATE")
        || command_tag.starts_with(b"DELETE"))
}

/// True if the error is the last thing the server says.
fn ends_session(body: &[u8]) -> bool {
    // A body may be cut short; the severity is at its start.
    let mut rest = body;
    let mut localised = false;
    while let Some((code, tail)) = rest.split_first() {
        let end = memchr::memchr(0, tail).unwrap_or(tail.len());
        let (value, after) = tail.split_at_checked(end).unwrap_or((tail, &[]));
        let fatal = matches!(value, b"FATAL" | b"PANIC");
        match code {
            b'V' => return fatal,
            b'S' => localised = fatal,
            _ => {}
        }
        rest = after.get(1..).unwrap_or_default();
    }
    localised
}
