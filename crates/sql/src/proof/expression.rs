//! What text an expression of a body may give, as far as the body tells.
//!
//! Functions are taken for those of `pg_catalog`. What is not followed here may be anything.

use std::cell::Cell;
use std::ops::Range;

use super::format;
use super::lexer::Token;
use super::select;
use super::source::Source;
use super::text::{
    Hole, Part, Texts, constant, either, hole, joined, nothing, plain, quoted_identifier,
    quoted_literal, settled, size, unknown,
};
use super::variables::{Value, Variables, hole_of_type};

/// Expressions within expressions.
const MAX_DEPTH: usize = 48;

/// Expressions to look at for one body.
const MAX_STEPS: u32 = 20_000;

/// Bytes of texts that cost as much as an expression.
const BYTES_OF_STEP: usize = 64;

/// All that expressions of one body are read with.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) variables: &'a Variables,
    steps: Cell<u32>,
}

/// An expression that is being read.
struct Cursor<'r> {
    reader: &'r Reader<'r>,
    at: usize,
    end: usize,
    /// Variables that it is a value of, and expressions that it is a part of.
    path: &'r Path<'r>,
}

/// Where an expression is.
struct Path<'p> {
    depth: usize,
    /// The innermost variable.
    variable: Option<&'p [u8]>,
    above: Option<&'p Path<'p>>,
}

impl Path<'_> {
    fn has(&self, name: &[u8]) -> bool {
        self.variable == Some(name) || self.above.is_some_and(|above| above.has(name))
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source<'a>, variables: &'a Variables) -> Self {
        Self {
            source,
            variables,
            steps: Cell::new(0),
        }
    }

    /// The texts that the expression at these tokens may give.
    pub(super) fn texts(&self, range: Range<usize>) -> Texts {
        let path = Path {
            depth: 0,
            variable: None,
            above: None,
        };
        self.texts_at(range, &path)
    }

    /// Long texts count more.
    fn pay(&self, texts: &Texts) {
        let steps = u32::try_from(size(texts) / BYTES_OF_STEP).unwrap_or(u32::MAX);
        self.steps.set(self.steps.get().saturating_add(steps));
    }

    fn texts_at(&self, range: Range<usize>, path: &Path<'_>) -> Texts {
        self.steps.set(self.steps.get().saturating_add(1));
        if path.depth > MAX_DEPTH || self.steps.get() > MAX_STEPS {
            return unknown();
        }
        let below = Path {
            depth: path.depth.saturating_add(1),
            variable: path.variable,
            above: path.above,
        };
        let mut cursor = Cursor {
            reader: self,
            at: range.start,
            end: range.end,
            path: &below,
        };
        let texts = cursor.concatenation();
        self.pay(&texts);
        if cursor.at == range.end {
            texts
        } else {
            unknown()
        }
    }

    /// Where the arguments end that start at `start`.
    pub(super) fn closing(&self, start: usize) -> usize {
        let mut depth = 1_usize;
        for (length, token) in self.source.from(start).iter().enumerate() {
            depth = token.nests(depth).unwrap_or(0);
            if depth == 0 {
                return start.saturating_add(length);
            }
        }
        self.source.tokens().len()
    }

    fn variable(&self, name: &[u8], path: &Path<'_>) -> Texts {
        if path.variable == Some(name) {
            return vec![vec![Part::Itself]];
        }
        let Some(values) = self.variables.values(name).filter(|_| !path.has(name)) else {
            return unknown();
        };
        let inside = Path {
            depth: path.depth.saturating_add(1),
            variable: Some(name),
            above: Some(path),
        };
        let mut texts = Texts::new();
        for value in values {
            let more = match value {
                Value::Expression(range) => self.texts_at(range.clone(), &inside),
                Value::Typed(kind) => hole(*kind),
                Value::Row => unknown(),
            };
            texts = either(texts, more);
        }
        if values.is_empty() {
            texts = nothing();
        }
        settled(texts)
    }
}

