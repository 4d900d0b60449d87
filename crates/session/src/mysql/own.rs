//! Replies to commands of our own: read whole, heeded, and not passed on.

use tollgate_wire_mysql::command as wire;
use tollgate_wire_mysql::frame::Header;
use tollgate_wire_mysql::reply::{Part, Prepared, Then, read_end};

use super::align::baseline_read;
use super::diagnostics::{Conditions, Doubt};
use super::ending::{Heed, heed};
use super::link::{InsertId, Link, Listed, Purpose, Trust};
use super::rows::text_row;
use super::server::Looked;
use super::settings::{Meaning, is_at_rest};
use super::{Session, Verdict};
use crate::{Effects, PinReason};

/// Longest packet of a reply to us; a longer one is none.
const MAX_PACKET: usize = 1024 * 1024;

/// What one packet was.
pub(super) enum OwnPacket {
    /// It has not arrived completely.
    Incomplete,
    /// The reply goes on.
    More,
    /// The reply is over.
    Done(Box<OwnReply>),
    Wrong,
}

/// A whole reply.
pub(super) struct OwnReply {
    pub(super) purpose: Purpose,
    /// The payload of an ERR.
    pub(super) error: Option<Vec<u8>>,
    pub(super) packets: Vec<Vec<u8>>,
    pub(super) prepared: Option<Prepared>,
    /// What was reported at its end.
    pub(super) changes: Vec<u8>,
}

impl Link {
    /// Reads a packet that answers the command of ours in front of the queue.
    pub(super) fn own_packet(&mut self, header: Header, payload: &[u8]) -> OwnPacket {
        let length = header.payload_len();
        if length > MAX_PACKET {
            return OwnPacket::Wrong;
        }
        if payload.len() < length {
            return OwnPacket::Incomplete;
        }
        let capabilities = self.config.capabilities;
        let Some(step) = self.queue.front_mut() else {
            return OwnPacket::Wrong;
        };
        if step.sequence.check(header).is_err() {
            return OwnPacket::Wrong;
        }
        let Ok(Some(seen)) = step.scanner.packet(header, payload) else {
            return OwnPacket::Wrong;
        };
        let mut error = None;
        let mut changes = Vec::new();
        let mut prepared = None;
        match seen.part {
            Part::Error { .. } => {
                self.listed = Listed::Something;
                error = Some(payload.to_vec());
            }
            Part::End { .. } => {
                let Ok((_, end)) = read_end(payload, capabilities) else {
                    return OwnPacket::Wrong;
                };
                self.status = end.head.status;
                self.listed = self.listed.and(end.head.warnings);
                changes = end.changes.to_vec();
            }
            Part::Prepared(found) => prepared = Some(found),
            Part::Columns { .. }
            | Part::Definition { .. }
            | Part::Row
            | Part::DefinitionsEnd { .. }
            | Part::Progress
            | Part::Continued => {}
            Part::FileRequest | Part::Text | Part::Login | Part::Stream => return OwnPacket::Wrong,
        }
        step.prepared = prepared.or(step.prepared);
        if matches!(
            seen.part,
            Part::Columns { .. } | Part::Definition { .. } | Part::Row
        ) {
            step.packets.push(payload.to_vec());
        }
        if seen.then == Then::More {
            return OwnPacket::More;
        }
        self.own_done(error, changes)
    }

    /// The reply to the command of ours in front of the queue is whole.
    fn own_done(&mut self, error: Option<Vec<u8>>, changes: Vec<u8>) -> OwnPacket {
        let Some(step) = self.queue.pop_front() else {
            return OwnPacket::Wrong;
        };
        self.found = self.found.behind_ours(&step, error.as_deref());
        OwnPacket::Done(Box::new(OwnReply {
            purpose: step.purpose,
            error,
            packets: step.packets,
            prepared: step.prepared,
            changes,
        }))
    }
}

impl Session {
    /// A reply to us is here.
    pub(super) fn own_reply(&mut self, reply: OwnReply, out: &mut Effects) -> Looked {
        let error = reply.error.clone();
        match (&reply.purpose, error) {
            (
                Purpose::Arm
                | Purpose::Baseline
                | Purpose::Restore
                | Purpose::Reset
                | Purpose::InsertId,
                Some(_),
            )
            | (Purpose::Client, _) => return Looked::OutOfSync,
            (
                Purpose::Arm | Purpose::Restore | Purpose::RestoreAwaited | Purpose::Schema(_),
                None,
            ) => {}
            (Purpose::Reset, None) => self.variables_given_up(),
            (Purpose::Baseline, None) => {
                let Some(link) = &mut self.link else {
                    return Looked::OutOfSync;
                };
                let row = reply.packets.last().and_then(|row| text_row(row));
                if !row.is_some_and(|row| baseline_read(link, &row)) {
                    return Looked::OutOfSync;
                }
                self.baseline = link.baseline.clone();
            }
            (Purpose::RestoreAwaited, Some(error)) => {
                if let Some(link) = &mut self.link {
                    link.trust = Trust::Lost;
                }
                self.verdict = Some(Verdict::Error(error));
            }
            (Purpose::Schema(before), Some(error)) => {
                if let Some(link) = &mut self.link {
                    link.settings.schema.clone_from(before);
                }
                self.verdict = Some(Verdict::Error(error));
            }
            (Purpose::Prepare(_), Some(error)) => self.verdict = Some(Verdict::Error(error)),
            (Purpose::Prepare(id), None) => {
                let Some(prepared) = reply.prepared else {
                    return Looked::OutOfSync;
                };
                self.made_again(*id, prepared, out);
            }
            (Purpose::Warnings, Some(_)) => self.diagnostics.know(Conditions::Lost),
            (Purpose::Warnings, None) => {
                self.heed_late(&reply.changes);
                self.diagnostics.conditions_told(reply.packets);
            }
            (Purpose::InsertId, None) => self.insert_id_told(&reply),
            (
                Purpose::FoundRows
                | Purpose::UserVariables(_)
                | Purpose::Locks(_)
                | Purpose::Table(_)
                | Purpose::Bodies(_)
                | Purpose::Book(_)
                | Purpose::Role
                | Purpose::PreparedText(_),
                error,
            ) => self.inquiry_told(&reply, error.as_deref()),
            (Purpose::Ask(_), Some(_)) => self.pins.hold(PinReason::SessionSetting),
            (Purpose::Ask(names), None) => {
                let names = names.clone();
                self.variables_told(&names, &reply);
            }
        }
        Looked::Taken
    }

