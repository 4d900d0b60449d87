//! Questions about the statement before: a number is put in the place of each, and conditions are shown from what was
//! kept, where the server connection at hand cannot answer them.

use std::sync::Arc;

use tollgate_sql::mysql::{EffectSet, Placement, Question, Span, Subject, Summary, classify};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::output::{self, Out, put_lenenc_bytes};
use tollgate_wire_mysql::reply::{self, OkPacket};

use super::diagnostics::{Conditions, FIRST_ROW, is_error};
use super::link::{Left, Purpose};
use super::rows::text_row;
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
        if summary.effects.intersects(ASKS) && !self.can_server_answer() {
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
                Conditions::Unasked { .. } | Conditions::Lost => Asked::Gone,
            };
        }
        if let Some(replacement) = self.counted(text) {
            return Asked::Numbers(vec![replacement]);
        }
        let others = first.intersection(ASKS).without(NUMBERS);
        let names_all = summary.unlisted_questions.is_empty() && others.is_empty();
        match self.numbers(&summary.questions) {
            Some(numbers) if names_all => Asked::Numbers(numbers),
            Some(_) | None => Asked::Gone,
        }
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
        // The width makes MariaDB give the type that the question has.
        let number = |subject| match subject {
            Subject::RowCount => Some(format!("CAST('{:021}' AS SIGNED)", diagnostics.row_count)),
            Subject::FoundRows => Some(format!(
                "CAST('{:021}' AS SIGNED)",
                diagnostics.found_rows()?
            )),
            Subject::WarningCount => Some(format!(
                "CAST('{:021}' AS UNSIGNED)",
                diagnostics.counts()?.0
            )),
            Subject::ErrorCount => Some(format!(
                "CAST('{:021}' AS UNSIGNED)",
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
        const TRIES: usize = 8;
        if summary.statements <= 1 {
            return summary.effects;
        }
        let mode = self.mode();
        for end in memchr::memchr_iter(b';', text).take(TRIES) {
            let first = text.get(..=end).unwrap_or_default();
            let mut probe = first.to_vec();
            probe.extend_from_slice(b" x");
            // A semicolon inside of a string ends no statement.
            if classify(mode, &probe).statements > 1 {
                return classify(mode, first).effects;
            }
        }
        summary.effects
    }

    /// What the last statement left must be known before anything of our own runs.
    pub(super) fn keep_what_was_left(&mut self, out: &mut Effects) -> Option<Want> {
        let counts = self.diagnostics.counts_unasked();
        let conditions = matches!(self.diagnostics.conditions, Conditions::Unasked { .. });
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

    /// Shows conditions that were kept, as rows of texts or as those of a prepared statement.
    pub(super) fn show_conditions(&mut self, shown: Shown, form: Form, out: &mut Effects) {
        let (capabilities, status) = (self.capabilities(), answers::lasting(self.status));
        let packets = match &self.diagnostics.conditions {
            Conditions::Kept { packets } => packets.clone(),
            Conditions::None | Conditions::Unasked { .. } | Conditions::Lost => {
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
                Form::Text => answers::raw(out, &mut sequence, row),
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
        self.diagnostics.shown();
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
fn no_conditions(capabilities: Capabilities) -> Vec<Vec<u8>> {
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