impl<'r> Cursor<'r> {
    fn rest(&self) -> &'r [Token] {
        self.reader.source.slice(self.at..self.end)
    }

    fn skip(&mut self, tokens: usize) {
        self.at = self.at.saturating_add(tokens);
    }

    fn texts(&self, range: Range<usize>) -> Texts {
        self.reader.texts_at(range, self.path)
    }

    fn concatenation(&mut self) -> Texts {
        let mut texts = self.term();
        while let [Token::Punct(b'|'), Token::Punct(b'|'), ..] = self.rest() {
            self.skip(2);
            texts = joined(&texts, &self.term());
        }
        texts
    }

    /// Something, and the casts behind it.
    fn term(&mut self) -> Texts {
        let mut texts = self.primary();
        while let [Token::Punct(b':'), Token::Punct(b':'), ..] = self.rest() {
            self.skip(2);
            texts = self.cast(texts);
        }
        texts
    }

    /// To the type that comes next.
    fn cast(&mut self, texts: Texts) -> Texts {
        if let [schema, Token::Punct(b'.'), ..] = self.rest()
            && schema.word() == b"pg_catalog"
        {
            self.skip(2);
        }
        let (name, length) = match self.rest() {
            [first, second, ..] if first.word() == b"character" && second.word() == b"varying" => {
                (&b"varchar"[..], 2)
            }
            [first, ..] => (first.word(), 1),
            [] => return unknown(),
        };
        self.skip(length);
        let plain_type = !matches!(self.rest(), [Token::Punct(b'[' | b'('), ..]);
        match name {
            b"text" | b"varchar" if plain_type => texts,
            b"numeric" | b"decimal" if !plain_type => {
                self.parenthesised();
                hole(Hole::Number)
            }
            name if plain_type => hole(hole_of_type(name)),
            _ => unknown(),
        }
    }

    fn primary(&mut self) -> Texts {
        match self.rest() {
            [Token::Text(text), ..] => {
                self.skip(1);
                constant(text)
            }
            [Token::Number, ..] => {
                self.skip(1);
                hole(Hole::Number)
            }
            [Token::Punct(b'('), first, ..] => {
                let first = first.word();
                let Some(inside) = self.parenthesised() else {
                    return unknown();
                };
                if first == b"select" {
                    self.subquery(inside)
                } else {
                    self.texts(inside)
                }
            }
            [first, ..] if first.word() == b"case" => self.cases(),
            [first, ..] if first.word() == b"null" => {
                self.skip(1);
                nothing()
            }
            [first, Token::Punct(b'('), ..] if first.word() == b"cast" => {
                self.skip(1);
                self.cast_call()
            }
            _ => self.named(),
        }
    }

    /// A pair of parentheses comes next; goes behind it, and answers what is inside.
    fn parenthesised(&mut self) -> Option<Range<usize>> {
        let mut depth = 0_usize;
        for (at, token) in self.rest().iter().enumerate() {
            depth = token.nests(depth)?;
            if depth == 0 {
                let start = self.at.saturating_add(1);
                let end = self.at.saturating_add(at);
                self.at = end.saturating_add(1);
                return (start <= end).then_some(start..end);
            }
        }
        self.at = self.end;
        None
    }

    /// `CAST(expression AS type)`.
    fn cast_call(&mut self) -> Texts {
        let Some(inside) = self.parenthesised() else {
            return unknown();
        };
        let tokens = self.reader.source.slice(inside.clone());
        let Some(length) = tokens.iter().rposition(|token| token.word() == b"as") else {
            return unknown();
        };
        let middle = inside.start.saturating_add(length);
        let texts = self.texts(inside.start..middle);
        let mut type_name = Cursor {
            reader: self.reader,
            at: middle.saturating_add(1),
            end: inside.end,
            path: self.path,
        };
        let texts = type_name.cast(texts);
        if type_name.at == inside.end {
            texts
        } else {
            unknown()
        }
    }

    /// `(SELECT expression ..)` with one row.
    fn subquery(&mut self, inside: Range<usize>) -> Texts {
        let list = inside.start.saturating_add(1)..inside.end;
        match select::items(self.reader.source, list).as_deref() {
            Some([only]) => either(nothing(), self.texts(only.range.clone())),
            Some(_) | None => unknown(),
        }
    }

    /// `CASE`: what follows its `THEN`s and `ELSE`.
    fn cases(&mut self) -> Texts {
        let mut texts = Texts::new();
        let mut nested = 0_usize;
        let mut branch = None;
        let mut complete = nothing();
        for (length, token) in self.rest().iter().enumerate() {
            let at = self.at.saturating_add(length);
            let ends = nested == 1 && matches!(token.word(), b"when" | b"else" | b"end");
            if ends && let Some(start) = branch.take() {
                texts = either(texts, self.texts(start..at));
            }
            match token.word() {
                b"case" => nested = nested.saturating_add(1),
                b"then" if nested == 1 => branch = Some(at.saturating_add(1)),
                b"else" if nested == 1 => {
                    branch = Some(at.saturating_add(1));
                    complete = Texts::new();
                }
                b"end" if nested == 1 => {
                    self.at = at.saturating_add(1);
                    return either(texts, complete);
                }
                b"end" => nested = nested.saturating_sub(1),
                _ => {}
            }
        }
        self.at = self.end;
        unknown()
    }

    /// A name: of a variable, or of a function.
    fn named(&mut self) -> Texts {
        let Some((name, behind)) = self.reader.source.dotted(self.at) else {
            self.skip(1);
            return unknown();
        };
        if behind > self.end {
            return unknown();
        }
        self.at = behind;
        if !matches!(self.rest(), [Token::Punct(b'('), ..]) {
            return match &*name {
                b"tg_op" | b"tg_when" | b"tg_level" | b"tg_name" | b"tg_relname"
                | b"tg_table_name" | b"tg_table_schema" | b"tg_event" | b"tg_tag" => {
                    hole(Hole::Name)
                }
                name => self.reader.variable(name, self.path),
            };
        }
        let name = name.strip_prefix(b"pg_catalog.").unwrap_or(&name).to_vec();
        match self.parenthesised() {
            Some(inside) => self.call(&name, &self.reader.source.arguments(inside)),
            None => unknown(),
        }
    }

    fn call(&self, name: &[u8], arguments: &[Range<usize>]) -> Texts {
        let texts = |at: usize| {
            let range = arguments.get(at).cloned();
            range.map_or_else(unknown, |range| self.texts(range))
        };
        match (name, arguments) {
            (b"format", [_, rest @ ..]) => {
                let values: Vec<Texts> = rest.iter().map(|one| self.texts(one.clone())).collect();
                format::texts(&texts(0), &values)
            }
            (b"concat", [_, ..]) => {
                let mut all = nothing();
                for argument in arguments {
                    all = joined(&all, &either(nothing(), self.texts(argument.clone())));
                }
                all
            }
            (b"coalesce", [_, ..]) => {
                let mut all = Texts::new();
                for argument in arguments {
                    all = either(all, self.texts(argument.clone()));
                }
                all
            }
            (b"nullif", [_, _]) => texts(0),
            (b"quote_ident", [_]) => identifiers(texts(0)),
            (b"quote_literal" | b"quote_nullable", [_]) => literals(texts(0)),
            (b"string_agg", [_, _]) => repeated(&texts(0), &texts(1)),
            (b"array_to_string", [array, _]) => repeated(&self.elements(array.clone()), &texts(1)),
            (b"lower" | b"upper", [_]) => match &*texts(0) {
                [only] if matches!(**only, [Part::Hole(Hole::Name | Hole::Number)]) => texts(0),
                _ => unknown(),
            },
            (b"to_char", [_, pattern]) => self.dated(pattern.clone()),
            (name, _) if gives_number(name) => hole(Hole::Number),
            _ => unknown(),
        }
    }

    /// `ARRAY(SELECT expression ..)`.
    fn elements(&self, range: Range<usize>) -> Texts {
        match self.reader.source.slice(range.clone()) {
            [array, Token::Punct(b'('), select, .., Token::Punct(b')')]
                if array.word() == b"array" && select.word() == b"select" =>
            {
                let list = range.start.saturating_add(3)..range.end.saturating_sub(1);
                match select::items(self.reader.source, list).as_deref() {
                    Some([only]) => self.texts(only.range.clone()),
                    Some(_) | None => unknown(),
                }
            }
            [
                aggregate,
                Token::Punct(b'('),
                inside @ ..,
                Token::Punct(b')'),
            ] if aggregate.word() == b"array_agg" && !inside.is_empty() => {
                let list = range.start.saturating_add(2)..range.end.saturating_sub(1);
                self.texts(list.start..self.reader.source.argument(list).0)
            }
            _ => unknown(),
        }
    }

    /// `to_char` with a pattern of which only digits can come.
    fn dated(&self, pattern: Range<usize>) -> Texts {
        let digits = |byte: &u8| b"YMDHISWQ0124_".contains(byte);
        let all = self.texts(pattern);
        let known = all.iter().all(|text| {
            let pattern = plain(text);
            pattern.is_some_and(|pattern| pattern.iter().all(digits))
        });
        let dates = |byte: &u8| digits(byte) || b"-./: ".contains(byte);
        let plain = all.iter().all(|text| {
            let pattern = plain(text);
            pattern.is_some_and(|pattern| pattern.iter().all(dates))
        });
        match (known, plain) {
            (true, _) => hole(Hole::Number),
            (false, true) => hole(Hole::Value),
            (false, false) => unknown(),
        }
    }
}

