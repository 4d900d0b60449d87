//! A slow and obvious evaluator, straight over JSON, that shares no matching code with the real one.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::super::Outcome;

/// Request context: key in lower case to its values.
pub(super) type Values = BTreeMap<String, Vec<String>>;

/// One character of a pattern.
#[derive(Clone, PartialEq)]
enum Token {
    /// Written in the policy.
    Plain(char),
    /// Out of a variable or an escape.
    Literal(char),
    One,
    Many,
}

pub(super) struct Question<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) values: &'a Values,
}

/// Decides over layers, each a list of policies of which one must allow.
pub(super) fn decide(layers: &[Vec<Json>], question: &Question<'_>) -> Outcome {
    let applies = |policy: &Json, effect: &str| {
        statements(policy).iter().any(|s| {
            s["Effect"] == effect
                && match statement_matches(s, policy["Version"] == "2012-10-17", question) {
                    Some(matched) => matched,
                    None => effect == "Deny",
                }
        })
    };
    if layers
        .iter()
        .flatten()
        .any(|policy| applies(policy, "Deny"))
    {
        return Outcome::ExplicitDeny;
    }
    if layers
        .iter()
        .all(|layer| layer.iter().any(|policy| applies(policy, "Allow")))
    {
        return Outcome::Allow;
    }
    Outcome::ImplicitDeny
}

fn statements(policy: &Json) -> Vec<Json> {
    listed(&policy["Statement"])
}

fn listed(json: &Json) -> Vec<Json> {
    json.as_array()
        .cloned()
        .unwrap_or_else(|| vec![json.clone()])
}

fn texts(json: &Json) -> Vec<String> {
    let text = |item: &Json| {
        item.as_str()
            .map_or_else(|| item.to_string(), str::to_owned)
    };
    listed(json).iter().map(text).collect()
}

/// `None`: it cannot be decided.
fn statement_matches(statement: &Json, new: bool, question: &Question<'_>) -> Option<bool> {
    let action_in = |list: &Json| {
        texts(list).iter().any(|pattern| {
            let tokens = expand(&pattern.to_lowercase(), false, true, question.values).unwrap();
            glob(&tokens, &question.action.to_lowercase())
        })
    };
    let action = match (&statement["Action"], &statement["NotAction"]) {
        (Json::Null, list) => !action_in(list),
        (list, _) => action_in(list),
    };
    let resource_in = |list: &Json| -> Vec<Option<bool>> {
        let tokens = |pattern: &String| expand(pattern, new, true, question.values);
        let patterns = texts(list);
        let matched = patterns
            .iter()
            .map(|p| Some(arn(&tokens(p)?, question.resource)));
        matched.collect()
    };
    let resource = match (&statement["Resource"], &statement["NotResource"]) {
        (Json::Null, list) => {
            let matches = resource_in(list);
            if matches.contains(&Some(true)) {
                Some(false)
            } else if matches.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        (list, _) => Some(resource_in(list).contains(&Some(true))),
    };
    let mut parts = vec![Some(action), resource];
    if let Json::Object(block) = &statement["Condition"] {
        for (operator, keys) in block {
            for (key, wanted) in keys.as_object().unwrap() {
                parts.push(condition(
                    operator,
                    key,
                    &texts(wanted),
                    new,
                    question.values,
                ));
            }
        }
    }
    if parts.contains(&Some(false)) {
        Some(false)
    } else if parts.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn condition(
    operator: &str,
    key: &str,
    wanted: &[String],
    new: bool,
    values: &Values,
) -> Option<bool> {
    let present = values.get(&key.to_lowercase()).cloned().unwrap_or_default();
    if operator == "Null" {
        return Some(wanted.iter().any(|w| (w == "true") == present.is_empty()));
    }
    let (quantifier, rest) = operator.split_once(':').unwrap_or(("", operator));
    let base = rest.strip_suffix("IfExists").unwrap_or(rest);
    let negated = base.contains("Not");
    let positive = base.replace("Not", "");
    if present.is_empty() {
        return Some(
            base != rest || quantifier == "ForAllValues" || (quantifier.is_empty() && negated),
        );
    }
    let mut matches = Vec::new();
    for value in &present {
        let mut any = false;
        for one in wanted {
            any |= compare(&positive, value, one, new, values)?;
        }
        matches.push(any);
    }
    Some(match quantifier {
        "ForAllValues" => matches.iter().all(|m| *m != negated),
        "ForAnyValue" => matches.iter().any(|m| *m != negated),
        _ => matches.contains(&true) != negated,
    })
}

/// `None`: the request's value is not of the operator's type.
fn compare(operator: &str, value: &str, wanted: &str, new: bool, values: &Values) -> Option<bool> {
    let plain = || expand(wanted, new, false, values).map(|tokens| spell(&tokens));
    let pattern = || expand(wanted, new, true, values);
    Some(match operator {
        "StringEquals" => plain().is_some_and(|text| text == value),
        "StringEqualsIgnoreCase" => {
            plain().is_some_and(|t| t.to_lowercase() == value.to_lowercase())
        }
        "StringLike" => pattern().is_some_and(|tokens| glob(&tokens, value)),
        "ArnEquals" | "ArnLike" => pattern().is_some_and(|tokens| arn(&tokens, value)),
        "Bool" => {
            let truth = match value.to_lowercase().as_str() {
                "true" => "true",
                "false" => "false",
                _ => return None,
            };
            plain().is_some_and(|text| text.to_lowercase() == truth)
        }
        "IpAddress" => in_network(address(value)?, wanted),
        _ => {
            let (left, right, order) = match operator.strip_prefix("Numeric") {
                Some(order) => (number(value)?, number(wanted).unwrap(), order),
                None => (
                    moment(value)?,
                    moment(wanted).unwrap(),
                    &operator["Date".len()..],
                ),
            };
            match order {
                "Equals" => left == right,
                "LessThan" => left < right,
                "LessThanEquals" => left <= right,
                "GreaterThan" => left > right,
                "GreaterThanEquals" => left >= right,
                other => panic!("{other}"),
            }
        }
    })
}

/// Thousandths, for the small numbers that are generated.
fn number(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!("{whole}{fraction:0<3}");
    (!whole.is_empty() && padded.len() < 9).then(|| padded.parse().ok())?
}

/// Only the moments that are generated.
fn moment(text: &str) -> Option<i64> {
    match text {
        "1970-01-01T00:00:05Z" => Some(5),
        "1970-01-01" => Some(0),
        digits => digits.parse().ok(),
    }
}

/// IPv4 only, bare or wrapped.
fn address(text: &str) -> Option<u32> {
    let bare = text.strip_prefix("::ffff:").unwrap_or(text);
    let parts: Vec<u32> = bare.split('.').map_while(|p| p.parse().ok()).collect();
    (parts.len() == 4).then(|| parts.iter().fold(0, |sum, part| sum * 256 + part))
}

fn in_network(address_value: u32, network: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, "32"));
    let size = 2_u64.pow(32 - bits.parse::<u32>().unwrap());
    u64::from(address_value) / size == u64::from(address(base).unwrap()) / size
}

