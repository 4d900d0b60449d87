//! Where a user sees all triggers, and whether a text stays within that.

use tollgate_sql::mysql::{Backslash, Mode};

use super::book::Judged;
use super::rows::text_row;

/// Schemas that have no triggers.
const SYSTEM: [&[u8]; 3] = [b"information_schema", b"mysql", b"performance_schema"];

/// Where the user sees all triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    Everywhere,
    /// In the schemas that these patterns match.
    In(Vec<Box<[u8]>>),
}

impl Sight {
    /// The packets of the answer to [`GRANTS`]: one column.
    pub(super) fn of(packets: &[Vec<u8>]) -> Self {
        let mut schemas = Vec::new();
        let mut everywhere = false;
        for row in packets.iter().skip(2) {
            let row = text_row(row).unwrap_or_default();
            let Some(Some(line)) = row.first() else {
                continue;
            };
            if line.starts_with(b"REVOKE ") {
                return Self::In(Vec::new());
            }
            match seen_by(line) {
                Some(b"*") => everywhere = true,
                Some(schema) => schemas.push(schema.into()),
                None => {}
            }
        }
        if everywhere {
            Self::Everywhere
        } else {
            Self::In(schemas)
        }
    }

    pub(super) fn is_everywhere(&self) -> bool {
        *self == Self::Everywhere
    }

    fn sees(&self, schema: &[u8]) -> bool {
        match self {
            Self::Everywhere => true,
            Self::In(patterns) => {
                let system = SYSTEM.iter().any(|name| schema.eq_ignore_ascii_case(name));
                system || patterns.iter().any(|pattern| matches(pattern, schema))
            }
        }
    }

    /// True when the text writes to nothing but schemas whose triggers can be seen.
    pub(super) fn covers(&self, judged: Judged<'_>) -> bool {
        if self.is_everywhere() {
            return true;
        }
        let mut names = Qualified::of(judged.text, judged.mode);
        names.alone.extend([b"new".to_vec(), b"old".to_vec()]);
        let known = |owner: &Vec<u8>| self.sees(owner) || names.alone.contains(owner);
        judged.schema.is_none_or(|schema| self.sees(schema)) && names.owners.iter().all(known)
    }
}

/// The pattern of the schemas whose triggers a line of `SHOW GRANTS` shows; `*` for all of them.
fn seen_by(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"GRANT ")?;
    let on = memchr::memmem::find(rest, b" ON ")?;
    let (rights, rest) = rest.split_at_checked(on)?;
    let mut rights = rights.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    if !rights.any(|right| matches!(right, b"ALL PRIVILEGES" | b"TRIGGER")) {
        return None;
    }
    let rest = rest.strip_prefix(b" ON ")?;
    let to = memchr::memmem::find(rest, b" TO ")?;
    let object = rest.get(..to)?.strip_suffix(b".*")?;
    let quoted = match object {
        [b'`', name @ .., b'`'] | [b'"', name @ .., b'"'] => Some(name),
        _ => None,
    };
    quoted.or(Some(object))
}

/// One step of a pattern.
enum Piece {
    /// `%`
    Any,
    /// `_`
    One,
    Byte(u8),
}

