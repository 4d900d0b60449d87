//! Questions about the statement before: a number is put in the place of each, and conditions are shown from what was
//! kept, where the server connection at hand cannot answer them.

use std::sync::Arc;

use tollgate_sql::mysql::{
    EffectSet, Placement, Question, Server, Span, Subject, Summary, classify,
};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::error_code::ErrorCode;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::output::{self, Out, put_lenenc_bytes};
use tollgate_wire_mysql::reply::{self, ErrPacket, OkPacket};
use tollgate_wire_mysql::status::StatusFlags;

use super::diagnostics::{Conditions, FIRST_ROW, NO_OPEN_CURSOR, Place, Refusal, is_error};
use super::finding::Found;
use super::get_diagnostics::Told;
use super::link::{Left, Multi, Purpose};
use super::rows::text_row;
use super::spelling::Spelled;
use super::{Session, Want, answers};
use crate::Effects;

/// Questions that a number answers.
const NUMBERS: EffectSet = EffectSet::DIAGNOSTICS_VARIABLE
    .union(EffectSet::ROW_COUNT)
    .union(EffectSet::FOUND_ROWS);

/// What reads what the last statement left.
const ASKS: EffectSet = EffectSet::SHOW_WARNINGS
    .union(EffectSet::GET_DIAGNOSTICS)
    .union(NUMBERS);

/// Refusals of commands before they are statements: MySQL has not forgotten the conditions before them.
const NO_STATEMENTS: [u16; 5] = [
    ErrorCode::UNKNOWN_COM.code,
    ErrorCode::WRONG_ARGUMENTS.code,
    ErrorCode::UNKNOWN_STMT_HANDLER.code,
    ErrorCode::MALFORMED_PACKET.code,
    NO_OPEN_CURSOR.code,
];

/// What may read the last insert id.
const READS_INSERT_ID: EffectSet = EffectSet::LAST_INSERT_ID
    .union(EffectSet::LAST_INSERT_ID_SET)
    .union(super::pins::UNSEEN);

/// What a text asks of the statement before it, on a connection where that was not the last to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// These numbers are the answers to the text's questions.
    Numbers(Vec<Replacement>),
    /// Conditions, which were kept.
    Conditions(Shown),
    /// The same, by the first of several statements, which ends here.
    First(Shown, usize),
    /// Items of conditions, or their number.
    Diagnostics(Told),
    /// It cannot be answered any more.
    Gone,
}

/// What of the conditions is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    kind: Kind,
    from: usize,
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    All,
    Errors,
}

/// A text that takes the place of a part of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) span: Span,
    pub(super) placement: Placement,
    pub(super) text: Vec<u8>,
}

/// A prepared statement that asks: its text, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asking {
    text: Vec<u8>,
    summary: Summary,
}

impl Session {
    /// What the text asks of the statement before it, if the server connection cannot answer it.
    pub(super) fn asked(&self, summary: &Summary, text: &[u8]) -> Asked {
        // The server refuses all of it.
        if summary.statements > 1 && self.multi_statements == Multi::Forbidden {
            return Asked::Nothing;
        }
        let of_others = summary.effects.intersects(EffectSet::FOUND_ROWS) && !self.found_here();
        if summary.effects.intersects(ASKS) && (of_others || !self.can_server_answer()) {
            let first = self.first_effects(summary, text);
            let defines = EffectSet::ROUTINE.union(EffectSet::IMPLICIT_COMMIT);
            if first.intersects(ASKS) && !first.intersects(defines) {
                return self.answer(summary, first, text);
            }
        }
        Asked::Nothing
    }

