//! A name as the server keeps it: at most 63 bytes, on the stack.

/// Longest identifier a server keeps, in bytes. PostgreSQL `NAMEDATALEN` less its terminator.
const MAX_BYTES: usize = 63;

/// An identifier, folded to lower case if it was not quoted. Bytes beyond 63 are gone, as they are in
/// the server.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; MAX_BYTES],
    len: u8,
    cut: bool,
}

impl Name {
    /// The empty name.
    pub const EMPTY: Self = Self {
        bytes: [0; MAX_BYTES],
        len: 0,
        cut: false,
    };

    /// The first 63 bytes of `text`.
    pub fn from_bytes(text: &[u8]) -> Self {
        let mut name = Self::EMPTY;
        name.push_all(text);
        name
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// True when no byte was lost, so the name is what its author wrote.
    pub fn is_whole(&self) -> bool {
        !self.cut
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(usize::from(self.len)) {
            Some(slot) => {
                *slot = byte;
                self.len = self.len.saturating_add(1);
            }
            None => self.cut = true,
        }
    }

    /// Appends the word that `text` starts with, in lower case; bytes beyond ASCII stay as they are.
    /// Returns its length, which may be more than fits.
    #[inline]
    pub(crate) fn push_word(&mut self, text: &[u8]) -> usize {
        let start = usize::from(self.len);
        let free = self.bytes.get_mut(start..).unwrap_or_default();
        let room = free.len();
        let mut taken = 0_usize;
        for (slot, byte) in free.iter_mut().zip(text) {
            let folded = folded(*byte);
            if folded == 0 {
                break;
            }
            *slot = folded;
            taken = taken.saturating_add(1);
        }
        let mut length = taken;
        if taken == room {
            let beyond = text.get(taken..).unwrap_or_default();
            let more = beyond.iter().position(|byte| !continues_word(*byte));
            length = length.saturating_add(more.unwrap_or(beyond.len()));
        }
        self.grow(taken, length);
        length
    }

    /// Appends `other` with its ASCII letters in lower case, and what is known to be missing of it.
    pub(crate) fn push_lower(&mut self, other: &Self) {
        for byte in other.as_bytes() {
            self.push(byte.to_ascii_lowercase());
        }
        self.cut |= other.cut;
    }

    /// Appends `text` as it is.
    #[inline]
    pub(crate) fn push_all(&mut self, text: &[u8]) {
        let free = self
            .bytes
            .get_mut(usize::from(self.len)..)
            .unwrap_or_default();
        let taken = free.len().min(text.len());
        free.iter_mut()
            .zip(text)
            .for_each(|(slot, byte)| *slot = *byte);
        self.grow(taken, text.len());
    }

    #[inline]
    fn grow(&mut self, taken: usize, offered: usize) {
        let taken_small = u8::try_from(taken).unwrap_or(u8::MAX);
        self.len = self.len.saturating_add(taken_small);
        self.cut |= taken < offered;
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.cut = false;
    }
}

/// For each byte what it is in a folded word, or zero if it ends the word.
const FOLDED: [u8; 256] = folding();

#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where overflow and bad indexes are errors"
)]
const fn folding() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80 {
            table[at] = byte.to_ascii_lowercase();
        }
        at += 1;
    }
    table
}

#[inline]
fn folded(byte: u8) -> u8 {
    FOLDED.get(usize::from(byte)).copied().unwrap_or(0)
}

/// True for bytes that go on with a word that has begun.
#[inline]
pub(crate) fn continues_word(byte: u8) -> bool {
    folded(byte) != 0
}

/// What a longer name left behind in the buffer is no part of a name.
impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cut == other.cut && self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beyond_the_limit_are_gone() {
        let long = [b'x'; 64];
        let name = Name::from_bytes(&long);
        assert_eq!(name.as_bytes().len(), 63);
        assert!(!name.is_whole());
        assert!(Name::from_bytes(b"short").is_whole());
    }

    #[test]
    fn names_are_compared_without_what_was_there_before() {
        let mut name = Name::from_bytes(b"longer");
        name.clear();
        name.push_all(b"a");
        assert_eq!(name, Name::from_bytes(b"a"));
    }

    #[test]
    fn a_lowered_name_keeps_its_loss() {
        let mut name = Name::EMPTY;
        name.push_lower(&Name::from_bytes(b"App"));
        assert_eq!(name.as_bytes(), b"app");
        let mut cut = Name::EMPTY;
        cut.push_lower(&Name::from_bytes(&[b'X'; 64]));
        assert!(!cut.is_whole());
    }
}
