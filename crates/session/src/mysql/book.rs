//! Code that texts set off without naming it: triggers of the tables that they write to, and what views call.
//!
//! A server connection reads the bodies with its user's own rights. What of them leaves something on the connection
//! is kept under the names of the tables and views by which a text sets it off; a text that has none of these names
//! runs none of that code. Where the user does not see the triggers of a schema, whoever writes there may have set
//! off anything.

use std::sync::Arc;

use tollgate_sql::mysql::{Charset, EffectSet, Mode, Server, classify};

use super::named::{Called, Named, is_plain};
use super::rows::text_row;
use super::sight::Sight;

/// Rows of the catalogue that are read at most, of each kind; beyond that nothing is known.
const MAX_ROWS: usize = 4096;

/// Names under which code is kept at most.
const MAX_ENTRIES: usize = 1024;

/// Columns of the questions.
const COLUMNS: usize = 4;

/// What the user sees: whether there are triggers that it does not.
const GRANTS: &[u8] = b"SHOW GRANTS";

/// The triggers.
const TRIGGERS: &[u8] =
    b"SELECT CAST(EVENT_OBJECT_SCHEMA AS BINARY),CAST(LOWER(EVENT_OBJECT_TABLE) AS BINARY),SQL_MODE,\
CAST(IF(LENGTH(ACTION_STATEMENT)>65536,NULL,CONVERT(ACTION_STATEMENT USING utf8mb4)) AS BINARY) \
FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA<>'sys' LIMIT 4096";

/// The views.
const VIEWS: &[u8] = b"SELECT CAST(TABLE_SCHEMA AS BINARY),CAST(LOWER(TABLE_NAME) AS BINARY),'',\
CAST(IF(LENGTH(VIEW_DEFINITION)>65536,NULL,CONVERT(VIEW_DEFINITION USING utf8mb4)) AS BINARY) \
FROM information_schema.VIEWS WHERE TABLE_SCHEMA NOT IN ('sys','mysql','information_schema',\
'performance_schema') LIMIT 4096";

/// What may set off triggers.
pub(super) const WRITES: EffectSet = EffectSet::WRITE
    .union(EffectSet::LOAD_DATA)
    .union(EffectSet::AMBIGUOUS)
    .union(EffectSet::UNKNOWN);

/// What leaves nothing on the connection that is not reported or counted anyway.
const HARMLESS: EffectSet = EffectSet::WRITE
    .union(EffectSet::LOCKING_READ)
    .union(EffectSet::USER_VARIABLE_READ)
    .union(EffectSet::COMPOUND)
    .union(EffectSet::BEGIN)
    .union(EffectSet::ROUTINE)
    .union(EffectSet::CALL)
    .union(EffectSet::UNKNOWN_FUNCTION)
    .union(EffectSet::WAIT)
    .union(EffectSet::LAST_INSERT_ID)
    .union(EffectSet::ROW_COUNT)
    .union(EffectSet::FOUND_ROWS)
    .union(EffectSet::DIAGNOSTICS_VARIABLE)
    .union(EffectSet::GET_DIAGNOSTICS)
    .union(EffectSet::CONNECTION_ID)
    .union(EffectSet::NAMED_LOCK_READ)
    .union(EffectSet::SET_GLOBAL)
    .union(EffectSet::CONDITIONAL_COMMENT);

/// What is read for a book, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Grants,
    Triggers,
    Views,
}

impl Page {
    /// The query that reads it.
    pub(super) fn question(self) -> &'static [u8] {
        match self {
            Self::Grants => GRANTS,
            Self::Triggers => TRIGGERS,
            Self::Views => VIEWS,
        }
    }
}

/// Whether code may have run that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Blind {
    #[default]
    No,
    Yes,
}

/// What one trigger or view does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) effects: EffectSet,
    pub(super) named: Named,
    blind: Blind,
}

/// What a text may set off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reach {
    pub(super) codes: Vec<Arc<Code>>,
    pub(super) blind: Blind,
}

/// How a text sets code off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// It writes to the table.
    Written,
    /// It uses the view.
    Used,
}

/// Code under the name that sets it off.
#[derive(Debug, Clone)]
struct Entry {
    name: Box<[u8]>,
    when: When,
    code: Arc<Code>,
}

/// What a server connection has read.
#[derive(Debug)]
pub(super) struct Book {
    entries: Vec<Entry>,
    sight: Sight,
    /// Whether the catalogue could not be read.
    blind: Blind,
}

