//! User variables: what the client has set, as the assignments that set it again, and how it is asked for.
//!
//! Types, signs, character sets and collations are told by the server, and every value is spelled so that both
//! families read back what they had (seen on MySQL 9.7 and MariaDB 10.11). What cannot be spelled so stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::exchange::Literals;
use super::named::{Bytes, Inquiry};
use super::rows::text_row;
use super::settings::share;

/// Longest value that moves, in bytes.
const MAX_VALUE: usize = 16 * 1024;

/// Bytes of assignments that move with one client at most.
const MAX_TOTAL: usize = 64 * 1024;

/// Bytes at the end of a column definition behind its names: a length, the character set, the length of values,
/// type, flags, decimals and two bytes of nothing (`ColumnDefinition41`).
const DEFINITION_TAIL: usize = 13;

/// The flag of columns whose numbers have no sign (`UNSIGNED_FLAG`).
const UNSIGNED: u16 = 32;

/// Variables by name, each with the assignments that give it its value. A variable that is not among them has
/// never been set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Variables {
    assignments: Arc<BTreeMap<Bytes, Bytes>>,
}

impl Variables {
    fn set(&mut self, name: &[u8], assignment: Bytes) {
        if self.assignments.get(name) != Some(&assignment) {
            Arc::make_mut(&mut self.assignments).insert(name.into(), assignment);
        }
    }

    /// What this one is on the server connection is not known; it is set before it is next read.
    pub(super) fn doubt(&mut self, name: &[u8]) {
        self.set(name, Bytes::default());
    }

    fn forget(&mut self, name: &[u8]) {
        if self.assignments.contains_key(name) {
            Arc::make_mut(&mut self.assignments).remove(name);
        }
    }

    pub(super) fn clear(&mut self) {
        self.assignments = Arc::default();
    }

    fn size(&self) -> usize {
        self.assignments.values().map(|text| text.len()).sum()
    }

    /// Sets of variables that are the same are kept once; see [`share`].
    pub(super) fn share(&mut self, other: &mut Self) {
        share(&mut self.assignments, &mut other.assignments);
    }

    /// True when both hold the same values. Of those that have met it is seen at a glance; see [`share`].
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.assignments, &other.assignments) || self.assignments == other.assignments
    }

    /// The `SET` that leads from here to `target`; `None` when there is nothing to set.
    pub(super) fn to(&self, target: &Self) -> Option<Vec<u8>> {
        if Arc::ptr_eq(&self.assignments, &target.assignments) {
            return None;
        }
        let mut sql = b"SET ".to_vec();
        for name in self.assignments.keys() {
            if !target.assignments.contains_key(name) {
                put(&mut sql, &unset(name));
            }
        }
        for (name, assignment) in target.assignments.iter() {
            if self.assignments.get(name) != Some(assignment) {
                put(&mut sql, assignment);
            }
        }
        (sql.len() > b"SET ".len()).then_some(sql)
    }
}

fn put(sql: &mut Vec<u8>, assignment: &[u8]) {
    if sql.len() > b"SET ".len() {
        sql.push(b',');
    }
    sql.extend_from_slice(assignment);
}

/// A value whose type is known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    Unsigned(u64),
    Signed(i64),
    /// In `utf8mb3`, with its default collation.
    Text(&'a [u8]),
}

/// The assignment of a value; `None` if it is too long to move.
pub(super) fn assigned(name: &[u8], given: Given<'_>) -> Option<Bytes> {
    let number;
    let (kind, bytes) = match given {
        Given::Unsigned(value) => {
            number = value.to_string();
            (Kind::Unsigned, number.as_bytes())
        }
        Given::Signed(value) => {
            number = value.to_string();
            (Kind::Signed, number.as_bytes())
        }
        Given::Text(text) => (Kind::Text, text),
    };
    let value = Value {
        kind,
        collation: b"utf8mb3_general_ci",
        bytes: Some(bytes),
    };
    value.assignment(name)
}

/// What the client has set, and what of it is not known.
#[derive(Debug, Default)]
pub(super) struct UserVariables {
    pub(super) known: Variables,
    /// Written since they were asked for.
    doubted: BTreeSet<Bytes>,
    /// They have values that do not move.
    staying: BTreeSet<Bytes>,
}

