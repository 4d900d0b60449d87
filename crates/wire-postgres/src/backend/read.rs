//! Reading a server's messages: one function per body a proxy must understand.

use crate::decode::{Cursor, DecodeError, utf8};
use crate::secret::CancelSecret;

use super::{PROTOCOL_MAJOR, TransactionStatus};

/// Most unknown options read from one answer; we never send more than a few.
const MAX_OPTIONS: usize = 64;

/// `S`: name and value of a setting, in the session's encoding.
pub fn parameter_status(body: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut cursor = Cursor::new(body);
    let name = cursor.text("parameter name")?;
    let value = cursor.text("parameter value")?;
    cursor.end()?;
    Ok((name, value))
}

/// `K`: process id and secret for cancel requests. Some servers never send it.
pub fn backend_key_data(body: &[u8]) -> Result<(i32, CancelSecret), DecodeError> {
    let mut cursor = Cursor::new(body);
    let process_id = cursor.i32("process id")?;
    let rest = cursor.rest();
    let secret = CancelSecret::new(rest).ok_or(DecodeError::Value {
        field: "length of the cancel secret",
        value: i64::try_from(rest.len()).unwrap_or(i64::MAX),
    })?;
    Ok((process_id, secret))
}

/// `Z`: where the session stands.
#[inline]
pub fn ready_for_query(body: &[u8]) -> Result<TransactionStatus, DecodeError> {
    let mut cursor = Cursor::new(body);
    let byte = cursor.u8("transaction status")?;
    cursor.end()?;
    TransactionStatus::from_byte(byte).ok_or(DecodeError::Value {
        field: "transaction status",
        value: i64::from(byte),
    })
}

/// `C`: the command tag without its zero byte, for example `INSERT 0 5`.
#[inline]
pub fn command_tag(body: &[u8]) -> Result<&[u8], DecodeError> {
    let mut cursor = Cursor::new(body);
    let command_tag = cursor.text("command tag")?;
    cursor.end()?;
    Ok(command_tag)
}

/// `D`: the columns of a row, read one by one.
pub fn data_row(body: &[u8]) -> Result<DataRow<'_>, DecodeError> {
    let mut cursor = Cursor::new(body);
    let columns = cursor.u16("number of columns")?;
    Ok(DataRow { cursor, columns })
}

/// The columns of one row, in order. `None` is NULL. After an error it ends.
#[derive(Debug, Clone)]
pub struct DataRow<'a> {
    cursor: Cursor<'a>,
    columns: u16,
}

impl DataRow<'_> {
    /// How many columns are still to come.
    pub fn columns(&self) -> u16 {
        self.columns
    }
}

impl<'a> Iterator for DataRow<'a> {
    type Item = Result<Option<&'a [u8]>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.columns = self.columns.checked_sub(1)?;
        let column = self.cursor.counted("column value");
        if column.is_err() {
            self.columns = 0;
        }
        Some(column)
    }
}

/// A server's answer to a minor version or option it does not know (message `v`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiateProtocolVersion {
    /// The minor version of protocol 3 to go on with.
    pub newest_minor: u16,
    /// The `_pq_.` options the server does not know.
    pub unknown_options: Vec<String>,
}

/// `v`: reads the answer. The version is a full number (3.2 is 196610) from PostgreSQL and the bare minor
/// number in the wording of older manuals; both are understood.
pub fn negotiate_protocol_version(body: &[u8]) -> Result<NegotiateProtocolVersion, DecodeError> {
    let mut cursor = Cursor::new(body);
    let major = cursor.u16("protocol version")?;
    let newest_minor = cursor.u16("protocol version")?;
    if major != PROTOCOL_MAJOR && major != 0 {
        return Err(DecodeError::Value {
            field: "protocol version",
            value: i64::from(major),
        });
    }
    let count = cursor.u32("number of options")?;
    let count = usize::try_from(count)
        .ok()
        .filter(|count| *count <= MAX_OPTIONS)
        .ok_or(DecodeError::Value {
            field: "number of options",
            value: i64::from(count),
        })?;
    let mut unknown_options = Vec::with_capacity(count);
    for _ in 0..count {
        unknown_options.push(utf8(cursor.text("option name")?, "option name")?.to_owned());
    }
    cursor.end()?;
    Ok(NegotiateProtocolVersion {
        newest_minor,
        unknown_options,
    })
}
