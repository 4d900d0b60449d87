//! Making an idle server connection clean, or proving that it still is, when no client is using it.

use tollgate_wire_mysql::command as wire;
use tollgate_wire_mysql::frame::{self, Frame, HEADER_LEN};
use tollgate_wire_mysql::reply::ReplyKind;

use super::align::baseline_read;
use super::link::{Clean, Link, Profiles, Purpose, ServerState, Trust};
use super::own::{OwnPacket, OwnReply};
use super::rows::text_row;
use crate::{Effects, Piece};

/// A server connection that is being made clean.
///
/// Send `bytes` once, then give it what the server answers. If that takes too long, or the connection
/// breaks, drop the machine and close the connection.
#[derive(Debug)]
pub struct Cleanup {
    link: Box<Link>,
    bytes: Vec<u8>,
}

/// How far the server's answer has come.
#[derive(Debug)]
pub enum CleanupEvent {
    /// More is to come.
    More(Cleanup),
    /// The connection is clean.
    Clean(Clean),
    /// It is not and will not be: close it.
    Failed,
}

/// What became of some bytes of the server.
#[derive(Debug)]
pub struct CleanupProgress {
    /// Bytes of the input that are done with; give the rest again with more behind it.
    pub consumed: usize,
    /// What they meant.
    pub event: CleanupEvent,
}

impl Cleanup {
    /// Tests an idle connection with `COM_PING`.
    pub fn keepalive(state: ServerState) -> Self {
        let mut link = state.0;
        let mut bytes = Vec::new();
        wire::ping(&mut bytes);
        link.expect(Purpose::Restore, ReplyKind::Single, 0);
        Self { link, bytes }
    }

    /// Makes a new connection report what happens on it, before anybody waits for it.
    pub fn arming(state: ServerState) -> Self {
        let mut link = state.0;
        let mut out = Effects::new();
        link.arm(&mut out);
        link.read_book(&mut out);
        let bytes = bytes_of(&out);
        Self { link, bytes }
    }

    /// Ends what the last client left, behind the answers to what was asked for it.
    pub(super) fn after_session(mut link: Box<Link>) -> Self {
        let mut bytes = Vec::new();
        wire::reset_connection(&mut bytes);
        link.expect(Purpose::Reset, ReplyKind::Single, 0);
        let mut out = Effects::new();
        link.arm(&mut out);
        if link.profiles == Profiles::Kept {
            link.forget_profiles(&mut out);
        }
        bytes.extend(bytes_of(&out));
        // Everything that was in doubt is reset and read anew.
        link.trust = Trust::Known;
        Self { link, bytes }
    }

    /// What to send to the server.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Looks at bytes of the server.
    pub fn on_server(mut self, input: &[u8]) -> CleanupProgress {
        let mut consumed = 0_usize;
        let event = loop {
            let rest = input.get(consumed..).unwrap_or_default();
            if self.link.queue.is_empty() {
                break self.finished(rest);
            }
            let (Frame::Complete(header) | Frame::Incomplete(header)) = frame::next(rest) else {
                break CleanupEvent::More(self);
            };
            let payload = header.payload(rest);
            match self.link.own_packet(header, payload) {
                OwnPacket::Incomplete => break CleanupEvent::More(self),
                OwnPacket::More => {}
                OwnPacket::Done(reply) => {
                    if !self.done(&reply) {
                        break CleanupEvent::Failed;
                    }
                }
                OwnPacket::Wrong => break CleanupEvent::Failed,
            }
            let length = HEADER_LEN.saturating_add(payload.len());
            consumed = consumed.saturating_add(length);
        };
        CleanupProgress { consumed, event }
    }

    fn done(&mut self, reply: &OwnReply) -> bool {
        match &reply.purpose {
            Purpose::Warnings
            | Purpose::InsertId
            | Purpose::FoundRows
            | Purpose::Ask(_)
            | Purpose::UserVariables(_)
            | Purpose::Locks(_)
            | Purpose::Table(_)
            | Purpose::Bodies(_)
            | Purpose::Role
            | Purpose::PreparedText(_) => true,
            Purpose::Book(page) => {
                let told = reply.error.is_none().then_some(reply.packets.as_slice());
                let server = self.link.config.server;
                self.link.bodies.book_told(server, *page, told);
                true
            }
            Purpose::Reset => {
                self.link.was_reset();
                reply.error.is_none()
            }
            Purpose::Arm | Purpose::Restore => reply.error.is_none(),
            Purpose::Baseline => {
                let row = reply.packets.last().and_then(|row| text_row(row));
                row.is_some_and(|row| baseline_read(&mut self.link, &row))
            }
            Purpose::Client
            | Purpose::RestoreAwaited
            | Purpose::Schema(_)
            | Purpose::Prepare(_) => false,
        }
    }

    fn finished(self, rest: &[u8]) -> CleanupEvent {
        // Anything behind the last reply is nothing we asked for.
        if rest.is_empty() && self.link.is_quiet() {
            CleanupEvent::Clean(self.link.into_clean())
        } else {
            CleanupEvent::Failed
        }
    }
}

fn bytes_of(effects: &Effects) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in effects.to_server() {
        if let Piece::Injected(piece) = piece {
            bytes.extend_from_slice(piece);
        }
    }
    bytes
}