impl UserVariables {
    pub(super) fn written<'a>(&mut self, names: impl IntoIterator<Item = &'a Bytes>) {
        self.doubted.extend(names.into_iter().cloned());
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        !self.doubted.is_empty()
    }

    pub(super) fn stay(&self) -> bool {
        !self.staying.is_empty()
    }

    /// Values that do not move are lost.
    pub(super) fn give_up(&mut self) {
        self.staying.clear();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The query for what is in doubt, and the names in its order.
    pub(super) fn question(&mut self) -> Inquiry {
        let names: Vec<_> = std::mem::take(&mut self.doubted).into_iter().collect();
        let mut sql = b"SELECT ".to_vec();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                sql.push(b',');
            }
            for (piece, part) in COLUMNS_OF_ONE.split(|byte| *byte == b'#').enumerate() {
                if piece > 0 {
                    put_name(&mut sql, name);
                }
                sql.extend_from_slice(part);
            }
        }
        // An explicit limit is not subject to `sql_select_limit`.
        sql.extend_from_slice(b" LIMIT 1");
        Inquiry { sql, names }
    }

    /// The packets of the answer, the last left out, tell what is so; `link` is what the connection has.
    pub(super) fn told(&mut self, names: &[Bytes], packets: &[Vec<u8>], link: &mut Variables) {
        let columns = names.len().saturating_mul(COLUMNS);
        let (definitions, row) = match packets {
            [_count, definitions @ .., row] if definitions.len() == columns => {
                (definitions, text_row(row).unwrap_or_default())
            }
            _ => (&[][..], Vec::new()),
        };
        let mut definitions = definitions.chunks(COLUMNS);
        let mut row = row.chunks(COLUMNS);
        for name in names {
            let found = definitions.next().zip(row.next());
            let found = found.and_then(|(definitions, row)| Found::of(definitions, row));
            let found = match found {
                Some(Found::Value(value)) => match value.assignment(name) {
                    Some(assignment) if self.has_room(&assignment) => Some(assignment),
                    Some(_) | None => None,
                },
                Some(Found::NeverSet) => {
                    self.known.forget(name);
                    self.staying.remove(name);
                    link.forget(name);
                    continue;
                }
                None => None,
            };
            self.learn(name, found, link);
        }
    }

    /// True when these values can move with the client beside the others.
    pub(super) fn have_room_for(&self, literals: &Literals) -> bool {
        let more: usize = literals.iter().map(|(_, text)| text.len()).sum();
        self.known.size().saturating_add(more) <= MAX_TOTAL
    }

    fn has_room(&self, assignment: &[u8]) -> bool {
        self.known.size().saturating_add(assignment.len()) <= MAX_TOTAL
    }

    fn learn(&mut self, name: &[u8], assignment: Option<Bytes>, link: &mut Variables) {
        if let Some(assignment) = assignment {
            self.known.set(name, assignment.clone());
            link.set(name, assignment);
            self.staying.remove(name);
        } else {
            self.known.forget(name);
            link.forget(name);
            self.staying.insert(name.into());
        }
    }

    /// Variables were set to what `Literals` found in the text.
    pub(super) fn set(&mut self, literals: &Literals, link: &mut Variables) {
        for (name, assignment) in literals {
            let room = self.has_room(assignment).then(|| assignment.clone());
            self.learn(name, room, link);
            self.doubted.remove(name);
        }
    }
}

/// What is asked of one variable: `#` is its name. A value that is too long does not come.
const COLUMNS_OF_ONE: &[u8] =
    b"LENGTH(#),COLLATION(#),IF(1,NULL,#),IF(LENGTH(#)>16384,NULL,CAST(# AS BINARY))";

/// Columns of that.
const COLUMNS: usize = 4;

/// What the server tells of one variable.
enum Found<'a> {
    NeverSet,
    Value(Value<'a>),
}

/// A value and its type.
struct Value<'a> {
    kind: Kind,
    collation: &'a [u8],
    /// `None`: NULL, of that type.
    bytes: Option<&'a [u8]>,
}

/// Types of user variables, by the types of columns ("Column Type").
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signed,
    Unsigned,
    Decimal,
    Double,
    Text,
}

