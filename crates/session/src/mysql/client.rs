//! The client's bytes: where a command begins and ends, and how much of it must be here.

use tollgate_sql::mysql::Scanner;
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::{self, Frame, HEADER_LEN, Header, Sequence};
use tollgate_wire_mysql::reply::Upload;

use super::exchange::{About, Uploading};
use super::kill::OwnEnd;
use super::named::Named;
use super::{CloseReason, MAX_WHOLE, Progress, Session, Verdict, Waiting, Want, answers};
use crate::Effects;

/// What of the client's is being read.
pub(super) enum Inbound {
    /// Nothing: a command comes next.
    Idle,
    /// A command that was begun.
    Body(Body),
    /// Bytes of one packet of a file.
    File(usize),
}

/// A command that has not arrived completely.
pub(super) struct Body {
    /// Bytes of the packet at hand that are still to come.
    left: usize,
    continued: Continued,
    /// The number of the packet at hand.
    number: u8,
    pub(super) way: Way,
    /// Reads the text.
    pub(super) scanner: Option<Box<Scanner>>,
}

/// Whether another packet of the same command follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Continued {
    Yes,
    No,
}

impl Continued {
    fn of(header: Header) -> Self {
        if header.is_full() {
            Self::Yes
        } else {
            Self::No
        }
    }
}

/// Where a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Server,
    /// Nowhere, and it is answered as was decided.
    Nowhere,
    /// Nowhere, and it has no answer.
    Silence,
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Idle => f.write_str("Idle"),
            Self::Body(body) => write!(f, "Body({} left)", body.left),
            Self::File(left) => write!(f, "File({left} left)"),
        }
    }
}

/// A command at the start of the unread input: all of it, or its first `MAX_WHOLE` bytes at least.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) header: Header,
    /// What has arrived of the first packet's payload.
    pub(super) payload: &'a [u8],
    /// Where the header lies in the input.
    pub(super) at: usize,
}

impl<'a> Message<'a> {
    /// The payload behind the command's code.
    pub(super) fn body(&self) -> &'a [u8] {
        self.payload.get(1..).unwrap_or_default()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.payload.len() >= self.header.payload_len() && !self.header.is_full()
    }
}

/// What became of the bytes at hand.
pub(super) enum Step {
    /// So many are done with.
    Taken(usize),
    Wait(Want),
}

impl Session {
    /// Looks at bytes of the client.
    pub fn on_client(&mut self, input: &[u8], out: &mut Effects) -> Progress {
        let mut consumed = 0_usize;
        let want = loop {
            if self.own_end == OwnEnd::Told {
                break Want::Close(CloseReason::Terminated);
            }
            let rest = input.get(consumed..).unwrap_or_default();
            if rest.is_empty() {
                break match self.settle(out) {
                    Some(clean) => Want::Release(clean),
                    None => Want::More,
                };
            }
            let step = match self.inbound {
                Inbound::Idle => self.begin(rest, consumed, out),
                Inbound::Body(_) => self.go_on(rest, consumed, out),
                Inbound::File(left) => {
                    let length = left.min(rest.len());
                    out.server_lane().forward(consumed, length);
                    self.inbound = match left.saturating_sub(length) {
                        0 => Inbound::Idle,
                        left => Inbound::File(left),
                    };
                    Step::Taken(length)
                }
            };
            match step {
                Step::Taken(length) => consumed = consumed.saturating_add(length),
                Step::Wait(want) => break want,
            }
        };
        Progress { consumed, want }
    }

