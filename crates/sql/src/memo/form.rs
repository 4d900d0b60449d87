//! A text with other numbers than its own: every number is written as `0`.

use std::hash::Hasher;
use std::iter;
use std::ops::Range;

use rustc_hash::FxHasher;

/// Where a dialect finds numbers.
pub(super) trait Cut {
    /// True for a byte that may begin a number, or something in which a digit is none.
    fn is_special(byte: u8) -> bool;

    /// What begins with the first byte of `tail`, which is special, behind `before`. `None` if it is not seen at a glance.
    fn part(before: u8, tail: &[u8]) -> Option<Part>;
}

/// A part of a text, of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It stands in the form as it is.
    Kept(usize),
    /// A number.
    Number(usize),
}

/// Bytes that are looked at together.
const CHUNK: usize = 16;

/// A text and where its numbers are. Its form has a `0` in the place of each; a text that has no form of that kind
/// is its own.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    sql: &'a [u8],
    numbers: &'a [Range<usize>],
}

impl<'a> Form<'a> {
    /// The form of a text; `numbers` is memory to work in.
    pub(super) fn of<C: Cut>(sql: &'a [u8], numbers: &'a mut Vec<Range<usize>>) -> Self {
        if !find_numbers::<C>(sql, numbers) {
            numbers.clear();
        }
        Self { sql, numbers }
    }

    /// What stands between the numbers: one piece more than there are numbers.
    fn pieces(self) -> impl Iterator<Item = &'a [u8]> {
        let ends = self.numbers.iter().map(|number| number.start);
        let starts = self.numbers.iter().map(|number| number.end);
        let pieces = iter::once(0)
            .chain(starts)
            .zip(ends.chain([self.sql.len()]));
        pieces.map(move |(start, end)| self.sql.get(start..end).unwrap_or_default())
    }

    /// The same for texts of the same form.
    pub(super) fn hash(self) -> u64 {
        let mut hasher = FxHasher::default();
        for piece in self.pieces() {
            hasher.write(piece);
        }
        hasher.finish()
    }

    /// True if this is the form, written out.
    pub(super) fn is(self, written: &[u8]) -> bool {
        let mut rest = written;
        for (at, piece) in self.pieces().enumerate() {
            if at > 0 {
                let Some(behind) = rest.strip_prefix(b"0") else {
                    return false;
                };
                rest = behind;
            }
            let Some(behind) = rest.strip_prefix(piece) else {
                return false;
            };
            rest = behind;
        }
        rest.is_empty()
    }

    /// Writes the form out.
    pub(super) fn written(self) -> Box<[u8]> {
        let pieces: Vec<&[u8]> = self.pieces().collect();
        pieces.join(&b'0').into()
    }
}

/// Finds the numbers of a text; false if they cannot be told.
fn find_numbers<C: Cut>(sql: &[u8], numbers: &mut Vec<Range<usize>>) -> bool {
    numbers.clear();
    let mut at = 0_usize;
    loop {
        let rest = sql.get(at..).unwrap_or_default();
        let plain = plain_length::<C>(rest);
        let Some(tail) = rest.get(plain..).filter(|tail| !tail.is_empty()) else {
            return true;
        };
        at = at.saturating_add(plain);
        let before = at.checked_sub(1).and_then(|last| sql.get(last));
        let start = at;
        match C::part(before.copied().unwrap_or(b' '), tail) {
            Some(Part::Kept(length)) => at = at.saturating_add(length),
            Some(Part::Number(length)) => {
                at = at.saturating_add(length);
                numbers.push(start..at);
            }
            None => return false,
        }
    }
}

/// How many plain bytes the text begins with.
fn plain_length<C: Cut>(text: &[u8]) -> usize {
    let (chunks, _) = text.as_chunks::<CHUNK>();
    // Without an early end the compiler looks at the bytes of a chunk all at once.
    let is_plain = |chunk: &&[u8; CHUNK]| {
        let special = |found, byte: &u8| found | C::is_special(*byte);
        !chunk.iter().fold(false, special)
    };
    let skipped = chunks.iter().take_while(is_plain).count();
    let skipped = skipped.saturating_mul(CHUNK);
    let rest = text.get(skipped..).unwrap_or_default();
    let plain = rest.iter().position(|byte| C::is_special(*byte));
    skipped.saturating_add(plain.unwrap_or(rest.len()))
}

/// How many digits the text begins with.
pub(super) fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// True for what a digit behind it goes on with, in a name.
pub(super) fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// The form of a text, if it has one.
#[cfg(test)]
pub(super) fn form_of<C: Cut>(text: &str) -> Option<String> {
    let mut numbers = Vec::new();
    find_numbers::<C>(text.as_bytes(), &mut numbers).then(|| {
        let form = Form {
            sql: text.as_bytes(),
            numbers: &numbers,
        };
        assert!(form.is(&form.written()));
        String::from_utf8(form.written().into()).unwrap()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Digits;

    impl Cut for Digits {
        fn is_special(byte: u8) -> bool {
            byte.is_ascii_digit()
        }

        fn part(_: u8, tail: &[u8]) -> Option<Part> {
            Some(Part::Number(digits(tail)))
        }
    }

    #[test]
    fn what_is_skipped_at_a_glance_is_plain() {
        for byte in 0..=u8::MAX {
            for at in 0..40 {
                let mut text = [b'a'; 40];
                text[at] = byte;
                let plain = if byte.is_ascii_digit() { at } else { 40 };
                assert_eq!(plain_length::<Digits>(&text), plain, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn numbers_are_written_as_one_digit() {
        let (mut ones, mut others) = (vec![0..7, 9..9], Vec::new());
        let one = Form::of::<Digits>(b"12 a 3456789, 1", &mut ones);
        let other = Form::of::<Digits>(b"7 a 8, 999", &mut others);
        assert_eq!(*one.written(), *b"0 a 0, 0");
        assert_eq!(one.hash(), other.hash());
        assert!(other.is(&one.written()));
        for written in [&b"0 a 0, "[..], b"0 a 0, 0 ", b"0 b 0, 0", b"1 a 0, 0", b""] {
            assert!(!one.is(written));
        }
    }
}