impl<'a> Found<'a> {
    fn of(definitions: &[Vec<u8>], row: &[Option<&'a [u8]>]) -> Option<Self> {
        let (length, collation, bytes) = match row {
            [length, collation, _, bytes] => (*length, (*collation)?, *bytes),
            _ => return None,
        };
        if length.is_some() != bytes.is_some() {
            return None;
        }
        let definition = definitions.get(2)?;
        let tail = definition.len().checked_sub(DEFINITION_TAIL)?;
        let (&column_type, flags) = definition.get(tail..)?.get(7..10)?.split_first()?;
        let unsigned = flags
            .first_chunk::<2>()
            .is_some_and(|flags| u16::from_le_bytes(*flags) & UNSIGNED != 0);
        let kind = match column_type {
            1..=3 | 8 | 9 if unsigned => Kind::Unsigned,
            1..=3 | 8 | 9 => Kind::Signed,
            0 | 246 => Kind::Decimal,
            4 | 5 => Kind::Double,
            // MySQL tells one that was never set by its short type, and MariaDB not at all.
            249..=254 if bytes.is_none() && collation == b"binary" && column_type != 250 => {
                return Some(Self::NeverSet);
            }
            15 | 249..=254 => Kind::Text,
            _ => return None,
        };
        Some(Self::Value(Value {
            kind,
            collation,
            bytes,
        }))
    }
}

impl Value<'_> {
    /// The assignments that give a variable this value; `None` if there are none that certainly do.
    fn assignment(&self, name: &[u8]) -> Option<Bytes> {
        let mut sql = Vec::new();
        put_name(&mut sql, name);
        sql.push(b'=');
        self.put(&mut sql)?;
        if self.bytes.is_none() {
            // NULL takes the type of what the variable was before.
            sql.push(b',');
            put_name(&mut sql, name);
            sql.extend_from_slice(b"=NULL");
        }
        Some(sql.into())
    }

    fn put(&self, sql: &mut Vec<u8>) -> Option<()> {
        let number = self.bytes.unwrap_or(b"0");
        let digits = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        if self.kind != Kind::Text && !number.iter().all(digits) {
            return None;
        }
        match self.kind {
            Kind::Signed => sql.extend_from_slice(number),
            Kind::Unsigned => {
                sql.extend_from_slice(b"CAST(");
                sql.extend_from_slice(number);
                sql.extend_from_slice(b" AS UNSIGNED)");
            }
            Kind::Decimal if number.contains(&b'.') => sql.extend_from_slice(number),
            Kind::Decimal => {
                sql.extend_from_slice(b"CAST(");
                sql.extend_from_slice(number);
                sql.extend_from_slice(b" AS DECIMAL(65,0))");
            }
            Kind::Double => {
                sql.extend_from_slice(number);
                if !number.contains(&b'e') {
                    sql.extend_from_slice(b"e0");
                }
            }
            Kind::Text => put_text(sql, self.bytes.unwrap_or_default(), self.collation)?,
        }
        Some(())
    }
}

/// A text with its character set and collation, as bytes, so that nothing reads it in another way.
fn put_text(sql: &mut Vec<u8>, bytes: &[u8], collation: &[u8]) -> Option<()> {
    let charset = collation.split(|byte| *byte == b'_').next()?;
    let valid = match charset {
        b"binary" | b"latin1" => true,
        b"ascii" => bytes.is_ascii(),
        b"utf8" | b"utf8mb3" | b"utf8mb4" => std::str::from_utf8(bytes).is_ok(),
        _ => false,
    };
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if !valid || bytes.len() > MAX_VALUE || !collation.iter().all(name) {
        return None;
    }
    sql.push(b'_');
    sql.extend_from_slice(charset);
    sql.extend_from_slice(b" x'");
    put_hex(sql, bytes);
    sql.push(b'\'');
    if charset != b"binary" {
        sql.extend_from_slice(b" COLLATE ");
        sql.extend_from_slice(collation);
    }
    Some(())
}

fn put_hex(sql: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            sql.extend(DIGITS.get(usize::from(digit)));
        }
    }
}

/// Names that get here are plain, so that no quote is in them.
fn put_name(sql: &mut Vec<u8>, name: &[u8]) {
    sql.extend_from_slice(b"@`");
    sql.extend_from_slice(name);
    sql.push(b'`');
}

/// A variable that was never set is NULL and binary.
fn unset(name: &[u8]) -> Vec<u8> {
    let mut sql = Vec::new();
    put_name(&mut sql, name);
    sql.extend_from_slice(b"=_binary x'',");
    put_name(&mut sql, name);
    sql.extend_from_slice(b"=NULL");
    sql
}

