//! Texts that were read before need not be read again: programs say the same few things all day, with other
//! numbers in them.
//!
//! Two texts that differ in the digits of their numbers only are the same tokens, so what is known of one is
//! known of the other. That holds where it can be seen at a glance that a digit belongs to a number: a text
//! with any kind of quote in it is remembered as it is.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::{Calls, Dialect, EffectSet, Namings, StringStyle, Summary, TouchedSettings, classify};

/// Longest text to remember, in bytes.
const MAX_TEXT: usize = 2048;

/// Texts to remember; a power of two.
const SLOTS: usize = 1024;

/// What texts say that were read before. Needs about as much memory as the texts, and none before the first.
pub struct Memo {
    slots: Vec<Slot>,
    /// The text at hand with its numbers as `0`.
    form: Vec<u8>,
}

/// The texts with a hash that ends like this one's: the last of them, or its hash if it was seen once.
#[derive(Default, Clone)]
struct Slot {
    hash: u64,
    known: Option<Box<Known>>,
}

#[derive(Clone)]
struct Known {
    form: Box<[u8]>,
    style: StringStyle,
    statements: u32,
    effects: EffectSet,
    calls: Calls,
}

impl Default for Memo {
    fn default() -> Self {
        Self::new()
    }
}

impl Memo {
    /// Remembers nothing yet.
    pub const fn new() -> Self {
        Self {
            slots: Vec::new(),
            form: Vec::new(),
        }
    }

    /// The summary of a complete text: [`classify`], or what it said before.
    pub fn classify(&mut self, dialect: Dialect, style: StringStyle, sql: &[u8]) -> Summary {
        if sql.len() > MAX_TEXT {
            return classify(dialect, style, sql);
        }
        let form = if write_form(sql, &mut self.form) {
            self.form.as_slice()
        } else {
            sql
        };
        let mut hasher = FxHasher::default();
        hasher.write(form);
        let hash = hasher.finish();
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Slot::default());
        }
        let at = usize::try_from(hash).unwrap_or(usize::MAX) & SLOTS.saturating_sub(1);
        let Some(slot) = self.slots.get_mut(at) else {
            return classify(dialect, style, sql);
        };
        let seen = slot.hash == hash;
        if let Some(known) = &slot.known
            && seen
            && *known.form == *form
            && known.style == style
        {
            return known.summary();
        }
        let summary = classify(dialect, style, sql);
        slot.hash = hash;
        // One that is said once is not worth a copy.
        slot.known = if seen {
            Known::of(&summary, form, style).map(Box::new)
        } else {
            None
        };
        summary
    }
}

impl Known {
    /// What can be said of all texts of this form: nothing of names and settings, which have places and values.
    fn of(summary: &Summary, form: &[u8], style: StringStyle) -> Option<Self> {
        let general = summary.name.is_none()
            && summary.namings == Namings::default()
            && summary.settings.is_empty();
        general.then(|| Self {
            form: form.into(),
            style,
            statements: summary.statements,
            effects: summary.effects,
            calls: summary.calls.clone(),
        })
    }

    fn summary(&self) -> Summary {
        Summary {
            statements: self.statements,
            effects: self.effects,
            name: None,
            namings: Namings::default(),
            settings: TouchedSettings::default(),
            calls: self.calls.clone(),
        }
    }
}

/// What a byte may be the beginning of, where code is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Digit,
    Dollar,
    /// Of what is not code, or is not seen to be.
    Quote,
}

const fn class_of(byte: u8) -> Class {
    match byte {
        b'0'..=b'9' => Class::Digit,
        b'$' => Class::Dollar,
        b'\'' | b'"' | b'\\' => Class::Quote,
        _ => Class::Plain,
    }
}

/// How many plain bytes the text begins with.
fn plain_length(text: &[u8]) -> usize {
    let (chunks, _) = text.as_chunks::<CHUNK>();
    // Without an early end the compiler looks at the bytes of a chunk all at once.
    let is_plain = |chunk: &&[u8; CHUNK]| {
        let special = |found, byte: &u8| found | is_special(*byte);
        !chunk.iter().fold(false, special)
    };
    let skipped = chunks.iter().take_while(is_plain).count();
    let skipped = skipped.saturating_mul(CHUNK);
    let rest = text.get(skipped..).unwrap_or_default();
    let plain = rest.iter().position(|byte| is_special(*byte));
    skipped.saturating_add(plain.unwrap_or(rest.len()))
}

/// Bytes that are looked at together.
const CHUNK: usize = 16;

/// True for every byte that is not [`Class::Plain`].
#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches many bytes are compared at once"
)]
const fn is_special(byte: u8) -> bool {
    byte.is_ascii_digit() | (byte == b'$') | (byte == b'\'') | (byte == b'"') | (byte == b'\\')
}

