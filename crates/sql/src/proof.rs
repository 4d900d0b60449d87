//! Whether the texts that code executes can be known from the code, and what they do.
//!
//! A text is proven if it is a constant, or made of constants with names, strings and numbers filled in that
//! cannot change how the rest of it is read. The constants are read as they come together. Whatever else is
//! executed may do anything, and is marked `EffectSet::UNREAD_CODE`.

use memchr::memmem;

use crate::{Calls, EffectSet, StringStyle, TouchedSettings};
use expression::Reader;
use judge::{Prepared, Rules, Unproven};
use lexer::Token;
use source::Source;
use text::{Part, Texts, constant, joined};
use variables::Variables;

mod expression;
mod format;
mod judge;
mod lexer;
mod select;
mod source;
mod text;
mod variables;

pub(crate) use variables::Owner;

/// Texts that execute texts that execute texts ..: more are not followed.
const MAX_DEPTH: u8 = 3;

/// Every call of a function that executes a text has one of these in its name.
const EXECUTING: [&[u8]; 7] = [
    b"execute",
    b"query_to_xml",
    b"ts_stat",
    b"ts_rewrite",
    b"crosstab",
    b"connectby",
    b"xpath_table",
];

/// What the executed texts do.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) effects: EffectSet,
    pub(crate) settings: TouchedSettings,
    pub(crate) calls: Calls,
}

impl Findings {
    fn add(&mut self, effects: EffectSet, settings: &TouchedSettings, calls: &Calls) {
        self.effects.insert(effects);
        if !self.settings.add(settings) {
            self.effects
                .insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
        }
        self.calls.add(calls);
    }

    /// Nobody knows.
    pub(crate) fn unread() -> Self {
        Self {
            effects: EffectSet::UNREAD_CODE,
            ..Self::default()
        }
    }

    /// Any of the texts may run.
    fn read(&mut self, texts: &Texts, rules: Rules) {
        for text in texts {
            if text
                .iter()
                .any(|part| matches!(part, Part::Hole(_) | Part::Seam))
            {
                self.effects.insert(EffectSet::ASSEMBLED_CODE);
            }
            if let Err(Unproven) = judge::read(text, rules, self) {
                self.effects.insert(EffectSet::UNREAD_CODE);
            }
        }
    }
}

/// True if the code may execute a text.
pub(crate) fn may_execute(code: &[u8]) -> bool {
    let code = code.to_ascii_lowercase();
    EXECUTING
        .iter()
        .any(|name| memmem::find(&code, name).is_some())
}

/// True if the code has something to do with `EXECUTE`.
pub(crate) fn executes(code: &[u8]) -> bool {
    memmem::find(&code.to_ascii_lowercase(), b"execute").is_some()
}

/// True of functions that execute a text that they are given. Source: PostgreSQL 15 `pg_proc.dat`, and the
/// modules `tablefunc` and `xml2`.
pub(crate) fn executes_text(function: &[u8]) -> bool {
    !matches!(executed(function), Executed::Nothing)
}

/// Which arguments of a function are executed.
#[derive(Clone, Copy)]
enum Executed {
    Nothing,
    First,
    /// The second of two.
    LastOfTwo,
    /// Each of them.
    Each,
    /// They are put together.
    Together,
}

fn executed(function: &[u8]) -> Executed {
    let mut folded = [0_u8; 32];
    let Some(name) = folded.get_mut(..function.len()) else {
        return Executed::Nothing;
    };
    name.copy_from_slice(function);
    name.make_ascii_lowercase();
    match &*name {
        b"query_to_xml" | b"query_to_xmlschema" | b"query_to_xml_and_xmlschema" | b"ts_stat" => {
            Executed::First
        }
        b"ts_rewrite" => Executed::LastOfTwo,
        b"connectby" | b"xpath_table" => Executed::Together,
        name if name.starts_with(b"crosstab") => Executed::Each,
        _ => Executed::Nothing,
    }
}

