//! What a text does, statement by statement, to the settings under which its own `PREPARE`s are read.
//!
//! Only what says so plainly is followed: `SET` and `RESET` with constants. What a default is the server
//! says when it matters, so `RESET` needs no value.

use super::reading::{NAMES, Reading};

/// One of the styles of dates; source: PostgreSQL 15 `check_datestyle`.
const DATE_STYLES: [&str; 4] = ["iso", "sql", "postgres", "german"];

/// A word, a constant or a mark of a `SET`.
#[derive(Debug, PartialEq, Eq)]
enum Lexeme {
    /// In lower case; a number as well.
    Word(String),
    Text(String),
    Equals,
    Comma,
}

/// What a `SET` or `RESET` does.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// Nothing to the settings of a reading.
    Elsewhere,
    /// To the setting at this place among the names.
    To(usize, String),
    ToDefault(usize),
    AllToDefault,
}

impl Reading {
    /// The settings behind a `SET` or `RESET` that was read under these, and whether it may have changed any.
    /// `None` if that cannot be told.
    pub(crate) fn after(&self, statement: &[u8]) -> Option<(Self, Moved)> {
        let mut values = self.values.clone();
        match change(&lexemes(statement)?)? {
            Change::Elsewhere => return Some((Self { values }, Moved::No)),
            Change::AllToDefault => values.fill(None),
            Change::ToDefault(at) => *values.get_mut(at)? = None,
            Change::To(at, value) => {
                let kept = values.get_mut(at)?;
                let value = if NAMES.get(at) == Some(&"datestyle") {
                    date_style(kept.as_deref(), &value)?
                } else {
                    value
                };
                *kept = Some(value.into_bytes().into());
            }
        }
        Some((Self { values }, Moved::Perhaps))
    }
}

/// Whether a statement may have changed how the next one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    No,
    Perhaps,
}

/// True for the name of a setting that constants depend on.
pub(crate) fn is_of_reading(name: &[u8]) -> bool {
    NAMES.iter().any(|known| known.as_bytes() == name)
}

/// The words of a statement without comments, escapes or quoted names; `None` for any other.
fn lexemes(statement: &[u8]) -> Option<Vec<Lexeme>> {
    let mut rest = std::str::from_utf8(statement).ok()?;
    let mut all = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        let Some(first) = rest.chars().next() else {
            return Some(all);
        };
        match first {
            '=' => all.push(Lexeme::Equals),
            ',' => all.push(Lexeme::Comma),
            '\'' => {
                let (text, tail) = quoted(rest)?;
                all.push(Lexeme::Text(text));
                rest = tail;
                continue;
            }
            _ => {
                let end = rest.find(|letter: char| !is_of_word(letter));
                let (word, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
                // A comment, and prefixes that give strings another meaning, are not looked into.
                if word.is_empty() || word.contains("--") || tail.starts_with('\'') {
                    return None;
                }
                all.push(Lexeme::Word(word.to_ascii_lowercase()));
                rest = tail;
                continue;
            }
        }
        rest = rest.get(1..)?;
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-' | '+')
}

/// A plain string and what follows it.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = rest.strip_prefix('\'')?;
    loop {
        let (inside, tail) = rest.split_once('\'')?;
        if inside.contains('\\') || !inside.is_ascii() {
            return None;
        }
        text.push_str(inside);
        let Some(more) = tail.strip_prefix('\'') else {
            // Strings on two lines are one.
            let goes_on = tail.trim_ascii_start().starts_with('\'');
            return (!goes_on).then_some((text, tail));
        };
        text.push('\'');
        rest = more;
    }
}

fn change(lexemes: &[Lexeme]) -> Option<Change> {
    let (verb, rest) = word(lexemes)?;
    match verb {
        "reset" => reset(rest),
        "set" => set(rest),
        _ => None,
    }
}

fn reset(rest: &[Lexeme]) -> Option<Change> {
    let (name, rest) = word(rest)?;
    match (name, rest) {
        ("all", []) => Some(Change::AllToDefault),
        ("time", [Lexeme::Word(zone)]) if zone == "zone" => named("timezone", None),
        ("session" | "transaction", [_, ..]) => Some(Change::Elsewhere),
        (name, []) => named(name, None),
        _ => None,
    }
}

fn set(rest: &[Lexeme]) -> Option<Change> {
    let (first, behind) = word(rest)?;
    let (name, rest) = match (first, word(behind)) {
        ("session" | "local", Some((second, further))) if second != "to" => (second, further),
        (first, _) => (first, behind),
    };
    match (name, rest) {
        (name, [Lexeme::Equals, value @ ..]) => named(name, Some(value)),
        (name, [Lexeme::Word(to), value @ ..]) if to == "to" => named(name, Some(value)),
        ("time", [Lexeme::Word(zone), value @ ..]) if zone == "zone" => match value {
            [Lexeme::Word(local)] if local == "local" => named("timezone", None),
            value => named("timezone", Some(value)),
        },
        ("xml", [Lexeme::Word(option), value @ ..]) if option == "option" => {
            named("xmloption", Some(value))
        }
        ("names", value @ [_, ..]) => named("client_encoding", Some(value)),
        (
            "transaction" | "constraints" | "characteristics" | "authorization" | "role" | "schema",
            _,
        ) => Some(Change::Elsewhere),
        _ => None,
    }
}