/// Replaces variables by their values; `None` if one has none.
fn expand(text: &str, variables: bool, wildcards: bool, values: &Values) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < characters.len() {
        if variables && characters[at] == '$' && characters.get(at + 1) == Some(&'{') {
            let mut quoted = false;
            let mut end = at + 2;
            while characters[end] != '}' || quoted {
                quoted ^= characters[end] == '\'';
                end += 1;
            }
            let inner: String = characters[at + 2..end].iter().collect();
            tokens.extend(substitute(&inner, values)?.chars().map(Token::Literal));
            at = end + 1;
            continue;
        }
        tokens.push(match characters[at] {
            '*' if wildcards => Token::Many,
            '?' if wildcards => Token::One,
            other => Token::Plain(other),
        });
        at += 1;
    }
    Some(tokens)
}

fn substitute(inner: &str, values: &Values) -> Option<String> {
    if ["*", "?", "$"].contains(&inner) {
        return Some(inner.to_owned());
    }
    let (key, default) = match inner.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
        None => (inner, None),
    };
    match values.get(&key.trim().to_lowercase()) {
        None => default,
        Some(list) if list.len() == 1 => Some(list[0].clone()),
        Some(_) => None,
    }
}

fn spell(tokens: &[Token]) -> String {
    let character = |token: &Token| match token {
        Token::Plain(c) | Token::Literal(c) => *c,
        Token::One | Token::Many => panic!("no wildcards here"),
    };
    tokens.iter().map(character).collect()
}

/// Table of prefixes: `reach[i]` says whether the tokens so far match the first `i` characters.
fn glob(tokens: &[Token], text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let mut reach = vec![false; characters.len() + 1];
    reach[0] = true;
    for token in tokens {
        let mut next = vec![false; characters.len() + 1];
        for end in 0..=characters.len() {
            next[end] = match token {
                Token::Many => reach[..=end].contains(&true),
                Token::One => end > 0 && reach[end - 1],
                Token::Plain(c) | Token::Literal(c) => {
                    end > 0 && reach[end - 1] && characters[end - 1] == *c
                }
            };
        }
        reach = next;
    }
    reach[characters.len()]
}

/// Six segments, or fewer of which the last swallows the rest.
fn arn(tokens: &[Token], text: &str) -> bool {
    if tokens == [Token::Many] {
        return true;
    }
    let segments: Vec<&[Token]> = tokens.splitn(6, |t| *t == Token::Plain(':')).collect();
    let pieces: Vec<&str> = text.splitn(segments.len(), ':').collect();
    segments.len() == pieces.len()
        && segments
            .iter()
            .zip(pieces)
            .all(|(segment, piece)| glob(segment, piece))
}
