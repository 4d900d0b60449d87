//! The condition block: known operators, no key twice, every value of its operator's type.

use super::super::condition::{Condition, Operand};
use super::super::context::scalar;
use super::super::finding;
use super::super::json::{Json, child};
use super::super::operator::Operator;
use super::Grammar;

impl Grammar {
    pub(super) fn condition_block(&mut self, at: &str, block: &Json) -> Vec<Condition> {
        let Json::Object(operators) = block else {
            self.problem(at, "Condition must be an object of operators");
            return Vec::new();
        };
        let mut conditions = Vec::new();
        for (name, keys) in operators {
            let pointer = child(at, name);
            let Some(operator) = Operator::parse(name) else {
                self.problem(&pointer, "there is no such condition operator");
                continue;
            };
            let Json::Object(keys) = keys else {
                self.problem(&pointer, "an operator holds an object of condition keys");
                continue;
            };
            if keys.is_empty() {
                // It would hold for every request, which nobody writes on purpose.
                self.problem(&pointer, "an operator needs at least one condition key");
            }
            let mut seen: Vec<String> = Vec::new();
            for (key, values) in keys {
                let pointer = child(&pointer, key);
                let lower_key = key.to_ascii_lowercase();
                if seen.contains(&lower_key) && !keys_repeat_exactly(keys, key) {
                    self.problem(
                        &pointer,
                        "keys differ by more than case; this one occurs twice",
                    );
                }
                seen.push(lower_key);
                conditions.extend(self.condition(&pointer, (name, operator), (key, values)));
            }
        }
        conditions
    }

    fn condition(
        &mut self,
        at: &str,
        (operator_name, operator): (&str, Operator),
        (key, values): (&str, &Json),
    ) -> Option<Condition> {
        let well_formed = key
            .split_once(':')
            .is_some_and(|(prefix, name)| !prefix.is_empty() && !name.is_empty());
        if !well_formed || key.chars().any(char::is_control) {
            self.problem(at, "a condition key has the form prefix:name");
            return None;
        }
        let mut shown = Vec::new();
        let mut operands = Vec::new();
        for (pointer, text) in self.scalars(at, values) {
            match Operand::parse(operator.test, &text, self.variables) {
                Ok(operand) => operands.push(operand),
                Err(why) => {
                    self.problem(&pointer, &format!("not a value for {operator_name}: {why}"));
                }
            }
            let inert = finding::inert_variable(&pointer, &text, self.variables);
            self.findings.extend(inert);
            shown.push(text);
        }
        Some(Condition {
            operator,
            operator_name: operator_name.to_owned(),
            key: key.to_owned(),
            lower_key: key.to_ascii_lowercase(),
            shown,
            operands,
        })
    }

    /// Each single value of one value or a list of them, with its pointer.
    fn scalars(&mut self, at: &str, json: &Json) -> Vec<(String, String)> {
        let items: Vec<(String, &Json)> = match json {
            Json::List(items) => {
                let items = items.iter().enumerate();
                items.map(|(i, item)| (format!("{at}/{i}"), item)).collect()
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::Object(_) => {
                vec![(at.to_owned(), json)]
            }
        };
        if items.is_empty() {
            self.problem(at, "a condition key needs at least one value");
        }
        let mut texts = Vec::with_capacity(items.len());
        for (pointer, item) in items {
            match scalar(item.clone()) {
                Some(text) => texts.push((pointer, text)),
                None => self.problem(&pointer, "a value is text, a number, true or false"),
            }
        }
        texts
    }
}

/// Whether the very same key occurs twice, which is reported for all of JSON elsewhere.
fn keys_repeat_exactly(keys: &[(String, Json)], key: &str) -> bool {
    keys.iter().filter(|(other, _)| other == key).count() > 1
}
