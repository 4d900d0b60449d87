//! The list of what a `SELECT` gives.

use std::ops::Range;

use super::lexer::Token;
use super::source::Source;

/// One expression of the list.
pub(super) struct Item {
    /// Its tokens, without the name it is given.
    pub(super) range: Range<usize>,
    /// Where that name is.
    alias: Option<usize>,
}

impl Item {
    /// The name it is given.
    pub(super) fn name<'a>(&self, source: &Source<'a>) -> Option<&'a [u8]> {
        self.alias
            .and_then(|at| source.get(at))
            .and_then(Token::name)
    }
}

/// The expressions of the list that starts with `range`, which goes to the end of the query. Nothing if
/// there is more than one query in it, or what it gives is not in the list.
pub(super) fn items(source: &Source<'_>, range: Range<usize>) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut nested = 0_usize;
    let mut start = range.start;
    let mut list = List::Open;
    for at in range.clone() {
        let token = source.get(at)?;
        depth = token.nests(depth)?;
        if depth > 0 {
            continue;
        }
        match token.word() {
            b"case" => nested = nested.saturating_add(1),
            b"end" => nested = nested.saturating_sub(1),
            b"union" | b"intersect" | b"except" => return None,
            _ => {}
        }
        if list == List::Closed {
            continue;
        }
        let ends = ends_list(token) && nested == 0;
        if ends || token.is(b',') {
            items.push(item(source, start..at)?);
            start = at.saturating_add(1);
        }
        if ends {
            list = List::Closed;
        }
    }
    if list == List::Open {
        items.push(item(source, start..range.end)?);
    }
    Some(items)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Open,
    Closed,
}

fn item(source: &Source<'_>, range: Range<usize>) -> Option<Item> {
    let all = source.slice(range.clone());
    let first = all.first()?;
    if matches!(first.word(), b"distinct" | b"all") || all.iter().any(|one| one.is(b'*')) {
        return None;
    }
    let named = |length: usize| {
        let end = range.end.saturating_sub(length);
        Some(Item {
            range: range.start..end,
            alias: range.end.checked_sub(1),
        })
    };
    match all {
        [_, .., before, last] if before.word() == b"as" && last.name().is_some() => named(2),
        // A name behind what can stand alone.
        [
            ..,
            Token::Punct(b')') | Token::Text(_) | Token::Number,
            last,
        ] if last.name().is_some() && last.word() != b"end" => named(1),
        [only] if only.name().is_some() => named(0),
        _ => Some(Item { range, alias: None }),
    }
}

/// Words behind the list of a query, reserved in PostgreSQL 15 `kwlist.h`.
fn ends_list(token: &Token) -> bool {
    matches!(
        token.word(),
        b"from"
            | b"into"
            | b"where"
            | b"group"
            | b"having"
            | b"window"
            | b"order"
            | b"limit"
            | b"offset"
            | b"fetch"
            | b"for"
    )
}
