//! `COM_QUERY` and the attributes that may stand in front of its text.

use super::execute::{Types, skip_value};
use crate::capabilities::Capabilities;
use crate::decode::{Cursor, DecodeError};

/// A query: its attributes, and its text as far as it is in the first packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// How many attributes there are.
    pub attributes: u16,
    /// Everything in front of the text, as it is on the wire.
    pub prefix: &'a [u8],
    nulls: &'a [u8],
    types: Types<'a>,
    values: &'a [u8],
    /// The text.
    pub text: &'a [u8],
}

/// Reads the payload of `COM_QUERY` behind the command byte.
///
/// # Errors
/// [`DecodeError`] for malformed attributes; without [`Capabilities::QUERY_ATTRIBUTES`] there are none.
pub fn query(body: &[u8], capabilities: Capabilities) -> Result<Query<'_>, DecodeError> {
    let mut query = Query {
        attributes: 0,
        prefix: &[],
        nulls: &[],
        types: Types::new(&[], 0, Capabilities::EMPTY),
        values: &[],
        text: body,
    };
    if !capabilities.contains(Capabilities::QUERY_ATTRIBUTES) {
        return Ok(query);
    }
    let mut cursor = Cursor::new(body);
    let count = cursor.lenenc("number of attributes")?;
    let sets = cursor.lenenc("number of attribute sets")?;
    if sets != 1 {
        return Err(DecodeError::Value {
            field: "number of attribute sets",
            value: sets,
        });
    }
    query.attributes = u16::try_from(count).map_err(|_| DecodeError::Value {
        field: "number of attributes",
        value: count,
    })?;
    if query.attributes > 0 {
        read_attributes(&mut query, &mut cursor, capabilities)?;
    }
    query.text = cursor.rest();
    let prefix = body.len().saturating_sub(query.text.len());
    query.prefix = body.get(..prefix).unwrap_or_default();
    Ok(query)
}

fn read_attributes<'a>(
    query: &mut Query<'a>,
    cursor: &mut Cursor<'a>,
    capabilities: Capabilities,
) -> Result<(), DecodeError> {
    let bytes = usize::from(query.attributes).div_ceil(8);
    query.nulls = cursor.take(bytes, "NULL bits of attributes")?;
    match cursor.u8("types of attributes follow")? {
        1 => {}
        other => {
            return Err(DecodeError::Value {
                field: "types of attributes follow",
                value: u64::from(other),
            });
        }
    }
    let before = cursor.rest();
    query.types = Types::new(before, query.attributes, capabilities);
    for found in query.types.iter() {
        found?;
    }
    let types = query.types.byte_len()?;
    cursor.take(types, "types of attributes")?;
    let values = cursor.rest();
    for (at, found) in query.types.iter().enumerate() {
        if !is_null(query.nulls, at) {
            skip_value(cursor, found?.kind)?;
        }
    }
    let used = values.len().saturating_sub(cursor.len());
    query.values = values.get(..used).unwrap_or_default();
    Ok(())
}

/// One attribute of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its name; may be empty.
    pub name: &'a [u8],
    /// Its type (`MYSQL_TYPE_…`), with bit 15 for unsigned numbers.
    pub kind: u16,
    /// Its value in binary form, with its length in front where the type has one; `None` is NULL.
    pub value: Option<&'a [u8]>,
}

impl<'a> Query<'a> {
    /// The attributes, which [`query`] has already checked.
    pub fn attribute_list(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let nulls = self.nulls;
        let mut values = Cursor::new(self.values);
        self.types.iter().enumerate().map_while(move |(at, found)| {
            let found = found.ok()?;
            let value = if is_null(nulls, at) {
                None
            } else {
                let before = values.rest();
                skip_value(&mut values, found.kind).ok()?;
                before.get(..before.len().saturating_sub(values.len()))
            };
            Some(Attribute {
                name: found.name,
                kind: found.kind,
                value,
            })
        })
    }
}

/// Whether the bit of parameter `at` is set. Parameters have no offset, unlike columns of binary rows.
pub(super) fn is_null(nulls: &[u8], at: usize) -> bool {
    let bit = 1_u8.checked_shl(u32::try_from(at % 8).unwrap_or(0));
    match (nulls.get(at / 8), bit) {
        (Some(byte), Some(bit)) => byte & bit != 0,
        (None, _) | (_, None) => false,
    }
}
