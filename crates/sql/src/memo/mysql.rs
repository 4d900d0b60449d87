//! MySQL and MariaDB.

use super::form::{Cut, Part, digits, goes_on};
use super::{Forms, Found};
use crate::mysql::{
    Charset, EffectSet, Mode, Objects, Summary, TouchedVariables, UserVariables, classify,
};

/// What texts of MySQL and MariaDB say that were read before, and what follows from that and their words alone (`T`).
pub struct MySqlMemo<T>(Forms<Mode, General<T>>);

/// What can be said of all texts of a form.
struct General<T> {
    statements: u32,
    effects: EffectSet,
    follows: T,
}

/// Of texts that do this, numbers say more: how much is shown, and what is to end, unless the number is too large for that.
const COUNTS: EffectSet = EffectSet::SHOW_WARNINGS
    .union(EffectSet::GET_DIAGNOSTICS)
    .union(EffectSet::KILL);

impl<T: Copy> Default for MySqlMemo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> MySqlMemo<T> {
    /// Remembers nothing yet.
    pub const fn new() -> Self {
        Self(Forms::new())
    }

    /// The summary of a complete text and what `follow` makes of it: [`classify`], or what it said before. What `follow`
    /// gives must not depend on the numbers in the text, unless it shows conditions.
    pub fn read(
        &mut self,
        mode: Mode,
        sql: &[u8],
        follow: impl FnOnce(&Summary) -> T,
    ) -> (Summary, T) {
        // A digit may be the half of a letter.
        let found = if mode.charset == Charset::Unsafe {
            Found::Passing
        } else {
            self.0.find::<Texts>(mode, sql)
        };
        if let Found::Known(known) = &found {
            return (known.summary(), known.follows);
        }
        let summary = classify(mode, sql);
        let follows = follow(&summary);
        if let Found::New(place) = found {
            place.keep(General::of(&summary, follows));
        }
        (summary, follows)
    }
}

impl<T> General<T> {
    /// Nothing of names and places, which differ.
    fn of(summary: &Summary, follows: T) -> Option<Self> {
        let Summary {
            statements,
            effects,
            name,
            variables,
            user_variables,
            kill,
            connection_ids,
            objects,
            questions,
            unlisted_questions,
        } = summary;
        let general = name.is_none()
            && variables.is_empty()
            && user_variables.is_empty()
            && kill.is_none()
            && connection_ids.is_empty()
            && *objects == Objects::default()
            && questions.is_empty()
            && unlisted_questions.is_empty()
            && !effects.intersects(COUNTS);
        general.then_some(Self {
            statements: *statements,
            effects: *effects,
            follows,
        })
    }

    fn summary(&self) -> Summary {
        Summary {
            statements: self.statements,
            effects: self.effects,
            name: None,
            variables: TouchedVariables::default(),
            user_variables: UserVariables::default(),
            kill: None,
            connection_ids: Vec::new(),
            objects: Objects::default(),
            questions: Vec::new(),
            unlisted_questions: EffectSet::NONE,
        }
    }
}

/// Where MySQL and MariaDB find numbers.
struct Texts;