    fn begin(&mut self, rest: &[u8], at: usize, out: &mut Effects) -> Step {
        let (Frame::Complete(header) | Frame::Incomplete(header)) = frame::next(rest) else {
            return Step::Wait(Want::More);
        };
        if let Some(link) = &self.link
            && !link.queue.is_empty()
        {
            let exchange = link.exchange.as_ref();
            return match exchange.map(|exchange| exchange.uploading) {
                Some(Uploading::Yes) => self.upload(header, at, out),
                Some(Uploading::No) | None => Step::Wait(Want::Replies),
            };
        }
        if header.sequence != 0 {
            return self.violation(ErrorCode::NET_PACKETS_OUT_OF_ORDER, out);
        }
        let payload = header.payload(rest);
        let enough = header.payload_len().min(MAX_WHOLE);
        if payload.len() < enough {
            return Step::Wait(Want::More);
        }
        let message = Message {
            header,
            payload,
            at,
        };
        let Some(command) = Command::of(payload) else {
            return self.malformed(message, out);
        };
        self.waiting = Waiting::No;
        match self.verdict {
            Some(Verdict::Error(_) | Verdict::Ok) => {
                let mute = matches!(command, Command::StmtSendLongData | Command::StmtClose);
                let way = if mute { Way::Silence } else { Way::Nowhere };
                self.long_data_is_lost(command, message);
                self.drop_command(message, way, out)
            }
            Some(Verdict::Pass) | None => match self.command(command, message, out) {
                // It was decided without asking the server, so that no reply would wake us.
                Step::Wait(Want::Replies) if self.is_refused_at_once() => Step::Taken(0),
                Step::Wait(Want::Replies) => {
                    self.waiting = Waiting::ForReplies;
                    Step::Wait(Want::Replies)
                }
                step @ (Step::Taken(_) | Step::Wait(_)) => step,
            },
        }
    }

    fn is_refused_at_once(&self) -> bool {
        let silent = self.link.as_ref().is_none_or(|link| link.queue.is_empty());
        silent && matches!(self.verdict, Some(Verdict::Error(_)))
    }

    /// The command at hand is answered with an error.
    pub(super) fn error(&mut self, code: ErrorCode, text: &str) {
        self.verdict = Some(Verdict::Error(answers::error_payload(code, text)));
    }

    fn violation(&mut self, code: ErrorCode, out: &mut Effects) -> Step {
        let mut sequence = Sequence::after(1);
        let capabilities = self.config.capabilities;
        let text = "Got packets out of order";
        if self.at_boundary() {
            answers::error(out, &mut sequence, capabilities, (code, text));
        }
        Step::Wait(Want::Close(CloseReason::ProtocolViolation))
    }

    /// Throws a command away; `Way::Nowhere` answers it as `verdict` says once it is all here.
    pub(super) fn drop_command(
        &mut self,
        message: Message<'_>,
        way: Way,
        out: &mut Effects,
    ) -> Step {
        self.take(message, way, out)
    }

    /// Passes a command on as it is.
    pub(super) fn pass(&mut self, message: Message<'_>, out: &mut Effects) -> Step {
        let length = HEADER_LEN.saturating_add(message.payload.len());
        out.server_lane().forward(message.at, length);
        self.take(message, Way::Server, out)
    }

    /// Passes a command on with `head` in the place of its first `cut` bytes. Only where the length stays the
    /// same may it be longer than one packet.
    pub(super) fn pass_with(
        &mut self,
        message: Message<'_>,
        head: &[u8],
        cut: usize,
        out: &mut Effects,
    ) -> Step {
        let length = message
            .header
            .payload_len()
            .saturating_sub(cut)
            .saturating_add(head.len());
        let length = u32::try_from(length).unwrap_or(frame::MAX_PAYLOAD);
        let lane = out.server_lane();
        lane.inject(|bytes| {
            bytes.extend_from_slice(&frame::header_bytes(length, 0));
            bytes.extend_from_slice(head);
        });
        let start = message.at.saturating_add(HEADER_LEN).saturating_add(cut);
        lane.forward(start, message.payload.len().saturating_sub(cut));
        self.take(message, Way::Server, out)
    }

    /// Notes how much of the command is still to come.
    fn take(&mut self, message: Message<'_>, way: Way, out: &mut Effects) -> Step {
        let taken = HEADER_LEN.saturating_add(message.payload.len());
        let continued = Continued::of(message.header);
        let mut body = Body {
            left: message
                .header
                .payload_len()
                .saturating_sub(message.payload.len()),
            continued,
            number: message.header.sequence,
            way,
            scanner: None,
        };
        if body.left == 0 && continued == Continued::No {
            self.ended(&mut body, out);
        } else {
            self.inbound = Inbound::Body(body);
        }
        Step::Taken(taken)
    }

