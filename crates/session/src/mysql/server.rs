//! The server's bytes: where each packet goes, and when the connection is done with.

use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::{self, Frame, HEADER_LEN, Header};
use tollgate_wire_mysql::reply::{
    self, ErrPacket, Insert, OkPacket, Part, Plan, Seen, Then, Treatment,
};
use tollgate_wire_mysql::status::StatusFlags;

use super::answers::lasting;
use super::book::Blind;
use super::client::Inbound;
use super::exchange::{Exchange, Outcome, Plain, Uploading};
use super::link::{Clean, Listed, Profiles, Purpose, Trust};
use super::own::OwnPacket;
use super::{ServerEvent, ServerProgress, Session, Waiting};
use crate::Effects;

/// Longest packet of a reply that must be seen whole: ends, errors, names of files.
const MAX_HELD: usize = 1024 * 1024;

/// Errors of texts that name what is not there: no database, an unknown column, table or function, or one too hidden.
const NAMES_NOTHING: [u16; 6] = [1046, 1049, 1054, 1142, 1146, 1305];

/// What a packet led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    Taken,
    /// More of it must be here.
    Incomplete,
    Fatal,
    OutOfSync,
}

/// A packet of the server and where it lies in the input.
#[derive(Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) header: Header,
    /// What has arrived of its payload.
    pub(super) payload: &'a [u8],
    pub(super) at: usize,
}