/// The assignments of a text that is `SET @a = 1, @b = 'x'` and nothing more, so that nobody has to ask; `None`
/// for any other text. `collation` is that of the connection, which literals have.
pub(super) fn literals(text: &[u8], collation: Option<&[u8]>) -> Option<Arc<Literals>> {
    let text = text.trim_ascii();
    let text = text.strip_suffix(b";").unwrap_or(text);
    let (set, mut rest) = text.split_at_checked(3)?;
    if !set.eq_ignore_ascii_case(b"set") || !rest.first()?.is_ascii_whitespace() {
        return None;
    }
    let mut found = Vec::new();
    loop {
        let behind = rest.trim_ascii_start().strip_prefix(b"@")?;
        let (name, behind) =
            split_while(behind, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let behind = behind.trim_ascii_start();
        let behind = behind.strip_prefix(b":").unwrap_or(behind);
        let behind = behind.strip_prefix(b"=")?.trim_ascii_start();
        let (value, behind) = literal(behind, collation)?;
        let name = name.to_ascii_lowercase();
        if name.is_empty() {
            return None;
        }
        let assignment = value.assignment(&name)?;
        found.push((name.into(), assignment));
        rest = match behind.trim_ascii_start().split_first() {
            None => return Some(found.into()),
            Some((b',', behind)) => behind,
            Some(_) => return None,
        };
    }
}

fn literal<'a>(text: &'a [u8], collation: Option<&'a [u8]>) -> Option<(Value<'a>, &'a [u8])> {
    if let Some(inside) = text.strip_prefix(b"'") {
        let (content, behind) = split_while(inside, |byte| byte != b'\'' && byte != b'\\');
        let behind = behind.strip_prefix(b"'")?;
        let value = Value {
            kind: Kind::Text,
            collation: collation?,
            bytes: Some(content),
        };
        let alone = !matches!(behind.trim_ascii_start().first(), Some(b'\'' | b'"'));
        return (alone && super::named::is_plain(content)).then_some((value, behind));
    }
    // Eighteen digits always have room in a signed number.
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let (number, behind) = split_while(digits, |byte| byte.is_ascii_digit());
    let ends = matches!(behind.trim_ascii_start().first(), None | Some(b','));
    let signed = text.len().saturating_sub(behind.len());
    let spelled = text.get(..signed).unwrap_or_default();
    let canonical =
        number == b"0" && spelled == number || number.first().is_some_and(|first| *first != b'0');
    let value = Value {
        kind: Kind::Signed,
        collation: b"binary",
        bytes: Some(spelled),
    };
    (canonical && number.len() <= 18 && ends).then_some((value, behind))
}

fn split_while(text: &[u8], inside: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !inside(*byte));
    text.split_at_checked(end.unwrap_or(text.len()))
        .unwrap_or((text, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        let found = literals(text.as_bytes(), Some(b"utf8mb4_bin"))?;
        let texts = found
            .iter()
            .map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        Some(texts.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn literals_need_not_be_asked_for() {
        for (text, assignments) in [
            ("SET @A=5", Some("@`a`=5")),
            (
                " set @a := -7 , @b='x y' ; ",
                Some("@`a`=-7 @`b`=_utf8mb4 x'782079' COLLATE utf8mb4_bin"),
            ),
            ("SET @a=0", Some("@`a`=0")),
            ("SET @a=-0", None),
            ("SET @a=007", None),
            ("SET @a=1.5", None),
            ("SET @a=1+1", None),
            ("SET @a='x' 'y'", None),
            ("SET @a='x' COLLATE utf8mb4_bin", None),
            ("SET @a='it''s'", None),
            ("SET @a=@b", None),
            ("SET @a=NULL", None),
            ("SET @a=5, b=6", None),
            ("SET @a=9999999999999999999", None),
        ] {
            assert_eq!(found(text).as_deref(), assignments, "{text}");
        }
    }

    #[test]
    fn only_differences_are_set() {
        let mut here = Variables::default();
        let mut there = Variables::default();
        assert_eq!(here.to(&there), None);
        here.set(b"gone", b"@`gone`=1".as_slice().into());
        here.set(b"same", b"@`same`=1".as_slice().into());
        there.set(b"same", b"@`same`=1".as_slice().into());
        there.set(b"new", b"@`new`=2".as_slice().into());
        let sql = here.to(&there).expect("a difference");
        let expected = "SET @`gone`=_binary x'',@`gone`=NULL,@`new`=2";
        assert_eq!(String::from_utf8_lossy(&sql), expected);
    }

    #[test]
    fn texts_that_no_literal_makes_stay() {
        for (bytes, collation) in [
            (&b"\xff"[..], &b"utf8mb4_bin"[..]),
            (b"\xe9", b"ascii_bin"),
            (b"a", b"sjis_japanese_ci"),
            (b"a", b"utf8mb4_bin; x"),
        ] {
            assert_eq!(put_text(&mut Vec::new(), bytes, collation), None);
        }
    }
}