    /// True when what the client ran last was the last on its connection.
    fn can_server_answer(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.left == Left::ByClient)
    }

    /// True when `FOUND_ROWS()` of the server connection is the client's.
    fn found_here(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| matches!(link.found, Found::ByClient(_)))
    }

    /// A text with these effects asks for `FOUND_ROWS()`, which the server may have of others.
    pub(super) fn ask_found_rows(&mut self, effects: EffectSet, out: &mut Effects) -> Option<Want> {
        let asks = effects.intersects(EffectSet::FOUND_ROWS) && !self.found_here();
        asks.then(|| self.keep_what_was_left(out)).flatten()
    }

    /// True for a question that neither the server connection nor we can answer.
    pub(super) fn is_unanswerable(&self, effects: EffectSet) -> bool {
        effects.intersects(ASKS)
            && !effects.intersects(EffectSet::IMPLICIT_COMMIT)
            && !self.can_server_answer()
    }

    fn answer(&self, summary: &Summary, first: EffectSet, text: &[u8]) -> Asked {
        if let Some(shown) = Shown::of(text) {
            return match &self.diagnostics.conditions {
                Conditions::None | Conditions::Kept { .. } => Asked::Conditions(shown),
                Conditions::Unasked | Conditions::Lost => Asked::Gone,
            };
        }
        if first.intersects(EffectSet::GET_DIAGNOSTICS)
            && let Some(told) = self.diagnostics_for(text)
        {
            return Asked::Diagnostics(told);
        }
        if let Some(replacement) = self.counted(text) {
            return Asked::Numbers(vec![replacement]);
        }
        if let Some(leading) = self.leading(summary, text) {
            return leading;
        }
        let others = first.intersection(ASKS).without(NUMBERS);
        let names_all = summary.unlisted_questions.is_empty() && others.is_empty();
        match self.numbers(&summary.questions) {
            Some(numbers) if names_all => Asked::Numbers(numbers),
            Some(_) | None => Asked::Gone,
        }
    }

    /// A text of several statements that begins with `SHOW WARNINGS` or its like, and asks nothing more.
    fn leading(&self, summary: &Summary, text: &[u8]) -> Option<Asked> {
        let (Conditions::None | Conditions::Kept { .. }) = &self.diagnostics.conditions else {
            return None;
        };
        let end = self.first_end(summary, text)?;
        let shown = Shown::of(text.get(..end)?)?;
        let rest = classify(self.mode(), text.get(end..)?);
        let asks_more = self.first_effects(&rest, text.get(end..)?).intersects(ASKS);
        (rest.statements > 0 && !asks_more).then_some(Asked::First(shown, end))
    }

    /// `SHOW COUNT(*) WARNINGS` or `ERRORS`, as the server itself would write the question.
    fn counted(&self, text: &[u8]) -> Option<Replacement> {
        let (conditions, errors) = self.diagnostics.counts()?;
        let mut folded = text.to_ascii_lowercase();
        folded.retain(|byte| !byte.is_ascii_whitespace() && *byte != b';');
        let select = match folded.as_slice() {
            b"showcount(*)warnings" => {
                format!("SELECT CAST('{conditions:021}' AS UNSIGNED) AS `@@session.warning_count`")
            }
            b"showcount(*)errors" => {
                format!("SELECT CAST('{errors:021}' AS UNSIGNED) AS `@@session.error_count`")
            }
            _ => return None,
        };
        Some(Replacement {
            span: Span {
                start: 0,
                end: u64::try_from(text.len()).ok()?,
            },
            placement: Placement::Inner,
            text: select.into_bytes(),
        })
    }

    /// The answers to questions; `None` when one is not known.
    fn numbers(&self, questions: &[Question]) -> Option<Vec<Replacement>> {
        let diagnostics = &self.diagnostics;
        // The width makes MariaDB give the type that the question has. No two questions have the same answer, so that
        // names of columns can be told from it.
        let number = |subject| match subject {
            Subject::RowCount => Some(format!("CAST('{:021}' AS SIGNED)", diagnostics.row_count)),
            Subject::FoundRows => Some(format!(
                "CAST('{:021}'  AS SIGNED)",
                diagnostics.found_rows()?
            )),
            Subject::WarningCount => Some(format!(
                "CAST('{:021}' AS UNSIGNED)",
                diagnostics.counts()?.0
            )),
            Subject::ErrorCount => Some(format!(
                "CAST('{:021}'  AS UNSIGNED)",
                diagnostics.counts()?.1
            )),
        };
        questions
            .iter()
            .map(|question| {
                Some(Replacement {
                    span: question.span,
                    placement: question.placement,
                    text: number(question.subject)?.into_bytes(),
                })
            })
            .collect()
    }

    /// In a text of several statements only the first can ask for what was before the text.
    fn first_effects(&self, summary: &Summary, text: &[u8]) -> EffectSet {
        let first = self
            .first_end(summary, text)
            .and_then(|end| text.get(..end));
        first.map_or(summary.effects, |first| {
            classify(self.mode(), first).effects
        })
    }

    /// Where the first of several statements ends.
    fn first_end(&self, summary: &Summary, text: &[u8]) -> Option<usize> {
        const TRIES: usize = 8;
        if summary.statements <= 1 {
            return None;
        }
        let mode = self.mode();
        // A semicolon inside of a string ends no statement.
        let ends = |end: &usize| {
            let mut probe = text.get(..*end).unwrap_or_default().to_vec();
            probe.extend_from_slice(b" x");
            classify(mode, &probe).statements > 1
        };
        let semicolons = memchr::memchr_iter(b';', text).take(TRIES);
        semicolons.map(|at| at.saturating_add(1)).find(ends)
    }

    /// What the last statement left must be known before anything of our own runs.
    pub(super) fn keep_what_was_left(&mut self, out: &mut Effects) -> Option<Want> {
        let counts = self.diagnostics.counts_unasked();
        let conditions =
            self.diagnostics.conditions == Conditions::Unasked || self.diagnostics.is_failed();
        let link = self.link.as_mut()?;
        if !counts && !conditions {
            return None;
        }
        if link.left == Left::ByUs {
            self.diagnostics.lost();
            return None;
        }
        if conditions {
            link.say(b"SHOW WARNINGS", Purpose::Warnings, out);
        }
        if counts {
            link.say(b"SELECT FOUND_ROWS() LIMIT 1", Purpose::FoundRows, out);
        }
        Some(Want::Replies)
    }

    /// A command was refused here with this ERR, for which the client may ask.
    pub(super) fn refused(&mut self, error: &[u8], out: &mut Effects) {
        let Ok(error) = ErrPacket::parse(error) else {
            return;
        };
        let place = match self.config.server {
            Server::MySql { .. } if NO_STATEMENTS.contains(&error.code) => Place::Behind,
            Server::MySql { .. } | Server::MariaDb { .. } => Place::Instead,
        };
        let mut packets = no_conditions(self.capabilities());
        packets.push(error_row(error.code, error.message));
        let _asked = self.before_answering(out);
        self.answered_here();
        self.diagnostics.refused(Refusal { packets, place });
    }

    /// A command is about to be answered here, of which the server will know nothing: asks for what it would tell of the one
    /// before, and for the status behind an error.
    pub(super) fn before_answering(&mut self, out: &mut Effects) -> Option<Want> {
        let asks = self.can_server_answer();
        asks.then(|| self.keep_what_was_left(out)).flatten()
    }

    /// A command was answered here: from now on the server cannot tell what the client's last one has left.
    pub(super) fn answered_here(&mut self) {
        if let Some(link) = &mut self.link {
            link.left = Left::ByUs;
        }
    }

    /// Shows conditions that were kept, as rows of texts or as those of a prepared statement. The next packet of the reply
    /// has the number that is returned, if there is more of it.
    pub(super) fn show_conditions(
        &mut self,
        shown: Shown,
        form: Form,
        out: &mut Effects,
    ) -> Sequence {
        let capabilities = self.capabilities();
        let status = match form {
            Form::Text | Form::Binary => answers::lasting(self.status),
            Form::TextAndMore => answers::lasting(self.status) | StatusFlags::MORE_RESULTS_EXISTS,
        };
        let packets = match &self.diagnostics.conditions {
            Conditions::Kept { packets } => packets.clone(),
            Conditions::None | Conditions::Unasked | Conditions::Lost => {
                no_conditions(capabilities)
            }
        };
        let mut sequence = Sequence::after(1);
        for packet in packets.iter().take(FIRST_ROW) {
            answers::raw(out, &mut sequence, packet);
        }
        if !capabilities.contains(Capabilities::DEPRECATE_EOF) {
            out.client_lane()
                .inject(|bytes| reply::eof(bytes, &mut sequence, status, 0));
        }
        let rows = packets
            .iter()
            .skip(FIRST_ROW)
            .filter(|row| match shown.kind {
                Kind::All => true,
                Kind::Errors => is_error(row),
            });
        for row in rows.skip(shown.from).take(shown.count) {
            match form {
                Form::Text | Form::TextAndMore => answers::raw(out, &mut sequence, row),
                Form::Binary => {
                    let row = text_row(row).unwrap_or_default();
                    out.client_lane().inject(|bytes| {
                        output::packet(bytes, &mut sequence, |bytes| put_condition(bytes, &row));
                    });
                }
            }
        }
        let end = OkPacket::with_status(status);
        out.client_lane()
            .inject(|bytes| reply::end_of_rows(bytes, &mut sequence, capabilities, &end));
        self.diagnostics.rows_given();
        sequence
    }

    /// What of the statement's text its answers replace.
    pub(super) fn spelled_answers(&self, asking: &Asking) -> Vec<Spelled> {
        let numbers = self.numbers(&asking.summary.questions);
        Spelled::of(&asking.text, &numbers.unwrap_or_default())
    }

    /// The statement's text with the answers to its questions in their places; `None` when they are not known.
    pub(super) fn text_with_answers(&self, asking: &Asking) -> Option<Vec<u8>> {
        let mut replacements = self.numbers(&asking.summary.questions)?;
        replacements.extend(self.our_numbers(&asking.summary));
        Some(with_replacements(&asking.text, replacements))
    }
}