impl Cut for Texts {
    #[inline]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without branches many bytes are compared at once"
    )]
    fn is_special(byte: u8) -> bool {
        byte.is_ascii_digit()
            | (byte == b'\'')
            | (byte == b'"')
            | (byte == b'\\')
            | (byte == b'`')
            | (byte == b'#')
            | (byte == b'-')
            | (byte == b'/')
    }

    fn part(before: u8, tail: &[u8]) -> Option<Part> {
        match tail {
            [b'0'..=b'9', ..] => {
                let digits = digits(tail);
                let behind = tail.get(digits).copied().unwrap_or(b' ');
                // Names may begin with digits; behind a dot or `@` they may be nothing else.
                let named =
                    goes_on(before) || matches!(before, b'.' | b'@' | b'`') || goes_on(behind);
                Some(if named {
                    Part::Kept(digits)
                } else {
                    Part::Number(digits)
                })
            }
            [b'`', rest @ ..] => {
                let end = rest.iter().position(|byte| *byte == b'`')?;
                Some(Part::Kept(end.saturating_add(2)))
            }
            // Comments: some are code, for servers from a version on.
            [b'#', ..] | [b'-', b'-', ..] | [b'/', b'*', ..] => None,
            [b'-' | b'/', ..] => Some(Part::Kept(1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::form::form_of;
    use super::*;
    use crate::mysql::{Backslash, DoubleQuotes, Server};

    /// Things that could be made of a text besides, without its numbers.
    fn letters(text: &str) -> usize {
        let letters = text.bytes().filter(|byte| !byte.is_ascii_digit());
        letters.map(usize::from).sum()
    }

    #[test]
    fn numbers_have_one_form_and_names_their_own() {
        let one = |text| form_of::<Texts>(text).unwrap();
        assert_eq!(
            one("select t1.a2 + 17 - 23 from `db 1`.`t``2` where id=42"),
            "select t1.a2 + 0 - 0 from `db 1`.`t``2` where id=0"
        );
        for text in [
            "select 0x1F, 1e5, 1a, @1, t.1, `a`1, 0b01",
            "select 12abc34",
            "select a1$2",
        ] {
            assert_eq!(one(text), text);
        }
        assert_eq!(one("select 1.50, 1/2"), "select 0.50, 0/0");
        for text in [
            "select '1'",
            "select \"1\"",
            "select 1 -- 1",
            "select 1 # 1",
            "select /*!80000 1 */ 2",
            "select `1",
            "select 1 \\g",
        ] {
            assert_eq!(form_of::<Texts>(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_said_twice_is_known_the_third_time() {
        let mut memo = MySqlMemo::new();
        let mut read = 0;
        for number in 0..5 {
            let text = format!("select a from t where id = {number} for update");
            let mode = Mode::default();
            let (summary, follows) = memo.read(mode, text.as_bytes(), |_| {
                read += 1;
                letters(&text)
            });
            assert_eq!(summary, classify(mode, text.as_bytes()));
            assert_eq!(follows, letters(&text));
        }
        assert_eq!((read, memo.0.count()), (2, 1));
    }

    #[test]
    fn names_and_places_are_read_every_time() {
        let mut memo = MySqlMemo::new();
        for text in [
            "set @a = 1",
            "set sql_mode = 0",
            "kill 5",
            "kill query 99999999999999999999",
            "select connection_id(), 1",
            "prepare p from @a",
            "call p(1)",
            "drop table t1",
            "select row_count(), 1",
            "show warnings limit 1",
        ] {
            for _ in 0..3 {
                memo.read(Mode::default(), text.as_bytes(), |_| ());
            }
        }
        assert_eq!(memo.0.count(), 0);
    }

    #[test]
    fn where_letters_may_have_digits_in_them_nothing_is_remembered() {
        let mut memo = MySqlMemo::new();
        let mode = Mode {
            charset: Charset::Unsafe,
            ..Mode::default()
        };
        for _ in 0..3 {
            memo.read(mode, b"select 1", |_| ());
        }
        assert_eq!(memo.0.count(), 0);
    }

    fn modes() -> impl Strategy<Value = Mode> {
        let server = prop_oneof![
            Just(Server::MySql { version: 90_700 }),
            Just(Server::MariaDb { version: 101_118 }),
        ];
        (server, any::<bool>(), any::<bool>()).prop_map(|(server, ansi, literal)| Mode {
            server,
            double_quotes: if ansi {
                DoubleQuotes::Identifier
            } else {
                DoubleQuotes::Text
            },
            backslash: if literal {
                Backslash::Literal
            } else {
                Backslash::Escape
            },
            charset: Charset::Utf8,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Whatever was read before, a text means what it means.
        #[test]
        fn a_memory_says_what_reading_says(
            modes in prop::collection::vec(modes(), 1..3),
            texts in prop::collection::vec("([a-z_$@.0-9;()'\"`/*!#\\\\ -]|select |set |insert |update |kill |call |show warnings limit |-- |/\\*!5|get_lock\\(|7|77| 7){0,9}", 1..6),
            digits in prop::collection::vec("[0-9]{1,6}|[0-9]{20}", 1..4),
        ) {
            let mut memo = MySqlMemo::new();
            let mut digits = digits.iter().cycle();
            for (mode, text) in modes.iter().cycle().zip(texts.iter().cycle()).take(30) {
                // The same with other numbers.
                let mut varied = String::new();
                for letter in text.chars() {
                    if letter == '7' {
                        varied.push_str(digits.next().unwrap());
                    } else {
                        varied.push(letter);
                    }
                }
                let (known, follows) = memo.read(*mode, varied.as_bytes(), |_| letters(&varied));
                prop_assert_eq!(known, classify(*mode, varied.as_bytes()), "{}", varied);
                prop_assert_eq!(follows, letters(&varied), "{}", varied);
            }
        }
    }
}