impl Session {
    /// Looks at bytes of the server. Give all that has arrived: the connection is released only when
    /// nothing of the input is left.
    pub fn on_server(&mut self, input: &[u8], out: &mut Effects) -> ServerProgress {
        let mut consumed = 0_usize;
        let event = loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let Some(link) = &mut self.link else {
                break ServerEvent::More;
            };
            if link.outbound > 0 && !rest.is_empty() {
                let length = link.outbound.min(rest.len());
                link.outbound = link.outbound.saturating_sub(length);
                out.client_lane().forward(consumed, length);
                consumed = consumed.saturating_add(length);
                continue;
            }
            let (Frame::Complete(header) | Frame::Incomplete(header)) = frame::next(rest) else {
                break self.at_end(rest.len(), out);
            };
            let packet = Packet {
                header,
                payload: header.payload(rest),
                at: consumed,
            };
            match self.packet(packet, out) {
                Looked::Taken => {
                    let length = HEADER_LEN.saturating_add(packet.payload.len());
                    consumed = consumed.saturating_add(length);
                }
                Looked::Incomplete => break self.at_end(rest.len(), out),
                Looked::Fatal => {
                    consumed = consumed.saturating_add(header.total());
                    self.link = None;
                    break ServerEvent::ServerFatal;
                }
                Looked::OutOfSync => break ServerEvent::OutOfSync,
            }
        };
        ServerProgress { consumed, event }
    }

    /// The input is used up, but for `unread` bytes of a packet.
    fn at_end(&mut self, unread: usize, out: &mut Effects) -> ServerEvent {
        if let Some(link) = &mut self.link {
            link.unread = unread;
        }
        let released = self.settle(out);
        let excluded = self.excluded();
        self.pins.announce(excluded, out);
        match released {
            Some(clean) => ServerEvent::Release(clean),
            None => ServerEvent::More,
        }
    }

    fn packet(&mut self, packet: Packet<'_>, out: &mut Effects) -> Looked {
        let Some(link) = &mut self.link else {
            return Looked::OutOfSync;
        };
        match link.queue.front().map(|step| &step.purpose) {
            None => Self::unasked(packet, out),
            Some(Purpose::Client) => self.client_packet(packet, out),
            Some(_) => match link.own_packet(packet.header, packet.payload) {
                OwnPacket::Incomplete => Looked::Incomplete,
                OwnPacket::More => Looked::Taken,
                OwnPacket::Done(reply) => self.own_reply(*reply, out),
                OwnPacket::Wrong => Looked::OutOfSync,
            },
        }
    }

    /// The server speaks first only to say why it closes the connection (4031, 1053, 1927; 1153 before it has heard all of
    /// a command, with the number that the client expects as well).
    fn unasked(packet: Packet<'_>, out: &mut Effects) -> Looked {
        let length = packet.header.payload_len();
        match packet.payload.first() {
            Some(0xff) if length <= MAX_HELD && packet.payload.len() < length => Looked::Incomplete,
            Some(0xff) if length <= MAX_HELD => {
                let length = HEADER_LEN.saturating_add(length);
                out.client_lane().forward(packet.at, length);
                Looked::Fatal
            }
            None if length > 0 => Looked::Incomplete,
            Some(_) | None => Looked::OutOfSync,
        }
    }

    fn client_packet(&mut self, packet: Packet<'_>, out: &mut Effects) -> Looked {
        // An answer to half a command: the server has given up on the connection, and says why.
        if matches!(self.inbound, Inbound::Body(_)) {
            return Self::unasked(packet, out);
        }
        let Some(link) = &mut self.link else {
            return Looked::OutOfSync;
        };
        let (Some(step), Some(exchange)) = (link.queue.front_mut(), &mut link.exchange) else {
            return Looked::OutOfSync;
        };
        let Packet {
            header, payload, ..
        } = packet;
        let mut scanner = step.scanner;
        let seen = match scanner.packet(header, payload) {
            Ok(Some(seen)) => seen,
            Ok(None) => return Looked::Incomplete,
            Err(_) => return Looked::OutOfSync,
        };
        let spelled = matches!(seen.part, Part::Definition { .. }) && !exchange.spelled.is_empty();
        let mut bridge = exchange.bridge;
        let plan = bridge.plan(&seen.part);
        // What we write behind it must not come into the middle of it.
        let is_followed = seen.then == Then::End || plan.after != Insert::Nothing;
        let is_whole = payload.len() >= header.payload_len();
        if !is_whole && (spelled || is_followed || must_be_whole(&seen.part)) {
            return if header.payload_len() > MAX_HELD {
                Looked::OutOfSync
            } else {
                Looked::Incomplete
            };
        }
        let too_large = ErrorCode::NET_PACKET_TOO_LARGE.code;
        let is_too_large = seen.part == Part::Error { code: too_large };
        if step.sequence.check(header).is_err() {
            // It was said before the command was over: it has the number of a packet in its middle.
            return if is_too_large {
                Self::unasked(packet, out)
            } else {
                Looked::OutOfSync
            };
        }
        step.scanner = scanner;
        if is_too_large {
            // Servers close behind it.
            link.trust = Trust::Lost;
        }
        exchange.bridge = bridge;
        self.relay(packet, seen, plan, out)
    }

    fn relay(&mut self, packet: Packet<'_>, seen: Seen, plan: Plan, out: &mut Effects) -> Looked {
        let status = self.status;
        if let Some(exchange) = self.exchange_mut() {
            insert(exchange, plan.before, status, out);
        }
        match seen.part {
            Part::End { form, .. } => {
                if !self.result_ended(packet.payload, form, plan.packet, out) {
                    return Looked::OutOfSync;
                }
            }
            Part::DefinitionsEnd { head, .. } => self.definitions_ended(packet, head, plan, out),
            Part::Prepared(prepared) => {
                if !self.prepared(prepared, out) {
                    return Looked::OutOfSync;
                }
            }
            Part::FileRequest if !self.may_ask_for(packet.payload) => return Looked::OutOfSync,
            Part::Error { code } => {
                self.forward(packet, out);
                if let Some(exchange) = self.exchange_mut() {
                    let error = ErrPacket::parse(packet.payload).ok();
                    exchange.heard.sqlstate = error.and_then(|error| error.sqlstate);
                    exchange.failed(code);
                }
            }
            Part::Row => {
                self.forward(packet, out);
                if let Some(exchange) = self.exchange_mut() {
                    exchange.row(packet);
                }
            }
            Part::Columns { .. } => {
                self.forward(packet, out);
                if let Some(exchange) = self.exchange_mut() {
                    exchange.heard.rows = 0;
                }
            }
            Part::Definition { .. } => {
                let own = self.exchange_mut();
                let renamed = own.and_then(|exchange| exchange.rename(packet.payload, out));
                if renamed.is_none() {
                    self.forward(packet, out);
                }
            }
            Part::FileRequest
            | Part::Continued
            | Part::Progress
            | Part::Text
            | Part::Login
            | Part::Stream => self.forward(packet, out),
        }
        let status = self.status;
        if let Some(exchange) = self.exchange_mut() {
            insert(exchange, plan.after, status, out);
            if seen.then == Then::Client {
                exchange.uploading = Uploading::Yes;
            }
        }
        if seen.then == Then::End {
            if let Some(link) = &mut self.link {
                link.queue.pop_front();
            }
            self.exchange_ended(out);
        }
        Looked::Taken
    }

    /// Passes a packet on, with another number if the client counts differently.
    pub(super) fn forward(&mut self, packet: Packet<'_>, out: &mut Effects) {
        let Some(link) = &mut self.link else { return };
        let Some(exchange) = &mut link.exchange else {
            return;
        };
        let number = exchange.sequence.take();
        let Packet {
            header,
            payload,
            at,
        } = packet;
        let lane = out.client_lane();
        if number == header.sequence {
            lane.forward(at, HEADER_LEN.saturating_add(payload.len()));
        } else {
            let bytes = frame::header_bytes(header.length, number);
            lane.inject(|out| out.extend_from_slice(&bytes));
            lane.forward(at.saturating_add(HEADER_LEN), payload.len());
        }
        link.outbound = header.payload_len().saturating_sub(payload.len());
    }

    fn definitions_ended(
        &mut self,
        packet: Packet<'_>,
        head: reply::OkHead,
        plan: Plan,
        out: &mut Effects,
    ) {
        match plan.packet {
            Treatment::Forward | Treatment::AsEof => self.forward(packet, out),
            Treatment::Drop => {}
            Treatment::AsOk => {
                let client = self.capabilities();
                if let Some(exchange) = self.exchange_mut() {
                    let end = OkPacket {
                        head,
                        ..OkPacket::default()
                    };
                    let sequence = &mut exchange.sequence;
                    out.client_lane()
                        .inject(|bytes| reply::end_of_rows(bytes, sequence, client, &end));
                }
            }
        }
        if head.status.contains(StatusFlags::CURSOR_EXISTS)
            && let Some(link) = &mut self.link
        {
            link.status = head.status;
            if let Some(exchange) = &mut link.exchange {
                let rows = Some(0);
                exchange.heard.outcome = Outcome::Done { head, rows };
            }
        }
    }

    /// A server may ask for the file that the statement names and for no other.
    fn may_ask_for(&mut self, payload: &[u8]) -> bool {
        let allowed = self.capabilities().contains(Capabilities::LOCAL_FILES);
        let name = payload.get(1..).unwrap_or_default();
        let Some(text) = self
            .exchange_mut()
            .and_then(|exchange| exchange.file_text.take())
        else {
            return false;
        };
        let is_named = |text: &[u8]| memchr::memmem::find(text, name).is_some();
        // In the text the name is a string, where quotes and backslashes may be escaped, or quotes doubled.
        let is_plain = |byte: &u8| !matches!(byte, b'\\' | b'\'' | b'"');
        let unescaped: Vec<u8> = text.iter().copied().filter(is_plain).collect();
        let plain: Vec<u8> = name.iter().copied().filter(is_plain).collect();
        let is_named_unescaped =
            !plain.is_empty() && memchr::memmem::find(&unescaped, &plain).is_some();
        allowed && !name.is_empty() && (is_named(&text) || is_named_unescaped)
    }

    /// The connection, if it is provably clean. What must be kept of it is asked for first.
    pub(super) fn settle(&mut self, out: &mut Effects) -> Option<Clean> {
        let idle = matches!(self.inbound, Inbound::Idle)
            && self.verdict.is_none()
            && self.waiting == Waiting::No;
        let facts = self.link.as_ref().map(|link| self.facts(link));
        self.pins.derive(facts.unwrap_or_default());
        let link = self.link.as_ref()?;
        if !idle || self.holds_long_data() || !link.is_quiet() {
            return None;
        }
        let excluded = self.excluded();
        let open = self.open_reasons().union(excluded);
        if self.pins.reasons().without(open).is_empty() {
            self.inquire(out);
            let facts = self.link.as_ref().map(|link| self.facts(link));
            self.pins.derive(facts.unwrap_or_default());
        }
        let quiet = self.link.as_ref().is_some_and(|link| link.is_quiet());
        let reasons = self.pins.reasons();
        if quiet && !reasons.is_empty() && reasons.without(excluded).is_empty() {
            self.give_up_variables(out);
            return None;
        }
        if !quiet || !reasons.is_empty() {
            return None;
        }
        if let Some(link) = &mut self.link
            && link.profiles == Profiles::Kept
        {
            link.forget_profiles(out);
            return None;
        }
        if let Some(link) = &mut self.link
            && link.blind == Blind::Yes
        {
            link.reset(out);
            return None;
        }
        // Something of ours may have failed meanwhile.
        if self.link.as_ref()?.listed == Listed::Something {
            return None;
        }
        self.pins.forget_statement();
        self.status = lasting(self.status);
        Some(self.link.take()?.into_clean())
    }
}

