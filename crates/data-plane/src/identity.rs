//! Principals, keys and policies of a snapshot, compiled for lookups at login.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollgate_iam::policy::{PolicyDocument, PolicyKind, PolicySet};
use tollgate_iam::token::SigningKey;
use tollgate_types::{
    AccessKeyConfig, IdentityConfig, PolicyLayer, PrincipalConfig, PrincipalKind,
};

/// Everybody who might connect with a token.
#[derive(Default)]
pub(crate) struct Identity {
    keys: HashMap<String, AccessKey>,
    principals: HashMap<String, Arc<Principal>>,
    source: IdentityConfig,
}

/// One principal with its policies compiled.
pub(crate) struct Principal {
    /// Unique id (`AIDA…`).
    pub(crate) id: String,
    /// ARN for audit events and the sessions view.
    pub(crate) arn: Arc<str>,
    /// `aws:username`.
    pub(crate) name: String,
    /// User, role or root.
    pub(crate) kind: PrincipalKind,
    /// `aws:PrincipalTag/*`.
    pub(crate) tags: BTreeMap<String, String>,
    /// What it may do.
    pub(crate) policies: PolicySet,
}

/// One access key.
pub(crate) struct AccessKey {
    /// Its owner.
    pub(crate) principal: Arc<Principal>,
    /// Inactive keys are refused with their own reason.
    pub(crate) active: bool,
    signing: Vec<(String, String, SigningKey)>,
}

impl AccessKey {
    /// The signing key for a token's date and region, if the snapshot reaches that far.
    pub(crate) fn signing_key(&self, date: &str, region: &str) -> Option<&SigningKey> {
        self.signing
            .iter()
            .find(|(d, r, _)| d == date && r == region)
            .map(|(_, _, key)| key)
    }
}

impl Identity {
    /// Compiles `config`; principals that did not change since `previous` are taken over.
    ///
    /// A policy that does not parse cannot be evaluated, so its principal gets no permissions at all:
    /// leaving out just that policy might leave out a Deny.
    pub(crate) fn compile(config: &IdentityConfig, previous: &Self) -> Self {
        let old: HashMap<&str, &PrincipalConfig> = previous
            .source
            .principals
            .iter()
            .map(|p| (p.id.as_str(), p))
            .collect();
        let principals: HashMap<String, Arc<Principal>> = config
            .principals
            .iter()
            .map(|wanted| {
                let kept = (old.get(wanted.id.as_str()) == Some(&wanted))
                    .then(|| previous.principals.get(&wanted.id).cloned())
                    .flatten();
                (
                    wanted.id.clone(),
                    kept.unwrap_or_else(|| Arc::new(principal(wanted))),
                )
            })
            .collect();
        let keys = config
            .access_keys
            .iter()
            .filter_map(|key| {
                let owner = principals.get(&key.principal_id)?;
                Some((key.access_key_id.clone(), access_key(key, owner)))
            })
            .collect();
        Self {
            keys,
            principals,
            source: config.clone(),
        }
    }

    /// The access key with this id.
    pub(crate) fn access_key(&self, id: &str) -> Option<&AccessKey> {
        self.keys.get(id)
    }
}

fn principal(config: &PrincipalConfig) -> Principal {
    Principal {
        id: config.id.clone(),
        arn: Arc::from(config.arn.as_str()),
        name: config.name.clone(),
        kind: config.kind,
        tags: config.tags.clone(),
        policies: policies(config),
    }
}

fn policies(config: &PrincipalConfig) -> PolicySet {
    if config.kind == PrincipalKind::Root {
        return PolicySet::root();
    }
    let mut builder = PolicySet::builder();
    for policy in &config.policies {
        let kind = match policy.layer {
            PolicyLayer::Identity => PolicyKind::Identity,
            PolicyLayer::Boundary => PolicyKind::Boundary,
        };
        let document = match PolicyDocument::parse(&policy.document, kind) {
            Ok(document) => document,
            Err(problems) => {
                tracing::error!(
                    principal.arn = %config.arn, policy.name = %policy.name, policy.version = policy.version,
                    problems = ?problems, "policy does not parse, its principal is refused everything"
                );
                return PolicySet::builder().build();
            }
        };
        builder = match policy.layer {
            PolicyLayer::Identity => builder.identity(&policy.name, policy.version, &document),
            PolicyLayer::Boundary => builder.boundary(&policy.name, policy.version, &document),
        };
    }
    builder.build()
}

fn access_key(config: &AccessKeyConfig, owner: &Arc<Principal>) -> AccessKey {
    let signing = config
        .signing_keys
        .iter()
        .filter_map(|day| {
            let key = SigningKey::from_hex(day.key_hex.expose()).ok()?;
            Some((day.date.clone(), day.region.clone(), key))
        })
        .collect();
    AccessKey {
        principal: Arc::clone(owner),
        active: config.active,
        signing,
    }
}