    /// What was asked before the connection goes.
    fn inquiry_told(&mut self, reply: &OwnReply, error: Option<&[u8]>) {
        let told = error.is_none().then_some(reply.packets.as_slice());
        let packets = told.unwrap_or_default();
        match &reply.purpose {
            Purpose::FoundRows => self.diagnostics.found_rows_told(packets),
            Purpose::UserVariables(names) => self.user_variables_told(names, packets),
            Purpose::Locks(names) => self.pins.ledger.told(names, packets),
            Purpose::Table(table) => {
                let answer = error.map_or(Ok(packets), |error| Err(error_code(error)));
                self.pins.ledger.table_told(table, answer);
            }
            Purpose::Bodies(asked) => self.bodies_told(asked, told),
            Purpose::Book(page) => {
                let server = self.config.server;
                if let Some(link) = &mut self.link {
                    link.bodies.book_told(server, *page, told);
                }
            }
            Purpose::Role => self.role_told(told),
            Purpose::PreparedText(name) => self.prepared_told(name, packets),
            Purpose::Client
            | Purpose::Arm
            | Purpose::Baseline
            | Purpose::Restore
            | Purpose::RestoreAwaited
            | Purpose::Schema(_)
            | Purpose::Prepare(_)
            | Purpose::Warnings
            | Purpose::InsertId
            | Purpose::Ask(_)
            | Purpose::Reset => {}
        }
    }

    /// What an error kept back is reported with the next reply.
    fn heed_late(&mut self, changes: &[u8]) {
        if let Heed::StateChanged = heed(self, changes) {
            self.change_reported_late();
        }
        if let Some(link) = &self.link {
            self.status = link.status;
        }
    }

    fn insert_id_told(&mut self, reply: &OwnReply) {
        let row = reply.packets.last().and_then(|row| text_row(row));
        let value = row.and_then(|row| row.first().copied().flatten());
        let Some((value, link)) = value.zip(self.link.as_mut()) else {
            return;
        };
        // From 0 it has not moved: an id that was given explicitly is reported, but not kept.
        if link.insert_id == InsertId::Clients || value != b"0" {
            self.diagnostics.insert_id_told(value);
        }
        self.diagnostics.insert_id_doubt = Doubt::No;
        link.insert_id = InsertId::Zero;
    }

    fn variables_told(&mut self, names: &[Vec<u8>], reply: &OwnReply) {
        let row = reply.packets.last().and_then(|row| text_row(row));
        let Some((row, link)) = row.zip(self.link.as_mut()) else {
            self.pins.hold(PinReason::SessionSetting);
            return;
        };
        for (name, value) in names.iter().zip(row) {
            match Meaning::of(name) {
                Meaning::Moves => {
                    self.settings.set(name, value);
                    link.settings.set(name, value);
                }
                Meaning::Tracking => self.subscription.set(name, value),
                Meaning::Bound if is_at_rest(name, value) => self.pins.rests(name),
                Meaning::Bound | Meaning::Clock => self.pins.bind(name),
                Meaning::Passing | Meaning::InsertId => {}
            }
        }
    }

    /// The role, or nothing if the server does not tell.
    fn role_told(&mut self, told: Option<&[Vec<u8>]>) {
        let row = told
            .and_then(<[Vec<u8>]>::last)
            .and_then(|row| text_row(row));
        let value = row.and_then(|row| row.first().copied());
        match (value, &mut self.link) {
            (Some(value), Some(link)) => {
                let role = link.role_told(value);
                self.settings.role.clone_from(&role);
                link.settings.role = role;
            }
            (_, _) => self.pins.hold(PinReason::Unknown),
        }
    }

    /// The text of a statement of SQL `PREPARE`, as the last cell of the answer.
    fn prepared_told(&mut self, name: &[u8], packets: &[Vec<u8>]) {
        let row = packets.last().and_then(|row| text_row(row));
        if let Some(text) = row.and_then(|row| row.first().copied().flatten())
            && let Some(about) = self.about_prepared(text)
        {
            self.pins.prepared_is(name, about);
        }
    }

    /// Closes statements on the server connection.
    pub(super) fn close_on_server(out: &mut Effects, ids: &[u32]) {
        for id in ids {
            out.server_lane()
                .inject(|bytes| wire::stmt_close(bytes, *id));
        }
    }
}

/// The number in the payload of an ERR.
fn error_code(payload: &[u8]) -> u16 {
    let code = payload.get(1..).and_then(|code| code.first_chunk::<2>());
    code.map_or(0, |code| u16::from_le_bytes(*code))
}
