//! ARN patterns: six segments, each matched on its own, so that no `*` in one reaches into the next.

use super::Context;
use super::glob::Glob;
use super::template::{Atom, Variable, first_unresolved, render};

/// Segments of an ARN: `arn`, partition, service, region, account and the resource with all its colons.
const SEGMENTS: usize = 6;

/// An ARN of a request, cut once for all the patterns it is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arn<'a> {
    pub(super) text: &'a str,
    /// Nothing if the text has fewer than six segments.
    segments: Option<[&'a str; SEGMENTS]>,
}

impl<'a> Arn<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            segments: cut(text),
        }
    }
}

fn cut(text: &str) -> Option<[&str; SEGMENTS]> {
    let mut parts = text.splitn(SEGMENTS, ':');
    let mut next = || parts.next();
    Some([next()?, next()?, next()?, next()?, next()?, next()?])
}

/// A compiled ARN pattern.
#[derive(Debug, Clone)]
pub(super) enum ArnPattern {
    /// `*` alone.
    Everything,
    /// At most six segments. Fewer than six are only built where the last one ends in `*`, which then also
    /// stands for the segments that are not written.
    Segments(Vec<Segment>),
}

/// One segment with its source for messages.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) text: String,
    atoms: Vec<Atom>,
    pub(super) glob: Glob,
}

/// Where variables may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VariablePlace {
    /// After the fifth colon only, as in `Resource`.
    LastSegment,
    /// Anywhere, as in a condition's value.
    Anywhere,
}

impl ArnPattern {
    /// Cuts atoms into segments. Fails with a sentence for what is no ARN pattern.
    pub(super) fn new(atoms: Vec<Atom>, place: VariablePlace) -> Result<Self, &'static str> {
        if atoms == [Atom::AnyRun] {
            return Ok(Self::Everything);
        }
        let segments: Vec<Segment> = split(atoms).into_iter().map(Segment::new).collect();
        if segments.first().map(|first| first.text.as_str()) != Some("arn") {
            return Err("it must be * or start with arn:");
        }
        let open_end = segments.last().is_some_and(|last| last.glob.ends_in_run());
        if segments.len() < SEGMENTS && !open_end {
            return Err("an ARN has six segments divided by colons");
        }
        let fixed = segments.iter().take(SEGMENTS.saturating_sub(1));
        if place == VariablePlace::LastSegment && fixed.into_iter().any(Segment::has_variable) {
            return Err("a variable may stand only after the fifth colon");
        }
        Ok(Self::Segments(segments))
    }

    /// Whether an ARN matches. A variable without a value matches nothing.
    pub(super) fn matches(&self, arn: &Arn<'_>, context: &Context) -> bool {
        let Self::Segments(segments) = self else {
            return true;
        };
        let Ok(all) = <&[Segment; SEGMENTS]>::try_from(segments.as_slice()) else {
            return self.first_mismatch(arn.text, context).is_none();
        };
        // The last segment tells most patterns apart, so it is looked at first.
        arn.segments.is_some_and(|pieces| {
            let mut pairs = all.iter().zip(pieces).rev();
            pairs.all(|(segment, piece)| segment.glob.matches(piece, context))
        })
    }

    /// Number (from 1), pattern and text of the first segment that does not match.
    pub(super) fn first_mismatch<'a>(
        &'a self,
        arn: &'a str,
        context: &Context,
    ) -> Option<(usize, &'a Segment, &'a str)> {
        let Self::Segments(segments) = self else {
            return None;
        };
        let mut rest = Some(arn);
        let last = segments.len();
        for (number, segment) in (1..).zip(segments) {
            let text = rest?;
            let (piece, after) = if number == last {
                (text, None)
            } else {
                match text.split_once(':') {
                    Some((piece, after)) => (piece, Some(after)),
                    // The ARN ends here and the pattern does not, so even a match of this piece is none.
                    None => return Some((number, segment, text)),
                }
            };
            if !segment.glob.matches(piece, context) {
                return Some((number, segment, piece));
            }
            rest = after;
        }
        None
    }

    /// The first variable without a value.
    pub(super) fn first_unresolved(&self, context: &Context) -> Option<&Variable> {
        let Self::Segments(segments) = self else {
            return None;
        };
        segments
            .iter()
            .find_map(|segment| first_unresolved(&segment.atoms, context))
    }

    /// Whether a trailing `*` stands for segments that are not written.
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Segments(segments) if segments.len() < SEGMENTS)
    }

    /// The sixth segment, if written.
    pub(super) fn resource_segment(&self) -> Option<&Segment> {
        match self {
            Self::Everything => None,
            Self::Segments(segments) => segments.get(SEGMENTS.saturating_sub(1)),
        }
    }
}

impl Segment {
    fn new(atoms: Vec<Atom>) -> Self {
        Self {
            text: render(&atoms),
            glob: Glob::new(atoms.clone()),
            atoms,
        }
    }

    fn has_variable(&self) -> bool {
        let is_variable = |atom: &Atom| matches!(atom, Atom::Variable(_));
        self.atoms.iter().any(is_variable)
    }
}

/// Cuts at the first five colons of plain text. Colons inside `${…}` are no longer text here.
fn split(atoms: Vec<Atom>) -> Vec<Vec<Atom>> {
    let mut segments: Vec<Vec<Atom>> = vec![Vec::new()];
    for atom in atoms {
        let Atom::Text(text) = atom else {
            push(&mut segments, atom);
            continue;
        };
        let mut rest = text.as_str();
        while segments.len() < SEGMENTS
            && let Some((piece, after)) = rest.split_once(':')
        {
            push_text(&mut segments, piece);
            segments.push(Vec::new());
            rest = after;
        }
        push_text(&mut segments, rest);
    }
    segments
}

fn push(segments: &mut [Vec<Atom>], atom: Atom) {
    if let Some(last) = segments.last_mut() {
        last.push(atom);
    }
}

fn push_text(segments: &mut [Vec<Atom>], text: &str) {
    if !text.is_empty() {
        push(segments, Atom::Text(text.to_owned()));
    }
}
