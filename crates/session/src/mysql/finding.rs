//! What a text makes of `FOUND_ROWS()`: what can be told from the text and its result, and when the server must be asked.

use tollgate_sql::mysql::{EffectSet, Server, Summary};
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::status::StatusFlags;

use super::book::Page;
use super::exchange::{Exchange, Outcome};
use super::link::{Purpose, Step};
use super::questions::Shown;

/// Longest text that is looked at, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// What runs texts that are not seen here.
const UNTOLD: EffectSet = EffectSet::CALL
    .union(EffectSet::EXECUTE)
    .union(EffectSet::EXECUTE_IMMEDIATE)
    .union(EffectSet::COMPOUND)
    .union(EffectSet::SET_STATEMENT)
    .union(EffectSet::CONDITIONAL_COMMENT)
    .union(EffectSet::AMBIGUOUS)
    .union(EffectSet::UNKNOWN);

/// What a text leaves as `FOUND_ROWS()` if it succeeds (all of it as both families were seen to do).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finds {
    /// What was there.
    Nothing,
    /// The number of rows of its result.
    Rows,
    /// The number of rows that it matched, as MySQL's reply to `UPDATE` tells, if there are any.
    Matched,
    /// A number that only the server knows.
    Counted,
    /// The same, or what was there.
    Perhaps,
}

/// What a command has left as `FOUND_ROWS()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    Nothing,
    Rows(u64),
    Counted,
    Perhaps,
    /// That or anything else, and it failed: the server is not asked, since an answer may end what the failure has begun.
    Lost,
}

impl Finding {
    /// The same where results may end early: MariaDB counts all rows of a `UNION` then.
    pub(super) fn of_cut_results(self) -> Self {
        match self {
            Self::Rows(_) => Self::Counted,
            Self::Nothing | Self::Counted | Self::Perhaps | Self::Lost => self,
        }
    }
}

/// Whose `FOUND_ROWS()` a server connection has, and how much that is, if it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    ByClient(Option<u64>),
    /// By us, or by another client.
    ByOthers(Option<u64>),
}

impl Found {
    pub(super) fn count(self) -> Option<u64> {
        match self {
            Self::ByClient(count) | Self::ByOthers(count) => count,
        }
    }

    /// Behind a command of the client's.
    pub(super) fn and(self, finding: Finding) -> Self {
        match (finding, self) {
            (Finding::Nothing, _) => self,
            (Finding::Rows(rows), _) => Self::ByClient(Some(rows)),
            (Finding::Counted, _) | (Finding::Perhaps | Finding::Lost, Self::ByClient(_)) => {
                Self::ByClient(None)
            }
            (Finding::Perhaps | Finding::Lost, Self::ByOthers(_)) => Self::ByOthers(None),
        }
    }

    /// Behind a command of ours, which was answered with these packets.
    pub(super) fn behind_ours(self, step: &Step, error: Option<&[u8]>) -> Self {
        let counted = match (&step.purpose, error, step.packets.split_first()) {
            (_, Some(_), _) => None,
            // These leave it as it is, as do those without rows.
            (Purpose::Warnings | Purpose::Book(Page::Grants) | Purpose::Prepare(_), None, _)
            | (_, None, None) => self.count(),
            (_, None, Some((columns, others))) => {
                let columns = columns.first().copied().map_or(0, usize::from);
                u64::try_from(others.len().saturating_sub(columns)).ok()
            }
        };
        Self::ByOthers(counted)
    }
}

impl Finds {
    pub(super) fn of(server: Server, summary: &Summary, text: &[u8]) -> Self {
        if summary.statements == 0 || Shown::of(text).is_some() {
            return Self::Nothing;
        }
        if summary.effects.intersects(UNTOLD) || text.len() > MAX_TEXT {
            return Self::Perhaps;
        }
        if summary.statements > 1 {
            return Self::of_last(server, summary, text);
        }
        let counts = summary.effects.intersects(EffectSet::CALC_FOUND_ROWS);
        let finds = Self::of_text(server, &without_comments(text).to_ascii_lowercase());
        if counts && finds == Self::Rows {
            return Self::Counted;
        }
        finds
    }

    /// Of several statements the last one decides, if it finds anything for certain.
    fn of_last(server: Server, summary: &Summary, text: &[u8]) -> Self {
        let parts = text.split(|byte| *byte == b';');
        let mut parts = parts.filter(|part| !part.trim_ascii().is_empty());
        let counts = summary.effects.intersects(EffectSet::CALC_FOUND_ROWS);
        let statements = usize::try_from(summary.statements).unwrap_or(usize::MAX);
        // Where a semicolon stands inside of a string or a comment, there are more parts.
        if counts || parts.clone().count() != statements {
            return Self::Perhaps;
        }
        let last = parts.next_back().unwrap_or_default();
        match Self::of_text(server, &without_comments(last).to_ascii_lowercase()) {
            found @ (Self::Rows | Self::Counted) => found,
            Self::Nothing | Self::Matched | Self::Perhaps => Self::Perhaps,
        }
    }

