//! What `format` makes of its arguments.
//!
//! Source of the rules: PostgreSQL 15 manual, 9.4.1 "format".

use super::expression::{identifiers, literals};
use super::text::{Part, Texts, constant, either, joined, nothing, plain, unknown};

/// The texts that come of these formats with these values.
pub(super) fn texts(formats: &Texts, values: &[Texts]) -> Texts {
    let mut all = Texts::new();
    for format in formats {
        let Some(format) = plain(format) else {
            return unknown();
        };
        all = either(all, filled(&format, values).unwrap_or_else(unknown));
    }
    all
}

/// Nothing if the server would refuse the format, or it asks for more than is followed here.
fn filled(format: &[u8], values: &[Texts]) -> Option<Texts> {
    let mut all = nothing();
    let mut rest = format;
    let mut next = 0_usize;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            let length = memchr::memchr(b'%', rest).unwrap_or(rest.len());
            let (text, tail) = rest.split_at_checked(length)?;
            all = joined(&all, &constant(text));
            rest = tail;
            continue;
        }
        if let Some((b'%', tail)) = tail.split_first() {
            all = joined(&all, &constant(b"%"));
            rest = tail;
            continue;
        }
        let (position, tail) = position(tail);
        let (kind, tail) = tail.split_first()?;
        let at = match position {
            Some(position) => position.checked_sub(1)?,
            None => next,
        };
        next = at.saturating_add(1);
        let value = values.get(at)?.clone();
        let value = match kind {
            b'I' => identifiers(value),
            b'L' => literals(value),
            // NULL is nothing, which matters where what is around it would come together.
            b's' if matters(&all, tail) => either(nothing(), value),
            b's' => value,
            _ => return None,
        };
        all = joined(&all, &value);
        rest = tail;
    }
    Some(all)
}

/// `n$`.
fn position(text: &[u8]) -> (Option<usize>, &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = text.get(..length).unwrap_or_default();
    let number = std::str::from_utf8(digits).ok();
    let number = number.and_then(|digits| digits.parse().ok());
    match (number, text.get(length..)) {
        (Some(number), Some([b'$', tail @ ..])) => (Some(number), tail),
        _ => (None, text),
    }
}

/// Whether it makes a difference that nothing stands there: a statement may start, or two pieces of a word,
/// a quote or a comment may meet.
fn matters(before: &Texts, behind: &[u8]) -> bool {
    let apart = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_whitespace() || b"(),=<>".contains(byte))
    };
    let meets = |text: &Vec<Part>| match text.last() {
        Some(Part::Text(last)) => {
            let ends = last.trim_ascii_end();
            let glued = !apart(last.last()) && !apart(behind.first());
            ends.is_empty() || ends.ends_with(b";") || glued
        }
        Some(Part::Hole(_) | Part::Seam | Part::Itself) | None => true,
    };
    before.iter().any(meets)
}
