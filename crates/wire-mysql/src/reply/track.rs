//! What OK packets say about changes of session state: the trackers, as an iterator over the wire.

use crate::decode::{Cursor, DecodeError};
use crate::output::{Out, put_lenenc_bytes};

/// Types of changes (`mysql_com.h`, `enum_session_state_type`).
const SYSTEM_VARIABLES: u8 = 0;
const SCHEMA: u8 = 1;
const STATE_CHANGE: u8 = 2;
const GTIDS: u8 = 3;
const TRANSACTION_CHARACTERISTICS: u8 = 4;
const TRANSACTION_STATE: u8 = 5;

/// One change of session state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// A system variable has this value now, changed or only set again.
    SystemVariable {
        /// Its name, in lower case.
        name: &'a [u8],
        /// Its value as the server spells it; `None` is NULL (`character_set_results`).
        value: Option<&'a [u8]>,
    },
    /// The current schema; empty when there is none.
    Schema(&'a [u8]),
    /// State has changed that no other tracker reports; the text is `1`. An edge: it never says that state is gone.
    StateChange(&'a [u8]),
    /// MySQL: identifiers of the transactions just committed.
    Gtids(&'a [u8]),
    /// Statements that would make the current transaction, or the next one, what it is.
    TransactionCharacteristics(&'a [u8]),
    /// Whether a transaction is open and what it has done; see [`TransactionState`].
    TransactionState(TransactionState),
    /// Something a newer server tracks.
    Unknown {
        /// Its type.
        kind: u8,
        /// Its data.
        data: &'a [u8],
    },
}

/// Eight places, each a letter or `_` (`session_tracker.cc`, `Transaction_state_tracker`): `T` explicit or `I`
/// implicit transaction, `r` `R` reads, `w` `W` writes, `s` unsafe statement, `S` result set, `L` LOCK TABLES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionState(pub [u8; 8]);

impl TransactionState {
    /// Neither a transaction nor locked tables.
    pub const FREE: Self = Self(*b"________");

    /// Whether nothing is open: no transaction, no locked tables.
    pub fn is_free(self) -> bool {
        self == Self::FREE
    }

    /// Whether a transaction is open, explicit or implicit.
    pub fn in_transaction(self) -> bool {
        let [first, ..] = self.0;
        first != b'_'
    }

    /// Whether a transaction was opened by a statement and has done nothing yet, so that it could as well be
    /// opened again elsewhere.
    pub fn is_untouched(self) -> bool {
        self == Self(*b"T_______")
    }

    /// Whether a statement has opened a transaction.
    pub fn is_explicit(self) -> bool {
        let [first, ..] = self.0;
        first == b'T'
    }

    /// Whether LOCK TABLES is in force.
    pub fn has_locked_tables(self) -> bool {
        let [.., last] = self.0;
        last == b'L'
    }
}

/// Iterates over [`OkPacket::changes`](super::OkPacket::changes). It ends after the first error.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    rest: Cursor<'a>,
    /// Pairs left in an entry of system variables: MariaDB puts several into one.
    variables: Cursor<'a>,
}

impl<'a> Changes<'a> {
    /// Over the data of one OK packet.
    pub fn new(changes: &'a [u8]) -> Self {
        Self {
            rest: Cursor::new(changes),
            variables: Cursor::new(&[]),
        }
    }

    fn step(&mut self) -> Result<Option<Change<'a>>, DecodeError> {
        loop {
            if !self.variables.is_empty() {
                return self.variable().map(Some);
            }
            if self.rest.is_empty() {
                return Ok(None);
            }
            let kind = self.rest.u8("type of change")?;
            let data = self.rest.lenenc_bytes("change")?;
            if kind == SYSTEM_VARIABLES {
                self.variables = Cursor::new(data);
            } else {
                return change(kind, data).map(Some);
            }
        }
    }

    fn variable(&mut self) -> Result<Change<'a>, DecodeError> {
        let name = self.variables.lenenc_bytes("variable name")?;
        let value = self.variables.nullable("variable value")?;
        Ok(Change::SystemVariable { name, value })
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Result<Change<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.step().transpose();
        if matches!(item, Some(Err(_))) {
            *self = Self::new(&[]);
        }
        item
    }
}

fn change(kind: u8, data: &[u8]) -> Result<Change<'_>, DecodeError> {
    let mut cursor = Cursor::new(data);
    match kind {
        SCHEMA => cursor
            .nullable("schema")
            .map(|name| Change::Schema(name.unwrap_or_default())),
        // The only one without a second length (`Session_state_change_tracker::store`).
        STATE_CHANGE => Ok(Change::StateChange(data)),
        GTIDS => {
            // The only encoding so far is 0, a text.
            match cursor.u8("encoding of GTIDs")? {
                0 => cursor.lenenc_bytes("GTIDs").map(Change::Gtids),
                _ => Ok(Change::Unknown { kind, data }),
            }
        }
        TRANSACTION_CHARACTERISTICS => cursor
            .lenenc_bytes("transaction characteristics")
            .map(Change::TransactionCharacteristics),
        TRANSACTION_STATE => {
            let text = cursor.lenenc_bytes("transaction state")?;
            match text.try_into() {
                Ok(places) => Ok(Change::TransactionState(TransactionState(places))),
                Err(_) => Ok(Change::Unknown { kind, data }),
            }
        }
        _ => Ok(Change::Unknown { kind, data }),
    }
}

/// Writes one change, for an OK packet that carries fewer changes than the server sent.
pub fn put_change(out: &mut Vec<u8>, change: &Change<'_>) {
    let mut data = Vec::new();
    let kind = match *change {
        Change::SystemVariable { name, value } => {
            put_lenenc_bytes(&mut data, name);
            match value {
                Some(value) => put_lenenc_bytes(&mut data, value),
                None => data.put(&[crate::decode::NULL]),
            }
            SYSTEM_VARIABLES
        }
        Change::Schema(name) => {
            put_lenenc_bytes(&mut data, name);
            SCHEMA
        }
        Change::StateChange(text) => {
            data.put(text);
            STATE_CHANGE
        }
        Change::Gtids(text) => {
            data.put(&[0]);
            put_lenenc_bytes(&mut data, text);
            GTIDS
        }
        Change::TransactionCharacteristics(text) => {
            put_lenenc_bytes(&mut data, text);
            TRANSACTION_CHARACTERISTICS
        }
        Change::TransactionState(state) => {
            put_lenenc_bytes(&mut data, &state.0);
            TRANSACTION_STATE
        }
        Change::Unknown { kind, data: raw } => {
            data.put(raw);
            kind
        }
    };
    out.put(&[kind]);
    put_lenenc_bytes(out, &data);
}