    /// The same for one statement in lower case.
    fn of_text(server: Server, text: &[u8]) -> Self {
        let words: Vec<&[u8]> = text
            .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
            .filter(|word| !word.is_empty())
            .take(2)
            .collect();
        let (first, second) = match words.as_slice() {
            [first, second, ..] => (*first, *second),
            [first] => (*first, &b""[..]),
            [] => return Self::Perhaps,
        };
        let has = |parts: &[&[u8]]| {
            let mut parts = parts.iter();
            parts.any(|part| memchr::memmem::find(text, part).is_some())
        };
        let has_query = has(&[b"select", b"with", b"join", b"using"]);
        match (first, server) {
            (b"select" | b"with" | b"values" | b"table", _) => {
                // Rows that are left out in front count, too.
                let left_out = memchr::memmem::find(text, b"limit")
                    .and_then(|at| text.get(at..))
                    .is_some_and(|rest| rest.contains(&b','));
                match first {
                    b"select" if left_out || has(&[b"offset", b"set_var"]) => Self::Counted,
                    b"select" => Self::Rows,
                    _ if left_out || has(&[b"offset", b"update", b"delete"]) => Self::Perhaps,
                    _ => Self::Rows,
                }
            }
            (b"insert" | b"replace", _) if has(&[b"select"]) => Self::Counted,
            (b"set", Server::MySql { .. }) | (b"prepare", _) => Self::Nothing,
            (b"do", Server::MySql { .. }) => Self::Counted,
            (b"do", Server::MariaDb { .. }) if !has_query => Self::Nothing,
            (b"show", _) if matches!(second, b"create" | b"grants" | b"processlist") => {
                Self::Nothing
            }
            (_, _) if has_query => Self::Perhaps,
            // `FULL` stands before the list of processes, too, which is none of these.
            (b"show", _) if LISTS.contains(&second) && !has(&[b"processlist"]) => Self::Rows,
            (b"update", server) => match (target(text), server) {
                (Target::One, Server::MySql { .. }) => Self::Matched,
                (Target::One, Server::MariaDb { .. }) => Self::Nothing,
                (Target::Unclear, _) => Self::Perhaps,
            },
            // The same as `INSERT .. SELECT` and `CREATE .. AS SELECT`, spelled with `TABLE t`.
            (b"insert" | b"replace", _) if has(&[b"table "]) => Self::Perhaps,
            (b"create", _) if has(&[b" as "]) => Self::Perhaps,
            (word, _) if KEEP.contains(&word) => Self::Nothing,
            (_, Server::MySql { .. } | Server::MariaDb { .. }) => Self::Perhaps,
        }
    }
}

/// What `SHOW` reads as a query does, so that its rows are found.
const LISTS: [&[u8]; 19] = [
    b"columns",
    b"fields",
    b"full",
    b"tables",
    b"table",
    b"databases",
    b"schemas",
    b"variables",
    b"status",
    b"global",
    b"session",
    b"index",
    b"indexes",
    b"keys",
    b"collation",
    b"character",
    b"charset",
    b"triggers",
    b"engines",
];

/// First words of statements that find nothing, unless there is a query in them.
const KEEP: [&[u8]; 25] = [
    b"insert",
    b"replace",
    b"delete",
    b"set",
    b"begin",
    b"start",
    b"commit",
    b"rollback",
    b"savepoint",
    b"release",
    b"xa",
    b"use",
    b"create",
    b"alter",
    b"drop",
    b"truncate",
    b"rename",
    b"lock",
    b"unlock",
    b"prepare",
    b"deallocate",
    b"grant",
    b"revoke",
    b"flush",
    b"get",
];

/// Whether an `UPDATE` is about one table.
enum Target {
    One,
    Unclear,
}

/// Reads what stands before `SET`, in lower case.
fn target(text: &[u8]) -> Target {
    let head = memchr::memmem::find(text, b" set ").and_then(|end| text.get(..end));
    match head {
        Some(head) if !head.iter().any(|byte| matches!(byte, b',' | b'(')) => Target::One,
        Some(_) | None => Target::Unclear,
    }
}

/// The text from its first word on; comments may stand before it, and parentheses.
fn without_comments(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii_start();
        let rest = if let Some(rest) = text.strip_prefix(b"(") {
            Some(rest)
        } else if text.starts_with(b"/*") {
            let end = memchr::memmem::find(text, b"*/");
            end.and_then(|end| text.get(end.saturating_add(2)..))
        } else {
            None
        };
        match rest {
            Some(rest) => text = rest,
            None => return text,
        }
    }
}

