//! Giving a server connection the client's settings before the client's first bytes reach it.
//!
//! One Query in the same write as those bytes; its replies are swallowed. It is one transaction block:
//! should a setting be refused, the block stays open and failed, so that what follows is refused as well
//! instead of running under settings that are not the client's.

use memchr::memmem;
use tollgate_wire_postgres::backend::ErrorFields;
use tollgate_wire_postgres::sqlstate::SqlState;
use tollgate_wire_postgres::tag::frontend as tag;

use super::head::Message;
use super::link::{Alignment, Link, Owner, Past, Restored};
use super::pins::Sequences;
use super::queue::{Expected, Kind};
use super::settings::{Certainty, replay};
use super::unnamed::Unnamed;
use super::{Session, Want};
use crate::Effects;

/// Forgets what sequences gave to whoever used the connection before.
const DISCARD_SEQUENCES: &[u8] = b"Q\0\0\0\x16DISCARD SEQUENCES\0";

/// Functions that tell what sequences gave last, as most people spell them. A false alarm costs a
/// moment, and a spelling that is not here is noticed when the text has been read.
const SEQUENCE_READERS: [&[u8]; 4] = [b"currval", b"lastval", b"CURRVAL", b"LASTVAL"];

impl Session {
    /// The connection is new to the session and the client's `message` is about to be sent on it. Returns
    /// what to wait for before it may be.
    pub(super) fn restore(&mut self, message: Message<'_>, out: &mut Effects) -> Option<Want> {
        let link = self.link.as_mut()?;
        match link.restored {
            Restored::Done => return None,
            Restored::Awaited => return Some(Want::Replies),
            Restored::Not => link.restored = Restored::Done,
        }
        let stranger = link.last_user != Some(self.id);
        link.last_user = Some(self.id);
        let forget = stranger && self.may_read_sequences(message);
        let link = self.link.as_mut()?;
        if link.settings.same(&self.settings) && !forget {
            return None;
        }
        let mut certainty = Certainty::Certain;
        let mut queries = 0_u32;
        out.server_lane().inject(|bytes| {
            let replayed = replay(&link.settings, &self.settings, bytes);
            certainty = replayed.certainty;
            queries = replayed.queries;
            if forget {
                bytes.extend_from_slice(DISCARD_SEQUENCES);
                queries = queries.saturating_add(1);
            }
        });
        for _ in 0..queries {
            link.queue.push(Expected::new(Kind::Replay));
        }
        link.settings = self.settings.clone();
        link.past = Past::SettingsTouched;
        link.ran_a_query_of_our_own(&self.unnamed);
        if queries == 0 || (certainty == Certainty::Certain && !may_end_a_transaction(message)) {
            return None;
        }
        link.restored = Restored::Awaited;
        Some(Want::Replies)
    }

    fn may_read_sequences(&self, message: Message<'_>) -> bool {
        let text = matches!(message.header.tag, tag::QUERY | tag::PARSE);
        self.pins.sequences() == Sequences::Read
            || (text
                && SEQUENCE_READERS
                    .iter()
                    .any(|name| memmem::find(message.bytes, name).is_some()))
    }

    /// The server refused a setting it had taken from this client before. The client cannot go on with
    /// others; this is its last error.
    pub(super) fn restore_failed(&mut self, body: &[u8], out: &mut Effects) {
        let refusal = ErrorFields::parse(body).ok();
        let words = refusal
            .as_ref()
            .map_or("no reason given", |fields| &fields.message);
        let text = format!("could not restore the settings of the session: {words}");
        let fields = ErrorFields::fatal(SqlState::CONNECTION_FAILURE, text)
            .hint("Connect again; settings that the server takes only once have to be set anew.");
        self.fatal(&fields, out);
    }
}

/// True if the statement could end a failed transaction block, and what follows it would run.
fn may_end_a_transaction(message: Message<'_>) -> bool {
    let body = message.header.body(message.bytes);
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    message.header.tag == tag::QUERY
        && matches!(
            first.map(u8::to_ascii_lowercase),
            None | Some(b'r' | b'c' | b'e' | b'a' | b'p' | b'-' | b'/' | b';')
        )
}

impl Link {
    /// A Query of our own drops the unnamed statement that the connection has.
    pub(super) fn ran_a_query_of_our_own(&mut self, unnamed: &Unnamed) {
        self.owner = Owner::Nobody;
        self.alignment = match unnamed.serial() {
            None => Alignment::Confirmed,
            Some(_) => Alignment::No,
        };
    }
}
