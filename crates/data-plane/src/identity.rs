//! Principals, keys and policies of a snapshot, compiled for lookups at login.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollgate_iam::policy::{PolicyDocument, PolicyKind, PolicySet};
use tollgate_iam::session::{Claims, Holder, Opened, SessionKey, SessionKeys, SessionRejection};
use tollgate_iam::token::{Rejection, SigningKey};
use tollgate_types::{
    AccessKeyConfig, Arn, IdentityConfig, PolicyLayer, PrincipalConfig, PrincipalKind,
};
use zeroize::Zeroizing;

/// Everybody who might connect with a token.
#[derive(Default)]
pub(crate) struct Identity {
    keys: HashMap<String, AccessKey>,
    principals: HashMap<String, Arc<Principal>>,
    sessions: SessionKeys,
    source: IdentityConfig,
}

/// Temporary credentials that are genuine and in force.
pub(crate) struct OpenSession {
    /// The role or user, narrowed to this session.
    pub(crate) principal: Arc<Principal>,
    /// The secret access key that belongs to them.
    pub(crate) secret: Zeroizing<String>,
}

/// One principal with its policies compiled.
pub(crate) struct Principal {
    /// Unique id (`AIDA…`).
    pub(crate) id: String,
    /// ARN for audit events and the sessions view; a role's session has one of its own.
    pub(crate) arn: Arc<str>,
    /// ARN of the role or user itself (`aws:PrincipalArn`).
    pub(crate) own_arn: Arc<str>,
    /// `aws:username`.
    pub(crate) name: String,
    /// User, role or root.
    pub(crate) kind: PrincipalKind,
    /// `aws:PrincipalTag/*`.
    pub(crate) tags: BTreeMap<String, String>,
    /// What it may do.
    pub(crate) policies: PolicySet,
    /// What the session's token says, for temporary credentials.
    pub(crate) session: Option<Claims>,
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
            sessions: session_keys(config),
            source: config.clone(),
        }
    }

    /// Opens a session token that came with an access key id. Its principal must still be the one it was
    /// made for, which a later namesake is not.
    pub(crate) fn session(
        &self,
        base: &Arn,
        (access_key_id, token): (&str, &str),
        now_unix: i64,
    ) -> Result<OpenSession, Rejection> {
        let Opened { claims, secret } = self
            .sessions
            .open(access_key_id, token, now_unix)
            .map_err(|reason| match reason {
                SessionRejection::Invalid => Rejection::SessionTokenInvalid,
                SessionRejection::Expired => Rejection::SessionExpired,
            })?;
        let id = claims.principal_id();
        let revoked = self.source.sessions_revoked.get(id);
        if revoked.is_some_and(|at| claims.issued_at <= *at) {
            return Err(Rejection::SessionRevoked);
        }
        let holder = self.principals.get(id).ok_or(Rejection::SessionRevoked)?;
        let principal = Arc::new(holder.in_session(base, claims));
        Ok(OpenSession { principal, secret })
    }

    /// The access key with this id.
    pub(crate) fn access_key(&self, id: &str) -> Option<&AccessKey> {
        self.keys.get(id)
    }
}

impl Principal {
    /// A session of this principal. Session policies were checked when the session was made; one that does
    /// not parse allows nothing.
    fn in_session(&self, base: &Arn, claims: Claims) -> Self {
        let documents: Result<Vec<_>, _> = claims
            .policies
            .iter()
            .map(|text| PolicyDocument::parse(text, PolicyKind::Boundary))
            .collect();
        let policies = documents.map_or_else(
            |_| PolicySet::builder().build(),
            |documents| self.policies.within(&documents),
        );
        Self {
            id: self.id.clone(),
            arn: match &claims.holder {
                Holder::Role { session_name, .. } => {
                    Arc::from(base.assumed_role(&self.name, session_name))
                }
                Holder::User { .. } => Arc::clone(&self.arn),
            },
            own_arn: Arc::clone(&self.own_arn),
            name: self.name.clone(),
            kind: self.kind,
            tags: self.tags.clone(),
            policies,
            session: Some(claims),
        }
    }
}

/// A key that cannot be read opens nothing.
fn session_keys(config: &IdentityConfig) -> SessionKeys {
    let keys = config.session_keys.iter().filter_map(|key| {
        let derivation = key.derivation_key_hex.expose();
        SessionKey::from_hex(&key.id, &key.public_key_hex, derivation)
            .inspect_err(|error| {
                tracing::error!(key.id = %key.id, error = %error, "session key is unreadable");
            })
            .ok()
    });
    SessionKeys::new(keys.collect())
}

fn principal(config: &PrincipalConfig) -> Principal {
    Principal {
        id: config.id.clone(),
        arn: Arc::from(config.arn.as_str()),
        own_arn: Arc::from(config.arn.as_str()),
        name: config.name.clone(),
        kind: config.kind,
        tags: config.tags.clone(),
        policies: policies(config),
        session: None,
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
