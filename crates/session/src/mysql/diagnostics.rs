//! What a statement leaves for the next one to ask: counts, insert id and conditions, kept when the connection goes.

use tollgate_sql::mysql::{EffectSet, classify};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::reply::{self, OkPacket};

use super::exchange::{Exchange, Outcome};
use super::rows::text_row;
use super::{Session, answers};
use crate::Effects;

/// Statements that read the conditions and leave them as they are.
const READS_CONDITIONS: EffectSet = EffectSet::SHOW_WARNINGS.union(EffectSet::GET_DIAGNOSTICS);

/// What reads what the last statement left.
const ASKS: EffectSet = EffectSet::SHOW_WARNINGS
    .union(EffectSet::GET_DIAGNOSTICS)
    .union(EffectSet::DIAGNOSTICS_VARIABLE)
    .union(EffectSet::ROW_COUNT)
    .union(EffectSet::FOUND_ROWS);

/// What may read the last insert id.
const READS_INSERT_ID: EffectSet = EffectSet::LAST_INSERT_ID
    .union(EffectSet::LAST_INSERT_ID_SET)
    .union(super::pins::UNSEEN);

/// What changes it without its being told.
const CHANGES_INSERT_ID: EffectSet = EffectSet::LAST_INSERT_ID_SET
    .union(EffectSet::CALL)
    .union(EffectSet::EXECUTE)
    .union(EffectSet::EXECUTE_IMMEDIATE)
    .union(EffectSet::COMPOUND);

/// Conditions larger than this are not kept, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// What the client's last statement left.
#[derive(Debug)]
pub(super) struct Diagnostics {
    row_count: i64,
    found_rows: FoundRows,
    insert_id: Box<[u8]>,
    pub(super) insert_id_doubt: Doubt,
    pub(super) conditions: Conditions,
}

/// What `FOUND_ROWS()` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FoundRows {
    Known(u64),
    /// Only the server knows.
    Unasked,
    /// Nobody knows.
    Lost,
}

/// Whether the insert id is to be asked for before the connection goes: what a reply reports is also the value
/// of a column that was set explicitly, which `LAST_INSERT_ID()` never shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    No,
    Yes,
}

/// Warnings and errors of the last statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conditions {
    None,
    /// There are some, which only the server knows; after an error neither is the transaction known.
    Unasked {
        failed: Failed,
    },
    /// The reply to `SHOW WARNINGS`: column count, definitions and rows.
    Kept {
        packets: Vec<Vec<u8>>,
        rows: usize,
    },
    /// There are some, and nobody knows them.
    Lost,
}

/// Whether the statement failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    Yes,
    No,
}

/// What a text asks of the statement before it, on a connection where that did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    InsertId,
    /// It can be answered from what was kept.
    Answered,
    /// It cannot be answered any more.
    Gone,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            row_count: 0,
            found_rows: FoundRows::Known(0),
            insert_id: b"0".as_slice().into(),
            insert_id_doubt: Doubt::No,
            conditions: Conditions::None,
        }
    }
}

impl Diagnostics {
    pub(super) fn insert_id(&self) -> &[u8] {
        &self.insert_id
    }

    pub(super) fn insert_id_told(&mut self, id: &[u8]) {
        self.insert_id = id.into();
    }

    pub(super) fn is_failed(&self) -> bool {
        let failed = Failed::Yes;
        self.conditions == Conditions::Unasked { failed }
    }

    /// A command without rows or counts was answered: `ROW_COUNT()` is 0 behind it (observed on both families).
    pub(super) fn nothing_counted(&mut self) {
        self.row_count = 0;
    }

    /// A command was refused here.
    pub(super) fn refused(&mut self, _payload: Vec<u8>) {
        self.row_count = -1;
        self.conditions = Conditions::Lost;
    }

