//! What a statement leaves for the next one to ask: counts, insert id and conditions, kept when the connection goes.

use tollgate_sql::mysql::EffectSet;
use tollgate_wire_mysql::error_code::ErrorCode;

use super::exchange::{Exchange, Outcome};
use super::finding::{Finding, Found};
use super::rows::text_row;

/// "The statement (%lu) has no open cursor." (`ER_STMT_HAS_NO_OPEN_CURSOR`).
pub(super) const NO_OPEN_CURSOR: ErrorCode = ErrorCode {
    code: 1421,
    sqlstate: *b"HY000",
};

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
    /// Whether there was an error since the server last told of the transaction.
    unheard: Failed,
    /// Number and SQLSTATE of the error among them.
    pub(super) error: Option<(u16, [u8; 5])>,
    pub(super) signals: Signals,
    /// A refusal of ours, while the conditions before it are being asked for.
    refusal: Option<Refusal>,
}

/// An error of ours, which the client may ask for.
#[derive(Debug)]
pub(super) struct Refusal {
    /// As a reply to `SHOW WARNINGS` that tells of nothing else.
    pub(super) packets: Vec<Vec<u8>>,
    pub(super) place: Place,
}

/// Where an error stands among the conditions of the statement before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind them: MySQL forgets them only when a statement begins.
    Behind,
    /// In their place.
    Instead,
}

/// What `FOUND_ROWS()` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundRows {
    Known(u64),
    /// Only the server knows.
    Unasked,
    /// The server knows, unless it says what was there of others: the statement may have left it as it was.
    Perhaps {
        others: Option<u64>,
        own: Option<u64>,
    },
    /// Nobody knows.
    Lost,
}

impl FoundRows {
    /// What a session begins with on MySQL; on MariaDB it is what an earlier connection of the same thread has found.
    pub(super) const AT_LOGIN: Self = Self::Known(0);
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
    /// There are some, which only the server knows.
    Unasked,
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

/// Whether code may have run that chooses the SQLSTATEs of its conditions (`SIGNAL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signals {
    None,
    Possible,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            row_count: 0,
            warnings: 0,
            found_rows: FoundRows::AT_LOGIN,
            insert_id: b"0".as_slice().into(),
            insert_id_doubt: Doubt::No,
            conditions: Conditions::None,
            unheard: Failed::No,
            error: None,
            signals: Signals::None,
            refusal: None,
        }
    }
}

impl Diagnostics {
    /// How many conditions the last result told of.
    pub(super) fn warnings(&self) -> u16 {
        self.warnings
    }

    pub(super) fn insert_id(&self) -> &[u8] {
        &self.insert_id
    }

    pub(super) fn insert_id_told(&mut self, id: &[u8]) {
        self.insert_id = id.into();
    }

    /// True when nobody knows whether a transaction is open. (The reply to a prepare does not tell either.)
    pub(super) fn is_failed(&self) -> bool {
        self.unheard == Failed::Yes
    }

    /// A command without rows or counts was answered: `ROW_COUNT()` is 0 behind it (observed on both families).
    pub(super) fn nothing_counted(&mut self) {
        self.row_count = 0;
    }

    /// Rows were given, or what ends them: `ROW_COUNT()` is -1 behind them.
    pub(super) fn rows_given(&mut self) {
        self.row_count = -1;
    }