/// Answers of the server on the way to a book.
#[derive(Debug, Default)]
pub(super) struct Draft {
    grants: Option<Vec<Vec<u8>>>,
    triggers: Option<Vec<Vec<u8>>>,
}

/// A trigger or a view while the book is made.
struct Source {
    name: Box<[u8]>,
    when: When,
    text: Vec<u8>,
    code: Arc<Code>,
}

/// A text and what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) text: &'a [u8],
    pub(super) mode: Mode,
    pub(super) effects: EffectSet,
    pub(super) schema: Option<&'a [u8]>,
}

impl Draft {
    /// The packets of the answer to [`GRANTS`], the last left out; `None` if it was refused.
    pub(super) fn grants_told(&mut self, packets: Option<&[Vec<u8>]>) {
        self.grants = packets.map(<[_]>::to_vec);
    }

    /// The same for [`TRIGGERS`].
    pub(super) fn triggers_told(&mut self, packets: Option<&[Vec<u8>]>) {
        self.triggers = packets.map(<[_]>::to_vec);
    }

    /// With the answer to [`VIEWS`], the book is complete.
    pub(super) fn finish(self, server: Server, views: Option<&[Vec<u8>]>) -> Book {
        let (Some(grants), Some(triggers), Some(views)) = (self.grants, self.triggers, views)
        else {
            return Book::blind();
        };
        Book::of(server, Sight::of(&grants), &triggers, views)
    }
}

impl Book {
    /// One that knows nothing.
    fn blind() -> Self {
        Self {
            entries: Vec::new(),
            sight: Sight::In(Vec::new()),
            blind: Blind::Yes,
        }
    }

    fn of(server: Server, sight: Sight, triggers: &[Vec<u8>], views: &[Vec<u8>]) -> Self {
        let mut sources = Vec::new();
        for (packets, when) in [(triggers, When::Written), (views, When::Used)] {
            // A count and the definitions come first.
            let rows = packets.get(COLUMNS.saturating_add(1)..).unwrap_or_default();
            if rows.len() >= MAX_ROWS {
                return Self::blind();
            }
            for row in rows {
                let source = text_row(row).and_then(|row| Source::of(server, &sight, &row, when));
                let Some(source) = source else {
                    return Self::blind();
                };
                sources.push(source);
            }
        }
        let leaving = sources.iter().filter(|source| source.code.leaves());
        let mut entries: Vec<_> = leaving.map(Source::entry).collect();
        // Code that sets off such code leaves what that leaves.
        let mut at = 0_usize;
        while let Some(entry) = entries.get(at).cloned() {
            at = at.saturating_add(1);
            for source in &sources {
                let Some(next) = source.sets_off(&entry) else {
                    continue;
                };
                if !entries.iter().any(|known| known.is(&next)) {
                    entries.push(next);
                }
            }
            if entries.len() > MAX_ENTRIES {
                return Self::blind();
            }
        }
        Self {
            entries,
            sight,
            blind: Blind::No,
        }
    }

    /// True when the catalogue could not be read.
    pub(super) fn is_blind(&self) -> bool {
        self.blind == Blind::Yes
    }

    /// What a text may set off; `None` for nothing.
    pub(super) fn reach(&self, judged: Judged<'_>) -> Option<Reach> {
        let Judged { text, effects, .. } = judged;
        if self.entries.is_empty() && self.sight == Sight::Everywhere {
            return Self::aside(judged);
        }
        let writes = effects.intersects(WRITES);
        let mut reach = Self::aside(judged).unwrap_or_default();
        if self.blind == Blind::Yes || writes && !self.sight.covers(judged) {
            reach.blind = Blind::Yes;
        }
        if !self.entries.is_empty() {
            let folded = text.to_ascii_lowercase();
            for entry in &self.entries {
                if (writes || entry.when == When::Used) && mentions(&folded, &entry.name, effects) {
                    reach.add(&entry.code);
                }
            }
        }
        (reach != Reach::default()).then_some(reach)
    }

