//! Warnings about policies that are valid and probably not meant: shown on write, never refused.

use serde::{Deserialize, Serialize};

use super::operator::{Operator, Quantifier, Test};
use super::statement::{ActionClause, Effect, Listing, ResourceClause, ResourcePattern, Statement};
use super::template::{Variables, Wildcards};

/// What kind of warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingCode {
    /// `Allow` with `NotAction`: it allows every action there will ever be, but those listed.
    AllowsAllButListedActions,
    /// `Allow` with `NotResource`: it allows every resource there will ever be, but those listed.
    AllowsAllButListedResources,
    /// The user part of an allowed `dbuser:` resource holds a `*`.
    WildcardUser,
    /// A `dbuser:` resource names something other than a proxy id (`prx-…`).
    NotAProxyId,
    /// An ARN with fewer than six segments: its last `*` stands for everything that follows.
    ShortArn,
    /// A condition key nobody here sets: the condition is decided by its absence.
    UnknownConditionKey,
    /// `ForAllValues` in an `Allow` holds when the key is absent; a `Null` condition would prevent that.
    ForAllWithoutNull,
    /// `${…}` in a policy of version 2008-10-17 is plain text.
    InertVariable,
}

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFinding {
    /// RFC 6901 pointer into the document.
    pub pointer: String,
    /// Kind of warning.
    pub code: FindingCode,
    /// The sentence for people.
    pub message: String,
}

const KNOWN_KEYS: &[&str] = &[
    "aws:username",
    "aws:userid",
    "aws:principalarn",
    "aws:principaltype",
    "aws:principalaccount",
    "aws:currenttime",
    "aws:epochtime",
    "aws:tokenissuetime",
    "aws:sourceip",
    "aws:sourcevpce",
    "aws:securetransport",
    "aws:requestedregion",
    "rds-db:databaseuser",
    "rds-db:databasename",
    "rds-db:proxyname",
    "rds-db:engine",
    "rds-db:tlsversion",
    "rds-db:clientcertsubject",
    "rds-db:authmethod",
    "sts:rolesessionname",
    "sts:externalid",
    "sts:durationseconds",
];

const KNOWN_PREFIXES: &[&str] = &[
    "aws:principaltag/",
    "aws:resourcetag/",
    "aws:requesttag/",
    "tollgate:",
];

/// Everything worth a warning in one statement at `at`.
pub(super) fn findings(at: &str, statement: &Statement) -> Vec<PolicyFinding> {
    let mut found = Vec::new();
    if statement.effect == Effect::Allow {
        found.extend(wide_action(at, &statement.action));
    }
    if let Some(clause) = &statement.resource {
        found.extend(wide_resource(at, statement.effect, clause));
        let (element, effect) = match clause.listing {
            Listing::Only => ("Resource", statement.effect),
            // What an Allow excludes cannot be too wide, what a Deny excludes can.
            Listing::AllBut => ("NotResource", statement.effect.opposite()),
        };
        for pattern in &clause.patterns {
            found.extend(odd_resource(&format!("{at}/{element}"), effect, pattern));
        }
    }
    found.extend(conditions(at, statement));
    found
}

fn finding(pointer: String, code: FindingCode, message: &str) -> PolicyFinding {
    PolicyFinding {
        pointer,
        code,
        message: message.to_owned(),
    }
}

fn wide_action(at: &str, clause: &ActionClause) -> Option<PolicyFinding> {
    (clause.listing == Listing::AllBut).then(|| {
        finding(
            format!("{at}/NotAction"),
            FindingCode::AllowsAllButListedActions,
            "this allows every action but those listed, future ones included; list what is meant in Action",
        )
    })
}

fn wide_resource(at: &str, effect: Effect, clause: &ResourceClause) -> Option<PolicyFinding> {
    (effect == Effect::Allow && clause.listing == Listing::AllBut).then(|| {
        finding(
            format!("{at}/NotResource"),
            FindingCode::AllowsAllButListedResources,
            "this allows every resource but those listed, future ones included; list what is meant in Resource",
        )
    })
}

fn odd_resource(at: &str, effect: Effect, pattern: &ResourcePattern) -> Vec<PolicyFinding> {
    let mut found = Vec::new();
    if pattern.arn.is_short() {
        found.push(finding(
            at.to_owned(),
            FindingCode::ShortArn,
            &format!(
                "{:?} has fewer than six segments; its last * stands for all that follows",
                pattern.text
            ),
        ));
    }
    let Some(segment) = pattern.arn.resource_segment() else {
        return found;
    };
    let Some((id, user)) = segment
        .text
        .strip_prefix("dbuser:")
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
    else {
        return found;
    };
    if effect == Effect::Allow && user.replace("${*}", "").contains('*') {
        found.push(finding(
            at.to_owned(),
            FindingCode::WildcardUser,
            &format!(
                "{:?} lets its holders connect as several database users",
                pattern.text
            ),
        ));
    }
    let fixed = id.split(['*', '?', '$']).next().unwrap_or_default();
    if !"prx-".starts_with(fixed) && !fixed.starts_with("prx-") {
        found.push(finding(
            at.to_owned(),
            FindingCode::NotAProxyId,
            &format!(
                "{id:?} is not a proxy's id; connections through a proxy are checked against its prx- id"
            ),
        ));
    }
    found
}

fn conditions(at: &str, statement: &Statement) -> Vec<PolicyFinding> {
    let mut found = Vec::new();
    for condition in &statement.conditions {
        let pointer = super::json::child(
            &super::json::child(&format!("{at}/Condition"), &condition.operator_name),
            &condition.key,
        );
        if !is_known(&condition.lower_key) {
            found.push(finding(
                pointer.clone(),
                FindingCode::UnknownConditionKey,
                &format!(
                    "nothing here sets {:?}, so it is always absent",
                    condition.key
                ),
            ));
        }
        let guarded = statement.conditions.iter().any(|other| {
            other.operator.test == Test::Null && other.lower_key == condition.lower_key
        });
        if statement.effect == Effect::Allow && is_for_all(condition.operator) && !guarded {
            found.push(finding(
                pointer,
                FindingCode::ForAllWithoutNull,
                &format!(
                    "ForAllValues holds when {:?} is absent; add a Null condition with false",
                    condition.key
                ),
            ));
        }
    }
    found
}

fn is_for_all(operator: Operator) -> bool {
    operator.quantifier == Quantifier::ForAll
}

fn is_known(lower_key: &str) -> bool {
    // `<issuer>:sub` and its like carry the issuer's host name, which has a dot.
    let issuer_claim = lower_key
        .rsplit_once(':')
        .is_some_and(|(issuer, _)| issuer.contains('.'));
    issuer_claim
        || KNOWN_KEYS.contains(&lower_key)
        || KNOWN_PREFIXES.iter().any(|p| lower_key.starts_with(p))
}

/// A warning if the text looks like it has a variable that will not be one.
pub(super) fn inert_variable(at: &str, text: &str, variables: Variables) -> Option<PolicyFinding> {
    let inert = variables == Variables::Inert
        && text.contains("${")
        && super::template::parse(text, Variables::Active, Wildcards::Active).is_ok();
    inert.then(|| {
        finding(
            at.to_owned(),
            FindingCode::InertVariable,
            "variables act only in policies of version 2012-10-17; here ${ is plain text",
        )
    })
}