/// Whether a pattern of a privilege matches the name of a schema.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut bytes = pattern.iter().copied();
    let mut pieces = Vec::new();
    while let Some(byte) = bytes.next() {
        pieces.push(match byte {
            b'%' => Piece::Any,
            b'_' => Piece::One,
            b'\\' => Piece::Byte(bytes.next().unwrap_or(byte)),
            byte => Piece::Byte(byte),
        });
    }
    // Which lengths of the name the pieces so far match.
    let mut reached = vec![false; name.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for piece in &pieces {
        let mut next = vec![false; reached.len()];
        let mut any = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1);
            let from = before.and_then(|at| reached.get(at).copied()) == Some(true);
            let byte = before.and_then(|at| name.get(at));
            any |= reached.get(at) == Some(&true);
            *slot = match piece {
                Piece::Any => any,
                Piece::One => from,
                Piece::Byte(wanted) => {
                    from && byte.is_some_and(|it| it.eq_ignore_ascii_case(wanted))
                }
            };
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// Names of a text, in lower case.
#[derive(Default)]
struct Qualified {
    /// In front of a dot.
    owners: Vec<Vec<u8>>,
    /// Anywhere else, so that they are tables, columns or other names for them.
    alone: Vec<Vec<u8>>,
}

impl Qualified {
    fn of(text: &[u8], mode: Mode) -> Self {
        let mut names = Self::default();
        let mut rest = text;
        while let Some((&first, behind)) = rest.split_first() {
            let inside =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"_$".contains(byte) || *byte >= 0x80;
            let (name, after) = match first {
                b'\'' | b'"' => {
                    let (content, after) = quoted(behind, first, mode);
                    // In one mode it is a name.
                    (if first == b'"' { content } else { &[] }, after)
                }
                b'`' => quoted(behind, first, mode),
                b'@' => {
                    let end = behind.iter().position(|byte| !inside(byte));
                    rest = behind
                        .get(end.unwrap_or(behind.len())..)
                        .unwrap_or_default();
                    continue;
                }
                first if inside(&first) => {
                    let end = rest.iter().position(|byte| !inside(byte));
                    rest.split_at_checked(end.unwrap_or(rest.len()))
                        .unwrap_or((rest, &[]))
                }
                _ => {
                    rest = behind;
                    continue;
                }
            };
            rest = after;
            if name.is_empty() || name.iter().all(u8::is_ascii_digit) {
                continue;
            }
            let name = name.to_ascii_lowercase();
            let list = if after.trim_ascii_start().first() == Some(&b'.') {
                &mut names.owners
            } else {
                &mut names.alone
            };
            if !list.contains(&name) {
                list.push(name);
            }
        }
        names
    }
}

/// What stands between quotes, and what follows them.
fn quoted(text: &[u8], quote: u8, mode: Mode) -> (&[u8], &[u8]) {
    let escapes = quote != b'`' && mode.backslash == Backslash::Escape;
    let mut at = 0_usize;
    while let Some(byte) = text.get(at) {
        if *byte == b'\\' && escapes {
            at = at.saturating_add(2);
        } else if *byte == quote {
            let behind = text.get(at.saturating_add(1)..).unwrap_or_default();
            return (text.get(..at).unwrap_or_default(), behind);
        } else {
            at = at.saturating_add(1);
        }
    }
    (&[], &[])
}

#[cfg(test)]
mod tests {
    use tollgate_sql::mysql::EffectSet;

    use super::*;

    fn sight(lines: &[&str]) -> Sight {
        // A count and a definition come first.
        let mut packets = vec![Vec::new(); 2];
        for line in lines {
            let mut row = vec![u8::try_from(line.len()).expect("short")];
            row.extend(line.as_bytes());
            packets.push(row);
        }
        Sight::of(&packets)
    }

    #[test]
    fn rights_tell_what_is_seen() {
        let all = sight(&["GRANT SELECT, TRIGGER ON *.* TO `u`@`%`"]);
        assert!(all.is_everywhere());
        assert!(sight(&["GRANT ALL PRIVILEGES ON *.* TO `u`@`%`"]).is_everywhere());
        let some = sight(&[
            "GRANT USAGE ON *.* TO `u`@`%`",
            "GRANT ALL PRIVILEGES ON `App\\_%`.* TO `u`@`%`",
            "GRANT SELECT, INSERT ON `other`.* TO `u`@`%`",
            "GRANT TRIGGER ON `one`.`t` TO `u`@`%`",
        ]);
        for (schema, sees) in [
            ("app_1", true),
            ("appx1", false),
            ("other", false),
            ("one", false),
            ("mysql", true),
        ] {
            assert_eq!(some.sees(schema.as_bytes()), sees, "{schema}");
        }
        let taken = sight(&[
            "GRANT TRIGGER ON *.* TO `u`@`%`",
            "REVOKE TRIGGER ON `a`.* FROM `u`@`%`",
        ]);
        assert!(!taken.sees(b"b"));
    }

    #[test]
    fn texts_that_stay_at_home_are_told_from_others() {
        let app = sight(&["GRANT ALL PRIVILEGES ON `app`.* TO `u`@`%`"]);
        for (schema, text, covered) in [
            ("app", "INSERT INTO t VALUES ('bob@example.com', 1.5)", true),
            ("app", "UPDATE app.t x SET x.a=1", true),
            (
                "app",
                "UPDATE `app`.`t` SET `app`.`t`.a = \"it's x.y\"",
                true,
            ),
            ("app", "INSERT INTO other.t VALUES (1)", false),
            ("app", "INSERT INTO `other` . t VALUES (1)", false),
            ("other", "INSERT INTO t VALUES (1)", false),
            ("app", "INSERT INTO log VALUES (NEW.a, OLD.b)", true),
        ] {
            let judged = Judged {
                text: text.as_bytes(),
                mode: Mode::default(),
                effects: EffectSet::WRITE,
                schema: Some(schema.as_bytes()),
            };
            assert_eq!(app.covers(judged), covered, "{text}");
        }
    }
}
