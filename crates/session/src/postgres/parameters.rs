//! The settings a server connection reports, and what they were at its start.

use std::hash::{DefaultHasher, Hasher};

use tollgate_sql::StringStyle;

use super::defaults::Defaults;
use super::settings::Settings;

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

/// Parameters that follow from others or from the server: no session sets them.
const NOT_SETTABLE: [&[u8]; 5] = [
    SERVER_STATE,
    b"integer_datetimes",
    b"is_superuser",
    b"server_encoding",
    b"server_version",
];

/// Reported settings: the values at the start of the connection and those in force now.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// The values at the start, as others know them.
    defaults: Defaults,
    entries: Vec<Parameter>,
    /// How many of them differ from the baseline.
    away: usize,
    steadiness: Steadiness,
    /// Whether anything was reported since `observed` was last asked.
    news: News,
    /// A setting was reported that is not in the baseline or too long to compare. Nothing can prove it
    /// is back at its first value.
    beyond: Beyond,
    style: StringStyle,
    encoding: Encoding,
}

pub(crate) struct Parameter {
    /// As the server spells it.
    name: Box<[u8]>,
    /// As settings are looked up: in lower case. Empty for what no session sets.
    key: Box<[u8]>,
    baseline: Box<[u8]>,
    /// Where it differs from the baseline.
    now: Option<Box<[u8]>>,
    origin: Origin,
}

/// Whether a setting is known to go back to its baseline when it is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Baseline,
    /// The server has another default by now. So it stays, for as long as the connection lives.
    Unknown,
}

/// Whether sessions begin with exactly what was reported at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Steadiness {
    Steady,
    /// Not all of it, or something was reported that no session sets.
    Shaken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    Reported,
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

/// Reported settings under which the same text may be read as another statement: its bytes, its strings
/// and the constants in it, which are converted when it is parsed.
const READING: [&[u8]; 5] = [
    b"client_encoding",
    b"standard_conforming_strings",
    b"datestyle",
    b"intervalstyle",
    b"timezone",
];

impl Parameters {
    /// The baseline: what the server reported while the connection was made.
    pub(crate) fn new(defaults: Defaults) -> Self {
        let mut parameters = Self {
            entries: defaults
                .iter()
                .map(|(name, value)| Parameter::new(name, value))
                .collect(),
            away: 0,
            steadiness: Steadiness::Steady,
            news: News::None,
            beyond: Beyond::Never,
            style: StringStyle::Standard,
            encoding: Encoding::Safe,
            defaults,
        };
        for (name, value) in parameters.defaults.clone().iter() {
            parameters.interpret(name, value);
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
        self.news = News::Reported;
        if let Some(parameter) = self.entries.get_mut(at) {
            let same = *parameter.baseline == *value;
            self.away = self
                .away
                .saturating_sub(usize::from(parameter.now.is_some()))
                .saturating_add(usize::from(!same));
            parameter.now = (!same).then(|| value.into());
            if !same && parameter.key.is_empty() {
                self.steadiness = Steadiness::Shaken;
            }
        }
    }

    /// What the connection began with.
    pub(crate) fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// True when sessions are known to begin with the defaults, and nothing else was reported than what
    /// sessions set.
    pub(crate) fn is_steady(&self) -> bool {
        self.steadiness == Steadiness::Steady
    }

    /// What sessions can set, by the server's names.
    pub(crate) fn settable(&self) -> impl Iterator<Item = (&[u8], &Parameter)> {
        let settable = self.entries.iter().filter(|entry| !entry.key.is_empty());
        settable.map(|entry| (&*entry.name, entry))
    }

    /// True when some setting is not what it was at the start.
    pub(crate) fn deviate(&self) -> bool {
        self.away > 0
    }

    /// Names and values of what sessions can set and is not what it was at the start, but for `settings`.
    pub(crate) fn moved(&self, settings: &Settings) -> impl Iterator<Item = (&[u8], &[u8])> {
        let settable = self.entries.iter().filter(|entry| !entry.key.is_empty());
        settable.filter_map(|entry| {
            let now = entry.now.as_deref()?;
            let own = settings.get(&entry.key).is_some();
            (!own).then_some((&*entry.name, now))
        })
    }

    /// What no session can set: names and the values in force.
    pub(crate) fn beyond_sessions(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let beyond = self.entries.iter().filter(|entry| entry.key.is_empty());
        beyond.map(|entry| (&*entry.name, entry.value()))
    }

    /// A setting does not go back to its baseline any more.
    pub(crate) fn doubt(&mut self, key: &[u8]) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| *entry.key == *key) {
            entry.origin = Origin::Unknown;
            self.steadiness = Steadiness::Shaken;
        }
    }

    /// Doubts the defaults of all settings that are not at their baseline, unless `explained` knows why. True
    /// if one is doubted that was not before.
    pub(crate) fn doubt_unless(&mut self, explained: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let mut doubted = false;
        for entry in &mut self.entries {
            let Some(now) = entry.now.as_deref().filter(|_| !entry.key.is_empty()) else {
                continue;
            };
            if entry.origin == Origin::Baseline && !explained(&entry.key, now) {
                entry.origin = Origin::Unknown;
                self.steadiness = Steadiness::Shaken;
                doubted = true;
            }
        }
        doubted
    }

    /// The server reports a value that cannot be compared.
    pub(crate) fn report_unreadable(&mut self) {
        self.beyond = Beyond::Reported;
    }

    /// True when a setting was reported that nothing can take back.
    pub(crate) fn beyond_control(&self) -> bool {
        self.beyond == Beyond::Reported
    }

    /// True when the server reports this setting, so that nobody has to ask for it.
    pub(crate) fn reports(&self, key: &[u8]) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| *entry.key == *key && !entry.is_encoded())
    }

    /// What a setting is now, if the server reports it in a way that means the same in any encoding.
    pub(crate) fn value(&self, key: &[u8]) -> Option<&[u8]> {
        let parameter = self.entries.iter().find(|entry| *entry.key == *key)?;
        let value = parameter.value();
        value.is_ascii().then_some(value)
    }

    /// What a setting was at the start of the connection, if the server reports it.
    pub(crate) fn baseline(&self, key: &[u8]) -> Option<&[u8]> {
        let parameter = self.entries.iter().find(|entry| *entry.key == *key)?;
        Some(&parameter.baseline)
    }

    /// Settings whose reported value depends on the client's encoding. What they are has to be asked.
    pub(crate) fn encoded(&self) -> impl Iterator<Item = &[u8]> {
        self.entries
            .iter()
            .filter(|entry| !entry.key.is_empty() && entry.is_encoded())
            .map(|entry| &*entry.key)
    }

    /// `settings` with the reported ones as the server has them now.
    pub(crate) fn observed(&mut self, settings: &Settings) -> Settings {
        match self.news {
            News::None => settings.clone(),
            News::Reported => self.in_force(settings),
        }
    }

    /// The same, whether or not something was reported.
    pub(crate) fn in_force(&mut self, settings: &Settings) -> Settings {
        self.news = News::None;
        self.overlay(settings)
    }

    /// True when something was reported since `observed` was last asked.
    pub(crate) fn has_news(&self) -> bool {
        self.news == News::Reported || self.beyond == Beyond::Reported
    }

    /// True when the reported settings are those of `settings`.
    pub(crate) fn agree_with(&self, settings: &Settings) -> bool {
        let mut encoded = self.encoded();
        self.beyond == Beyond::Never
            && encoded.all(|key| settings.get(key).is_some())
            && self.overlay(settings).same(settings)
    }

    fn overlay(&self, settings: &Settings) -> Settings {
        let settable = self
            .entries
            .iter()
            .filter(|entry| !entry.key.is_empty() && !entry.is_encoded());
        settings.changed(settable.map(|entry| {
            // What was set to its default is still set.
            let set = settings.get(&entry.key) == Some(&*entry.baseline);
            let default = set.then_some(&*entry.baseline);
            (&*entry.key, entry.now.as_deref().or(default))
        }))
    }

    /// The first number of the server's version, if it said so.
    pub(crate) fn server_major(&self) -> Option<u32> {
        let version = self
            .entries
            .iter()
            .find(|entry| *entry.name == *b"server_version")?;
        let text = std::str::from_utf8(&version.baseline).ok()?;
        let digits = text.split(|letter: char| !letter.is_ascii_digit()).next()?;
        digits.parse().ok()
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
        for key in READING {
            hasher.write(self.value(key).unwrap_or_default());
            hasher.write_u8(0);
        }
        hasher.finish()
    }

    fn interpret(&mut self, name: &[u8], value: &[u8]) {
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
        self.entries
            .iter()
            .position(|parameter| *parameter.name == *name)
    }

    fn rebase(&mut self, at: usize, value: &[u8]) {
        if let Some(parameter) = self.entries.get_mut(at) {
            parameter.baseline = value.into();
            self.defaults = self.defaults.with(&parameter.name, value);
        }
    }
}

