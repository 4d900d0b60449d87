//! Policy text taken apart: plain text, wildcards and variables, so that a value never becomes a wildcard.

use super::Context;

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Atom {
    /// Text that stands for itself.
    Text(String),
    /// `?`: exactly one character.
    AnyChar,
    /// `*`: any run of characters, also none.
    AnyRun,
    /// `${key}`: the request's value, taken literally.
    Variable(Variable),
}

/// `${key}` or `${key, 'default'}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// Context key in lower case.
    pub(super) key: String,
    /// Literal text used when the request has no such key.
    pub(super) default: Option<String>,
}

impl Variable {
    /// The text to match literally. Nothing if the key is absent and has no default, or if it has more than
    /// one value: which of them was meant nobody can say.
    pub(super) fn resolve<'a>(&'a self, context: &'a Context) -> Option<&'a str> {
        match context.values(&self.key) {
            [] => self.default.as_deref(),
            [value] => Some(value),
            [_, _, ..] => None,
        }
    }
}

/// Whether `${…}` is a variable (version 2012-10-17) or plain text (2008-10-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variables {
    Active,
    Inert,
}

/// Whether `*` and `?` are wildcards or plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcards {
    Active,
    Inert,
}

/// Takes text apart. Fails with a sentence if a variable is not of a documented form.
pub(super) fn parse(
    text: &str,
    variables: Variables,
    wildcards: Wildcards,
) -> Result<Vec<Atom>, &'static str> {
    let mut atoms = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if variables == Variables::Active
            && let Some(inner) = rest.strip_prefix("${")
        {
            let (atom, after) = parse_variable(inner)?;
            match atom {
                Atom::Text(literal) => push_text(&mut atoms, &literal),
                Atom::AnyChar | Atom::AnyRun | Atom::Variable(_) => atoms.push(atom),
            }
            rest = after;
            continue;
        }
        let mut after = rest.chars();
        after.next();
        let shown = rest.strip_suffix(after.as_str()).unwrap_or_default();
        match (character, wildcards) {
            ('*', Wildcards::Active) => push_run(&mut atoms),
            ('?', Wildcards::Active) => atoms.push(Atom::AnyChar),
            _ => push_text(&mut atoms, shown),
        }
        rest = after.as_str();
    }
    Ok(atoms)
}

fn push_text(atoms: &mut Vec<Atom>, text: &str) {
    if let Some(Atom::Text(last)) = atoms.last_mut() {
        last.push_str(text);
    } else {
        atoms.push(Atom::Text(text.to_owned()));
    }
}

/// Two `*` in a row say no more than one.
fn push_run(atoms: &mut Vec<Atom>) {
    if atoms.last() != Some(&Atom::AnyRun) {
        atoms.push(Atom::AnyRun);
    }
}

/// Reads what follows `${`, up to and including `}`.
fn parse_variable(inner: &str) -> Result<(Atom, &str), &'static str> {
    for escaped in ["*", "?", "$"] {
        if let Some(rest) = inner.strip_prefix(escaped)
            && let Some(rest) = rest.strip_prefix('}')
        {
            return Ok((Atom::Text(escaped.to_owned()), rest));
        }
    }
    let end = inner
        .find([',', '}'])
        .ok_or("a variable is not closed by }")?;
    let (name, rest) = inner.split_at_checked(end).unwrap_or((inner, ""));
    let key = name.trim();
    let allowed =
        |c: char| !c.is_control() && !matches!(c, '$' | '{' | '*' | '?' | '\'' | '"' | '<' | '>');
    if key.is_empty() || !key.chars().all(allowed) {
        return Err("a variable has no valid key");
    }
    let (default, rest) = match rest.strip_prefix(',') {
        None => (None, rest),
        Some(rest) => {
            let quoted = rest
                .trim_start()
                .strip_prefix('\'')
                .ok_or("a variable's default must stand in single quotes")?;
            let (default, rest) = quoted
                .split_once('\'')
                .ok_or("a variable's default is not closed by a single quote")?;
            (Some(default.to_owned()), rest.trim_start())
        }
    };
    let rest = rest
        .strip_prefix('}')
        .ok_or("a variable is not closed by }")?;
    let key = key.to_ascii_lowercase();
    Ok((Atom::Variable(Variable { key, default }), rest))
}

/// The text the atoms came from, near enough to show to a person.
pub(super) fn render(atoms: &[Atom]) -> String {
    let mut out = String::new();
    for atom in atoms {
        match atom {
            Atom::Text(text) => out.push_str(text),
            Atom::AnyChar => out.push('?'),
            Atom::AnyRun => out.push('*'),
            Atom::Variable(variable) => {
                out.push_str("${");
                out.push_str(&variable.key);
                if let Some(default) = &variable.default {
                    out.push_str(", '");
                    out.push_str(default);
                    out.push('\'');
                }
                out.push('}');
            }
        }
    }
    out
}

/// Whether every variable has a value in this request.
pub(super) fn is_resolvable(atoms: &[Atom], context: &Context) -> bool {
    first_unresolved(atoms, context).is_none()
}

/// The first variable without a value in this request.
pub(super) fn first_unresolved<'a>(atoms: &'a [Atom], context: &Context) -> Option<&'a Variable> {
    atoms.iter().find_map(|atom| match atom {
        Atom::Variable(variable) if variable.resolve(context).is_none() => Some(variable),
        Atom::Variable(_) | Atom::Text(_) | Atom::AnyChar | Atom::AnyRun => None,
    })
}

/// What is left of `text` after its beginning matched the atoms, none of which is a run.
pub(super) fn strip_start<'t>(atoms: &[Atom], text: &'t str, context: &Context) -> Option<&'t str> {
    let mut rest = text;
    for atom in atoms {
        rest = match atom {
            Atom::Text(literal) => rest.strip_prefix(literal.as_str())?,
            Atom::Variable(variable) => rest.strip_prefix(variable.resolve(context)?)?,
            Atom::AnyChar => {
                let mut characters = rest.chars();
                characters.next()?;
                characters.as_str()
            }
            Atom::AnyRun => return None,
        };
    }
    Some(rest)
}

/// What is left of `text` after its end matched the atoms, none of which is a run.
pub(super) fn strip_end<'t>(atoms: &[Atom], text: &'t str, context: &Context) -> Option<&'t str> {
    let mut rest = text;
    for atom in atoms.iter().rev() {
        rest = match atom {
            Atom::Text(literal) => rest.strip_suffix(literal.as_str())?,
            Atom::Variable(variable) => rest.strip_suffix(variable.resolve(context)?)?,
            Atom::AnyChar => {
                let mut characters = rest.chars();
                characters.next_back()?;
                characters.as_str()
            }
            Atom::AnyRun => return None,
        };
    }
    Some(rest)
}

/// Whether the atoms, none of which is a wildcard, spell `text` if case does not count.
pub(super) fn equals_ignoring_case(atoms: &[Atom], text: &str, context: &Context) -> bool {
    if !is_resolvable(atoms, context) {
        return false;
    }
    let spelled = atoms.iter().flat_map(|atom| {
        let part = match atom {
            Atom::Text(literal) => literal.as_str(),
            Atom::Variable(variable) => variable.resolve(context).unwrap_or_default(),
            Atom::AnyChar | Atom::AnyRun => "",
        };
        part.chars().flat_map(char::to_lowercase)
    });
    spelled.eq(text.chars().flat_map(char::to_lowercase))
}