    /// A command was answered by the server.
    pub(super) fn ran(&mut self, exchange: &Exchange) {
        let effects = exchange.about.effects;
        match &exchange.heard.outcome {
            Outcome::Unknown => {}
            Outcome::Failed => {
                self.row_count = -1;
                let failed = Failed::Yes;
                self.conditions = Conditions::Unasked { failed };
            }
            Outcome::Done { head, rows } => {
                self.row_count = match rows {
                    Some(_) => -1,
                    None => i64::try_from(head.affected_rows).unwrap_or(-1),
                };
                if effects.intersects(EffectSet::CALC_FOUND_ROWS) {
                    self.found_rows = FoundRows::Unasked;
                } else if let Some(rows) = rows {
                    self.found_rows = FoundRows::Known(*rows);
                }
                if !effects.intersects(READS_CONDITIONS) {
                    let failed = Failed::No;
                    self.conditions = match head.warnings {
                        0 => Conditions::None,
                        _ => Conditions::Unasked { failed },
                    };
                }
            }
        }
        if exchange.heard.insert_id != 0 || effects.intersects(CHANGES_INSERT_ID) {
            self.insert_id_doubt = Doubt::Yes;
        }
    }

    pub(super) fn counts_unasked(&self) -> bool {
        self.found_rows == FoundRows::Unasked
    }

    /// `SELECT FOUND_ROWS()` was answered with these packets, the last left out.
    pub(super) fn found_rows_told(&mut self, packets: &[Vec<u8>]) {
        let row = packets.last().and_then(|row| text_row(row));
        let found = row.and_then(|row| row.first().copied().flatten());
        let found = found.and_then(|found| std::str::from_utf8(found).ok());
        self.found_rows = match found.and_then(|found| found.parse().ok()) {
            Some(found) => FoundRows::Known(found),
            None => FoundRows::Lost,
        };
    }

    /// `SHOW WARNINGS` was answered with these packets, the last left out.
    pub(super) fn conditions_told(&mut self, packets: Vec<Vec<u8>>) {
        let size: usize = packets.iter().map(Vec::len).sum();
        // A count and three definitions come first.
        let rows = packets.len().saturating_sub(4);
        self.conditions = if size > MAX_KEPT {
            Conditions::Lost
        } else if rows == 0 {
            Conditions::None
        } else {
            Conditions::Kept { packets, rows }
        };
    }
}

impl Session {
    /// What the text asks of the statement before it, if that ran elsewhere.
    pub(super) fn asked(&self, effects: EffectSet, text: &[u8]) -> Asked {
        let here = self.link.as_ref().is_some_and(|link| link.commands > 0);
        if !here && effects.intersects(ASKS) && self.asks_the_one_before(text) {
            return match self.local_answer(text) {
                Some(_) => Asked::Answered,
                None => Asked::Gone,
            };
        }
        if effects.intersects(READS_INSERT_ID) {
            return Asked::InsertId;
        }
        Asked::Nothing
    }

    /// In a text of several statements only the first can ask for what was before the text.
    fn asks_the_one_before(&self, text: &[u8]) -> bool {
        const TRIES: usize = 8;
        let mode = self.mode();
        let ends = memchr::memchr_iter(b';', text).take(TRIES);
        for end in ends {
            let first = text.get(..=end).unwrap_or_default();
            let mut probe = first.to_vec();
            probe.extend_from_slice(b" x");
            // A semicolon inside of a string ends no statement.
            if classify(mode, &probe).statements > 1 {
                return classify(mode, first).effects.intersects(ASKS);
            }
        }
        true
    }

    fn local_answer(&self, text: &[u8]) -> Option<Local> {
        let bare = Bare::of(text)?;
        match bare {
            Bare::RowCount => Some(Local::Number(self.diagnostics.row_count.to_string())),
            Bare::FoundRows => match self.diagnostics.found_rows {
                FoundRows::Known(found) => Some(Local::Number(found.to_string())),
                FoundRows::Unasked | FoundRows::Lost => None,
            },
            Bare::Warnings => match &self.diagnostics.conditions {
                Conditions::None => Some(Local::NoConditions),
                Conditions::Kept { .. } => Some(Local::Conditions),
                Conditions::Unasked { .. } | Conditions::Lost => None,
            },
            Bare::WarningCount => match &self.diagnostics.conditions {
                Conditions::None => Some(Local::Number("0".to_owned())),
                Conditions::Kept { rows, .. } => Some(Local::Number(rows.to_string())),
                Conditions::Unasked { .. } | Conditions::Lost => None,
            },
        }
    }

