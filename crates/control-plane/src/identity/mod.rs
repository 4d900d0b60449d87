//! Who is who: principals with their compiled policies, and access keys with their secrets.

mod collect;
mod directory;

use std::collections::BTreeMap;

use tollgate_iam::policy::{PolicyDocument, PolicyKind, PolicySet};
use tollgate_types::{PolicyLayer, PrincipalConfig, PrincipalKind, SecretString};

pub(crate) use collect::{principals, root};
pub(crate) use directory::Directory;

/// A principal that can call the API.
#[derive(Debug)]
pub(crate) struct Principal {
    /// Unique id, never reused.
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) kind: PrincipalKind,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) policies: PolicySet,
}

/// An access key whose secret is known here.
#[derive(Debug, Clone)]
pub(crate) struct KnownKey {
    pub(crate) principal: std::sync::Arc<Principal>,
    pub(crate) secret: SecretString,
    /// Inactive keys are known, so that their owner can be told.
    pub(crate) active: bool,
}

impl Principal {
    /// Whoever calls an open operation: no name, no permission.
    pub(crate) fn nobody() -> Self {
        Self {
            id: String::new(),
            arn: String::new(),
            name: String::new(),
            kind: PrincipalKind::User,
            tags: BTreeMap::new(),
            policies: PolicySet::builder().build(),
        }
    }

    /// Compiles a principal's policies.
    pub(crate) fn new(config: PrincipalConfig) -> Self {
        let policies = compile(&config);
        let PrincipalConfig {
            id,
            arn,
            name,
            kind,
            tags,
            policies: _,
        } = config;
        Self {
            id,
            arn,
            name,
            kind,
            tags,
            policies,
        }
    }
}

fn compile(config: &PrincipalConfig) -> PolicySet {
    if config.kind == PrincipalKind::Root {
        return PolicySet::root();
    }
    let mut builder = PolicySet::builder();
    for policy in &config.policies {
        let kind = match policy.layer {
            PolicyLayer::Identity => PolicyKind::Identity,
            PolicyLayer::Boundary => PolicyKind::Boundary,
        };
        let Ok(document) = PolicyDocument::parse(&policy.document, kind) else {
            // Documents are checked on write. Leaving one out could lose a Deny: nothing is allowed instead.
            tracing::error!(principal.arn = %config.arn, policy.name = %policy.name, "stored policy is unreadable, principal has no permissions");
            return PolicySet::builder().build();
        };
        builder = match policy.layer {
            PolicyLayer::Identity => builder.identity(&policy.name, policy.version, &document),
            PolicyLayer::Boundary => builder.boundary(&policy.name, policy.version, &document),
        };
    }
    builder.build()
}