/// Writes the text with every number as `0`. False if there is a quote in it, so that a digit may be anything.
fn write_form(sql: &[u8], form: &mut Vec<u8>) -> bool {
    form.clear();
    let mut rest = sql;
    let mut before = b' ';
    loop {
        let (plain, tail) = rest
            .split_at_checked(plain_length(rest))
            .unwrap_or((rest, &[]));
        form.extend_from_slice(plain);
        if tail.is_empty() {
            return true;
        }
        before = plain.last().copied().unwrap_or(before);
        let digits = |tail: &[u8]| tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length = match tail.first().map(|byte| class_of(*byte)) {
            Some(Class::Digit) => {
                let digits = digits(tail);
                if goes_on(before) {
                    // They are part of a name.
                    form.extend_from_slice(tail.get(..digits).unwrap_or_default());
                } else {
                    form.push(b'0');
                }
                digits
            }
            Some(Class::Dollar) => {
                // `$1` is a parameter; `$$` and `$tag$` are quotes.
                let length = digits(tail.get(1..).unwrap_or_default()).saturating_add(1);
                if length == 1 {
                    return false;
                }
                form.extend_from_slice(tail.get(..length).unwrap_or_default());
                length
            }
            Some(Class::Quote | Class::Plain) | None => return false,
        };
        before = b'0';
        rest = tail.get(length..).unwrap_or_default();
    }
}

/// True for what a digit behind it goes on with.
fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | 0x80..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(text: &str) -> Option<String> {
        let mut form = Vec::new();
        write_form(text.as_bytes(), &mut form).then(|| String::from_utf8(form).unwrap())
    }

    fn know(memo: &mut Memo, text: &str) -> Summary {
        memo.classify(Dialect::PostgreSql, StringStyle::Standard, text.as_bytes())
    }

    #[test]
    fn numbers_have_one_form_and_names_their_own() {
        let one = |text| form(text).unwrap();
        assert_eq!(
            one("select t1.a2 + 17 - 1.50, $12"),
            "select t1.a2 + 0 - 0.0, $12"
        );
        assert_eq!(one("select 12abc34, -5"), "select 0abc34, -0");
        assert_eq!(one("select 1 -- 22"), "select 0 -- 0");
        assert_eq!(form("select '1'"), None);
        assert_eq!(form("select $$1$$"), None);
        assert_eq!(form("select $a1$ 1 $a1$"), None);
        assert_eq!(form("select \"1\""), None);
    }

    #[test]
    fn what_is_skipped_at_a_glance_is_plain() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_special(byte), class_of(byte) != Class::Plain, "{byte}");
            for at in 0..40 {
                let mut text = [b'a'; 40];
                text[at] = byte;
                let plain = if is_special(byte) { at } else { 40 };
                assert_eq!(plain_length(&text), plain, "{byte} at {at}");
            }
        }
    }

    #[test]
    fn what_was_said_twice_is_known_the_third_time() {
        let mut memo = Memo::new();
        for number in 0..3 {
            let text = format!("select pg_advisory_lock({number})");
            let summary = know(&mut memo, &text);
            assert_eq!(summary.effects, EffectSet::ADVISORY_LOCK);
        }
        assert_eq!(
            memo.slots
                .iter()
                .filter(|slot| slot.known.is_some())
                .count(),
            1
        );
    }

    #[test]
    fn names_and_settings_are_read_every_time() {
        let mut memo = Memo::new();
        for _ in 0..4 {
            let deallocate = know(&mut memo, "  deallocate s1");
            assert_eq!(deallocate.name.unwrap().as_bytes(), b"s1");
            assert!(!know(&mut memo, "set work_mem = 12").settings.is_empty());
        }
        assert!(memo.slots.iter().all(|slot| slot.known.is_none()));
    }

    #[test]
    fn one_style_is_not_told_of_the_other() {
        let mut memo = Memo::new();
        let text = br"select '\', pg_advisory_lock(1) --'";
        for style in [StringStyle::Standard, StringStyle::BackslashEscapes] {
            for _ in 0..3 {
                let summary = memo.classify(Dialect::PostgreSql, style, text);
                assert_eq!(summary, classify(Dialect::PostgreSql, style, text));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever was read before, a text means what it means.
        #[test]
        fn a_memory_says_what_reading_says(
            texts in prop::collection::vec("([a-z_$.0-9;()'\"/*\\\\ -]|select |set |e'|lock1|\\$1|\\$\\$|pg_advisory_lock|now\\(){0,9}", 1..6),
            digits in prop::collection::vec("[0-9]{1,3}", 1..4),
        ) {
            let mut memo = Memo::new();
            let mut digits = digits.iter().cycle();
            for text in texts.iter().cycle().take(20) {
                // The same with other numbers.
                let mut varied = String::new();
                for letter in text.chars() {
                    if letter == '7' {
                        varied.push_str(digits.next().unwrap());
                    } else {
                        varied.push(letter);
                    }
                }
                let known = memo.classify(Dialect::PostgreSql, StringStyle::Standard, varied.as_bytes());
                let read = classify(Dialect::PostgreSql, StringStyle::Standard, varied.as_bytes());
                prop_assert_eq!(known, read, "{}", varied);
            }
        }
    }
}