    /// Answers a text that `asked` found to be answerable.
    pub(super) fn answer_diagnostics(&mut self, text: &[u8], out: &mut Effects) {
        let (capabilities, status) = (self.capabilities(), self.status);
        match self.local_answer(text) {
            None => {}
            Some(Local::Number(value)) => {
                let name = column_name(text);
                answers::number(out, capabilities, status, (name, &value));
                self.diagnostics.row_count = -1;
                self.diagnostics.found_rows = FoundRows::Known(1);
            }
            Some(Local::NoConditions) => self.show_conditions(&no_conditions(capabilities), out),
            Some(Local::Conditions) => {
                if let Conditions::Kept { packets, .. } = self.diagnostics.conditions.clone() {
                    self.show_conditions(&packets, out);
                }
            }
        }
    }

    fn show_conditions(&self, packets: &[Vec<u8>], out: &mut Effects) {
        let (capabilities, status) = (self.capabilities(), answers::lasting(self.status));
        let mut sequence = Sequence::after(1);
        for (at, packet) in packets.iter().enumerate() {
            answers::raw(out, &mut sequence, packet);
            if at == 3 && !capabilities.contains(Capabilities::DEPRECATE_EOF) {
                out.client_lane()
                    .inject(|bytes| reply::eof(bytes, &mut sequence, status, 0));
            }
        }
        let end = OkPacket::with_status(status);
        out.client_lane()
            .inject(|bytes| reply::end_of_rows(bytes, &mut sequence, capabilities, &end));
    }
}

/// How a question is answered without a server.
#[derive(Debug)]
enum Local {
    Number(String),
    Conditions,
    NoConditions,
}

/// Questions in their shortest form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bare {
    RowCount,
    FoundRows,
    Warnings,
    WarningCount,
}

impl Bare {
    fn of(text: &[u8]) -> Option<Self> {
        let mut folded: Vec<u8> = text
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(u8::to_ascii_lowercase)
            .collect();
        while folded.last() == Some(&b';') {
            folded.pop();
        }
        match folded.as_slice() {
            b"selectrow_count()" => Some(Self::RowCount),
            b"selectfound_rows()" => Some(Self::FoundRows),
            b"showwarnings" => Some(Self::Warnings),
            b"select@@warning_count" => Some(Self::WarningCount),
            _ => None,
        }
    }
}

/// The column of a bare question is named after what the client wrote behind `SELECT`.
fn column_name(text: &[u8]) -> &[u8] {
    let trimmed = text.trim_ascii();
    let behind = trimmed.get(b"select".len()..).unwrap_or_default();
    let end = behind
        .iter()
        .rposition(|byte| !byte.is_ascii_whitespace() && *byte != b';')
        .map_or(0, |last| last.saturating_add(1));
    behind.get(..end).unwrap_or_default().trim_ascii_start()
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
    fn only_bare_questions_are_answered() {
        for (text, bare) in [
            ("SELECT ROW_COUNT()", Some(Bare::RowCount)),
            (" select  row_count ( ) ; ", Some(Bare::RowCount)),
            ("SHOW WARNINGS;", Some(Bare::Warnings)),
            ("SELECT ROW_COUNT() + 1", None),
            ("SHOW WARNINGS LIMIT 1", None),
        ] {
            assert_eq!(Bare::of(text.as_bytes()), bare, "{text}");
        }
    }

    #[test]
    fn a_column_is_named_as_it_was_written() {
        assert_eq!(column_name(b" SELECT  Row_Count() ; "), b"Row_Count()");
    }
}
