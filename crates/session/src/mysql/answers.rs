//! Answers that need no server, in the form the client's capabilities ask for.

use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::{HEADER_LEN, Sequence};
use tollgate_wire_mysql::output::{self, Out};
use tollgate_wire_mysql::reply::{self, OkPacket};
use tollgate_wire_mysql::status::StatusFlags;

use super::Session;
use super::client::Inbound;
use crate::Effects;

/// What of a status is true between commands.
const LASTING: StatusFlags = StatusFlags::IN_TRANS
    .with(StatusFlags::AUTOCOMMIT)
    .with(StatusFlags::NO_BACKSLASH_ESCAPES)
    .with(StatusFlags::IN_TRANS_READONLY)
    .with(StatusFlags::ANSI_QUOTES);

/// The part of a status that says something about the session and not about one result.
pub(super) fn lasting(status: StatusFlags) -> StatusFlags {
    status.both(LASTING)
}

/// Writes an ERR packet.
pub(super) fn error(
    out: &mut Effects,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    error: (ErrorCode, &str),
) {
    let (code, message) = error;
    out.client_lane()
        .inject(|bytes| reply::error(bytes, sequence, capabilities, code, message));
}

impl Session {
    /// What ends the session between two commands: an ERR that answers none of them, as servers send it since
    /// MySQL 8.0.24. `None` while a command is under way: nothing unasked would be understood then.
    pub fn last_words(&self, code: ErrorCode, message: &str) -> Option<Vec<u8>> {
        let exchange = self.link.as_ref().and_then(|link| link.exchange.as_ref());
        let between = exchange.is_none() && matches!(self.inbound, Inbound::Idle);
        let mut packet = Vec::new();
        let mut sequence = Sequence::start();
        reply::error(
            &mut packet,
            &mut sequence,
            self.capabilities(),
            code,
            message,
        );
        (between && self.at_boundary()).then_some(packet)
    }
}

/// The payload of an ERR packet for a client of today.
pub(super) fn error_payload(code: ErrorCode, message: &str) -> Vec<u8> {
    let mut packet = Vec::new();
    let mut sequence = Sequence::start();
    let capabilities = Capabilities::PROTOCOL_41;
    reply::error(&mut packet, &mut sequence, capabilities, code, message);
    packet.split_off(HEADER_LEN.min(packet.len()))
}

/// Writes a payload as a packet.
pub(super) fn raw(out: &mut Effects, sequence: &mut Sequence, payload: &[u8]) {
    out.client_lane()
        .inject(|bytes| output::packet(bytes, sequence, |bytes| bytes.put(payload)));
}

/// Writes an OK packet with nothing but a status.
pub(super) fn ok(
    out: &mut Effects,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    status: StatusFlags,
) {
    let end = OkPacket::with_status(lasting(status));
    out.client_lane()
        .inject(|bytes| reply::ok(bytes, sequence, capabilities, &end));
}

/// Writes what answers `COM_SET_OPTION`: EOF, or OK in its form.
pub(super) fn eof(
    out: &mut Effects,
    sequence: &mut Sequence,
    capabilities: Capabilities,
    status: StatusFlags,
) {
    let end = OkPacket::with_status(lasting(status));
    out.client_lane()
        .inject(|bytes| reply::end_of_rows(bytes, sequence, capabilities, &end));
}