    /// A command that is no statement was answered. Those whose reply is no OK and no EOF (a prepare, numbers of the
    /// server) leave `ROW_COUNT()` as it is.
    pub(super) fn answered(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Done { rows, .. } => {
                self.unheard = Failed::No;
                match rows {
                    Some(_) => self.rows_given(),
                    None => self.nothing_counted(),
                }
            }
            Outcome::Unknown | Outcome::Failed => {}
        }
    }

    /// Of a new session. Of all this, servers keep `FOUND_ROWS()` over a reset and another login.
    pub(super) fn begun(found_rows: FoundRows) -> Self {
        Self {
            found_rows,
            ..Self::default()
        }
    }

    /// What a session that follows over the same connection goes on with.
    pub(super) fn heritage(&self) -> FoundRows {
        match self.found_rows {
            known @ (FoundRows::Known(_) | FoundRows::Lost) => known,
            FoundRows::Unasked | FoundRows::Perhaps { .. } => FoundRows::Lost,
        }
    }

    /// A command was refused here.
    pub(super) fn refused(&mut self, refusal: Refusal) {
        self.row_count = -1;
        self.warnings = 0;
        self.error = None;
        self.signals = Signals::Possible;
        if self.conditions == Conditions::Unasked {
            self.refusal = Some(refusal);
            return;
        }
        let before = std::mem::replace(&mut self.conditions, Conditions::None);
        self.conditions = refusal.with(before);
    }

    /// A command that is no statement was answered with so many warnings.
    pub(super) fn warned(&mut self, warnings: u16) {
        self.warnings = warnings;
        self.conditions = match warnings {
            0 => Conditions::None,
            _ => Conditions::Unasked,
        };
    }

    /// A command was answered by the server.
    pub(super) fn ran(&mut self, exchange: &Exchange) {
        let effects = exchange.about.effects;
        if !effects.intersects(READS_CONDITIONS) {
            self.signals = exchange.about.signals();
            self.error = exchange
                .heard
                .sqlstate
                .map(|state| (exchange.heard.error, state));
        }
        match &exchange.heard.outcome {
            Outcome::Unknown => {}
            Outcome::Failed => {
                self.row_count = -1;
                self.warnings = 0;
                self.unheard = Failed::Yes;
                self.conditions = Conditions::Unasked;
            }
            Outcome::Done { head, rows } => {
                self.unheard = Failed::No;
                self.row_count = match rows {
                    Some(_) => -1,
                    None => i64::try_from(head.affected_rows).unwrap_or(-1),
                };
                if !effects.intersects(READS_CONDITIONS) {
                    self.warned(head.warnings);
                }
            }
        }
        if exchange.heard.insert_id != 0 || effects.intersects(CHANGES_INSERT_ID) {
            self.insert_id_doubt = Doubt::Yes;
        }
    }

    /// A command was answered that makes this of `FOUND_ROWS()`, on a connection that had this before.
    pub(super) fn found(&mut self, finding: Finding, before: Found) {
        match (finding, before, self.found_rows) {
            (Finding::Nothing, _, _)
            | (Finding::Perhaps, Found::ByOthers(_), FoundRows::Perhaps { .. }) => {}
            (Finding::Lost, _, _) => self.found_rows = FoundRows::Lost,
            (Finding::Rows(rows), _, _) => self.found_rows = FoundRows::Known(rows),
            (Finding::Counted, _, _) | (Finding::Perhaps, Found::ByClient(_), _) => {
                self.found_rows = FoundRows::Unasked;
            }
            (Finding::Perhaps, Found::ByOthers(others), _) => {
                let own = self.found_rows();
                self.found_rows = FoundRows::Perhaps { others, own };
            }
        }
    }

    pub(super) fn found_rows(&self) -> Option<u64> {
        match self.found_rows {
            FoundRows::Known(found) => Some(found),
            FoundRows::Unasked | FoundRows::Perhaps { .. } | FoundRows::Lost => None,
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
            Conditions::Unasked | Conditions::Lost => None,
        }
    }

    /// Something of ours ran before the server was asked.
    pub(super) fn lost(&mut self) {
        self.unheard = Failed::No;
        if self.conditions == Conditions::Unasked {
            self.know(Conditions::Lost);
        }
        if self.counts_unasked() {
            self.found_rows = FoundRows::Lost;
        }
    }

    pub(super) fn counts_unasked(&self) -> bool {
        matches!(
            self.found_rows,
            FoundRows::Unasked | FoundRows::Perhaps { .. }
        )
    }

    /// `SELECT FOUND_ROWS()` was answered with these packets, the last left out.
    pub(super) fn found_rows_told(&mut self, packets: &[Vec<u8>]) {
        let row = packets.last().and_then(|row| text_row(row));
        let found = row.and_then(|row| row.first().copied().flatten());
        let found = found.and_then(|found| std::str::from_utf8(found).ok());
        let found = found.and_then(|found| found.parse().ok());
        self.found_rows = match (self.found_rows, found) {
            (_, None) => FoundRows::Lost,
            (FoundRows::Perhaps { others, own }, Some(found))
                if own != Some(found) && others.is_none_or(|others| others == found) =>
            {
                FoundRows::Lost
            }
            (_, Some(found)) => FoundRows::Known(found),
        };
    }

    /// `SHOW WARNINGS` was answered with these packets, the last left out.
    pub(super) fn conditions_told(&mut self, packets: Vec<Vec<u8>>) {
        let size: usize = packets.iter().map(Vec::len).sum();
        let rows = packets.len().saturating_sub(FIRST_ROW);
        self.know(if size > MAX_KEPT {
            Conditions::Lost
        } else if rows == 0 {
            Conditions::None
        } else {
            Conditions::Kept { packets }
        });
    }

    /// The server was asked for the conditions, or can not be asked any more.
    pub(super) fn know(&mut self, conditions: Conditions) {
        self.unheard = Failed::No;
        self.conditions = match self.refusal.take() {
            Some(refusal) => refusal.with(conditions),
            None => conditions,
        };
    }
}

impl Refusal {
    /// What there is to tell now.
    fn with(self, before: Conditions) -> Conditions {
        let Self { packets, place } = self;
        match (place, before) {
            (Place::Behind, Conditions::Kept { packets: mut all }) => {
                let size: usize = all.iter().map(Vec::len).sum();
                if size > MAX_KEPT {
                    return Conditions::Lost;
                }
                all.extend(packets.into_iter().skip(FIRST_ROW));
                Conditions::Kept { packets: all }
            }
            (Place::Behind, Conditions::Lost | Conditions::Unasked) => Conditions::Lost,
            (Place::Behind, Conditions::None) | (Place::Instead, _) => Conditions::Kept { packets },
        }
    }
}

/// True for the row of an error.
pub(super) fn is_error(row: &[u8]) -> bool {
    text_row(row).is_some_and(|row| row.first() == Some(&Some(b"Error")))
}
