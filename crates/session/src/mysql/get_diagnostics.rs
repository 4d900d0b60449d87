//! `GET DIAGNOSTICS` of a statement that ran on another server connection: the variables that it sets are set here,
//! to what was kept of that statement.
//!
//! What both families give, and with which types, was seen on MySQL 9.7 and MariaDB 10.11.

use tollgate_sql::mysql::Server;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::reply::{self, OkPacket};

use super::answers;
use super::diagnostics::{Conditions, Diagnostics, FIRST_ROW, Signals};
use super::named::Bytes;
use super::questions::{error_row, no_conditions};
use super::rows::text_row;
use super::variables::{Given, Variables, assigned};
use super::{Session, sqlstates};
use crate::Effects;

/// Says what is wrong with a number (`ER_DA_INVALID_CONDITION_NUMBER`); it is a warning, and shown as an error.
const INVALID_NUMBER: (u16, &[u8]) = (1758, b"Invalid condition number");

/// What a `GET DIAGNOSTICS` is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// These assignments to user variables.
    Values(Vec<(Bytes, Bytes)>),
    /// There is no condition with this number.
    NoCondition,
}

/// What a text asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    /// Of the condition with this number, or of the statement as a whole.
    condition: Option<usize>,
    targets: Vec<(&'a str, Item)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Number,
    RowCount,
    SqlState,
    Errno,
    Message,
    /// Only `SIGNAL` makes it anything but an empty text.
    Signalled,
}

/// A condition, as `SHOW WARNINGS` has shown it.
struct Shown<'a> {
    code: u16,
    is_error: bool,
    message: &'a [u8],
}

impl<'a> Wanted<'a> {
    /// Reads a text in lower case that is a `GET DIAGNOSTICS` into user variables with plain names, of which
    /// everything can be answered.
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim_end_matches(|end: char| end == ';' || end.is_ascii_whitespace());
        let mut rest = word(text, "get")?;
        rest = word(rest, "current").unwrap_or(rest);
        rest = word(rest, "diagnostics")?;
        let mut condition = None;
        if let Some(behind) = word(rest, "condition") {
            let end = behind.find(|letter: char| !letter.is_ascii_digit())?;
            let (number, behind) = behind.split_at(end);
            condition = Some(number.parse().ok()?);
            rest = behind;
        }
        let items = if condition.is_some() {
            Item::of_condition
        } else {
            Item::of_statement
        };
        let targets = rest.split(',').map(|target| {
            let (variable, item) = target.split_once('=')?;
            let name = variable.trim().strip_prefix('@')?;
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let valid = !name.is_empty() && name.chars().all(plain);
            valid.then_some((name, items(item.trim())?))
        });
        let targets = targets.collect::<Option<Vec<_>>>()?;
        Some(Self { condition, targets })
    }
}

/// What is behind this word and white space.
fn word<'a>(text: &'a str, expected: &str) -> Option<&'a str> {
    let behind = text.trim_start().strip_prefix(expected)?;
    let trimmed = behind.trim_start();
    (trimmed.len() < behind.len()).then_some(trimmed)
}

impl Item {
    fn of_statement(name: &str) -> Option<Self> {
        match name {
            "number" => Some(Self::Number),
            "row_count" => Some(Self::RowCount),
            _ => None,
        }
    }

    fn of_condition(name: &str) -> Option<Self> {
        match name {
            "returned_sqlstate" => Some(Self::SqlState),
            "mysql_errno" => Some(Self::Errno),
            "message_text" => Some(Self::Message),
            "constraint_catalog" | "constraint_schema" | "constraint_name" | "catalog_name"
            | "schema_name" | "table_name" | "column_name" | "cursor_name" => Some(Self::Signalled),
            _ => None,
        }
    }
}

impl Session {
    /// What the text is told of the statement before it; `None` when it asks for something else, or nobody knows.
    pub(super) fn diagnostics_for(&self, text: &[u8]) -> Option<Told> {
        if self.subscription.hears_of_state() {
            // It would be told that a variable has changed.
            return None;
        }
        let text = std::str::from_utf8(text).ok()?.to_ascii_lowercase();
        let wanted = Wanted::of(&text)?;
        let conditions = self.diagnostics.shown()?;
        let condition = match wanted.condition {
            None => None,
            Some(number) => match number.checked_sub(1).and_then(|at| conditions.get(at)) {
                None => return Some(Told::NoCondition),
                some => some,
            },
        };
        let mut values = Vec::new();
        for (name, item) in wanted.targets {
            let name = name.as_bytes();
            let state;
            let given = match (item, condition) {
                (Item::Number, _) => Given::Unsigned(u64::try_from(conditions.len()).ok()?),
                (Item::RowCount, _) => Given::Signed(self.diagnostics.row_count),
                (Item::SqlState, Some(condition)) => {
                    state = self.diagnostics.sqlstate(condition, self.config.server)?;
                    Given::Text(&state)
                }
                (Item::Errno, Some(condition)) => Given::Unsigned(u64::from(condition.code)),
                (Item::Message, Some(condition)) => Given::Text(self.as_utf8(condition.message)?),
                (Item::Signalled, Some(_)) if self.diagnostics.signals == Signals::None => {
                    Given::Text(b"")
                }
                (Item::SqlState | Item::Errno | Item::Message | Item::Signalled, _) => return None,
            };
            values.push((name.into(), assigned(name, given)?));
        }
        let told = self.variables.have_room_for(&values);
        told.then_some(Told::Values(values))
    }