    /// Views of the server's own schema `sys` call functions that leave something; they are not read.
    fn aside(judged: Judged<'_>) -> Option<Reach> {
        let inside = judged
            .schema
            .is_some_and(|schema| schema.eq_ignore_ascii_case(b"sys"));
        let named = memchr::memchr2_iter(b'y', b'Y', judged.text).any(|at| {
            let rest = judged.text.get(at.saturating_sub(1)..).unwrap_or_default();
            let (word, behind) = rest.split_at_checked(3).unwrap_or_default();
            let behind = behind.strip_prefix(b"`").unwrap_or(behind);
            word.eq_ignore_ascii_case(b"sys") && behind.trim_ascii_start().first() == Some(&b'.')
        });
        (inside || named).then_some(Reach {
            codes: Vec::new(),
            blind: Blind::Yes,
        })
    }

    /// What a text may set off that was not kept, because it is too long.
    pub(super) fn reach_of_any(&self, effects: EffectSet) -> Option<Reach> {
        let mut reach = Reach::default();
        for entry in &self.entries {
            reach.add(&entry.code);
        }
        if effects.intersects(WRITES) && self.sight != Sight::Everywhere {
            reach.blind = Blind::Yes;
        }
        (reach != Reach::default()).then_some(reach)
    }
}

impl Reach {
    fn add(&mut self, code: &Arc<Code>) {
        if code.blind == Blind::Yes {
            self.blind = Blind::Yes;
        }
        if !self.codes.iter().any(|known| Arc::ptr_eq(known, code)) {
            self.codes.push(Arc::clone(code));
        }
    }

    /// What another text sets off as well.
    pub(super) fn union(&mut self, other: &Self) {
        for code in &other.codes {
            self.add(code);
        }
        if other.blind == Blind::Yes {
            self.blind = Blind::Yes;
        }
    }
}

impl Code {
    fn leaves(&self) -> bool {
        !self.effects.without(HARMLESS).is_empty()
            || !self.named.is_empty()
            || self.blind == Blind::Yes
    }
}

impl Entry {
    fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.when == other.when && Arc::ptr_eq(&self.code, &other.code)
    }
}

impl Source {
    fn of(server: Server, sight: &Sight, row: &[Option<&[u8]>], when: When) -> Option<Self> {
        let [Some(schema), Some(name), sql_mode, text] = row else {
            return None;
        };
        let text = text.unwrap_or_default();
        let mode = Mode {
            server,
            charset: Charset::Utf8,
            ..Mode::default()
        };
        let mode = mode.with_sql_mode(sql_mode.unwrap_or_default());
        let summary = classify(mode, text);
        let judged = Judged {
            text,
            mode,
            effects: summary.effects,
            schema: Some(schema),
        };
        // Code runs with the rights of whoever made it, and may write where the user does not see.
        let writes = summary.effects.intersects(WRITES) || when == When::Used;
        let blind = if text.is_empty() || writes && !sight.covers(judged) && !sight.is_everywhere()
        {
            Blind::Yes
        } else {
            Blind::No
        };
        let code = Code {
            effects: summary.effects.without(HARMLESS),
            named: Named::of(&summary, text, Some(schema), Called::ByCode),
            blind,
        };
        Some(Self {
            name: (*name).into(),
            when,
            text: text.to_ascii_lowercase(),
            code: Arc::new(code),
        })
    }

    fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            when: self.when,
            code: Arc::clone(&self.code),
        }
    }

    /// The entry for this source, if it may set off that of `other`.
    fn sets_off(&self, other: &Entry) -> Option<Entry> {
        let when = match (self.when, other.when) {
            (When::Used, when) => when,
            (When::Written, _) => When::Written,
        };
        mentions(&self.text, &other.name, EffectSet::NONE).then(|| Entry {
            name: self.name.clone(),
            when,
            code: Arc::clone(&other.code),
        })
    }
}

/// True if the text, in lower case, may name this. Behind the number of a conditional comment a name may begin at once.
fn mentions(folded: &[u8], name: &[u8], effects: EffectSet) -> bool {
    if !is_plain(name) {
        return true;
    }
    if effects.intersects(EffectSet::CONDITIONAL_COMMENT.union(EffectSet::AMBIGUOUS)) {
        return memchr::memmem::find(folded, name).is_some();
    }
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_$".contains(byte) || *byte >= 0x80;
    memchr::memmem::find_iter(folded, name).any(|at| {
        let before = at.checked_sub(1).and_then(|at| folded.get(at));
        let behind = folded.get(at.saturating_add(name.len()));
        !before.is_some_and(inside) && !behind.is_some_and(inside)
    })
}
