//! Giving a server connection the client's settings before the client's first bytes reach it.
//!
//! One Query in the same write as those bytes; its replies are swallowed. It is one transaction block:
//! should a setting be refused, the block stays open and failed, so that what follows is refused as well
//! instead of running under settings that are not the client's.
//!
//! What sequences gave last is not moved. It stays with the connection, and a stranger who asks for it is
//! told what he would be told on a connection of his own: that there is nothing yet.

use memchr::memchr2_iter;
use tollgate_sql::{Dialect, EffectSet, classify, statements};
use tollgate_wire_postgres::backend::{self, ErrorFields, TransactionStatus};
use tollgate_wire_postgres::sqlstate::SqlState;
use tollgate_wire_postgres::tag::frontend as tag;

use super::head::Message;
use super::link::{Alignment, Link, Owner, Past, Restored, Segment, SequenceUse};
use super::queue::{Expected, Kind, Meaning, Work};
use super::settings::{Certainty, replay};
use super::statements::text_of;
use super::stored::Consulted;
use super::unnamed::Unnamed;
use super::{Session, Want};
use crate::Effects;

/// Forgets what sequences gave to whoever used the connection before.
const DISCARD_SEQUENCES: &[u8] = b"Q\0\0\0\x16DISCARD SEQUENCES\0";

/// The same amid a text that leaves a failed transaction, which then fails again: nobody has such a savepoint.
const FORGET_AND_FAIL: &[u8] = b"\n;DISCARD SEQUENCES;ROLLBACK TO tollgate\0";

/// Functions that tell what sequences gave last, as people spell them. A false alarm costs a moment.
const SEQUENCE_READERS: [&[u8]; 2] = [b"currval", b"lastval"];

/// Letters of such a name in front of its `v`, and in all.
const BEFORE_V: usize = 4;
const READER: usize = 7;

/// Bytes of a text that are waited for before it is sent to a connection that others have used
/// sequences on. A shell's buffer holds as much.
const MAX_AWAITED: usize = 512 * 1024;

impl Session {
    /// The connection is new to the session and the client's `message` is about to be sent on it. Returns
    /// what to wait for before it may be.
    pub(super) fn restore(&mut self, message: Message<'_>, out: &mut Effects) -> Option<Want> {
        let link = self.link.as_mut()?;
        match link.restored {
            Restored::Done => return None,
            Restored::Awaited | Restored::Consulting => return Some(Want::Replies),
            Restored::Ready => {
                link.restored = Restored::Done;
                return None;
            }
            Restored::Not => link.restored = Restored::Done,
        }
        let consulted = self.consult(out);
        let restored = self.send_settings(message, out);
        if restored.is_none() && consulted == Consulted::No {
            return None;
        }
        if let Some(link) = &mut self.link {
            link.restored = Restored::Awaited;
        }
        Some(Want::Replies)
    }

