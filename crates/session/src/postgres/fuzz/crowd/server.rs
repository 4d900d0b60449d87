//! A server that answers as PostgreSQL does, but runs nothing.

use std::collections::BTreeMap;

use super::{Choices, OURS, TEXTS};

pub(super) fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len()).unwrap_or(0).saturating_add(4);
    [&[tag][..], &length.to_be_bytes(), &body].concat()
}

/// Answers as PostgreSQL does.
#[derive(Default)]
pub(super) struct Server {
    input: Vec<u8>,
    held: Vec<u8>,
    /// On the way to the session.
    pub(super) sent: Vec<u8>,
    block: Block,
    phase: Phase,
    /// Something of the extended protocol since the last Sync.
    open: bool,
    statements: BTreeMap<Vec<u8>, Vec<u8>>,
    bound: Vec<u8>,
    pub(super) trust: Trust,
}

/// How far what it does can be held against the session.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    #[default]
    Whole,
    /// It failed where nobody can know whether it should.
    Contrary,
    /// What it sent or was sent is not what it should be.
    Spoilt,
    Dead,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Block {
    #[default]
    None,
    Open,
    Failed,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Phase {
    #[default]
    Listening,
    Skipping,
    CopyByQuery,
    CopyExtended,
}

impl Server {
    pub(super) fn lose(&mut self, trust: Trust) {
        self.trust = self.trust.max(trust);
    }

    /// Why it is not clean.
    pub(super) fn unrest(&self) -> Option<&'static str> {
        let all = [
            (!self.input.is_empty(), "half a message"),
            (!self.sent.is_empty(), "replies on the way"),
            (!self.held.is_empty(), "replies held back"),
            (self.block != Block::None, "an open transaction"),
            (self.phase != Phase::Listening, "a copy, or skipping"),
            (self.open, "an open segment"),
        ];
        all.into_iter().find(|(is, _)| *is).map(|(_, why)| why)
    }

    pub(super) fn can_be_doubted(&self) -> bool {
        self.trust != Trust::Whole
    }

    pub(super) fn receive(&mut self, bytes: &[u8], choices: &mut Choices<'_>) {
        self.input.extend(bytes);
        loop {
            let Some((head, _)) = self.input.split_first_chunk::<5>() else {
                return;
            };
            let [tag, length @ ..] = *head;
            let total = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if total < 4 || self.trust == Trust::Dead {
                self.lose(Trust::Dead);
                return self.input.clear();
            }
            let total = total.saturating_add(1);
            if self.input.len() < total {
                return;
            }
            let whole: Vec<u8> = self.input.drain(..total).collect();
            self.answer(tag, whole.get(5..).unwrap_or_default(), choices);
        }
    }

    fn answer(&mut self, tag: u8, body: &[u8], choices: &mut Choices<'_>) {
        match (self.phase, tag) {
            (Phase::CopyByQuery | Phase::CopyExtended, b'd' | b'H' | b'S') => {}
            (Phase::CopyByQuery | Phase::CopyExtended, b'c') => self.end_copy(choices),
            (Phase::CopyByQuery | Phase::CopyExtended, b'f') => self.fail(),
            (Phase::CopyByQuery | Phase::CopyExtended, _) | (_, b'X') => self.die(),
            (Phase::Skipping | Phase::Listening, b'S') => {
                self.phase = Phase::Listening;
                self.ready();
            }
            (Phase::Skipping, _) | (Phase::Listening, b'd' | b'c' | b'f') => {}
            (Phase::Listening, b'H') => self.flush(),
            (Phase::Listening, b'Q') => self.query(first_string(body), choices),
            (Phase::Listening, b'F') => {
                if self.block == Block::Failed || choices.one_in(5) {
                    self.fail_in_query();
                } else {
                    self.say(b'V', &[&[255; 4]]);
                }
                self.ready();
            }
            (Phase::Listening, _) => {
                self.open = true;
                self.extended(tag, body, choices);
            }
        }
    }

    fn extended(&mut self, tag: u8, body: &[u8], choices: &mut Choices<'_>) {
        let first = first_string(body);
        let rest = body
            .get(first.len().saturating_add(1)..)
            .unwrap_or_default();
        let second = first_string(rest);
        match tag {
            b'P' if self.refuses(second) || choices.one_in(9) => self.fail_beside(second),
            b'P' if !first.is_empty() && self.statements.contains_key(first) => self.fail(),
            b'P' => {
                self.statements.insert(first.to_vec(), second.to_vec());
                self.say(b'1', &[]);
            }
            b'B' => match self.statements.get(second).cloned() {
                Some(text) if !self.refuses(&text) && !choices.one_in(9) => {
                    self.bound = text;
                    self.say(b'2', &[]);
                }
                Some(text) => self.fail_beside(&text),
                None => self.fail(),
            },
            b'D' if first.first() == Some(&b'S') => {
                let name = first.get(1..).unwrap_or_default();
                if self.statements.contains_key(name) && self.block != Block::Failed {
                    self.say(b't', &[&[0, 0]]);
                    self.say(b'n', &[]);
                } else {
                    self.fail();
                }
            }
            b'D' => self.say(b'n', &[]),
            b'C' => {
                self.statements.remove(first.get(1..).unwrap_or_default());
                self.say(b'3', &[]);
            }
            b'E' => {
                let text = self.bound.clone();
                self.run(&text, Phase::CopyExtended);
            }
            _ => self.die(),
        }
    }

    /// It fails where it runs this text, which may be a question that should not fail.
    fn fail_beside(&mut self, text: &[u8]) {
        if !self.refuses(text) && text.starts_with(b"SELECT ") {
            self.lose(Trust::Contrary);
        }
        self.fail();
    }

    fn refuses(&self, text: &[u8]) -> bool {
        let ends = text == b"commit" || text == b"rollback";
        self.block == Block::Failed && !ends
    }

    fn query(&mut self, text: &[u8], choices: &mut Choices<'_>) {
        self.statements.remove(&b""[..]);
        if !TEXTS.contains(&text) {
            return self.query_of_ours(text, choices);
        }
        self.open = false;
        self.run(text, Phase::CopyByQuery);
        if self.phase != Phase::CopyByQuery {
            self.phase = Phase::Listening;
            self.ready();
        }
    }

    /// The replay, the inspection, or a cleanup: answered in full, or refused.
    fn query_of_ours(&mut self, text: &[u8], choices: &mut Choices<'_>) {
        let count = |word: &[u8]| {
            text.windows(word.len())
                .filter(|bytes| *bytes == word)
                .count()
        };
        let (names, facts) = (count(b"current_setting("), count(b"EXISTS("));
        // It may be a client's after all.
        let mark: &[u8] = if self.trust >= Trust::Spoilt {
            b"what"
        } else {
            OURS
        };
        if self.refuses(text) || choices.one_in(6) {
            self.lose(Trust::Contrary);
            self.fail_in_query();
            if text.starts_with(b"BEGIN") {
                self.block = Block::Failed;
            }
        } else if names.saturating_add(facts) > 0 {
            self.say(b'C', &[b"SET\0"]);
            self.say(b'T', &[&[0, 1], mark, &[0; 19]]);
            let mut columns = Vec::new();
            for _ in 0..names {
                columns.extend([0, 0, 0, 4]);
                columns.extend(mark);
            }
            for _ in 0..facts {
                let holds = if choices.one_in(3) { b't' } else { b'f' };
                columns.extend([0, 0, 0, 1, holds]);
            }
            let total = u16::try_from(names.saturating_add(facts)).unwrap_or(0);
            self.say(b'D', &[&total.to_be_bytes(), &columns]);
            self.say(b'C', &[b"SELECT 1\0"]);
        } else {
            if text.starts_with(b"DISCARD ALL") {
                self.statements.clear();
            }
            for statement in text.split(|byte| *byte == b';') {
                let word = statement.split(|byte| *byte == b' ').next();
                let word = word.unwrap_or_default();
                let tag = match word {
                    b"SELECT" => b"SELECT 1",
                    b"DISCARD" => statement,
                    _ => word,
                };
                self.say(b'C', &[tag, b"\0"]);
            }
            self.say(b'N', &[b"SNOTICE\0VNOTICE\0C00000\0M", mark, b"\0\0"]);
        }
        self.ready();
    }

    fn run(&mut self, text: &[u8], copy: Phase) {
        if self.refuses(text) {
            return self.fail_of(copy);
        }
        let tag: &[u8] = match text {
            b"" => return self.say(b'I', &[]),
            b"bad" => return self.fail_of(copy),
            b"begin" => {
                self.block = Block::Open;
                b"BEGIN"
            }
            b"commit" | b"rollback" => {
                let failed = self.block == Block::Failed;
                self.block = Block::None;
                if failed || text == b"rollback" {
                    b"ROLLBACK"
                } else {
                    b"COMMIT"
                }
            }
            b"copy t from stdin" => {
                self.phase = copy;
                self.say(b'G', &[&[0, 0, 0]]);
                return self.flush();
            }
            b"discard all" if self.block != Block::None => return self.fail_of(copy),
            b"discard all" => {
                self.statements.clear();
                b"DISCARD ALL"
            }
            b"deallocate all" => {
                self.statements.clear();
                b"DEALLOCATE ALL"
            }
            b"set timezone = 'CET'" => {
                self.say(b'S', &[b"TimeZone\0CET\0"]);
                b"SET"
            }
            _ if text.starts_with(b"set") => b"SET",
            _ if text.starts_with(b"reset") => b"RESET",
            b"listen c" => b"LISTEN",
            b"create temp table t (i int)" => b"CREATE TABLE",
            b"prepare q as select 1" if self.statements.contains_key(&b"q"[..]) => {
                return self.fail_of(copy);
            }
            b"prepare q as select 1" => {
                self.statements.insert(b"q".to_vec(), b"select 1".to_vec());
                b"PREPARE"
            }
            _ => b"SELECT 1",
        };
        self.say(b'C', &[tag, b"\0"]);
    }

    fn fail_of(&mut self, copy: Phase) {
        match copy {
            Phase::CopyByQuery => self.fail_in_query(),
            Phase::CopyExtended | Phase::Skipping | Phase::Listening => self.fail(),
        }
    }

    /// An error that ends a query, or a call.
    fn fail_in_query(&mut self) {
        self.say(b'E', &[b"SERROR\0VERROR\0C22012\0Mfailed\0\0"]);
        if self.block == Block::Open {
            self.block = Block::Failed;
        }
    }

    /// An error that ends a segment, or a COPY.
    fn fail(&mut self) {
        let by_query = self.phase == Phase::CopyByQuery;
        self.fail_in_query();
        self.phase = if by_query {
            Phase::Listening
        } else {
            Phase::Skipping
        };
        if by_query {
            self.ready();
        }
        self.flush();
    }

    fn end_copy(&mut self, choices: &mut Choices<'_>) {
        if choices.one_in(3) {
            return self.fail();
        }
        self.say(b'C', &[b"COPY 1\0"]);
        if self.phase == Phase::CopyByQuery {
            self.ready();
        }
        self.phase = Phase::Listening;
    }

    fn die(&mut self) {
        self.say(b'E', &[b"SFATAL\0VFATAL\0C08P01\0Mlost\0\0"]);
        self.flush();
        self.lose(Trust::Dead);
    }

    fn ready(&mut self) {
        self.open = false;
        let status = match self.block {
            Block::None => b'I',
            Block::Open => b'T',
            Block::Failed => b'E',
        };
        self.say(b'Z', &[&[status]]);
        self.flush();
    }

    fn say(&mut self, tag: u8, parts: &[&[u8]]) {
        self.held.extend(message(tag, parts));
    }

    fn flush(&mut self) {
        self.sent.append(&mut self.held);
    }
}

/// The bytes before the first zero.
fn first_string(body: &[u8]) -> &[u8] {
    body.split(|byte| *byte == 0).next().unwrap_or_default()
}
