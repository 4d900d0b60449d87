//! The grammar of policy documents: everything wrong is reported at once, each thing with its pointer.

mod condition;
mod elements;

use super::finding::{self, PolicyFinding};
use super::json::{Json, child};
use super::statement::Statement;
use super::template::Variables;
use super::{PolicyKind, PolicyProblem};

/// Longest text looked at, in bytes, white space included.
const TEXT_LENGTH_MAX: usize = 64 * 1024;

/// Most problems reported for one document.
const PROBLEMS_MAX: usize = 100;

/// A document that passed.
pub(super) struct Checked {
    pub(super) statements: Vec<Statement>,
    pub(super) findings: Vec<PolicyFinding>,
}

/// Checks and compiles a document.
pub(super) fn check(text: &str, kind: PolicyKind) -> Result<Checked, Vec<PolicyProblem>> {
    let mut grammar = Grammar::new(kind);
    let size = text.chars().filter(|c| !c.is_whitespace()).count();
    if size > kind.size_max() || text.len() > TEXT_LENGTH_MAX {
        grammar.problem(
            "",
            &format!(
                "the document has {size} characters without white space; the limit is {}",
                kind.size_max()
            ),
        );
        return Err(grammar.problems);
    }
    let statements = match serde_json::from_str::<Json>(text) {
        Ok(json) => grammar.document(&json),
        Err(error) => {
            grammar.problem("", &format!("the document is not JSON: {error}"));
            Vec::new()
        }
    };
    if grammar.problems.is_empty() {
        Ok(Checked {
            statements,
            findings: grammar.findings,
        })
    } else {
        grammar.problems.truncate(PROBLEMS_MAX);
        Err(grammar.problems)
    }
}

/// The state of one check.
struct Grammar {
    kind: PolicyKind,
    variables: Variables,
    sids: Vec<String>,
    problems: Vec<PolicyProblem>,
    findings: Vec<PolicyFinding>,
}

impl Grammar {
    fn new(kind: PolicyKind) -> Self {
        Self {
            kind,
            // Without `Version` a policy is one of 2008-10-17.
            variables: Variables::Inert,
            sids: Vec::new(),
            problems: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn problem(&mut self, pointer: &str, message: &str) {
        self.problems.push(PolicyProblem {
            pointer: pointer.to_owned(),
            message: message.to_owned(),
        });
    }

    fn document(&mut self, json: &Json) -> Vec<Statement> {
        json.each_duplicate("", &mut |pointer| {
            self.problem(
                &pointer,
                "the key occurs twice; which one counts is anybody's guess",
            );
        });
        let Json::Object(fields) = json else {
            self.problem("", "a policy document is a JSON object");
            return Vec::new();
        };
        for (name, _) in fields {
            if !["Version", "Id", "Statement"].contains(&name.as_str()) {
                self.problem(
                    &child("", name),
                    "unknown element; a document has Version, Id and Statement",
                );
            }
        }
        self.version(Json::member(fields, "Version"));
        if let Some(id) = Json::member(fields, "Id")
            && !matches!(id, Json::Text(_))
        {
            self.problem("/Id", "Id must be text");
        }
        match Json::member(fields, "Statement") {
            None => {
                self.problem("/Statement", "a document needs at least one statement");
                Vec::new()
            }
            Some(Json::List(items)) => {
                if items.is_empty() {
                    self.problem("/Statement", "a document needs at least one statement");
                }
                let items = items.iter().enumerate();
                items
                    .filter_map(|(index, item)| {
                        self.statement(&format!("/Statement/{index}"), item)
                    })
                    .collect()
            }
            Some(single) => self.statement("/Statement", single).into_iter().collect(),
        }
    }

    fn version(&mut self, version: Option<&Json>) {
        match version {
            None => {}
            Some(Json::Text(text)) if text == "2012-10-17" => self.variables = Variables::Active,
            Some(Json::Text(text)) if text == "2008-10-17" => {}
            Some(_) => self.problem("/Version", "Version must be 2012-10-17 or 2008-10-17"),
        }
    }

    /// Each text of a member that is one text or a list of texts, with its pointer.
    fn texts<'j>(&mut self, at: &str, json: &'j Json) -> Vec<(String, &'j str)> {
        match json {
            Json::Text(text) => vec![(at.to_owned(), text.as_str())],
            Json::List(items) if !items.is_empty() => {
                let mut texts = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let pointer = format!("{at}/{index}");
                    if let Json::Text(text) = item {
                        texts.push((pointer, text.as_str()));
                    } else {
                        self.problem(&pointer, "it must be text");
                    }
                }
                texts
            }
            Json::List(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
                self.problem(at, "it must be text or a list of at least one text");
                Vec::new()
            }
        }
    }

    fn note(&mut self, at: &str, statement: &Statement) {
        self.findings.extend(finding::findings(at, statement));
    }
}