    /// More of a command that was begun.
    fn go_on(&mut self, rest: &[u8], at: usize, out: &mut Effects) -> Step {
        let Inbound::Body(mut body) = std::mem::replace(&mut self.inbound, Inbound::Idle) else {
            return Step::Taken(0);
        };
        let mut taken = body.left.min(rest.len());
        if body.left == 0 {
            let (Frame::Complete(header) | Frame::Incomplete(header)) = frame::next(rest) else {
                self.inbound = Inbound::Body(body);
                return Step::Wait(Want::More);
            };
            body.number = body.number.wrapping_add(1);
            if header.sequence != body.number {
                return self.violation(ErrorCode::NET_PACKETS_OUT_OF_ORDER, out);
            }
            body.left = header.payload_len();
            body.continued = Continued::of(header);
            taken = HEADER_LEN;
        } else {
            body.left = body.left.saturating_sub(taken);
            if let Some(scanner) = &mut body.scanner {
                scanner.feed(rest.get(..taken).unwrap_or_default());
            }
        }
        if body.way == Way::Server {
            out.server_lane().forward(at, taken);
        }
        if body.left == 0 && body.continued == Continued::No {
            self.ended(&mut body, out);
        } else {
            self.inbound = Inbound::Body(body);
        }
        Step::Taken(taken)
    }

    /// The whole command has been seen.
    fn ended(&mut self, body: &mut Body, out: &mut Effects) {
        let mut sequence = Sequence::after(body.number.wrapping_add(1));
        match body.way {
            Way::Server => {
                let Some(link) = &mut self.link else { return };
                if let Some(exchange) = &mut link.exchange {
                    exchange.sequence = exchange.begun.take().unwrap_or(sequence);
                    if let Some(scanner) = body.scanner.take() {
                        let summary = scanner.finish();
                        let named = Named::of_long(&summary);
                        let (reach, judged) = (exchange.about.reach.take(), exchange.about.judged);
                        exchange.about = About::of(&summary, None).with(named);
                        exchange.about.reach = reach;
                        exchange.about.judged = judged;
                        exchange.goes(&mut link.bodies);
                    }
                    if let Some(step) = link.queue.back_mut() {
                        step.sequence = sequence;
                    }
                }
            }
            Way::Silence => self.verdict = None,
            Way::Nowhere => match self.verdict.take() {
                Some(Verdict::Error(payload)) => {
                    answers::raw(out, &mut sequence, &payload);
                    self.refused(&payload, out);
                    if self.own_end == OwnEnd::Asked {
                        self.own_end = OwnEnd::Told;
                    }
                }
                Some(Verdict::Ok) => {
                    let capabilities = self.config.capabilities;
                    answers::ok(out, &mut sequence, capabilities, self.status);
                }
                Some(Verdict::Pass) | None => {}
            },
        }
    }

    /// A packet of the file that the server asked for.
    fn upload(&mut self, header: Header, at: usize, out: &mut Effects) -> Step {
        let Some(link) = &mut self.link else {
            return Step::Wait(Want::Server);
        };
        let (Some(exchange), Some(step)) = (&mut link.exchange, link.queue.front_mut()) else {
            return Step::Wait(Want::Replies);
        };
        if header.sequence != exchange.sequence.take() {
            return self.violation(ErrorCode::NET_PACKETS_OUT_OF_ORDER, out);
        }
        let number = step.sequence.take();
        let Ok(upload) = step.scanner.upload(header) else {
            return self.violation(ErrorCode::NET_PACKETS_OUT_OF_ORDER, out);
        };
        let lane = out.server_lane();
        if number == header.sequence {
            lane.forward(at, HEADER_LEN);
        } else {
            let bytes = frame::header_bytes(header.length, number);
            lane.inject(|out| out.extend_from_slice(&bytes));
        }
        if header.length > 0 {
            self.inbound = Inbound::File(header.payload_len());
        }
        match upload {
            Upload::Goes => {}
            Upload::Finished => exchange.uploading = Uploading::No,
            Upload::Refused => {
                exchange.uploading = Uploading::No;
                link.queue.pop_front();
                self.exchange_ended(out);
            }
        }
        Step::Taken(HEADER_LEN)
    }

    /// No connection, or none that is set as the client is: the command at hand waits.
    pub(super) fn wait_for_server(&mut self) -> Want {
        self.waiting = Waiting::ForServer;
        Want::Server
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.config.capabilities
    }
}