/// True when a text with these effects may read the last insert id.
pub(super) fn reads_insert_id(effects: EffectSet) -> bool {
    effects.intersects(READS_INSERT_ID)
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// Other results follow.
    TextAndMore,
    Binary,
}

impl Asking {
    /// `None`: it asks nothing that a number answers.
    pub(super) fn of(summary: &Summary, text: &[u8]) -> Option<Arc<Self>> {
        let others = summary.effects.intersection(ASKS).without(NUMBERS);
        let whole = summary.unlisted_questions.is_empty() && others.is_empty();
        (whole && !summary.questions.is_empty()).then(|| {
            Arc::new(Self {
                text: text.to_vec(),
                summary: summary.clone(),
            })
        })
    }
}

/// A row of three columns in the binary form ("Binary Protocol Resultset Row"): texts, and a number of 4 bytes
/// between them.
fn put_condition(out: &mut impl Out, row: &[Option<&[u8]>]) {
    let text = |at: usize| row.get(at).copied().flatten().unwrap_or_default();
    let code = std::str::from_utf8(text(1)).ok();
    let code: u32 = code.and_then(|code| code.parse().ok()).unwrap_or_default();
    // The packet's mark, and no column is NULL.
    out.put(&[0, 0]);
    put_lenenc_bytes(out, text(0));
    out.put(&code.to_le_bytes());
    put_lenenc_bytes(out, text(2));
}

