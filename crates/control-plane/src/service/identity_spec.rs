//! What users, groups, roles and policies must be like: parsed once, then trusted.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_iam::policy::{PolicyDocument, PolicyKind};
use tollgate_types::{FieldProblem, NameRule};

use super::check::Check;
use crate::http::decode::Decoded;
use crate::http::views::access::{CreatePolicy, CreatePolicyVersion};
use crate::http::views::identity::{CreateGroup, CreateRole, CreateUser};
use crate::problem::Problem;

/// The path of what has none in particular.
pub(crate) const ROOT_PATH: &str = "/";

pub(crate) const SESSION_S_DEFAULT: u32 = 3_600;
/// Shortest and longest session. Source: AWS IAM `MaxSessionDuration`.
const SESSION_S_BOUNDS: std::ops::RangeInclusive<u32> = 900..=43_200;

/// A valid user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserSpec {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) tags: BTreeMap<String, String>,
}

impl TryFrom<Decoded<CreateUser>> for UserSpec {
    type Error = Problem;

    fn try_from(request: Decoded<CreateUser>) -> Result<Self, Problem> {
        let mut check = Check::new(request.problems);
        let name = check.name(NameRule::Iam, request.value.name);
        let tags = request.value.tags.unwrap_or_default();
        check.tags(&tags);
        let path = ROOT_PATH.to_owned();
        check.done(Self { name, path, tags })
    }
}

/// A valid group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSpec {
    pub(crate) name: String,
    pub(crate) path: String,
}

impl TryFrom<Decoded<CreateGroup>> for GroupSpec {
    type Error = Problem;

    fn try_from(request: Decoded<CreateGroup>) -> Result<Self, Problem> {
        let mut check = Check::new(request.problems);
        let name = check.name(NameRule::Iam, request.value.name);
        let path = ROOT_PATH.to_owned();
        check.done(Self { name, path })
    }
}

/// A valid role.
#[derive(Debug, Clone)]
pub(crate) struct RoleSpec {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) description: String,
    pub(crate) trust_policy: String,
    pub(crate) max_session_s: u32,
    pub(crate) tags: BTreeMap<String, String>,
}

impl RoleSpec {
    /// Checks a request; `body` is its text, in which the trust policy is read as written.
    pub(crate) fn parse(request: Decoded<CreateRole>, body: &[u8]) -> Result<Self, Problem> {
        let Decoded { value, problems } = request;
        let mut check = Check::new(problems);
        let name = check.name(NameRule::Iam, value.name);
        let text = value
            .trust_policy
            .and_then(|_| member_text(body, Member::TrustPolicy));
        let document = document(&mut check, "/trustPolicy", text, PolicyKind::Trust);
        let max_session_s = value.max_session_duration.unwrap_or(SESSION_S_DEFAULT);
        if !SESSION_S_BOUNDS.contains(&max_session_s) {
            let message = "maxSessionDuration must be between 900 and 43200 seconds";
            check.wrong(
                "/maxSessionDuration",
                "900 <= maxSessionDuration <= 43200",
                message,
            );
        }
        let tags = value.tags.unwrap_or_default();
        check.tags(&tags);
        let trust_policy = document.map(|d| d.as_json().to_owned()).unwrap_or_default();
        check.done(Self {
            name,
            path: ROOT_PATH.to_owned(),
            description: String::new(),
            trust_policy,
            max_session_s,
            tags,
        })
    }
}

/// A valid policy.
#[derive(Debug, Clone)]
pub(crate) struct PolicySpec {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) description: String,
    pub(crate) document: String,
    pub(crate) tags: BTreeMap<String, String>,
}

impl PolicySpec {
    /// Checks a request; `body` is its text, in which the document is read as written.
    pub(crate) fn parse(request: Decoded<CreatePolicy>, body: &[u8]) -> Result<Self, Problem> {
        let mut check = Check::new(request.problems);
        let name = check.name(NameRule::IamPolicy, request.value.name);
        let description = request.value.description.unwrap_or_default();
        check.length("/description", &description, 0, 1_000);
        let text = request
            .value
            .document
            .and_then(|_| member_text(body, Member::Document));
        let document = document(&mut check, "/document", text, PolicyKind::Identity);
        let document = document.map(|d| d.as_json().to_owned()).unwrap_or_default();
        check.done(Self {
            name,
            path: ROOT_PATH.to_owned(),
            description,
            document,
            tags: BTreeMap::new(),
        })
    }
}

/// Whether a new version takes effect at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Now,
    Later,
}

/// A valid policy version: its document, and whether it takes effect at once.
pub(crate) fn policy_version(
    request: Decoded<CreatePolicyVersion>,
    body: &[u8],
) -> Result<(String, Activation), Problem> {
    let mut check = Check::new(request.problems);
    let text = request
        .value
        .document
        .and_then(|_| member_text(body, Member::Document));
    let document = document(&mut check, "/document", text, PolicyKind::Identity);
    let activation = if request.value.set_as_default.unwrap_or(true) {
        Activation::Now
    } else {
        Activation::Later
    };
    let document = document.map(|d| d.as_json().to_owned()).unwrap_or_default();
    check.done((document, activation))
}

fn document(
    check: &mut Check,
    pointer: &str,
    text: Option<String>,
    kind: PolicyKind,
) -> Option<PolicyDocument> {
    let is_given = text.is_some();
    let text = check.required(pointer, text);
    if !is_given {
        return None;
    }
    match PolicyDocument::parse(&text, kind) {
        Ok(document) => Some(document),
        Err(problems) => {
            check.add_all(problems.into_iter().map(|problem| {
                FieldProblem::new(&problem.pointer, "IAM policy grammar", &problem.message)
                    .below(pointer)
            }));
            None
        }
    }
}

#[derive(Clone, Copy)]
enum Member {
    Document,
    TrustPolicy,
}

/// A member of the body exactly as written: a parsed value would hide keys that are given twice, and the
/// operator's own spelling.
fn member_text(body: &[u8], member: Member) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Texts<'b> {
        #[serde(borrow)]
        document: Option<&'b RawValue>,
        #[serde(borrow)]
        trust_policy: Option<&'b RawValue>,
    }
    let texts: Texts<'_> = serde_json::from_slice(body).ok()?;
    let text = match member {
        Member::Document => texts.document,
        Member::TrustPolicy => texts.trust_policy,
    };
    text.map(|raw| raw.get().to_owned())
}
