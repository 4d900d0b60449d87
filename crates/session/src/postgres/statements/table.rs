//! The statements of many clients, each kept once: a text, its parameter types and the shape of its result.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;
use std::sync::{Arc, Weak};

use tollgate_sql::{Memo, StringStyle, Summary};

use crate::postgres::queue::Meaning;
use crate::postgres::settings::Reading;

/// Buckets to hold before the first look for those that nobody uses.
const FIRST_SWEEP: usize = 256;

/// What a table of statements needs from outside.
#[derive(Debug, Clone, Copy)]
pub struct TableSeed {
    /// The number of this table among `tables`, from 0: no two tables give a statement the same id, so
    /// that server connections can move from one table's sessions to another's.
    pub table: u64,
    /// How many tables there are.
    pub tables: u64,
    /// Random bytes, so that nobody can choose texts that collide or guess a name on the server.
    pub key: u64,
}

/// The prepared statements of all sessions of one thread, and what the texts mean that they say again and again. Cheap to clone; all clones are one table.
///
/// A statement stays as long as some session has a name for it.
#[derive(Clone)]
pub struct StatementTable(Rc<RefCell<Table>>);

struct Table {
    seed: TableSeed,
    turn: u64,
    buckets: BTreeMap<u64, Vec<Weak<Statement>>>,
    sweep_at: usize,
    memo: Memo,
}

/// One prepared statement as it can be made on any connection.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Different for every statement of the process.
    pub(crate) id: u64,
    pub(crate) recipe: Recipe,
    /// What running it may do.
    pub(crate) meaning: Meaning,
    /// The settings it is read under, if that makes a difference.
    pub(crate) reading: Option<Arc<Reading>>,
}

/// How a statement is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recipe {
    Parse(Parsed),
    Sql(Prepared),
}

/// A statement made by a `PREPARE`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// The `PREPARE`.
    pub(crate) text: Box<[u8]>,
    /// The shape of its result.
    pub(crate) shape: Shape,
    /// The settings it was read under.
    pub(crate) climate: u64,
}

/// A statement made by a Parse message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The body behind the name: the text, its zero byte and the types the client gave.
    pub(crate) tail: Box<[u8]>,
    /// The types the server settled on: the body of its `ParameterDescription`.
    pub(crate) parameters: Box<[u8]>,
    /// The shape of its result.
    pub(crate) shape: Shape,
    /// What it was described to give.
    pub(crate) gives: Gives,
    /// The settings it was read under.
    pub(crate) climate: u64,
}

/// What PostgreSQL compares before it says that a cached plan must not change its result type: names,
/// types and type modifiers of the columns, hashed. Source: `equalTupleDescs` and
/// `RevalidateCachedQuery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    NoData,
    Columns(u64),
    /// Whatever it is when the statement runs: PostgreSQL does not compare it.
    Any,
}

/// Whether a statement has a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    Nothing,
    Rows,
}

impl Shape {
    /// Whether there is a result, when it was made.
    pub(crate) fn gives(self) -> Gives {
        match self {
            Self::NoData => Gives::Nothing,
            Self::Columns(_) | Self::Any => Gives::Rows,
        }
    }

    /// True if a statement of this shape that is made anew with `other` still is what it was.
    pub(crate) fn admits(self, other: Self) -> bool {
        self == Self::Any || self == other
    }

    /// The shape of the text's result, which was described as `self`.
    pub(crate) fn of_text(self, text: &[u8]) -> Self {
        let start = text.iter().position(|byte| !byte.is_ascii_whitespace());
        let text = text.get(start.unwrap_or(0)..).unwrap_or_default();
        let word = text
            .split(|byte| !byte.is_ascii_alphabetic())
            .next()
            .unwrap_or_default();
        let any = LOOSE.iter().any(|loose| word.eq_ignore_ascii_case(loose));
        if any { Self::Any } else { self }
    }
}

/// Statements that are looked at only when they run. Source: `stmt_requires_parse_analysis`.
const LOOSE: [&[u8]; 4] = [b"fetch", b"move", b"execute", b"show"];

impl StatementTable {
    /// An empty table.
    pub fn new(seed: TableSeed) -> Self {
        Self(Rc::new(RefCell::new(Table {
            seed,
            turn: 0,
            buckets: BTreeMap::new(),
            sweep_at: FIRST_SWEEP,
            memo: Memo::new(),
        })))
    }

    /// What tells names of ours from those of clients.
    pub(crate) fn key(&self) -> u64 {
        self.0.borrow().seed.key
    }

    /// What a complete text may do.
    pub(crate) fn classify(&self, style: StringStyle, text: &[u8]) -> Summary {
        let mut table = self.0.borrow_mut();
        table.memo.classify(style, text)
    }

