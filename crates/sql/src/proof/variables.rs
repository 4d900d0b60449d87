//! The variables of a body in PL/pgSQL, and all that is assigned to them.
//!
//! Source of the grammar: PostgreSQL 15 `src/pl/plpgsql/src/pl_gram.y`. What is assigned in a way that is not
//! followed here is unknown; so is what may be a parameter of the routine.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::lexer::Token;
use super::select::{self, Item};
use super::source::Source;
use super::text::Hole;

/// Values of one variable; one with more may hold anything.
const MAX_VALUES: usize = 64;

/// Variables by name; the fields of a record by `record.field`.
#[derive(Debug, Default)]
pub(super) struct Variables {
    by_name: BTreeMap<Box<[u8]>, Vec<Value>>,
    /// Those that take what they are given as it is.
    textual: BTreeSet<Box<[u8]>>,
    names: Names,
}

/// One thing that a variable may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// What the expression at these tokens gives.
    Expression(Range<usize>),
    /// Whatever its type has.
    Typed(Hole),
    /// No text, but a row with fields that are variables of their own.
    Row,
}

/// Whether a name that is not declared in the body may still be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Names {
    /// A name means what it seems to mean.
    #[default]
    Plain,
    /// In queries it may be a column instead.
    MayBeColumns,
}

/// Where a declaration is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Outermost,
    /// Outside of it the name may be that of a parameter.
    Inner,
}

/// Whose body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A routine, which may have parameters.
    Routine,
    /// A `DO`.
    Nobody,
}

impl Variables {
    /// Those of a body.
    pub(super) fn of(source: &Source<'_>, owner: Owner) -> Self {
        let mut variables = Self::default();
        let declared = variables.declarations(source, owner);
        variables.assignments(source);
        for (name, values) in &mut variables.by_name {
            let base = name.split(|byte| *byte == b'.').next().unwrap_or_default();
            if !declared.contains(base) && !source.is_in_range_loops_only(base) {
                values.push(Value::Typed(Hole::Unknown));
            }
            let typed = values.iter().any(|value| matches!(value, Value::Typed(_)));
            if typed && !variables.textual.contains(base) {
                values.retain(|value| matches!(value, Value::Typed(_)));
            }
        }
        variables
    }

    /// What the variable may hold; nothing if it is not known. One that holds nothing is NULL.
    pub(super) fn values(&self, name: &[u8]) -> Option<&[Value]> {
        if self.names == Names::MayBeColumns {
            return None;
        }
        let field = memchr::memchr(b'.', name).and_then(|dot| name.get(..dot));
        if let Some(record) = field {
            let rows = self.by_name.get(record)?;
            if rows.iter().any(|value| *value != Value::Row) {
                return None;
            }
        }
        self.by_name.get(name).map(Vec::as_slice)
    }

    fn add(&mut self, name: &[u8], value: Value) {
        let values = self.by_name.entry(name.into()).or_default();
        if values.len() >= MAX_VALUES {
            values.truncate(1);
            values.push(Value::Typed(Hole::Unknown));
        } else if !values.contains(&value) {
            values.push(value);
        }
    }

    fn lose(&mut self, name: &[u8]) {
        self.add(name, Value::Typed(Hole::Unknown));
    }

    /// Reads the declarations. Answers the names that mean a variable of the body wherever they stand.
    fn declarations(&mut self, source: &Source<'_>, owner: Owner) -> BTreeSet<Box<[u8]>> {
        let mut declared = BTreeSet::new();
        let mut block = Block::Outermost;
        let mut at = 0;
        while let Some(token) = source.get(at) {
            let opens = token.word() == b"declare" && source.starts_statement(at);
            match token.word() {
                b"begin" => block = Block::Inner,
                b"variable_conflict" => self.names = Names::MayBeColumns,
                _ => {}
            }
            at = at.saturating_add(1);
            while opens && let Some(token) = source.get(at) {
                if token.word() == b"begin" {
                    break;
                }
                let end = source.statement_end(at);
                if let Some(name) = token.name() {
                    self.declaration(source, at..end, name);
                    if block == Block::Outermost || owner == Owner::Nobody {
                        declared.insert(name.into());
                    }
                }
                at = end.saturating_add(1);
            }
        }
        declared
    }

