//! Texts so plain that what they do to one thing can be read off their bytes: a clock that is set, a statement that
//! is prepared by name, a lock that is taken or let go.

use tollgate_sql::mysql::{Backslash, Charset, DoubleQuotes, KillTarget, Mode, Server};

/// What `SET timestamp = ..` makes of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// It goes on.
    Runs,
    /// It stands still.
    Stands,
}

/// Where the text of a statement comes from that SQL `PREPARE` or `EXECUTE IMMEDIATE` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// It stands there.
    Text(Vec<u8>),
    /// It is the value of this user variable, in lower case.
    Variable(Box<[u8]>),
}

/// A text that does nothing but take or release one lock by a call of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockCall {
    /// `SELECT GET_LOCK(..)`: 1 when it was taken.
    Taken,
    /// `SELECT RELEASE_LOCK(..)`: 1 when it was released.
    Released,
}

/// What of itself a text ends that is `KILL [HARD | SOFT] [CONNECTION | QUERY] CONNECTION_ID()`.
pub(super) fn kills_itself(server: Server, text: &[u8]) -> Option<KillTarget> {
    let mut reader = Reader::new(text);
    if reader.word() != b"kill" {
        return None;
    }
    let mut word = reader.word();
    if matches!(server, Server::MariaDb { .. }) && matches!(word.as_slice(), b"hard" | b"soft") {
        word = reader.word();
    }
    let target = match word.as_slice() {
        b"query" => KillTarget::Query,
        _ => KillTarget::Connection,
    };
    if matches!(word.as_slice(), b"query" | b"connection") {
        word = reader.word();
    }
    let calls = word == b"connection_id" && reader.takes(b"(") && reader.takes(b")");
    (calls && reader.is_done()).then_some(target)
}

/// Reads a text from its beginning.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Self {
        let text = text.trim_ascii();
        let text = text.strip_suffix(b";").unwrap_or(text);
        Self {
            rest: text.trim_ascii(),
        }
    }

    /// The next word, in lower case; nothing if none comes next.
    fn word(&mut self) -> Vec<u8> {
        self.rest = self.rest.trim_ascii_start();
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
        let end = self.rest.iter().position(|byte| !inside(byte));
        let (word, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or_default();
        self.rest = rest;
        word.to_ascii_lowercase()
    }

    fn takes(&mut self, mark: &[u8]) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let found = self.rest.strip_prefix(mark);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn is_done(&self) -> bool {
        self.rest.trim_ascii().is_empty()
    }
}

/// What a text does to the clock that sets `timestamp` to a number or to `DEFAULT`, and nothing more.
pub(super) fn clock(text: &[u8]) -> Option<Clock> {
    let mut reader = Reader::new(text);
    if reader.word() != b"set" {
        return None;
    }
    let at = reader.takes(b"@@");
    let mut name = reader.word();
    if matches!(name.as_slice(), b"session" | b"local") {
        if at != reader.takes(b".") {
            return None;
        }
        name = reader.word();
    }
    let _colon = reader.takes(b":");
    if name != b"timestamp" || !reader.takes(b"=") {
        return None;
    }
    let value = reader.rest.trim_ascii();
    let number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    if value.eq_ignore_ascii_case(b"default") {
        Some(Clock::Runs)
    } else if value.is_empty() || !value.iter().all(number) {
        None
    } else if value.iter().any(|byte| (b'1'..=b'9').contains(byte)) {
        Some(Clock::Stands)
    } else {
        Some(Clock::Runs)
    }
}

