//! What is known of a text when all of it has been read.

use super::{EffectSet, Objects, Question};
use crate::Name;

/// More names than this are not kept.
const MAX_NAMES: usize = 16;

/// More places than this are not kept.
const MAX_CALLS: usize = 4;

/// What a whole text may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Statements in the text; empty ones do not count. In the body of a routine each `;` ends one.
    pub statements: u32,
    /// What all of them together may do.
    pub effects: EffectSet,
    /// The name, in lower case, of the one `PREPARE`, `EXECUTE` or `DEALLOCATE PREPARE` that the text
    /// consists of.
    pub name: Option<Name>,
    /// The system variables that the text sets.
    pub variables: TouchedVariables,
    /// The user variables that the text writes or may write.
    pub user_variables: UserVariables,
    /// The first `KILL` of the text, if it names a number. Nothing with `EffectSet::KILL_UNKNOWN`.
    pub kill: Option<Kill>,
    /// Where the text calls `CONNECTION_ID()`, in the order of the text, at most four places.
    pub connection_ids: Vec<ConnectionIdCall>,
    /// What the text names that lives as long as the session, and the code it calls.
    pub objects: Objects,
    /// Where the first statement asks what the statement before the text left, in the order of the text.
    pub questions: Vec<Question>,
    /// The effects of those questions of the first statement that are not listed.
    pub unlisted_questions: EffectSet,
}

/// A range of bytes of the text, counted from its first byte over all pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// The byte behind the last one.
    pub end: u64,
}

/// What a `KILL` is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// What the number counts.
    pub target: KillTarget,
    /// The number.
    pub id: u64,
    /// Where the number stands.
    pub span: Span,
}

/// What the number of a `KILL` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillTarget {
    /// A connection, which ends: `KILL n`, `KILL CONNECTION n`.
    Connection,
    /// A connection, whose statement ends: `KILL QUERY n`.
    Query,
    /// A statement (MariaDB): `KILL QUERY ID n`.
    QueryId,
}

/// One `CONNECTION_ID()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionIdCall {
    /// From the first letter of the name up to and including the `)`.
    pub span: Span,
    /// What it is there.
    pub placement: Placement,
}

/// What an expression is where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// A column of the result that is named after its own text.
    Column,
    /// Part of something, or a column with a name of its own.
    Inner,
}

/// How far the setting of a system variable reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The session.
    Session,
    /// The server; existing sessions keep their values.
    Global,
    /// One statement: `SET STATEMENT .. FOR`.
    Statement,
}

/// The system variables that a text sets, in lower case and in the order in which it first names them; each
/// once per scope.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TouchedVariables {
    touches: Vec<(Name, Scope)>,
}

/// How a user variable is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// By `SET @v = ..` only.
    Set,
    /// By anything else, at least once.
    Other,
}

/// The user variables that a text writes or may write, in lower case, without `@`, in the order in which it
/// first writes them; each once.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UserVariables {
    writes: Vec<(Name, Write)>,
}

/// Whether something is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    /// There is too much already.
    No,
}

impl TouchedVariables {
    /// True when no variable is listed.
    pub fn is_empty(&self) -> bool {
        self.touches.is_empty()
    }

    /// The names and scopes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Scope)> {
        self.touches
            .iter()
            .map(|(name, scope)| (name.as_bytes(), *scope))
    }

    pub(super) fn touch(&mut self, name: Name, scope: Scope) -> Kept {
        if self.touches.contains(&(name, scope)) {
            return Kept::Yes;
        }
        if !name.is_whole() || self.touches.len() >= MAX_NAMES {
            return Kept::No;
        }
        self.touches.push((name, scope));
        Kept::Yes
    }
}

impl UserVariables {
    /// True when no variable is listed.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The names, and how each is written.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Write)> {
        self.writes
            .iter()
            .map(|(name, write)| (name.as_bytes(), *write))
    }

    pub(super) fn write(&mut self, name: Name, write: Write) -> Kept {
        if let Some((_, known)) = self.writes.iter_mut().find(|(known, _)| *known == name) {
            if write == Write::Other {
                *known = Write::Other;
            }
            return Kept::Yes;
        }
        if !name.is_whole() || self.writes.len() >= MAX_NAMES {
            return Kept::No;
        }
        self.writes.push((name, write));
        Kept::Yes
    }
}

/// Keeps one more place, if there is room for it.
pub(super) fn keep_call(calls: &mut Vec<ConnectionIdCall>, call: ConnectionIdCall) -> Kept {
    if calls.len() >= MAX_CALLS {
        return Kept::No;
    }
    calls.push(call);
    Kept::Yes
}

impl std::fmt::Debug for TouchedVariables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.touches).finish()
    }
}

impl std::fmt::Debug for UserVariables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.writes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_too_many_is_refused_and_a_known_one_is_not() {
        let mut variables = TouchedVariables::default();
        let mut users = UserVariables::default();
        for at in 0..20_u8 {
            let name = Name::from_bytes(&[b'a' + at]);
            assert_eq!(variables.touch(name, Scope::Session) == Kept::Yes, at < 16);
            assert_eq!(users.write(name, Write::Set) == Kept::Yes, at < 16);
        }
        let known = Name::from_bytes(b"a");
        assert!(variables.touch(known, Scope::Session) == Kept::Yes);
        assert!(variables.touch(known, Scope::Global) == Kept::No);
        assert!(users.write(known, Write::Other) == Kept::Yes);
        assert_eq!(users.iter().next(), Some((b"a".as_slice(), Write::Other)));
    }

    #[test]
    fn a_name_that_was_cut_is_not_listed() {
        let long = Name::from_bytes(&[b'x'; 64]);
        assert!(TouchedVariables::default().touch(long, Scope::Session) == Kept::No);
        assert!(UserVariables::default().write(long, Write::Set) == Kept::No);
    }
}