    /// `name [CONSTANT] type .. [DEFAULT | := | = expression]`.
    fn declaration(&mut self, source: &Source<'_>, range: Range<usize>, name: &[u8]) {
        let all = source.slice(range.clone());
        let other = |token: &Token| matches!(token.word(), b"alias" | b"cursor");
        if all.iter().any(other) {
            self.lose_all(source, range);
            return;
        }
        let is_default = |token: &Token| token.word() == b"default" || token.is(b'=');
        let default = all.iter().position(is_default);
        let constant = all.get(1).is_some_and(|token| token.word() == b"constant");
        let start = if constant { 2 } else { 1 };
        let type_end = default.unwrap_or(all.len());
        let kind = all.get(start..type_end).unwrap_or_default();
        let kind = kind.strip_suffix(&[Token::Punct(b':')]).unwrap_or(kind);
        self.by_name.entry(name.into()).or_default();
        match type_of(kind) {
            Type::Text => {
                self.textual.insert(name.into());
            }
            Type::Row => {
                self.textual.insert(name.into());
                self.add(name, Value::Row);
            }
            Type::Other(hole) => self.add(name, Value::Typed(hole)),
        }
        if let Some(default) = default {
            let start = range.start.saturating_add(default).saturating_add(1);
            self.add(name, Value::Expression(start..range.end));
        }
    }

    fn assignments(&mut self, source: &Source<'_>) {
        let mut start = 0;
        for (at, token) in source.tokens().iter().enumerate() {
            let starts = source.starts_statement(at);
            if starts {
                start = at;
                self.assignment(source, at);
            }
            match token.word() {
                b"into" => self.takes_into(source, start, at),
                b"for" if starts => self.loop_over(source, at),
                b"foreach" if starts => self.lose_all(source, at..at.saturating_add(4)),
                b"open" | b"call" if starts => {
                    self.lose_all(source, at..source.statement_end(at));
                }
                b"diagnostics" => self.lose_all(source, at..source.statement_end(at)),
                _ => {}
            }
        }
    }

    /// `name := expression`, also with `=`, of a field, of an element.
    fn assignment(&mut self, source: &Source<'_>, at: usize) {
        let Some((name, behind)) = source.dotted(at) else {
            return;
        };
        let length = match source.from(behind) {
            [Token::Punct(b':'), Token::Punct(b'='), ..] => 2_usize,
            [Token::Punct(b'='), ..] => 1,
            [Token::Punct(b'['), ..] => {
                let last = last_name(&name).to_vec();
                self.lose(&last);
                self.lose(&name);
                return;
            }
            _ => return,
        };
        self.lose_if_labelled(&name);
        let value = behind.saturating_add(length)..source.statement_end(behind);
        self.add(&name, Value::Expression(value));
    }

    /// `block.name` is `name`.
    fn lose_if_labelled(&mut self, name: &[u8]) {
        let of_trigger = name.starts_with(b"new.") || name.starts_with(b"old.");
        if name.contains(&b'.') && !of_trigger {
            let last = last_name(name).to_vec();
            self.lose(&last);
        }
    }

    /// `SELECT .. INTO targets ..`, and whatever else has an `INTO` at `at`.
    fn takes_into(&mut self, source: &Source<'_>, start: usize, at: usize) {
        let before = at.checked_sub(1).and_then(|before| source.get(before));
        if before.is_some_and(|token| matches!(token.word(), b"insert" | b"merge")) {
            return;
        }
        let strict = source.get(at.saturating_add(1));
        let strict = strict.is_some_and(|token| token.word() == b"strict");
        let first = at.saturating_add(if strict { 2 } else { 1 });
        let (targets, behind) = source.names(first);
        let is_select = source.get(start).is_some_and(|one| one.word() == b"select");
        let end = source.statement_end(at);
        let list = start.saturating_add(1);
        let list = if list == at { behind } else { list };
        let items = if is_select {
            select::items(source, list..end)
        } else {
            None
        };
        self.take(source, &targets, items);
    }