/// Where the text of `PREPARE name FROM ..` or `EXECUTE IMMEDIATE ..` comes from.
pub(super) fn source(text: &[u8], mode: Mode) -> Option<Source> {
    let mut reader = Reader::new(text);
    match reader.word().as_slice() {
        b"prepare" => {
            if reader.takes(b"`") {
                let end = reader.rest.iter().position(|byte| *byte == b'`')?;
                reader.rest = reader.rest.get(end.saturating_add(1)..)?;
            } else if reader.word().is_empty() {
                return None;
            }
            if reader.word() != b"from" {
                return None;
            }
        }
        b"execute" => {
            if reader.word() != b"immediate" {
                return None;
            }
        }
        _ => return None,
    }
    if reader.takes(b"@") {
        let name = reader.word();
        let known = !name.is_empty() && name.is_ascii() && reader.is_done();
        return known.then(|| Source::Variable(name.into()));
    }
    let rest = reader.rest.trim_ascii();
    let (&quote, inside) = rest.split_first()?;
    let is_string = mode.charset != Charset::Unsafe
        && (quote == b'\'' || quote == b'"' && mode.double_quotes == DoubleQuotes::Text);
    let inside = inside.strip_suffix(&[quote])?;
    is_string
        .then(|| unquoted(inside, quote, mode))?
        .map(Source::Text)
}

/// What stands between quotes; `None` if they do not enclose one string.
fn unquoted(inside: &[u8], quote: u8, mode: Mode) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == quote {
            if bytes.next()? != quote {
                return None;
            }
            text.push(quote);
        } else if byte == b'\\' && mode.backslash == Backslash::Escape {
            text.push(match bytes.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'b' => 8,
                b'0' => 0,
                b'Z' => 26,
                other => other,
            });
        } else {
            text.push(byte);
        }
    }
    Some(text)
}

/// Whether a text takes or releases one lock, once, and does nothing more.
pub(super) fn lock_call(text: &[u8]) -> Option<LockCall> {
    let mut reader = Reader::new(text);
    if reader.word() != b"select" {
        return None;
    }
    let call = match reader.word().as_slice() {
        b"get_lock" => LockCall::Taken,
        b"release_lock" => LockCall::Released,
        _ => return None,
    };
    let folded = reader.rest.to_ascii_lowercase();
    let again = [&b"_lock"[..], b"_locks", b"select", b"/*", b"--", b"#"];
    let is_plain = |part: &&[u8]| memchr::memmem::find(&folded, part).is_none();
    if !again.iter().all(is_plain) || !reader.takes(b"(") {
        return None;
    }
    let mut depth = 1_usize;
    let mut quote = None;
    let mut bytes = reader.rest.iter().enumerate();
    let end = loop {
        let (at, &byte) = bytes.next()?;
        match (quote, byte) {
            // How it is read hangs on `sql_mode`.
            (_, b'\\') => return None,
            (Some(open), byte) if open == byte => quote = None,
            (None, b'\'' | b'"' | b'`') => quote = Some(byte),
            (None, b'(') => depth = depth.saturating_add(1),
            (None, b')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break at.saturating_add(1);
                }
            }
            (Some(_) | None, _) => {}
        }
    };
    reader.rest = reader.rest.get(end..)?;
    alone(&mut reader).then_some(call)
}

/// Words that begin a clause and name nothing.
const CLAUSES: [&[u8]; 14] = [
    b"from",
    b"where",
    b"having",
    b"limit",
    b"union",
    b"into",
    b"or",
    b"and",
    b"group",
    b"order",
    b"is",
    b"in",
    b"for",
    b"procedure",
];