impl Exchange {
    /// What the command has left as `FOUND_ROWS()`. On MySQL, a query that fails leaves it as it was.
    pub(super) fn finding(&self, server: Server) -> Finding {
        let runs = matches!(
            self.command,
            Command::Query | Command::StmtExecute | Command::StmtBulkExecute
        );
        match (self.about.finds, &self.heard.outcome) {
            (_, _) if !runs => Finding::Nothing,
            (Finds::Nothing, _) | (Finds::Matched, Outcome::Failed) => Finding::Nothing,
            (Finds::Rows | Finds::Counted, Outcome::Failed) => match server {
                Server::MySql { .. } if self.about.statements <= 1 => Finding::Nothing,
                Server::MySql { .. } | Server::MariaDb { .. } => Finding::Lost,
            },
            (Finds::Perhaps, Outcome::Failed) => Finding::Lost,
            (Finds::Rows, Outcome::Done { head, rows }) => match rows {
                _ if head.status.contains(StatusFlags::CURSOR_EXISTS) => Finding::Perhaps,
                Some(rows) => Finding::Rows(*rows),
                // They go into variables or a file.
                None => Finding::Counted,
            },
            (Finds::Counted, Outcome::Done { .. }) => Finding::Counted,
            (Finds::Matched, Outcome::Done { .. }) => match self.heard.matched {
                // None may be as many as were looked for, or nothing was.
                0 => Finding::Perhaps,
                matched => Finding::Rows(matched),
            },
            (Finds::Perhaps, _)
            | (Finds::Rows | Finds::Counted | Finds::Matched, Outcome::Unknown) => Finding::Perhaps,
        }
    }
}

/// How many rows an `UPDATE` has matched, as MySQL says behind it in English; 0 if nothing of that kind is said.
pub(super) fn matched(info: &[u8]) -> u64 {
    let number = info.strip_prefix(b"Rows matched: ").and_then(|rest| {
        let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        std::str::from_utf8(rest.get(..end)?).ok()
    });
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tollgate_sql::mysql::{Mode, classify};

    use super::*;

    const MYSQL: Server = Server::MySql { version: 90_700 };
    const MARIADB: Server = Server::MariaDb { version: 101_118 };

    fn finds(server: Server, text: &str) -> Finds {
        let mode = Mode {
            server,
            ..Mode::default()
        };
        Finds::of(server, &classify(mode, text.as_bytes()), text.as_bytes())
    }

    #[test]
    fn queries_find_their_rows() {
        for text in [
            "select 1",
            "select 1; select 2; ",
            "/* a */ (select 1) union (select 2) limit 1",
            "with c as (select 1) select * from c",
            "show full columns from t",
            "SHOW GLOBAL VARIABLES LIKE 'a%'",
        ] {
            assert_eq!(finds(MYSQL, text), Finds::Rows, "{text}");
            assert_eq!(finds(MARIADB, text), Finds::Rows, "{text}");
        }
        for text in [
            "select a from t limit 1, 1",
            "select a from t limit 1 offset 1",
            "select sql_calc_found_rows a from t limit 1",
            "insert into t select 1",
        ] {
            assert_eq!(finds(MYSQL, text), Finds::Counted, "{text}");
            assert_eq!(finds(MARIADB, text), Finds::Counted, "{text}");
        }
        for text in [
            "insert into t values (1); set @a = 1",
            "call p()",
            "show full processlist",
            "show columns from t where field in (select 'a')",
            "explain select 1",
        ] {
            assert_eq!(finds(MYSQL, text), Finds::Perhaps, "{text}");
            assert_eq!(finds(MARIADB, text), Finds::Perhaps, "{text}");
        }
    }

    #[test]
    fn writes_without_a_query_find_nothing() {
        for text in [
            "insert into t values (1)",
            "delete from t where a = 1",
            "set @a = 1",
            "commit",
            "create table t (a int)",
            "show warnings",
        ] {
            assert_eq!(finds(MYSQL, text), Finds::Nothing, "{text}");
            assert_eq!(finds(MARIADB, text), Finds::Nothing, "{text}");
        }
        for text in [
            "insert into t table u",
            "delete t from t join u on 1",
            "create table t as select 1",
            "update t, u set t.a = 1",
        ] {
            assert_eq!(finds(MYSQL, text), Finds::Perhaps, "{text}");
            assert_eq!(finds(MARIADB, text), Finds::Perhaps, "{text}");
        }
    }

    #[test]
    fn the_families_differ_in_updates() {
        assert_eq!(finds(MYSQL, "update t set a = 1"), Finds::Matched);
        assert_eq!(finds(MARIADB, "update t set a = 1"), Finds::Nothing);
        assert_eq!(finds(MYSQL, "do 1"), Finds::Counted);
        assert_eq!(finds(MYSQL, "prepare p from 'select 1'"), Finds::Nothing);
        assert_eq!(finds(MARIADB, "do 1"), Finds::Nothing);
        let sets = "set @a = (select count(*) from t)";
        assert_eq!(finds(MYSQL, sets), Finds::Nothing);
        assert_eq!(finds(MARIADB, sets), Finds::Perhaps);
    }

    #[test]
    fn matched_rows_are_read_from_the_reply() {
        let told = b"Rows matched: 12  Changed: 3  Warnings: 0";
        assert_eq!(matched(told), 12);
        assert_eq!(matched(b"Records: 12  Duplicates: 0"), 0);
        assert_eq!(matched(b""), 0);
    }
}