    /// The targets get these items, or something unknown.
    fn take(&mut self, source: &Source<'_>, targets: &[Vec<u8>], items: Option<Vec<Item>>) {
        for name in targets {
            self.lose_if_labelled(name);
        }
        match (targets, items) {
            ([one], Some(items)) => {
                let known = self.by_name.get(&**one);
                let is_row = known.is_some_and(|values| values.contains(&Value::Row));
                if let [only] = &*items
                    && !is_row
                {
                    self.add(one, Value::Expression(only.range.clone()));
                    return;
                }
                self.add(one, Value::Row);
                for item in items {
                    if let Some(field) = item.name(source) {
                        let name = [&**one, b".", field].concat();
                        self.add(&name, Value::Expression(item.range.clone()));
                    }
                }
            }
            (several, Some(items)) if several.len() == items.len() => {
                for (name, item) in several.iter().zip(items) {
                    self.add(name, Value::Expression(item.range));
                }
            }
            (lost, _) => {
                for name in lost {
                    self.lose(name);
                }
            }
        }
    }

    /// `FOR targets IN ..`.
    fn loop_over(&mut self, source: &Source<'_>, at: usize) {
        let (targets, behind) = source.names(at.saturating_add(1));
        let end = source.next_word(behind, b"loop");
        let first = behind.saturating_add(1);
        let head = source.get(first).map_or(&[][..], Token::word);
        if head == b"select" {
            let items = select::items(source, first.saturating_add(1)..end);
            self.take(source, &targets, items);
        } else if source.range_loop(at).is_some() {
            for name in &targets {
                self.add(name, Value::Typed(Hole::Number));
            }
        } else {
            self.take(source, &targets, None);
        }
    }

    fn lose_all(&mut self, source: &Source<'_>, range: Range<usize>) {
        for token in source.slice(range) {
            if let Some(name) = token.name() {
                self.lose(name);
            }
        }
    }
}

/// What the type of a variable says of its values.
enum Type {
    /// They are what is assigned.
    Text,
    Row,
    Other(Hole),
}

fn type_of(kind: &[Token]) -> Type {
    let words: Vec<&[u8]> = kind.iter().map(Token::word).collect();
    // `NOT NULL` says nothing of the letters.
    let words = match &*words {
        [kind @ .., b"not", b"null"] => kind,
        all => all,
    };
    match words {
        [b"text" | b"varchar"] | [b"character", b"varying"] => Type::Text,
        [b"varchar", ..] | [b"character", b"varying", ..]
            if kind.iter().any(|token| token.is(b'(')) =>
        {
            Type::Text
        }
        [b"record"] => Type::Row,
        [name] => Type::Other(hole_of_type(name)),
        [b"numeric", ..] | [b"double", b"precision"] => Type::Other(Hole::Number),
        [b"timestamp" | b"time", ..] => Type::Other(Hole::Value),
        _ => Type::Other(Hole::Unknown),
    }
}

/// What values of a type may look like.
pub(super) fn hole_of_type(name: &[u8]) -> Hole {
    match name {
        b"int" | b"integer" | b"bigint" | b"smallint" | b"int2" | b"int4" | b"int8" | b"oid"
        | b"numeric" | b"decimal" | b"real" | b"float" | b"float4" | b"float8" => Hole::Number,
        b"regclass" | b"regnamespace" | b"regrole" | b"regproc" | b"regtype" | b"regprocedure" => {
            Hole::Identifier
        }
        b"date" | b"timestamp" | b"timestamptz" | b"time" | b"timetz" | b"interval" | b"uuid"
        | b"bool" | b"boolean" => Hole::Value,
        _ => Hole::Unknown,
    }
}

fn last_name(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'.').next().unwrap_or_default()
}