/// Nothing follows but perhaps a name.
fn alone(reader: &mut Reader<'_>) -> bool {
    if reader.is_done() {
        return true;
    }
    let quotes = b"`'\"";
    let mut word = Vec::new();
    if !quotes.contains(reader.rest.trim_ascii_start().first().unwrap_or(&b' ')) {
        word = reader.word();
        if word == b"as"
            && !quotes.contains(reader.rest.trim_ascii_start().first().unwrap_or(&b' '))
        {
            word = reader.word();
            return !word.is_empty() && reader.is_done();
        }
    }
    if word == b"as" || word.is_empty() {
        let rest = reader.rest.trim_ascii();
        let Some((open, inside)) = rest.split_first() else {
            return false;
        };
        let Some((close, name)) = inside.split_last() else {
            return false;
        };
        return open == close && quotes.contains(open) && !name.contains(open);
    }
    reader.is_done() && !CLAUSES.contains(&word.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_read_from_plain_texts() {
        for (text, clock_of) in [
            ("SET timestamp=5", Some(Clock::Stands)),
            ("set @@session.timestamp := 1.5;", Some(Clock::Stands)),
            ("SET SESSION timestamp = DEFAULT", Some(Clock::Runs)),
            ("SET TIMESTAMP = 0.0", Some(Clock::Runs)),
            ("SET @@timestamp=default", Some(Clock::Runs)),
            ("SET timestamp=@t", None),
            ("SET timestamp=5, sql_mode=''", None),
            ("SET timestamp=0+5", None),
            ("SET GLOBAL timestamp=0", None),
            ("SET @timestamp=5", None),
        ] {
            assert_eq!(clock(text.as_bytes()), clock_of, "{text}");
        }
    }

    #[test]
    fn a_client_that_ends_itself_is_seen() {
        let mariadb = Server::MariaDb { version: 101_118 };
        let mysql = Server::MySql { version: 90_700 };
        let hard = b"KILL HARD CONNECTION_ID()";
        assert_eq!(kills_itself(mysql, hard), None);
        for (text, target) in [
            ("KILL HARD CONNECTION_ID()", Some(KillTarget::Connection)),
            ("KILL SOFT QUERY CONNECTION_ID()", Some(KillTarget::Query)),
            ("KILL CONNECTION_ID()", Some(KillTarget::Connection)),
            (
                "kill connection connection_id ( );",
                Some(KillTarget::Connection),
            ),
            ("KILL QUERY CONNECTION_ID()", Some(KillTarget::Query)),
            ("KILL CONNECTION_ID()+1", None),
            ("KILL QUERY 5", None),
        ] {
            assert_eq!(kills_itself(mariadb, text.as_bytes()), target, "{text}");
        }
    }

    #[test]
    fn a_prepared_text_is_read_from_its_literal() {
        let mode = Mode::default();
        let text = |text: &str| Some(Source::Text(text.as_bytes().to_vec()));
        for (sql, found) in [
            ("PREPARE s FROM 'SELECT 1'", text("SELECT 1")),
            ("prepare `a b` from \"SELECT ''\";", text("SELECT ''")),
            ("PREPARE s FROM 'it''s \\'x\\' \\n'", text("it's 'x' \n")),
            (
                "PREPARE s FROM @Sql",
                Some(Source::Variable(b"sql".as_slice().into())),
            ),
            ("EXECUTE IMMEDIATE 'DO 1'", text("DO 1")),
            ("EXECUTE IMMEDIATE 'DO ?' USING 1", None),
            ("PREPARE s FROM 'a' 'b'", None),
            ("PREPARE s FROM CONCAT('a')", None),
            ("EXECUTE s", None),
        ] {
            assert_eq!(source(sql.as_bytes(), mode), found, "{sql}");
        }
    }

    #[test]
    fn one_lock_is_told_from_more() {
        for (text, call) in [
            ("SELECT GET_LOCK(?, 10)", Some(LockCall::Taken)),
            (
                "select get_lock(concat('a)', ?), -1) as `x`;",
                Some(LockCall::Taken),
            ),
            ("SELECT RELEASE_LOCK(?) r", Some(LockCall::Released)),
            ("SELECT RELEASE_LOCK(?) AS r", Some(LockCall::Released)),
            ("SELECT GET_LOCK(?, 1), GET_LOCK(?, 1)", None),
            ("SELECT GET_LOCK(?, 1) FROM t", None),
            ("SELECT GET_LOCK(?, 1) LIMIT 0", None),
            ("SELECT GET_LOCK((SELECT 1), 1)", None),
            ("SELECT GET_LOCK(?, 1) + 1", None),
            ("SELECT GET_LOCK(?, 1) WHERE 0", None),
            ("SELECT GET_LOCK(?, 1)+RELEASE_LOCK(?)", None),
        ] {
            assert_eq!(lock_call(text.as_bytes()), call, "{text}");
        }
    }
}
