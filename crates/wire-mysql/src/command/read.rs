//! Bodies of the small commands. Each function takes the payload behind the command byte.

use crate::decode::{Cursor, DecodeError};

/// Name of the schema, which ends with the payload.
pub fn init_db(body: &[u8]) -> &[u8] {
    body
}

/// The statement id of `COM_STMT_CLOSE` and `COM_STMT_RESET`, and the first field of all other commands on
/// prepared statements.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn statement_id(body: &[u8]) -> Result<u32, DecodeError> {
    Cursor::new(body).u32("statement id")
}

/// A piece of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongData<'a> {
    /// Whose parameter.
    pub statement_id: u32,
    /// Which one, from 0.
    pub parameter: u16,
    /// The piece.
    pub data: &'a [u8],
}

/// Reads the beginning of `COM_STMT_SEND_LONG_DATA`; the data may go on in further packets.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn long_data(body: &[u8]) -> Result<LongData<'_>, DecodeError> {
    let mut cursor = Cursor::new(body);
    Ok(LongData {
        statement_id: cursor.u32("statement id")?,
        parameter: cursor.u16("parameter number")?,
        data: cursor.rest(),
    })
}

/// How many rows of which cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetch {
    /// Whose cursor.
    pub statement_id: u32,
    /// At most so many rows.
    pub rows: u32,
}

/// Reads `COM_STMT_FETCH`.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn fetch(body: &[u8]) -> Result<Fetch, DecodeError> {
    let mut cursor = Cursor::new(body);
    Ok(Fetch {
        statement_id: cursor.u32("statement id")?,
        rows: cursor.u32("row count")?,
    })
}

/// Reads the option of `COM_SET_OPTION`.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn set_option(body: &[u8]) -> Result<u16, DecodeError> {
    Cursor::new(body).u16("option")
}

/// Reads the connection id of `COM_PROCESS_KILL`.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn process_kill(body: &[u8]) -> Result<u32, DecodeError> {
    Cursor::new(body).u32("connection id")
}

/// Whose columns are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldList<'a> {
    /// The table.
    pub table: &'a [u8],
    /// A pattern for column names.
    pub wildcard: &'a [u8],
}

/// Reads `COM_FIELD_LIST`.
///
/// # Errors
/// [`DecodeError::Unterminated`].
pub fn field_list(body: &[u8]) -> Result<FieldList<'_>, DecodeError> {
    let mut cursor = Cursor::new(body);
    Ok(FieldList {
        table: cursor.text("table")?,
        wildcard: cursor.text_or_rest(),
    })
}
