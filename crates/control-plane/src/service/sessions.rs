//! Temporary credentials: who may have them, for how long, and within which limits.

use std::collections::BTreeMap;

use tollgate_iam::policy::{
    Assuming, Context, Outcome, PolicyDocument, PolicyKind, Request, Trust,
};
use tollgate_iam::session::{Claims, Holder};
use tollgate_store::RoleRow;
use zeroize::Zeroizing;

use super::{fresh, identities};
use crate::api::Api;
use crate::identity::{Principal, SessionRing};
use crate::problem::{Code, Problem};

/// Most bytes of policies and tags in one session: what still fits into a login token.
pub(crate) const PACKED_MAX: usize = 6_144;

/// New credentials.
pub(crate) struct Issued {
    pub(crate) claims: Claims,
    pub(crate) secret: Zeroizing<String>,
    pub(crate) token: Zeroizing<String>,
}

/// What a session is made from, besides its times and its key.
pub(crate) struct NewSession {
    pub(crate) holder: Holder,
    pub(crate) duration_s: i64,
    pub(crate) policies: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) transitive_tags: Vec<String>,
    pub(crate) source_identity: Option<String>,
    pub(crate) federated: BTreeMap<String, String>,
}

impl NewSession {
    /// A session without any limits of its own.
    pub(crate) fn of(holder: Holder, duration_s: i64) -> Self {
        Self {
            holder,
            duration_s,
            policies: Vec::new(),
            tags: BTreeMap::new(),
            transitive_tags: Vec::new(),
            source_identity: None,
            federated: BTreeMap::new(),
        }
    }

    /// How much of the room for policies and tags is taken, in percent.
    pub(crate) fn packed_percent(&self) -> usize {
        let policies: usize = self.policies.iter().map(String::len).sum();
        let tags: usize = self
            .tags
            .iter()
            .map(|(key, value)| key.len().saturating_add(value.len()))
            .sum();
        policies
            .saturating_add(tags)
            .saturating_mul(100)
            .div_ceil(PACKED_MAX)
    }
}

/// Makes credentials. Whoever asked has been found entitled to them.
pub(crate) async fn issue(api: &Api, new: NewSession) -> Result<Issued, Problem> {
    let now = api.now();
    let ring = SessionRing::load(api).await?;
    let mut claims = Claims {
        access_key_id: fresh::session_key_id(&api.ports.random),
        issued_at: now,
        expires_at: now.saturating_add(new.duration_s),
        holder: new.holder,
        policies: new.policies,
        tags: new.tags,
        transitive_tags: new.transitive_tags,
        source_identity: new.source_identity,
        federated: new.federated,
    };
    // Revocation counts in seconds: a session made in that very second must not be void already.
    if let Some(revoked) = api.sessions_revoked_at(claims.principal_id()).await? {
        claims.issued_at = now.max(revoked.saturating_add(1));
    }
    let (token, secret) = ring.signing(now)?.issue(&claims);
    Ok(Issued {
        claims,
        secret,
        token,
    })
}

/// Who asks to assume a role.
pub(crate) enum Assumer<'a> {
    /// A principal of this installation.
    Principal(&'a Principal),
    /// Somebody an identity provider vouches for; given by the provider's ARN.
    Federated(&'a str),
}

/// Refuses unless the role's trust policy, and where that only names an account the caller's own policies,
/// allow `action` on the role. Boundaries and session policies of the caller limit in any case. `context` holds all that is known, such as `sts:ExternalId`.
pub(crate) fn authorize(
    api: &Api,
    assumer: &Assumer<'_>,
    (role, action): (&RoleRow, &str),
    context: &Context,
) -> Result<(), Problem> {
    let role_arn = identities::role_arn(&api.settings.arn, role);
    let refuse = || {
        let who = match assumer {
            Assumer::Principal(principal) => principal.arn.as_str(),
            Assumer::Federated(provider) => provider,
        };
        let words =
            format!("User: {who} is not authorized to perform: {action} on resource: {role_arn}");
        Problem::new(Code::AccessDenied, words)
    };
    // Documents are checked before they are stored; one that is unreadable trusts nobody.
    let trust_policy =
        PolicyDocument::parse(&role.trust_policy, PolicyKind::Trust).map_err(|_| refuse())?;
    let account = &api.settings.arn.account_id;
    let arns = match assumer {
        Assumer::Principal(principal) => vec![principal.arn.as_str(), principal.own_arn()],
        Assumer::Federated(_) => Vec::new(),
    };
    let assuming = match assumer {
        Assumer::Principal(_) => Assuming::Principal {
            account,
            arns: &arns,
        },
        Assumer::Federated(provider) => Assuming::Federated(provider),
    };
    let trust = trust_policy.trusts(&assuming, action, context);
    let own = match assumer {
        Assumer::Principal(principal) => {
            let request = Request {
                action,
                resource: &role_arn,
                context,
            };
            match trust {
                Trust::Named => principal.policies.evaluate_granted(&request).outcome,
                Trust::Account => principal.policies.evaluate(&request).outcome,
                Trust::Silent | Trust::Denied => Outcome::ImplicitDeny,
            }
        }
        Assumer::Federated(_) if trust == Trust::Named => Outcome::Allow,
        Assumer::Federated(_) => Outcome::ImplicitDeny,
    };
    match own {
        Outcome::Allow => Ok(()),
        Outcome::ExplicitDeny | Outcome::ImplicitDeny => Err(refuse()),
    }
}