/// `%I` and `quote_ident`.
pub(super) fn identifiers(texts: Texts) -> Texts {
    texts.into_iter().fold(Texts::new(), |all, text| {
        let quoted = plain(&text).map(|name| constant(&quoted_identifier(&name)));
        either(all, quoted.unwrap_or_else(|| hole(Hole::Identifier)))
    })
}

/// `%L` and `quote_literal`.
pub(super) fn literals(texts: Texts) -> Texts {
    texts.into_iter().fold(Texts::new(), |all, text| {
        let quoted = plain(&text).and_then(|text| quoted_literal(&text));
        let quoted = quoted.map(|text| constant(&text));
        either(all, quoted.unwrap_or_else(|| hole(Hole::Literal)))
    })
}

/// Any number of these with a separator between them.
fn repeated(one: &Texts, separator: &Texts) -> Texts {
    let two = joined(&joined(one, separator), one);
    either(nothing(), either(one.clone(), two))
}

/// Functions of `pg_catalog` that give a number.
fn gives_number(name: &[u8]) -> bool {
    matches!(
        name,
        b"abs"
            | b"array_length"
            | b"array_lower"
            | b"array_upper"
            | b"cardinality"
            | b"ceil"
            | b"char_length"
            | b"count"
            | b"currval"
            | b"date_part"
            | b"extract"
            | b"floor"
            | b"hashtext"
            | b"length"
            | b"mod"
            | b"nextval"
            | b"octet_length"
            | b"pg_backend_pid"
            | b"random"
            | b"round"
            | b"row_number"
            | b"trunc"
            | b"txid_current"
    )
}
