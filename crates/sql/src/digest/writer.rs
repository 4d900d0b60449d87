//! Puts the pieces of a digest together and leaves out what makes equal statements look different.

use super::Rest;
use super::lexer::{Gap, Piece};

/// Writes a digest.
pub(crate) struct Writer {
    out: Vec<u8>,
    limit: usize,
    waiting: Waiting,
    before: Before,
    values: Values,
    rest: Rest,
}

/// What has been read and is written only if what follows asks for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Nothing,
    Semicolon,
    /// Behind a `(`: values and commas.
    List(List),
    /// Behind a row of `VALUES`, a list: nothing.
    Row,
    /// Behind such a row: a comma.
    RowComma,
    /// Behind such a row: a comma, a `(`, values and commas.
    RowList(List),
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct List {
    values: usize,
    wants: Wants,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    Value,
    Comma,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of `VALUES`.
    Row,
    Other,
}

/// The piece before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Values,
    Other,
}

/// Where in a statement values may look like words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    /// The statement begins.
    Start,
    /// Nowhere.
    Nowhere,
    /// Behind a `SET`, if one follows: `ALTER` and `CREATE`.
    BehindSet,
    /// Behind the next `TO` or `=`.
    BehindName,
    /// Here, and nothing is written for them yet.
    Here,
    /// Here up to the end of the statement, and a `?` is written.
    Written,
}

impl List {
    fn new(kind: Kind) -> Self {
        Self {
            values: 0,
            wants: Wants::Value,
            kind,
        }
    }

    /// The list with one piece more, if it still is a list of values.
    fn with(self, piece: Piece<'_>) -> Option<Self> {
        match (self.wants, piece) {
            (Wants::Value, Piece::Value) => Some(Self {
                values: self.values.saturating_add(1),
                wants: Wants::Comma,
                ..self
            }),
            (Wants::Comma, Piece::Punct(b',')) => Some(Self {
                wants: Wants::Value,
                ..self
            }),
            _ => None,
        }
    }

    fn ends_with(self, piece: Piece<'_>) -> bool {
        self.wants == Wants::Comma && piece == Piece::Punct(b')')
    }
}

impl Writer {
    pub(crate) fn new(capacity: usize, limit: usize) -> Self {
        Self {
            out: Vec::with_capacity(capacity),
            limit,
            waiting: Waiting::Nothing,
            before: Before::Other,
            values: Values::Start,
            rest: Rest::Nothing,
        }
    }

    /// True when nothing more can be seen of the text.
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() > self.limit
    }

    pub(super) fn finish(mut self) -> (Vec<u8>, Rest) {
        if self.waiting != Waiting::Semicolon {
            self.flush();
        }
        (self.out, self.rest)
    }

    pub(crate) fn piece(&mut self, gap: Gap, piece: Piece<'_>) {
        let ends_values = matches!(piece, Piece::Semicolon | Piece::Doubt);
        match self.values {
            Values::Here if !ends_values => {
                self.values = Values::Written;
                self.write(gap, b"?");
                return;
            }
            Values::Written if !ends_values => return,
            Values::Start
            | Values::Nowhere
            | Values::BehindSet
            | Values::BehindName
            | Values::Here
            | Values::Written => {}
        }
        if !self.waits(piece) {
            self.flush();
            self.shown(gap, piece);
        }
    }

    /// Takes a piece that need not be written now.
    fn waits(&mut self, piece: Piece<'_>) -> bool {
        let next = match self.waiting {
            Waiting::Nothing => None,
            Waiting::Semicolon => (piece == Piece::Semicolon).then_some(Waiting::Semicolon),
            Waiting::List(list) if list.ends_with(piece) => {
                self.out.extend_from_slice(b"?)");
                Some(match list.kind {
                    Kind::Row => Waiting::Row,
                    Kind::Other => Waiting::Nothing,
                })
            }
            Waiting::RowList(list) if list.ends_with(piece) => Some(Waiting::Row),
            Waiting::List(list) => list.with(piece).map(Waiting::List),
            Waiting::RowList(list) => list.with(piece).map(Waiting::RowList),
            Waiting::Row => (piece == Piece::Punct(b',')).then_some(Waiting::RowComma),
            Waiting::RowComma => {
                (piece == Piece::Punct(b'(')).then_some(Waiting::RowList(List::new(Kind::Row)))
            }
        };
        if let Some(next) = next {
            self.waiting = next;
        }
        next.is_some()
    }

    fn flush(&mut self) {
        match std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            Waiting::Nothing | Waiting::Row => {}
            Waiting::Semicolon => self.out.extend_from_slice(b"; "),
            Waiting::RowComma => self.out.push(b','),
            Waiting::List(list) => self.flush_list(list),
            Waiting::RowList(list) => {
                self.out.extend_from_slice(b", (");
                self.flush_list(list);
            }
        }
    }

    fn flush_list(&mut self, list: List) {
        for at in 0..list.values {
            if self.is_full() {
                return;
            }
            self.out
                .extend_from_slice(if at == 0 { b"?" } else { b", ?" });
        }
        if list.values > 0 && list.wants == Wants::Value {
            self.out.push(b',');
        }
    }

    fn shown(&mut self, gap: Gap, piece: Piece<'_>) {
        let before = std::mem::replace(&mut self.before, Before::Other);
        match piece {
            Piece::Word(word) => {
                self.write(gap, &[]);
                self.out.extend(word.iter().map(u8::to_ascii_lowercase));
                self.word(word);
                return;
            }
            Piece::Quoted(name) => self.quoted(gap, name),
            Piece::Value => self.write(gap, b"?"),
            Piece::Punct(byte) => {
                self.write(gap, &[byte]);
                self.punct(byte, before);
            }
            Piece::Semicolon => {
                self.values = Values::Start;
                if !self.out.is_empty() {
                    self.waiting = Waiting::Semicolon;
                }
                return;
            }
            Piece::Doubt => {
                self.write(gap, b"?");
                self.rest = Rest::Hidden;
            }
        }
        if self.values == Values::Start {
            self.values = Values::Nowhere;
        }
    }

    fn word(&mut self, word: &[u8]) {
        let is = |other: &[u8]| word.eq_ignore_ascii_case(other);
        if is(b"values") {
            self.before = Before::Values;
        }
        self.values = match self.values {
            Values::Start | Values::BehindSet if is(b"set") => Values::BehindName,
            Values::Start if is(b"alter") || is(b"create") => Values::BehindSet,
            Values::Start => Values::Nowhere,
            Values::BehindName if is(b"to") => Values::Here,
            same @ (Values::Nowhere
            | Values::BehindSet
            | Values::BehindName
            | Values::Here
            | Values::Written) => same,
        };
    }

    fn punct(&mut self, byte: u8, before: Before) {
        match byte {
            b'=' if self.values == Values::BehindName => self.values = Values::Here,
            b'(' => {
                self.waiting = Waiting::List(List::new(match before {
                    Before::Values => Kind::Row,
                    Before::Other => Kind::Other,
                }));
            }
            _ => {}
        }
    }

    /// The letters before the quotes of an identifier are no part of it.
    fn quoted(&mut self, gap: Gap, name: &[u8]) {
        self.write(gap, &[]);
        if let Some((first, rest)) = name.split_first() {
            self.out.push(first.to_ascii_lowercase());
            self.out.extend_from_slice(rest);
        }
    }

    fn write(&mut self, gap: Gap, bytes: &[u8]) {
        let spaced = self.out.last().is_none_or(|last| *last == b' ');
        if gap == Gap::Space && !spaced {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(bytes);
    }
}
