//! Reading a payload field by field, never past its end: little-endian numbers and length-encoded texts.

/// Why a payload cannot be read. A server answers all of these with 1835 "Malformed communication packet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The payload ends before the field does.
    #[error("packet ends within {field}")]
    Truncated {
        /// Which field.
        field: &'static str,
    },
    /// A text has no terminating zero byte.
    #[error("no zero byte ends {field}")]
    Unterminated {
        /// Which field.
        field: &'static str,
    },
    /// Bytes are left after the last field.
    #[error("{extra} bytes behind the last field")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A field has a value that the protocol does not know here.
    #[error("invalid value {value:#x} for {field}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What came.
        value: u64,
    },
    /// A field is larger than we accept.
    #[error("{field} has {length} bytes, over the limit of {limit}")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Its size in bytes.
        length: u64,
        /// The limit in bytes.
        limit: usize,
    },
}

/// First byte of a NULL in a text row, and of a value that is NULL in session tracking.
pub const NULL: u8 = 0xfb;

/// A read position in a payload. Each method takes from the front or says which field is missing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
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
        self.array(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// A length-encoded number (`Protocol::LengthEncodedInteger`): one byte below 0xfb, or 0xfc, 0xfd, 0xfe and
    /// 2, 3, 8 bytes. 0xfb and 0xff begin no number.
    pub(crate) fn lenenc(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        match self.u8(field)? {
            small @ 0..=0xfa => Ok(u64::from(small)),
            0xfc => self.u16(field).map(u64::from),
            0xfd => {
                let [a, b, c] = self.array::<3>(field)?;
                Ok(u64::from(u32::from_le_bytes([a, b, c, 0])))
            }
            0xfe => self.array(field).map(u64::from_le_bytes),
            other @ (0xfb | 0xff) => Err(DecodeError::Value {
                field,
                value: u64::from(other),
            }),
        }
    }

    /// A text with a length-encoded length in front.
    pub(crate) fn lenenc_bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.lenenc(field)?;
        // What does not fit into a usize is not here either.
        let n = usize::try_from(length).unwrap_or(usize::MAX);
        self.take(n, field)
    }

    /// As [`Self::lenenc_bytes`]; the single byte 0xfb means NULL.
    pub(crate) fn nullable(
        &mut self,
        field: &'static str,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.rest.split_first() {
            Some((&NULL, rest)) => {
                self.rest = rest;
                Ok(None)
            }
            Some(_) | None => self.lenenc_bytes(field).map(Some),
        }
    }

    /// A text up to its zero byte, without it.
    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = memchr::memchr(0, self.rest).ok_or(DecodeError::Unterminated { field })?;
        let text = self.take(end, field)?;
        self.take(1, field)?;
        Ok(text)
    }

    /// A text up to its zero byte, or to the end where the peer forgot it.
    pub(crate) fn text_or_rest(&mut self) -> &'a [u8] {
        let end = memchr::memchr(0, self.rest).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest.get(1..).unwrap_or_default();
        text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Everything that is left, unread.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::{put_lenenc, put_lenenc_bytes};

    #[test]
    fn takes_fields_in_order() {
        let mut cursor = Cursor::new(b"\x07\x01\x02\x01\0\0\0ab\0\x02cdrest");
        assert_eq!(cursor.u8("a"), Ok(7));
        assert_eq!(cursor.u16("b"), Ok(0x0201));
        assert_eq!(cursor.u32("c"), Ok(1));
        assert_eq!(cursor.text("d"), Ok(&b"ab"[..]));
        assert_eq!(cursor.lenenc_bytes("e"), Ok(&b"cd"[..]));
        assert_eq!(cursor.len(), 4);
        assert_eq!(cursor.text_or_rest(), b"rest");
        assert_eq!(cursor.len(), 0);
    }

    #[test]
    fn reads_numbers_of_every_size() {
        let cases: [(&[u8], u64); 5] = [
            (b"\xfa", 0xfa),
            (b"\xfc\xfb\x00", 0xfb),
            (b"\xfd\x00\x00\x01", 0x1_0000),
            (b"\xfe\0\0\0\x01\0\0\0\0", 0x100_0000),
            (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Cursor::new(bytes).lenenc("n"), Ok(expected));
            for split in 0..bytes.len() {
                assert_eq!(
                    Cursor::new(&bytes[..split]).lenenc("n"),
                    Err(DecodeError::Truncated { field: "n" })
                );
            }
        }
    }

    #[test]
    fn refuses_bytes_that_begin_no_number() {
        for byte in [0xfb, 0xff] {
            assert_eq!(
                Cursor::new(&[byte, 0, 0]).lenenc("n"),
                Err(DecodeError::Value {
                    field: "n",
                    value: u64::from(byte)
                })
            );
        }
    }

    #[test]
    fn a_hostile_length_allocates_nothing() {
        assert_eq!(
            Cursor::new(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xffx").lenenc_bytes("v"),
            Err(DecodeError::Truncated { field: "v" })
        );
    }

    #[test]
    fn null_is_not_empty() {
        assert_eq!(Cursor::new(b"\xfb").nullable("v"), Ok(None));
        assert_eq!(Cursor::new(b"\0").nullable("v"), Ok(Some(&b""[..])));
    }

    proptest! {
        #[test]
        fn reads_what_is_written(number in any::<u64>(), bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Vec::new();
            put_lenenc(&mut out, number);
            put_lenenc_bytes(&mut out, &bytes);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.lenenc("n"), Ok(number));
            prop_assert_eq!(cursor.lenenc_bytes("b"), Ok(&bytes[..]));
            prop_assert!(cursor.is_empty());
        }
    }
}
