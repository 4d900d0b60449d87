//! Texts that may change which statements exist: judged before they are sent.

use tollgate_sql::{Dialect, EffectSet, StringStyle, classify};
use tollgate_wire_postgres::backend::TransactionStatus;
use tollgate_wire_postgres::frame::HEADER_LEN;

use super::names::Change;
use super::own::{NAMING, Roll};
use super::requests::{CHANGES, is_awaited, is_whole, text_of};
use crate::Effects;
use crate::postgres::head::Message;
use crate::postgres::pending::may_change_reading;
use crate::postgres::queue::{Meaning, Touches};
use crate::postgres::unnamed::Remembered;
use crate::postgres::{Session, Want};

impl Session {
    /// What the text behind the first `skip` bytes of the body means, once all that it needs is on the
    /// connection: with the stored code that it calls, if it runs now. `None` if it is too long to be seen whole; then it may need anything.
    pub(in crate::postgres) fn judge(
        &mut self,
        message: Message<'_>,
        skip: usize,
        out: &mut Effects,
    ) -> Result<Option<Meaning>, Want> {
        let copying = self
            .link
            .as_ref()
            .is_some_and(|link| link.takes_copy_data());
        if copying {
            return Ok(None);
        }
        if is_awaited(message) {
            return Err(Want::More);
        }
        if self.names.are_full() {
            return Err(self.settle_first(out));
        }
        let whole = is_whole(message);
        let text = message.bytes.get(HEADER_LEN.saturating_add(skip)..);
        let text = if whole {
            text_of(text.unwrap_or_default())
        } else {
            &[]
        };
        let meaning = whole.then(|| self.meaning(text, out));
        let parse = skip > 0;
        let meaning = match meaning {
            // What stored code does is judged by what there is when the text runs.
            Some(meaning) if !parse => Some(self.with_stored_code(meaning)),
            meaning => meaning,
        };
        let roll = match &meaning {
            Some(meaning) if parse => Roll::before_bind(meaning),
            Some(meaning) if self.looks_at_statements(meaning) => Roll::List,
            Some(meaning) => Roll::before(meaning),
            None => Roll::All,
        };
        let query = (whole && !parse).then_some(text);
        let leaves = match (query, self.link.as_ref()) {
            (Some(query), Some(link)) if link.status == TransactionStatus::Failed => {
                link.leaves_failure(query)
            }
            (Some(_) | None, _) => None,
        };
        match self.call_roll_behind(leaves, &roll, out) {
            Some(want) => Err(want),
            None => Ok(meaning),
        }
    }

    /// The newest request runs a text with this meaning.
    pub(in crate::postgres) fn runs(&mut self, meaning: Meaning) {
        let Some(link) = &mut self.link else {
            return;
        };
        if meaning.effects.intersects(EffectSet::PREPARE) {
            self.names
                .may_do(meaning.effects.without(NAMING), meaning.touched.as_deref());
        }
        if meaning.effects.intersects(CHANGES) {
            link.touches(Touches::Names);
            self.names.sent(Change::Text);
        }
        if meaning.leaves_changes_open() {
            link.study.may_leave_changes_open();
        }
        link.study.runs(meaning.effects);
        let touched = meaning.touched.as_deref();
        link.settings_in_flight |= meaning.effects.intersects(EffectSet::EXECUTE)
            || may_change_reading(meaning.effects, touched);
        link.knowledge.runs(&meaning);
        if let Some(newest) = link.queue.back_mut() {
            newest.meaning = meaning;
        }
    }

    /// The newest request runs a text that is not known yet.
    pub(in crate::postgres) fn runs_anything(&mut self) {
        if let Some(link) = &mut self.link {
            link.settings_in_flight = true;
            link.touches(Touches::Names);
            self.names.sent(Change::Text);
        }
    }

    /// The text of the draft that is being sent has been read.
    pub(in crate::postgres) fn draft_means(&mut self, meaning: Meaning) {
        self.names
            .may_do(meaning.effects.without(NAMING), meaning.touched.as_deref());
        if let Some(draft) = self.names.newest_draft() {
            draft.meaning = meaning;
        }
    }

    /// True if the message, sent while there is no server connection, does nothing but drop a statement
    /// of the client's. It is dropped then, and so is the unnamed one.
    pub(in crate::postgres) fn deallocates(&mut self, message: Message<'_>) -> bool {
        let text = message.header.body(message.bytes);
        let Some(text) = text.strip_suffix(b"\0") else {
            return false;
        };
        if text.len() > MAX_DEALLOCATE || message.bytes.len() < message.header.total {
            return false;
        }
        // Most texts are something else, which need not be found out twice.
        let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
        if self.names.is_empty() || !matches!(first, Some(b'd' | b'D')) {
            return false;
        }
        let summary = classify(Dialect::PostgreSql, StringStyle::Standard, text);
        let Some(name) = summary.name else {
            return false;
        };
        let known = self.names.get(name.as_bytes()).is_some();
        if summary.effects != EffectSet::DEALLOCATE || !known || text.contains(&0) {
            return false;
        }
        self.names.remove(name.as_bytes());
        self.unnamed.change_starts();
        self.unnamed.drop_statement(Remembered::Nothing);
        true
    }
}

/// Bytes of the longest `DEALLOCATE` to answer here.
const MAX_DEALLOCATE: usize = 256;