    /// A message as it would be in `utf8mb3`.
    fn as_utf8<'a>(&self, message: &'a [u8]) -> Option<&'a [u8]> {
        let name: &[u8] = b"character_set_results";
        let value = self.settings.value(name).or(self.baseline.value(name));
        let charset = value.and_then(Option::as_deref).unwrap_or_default();
        let text = std::str::from_utf8(message).ok()?;
        let same = charset.starts_with(b"utf8") && text.chars().all(|letter| letter <= '\u{ffff}');
        (same || text.is_ascii()).then_some(message)
    }

    /// Answers a `GET DIAGNOSTICS`.
    pub(super) fn tell_diagnostics(&mut self, told: &Told, out: &mut Effects) {
        let mut end = OkPacket::with_status(answers::lasting(self.status));
        match told {
            Told::Values(values) => {
                self.variables.set(values, &mut Variables::default());
                if let Some(link) = &mut self.link {
                    for (name, _) in values {
                        link.variables.doubt(name);
                    }
                }
            }
            Told::NoCondition => {
                end.head.warnings = 1;
                let fresh = no_conditions(self.capabilities());
                self.diagnostics.add_invalid_number(fresh);
            }
        }
        let mut sequence = Sequence::after(1);
        let capabilities = self.capabilities();
        out.client_lane()
            .inject(|bytes| reply::ok(bytes, &mut sequence, capabilities, &end));
    }
}

impl Diagnostics {
    /// All conditions; `None` when some are not known.
    fn shown(&self) -> Option<Vec<Shown<'_>>> {
        let packets = match &self.conditions {
            Conditions::None => return Some(Vec::new()),
            Conditions::Kept { packets } => packets,
            Conditions::Unasked | Conditions::Lost => return None,
        };
        let rows = packets.iter().skip(FIRST_ROW);
        let shown = rows.map(|row| match *text_row(row)?.as_slice() {
            [Some(level), Some(code), Some(message)] => Some(Shown {
                code: std::str::from_utf8(code).ok()?.parse().ok()?,
                is_error: level == b"Error",
                message,
            }),
            _ => None,
        });
        let shown = shown.collect::<Option<Vec<_>>>()?;
        (shown.len() >= usize::from(self.warnings())).then_some(shown)
    }

    fn sqlstate(&self, condition: &Shown<'_>, server: Server) -> Option<[u8; 5]> {
        match (self.error, self.signals) {
            (Some((code, state)), _) if condition.is_error && code == condition.code => Some(state),
            (_, Signals::None) => sqlstates::of(condition.code, server),
            (_, Signals::Possible) => None,
        }
    }

    /// One condition more, behind those there are; `fresh` shows none.
    fn add_invalid_number(&mut self, fresh: Vec<Vec<u8>>) {
        let (code, message) = INVALID_NUMBER;
        let mut packets = match std::mem::replace(&mut self.conditions, Conditions::None) {
            Conditions::Kept { packets } => packets,
            Conditions::None | Conditions::Unasked | Conditions::Lost => fresh,
        };
        packets.push(error_row(code, message));
        self.conditions = Conditions::Kept { packets };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_questions_are_read() {
        let wanted = |condition, targets: &[(&'static str, Item)]| {
            let targets = targets.to_vec();
            Some(Wanted { condition, targets })
        };
        for (text, expected) in [
            (
                "get diagnostics @n = number",
                wanted(None, &[("n", Item::Number)]),
            ),
            (
                " get current  diagnostics @n=number ,@r= row_count ; ",
                wanted(None, &[("n", Item::Number), ("r", Item::RowCount)]),
            ),
            (
                "get diagnostics condition 2 @a_1 = returned_sqlstate, @b = mysql_errno, @c = message_text",
                wanted(
                    Some(2),
                    &[
                        ("a_1", Item::SqlState),
                        ("b", Item::Errno),
                        ("c", Item::Message),
                    ],
                ),
            ),
            ("get diagnostics condition @i @e = mysql_errno", None),
            ("get diagnostics condition 1 @e = class_origin", None),
            ("get diagnostics condition 1 @n = number", None),
            ("get diagnostics @n = mysql_errno", None),
            ("get diagnostics n = number", None),
            ("get diagnostics @`n` = number", None),
            ("get stacked diagnostics @n = number", None),
            ("get diagnostics @n = number; select 1", None),
            ("get diagnostics", None),
            ("get diagnostics condition 1", None),
            ("getdiagnostics @n = number", None),
        ] {
            assert_eq!(Wanted::of(text), expected, "{text}");
        }
    }
}