impl Parameter {
    fn new(name: &[u8], value: &[u8]) -> Self {
        let key = if NOT_SETTABLE.contains(&name) {
            Box::default()
        } else {
            name.to_ascii_lowercase().into()
        };
        Self {
            name: name.into(),
            key,
            baseline: value.into(),
            now: None,
            origin: Origin::Baseline,
        }
    }

    /// The name as settings are looked up.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value in force, as it was reported.
    pub(crate) fn value(&self) -> &[u8] {
        self.now.as_deref().unwrap_or(&self.baseline)
    }

    /// True when a session that has not set it is known to have this value.
    pub(crate) fn begins_with(&self, value: &[u8]) -> bool {
        self.origin == Origin::Baseline && *self.baseline == *value
    }

    /// True when the value in force was written in the client's encoding.
    fn is_encoded(&self) -> bool {
        self.now.as_ref().is_some_and(|value| !value.is_ascii())
    }
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be anything a client chose.
        f.write_str(&String::from_utf8_lossy(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters {
        Parameters::new(Defaults::new([
            (&b"client_encoding"[..], &b"UTF8"[..]),
            (b"TimeZone", b"UTC"),
            (b"in_hot_standby", b"on"),
        ]))
    }

    fn observed(parameters: &mut Parameters) -> Settings {
        parameters.observed(&Settings::default())
    }

    #[test]
    fn a_value_that_returns_is_no_setting() {
        let mut parameters = parameters();
        parameters.report(b"TimeZone", b"CET");
        assert_eq!(
            observed(&mut parameters).get(b"timezone"),
            Some(&b"CET"[..])
        );
        parameters.report(b"TimeZone", b"UTC");
        assert!(observed(&mut parameters).is_default());
    }

    #[test]
    fn case_matters() {
        let mut parameters = parameters();
        parameters.report(b"TimeZone", b"utc");
        assert!(!parameters.agree_with(&Settings::default()));
    }

    #[test]
    fn promotion_is_no_change_of_the_session() {
        let mut parameters = parameters();
        parameters.report(b"in_hot_standby", b"off");
        assert!(observed(&mut parameters).is_default());
        assert!(parameters.agree_with(&Settings::default()));
    }

    #[test]
    fn an_unlisted_setting_is_never_proven_back() {
        let mut parameters = parameters();
        parameters.report(b"my.setting", b"");
        parameters.report(b"my.setting", b"");
        assert!(parameters.beyond_control());
        assert!(!parameters.agree_with(&Settings::default()));
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