    fn send_settings(&mut self, message: Message<'_>, out: &mut Effects) -> Option<Want> {
        let link = self.link.as_mut()?;
        if link.last_user.is_some_and(|user| user != self.id) {
            link.sequences = SequenceUse::ByOthers;
        }
        link.last_user = Some(self.id);
        self.keep_what_was_told();
        let link = self.link.as_mut()?;
        if link.settings.same(&self.settings) {
            self.tell_what_differs(out);
            return None;
        }
        let mut certainty = Certainty::Certain;
        let mut queries = 0_u32;
        out.server_lane().inject(|bytes| {
            let replayed = replay(&link.settings, &self.settings, bytes);
            certainty = replayed.certainty;
            queries = replayed.queries;
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
        Some(Want::Replies)
    }

    /// A text is about to be sent. If it may ask what sequences gave last, and that was not to this
    /// client, it is forgotten first. Returns what to wait for before the text may be sent.
    pub(super) fn guard_sequences(
        &mut self,
        message: Message<'_>,
        out: &mut Effects,
    ) -> Option<Want> {
        let link = self.link.as_mut()?;
        let text = matches!(message.header.tag, tag::QUERY | tag::PARSE);
        // Amid the data of a COPY no text is read, and the server will not answer before it has more.
        if link.sequences != SequenceUse::ByOthers || !text || link.takes_copy_data() {
            return None;
        }
        let whole = message.bytes.len() >= message.header.total;
        if !whole && message.header.total <= MAX_AWAITED {
            // To forget without need would not go unseen in a transaction: it counts as a statement.
            link.restored = Restored::Ready;
            return Some(Want::More);
        }
        let reads = names_a_reader(message.bytes);
        if reads || !whole {
            let query = whole && message.header.tag == tag::QUERY;
            let text = query.then(|| text_of(message.header.body(message.bytes)));
            return self.forget_sequences(text, out);
        }
        None
    }

    /// True if a statement may ask for what sequences gave to others, itself or by what it calls.
    pub(super) fn may_read_sequences(&self, meaning: &Meaning) -> bool {
        let by_others = |link: &Link| link.sequences == SequenceUse::ByOthers;
        if !self.link.as_deref().is_some_and(by_others) {
            return false;
        }
        let conduct = self.conduct(meaning);
        let effects = conduct.map_or(EffectSet::NONE, |conduct| conduct.effects);
        let effects = effects.union(meaning.effects);
        effects.intersects(EffectSet::SEQUENCE_READ)
    }

    /// Forgets what sequences gave to others. `query` is the text that is about to be sent, if it is one of a
    /// Query and whole: in a transaction that has failed it may read them only if it ends that first.
    pub(super) fn forget_sequences(
        &mut self,
        query: Option<&[u8]>,
        out: &mut Effects,
    ) -> Option<Want> {
        let link = self.link.as_mut()?;
        if link.sequences != SequenceUse::ByOthers
            || matches!(link.segment, Segment::Skipping | Segment::Refused)
            || link.may_lose_track()
            || link.takes_copy_data()
        {
            return None;
        }
        if !link.queue.is_all_own() {
            // What is on its way may use sequences itself, and that is not to be forgotten, or end a transaction
            // that has failed.
            return Some(match link.segment {
                Segment::Open => self.settle_first(out),
                Segment::Closed | Segment::Skipping | Segment::Refused => Want::Replies,
            });
        }
        if link.status == TransactionStatus::Failed {
            let leaves = query.and_then(|query| link.leaves_failure(query));
            if let (Some(leaves), true) = (leaves, link.queue.is_empty()) {
                let text = [leaves, FORGET_AND_FAIL].concat();
                out.server_lane()
                    .inject(|bytes| backend::raw(bytes, tag::QUERY, &text));
                link.queue.push(Expected::new(Kind::Replay));
                link.ran_a_query_of_our_own(&self.unnamed);
            }
            return None;
        }
        if link.segment == Segment::Open {
            link.run_aside(b"discard sequences", Work::None, out);
            link.sequences = SequenceUse::Unused;
            return None;
        }
        out.server_lane()
            .inject(|bytes| bytes.extend_from_slice(DISCARD_SEQUENCES));
        link.queue.push(Expected::new(Kind::Replay));
        link.sequences = SequenceUse::Unused;
        link.ran_a_query_of_our_own(&self.unnamed);
        None
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
            None | Some(0 | b'r' | b'c' | b'e' | b'a' | b'p' | b'-' | b'/' | b';')
        )
}

impl Link {
    /// What is to be done ahead of this text, which may be about to end the failed transaction and go on: the
    /// same as it does first. `None` if it will be refused.
    pub(super) fn leaves_failure<'a>(&self, query: &'a [u8]) -> Option<&'a [u8]> {
        let style = self.parameters.style();
        let spans = statements(Dialect::PostgreSql, style, query).into_iter();
        let mut all = spans.filter_map(|span| query.get(span));
        let summary = |statement: &[u8]| classify(Dialect::PostgreSql, style, statement);
        let first = all.find(|statement| summary(statement).statements > 0)?;
        let effects = summary(first).effects;
        if effects.intersects(EffectSet::ROLLBACK_TO) {
            return Some(first);
        }
        let ends = effects.intersects(EffectSet::COMMIT.union(EffectSet::ROLLBACK));
        // It keeps the characteristics of the transaction, for the text may do so as well.
        ends.then_some(b"ROLLBACK AND CHAIN")
    }

    /// A Query of our own drops the unnamed statement that the connection has.
    pub(super) fn ran_a_query_of_our_own(&mut self, unnamed: &Unnamed) {
        self.owner = Owner::Nobody;
        self.alignment = match unnamed.serial() {
            None => Alignment::Confirmed,
            Some(_) => Alignment::No,
        };
    }
}

/// True if one of the names is in the bytes. Looks for their rarest letter, which costs less than to search for each.
fn names_a_reader(bytes: &[u8]) -> bool {
    memchr2_iter(b'v', b'V', bytes).any(|at| {
        let start = at.checked_sub(BEFORE_V);
        let name = start.and_then(|start| bytes.get(start..start.saturating_add(READER)));
        name.is_some_and(|name| {
            SEQUENCE_READERS
                .iter()
                .any(|reader| name.eq_ignore_ascii_case(reader))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::names_a_reader;

    #[test]
    fn readers_of_sequences_are_found_wherever_they_stand() {
        for text in [
            "select lastval()",
            "currval",
            "SELECT 1, CURRVAL('s')",
            "vcurrVal(",
            "lastvallastval",
        ] {
            assert!(names_a_reader(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "v",
            "val",
            "astval(1)",
            "select value from last",
            "nextval('s')",
            "currva",
        ] {
            assert!(!names_a_reader(text.as_bytes()), "{text}");
        }
    }
}
