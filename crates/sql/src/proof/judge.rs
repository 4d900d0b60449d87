//! Reads a text that code executes, and says whether that proves what it does.
//!
//! What is known of it is read like any statement. What is filled in must not be able to change how the rest
//! is read: a name must stand where a name means nothing but a relation or a column, a string where nothing
//! around it gives its quotes another meaning.

use super::Findings;
use super::lexer::{Token, tokens};
use super::text::{Hole, Part, Text};
use crate::calls::is_reserved;
use crate::name::continues_word;
use crate::scanner::{Keeps, Place};
use crate::statement::Strings;
use crate::{EffectSet, Scanner, StringStyle};

/// Stands for a name, or a part of one, that is filled in. No name here has it otherwise.
const NAME: u8 = 0xff;

/// Stands for a string that is filled in.
const LITERAL: &[u8] = b"$0";

/// Words that begin something which the next piece of a text may go on with.
const OPENING: [&[u8]; 4] = [b"prepare", b"deallocate", b"explain", b"analyze"];

/// How texts are read.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) style: StringStyle,
    /// Texts around this one.
    pub(super) depth: u8,
    pub(super) prepared: Prepared,
}

/// What is known of statements that a text executes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepared {
    /// Whoever asks knows them all.
    ByTheSession,
    /// Nothing.
    ByNobody,
}

/// It cannot be proven what the text does.
pub(super) struct Unproven;

/// Adds what the text does.
pub(super) fn read(text: &Text, rules: Rules, into: &mut Findings) -> Result<(), Unproven> {
    let chunks: Vec<&[Part]> = text.split(|part| *part == Part::Seam).collect();
    let mut written = Vec::new();
    for chunk in &chunks {
        let bytes = write(chunk, rules)?;
        if !bytes.is_empty() {
            written.push(bytes);
        }
    }
    let pieces: Vec<Vec<Token>> = written
        .iter()
        .map(|bytes| tokens(rules.style, bytes))
        .collect();
    let in_pieces = chunks.len() > 1;
    let starts = chunks.first().is_some_and(|first| !first.is_empty());
    if in_pieces {
        let ends = chunks.last().is_some_and(|last| !last.is_empty());
        stand_apart(&written, usize::from(starts), usize::from(ends))?;
        go_on(&pieces)?;
    }
    // Behind the start of a statement that does not end, no piece starts another one.
    let ends = pieces.iter().flatten().any(|token| token.is(b';'));
    for (at, (bytes, piece)) in written.iter().zip(&pieces).enumerate() {
        let goes_on = in_pieces && at > 0 && starts && !ends;
        if rules.prepared == Prepared::ByNobody && runs_prepared(piece) {
            return Err(Unproven);
        }
        holes_are_harmless(piece, goes_on)?;
        let mut scanner = scanner(rules);
        if goes_on {
            scanner.feed(b"x ");
        }
        scanner.feed(bytes);
        let summary = scanner.finish();
        if summary.effects.intersects(EffectSet::AMBIGUOUS_ESCAPE) {
            return Err(Unproven);
        }
        into.add(summary.effects, &summary.settings, &summary.calls);
    }
    Ok(())
}

fn scanner(rules: Rules) -> Scanner {
    Scanner::of_body(rules.style, Strings::Data, Keeps::Calls).at_depth(rules.depth)
}

/// The text with marks where something is filled in.
fn write(parts: &[Part], rules: Rules) -> Result<Vec<u8>, Unproven> {
    let mut scanner = scanner(rules);
    let mut out: Vec<u8> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let mark: &[u8] = match part {
            Part::Text(bytes) => bytes,
            Part::Hole(hole) => {
                let behind = parts.get(at.saturating_add(1)..).unwrap_or_default();
                mark(
                    *hole,
                    scanner.place(),
                    (out.last().copied(), next_byte(behind)),
                )?
            }
            Part::Seam | Part::Itself => return Err(Unproven),
        };
        scanner.feed(mark);
        out.extend_from_slice(mark);
    }
    Ok(out)
}

/// The byte behind a hole; another hole counts as a letter.
fn next_byte(parts: &[Part]) -> Option<u8> {
    parts.iter().find_map(|part| match part {
        Part::Text(bytes) => bytes.first().copied(),
        Part::Hole(_) => Some(NAME),
        Part::Seam | Part::Itself => None,
    })
}

