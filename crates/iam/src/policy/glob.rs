//! Wildcard matching that takes linear time and lets no request value act as a wildcard.

use memchr::memmem::Finder;

use super::Context;
use super::template::{self, Atom};

/// A pattern cut at its `*`: a fixed beginning, pieces that must occur in order, a fixed end.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    head: Vec<Atom>,
    open: Option<Open>,
}

/// What follows the first `*`.
#[derive(Debug, Clone)]
struct Open {
    middles: Vec<Piece>,
    tail: Vec<Atom>,
}

/// Atoms between two `*`. Pure text is searched with a precomputed linear-time searcher.
#[derive(Debug, Clone)]
struct Piece {
    atoms: Vec<Atom>,
    finder: Option<Finder<'static>>,
}

impl Glob {
    /// Compiles atoms, wildcards and all.
    pub(super) fn new(atoms: Vec<Atom>) -> Self {
        let mut pieces: Vec<Vec<Atom>> = vec![Vec::new()];
        for atom in atoms {
            if atom == Atom::AnyRun {
                pieces.push(Vec::new());
            } else if let Some(piece) = pieces.last_mut() {
                piece.push(atom);
            }
        }
        let mut pieces = pieces.into_iter();
        let head = pieces.next().unwrap_or_default();
        let mut rest: Vec<Vec<Atom>> = pieces.collect();
        let open = rest.pop().map(|tail| Open {
            middles: rest.into_iter().map(Piece::new).collect(),
            tail,
        });
        Self { head, open }
    }

    /// Whether the whole text matches; an unresolved variable matches nothing.
    pub(super) fn matches(&self, text: &str, context: &Context) -> bool {
        self.matches_metered(text, context, &mut 0)
    }

    /// [`Glob::matches`], counting the places at which a piece was tried and the bytes searched.
    pub(super) fn matches_metered(&self, text: &str, context: &Context, steps: &mut usize) -> bool {
        let Some(rest) = template::strip_start(&self.head, text, context) else {
            return false;
        };
        let Some(open) = &self.open else {
            return rest.is_empty();
        };
        let Some(mut rest) = template::strip_end(&open.tail, rest, context) else {
            return false;
        };
        // The leftmost place is always the best one: it leaves the most text to the pieces that follow.
        for piece in &open.middles {
            match piece.find(rest, context, steps) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        true
    }

    /// Whether it ends in `*`.
    pub(super) fn ends_in_run(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.tail.is_empty())
    }
}

impl Piece {
    fn new(atoms: Vec<Atom>) -> Self {
        let finder = match atoms.as_slice() {
            [Atom::Text(text)] => Some(Finder::new(text.as_bytes()).into_owned()),
            _ => None,
        };
        Self { atoms, finder }
    }

    /// What follows the leftmost match.
    fn find<'t>(&self, text: &'t str, context: &Context, steps: &mut usize) -> Option<&'t str> {
        if let Some(finder) = &self.finder {
            let start = finder.find(text.as_bytes());
            let end = start.map(|at| at.saturating_add(finder.needle().len()));
            *steps = steps.saturating_add(end.unwrap_or(text.len()));
            return text.get(end?..);
        }
        // With `?` or a variable inside, each place is tried: text length times piece length at worst.
        let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        places.find_map(|at| {
            *steps = steps.saturating_add(self.atoms.len().max(1));
            template::strip_start(&self.atoms, text.get(at..)?, context)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::{Variables, Wildcards, parse};
    use super::*;

    fn glob(pattern: &str) -> Glob {
        Glob::new(parse(pattern, Variables::Active, Wildcards::Active).unwrap())
    }

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        for text in yes {
            assert!(
                glob(pattern).matches(text, &Context::new()),
                "{pattern} {text}"
            );
        }
        for text in no {
            assert!(
                !glob(pattern).matches(text, &Context::new()),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn matches_the_whole_text() {
        check("abc", &["abc"], &["", "ab", "abcd", "xabc", "ABC"]);
        check("", &[""], &["a"]);
        check("*", &["", "a", "a/b:c", "é"], &[]);
        check("a*", &["a", "ab", "a/b"], &["", "ba"]);
        check("*a", &["a", "ba"], &["", "ab"]);
        check("a*a", &["aa", "aba"], &["a"]);
        check("a*b*c", &["abc", "axxbxxc", "abbcc"], &["acb", "ab", "ac"]);
        check("*ab*ab*", &["abab", "xabxabx"], &["ab", "aab", "aba"]);
    }

    #[test]
    fn question_mark_is_one_character_not_one_byte() {
        check("?", &["a", "é", "𝄞"], &["", "ab"]);
        check("*?", &["a", "ab", "é"], &[""]);
        check("a*?b*?c", &["axbyc", "a1xb2yc"], &["abc", "axbc"]);
        check("*?é*", &["aé", "xxé"], &["é"]);
    }

    #[test]
    fn escapes_stand_for_themselves() {
        check("${*}", &["*"], &["", "a", "**"]);
        check("${?}${$}", &["?$"], &["a$", "??"]);
        check("a${*}*", &["a*", "a*b"], &["ab"]);
    }

    #[test]
    fn a_value_with_wildcards_matches_only_itself() {
        let mut context = Context::new();
        context.set("aws:username", "a*?${x}:/");
        for pattern in [
            "${aws:username}",
            "*${AWS:UserName}*",
            "x*/${aws:username}*y",
        ] {
            let text = pattern
                .replace("${aws:username}", "a*?${x}:/")
                .replace("${AWS:UserName}", "a*?${x}:/")
                .replace("x*/", "xx/");
            assert!(glob(pattern).matches(&text, &context), "{pattern}");
            assert!(!glob(pattern).matches(&text.replace("a*", "ab"), &context));
        }
    }

    #[test]
    fn many_stars_take_linear_steps() {
        for length in [100_usize, 1_000, 10_000] {
            let text = "a".repeat(length);
            for pattern in [
                "a*".repeat(50) + "b",
                "*a".repeat(50) + "*b*",
                "*ab".repeat(20) + "*",
            ] {
                let mut steps = 0;
                assert!(!glob(&pattern).matches_metered(&text, &Context::new(), &mut steps));
                assert!(steps <= length + pattern.len(), "{pattern}: {steps} steps");
            }
        }
    }

    #[test]
    fn question_marks_cost_at_most_the_piece_at_each_place() {
        let text = "a".repeat(5_000);
        let pattern = format!("*{}b*{}b*", "a?".repeat(10), "?a".repeat(10));
        let mut steps = 0;
        assert!(!glob(&pattern).matches_metered(&text, &Context::new(), &mut steps));
        assert!(steps <= (text.len() + 1) * 42, "{steps}");
    }
}