/// The text with other texts in the places of some of its parts.
pub(super) fn with_replacements(text: &[u8], mut replacements: Vec<Replacement>) -> Vec<u8> {
    replacements.sort_unstable_by_key(|replacement| replacement.span.start);
    let mut changed = Vec::with_capacity(text.len());
    let mut done = 0_usize;
    for replacement in &replacements {
        let start = usize::try_from(replacement.span.start).unwrap_or(usize::MAX);
        let end = usize::try_from(replacement.span.end).unwrap_or(usize::MAX);
        let (Some(before), Some(replaced)) = (text.get(done..start), text.get(start..end)) else {
            break;
        };
        changed.extend_from_slice(before);
        done = end;
        changed.extend_from_slice(&replacement.text);
        if replacement.placement == Placement::Column && !replaced.contains(&b'`') {
            // The column goes on to be named after what the client wrote.
            changed.extend_from_slice(b" AS `");
            changed.extend_from_slice(replaced);
            changed.push(b'`');
        }
    }
    changed.extend_from_slice(text.get(done..).unwrap_or_default());
    changed
}

impl Shown {
    /// What a text shows that is `SHOW WARNINGS` or `SHOW ERRORS`, perhaps with a limit, and nothing more.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
        let text = text.trim_end_matches(|end: char| end == ';' || end.is_ascii_whitespace());
        let text = text.replace(',', " , ");
        let words: Vec<_> = text.split_ascii_whitespace().collect();
        let (kind, limit) = match words.as_slice() {
            ["show", "warnings", limit @ ..] => (Kind::All, limit),
            ["show", "errors", limit @ ..] => (Kind::Errors, limit),
            _ => return None,
        };
        let (from, count) = match limit {
            [] => (0, usize::MAX),
            ["limit", count] => (0, count.parse().ok()?),
            ["limit", from, ",", count] | ["limit", count, "offset", from] => {
                (from.parse().ok()?, count.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { kind, from, count })
    }
}

/// What `SHOW WARNINGS` is answered with when there is nothing to show, without its last packet.
pub(super) fn no_conditions(capabilities: Capabilities) -> Vec<Vec<u8>> {
    let mut packets = vec![vec![3]];
    for name in ["Level", "Code", "Message"] {
        let mut packet = Vec::new();
        let mut sequence = Sequence::start();
        // The collation utf8mb4_general_ci.
        let name = name.as_bytes();
        reply::column_definition(&mut packet, &mut sequence, capabilities, name, 45);
        packets.push(packet.get(4..).unwrap_or_default().to_vec());
    }
    packets
}

/// An error as a row of `SHOW WARNINGS`.
pub(super) fn error_row(code: u16, message: &[u8]) -> Vec<u8> {
    let mut row = Vec::new();
    for value in [b"Error".as_slice(), code.to_string().as_bytes(), message] {
        put_lenenc_bytes(&mut row, value);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_from_its_text() {
        let shown = |kind, from, count| Some(Shown { kind, from, count });
        for (text, expected) in [
            ("SHOW WARNINGS", shown(Kind::All, 0, usize::MAX)),
            (" show  errors ; ", shown(Kind::Errors, 0, usize::MAX)),
            ("SHOW WARNINGS LIMIT 3", shown(Kind::All, 0, 3)),
            ("SHOW WARNINGS LIMIT 1,2", shown(Kind::All, 1, 2)),
            ("SHOW COUNT(*) WARNINGS", None),
            ("SHOW WARNINGS; SELECT 1", None),
            ("SHOW WARNINGS LIMIT ?", None),
        ] {
            assert_eq!(Shown::of(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_column_keeps_its_name() {
        let replacement = |start, end, placement| Replacement {
            span: Span { start, end },
            placement,
            text: b"1".to_vec(),
        };
        let text = b"SELECT Row_Count(), f(ROW_COUNT())";
        let changed = with_replacements(
            text,
            vec![
                replacement(22, 33, Placement::Inner),
                replacement(7, 18, Placement::Column),
            ],
        );
        assert_eq!(changed, b"SELECT 1 AS `Row_Count()`, f(1)");
    }
}