impl Exchange {
    /// The server has refused it.
    fn failed(&mut self, code: u16) {
        self.heard.outcome = Outcome::Failed;
        self.heard.error = code;
        if code == ErrorCode::PARSE.code {
            self.about.was_not_understood();
        }
        if NAMES_NOTHING.contains(&code) {
            self.about.was_refused();
        }
        if code == ErrorCode::UNKNOWN_STMT_HANDLER.code {
            self.about.found_no_statement();
        }
    }

    fn row(&mut self, packet: Packet<'_>) {
        self.heard.rows = self.heard.rows.saturating_add(1);
        if matches!(self.about.plain, Plain::Lock(_)) {
            let whole = packet.payload.len() == packet.header.payload_len();
            let row = if whole { packet.payload } else { &[] };
            self.heard.row = row.to_vec();
        }
    }
}

/// Writes the EOF packets that a client without `DEPRECATE_EOF` expects.
fn insert(exchange: &mut Exchange, what: Insert, status: StatusFlags, out: &mut Effects) {
    let times = match what {
        Insert::Nothing => 0,
        Insert::Eof => 1,
        Insert::TwoEofs => 2,
    };
    for _ in 0..times {
        let sequence = &mut exchange.sequence;
        out.client_lane()
            .inject(|bytes| reply::eof(bytes, sequence, lasting(status), 0));
    }
}

fn must_be_whole(part: &Part) -> bool {
    match part {
        Part::End { .. }
        | Part::DefinitionsEnd { .. }
        | Part::Prepared(_)
        | Part::FileRequest
        | Part::Error { .. } => true,
        Part::Continued
        | Part::Progress
        | Part::Columns { .. }
        | Part::Definition { .. }
        | Part::Row
        | Part::Text
        | Part::Login
        | Part::Stream => false,
    }
}