/// What a body in PL/pgSQL executes.
pub(crate) fn of_body(style: StringStyle, body: &[u8], owner: Owner, depth: u8) -> Findings {
    if !may_execute(body) {
        return Findings::default();
    }
    if depth >= MAX_DEPTH {
        return Findings::unread();
    }
    let tokens = lexer::tokens(style, body);
    let source = Source::new(&tokens);
    let variables = Variables::of(&source, owner);
    let reader = Reader::new(&source, &variables);
    let rules = Rules {
        style,
        depth: depth.saturating_add(1),
        prepared: match owner {
            Owner::Routine => Prepared::ByNobody,
            Owner::Nobody => Prepared::ByTheSession,
        },
    };
    let mut findings = Findings::default();
    for (at, token) in tokens.iter().enumerate() {
        if token.word() == b"execute" && is_statement(&source, at) {
            let start = at.saturating_add(1);
            let texts = reader.texts(start..end_of_text(&source, start));
            findings.read(&texts, rules);
        }
        called(&reader, at, rules, &mut findings);
    }
    findings
}

/// What the functions execute that are called in a text of SQL.
pub(crate) fn of_calls(style: StringStyle, text: &[u8], depth: u8) -> Findings {
    if depth >= MAX_DEPTH {
        return Findings::unread();
    }
    let tokens = lexer::tokens(style, text);
    let source = Source::new(&tokens);
    // Names are those of columns.
    let variables = Variables::default();
    let reader = Reader::new(&source, &variables);
    let rules = Rules {
        style,
        depth: depth.saturating_add(1),
        prepared: Prepared::ByNobody,
    };
    let mut findings = Findings::default();
    for at in 0..tokens.len() {
        called(&reader, at, rules, &mut findings);
    }
    findings
}

/// If a function is called at `at` that executes texts, adds what they do.
fn called(reader: &Reader<'_>, at: usize, rules: Rules, findings: &mut Findings) {
    let [function, Token::Punct(b'('), ..] = reader.source.from(at) else {
        return;
    };
    let which = executed(function.name().unwrap_or_default());
    // `f(..) f(a, b)`, as the server writes it, gives the columns of the result their names.
    if matches!(which, Executed::Nothing) || reader.source.is_behind_call(at) {
        return;
    }
    let start = at.saturating_add(2);
    let arguments = reader.source.arguments(start..reader.closing(start));
    let texts = |range: &std::ops::Range<usize>| reader.texts(range.clone());
    match (which, &*arguments) {
        // All three are queries for words.
        (Executed::Nothing, _) | (Executed::LastOfTwo, [_, _, _]) => {}
        (Executed::First, [first, ..]) => findings.read(&texts(first), rules),
        (Executed::LastOfTwo, [_, last]) => findings.read(&texts(last), rules),
        (Executed::Each, all) => {
            for one in all {
                if !matches!(reader.source.slice(one.clone()), [Token::Number]) {
                    findings.read(&texts(one), rules);
                }
            }
        }
        (Executed::Together, all) => {
            let mut together = constant(b"select ");
            for one in all {
                let mut one = texts(one);
                for text in &mut one {
                    text.push(Part::Text(b" , ".to_vec()));
                }
                together = joined(&together, &one);
            }
            findings.read(&together, rules);
        }
        (Executed::First | Executed::LastOfTwo, _) => {
            findings.effects.insert(EffectSet::UNREAD_CODE);
        }
    }
}

/// Whether this `EXECUTE` is the statement, not a privilege, a part of a trigger, or a field.
fn is_statement(source: &Source<'_>, at: usize) -> bool {
    let field = source
        .slice(0..at)
        .last()
        .is_some_and(|token| token.is(b'.'));
    let trigger = match source.from(at.saturating_add(1)) {
        [word, name, ..] => {
            matches!(word.word(), b"function" | b"procedure")
                && name.name().is_some()
                && !matches!(name.word(), b"into" | b"using" | b"loop")
        }
        _ => false,
    };
    let next = source.get(at.saturating_add(1));
    let privilege = next.is_some_and(|token| token.word() == b"on");
    !field && !trigger && !privilege
}

/// Where the expression behind an `EXECUTE` ends.
fn end_of_text(source: &Source<'_>, start: usize) -> usize {
    let mut depth = 0_usize;
    for (length, token) in source.from(start).iter().enumerate() {
        depth = token.nests(depth).unwrap_or(0);
        let word = matches!(token.word(), b"into" | b"using" | b"loop");
        if token.is(b';') || (word && depth == 0) {
            return start.saturating_add(length);
        }
    }
    source.tokens().len()
}

#[cfg(test)]
mod tests;
