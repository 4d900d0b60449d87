//! Comments that some servers take for code: `/*!80000 .. */` and `/*M!100100 .. */`.
//!
//! Sources: MySQL reference manual, "Comments" (5 digits; later versions also 6 digits and white space), and
//! MariaDB knowledge base, "Comment syntax" (5 or 6 digits; numbers of MySQL 5.7 and later do not count).

use super::Server;

/// How such a comment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// `/*!`
    Any,
    /// `/*M!`
    MariaDb,
}

/// The number behind the opening, as far as it has been read: at most six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    opening: Opening,
    digits: u8,
    five: u32,
    six: u32,
}

/// What becomes of the comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Code,
    Comment,
    /// Versions that cannot be told apart here disagree.
    Doubt,
}

impl Number {
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            opening,
            digits: 0,
            five: 0,
            six: 0,
        }
    }

    /// The number with one more digit, if `byte` is one and there is room for it.
    pub(super) fn with(self, byte: u8) -> Option<Self> {
        if !byte.is_ascii_digit() || self.digits >= 6 {
            return None;
        }
        let appended = self
            .six
            .saturating_mul(10)
            .saturating_add(u32::from(byte.wrapping_sub(b'0')));
        Some(Self {
            digits: self.digits.saturating_add(1),
            five: if self.digits < 5 { appended } else { self.five },
            six: appended,
            ..self
        })
    }

    /// True when digits were read that are no version: they are code.
    pub(super) fn is_code(self) -> bool {
        (1..5).contains(&self.digits)
    }

    /// What the server makes of the comment, when `next` follows the number.
    pub(super) fn verdict(self, server: Server, next: u8) -> Verdict {
        if self.digits < 5 {
            return Verdict::Code;
        }
        let reached = |number: u32, version: u32| number <= version;
        let runs = match server {
            Server::MySql { version } => {
                let short = reached(self.five, version);
                let spaced = next.is_ascii_whitespace() || next == 0x0b;
                if self.digits == 6 && spaced && short != reached(self.six, version) {
                    return Verdict::Doubt;
                }
                short
            }
            Server::MariaDb { version } => {
                let foreign = self.opening == Opening::Any && (50_700..=99_999).contains(&self.six);
                !foreign && reached(self.six, version)
            }
        };
        if runs {
            Verdict::Code
        } else {
            Verdict::Comment
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Server = Server::MySql { version: 80_036 };
    const MARIADB: Server = Server::MariaDb { version: 101_106 };

    fn verdict(opening: Opening, digits: &str, server: Server, next: u8) -> Verdict {
        let mut number = Number::new(opening);
        for byte in digits.bytes() {
            number = number.with(byte).expect("at most six digits");
        }
        number.verdict(server, next)
    }

    #[test]
    fn a_version_that_is_reached_makes_it_code() {
        for (digits, mysql, mariadb) in [
            ("", Verdict::Code, Verdict::Code),
            ("123", Verdict::Code, Verdict::Code),
            ("40101", Verdict::Code, Verdict::Code),
            ("50699", Verdict::Code, Verdict::Code),
            ("50700", Verdict::Code, Verdict::Comment),
            ("80036", Verdict::Code, Verdict::Comment),
            ("80037", Verdict::Comment, Verdict::Comment),
            ("99999", Verdict::Comment, Verdict::Comment),
            ("100100", Verdict::Doubt, Verdict::Code),
            ("101107", Verdict::Doubt, Verdict::Comment),
            ("080036", Verdict::Code, Verdict::Comment),
            ("999999", Verdict::Comment, Verdict::Comment),
        ] {
            assert_eq!(
                verdict(Opening::Any, digits, MYSQL, b' '),
                mysql,
                "{digits}"
            );
            assert_eq!(
                verdict(Opening::Any, digits, MARIADB, b' '),
                mariadb,
                "{digits}"
            );
        }
    }

    #[test]
    fn mariadb_reads_its_own_numbers_as_they_are() {
        assert_eq!(
            verdict(Opening::MariaDb, "80036", MARIADB, b' '),
            Verdict::Code
        );
        assert_eq!(
            verdict(Opening::MariaDb, "110000", MARIADB, b' '),
            Verdict::Comment
        );
    }

    #[test]
    fn six_digits_without_white_space_are_five_for_mysql() {
        assert_eq!(verdict(Opening::Any, "100100", MYSQL, b'x'), Verdict::Code);
    }
}
