//! What decides how a server cuts a text into tokens: its family and version, `sql_mode` and character set.

/// How a text is to be read. The defaults are those of MySQL 8.0 with `utf8mb4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Whose SQL it is.
    pub server: Server,
    /// What `".."` is; `ANSI_QUOTES` in `sql_mode`.
    pub double_quotes: DoubleQuotes,
    /// What a backslash in a string is; `NO_BACKSLASH_ESCAPES` in `sql_mode` and in the status flags.
    pub backslash: Backslash,
    /// The character set of the text: `character_set_client`.
    pub charset: Charset,
}

/// The family and version of the server. A version is major × 10 000 + minor × 100 + patch: 8.0.36 is
/// `80_036`, 10.11.6 is `101_106`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// MySQL and servers that are built from it.
    MySql {
        /// Which one.
        version: u32,
    },
    /// MariaDB; without the `5.5.5-` that old versions put in front of their own.
    MariaDb {
        /// Which one.
        version: u32,
    },
}

/// What stands between double quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DoubleQuotes {
    /// A string.
    #[default]
    Text,
    /// An identifier: `ANSI_QUOTES`.
    Identifier,
}

/// What a backslash in a string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backslash {
    /// It escapes the next character.
    #[default]
    Escape,
    /// A character like any other: `NO_BACKSLASH_ESCAPES`.
    Literal,
}

/// As much of a character set as the cutting of tokens depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Every byte is a character: `latin1`, `binary`, `ascii`, `cp1251` …
    SingleByte,
    /// `utf8mb3`, `utf8mb4`: bytes of a longer character are never ASCII.
    #[default]
    Utf8,
    /// A backslash or a backtick may be the second byte of a character: `gbk`, `sjis`, `big5`, `cp932`,
    /// `gb18030`; and whatever is not known better.
    Unsafe,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            server: Server::MySql { version: 80_000 },
            double_quotes: DoubleQuotes::default(),
            backslash: Backslash::default(),
            charset: Charset::default(),
        }
    }
}

impl Mode {
    /// The mode with what the names in `sql_mode` say: a list as the server reports it, in any case.
    #[must_use]
    pub fn with_sql_mode(self, sql_mode: &[u8]) -> Self {
        let has = |wanted: &[u8]| {
            sql_mode
                .split(|byte| *byte == b',')
                .any(|name| name.trim_ascii().eq_ignore_ascii_case(wanted))
        };
        Self {
            double_quotes: if has(b"ANSI_QUOTES") {
                DoubleQuotes::Identifier
            } else {
                DoubleQuotes::Text
            },
            backslash: if has(b"NO_BACKSLASH_ESCAPES") {
                Backslash::Literal
            } else {
                Backslash::Escape
            },
            ..self
        }
    }
}

impl Charset {
    /// The kind of a character set by its name, as in `character_set_client`.
    pub fn from_name(name: &[u8]) -> Self {
        match name.to_ascii_lowercase().as_slice() {
            b"utf8" | b"utf8mb3" | b"utf8mb4" => Self::Utf8,
            b"latin1" | b"latin2" | b"latin5" | b"latin7" | b"ascii" | b"binary" | b"armscii8"
            | b"cp1250" | b"cp1251" | b"cp1256" | b"cp1257" | b"cp850" | b"cp852" | b"cp866"
            | b"dec8" | b"geostd8" | b"greek" | b"hebrew" | b"hp8" | b"keybcs2" | b"koi8r"
            | b"koi8u" | b"macce" | b"macroman" | b"swe7" | b"tis620" => Self::SingleByte,
            _ => Self::Unsafe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_server_reports_as_sql_mode() {
        let mode = Mode::default();
        assert_eq!(
            mode.with_sql_mode(b"ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES"),
            mode
        );
        let ansi = mode.with_sql_mode(b"REAL_AS_FLOAT,ansi_quotes,ANSI");
        assert_eq!(ansi.double_quotes, DoubleQuotes::Identifier);
        assert_eq!(ansi.backslash, Backslash::Escape);
        let literal = ansi.with_sql_mode(b"NO_BACKSLASH_ESCAPES");
        assert_eq!(literal.double_quotes, DoubleQuotes::Text);
        assert_eq!(literal.backslash, Backslash::Literal);
    }

    #[test]
    fn a_charset_nobody_knows_is_unsafe() {
        assert_eq!(Charset::from_name(b"UTF8MB4"), Charset::Utf8);
        assert_eq!(Charset::from_name(b"latin1"), Charset::SingleByte);
        for name in ["gbk", "sjis", "big5", "cp932", "gb18030", "ujis", "new"] {
            assert_eq!(
                Charset::from_name(name.as_bytes()),
                Charset::Unsafe,
                "{name}"
            );
        }
    }
}