/// What stands for a hole at this place, between these bytes.
fn mark(
    hole: Hole,
    place: Place,
    (before, behind): (Option<u8>, Option<u8>),
) -> Result<&'static [u8], Unproven> {
    let one_of = |byte: Option<u8>, all: &[u8]| byte.is_some_and(|byte| all.contains(&byte));
    let word = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'$' && continues_word(byte));
    match (place, hole) {
        (Place::Text, Hole::Number | Hole::Value | Hole::Name) if before == Some(b'\\') => {
            Err(Unproven)
        }
        (Place::Dollar, Hole::Number) if one_of(before, b"$") || one_of(behind, b"$") => {
            Err(Unproven)
        }
        (Place::Text, Hole::Number | Hole::Value | Hole::Name)
        | (Place::Dollar, Hole::Number)
        | (Place::Identifier, Hole::Number | Hole::Name) => Ok(&[NAME]),
        (Place::Code, Hole::Number)
            if before == Some(b'$') && !word(behind) && !one_of(behind, b"$'\"") =>
        {
            Ok(b"0")
        }
        (Place::Code, Hole::Number | Hole::Name | Hole::Identifier) => {
            let comment = [(b'/', b'*'), (b'*', b'/'), (b'-', b'-')];
            let comment = comment
                .iter()
                .any(|(one, other)| before == Some(*one) && behind == Some(*other));
            let negative = hole == Hole::Number && before == Some(b'-');
            let glued = one_of(before, b"'\"$&") || one_of(behind, b"'\"$");
            if comment || negative || glued {
                return Err(Unproven);
            }
            Ok(&[NAME])
        }
        (Place::Code, Hole::Literal) => {
            let open = before
                .is_none_or(|byte| byte.is_ascii_whitespace() || b"(,=<>|[+*~%!;".contains(&byte));
            if !open || word(behind) || one_of(behind, b"'\"$&") {
                return Err(Unproven);
            }
            Ok(LITERAL)
        }
        (Place::Text | Place::Dollar | Place::Identifier | Place::Code | Place::Hidden, _) => {
            Err(Unproven)
        }
    }
}

/// Whether no two pieces come together to something else, in whatever order they stand, but for so many at
/// the start and at the end, which stand there.
fn stand_apart(pieces: &[Vec<u8>], first: usize, last: usize) -> Result<(), Unproven> {
    let apart = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_whitespace() || b"(),;".contains(byte))
    };
    let closed = pieces.iter().all(|piece| {
        let mut scanner = Scanner::of_body(StringStyle::Standard, Strings::Data, Keeps::Nothing);
        scanner.feed(piece);
        scanner.place() == Place::Code
    });
    let starts = pieces.iter().skip(first);
    let starts = starts.map(|piece| piece.first()).all(apart);
    let ends = pieces.iter().take(pieces.len().saturating_sub(last));
    let ends = ends.map(|piece| piece.last()).all(apart);
    if closed && (starts || ends) {
        Ok(())
    } else {
        Err(Unproven)
    }
}

/// Whether no piece goes on with what another one ends with: the name of a function, or half a statement.
fn go_on(pieces: &[Vec<Token>]) -> Result<(), Unproven> {
    let opens = pieces
        .iter()
        .any(|piece| piece.first().is_some_and(|token| token.is(b'(')));
    for piece in pieces {
        let Some((last, before)) = piece.split_last() else {
            continue;
        };
        let names = last.name().is_some_and(|name| !is_reserved(name));
        let calls = opens && names && !names_relation(before, piece);
        if calls || OPENING.contains(&last.word()) {
            return Err(Unproven);
        }
    }
    Ok(())
}

/// Whether everything that is filled in stands where it does no harm.
fn holes_are_harmless(tokens: &[Token], goes_on: bool) -> Result<(), Unproven> {
    let mut lead: &[u8] = if goes_on { b"x" } else { b"" };
    let mut starts = !goes_on;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at.saturating_add(1));
        let before = tokens.get(..at).unwrap_or_default();
        let previous = before.last().map_or(&b""[..], Token::word);
        if starts {
            lead = token.word();
        }
        let filled = token.name().is_some_and(|name| name.contains(&NAME));
        let is_call = next.is_some_and(|next| next.is(b'('));
        let option = matches!(previous, b"explain" | b"analyze" | b"verbose")
            || before.last().is_some_and(|token| token.is(b')'));
        let runs = lead == b"explain" && option;
        let made = lead == b"create" && previous == b"as";
        let harmful = starts || runs || made || (is_call && !names_relation(before, tokens));
        if filled && harmful {
            return Err(Unproven);
        }
        if starts && !reads_body(tokens, at) {
            return Err(Unproven);
        }
        starts = token.is(b';');
    }
    Ok(())
}

/// Whether it runs a statement that was prepared, whose text is not here.
fn runs_prepared(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        let next = tokens.get(at.saturating_add(1)).map(Token::word);
        let privilege = matches!(next, Some(b"on" | b"function" | b"procedure"));
        token.word() == b"execute" && !privilege
    })
}

/// False for a `DO` at `at` without a body that can be read.
fn reads_body(tokens: &[Token], at: usize) -> bool {
    match tokens.get(at..).unwrap_or_default() {
        [token, ..] if token.word() != b"do" => true,
        [_, Token::Text(_), ..] => true,
        [_, language, _, Token::Text(_), ..] => language.word() == b"language",
        _ => false,
    }
}

/// Whether a name behind these tokens is that of a relation or the like, so that parentheses behind it hold
/// columns and no arguments.
fn names_relation(before: &[Token], statement: &[Token]) -> bool {
    let mut rest = before;
    while let [front @ .., qualifier, dot] = rest {
        if !dot.is(b'.') || qualifier.name().is_none() {
            break;
        }
        rest = front;
    }
    let lead = statement.first().map_or(&b""[..], Token::word);
    let defines = matches!(lead, b"create" | b"alter" | b"drop" | b"comment" | b"grant");
    let word = rest.last().map_or(&b""[..], Token::word);
    match word {
        b"into" | b"table" | b"references" | b"copy" | b"function" | b"procedure"
        | b"aggregate" | b"routine" => true,
        b"exists" | b"on" | b"using" | b"index" | b"constraint" | b"trigger" | b"view"
        | b"analyze" | b"vacuum" => defines || matches!(lead, b"analyze" | b"vacuum"),
        _ => false,
    }
}
