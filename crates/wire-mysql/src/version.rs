//! Which server family and release a version text names.

/// The two families. They agree on most of the protocol and differ where this crate says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// MySQL, and what behaves like it (Percona Server, Aurora MySQL).
    MySql,
    /// MariaDB.
    MariaDb,
}

/// A server version, from the text of the greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerVersion {
    /// Whose numbers these are.
    pub family: Family,
    /// First number.
    pub major: u16,
    /// Second number; 0 when missing.
    pub minor: u16,
    /// Third number; 0 when missing.
    pub patch: u16,
}

/// What MariaDB 10 puts in front of its version, so that old replicas do not take 10 for 1
/// (`mysql_version.h`, `RPL_VERSION_HACK`). MariaDB 11 does not.
pub const REPLICATION_PREFIX: &str = "5.5.5-";

impl ServerVersion {
    /// Reads texts like `9.1.0`, `8.0.36-28`, `5.5.5-10.11.6-MariaDB-0+deb12u1` and `11.4.2-MariaDB-log`.
    /// `None` when the text does not begin with a number.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let family = if memchr::memmem::find(text, b"MariaDB").is_some() {
            Family::MariaDb
        } else {
            Family::MySql
        };
        let prefix = REPLICATION_PREFIX.as_bytes();
        let numbers = match family {
            Family::MariaDb => text.strip_prefix(prefix).unwrap_or(text),
            Family::MySql => text,
        };
        let end = numbers
            .iter()
            .position(|byte| !byte.is_ascii_digit() && *byte != b'.')
            .unwrap_or(numbers.len());
        let mut parts = numbers.get(..end)?.split(|byte| *byte == b'.');
        let mut number =
            || -> Option<u16> { std::str::from_utf8(parts.next()?).ok()?.parse().ok() };
        Some(Self {
            family,
            major: number()?,
            minor: number().unwrap_or(0),
            patch: number().unwrap_or(0),
        })
    }

    /// Whether this release is `major.minor.patch` or later. Compare only within one family.
    pub fn at_least(&self, major: u16, minor: u16, patch: u16) -> bool {
        (self.major, self.minor, self.patch) >= (major, minor, patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_families() {
        let version = |family, major, minor, patch| {
            Some(ServerVersion {
                family,
                major,
                minor,
                patch,
            })
        };
        let cases: [(&[u8], _); 6] = [
            (b"9.1.0", version(Family::MySql, 9, 1, 0)),
            (b"8.0.36-28", version(Family::MySql, 8, 0, 36)),
            (
                b"5.5.5-10.11.6-MariaDB-0+deb12u1",
                version(Family::MariaDb, 10, 11, 6),
            ),
            (b"11.4.2-MariaDB-log", version(Family::MariaDb, 11, 4, 2)),
            (b"8.4", version(Family::MySql, 8, 4, 0)),
            (b"x-router", None),
        ];
        for (text, expected) in cases {
            assert_eq!(ServerVersion::parse(text), expected);
        }
    }

    #[test]
    fn compares_releases() {
        let version = ServerVersion::parse(b"8.0.29").expect("a version");
        assert!(version.at_least(8, 0, 29));
        assert!(!version.at_least(8, 1, 0));
    }
}
