//! `COM_STMT_EXECUTE` and MariaDB's bulk form: which statement, and what is bound with which types.

use super::query::is_null;
use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};
use crate::output::Out;

/// Flag of an execute: the number of parameters is on the wire (`PARAMETER_COUNT_AVAILABLE`).
pub(super) const PARAMETER_COUNT_AVAILABLE: u8 = 0x08;
/// Flag of an execute that asks for a cursor. Servers heed no other kind (`mysqld_stmt_execute` of both families).
const CURSOR_TYPE_READ_ONLY: u8 = 0x01;
/// Flag of a bulk execute: types are on the wire.
const SEND_TYPES_TO_SERVER: u16 = 128;
/// Flag of a bulk execute: the client wants one result per row of parameters.
const SEND_UNIT_RESULTS: u16 = 64;

/// The fixed fields of an execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecuteHead<'a> {
    /// Which statement.
    pub statement_id: u32,
    /// `enum_cursor_type`, and whether the number of parameters follows.
    pub flags: u8,
    /// What follows: give it to [`execute_parameters`].
    pub rest: &'a [u8],
}

impl ExecuteHead<'_> {
    /// Whether the client asks for a cursor. The server need not open one.
    pub fn wants_cursor(&self) -> bool {
        self.flags & CURSOR_TYPE_READ_ONLY != 0
    }
}

/// Reads the beginning of `COM_STMT_EXECUTE` behind the command byte.
///
/// # Errors
/// [`DecodeError::Truncated`].
pub fn execute_head(body: &[u8]) -> Result<ExecuteHead<'_>, DecodeError> {
    let mut cursor = Cursor::new(body);
    let statement_id = cursor.u32("statement id")?;
    let flags = cursor.u8("flags")?;
    cursor.u32("iteration count")?;
    Ok(ExecuteHead {
        statement_id,
        flags,
        rest: cursor.rest(),
    })
}

/// Puts another statement id into a payload of any command on prepared statements, the command byte included.
/// `false`, with nothing changed, when the payload is too short to have one.
#[must_use]
pub fn set_statement_id(payload: &mut [u8], id: u32) -> bool {
    match payload
        .split_first_mut()
        .and_then(|(_, body)| body.first_chunk_mut::<4>())
    {
        Some(field) => {
            *field = id.to_le_bytes();
            true
        }
        None => false,
    }
}

/// One bound parameter's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeOf<'a> {
    pub(super) kind: u16,
    pub(super) name: &'a [u8],
}

/// The types of parameters: two bytes each, and with [`Capabilities::QUERY_ATTRIBUTES`] a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types<'a> {
    bytes: &'a [u8],
    count: u16,
    named: Named,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Yes,
    No,
}

impl<'a> Types<'a> {
    /// The types of `count` parameters from [`Types::bytes`] that were kept, in the form of a client with these
    /// capabilities.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not exactly so many types.
    pub fn parse(
        bytes: &'a [u8],
        count: u16,
        capabilities: Capabilities,
    ) -> Result<Self, DecodeError> {
        let types = Self::new(bytes, count, capabilities);
        match bytes.len().saturating_sub(types.byte_len()?) {
            0 => Ok(types),
            extra => Err(DecodeError::Trailing { extra }),
        }
    }

    /// `bytes` may go on behind the types.
    pub(super) fn new(bytes: &'a [u8], count: u16, capabilities: Capabilities) -> Self {
        let named = if capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
            Named::Yes
        } else {
            Named::No
        };
        Self {
            bytes,
            count,
            named,
        }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Result<TypeOf<'a>, DecodeError>> + use<'a> {
        let mut cursor = Cursor::new(self.bytes);
        (0..self.count).map(move |_| take_type(&mut cursor, self.named))
    }

    /// How many bytes all types take.
    pub(super) fn byte_len(self) -> Result<usize, DecodeError> {
        let mut cursor = Cursor::new(self.bytes);
        for _ in 0..self.count {
            take_type(&mut cursor, self.named)?;
        }
        Ok(self.bytes.len().saturating_sub(cursor.len()))
    }

    /// How many types there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The types as they came, to be kept for an execute that relies on them.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Writes the types in the form these capabilities ask for: with names, empty ones where the client sent
    /// none, or without.
    pub(super) fn put(self, out: &mut impl Out, capabilities: Capabilities) {
        let named = capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
        match (self.named, named) {
            (Named::Yes, true) | (Named::No, false) => out.put(self.bytes),
            (Named::No, true) => {
                for kind in self.kinds() {
                    out.put(&kind.to_le_bytes());
                    out.put(&[0]);
                }
            }
            (Named::Yes, false) => {
                for kind in self.kinds() {
                    out.put(&kind.to_le_bytes());
                }
            }
        }
    }

    /// The type codes without the names (`MYSQL_TYPE_…`, with bit 15 for unsigned numbers).
    pub fn kinds(self) -> impl Iterator<Item = u16> + use<'a> {
        self.iter().map_while(|found| found.ok().map(|of| of.kind))
    }
}