/// A setting is given a value, or its default.
fn named(name: &str, value: Option<&[Lexeme]>) -> Option<Change> {
    let Some(at) = NAMES.iter().position(|known| *known == name) else {
        return Some(Change::Elsewhere);
    };
    match value {
        None => Some(Change::ToDefault(at)),
        Some([Lexeme::Word(word)]) if word == "default" => Some(Change::ToDefault(at)),
        Some(items) => joined(items).map(|value| Change::To(at, value)),
    }
}

/// The items of a list as the server puts them together.
fn joined(items: &[Lexeme]) -> Option<String> {
    let mut values = Vec::new();
    for item in items.split(|item| *item == Lexeme::Comma) {
        match item {
            [Lexeme::Word(value) | Lexeme::Text(value)] => values.push(value.as_str()),
            _ => return None,
        }
    }
    Some(values.join(", "))
}

fn word(lexemes: &[Lexeme]) -> Option<(&str, &[Lexeme])> {
    match lexemes {
        [Lexeme::Word(word), rest @ ..] => Some((word, rest)),
        _ => None,
    }
}

/// What `DateStyle` is after it is set to this: what it does not say of style and order stays.
fn date_style(now: Option<&[u8]>, value: &str) -> Option<String> {
    let now = std::str::from_utf8(now?).ok()?;
    let (mut style, mut order) = now.split_once(", ")?;
    let mut ordered = false;
    for item in value.split(',') {
        let item = item.trim_ascii().to_ascii_lowercase();
        match item.as_str() {
            "ymd" => order = "YMD",
            "dmy" => order = "DMY",
            "mdy" | "us" => order = "MDY",
            known => {
                style = DATE_STYLES.into_iter().find(|style| *style == known)?;
                if style == "german" && !ordered {
                    order = "DMY";
                }
                continue;
            }
        }
        ordered = true;
    }
    Some(format!("{style}, {order}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        let values = NAMES.map(|name| match name {
            "datestyle" => Some(b"ISO, MDY"[..].into()),
            _ => None,
        });
        Reading {
            values: values.into(),
        }
    }

    /// What a statement makes of a setting.
    fn made(name: &str, statement: &str) -> Option<String> {
        let (after, _) = reading().after(statement.as_bytes())?;
        let at = NAMES.iter().position(|known| *known == name).unwrap();
        let value = after.values[at].as_deref();
        Some(String::from_utf8(value.unwrap_or(b"(default)").to_vec()).unwrap())
    }

    #[test]
    fn constants_are_followed() {
        for (name, statement, value) in [
            ("datestyle", "set datestyle = 'SQL, DMY'", "sql, DMY"),
            (
                "datestyle",
                " SET LOCAL DateStyle to german ",
                "german, DMY",
            ),
            ("datestyle", "set session datestyle to dmy", "ISO, DMY"),
            ("datestyle", "set datestyle = YMD, SQL", "sql, YMD"),
            ("datestyle", "reset datestyle", "(default)"),
            ("datestyle", "RESET ALL", "(default)"),
            ("timezone", "set time zone 'Europe/Zurich'", "Europe/Zurich"),
            ("timezone", "set local time zone -7", "-7"),
            ("timezone", "set time zone local", "(default)"),
            ("timezone", "set timezone to default", "(default)"),
            ("client_encoding", "set names 'LATIN1'", "LATIN1"),
            ("xmloption", "set xml option document", "document"),
            ("array_nulls", "set array_nulls=off", "off"),
            ("lc_monetary", "set lc_monetary = 'it''s'", "it's"),
        ] {
            assert_eq!(made(name, statement).as_deref(), Some(value), "{statement}");
        }
    }

    #[test]
    fn other_settings_change_nothing() {
        for statement in [
            "set work_mem = '1MB'",
            "set local search_path to a, b",
            "set my.own = 'x'",
            "set role alice",
            "set session characteristics as transaction read only",
            "set transaction isolation level serializable",
            "reset role",
            "reset session authorization",
        ] {
            let after = reading().after(statement.as_bytes());
            assert_eq!(
                after.map(|(_, moved)| moved),
                Some(Moved::No),
                "{statement}"
            );
        }
    }

    #[test]
    fn what_is_not_plain_is_not_guessed() {
        for statement in [
            "set datestyle = E'SQL'",
            "set datestyle from current",
            "set datestyle to 'nonsense'",
            "set \"DateStyle\" = 'SQL'",
            "set timezone = interval '1 hour'",
            "set timezone /* to */ = 'UTC'",
            "set timezone -- to\n = 'UTC'",
            "set timezone = 'a\\b'",
            "set timezone = 'a'\n'b'",
            "set timezone = 'open",
            "select set_config('timezone', 'UTC', true)",
            "set",
            "",
        ] {
            assert_eq!(reading().after(statement.as_bytes()), None, "{statement}");
        }
    }
}
