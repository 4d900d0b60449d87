//! The settings a server connection reports, and which of them are not what they were at its start.

use std::hash::{DefaultHasher, Hasher};

use tollgate_sql::StringStyle;

/// The parameter that changes by itself when a standby is promoted: no session did it.
const SERVER_STATE: &[u8] = b"in_hot_standby";

/// Client encodings in which a backslash can be the second byte of a character.
/// Source: PostgreSQL `src/include/mb/pg_wchar.h`, the encodings that are for clients only.
const UNSAFE_ENCODINGS: [&[u8]; 7] = [
    b"SJIS",
    b"BIG5",
    b"GBK",
    b"UHC",
    b"GB18030",
    b"JOHAB",
    b"SHIFT_JIS_2004",
];

/// Reported settings: the values at the start of the connection and marks for those that differ now.
#[derive(Debug)]
pub(crate) struct Parameters {
    baseline: Vec<Parameter>,
    /// One bit per baseline entry; entries beyond the last bit share it.
    differing: u64,
    /// A setting was reported that is not in the baseline or too long to compare. Nothing can prove it
    /// is back at its first value.
    beyond: Beyond,
    style: StringStyle,
    encoding: Encoding,
    climate: [u64; READING.len()],
}

/// Reported settings under which the same text may be read as another statement: its bytes, its strings
/// and the constants in it, which are converted when it is parsed.
const READING: [&[u8]; 5] = [
    b"client_encoding",
    b"standard_conforming_strings",
    b"DateStyle",
    b"IntervalStyle",
    b"TimeZone",
];

#[derive(Debug)]
struct Parameter {
    name: Box<[u8]>,
    value: Box<[u8]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    Never,
    Reported,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// Bytes below 0x80 are always characters of their own.
    Safe,
    Unsafe,
}

impl Parameters {
    /// The baseline: what the server reported while the connection was made.
    pub(crate) fn new<'a>(reported: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut parameters = Self {
            baseline: Vec::new(),
            differing: 0,
            beyond: Beyond::Never,
            style: StringStyle::Standard,
            encoding: Encoding::Safe,
            climate: [0; READING.len()],
        };
        for (name, value) in reported {
            parameters.interpret(name, value);
            match parameters.position(name) {
                Some(at) => parameters.rebase(at, value),
                None => parameters.baseline.push(Parameter {
                    name: name.into(),
                    value: value.into(),
                }),
            }
        }
        parameters
    }

    /// The server reports a value.
    pub(crate) fn report(&mut self, name: &[u8], value: &[u8]) {
        self.interpret(name, value);
        let Some(at) = self.position(name) else {
            self.beyond = Beyond::Reported;
            return;
        };
        if name == SERVER_STATE {
            self.rebase(at, value);
            return;
        }
        let same = self
            .baseline
            .get(at)
            .is_some_and(|parameter| *parameter.value == *value);
        let bit = bit(at);
        if !same {
            self.differing |= bit;
        } else if at < LAST_BIT {
            self.differing &= !bit;
        }
    }

    /// The server reports a value that cannot be compared.
    pub(crate) fn report_unreadable(&mut self) {
        self.beyond = Beyond::Reported;
    }

    /// True when some reported setting is not at its first value, or may not be.
    pub(crate) fn differ(&self) -> bool {
        self.differing != 0 || self.beyond == Beyond::Reported
    }

    /// How the server reads plain strings now.
    pub(crate) fn style(&self) -> StringStyle {
        self.style
    }

    /// True when a byte that looks like a backslash may be half of a character.
    pub(crate) fn backslash_is_ambiguous(&self) -> bool {
        self.encoding == Encoding::Unsafe
    }

    /// A number that differs where the same text may be read as another statement.
    pub(crate) fn climate(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for hash in self.climate {
            hasher.write_u64(hash);
        }
        hasher.finish()
    }

    fn interpret(&mut self, name: &[u8], value: &[u8]) {
        let at = READING.iter().position(|reading| *reading == name);
        if let Some(hash) = at.and_then(|at| self.climate.get_mut(at)) {
            let mut hasher = DefaultHasher::new();
            hasher.write(value);
            *hash = hasher.finish();
        }
        match name {
            b"standard_conforming_strings" => {
                self.style = match value {
                    b"off" => StringStyle::BackslashEscapes,
                    _ => StringStyle::Standard,
                };
            }
            b"client_encoding" => {
                self.encoding = if UNSAFE_ENCODINGS.contains(&value) {
                    Encoding::Unsafe
                } else {
                    Encoding::Safe
                };
            }
            _ => {}
        }
    }

    fn position(&self, name: &[u8]) -> Option<usize> {
        self.baseline
            .iter()
            .position(|parameter| *parameter.name == *name)
    }

    fn rebase(&mut self, at: usize, value: &[u8]) {
        if let Some(parameter) = self.baseline.get_mut(at) {
            parameter.value = value.into();
        }
    }
}

/// The bit that all entries from here on share; once set it stays.
const LAST_BIT: usize = 63;

fn bit(at: usize) -> u64 {
    let shift = u32::try_from(at.min(LAST_BIT)).unwrap_or(0);
    1_u64.checked_shl(shift).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters {
        Parameters::new([
            (&b"client_encoding"[..], &b"UTF8"[..]),
            (b"TimeZone", b"UTC"),
            (b"in_hot_standby", b"on"),
        ])
    }

    #[test]
    fn a_value_that_returns_no_longer_differs() {
        let mut parameters = parameters();
        parameters.report(b"TimeZone", b"CET");
        assert!(parameters.differ());
        parameters.report(b"TimeZone", b"UTC");
        assert!(!parameters.differ());
    }

    #[test]
    fn case_matters() {
        let mut parameters = parameters();
        parameters.report(b"TimeZone", b"utc");
        assert!(parameters.differ());
    }

    #[test]
    fn promotion_is_no_change_of_the_session() {
        let mut parameters = parameters();
        parameters.report(b"in_hot_standby", b"off");
        assert!(!parameters.differ());
    }

    #[test]
    fn an_unlisted_setting_is_never_proven_back() {
        let mut parameters = parameters();
        parameters.report(b"my.setting", b"");
        parameters.report(b"my.setting", b"");
        assert!(parameters.differ());
    }

    #[test]
    fn the_settings_that_change_the_reading_of_sql_are_followed() {
        let mut parameters = parameters();
        assert!(!parameters.backslash_is_ambiguous());
        parameters.report(b"client_encoding", b"SJIS");
        assert!(parameters.backslash_is_ambiguous());
        parameters.report(b"standard_conforming_strings", b"off");
        assert_eq!(parameters.style(), StringStyle::BackslashEscapes);
    }
}
