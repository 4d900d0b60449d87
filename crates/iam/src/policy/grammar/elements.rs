//! The elements of a statement but its conditions: Sid, Effect, actions, resources, principals.

use super::super::arn::{ArnPattern, VariablePlace};
use super::super::finding;
use super::super::glob::Glob;
use super::super::json::{Json, child};
use super::super::statement::{
    ActionClause, ActionPattern, Effect, Listing, ResourceClause, ResourcePattern, Statement,
};
use super::super::template::{self, Variables, Wildcards};
use super::super::trust::Trusted;
use super::{Grammar, PolicyKind};

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
    "Principal",
    "NotPrincipal",
];

/// An object's members.
type Fields = [(String, Json)];

impl Grammar {
    /// One statement; nothing if it has problems that leave no statement to speak of.
    pub(super) fn statement(&mut self, at: &str, json: &Json) -> Option<Statement> {
        let Json::Object(fields) = json else {
            self.problem(at, "a statement is a JSON object");
            return None;
        };
        for (name, _) in fields {
            if !ELEMENTS.contains(&name.as_str()) {
                self.problem(&child(at, name), "unknown element of a statement");
            }
        }
        let sid = self.sid(at, fields);
        let effect = self.effect(at, fields);
        let action = self.action(at, fields);
        let resource = self.resource(at, fields);
        let principals = self.principal(at, fields);
        let conditions = Json::member(fields, "Condition").map_or_else(Vec::new, |block| {
            self.condition_block(&child(at, "Condition"), block)
        });
        let statement = Statement {
            sid,
            effect: effect?,
            action: action?,
            resource,
            conditions,
            principals,
        };
        self.note(at, &statement);
        Some(statement)
    }

