//! The attribute lists SCRAM messages are made of: `a=value,b=value,…` (RFC 5802, section 7).

use super::ScramError;

/// Takes the attribute at the front and its comma, if there is one. `rest` is `None` at the end.
pub(super) struct Attributes<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    /// Starts reading a message that must not be longer than `limit`.
    pub(super) fn new(message: &'a [u8], limit: usize) -> Result<Self, ScramError> {
        let length = message.len();
        if length > limit {
            return Err(ScramError::TooLong { length, limit });
        }
        Ok(Self {
            rest: Some(message),
        })
    }

    /// The next element, whatever it is.
    pub(super) fn element(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let comma = memchr::memchr(b',', rest).unwrap_or(rest.len());
        let (element, behind) = rest.split_at_checked(comma)?;
        self.rest = behind.split_first().map(|(_, rest)| rest);
        Some(element)
    }

    /// The value of the next attribute, which must be `letter`.
    pub(super) fn value(&mut self, letter: u8) -> Result<&'a [u8], ScramError> {
        let attribute = char::from(letter);
        match self.element() {
            Some([found, b'=', value @ ..]) if *found == letter => Ok(value),
            Some([b'm', b'=', ..]) => Err(ScramError::MandatoryExtension),
            Some(_) | None => Err(ScramError::Attribute { attribute }),
        }
    }

    /// Everything not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest.unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_none()
    }
}

/// RFC 5802's `printable`: visible ASCII without the comma.
pub(super) fn is_printable(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|c| c.is_ascii_graphic() && *c != b',')
}
