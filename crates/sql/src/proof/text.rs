//! A text that code executes, in parts: what is known of it, and what may stand where it is not known.

/// One part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(Vec<u8>),
    Hole(Hole),
    /// Any of the parts between the seams of a text may follow here, as often as it likes.
    Seam,
    /// What the variable was before, where it is given a value.
    Itself,
}

/// What is filled in. Any of them may be nothing at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
    /// A name that is quoted if it has to be: `%I`.
    Identifier,
    /// A name as it is, of an object that exists: `TG_TABLE_NAME`.
    Name,
    /// Digits, and what goes with them.
    Number,
    /// A date or the like: letters, digits and signs, no quotes and no backslash.
    Value,
    /// A string with its quotes: `%L`.
    Literal,
    /// Anything.
    Unknown,
}

/// A text. Without parts it is empty.
pub(super) type Text = Vec<Part>;

/// The texts that an expression may give.
pub(super) type Texts = Vec<Text>;

/// More are taken for anything.
const MAX_TEXTS: usize = 32;

/// Bytes of all of them together; with more they are taken for anything.
const MAX_BYTES: usize = 128 * 1024;

/// A text of which nothing is known but what may be in it.
pub(super) fn hole(hole: Hole) -> Texts {
    vec![vec![Part::Hole(hole)]]
}

pub(super) fn unknown() -> Texts {
    hole(Hole::Unknown)
}

pub(super) fn constant(text: &[u8]) -> Texts {
    vec![vec![Part::Text(text.to_vec())]]
}

pub(super) fn nothing() -> Texts {
    vec![Vec::new()]
}

/// The whole text, if all of it is known.
pub(super) fn plain(text: &Text) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    for part in text {
        match part {
            Part::Text(bytes) => plain.extend_from_slice(bytes),
            Part::Hole(_) | Part::Seam | Part::Itself => return None,
        }
    }
    Some(plain)
}

/// Either of these.
pub(super) fn either(one: Texts, other: Texts) -> Texts {
    let mut all = one;
    for text in other {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    bounded(all)
}

/// One of the first, and behind it one of the second.
pub(super) fn joined(first: &Texts, second: &Texts) -> Texts {
    let mut all = Texts::new();
    for front in first {
        for back in second {
            all.push(front.iter().chain(back).cloned().collect());
        }
        if all.len() > MAX_TEXTS {
            return unknown();
        }
    }
    bounded(all)
}

fn bounded(texts: Texts) -> Texts {
    if texts.len() > MAX_TEXTS || size(&texts) > MAX_BYTES {
        return unknown();
    }
    texts
}

/// Bytes of all of them together.
pub(super) fn size(texts: &Texts) -> usize {
    let size = |part: &Part| match part {
        Part::Text(bytes) => bytes.len().saturating_add(1),
        Part::Hole(_) | Part::Seam | Part::Itself => 1,
    };
    let all = texts.iter().flatten().map(size);
    all.fold(0, usize::saturating_add)
}

/// What `quote_ident` makes of a name.
pub(super) fn quoted_identifier(name: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let starts = name.first().is_some_and(|byte| !byte.is_ascii_digit());
    // A reserved word is quoted, too; it is read as if it were not.
    if starts && name.iter().all(plain) {
        return name.to_vec();
    }
    quoted(name, b'"')
}

/// What `quote_literal` makes of a text, unless that has a backslash in it.
pub(super) fn quoted_literal(text: &[u8]) -> Option<Vec<u8>> {
    let plain = memchr::memchr(b'\\', text).is_none();
    plain.then(|| quoted(text, b'\''))
}

fn quoted(text: &[u8], quote: u8) -> Vec<u8> {
    let mut out = vec![quote];
    for byte in text {
        if *byte == quote {
            out.push(quote);
        }
        out.push(*byte);
    }
    out.push(quote);
    out
}

/// A variable: what it is given, and what is added to what it has.
pub(super) fn settled(values: Texts) -> Texts {
    let is_own = |text: &Text| text.contains(&Part::Itself);
    let (own, bases): (Texts, Texts) = values.into_iter().partition(is_own);
    if own.is_empty() {
        return bases;
    }
    let mut before = Text::new();
    let mut behind = vec![Part::Seam];
    for text in own {
        let mut sides = text.split(|part| *part == Part::Itself);
        let (front, back) = (sides.next(), sides.next());
        if sides.next().is_some() {
            return unknown();
        }
        for (side, parts) in [(&mut before, front), (&mut behind, back)] {
            if let Some(parts) = parts.filter(|parts| !parts.is_empty()) {
                side.extend_from_slice(parts);
                side.push(Part::Seam);
            }
        }
    }
    if !before.is_empty() {
        before.insert(0, Part::Seam);
    }
    let around = |base: Text| [&*before, &*base, &*behind].concat();
    bounded(bases.into_iter().map(around).collect())
}
