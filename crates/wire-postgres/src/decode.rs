//! Reading a message body field by field, never past its end.

/// Why a message body cannot be read. PostgreSQL answers all of these with SQLSTATE `08P01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body ends before the field does (`pqformat.c`: "insufficient data left in message").
    #[error("insufficient data left in message: {field}")]
    Truncated {
        /// Which field.
        field: &'static str,
    },
    /// A text has no terminating zero byte (`pqformat.c`: "invalid string in message").
    #[error("invalid string in message: {field}")]
    Unterminated {
        /// Which field.
        field: &'static str,
    },
    /// Bytes are left after the last field (`pqformat.c`: "invalid message format").
    #[error("invalid message format: {extra} bytes left")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A field has a value the protocol does not know.
    #[error("invalid value {value} in message: {field}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What came.
        value: i64,
    },
    /// A text that must be UTF-8 for us to use it is not.
    #[error("text is not UTF-8 in message: {field}")]
    NotUtf8 {
        /// Which field.
        field: &'static str,
    },
}

/// A read position in a body. Each method takes from the front or says which field is missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    pub(crate) fn take(&mut self, n: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or(DecodeError::Truncated { field })?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(DecodeError::Truncated { field })?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.array(field).map(i32::from_be_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A length-prefixed value; the length -1 means "none" (protocol manual: NULL, or no SASL data).
    pub(crate) fn counted(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.i32(field)? {
            -1 => Ok(None),
            length => {
                let n = usize::try_from(length).map_err(|_| DecodeError::Value {
                    field,
                    value: i64::from(length),
                })?;
                self.take(n, field).map(Some)
            }
        }
    }

    /// A text up to its zero byte, without it.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = memchr::memchr(0, self.rest).ok_or(DecodeError::Unterminated { field })?;
        let text = self.take(end, field)?;
        self.take(1, field)?;
        Ok(text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left, unread.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Checks that nothing is left.
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(DecodeError::Trailing { extra }),
        }
    }
}

/// The text of `bytes`, for fields we can only use as UTF-8.
pub(crate) fn utf8<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8 { field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_fields_in_order() {
        let mut cursor = Cursor::new(b"\x07\x01\x02\xff\xff\xff\xfeab\0rest");
        assert_eq!(cursor.u8("a"), Ok(7));
        assert_eq!(cursor.u16("b"), Ok(0x0102));
        assert_eq!(cursor.i32("c"), Ok(-2));
        assert_eq!(cursor.text("d"), Ok(&b"ab"[..]));
        assert_eq!(cursor.end(), Err(DecodeError::Trailing { extra: 4 }));
        assert_eq!(cursor.rest(), b"rest");
    }

    #[test]
    fn names_the_field_that_is_missing() {
        assert_eq!(
            Cursor::new(b"\0\0\0").i32("n"),
            Err(DecodeError::Truncated { field: "n" })
        );
        assert_eq!(
            Cursor::new(b"abc").text("t"),
            Err(DecodeError::Unterminated { field: "t" })
        );
        assert_eq!(
            Cursor::new(b"").u8("u"),
            Err(DecodeError::Truncated { field: "u" })
        );
    }

    #[test]
    fn refuses_hostile_counts() {
        let mut huge = Cursor::new(b"\x7f\xff\xff\xffabc");
        assert_eq!(
            huge.counted("v"),
            Err(DecodeError::Truncated { field: "v" })
        );
        let mut negative = Cursor::new(b"\xff\xff\xff\xfe");
        assert_eq!(
            negative.counted("v"),
            Err(DecodeError::Value {
                field: "v",
                value: -2
            })
        );
        let mut none = Cursor::new(b"\xff\xff\xff\xff");
        assert_eq!(none.counted("v"), Ok(None));
    }
}
