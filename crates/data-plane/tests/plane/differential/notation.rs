//! Conversations as text: a letter or two of the protocol and, in brackets, what the message says.
//!
//! `Q(select 1)` is a simple query, `P(s1|select $1) B(p1|s1|7) DP(p1) E(p1|0) S()` a round of the extended
//! protocol, `X(select 1)` the Parse, Bind and Execute of the unnamed statement. `{n}` stands for the number
//! of the client, `\n` and `\t` for themselves, `n*300` in a name for three hundred times the letter, and
//! `NULL` among the values of a Bind for no value. Some things are no messages: `~()` waits for what
//! PostgreSQL says without being asked for more, `~(3)` until three messages have come since the batch began,
//! `K(3)` does that and then sends a cancel request and waits until it has been acted upon,
//! `L(work_mem=1MB|options=-c x=y)` closes and logs in anew with these startup parameters, and `w(bytes)`
//! changes how what follows is cut into writes.

use tollgate_testkit::scripted::message;

use super::messages::{
    Results, add_by_id, bind, call, close, copy_data, copy_done, copy_fail, describe, execute,
    flush, parse, parse_typed, query, sync,
};

/// How messages are cut into writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Whole,
    Messages,
    Bytes,
}

impl Cut {
    pub(super) fn pieces(self, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
        match self {
            Self::Whole => vec![messages.concat()],
            Self::Messages => messages.to_vec(),
            Self::Bytes => messages.concat().chunks(1).map(<[u8]>::to_vec).collect(),
        }
    }

    /// As `w` says it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Messages => "messages",
            Self::Bytes => "bytes",
        }
    }

    fn named(word: &str) -> Self {
        let all = [Self::Whole, Self::Messages, Self::Bytes];
        let found = all.into_iter().find(|cut| cut.word() == word);
        found.expect("a way to cut")
    }
}

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Message(Vec<u8>),
    Rest(Rest),
    Login(Vec<(String, String)>),
    Cut(Cut),
}

/// What to do before going on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rest {
    /// Hear what PostgreSQL says without being asked for more.
    Lull,
    /// Hear so many messages since the batch began.
    Until(usize),
    /// As above, and then have whatever is running cancelled.
    Cancel(usize),
}

/// What a batch of client `number` says.
pub(super) fn steps(batch: &str, number: usize) -> Vec<Step> {
    let batch = batch.replace("{n}", &number.to_string());
    tokens(&batch).into_iter().map(step).collect()
}

/// The parts of a batch, each with its brackets.
pub(crate) fn tokens(mut batch: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    while let Some(start) = batch.find('(') {
        let mut open = 0_usize;
        let end = batch.char_indices().find(|(at, letter)| {
            open += usize::from(*letter == '(');
            open -= usize::from(*letter == ')' && *at > start);
            *letter == ')' && open == 0
        });
        let (end, _) = end.expect("brackets are balanced");
        tokens.push(batch[..=end].trim());
        batch = &batch[end + 1..];
    }
    assert!(batch.trim().is_empty(), "{batch:?} is no message");
    tokens
}

/// The batch with a Sync before every simple query and function call that would end what the extended
/// protocol has begun. PostgreSQL 18 does not end it: it says `T`, and after the next Sync `I` although the
/// transaction goes on, until the next statement fails with XX000.
pub(super) fn with_syncs(batch: &str) -> String {
    let mut open = false;
    // A Sync amid the data of a COPY does not count.
    let mut copies = false;
    let mut words = Vec::new();
    for token in tokens(batch) {
        let (tag, _) = token.split_once('(').expect("a bracket");
        match tag {
            "Q" | "F" | "FN" if open => {
                words.push("S()");
                open = false;
            }
            "P" | "PT" | "B" | "BB" | "DS" | "DP" | "E" | "X" | "CS" | "CP" => open = true,
            "S" => open = false,
            "c" | "f" => open |= std::mem::take(&mut copies),
            _ => {}
        }
        match tag {
            "P" | "PT" | "X" => copies |= token.contains("from stdin"),
            "Q" => copies = false,
            _ => {}
        }
        words.push(token);
    }
    words.join(" ")
}

fn step(token: &str) -> Step {
    let (tag, text) = token.split_once('(').expect("a bracket");
    let text = text.strip_suffix(')').expect("a bracket");
    let text = text.replace("\\n", "\n").replace("\\t", "\t");
    let fields: Vec<String> = text.split('|').map(name).collect();
    let field = |at: usize| fields[at].as_str();
    let rest = |at: usize| fields[at..].iter().map(String::as_str).collect::<Vec<_>>();
    let (head, tail) = text.split_once('|').unwrap_or((text.as_str(), ""));
    Step::Message(match tag {
        "~" if text.is_empty() => return Step::Rest(Rest::Lull),
        "~" => return Step::Rest(Rest::Until(text.parse().expect("a number of messages"))),
        "K" => return Step::Rest(Rest::Cancel(text.parse().expect("a number of messages"))),
        "w" => return Step::Cut(Cut::named(&text)),
        "L" => return Step::Login(parameters(&text)),
        "Q" => query(&text),
        "X" => [parse("", &text), bind("", "", &[]), execute("", 0)].concat(),
        "P" => parse(&name(head), tail),
        "PT" => {
            let (types, sql) = tail.split_once('|').expect("types and a text");
            parse_typed(&name(head), sql, &numbers(types))
        }
        "B" => bind(field(0), field(1), &rest(2)),
        "BB" => super::messages::bind_as(field(0), field(1), &rest(2), Results::Binary),
        "DS" => describe(b'S', field(0)),
        "DP" => describe(b'P', field(0)),
        "E" => execute(field(0), field(1).parse().expect("a number of rows")),
        "CS" => close(b'S', field(0)),
        "CP" => close(b'P', field(0)),
        "S" => sync(),
        "H" => flush(),
        "d" => copy_data(&text),
        "c" => copy_done(),
        "f" => copy_fail(&text),
        "F" => add_by_id(field(0), field(1)),
        "FN" => call(field(0).parse().expect("an object id"), &rest(1)),
        "!" => message(text.bytes().next().expect("a tag"), &[]),
        other => unreachable!("no message is called {other}"),
    })
}

fn name(field: &str) -> String {
    match field.split_once('*') {
        Some(("n", length)) => "n".repeat(length.parse().expect("a length")),
        _ => field.to_owned(),
    }
}

fn numbers(text: &str) -> Vec<u32> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words
        .map(|word| word.parse().expect("an object id"))
        .collect()
}

fn parameters(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('|').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