    fn sid(&mut self, at: &str, fields: &Fields) -> Option<String> {
        let pointer = child(at, "Sid");
        match Json::member(fields, "Sid")? {
            Json::Text(sid) if sid.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                if sid.is_empty() {
                    return None;
                }
                if self.sids.contains(sid) {
                    self.problem(&pointer, "Sid must be unique within the document");
                }
                self.sids.push(sid.clone());
                Some(sid.clone())
            }
            Json::Text(_)
            | Json::Null
            | Json::Bool(_)
            | Json::Number(_)
            | Json::List(_)
            | Json::Object(_) => {
                self.problem(
                    &pointer,
                    "Sid must be text of letters and digits A-Z, a-z, 0-9",
                );
                None
            }
        }
    }

    fn effect(&mut self, at: &str, fields: &Fields) -> Option<Effect> {
        let effect = match Json::member(fields, "Effect") {
            Some(Json::Text(text)) if text == "Allow" => Some(Effect::Allow),
            Some(Json::Text(text)) if text == "Deny" => Some(Effect::Deny),
            Some(_) | None => None,
        };
        if effect.is_none() {
            self.problem(&child(at, "Effect"), "Effect must be Allow or Deny");
        }
        effect
    }

    /// The one of two elements that is there.
    fn either<'j>(
        &mut self,
        at: &str,
        fields: &'j Fields,
        names: (&'static str, &'static str),
    ) -> Option<(Listing, &'static str, &'j Json)> {
        let (only, all_but) = names;
        match (Json::member(fields, only), Json::member(fields, all_but)) {
            (Some(json), None) => Some((Listing::Only, only, json)),
            (None, Some(json)) => Some((Listing::AllBut, all_but, json)),
            (Some(_), Some(_)) | (None, None) => {
                let message = format!("a statement has exactly one of {only} and {all_but}");
                self.problem(&child(at, only), &message);
                None
            }
        }
    }

    fn action(&mut self, at: &str, fields: &Fields) -> Option<ActionClause> {
        let (listing, name, json) = self.either(at, fields, ("Action", "NotAction"))?;
        let mut patterns = Vec::new();
        for (pointer, text) in self.texts(&child(at, name), json) {
            if is_action_pattern(text) {
                let lower = text.to_ascii_lowercase();
                let atoms = template::parse(&lower, Variables::Inert, Wildcards::Active);
                patterns.push(ActionPattern {
                    text: text.to_owned(),
                    glob: Glob::new(atoms.unwrap_or_default()),
                });
            } else {
                self.problem(
                    &pointer,
                    "an action is * or service:Name; wildcards may stand in the name only",
                );
            }
        }
        Some(ActionClause { listing, patterns })
    }

    fn resource(&mut self, at: &str, fields: &Fields) -> Option<ResourceClause> {
        if self.kind == PolicyKind::Trust {
            for name in ["Resource", "NotResource"] {
                if Json::member(fields, name).is_some() {
                    self.problem(
                        &child(at, name),
                        "a trust policy speaks about its role and names no resource",
                    );
                }
            }
            return None;
        }
        let (listing, name, json) = self.either(at, fields, ("Resource", "NotResource"))?;
        let mut patterns = Vec::new();
        for (pointer, text) in self.texts(&child(at, name), json) {
            let atoms = template::parse(text, self.variables, Wildcards::Active);
            match atoms.and_then(|atoms| ArnPattern::new(atoms, VariablePlace::LastSegment)) {
                Ok(arn) => patterns.push(ResourcePattern {
                    text: text.to_owned(),
                    arn,
                }),
                Err(why) => self.problem(&pointer, &format!("not a resource pattern: {why}")),
            }
            let inert = finding::inert_variable(&pointer, text, self.variables);
            self.findings.extend(inert);
        }
        Some(ResourceClause { listing, patterns })
    }

    /// Whom a trust or resource policy is about; nobody in other documents.
    fn principal(&mut self, at: &str, fields: &Fields) -> Vec<Trusted> {
        let pointer = child(at, "Principal");
        if Json::member(fields, "NotPrincipal").is_some() {
            self.problem(
                &child(at, "NotPrincipal"),
                "NotPrincipal is not supported; name who is meant in Principal",
            );
        }
        match (self.kind, Json::member(fields, "Principal")) {
            (PolicyKind::Trust | PolicyKind::Resource, None) => {
                self.problem(&pointer, "a policy of this kind names its Principal");
                Vec::new()
            }
            (PolicyKind::Trust, Some(principal)) => {
                let trusted = self.trusted(&pointer, principal);
                self.check_anybody(&pointer, &trusted, fields);
                trusted
            }
            (PolicyKind::Resource, Some(principal)) => self.trusted(&pointer, principal),
            (PolicyKind::Identity | PolicyKind::SessionPolicy | PolicyKind::Boundary, None) => {
                Vec::new()
            }
            (PolicyKind::Identity | PolicyKind::SessionPolicy | PolicyKind::Boundary, Some(_)) => {
                self.problem(
                    &pointer,
                    "only trust policies and resource policies have a Principal",
                );
                Vec::new()
            }
        }
    }

    fn trusted(&mut self, at: &str, principal: &Json) -> Vec<Trusted> {
        match principal {
            Json::Text(text) if text == "*" => vec![Trusted::Anybody],
            Json::Object(types) if !types.is_empty() => {
                let mut trusted = Vec::new();
                for (name, value) in types {
                    let pointer = child(at, name);
                    if !["AWS", "Federated", "Service"].contains(&name.as_str()) {
                        self.problem(&pointer, "a Principal is of type AWS, Federated or Service");
                    }
                    let texts = self.texts(&pointer, value);
                    trusted.extend(texts.iter().map(|(_, text)| Trusted::parse(name, text)));
                }
                trusted
            }
            Json::Text(_)
            | Json::Null
            | Json::Bool(_)
            | Json::Number(_)
            | Json::List(_)
            | Json::Object(_) => {
                self.problem(
                    at,
                    "Principal must be * or an object such as {\"AWS\": \"arn:…\"}",
                );
                Vec::new()
            }
        }
    }

    fn check_anybody(&mut self, at: &str, trusted: &[Trusted], fields: &Fields) {
        let allows = matches!(Json::member(fields, "Effect"), Some(Json::Text(t)) if t == "Allow");
        let conditional =
            matches!(Json::member(fields, "Condition"), Some(Json::Object(c)) if !c.is_empty());
        if trusted.contains(&Trusted::Anybody) && allows && !conditional {
            self.problem(
                at,
                "a Principal of * needs a condition, or anybody may assume the role",
            );
        }
    }
}

/// `*`, or a service prefix without wildcards, a colon and a name.
fn is_action_pattern(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some((service, name)) = text.split_once(':') else {
        return false;
    };
    let in_service = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let in_name = |b: u8| in_service(b) || matches!(b, b'_' | b'*' | b'?');
    !service.is_empty()
        && !name.is_empty()
        && service.bytes().all(in_service)
        && name.bytes().all(in_name)
}