    /// Statements in use.
    pub fn len(&self) -> usize {
        let table = self.0.borrow();
        let alive = |bucket: &Vec<Weak<Statement>>| {
            bucket
                .iter()
                .filter(|entry| entry.strong_count() > 0)
                .count()
        };
        table.buckets.values().map(alive).sum()
    }

    /// True when no statement is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one statement with this recipe, read under these settings.
    pub(crate) fn intern(
        &self,
        recipe: Recipe,
        meaning: Meaning,
        reading: Option<Arc<Reading>>,
    ) -> Arc<Statement> {
        self.0.borrow_mut().intern(recipe, meaning, reading)
    }
}

impl Table {
    fn intern(
        &mut self,
        recipe: Recipe,
        meaning: Meaning,
        reading: Option<Arc<Reading>>,
    ) -> Arc<Statement> {
        let hash = recipe.hash(self.seed.key);
        let bucket = self.buckets.entry(hash).or_default();
        bucket.retain(|entry| entry.strong_count() > 0);
        let found = bucket.iter().filter_map(Weak::upgrade).find(|statement| {
            statement.recipe == recipe
                && statement.meaning == meaning
                && statement.reading == reading
        });
        if let Some(found) = found {
            return found;
        }
        self.turn = self.turn.saturating_add(1);
        let statement = Arc::new(Statement {
            id: self
                .turn
                .saturating_mul(self.seed.tables.max(1))
                .saturating_add(self.seed.table),
            recipe,
            meaning,
            reading,
        });
        bucket.push(Arc::downgrade(&statement));
        if self.buckets.len() > self.sweep_at {
            self.sweep();
        }
        statement
    }

    fn sweep(&mut self) {
        self.buckets.retain(|_, bucket| {
            bucket.retain(|entry| entry.strong_count() > 0);
            !bucket.is_empty()
        });
        self.sweep_at = self.buckets.len().saturating_mul(2).max(FIRST_SWEEP);
    }
}

impl Statement {
    /// Bytes it needs, about.
    pub(crate) fn bytes(&self) -> usize {
        match &self.recipe {
            Recipe::Parse(parsed) => parsed.tail.len().saturating_add(parsed.parameters.len()),
            Recipe::Sql(prepared) => prepared.text.len(),
        }
    }
}

impl Recipe {
    /// The shape of the statement's result.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Parse(parsed) => parsed.shape,
            Self::Sql(prepared) => prepared.shape,
        }
    }

    fn hash(&self, key: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(key);
        match self {
            Self::Parse(parsed) => hasher.write(&parsed.tail),
            Self::Sql(prepared) => hasher.write(&prepared.text),
        }
        hasher.finish()
    }
}

impl std::fmt::Debug for StatementTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatementTable")
            .field("statements", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(number: u64) -> StatementTable {
        StatementTable::new(TableSeed {
            table: number,
            tables: 2,
            key: 7,
        })
    }

    fn parsed(text: &[u8], shape: Shape) -> Recipe {
        Recipe::Parse(Parsed {
            tail: text.into(),
            parameters: Box::new([0, 0]),
            shape,
            gives: shape.gives(),
            climate: 0,
        })
    }

    #[test]
    fn equal_statements_are_one() {
        let table = table(0);
        let first = table.intern(parsed(b"select 1", Shape::NoData), Meaning::NOTHING, None);
        let second = table.intern(parsed(b"select 1", Shape::NoData), Meaning::NOTHING, None);
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn another_result_is_another_statement() {
        let table = table(0);
        let first = table.intern(
            parsed(b"select * from t", Shape::Columns(1)),
            Meaning::NOTHING,
            None,
        );
        let second = table.intern(
            parsed(b"select * from t", Shape::Columns(2)),
            Meaning::NOTHING,
            None,
        );
        assert_ne!(first.id, second.id);
    }

    #[test]
    fn no_two_tables_share_an_id() {
        let ids = [0, 1].map(|number| {
            let table = table(number);
            let recipes = [1, 2].map(|column| parsed(b"x", Shape::Columns(column)));
            recipes.map(|recipe| table.intern(recipe, Meaning::NOTHING, None).id)
        });
        assert!(ids[0].iter().all(|id| !ids[1].contains(id)));
    }

    #[test]
    fn statements_nobody_names_are_gone() {
        let table = table(0);
        for number in 0..10_000_u32 {
            table.intern(
                parsed(&number.to_be_bytes(), Shape::NoData),
                Meaning::NOTHING,
                None,
            );
        }
        assert!(table.is_empty());
        assert!(table.0.borrow().buckets.len() <= FIRST_SWEEP + 1);
    }
}
