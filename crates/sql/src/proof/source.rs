//! The tokens of a body, and where its statements and loops are.

use std::ops::Range;

use super::lexer::Token;

/// A body in tokens.
pub(super) struct Source<'a> {
    tokens: &'a [Token],
    /// For each token the next semicolon.
    ends: Vec<usize>,
    /// Loops over numbers: the variable, and from where to where they go.
    loops: Vec<(&'a [u8], Range<usize>)>,
}

impl<'a> Source<'a> {
    pub(super) fn new(tokens: &'a [Token]) -> Self {
        let mut ends = vec![tokens.len(); tokens.len()];
        let mut end = tokens.len();
        for (at, slot) in ends.iter_mut().enumerate().rev() {
            if tokens.get(at).is_some_and(|token| token.is(b';')) {
                end = at;
            }
            *slot = end;
        }
        let mut source = Self {
            tokens,
            ends,
            loops: Vec::new(),
        };
        source.find_loops();
        source
    }

    pub(super) fn tokens(&self) -> &'a [Token] {
        self.tokens
    }

    pub(super) fn get(&self, at: usize) -> Option<&'a Token> {
        self.tokens.get(at)
    }

    pub(super) fn from(&self, at: usize) -> &'a [Token] {
        self.tokens.get(at..).unwrap_or_default()
    }

    pub(super) fn slice(&self, range: Range<usize>) -> &'a [Token] {
        let end = range.end.min(self.tokens.len());
        self.tokens.get(range.start..end).unwrap_or_default()
    }

    /// Where the statement around `at` ends.
    pub(super) fn statement_end(&self, at: usize) -> usize {
        self.ends.get(at).copied().unwrap_or(self.tokens.len())
    }

    /// Whether a statement may start with this token.
    pub(super) fn starts_statement(&self, at: usize) -> bool {
        let Some((before, rest)) = self.slice(0..at).split_last() else {
            return true;
        };
        let label = before.is(b'>') && rest.last().is_some_and(|token| token.is(b'>'));
        // The last two end a line with an option.
        label
            || before.is(b';')
            || matches!(
                before.word(),
                b"begin" | b"then" | b"else" | b"loop" | b"dump" | b"error"
            )
    }

    /// The next place with this word before the statement ends.
    pub(super) fn next_word(&self, at: usize, word: &[u8]) -> usize {
        let end = self.statement_end(at);
        let inside = self.slice(at..end);
        let length = inside.iter().position(|token| token.word() == word);
        length.map_or(end, |length| at.saturating_add(length))
    }

    /// The name at `at` with its qualification, and where it ends.
    pub(super) fn dotted(&self, at: usize) -> Option<(Vec<u8>, usize)> {
        let mut name = self.get(at)?.name()?.to_vec();
        let mut at = at.saturating_add(1);
        while let [Token::Punct(b'.'), next, ..] = self.from(at) {
            let Some(more) = next.name() else {
                break;
            };
            name.push(b'.');
            name.extend_from_slice(more);
            at = at.saturating_add(2);
        }
        Some((name, at))
    }

    /// Names with commas between them, and where they end.
    pub(super) fn names(&self, first: usize) -> (Vec<Vec<u8>>, usize) {
        let mut found = Vec::new();
        let mut at = first;
        while let Some((name, behind)) = self.dotted(at) {
            found.push(name);
            at = behind;
            if !self.get(at).is_some_and(|token| token.is(b',')) {
                break;
            }
            at = at.saturating_add(1);
        }
        (found, at)
    }

    /// The variable of a loop over numbers whose `FOR` is at `at`.
    pub(super) fn range_loop(&self, at: usize) -> Option<&'a [u8]> {
        let name = self.get(at.saturating_add(1))?.name()?;
        let first = at.saturating_add(3);
        let end = self.next_word(at, b"loop");
        let inside = self.slice(first..end);
        let query = matches!(
            inside.first()?.word(),
            b"select" | b"execute" | b"with" | b"values" | b"table"
        );
        let dots = |two: &[Token]| two.iter().all(|one| one.is(b'.'));
        let is_in = self.get(at.saturating_add(2))?.word() == b"in";
        (is_in && !query && inside.windows(2).any(dots)).then_some(name)
    }

    /// True if this name stands inside of loops over numbers that have it as their variable, and nowhere
    /// else: elsewhere it may be that of a parameter.
    pub(super) fn is_in_range_loops_only(&self, name: &[u8]) -> bool {
        let places = self.tokens.iter().enumerate();
        let mut places = places.filter(|(_, token)| token.name() == Some(name));
        let inside = |at: usize| {
            let mut loops = self.loops.iter();
            loops.any(|(variable, range)| *variable == name && range.contains(&at))
        };
        self.loops.iter().any(|(variable, _)| *variable == name) && places.all(|(at, _)| inside(at))
    }

    fn find_loops(&mut self) {
        let mut open: Vec<(Option<&'a [u8]>, usize)> = Vec::new();
        let mut next = None;
        for (at, token) in self.tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| self.get(before));
            let ends = before.is_some_and(|token| token.word() == b"end");
            match token.word() {
                b"for" if self.starts_statement(at) => {
                    next = self.range_loop(at).map(|name| (name, at));
                }
                b"loop" if ends => {
                    if let Some((Some(name), start)) = open.pop() {
                        self.loops.push((name, start..at));
                    }
                }
                b"loop" => {
                    let name = next.take();
                    open.push((name.map(|(name, _)| name), name.map_or(at, |(_, at)| at)));
                }
                _ => {}
            }
        }
    }

    /// True if the name at `at` stands behind a call of the function with that name.
    pub(super) fn is_behind_call(&self, at: usize) -> bool {
        let before = self.slice(0..at);
        if !before.last().is_some_and(|token| token.is(b')')) {
            return false;
        }
        let mut open = 0_usize;
        for (place, token) in before.iter().enumerate().rev() {
            match token.nests(0) {
                None => open = open.saturating_add(1),
                Some(1) => open = open.saturating_sub(1),
                Some(_) => {}
            }
            if open == 0 {
                let called = place.checked_sub(1).and_then(|called| self.get(called));
                let called = called.and_then(Token::name);
                return called.is_some() && called == self.get(at).and_then(Token::name);
            }
        }
        false
    }

    /// The arguments of a call, without what orders them.
    pub(super) fn arguments(&self, inside: Range<usize>) -> Vec<Range<usize>> {
        let mut all = Vec::new();
        let mut start = inside.start;
        while start < inside.end {
            let (end, next) = self.argument(start..inside.end);
            all.push(start..end);
            start = next;
        }
        all
    }

    /// Where the first argument ends, and where the next one starts.
    pub(super) fn argument(&self, range: Range<usize>) -> (usize, usize) {
        let mut depth = 0_usize;
        let mut end = None;
        for at in range.clone() {
            let Some(token) = self.get(at) else {
                break;
            };
            depth = token.nests(depth).unwrap_or(0);
            if depth == 0 && token.is(b',') {
                return (end.unwrap_or(at), at.saturating_add(1));
            }
            if depth == 0 && token.word() == b"order" {
                end = end.or(Some(at));
            }
        }
        (end.unwrap_or(range.end), range.end)
    }
}
