//! Connection attributes: what a client program says about itself, as names and values.

use crate::decode::{Cursor, DecodeError};
use crate::output::{Out, put_lenenc, put_lenenc_bytes};

/// Attributes as they are on the wire, checked. Nothing in them is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    pairs: Vec<u8>,
}

/// Most bytes of attributes (`MAX_CONNECTION_ATTR_STORAGE_LENGTH`).
const MAX_ATTRIBUTES: usize = 64 * 1024;

impl Attributes {
    /// Adds an attribute. Attributes beyond 64 KiB in all are left out, as servers do.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let before = self.pairs.len();
        put_lenenc_bytes(&mut self.pairs, name);
        put_lenenc_bytes(&mut self.pairs, value);
        if self.pairs.len() > MAX_ATTRIBUTES {
            self.pairs.truncate(before);
        }
    }

    /// Names and values in the order of the client.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut cursor = Cursor::new(&self.pairs);
        std::iter::from_fn(move || {
            let name = cursor.lenenc_bytes("attribute name").ok()?;
            let value = cursor.lenenc_bytes("attribute value").ok()?;
            Some((name, value))
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(super) fn take(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let data = cursor.lenenc_bytes("connection attributes")?;
        if data.len() > MAX_ATTRIBUTES {
            return Err(DecodeError::TooLong {
                field: "connection attributes",
                length: u64::try_from(data.len()).unwrap_or(u64::MAX),
                limit: MAX_ATTRIBUTES,
            });
        }
        let mut inner = Cursor::new(data);
        while !inner.is_empty() {
            inner.lenenc_bytes("attribute name")?;
            inner.lenenc_bytes("attribute value")?;
        }
        Ok(Self {
            pairs: data.to_vec(),
        })
    }

    pub(super) fn put(&self, out: &mut impl Out) {
        put_lenenc(out, u64::try_from(self.pairs.len()).unwrap_or(u64::MAX));
        out.put(&self.pairs);
    }
}
