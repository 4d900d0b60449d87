//! PostgreSQL.

use super::form::{Cut, Part, digits, goes_on};
use super::{Forms, Found};
use crate::{Calls, Dialect, EffectSet, Namings, StringStyle, Summary, TouchedSettings, classify};

/// What texts of PostgreSQL say that were read before.
pub struct Memo(Forms<StringStyle, General>);

/// What can be said of all texts of a form.
struct General {
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
        Self(Forms::new())
    }

    /// The summary of a complete text: [`classify`], or what it said before.
    pub fn classify(&mut self, style: StringStyle, sql: &[u8]) -> Summary {
        match self.0.find::<Texts>(style, sql) {
            Found::Known(known) => known.summary(),
            Found::Passing => classify(Dialect::PostgreSql, style, sql),
            Found::New(place) => {
                let summary = classify(Dialect::PostgreSql, style, sql);
                place.keep(General::of(&summary));
                summary
            }
        }
    }
}

impl General {
    /// Nothing of names and settings, which have places and values.
    fn of(summary: &Summary) -> Option<Self> {
        let general = summary.name.is_none()
            && summary.namings == Namings::default()
            && summary.settings.is_empty();
        general.then(|| Self {
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

/// Where PostgreSQL finds numbers.
struct Texts;

impl Cut for Texts {
    #[inline]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without branches many bytes are compared at once"
    )]
    fn is_special(byte: u8) -> bool {
        byte.is_ascii_digit() | (byte == b'$') | (byte == b'\'') | (byte == b'"') | (byte == b'\\')
    }

    fn part(before: u8, tail: &[u8]) -> Option<Part> {
        match tail.first()? {
            b'0'..=b'9' => {
                let digits = digits(tail);
                // Behind a letter they are part of a name.
                Some(if goes_on(before) {
                    Part::Kept(digits)
                } else {
                    Part::Number(digits)
                })
            }
            b'$' => {
                // `$1` is a parameter; `$$` and `$tag$` are quotes.
                let digits = digits(tail.get(1..).unwrap_or_default());
                (digits > 0).then(|| Part::Kept(digits.saturating_add(1)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::form::form_of;
    use super::*;

    fn know(memo: &mut Memo, text: &str) -> Summary {
        memo.classify(StringStyle::Standard, text.as_bytes())
    }

    #[test]
    fn numbers_have_one_form_and_names_their_own() {
        let one = |text| form_of::<Texts>(text).unwrap();
        assert_eq!(
            one("select t1.a2 + 17 - 1.50, $12"),
            "select t1.a2 + 0 - 0.0, $12"
        );
        assert_eq!(one("select 12abc34, -5"), "select 0abc34, -0");
        assert_eq!(one("select 1 -- 22"), "select 0 -- 0");
        assert_eq!(form_of::<Texts>("select '1'"), None);
        assert_eq!(form_of::<Texts>("select $$1$$"), None);
        assert_eq!(form_of::<Texts>("select $a1$ 1 $a1$"), None);
        assert_eq!(form_of::<Texts>("select \"1\""), None);
    }

    #[test]
    fn what_was_said_twice_is_known_the_third_time() {
        let mut memo = Memo::new();
        for number in 0..3 {
            let text = format!("select pg_advisory_lock({number})");
            let summary = know(&mut memo, &text);
            assert_eq!(summary.effects, EffectSet::ADVISORY_LOCK);
        }
        assert_eq!(memo.0.count(), 1);
    }

    #[test]
    fn names_and_settings_are_read_every_time() {
        let mut memo = Memo::new();
        for _ in 0..4 {
            let deallocate = know(&mut memo, "  deallocate s1");
            assert_eq!(deallocate.name.unwrap().as_bytes(), b"s1");
            assert!(!know(&mut memo, "set work_mem = 12").settings.is_empty());
        }
        assert_eq!(memo.0.count(), 0);
    }

    #[test]
    fn one_style_is_not_told_of_the_other() {
        let mut memo = Memo::new();
        let text = br"select '\', pg_advisory_lock(1) --'";
        for style in [StringStyle::Standard, StringStyle::BackslashEscapes] {
            for _ in 0..3 {
                let summary = memo.classify(style, text);
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
                let known = memo.classify(StringStyle::Standard, varied.as_bytes());
                let read = classify(Dialect::PostgreSql, StringStyle::Standard, varied.as_bytes());
                prop_assert_eq!(known, read, "{}", varied);
            }
        }
    }
}