fn take_type<'a>(cursor: &mut Cursor<'a>, named: Named) -> Result<TypeOf<'a>, DecodeError> {
    let kind = cursor.u16("parameter type")?;
    let name = match named {
        Named::Yes => cursor.lenenc_bytes("parameter name")?,
        Named::No => &[],
    };
    Ok(TypeOf { kind, name })
}

/// What an execute binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters<'a> {
    /// How many parameters, attributes of the query included.
    pub count: u16,
    /// One bit per parameter.
    pub nulls: &'a [u8],
    /// Their types; `None` when the types of the last execute of this statement hold
    /// (`new_params_bound_flag` is 0).
    pub types: Option<Types<'a>>,
    /// Their values in binary form, one after the other; none for NULL and for long data sent before.
    pub values: &'a [u8],
}

impl Parameters<'_> {
    /// Whether the parameter with this number, from 0, is NULL.
    pub fn is_null(&self, at: u16) -> bool {
        is_null(self.nulls, usize::from(at))
    }
}

/// Reads what follows [`ExecuteHead`], for a statement that was prepared with `declared` parameters. The values
/// are not looked at, and may go on in further packets.
///
/// # Errors
/// [`DecodeError`] when the bits or types are malformed or missing.
pub fn execute_parameters<'a>(
    head: &ExecuteHead<'a>,
    declared: u16,
    capabilities: Capabilities,
) -> Result<Parameters<'a>, DecodeError> {
    let mut cursor = Cursor::new(head.rest);
    let attributed = capabilities.contains(Capabilities::QUERY_ATTRIBUTES);
    // The number is there whenever anything is bound; the flag says so for statements without placeholders.
    // (Clients of 8.0.23 to 8.0.25 send the number without knowing the flag.)
    let announced = head.flags & PARAMETER_COUNT_AVAILABLE != 0;
    let counted = attributed && (declared > 0 || announced);
    let mut parameters = Parameters {
        count: declared,
        nulls: &[],
        types: None,
        values: &[],
    };
    if counted {
        let count = cursor.lenenc("number of parameters")?;
        parameters.count = u16::try_from(count).map_err(|_| DecodeError::Value {
            field: "number of parameters",
            value: count,
        })?;
    }
    if parameters.count == 0 {
        // Servers look no further, and MariaDB's driver for Node.js announces types even of nothing.
        return Ok(parameters);
    }
    let bytes = usize::from(parameters.count).div_ceil(8);
    parameters.nulls = cursor.take(bytes, "NULL bits")?;
    match cursor.u8("types follow")? {
        0 => {}
        1 => {
            let types = Types::new(cursor.rest(), parameters.count, capabilities);
            let length = types.byte_len()?;
            let bytes = cursor.take(length, "types")?;
            parameters.types = Some(Types { bytes, ..types });
        }
        other => {
            return Err(DecodeError::Value {
                field: "types follow",
                value: u64::from(other),
            });
        }
    }
    parameters.values = cursor.rest();
    Ok(parameters)
}

/// The fixed fields of MariaDB's `COM_STMT_BULK_EXECUTE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkExecute<'a> {
    /// Which statement.
    pub statement_id: u32,
    /// Flags as they are on the wire.
    pub flags: u16,
    /// Types, if any, and rows of parameters, each with an indicator in front.
    pub rest: &'a [u8],
}

impl<'a> BulkExecute<'a> {
    /// Reads the beginning of the payload behind the command byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        Ok(Self {
            statement_id: cursor.u32("statement id")?,
            flags: cursor.u16("bulk flags")?,
            rest: cursor.rest(),
        })
    }

    /// Whether types come first. Without them the types of the last execute hold.
    pub fn has_types(&self) -> bool {
        self.flags & SEND_TYPES_TO_SERVER != 0
    }

    /// Whether the client wants one result per row of parameters.
    pub fn wants_unit_results(&self) -> bool {
        self.flags & SEND_UNIT_RESULTS != 0
    }
}

/// Skips one value in binary form ("Binary Protocol Value"; types from `field_types.h`).
pub(super) fn skip_value(cursor: &mut Cursor<'_>, kind: u16) -> Result<(), DecodeError> {
    let [code, _] = kind.to_le_bytes();
    let bytes = match code {
        // NULL.
        0x06 => 0,
        // TINY.
        0x01 => 1,
        // SHORT, YEAR.
        0x02 | 0x0d => 2,
        // LONG, FLOAT, INT24.
        0x03 | 0x04 | 0x09 => 4,
        // DOUBLE, LONGLONG.
        0x05 | 0x08 => 8,
        // TIMESTAMP, DATE, TIME, DATETIME have one byte of length.
        0x07 | 0x0a | 0x0b | 0x0c => usize::from(cursor.u8("length of a time")?),
        // DECIMAL, VARCHAR, BIT, VECTOR, JSON, NEWDECIMAL, ENUM, SET, BLOBs, strings, GEOMETRY.
        0x00 | 0x0f | 0x10 | 0xf2 | 0xf5..=0xff => {
            cursor.lenenc_bytes("value")?;
            0
        }
        other => {
            return Err(DecodeError::Value {
                field: "parameter type",
                value: u64::from(other),
            });
        }
    };
    cursor.take(bytes, "value")?;
    Ok(())
}
