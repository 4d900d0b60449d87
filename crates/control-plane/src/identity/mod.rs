//! Who is who: principals with their compiled policies, and access keys with their secrets.

mod collect;
mod directory;
mod session_ring;

use std::collections::BTreeMap;

use tollgate_iam::policy::{PolicyDocument, PolicyKind, PolicySet};
use tollgate_iam::session::{Claims, Holder};
use tollgate_types::{Arn, PolicyLayer, PrincipalConfig, PrincipalKind, SecretString};

pub(crate) use collect::{group, principals, root};
pub(crate) use directory::Directory;
pub(crate) use session_ring::{SESSION_S_MAX, SessionRing};

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
    /// Of temporary credentials.
    pub(crate) session: Option<Session>,
}

/// What makes a session different from the role or user whose session it is.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) claims: Claims,
    /// ARN of the role or user itself.
    pub(crate) principal_arn: String,
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
            session: None,
        }
    }

    /// A session of this principal: its permissions, narrowed by the session's own policies.
    ///
    /// A session policy was checked when the session was made; one that is unreadable allows nothing.
    pub(crate) fn in_session(&self, arn: &Arn, claims: Claims) -> Self {
        let parsed: Result<Vec<_>, _> = claims
            .policies
            .iter()
            .map(|text| PolicyDocument::parse(text, PolicyKind::Boundary))
            .collect();
        let policies = parsed.map_or_else(
            |_| PolicySet::builder().build(),
            |documents| self.policies.within(&documents),
        );
        let session_arn = match &claims.holder {
            Holder::Role { session_name, .. } => arn.assumed_role(&self.name, session_name),
            Holder::User { .. } => self.arn.clone(),
        };
        Self {
            id: claims.user_id(),
            arn: session_arn,
            name: self.name.clone(),
            kind: self.kind,
            tags: self.tags.clone(),
            policies,
            session: Some(Session {
                claims,
                principal_arn: self.arn.clone(),
            }),
        }
    }

    /// ARN of the role or user itself, also for a session of it (`aws:PrincipalArn`).
    pub(crate) fn own_arn(&self) -> &str {
        match &self.session {
            Some(session) => &session.principal_arn,
            None => &self.arn,
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
            session: None,
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
