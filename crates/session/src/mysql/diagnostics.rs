//! What a statement leaves for the next one to ask: counts, insert id and conditions, kept when the connection goes.

use tollgate_sql::mysql::EffectSet;

use super::exchange::{Exchange, Outcome};
use super::rows::text_row;

/// Statements that read the conditions and leave them as they are.
const READS_CONDITIONS: EffectSet = EffectSet::SHOW_WARNINGS.union(EffectSet::GET_DIAGNOSTICS);

/// What changes it without its being told.
const CHANGES_INSERT_ID: EffectSet = EffectSet::LAST_INSERT_ID_SET
    .union(EffectSet::CALL)
    .union(EffectSet::EXECUTE)
    .union(EffectSet::EXECUTE_IMMEDIATE)
    .union(EffectSet::COMPOUND)
    // Its OK does not tell.
    .union(EffectSet::LOAD_DATA);

/// The first row of the reply to `SHOW WARNINGS`: a count and three definitions come first.
pub(super) const FIRST_ROW: usize = 4;

/// Conditions larger than this are not kept, in bytes.
const MAX_KEPT: usize = 64 * 1024;

/// What the client's last statement left.
#[derive(Debug)]
pub(super) struct Diagnostics {
    pub(super) row_count: i64,
    /// How many conditions the last result told of.
    warnings: u16,
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

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            row_count: 0,
            warnings: 0,
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
                self.warnings = 0;
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
                    self.warnings = head.warnings;
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

    pub(super) fn found_rows(&self) -> Option<u64> {
        match self.found_rows {
            FoundRows::Known(found) => Some(found),
            FoundRows::Unasked | FoundRows::Lost => None,
        }
    }

    /// Of all conditions, and of the errors among them.
    pub(super) fn counts(&self) -> Option<(usize, usize)> {
        match &self.conditions {
            Conditions::None => Some((0, 0)),
            Conditions::Kept { packets } => {
                let rows = packets.iter().skip(FIRST_ROW);
                let errors = rows.clone().filter(|row| is_error(row)).count();
                // No more than `max_error_count` are shown.
                let shown = rows.count().max(usize::from(self.warnings));
                Some((shown, errors))
            }
            Conditions::Unasked { .. } | Conditions::Lost => None,
        }
    }

    /// Something of ours ran before the server was asked.
    pub(super) fn lost(&mut self) {
        if let Conditions::Unasked { .. } = self.conditions {
            self.conditions = Conditions::Lost;
        }
        if self.found_rows == FoundRows::Unasked {
            self.found_rows = FoundRows::Lost;
        }
    }

    /// The conditions were shown from what was kept.
    pub(super) fn shown(&mut self) {
        self.row_count = -1;
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
        let rows = packets.len().saturating_sub(FIRST_ROW);
        self.conditions = if size > MAX_KEPT {
            Conditions::Lost
        } else if rows == 0 {
            Conditions::None
        } else {
            Conditions::Kept { packets }
        };
    }
}

/// True for the row of an error.
pub(super) fn is_error(row: &[u8]) -> bool {
    text_row(row).is_some_and(|row| row.first() == Some(&Some(b"Error")))
}
