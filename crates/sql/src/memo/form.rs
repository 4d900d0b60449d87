//! A text with other numbers than its own: every number is written as `0`.

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

/// Writes the form of a text; false if it has none.
pub(super) fn write_form<C: Cut>(sql: &[u8], form: &mut Vec<u8>) -> bool {
    form.clear();
    let mut rest = sql;
    let mut before = b' ';
    loop {
        let (plain, tail) = rest
            .split_at_checked(plain_length::<C>(rest))
            .unwrap_or((rest, &[]));
        form.extend_from_slice(plain);
        if tail.is_empty() {
            return true;
        }
        before = plain.last().copied().unwrap_or(before);
        let length = match C::part(before, tail) {
            Some(Part::Kept(length)) => {
                let kept = tail.get(..length).unwrap_or_default();
                form.extend_from_slice(kept);
                before = kept.last().copied().unwrap_or(before);
                length
            }
            Some(Part::Number(length)) => {
                form.push(b'0');
                before = b'0';
                length
            }
            None => return false,
        };
        rest = tail.get(length..).unwrap_or_default();
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
    let mut form = Vec::new();
    write_form::<C>(text.as_bytes(), &mut form).then(|| String::from_utf8(form).unwrap())
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
        let mut form = b"left over".to_vec();
        assert!(write_form::<Digits>(b"12 a 3456789, 1", &mut form));
        assert_eq!(form, b"0 a 0, 0");
    }
}
