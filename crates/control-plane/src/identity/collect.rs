//! From rows to principals: everybody with the policies that are in force for them.

use std::collections::{BTreeMap, HashMap, HashSet};

use tollgate_store::{AttachTo, Everything, PolicyRow};
use tollgate_types::{Arn, PolicyConfig, PolicyLayer, PrincipalConfig, PrincipalKind};

/// The root principal; its id is the account's, as in AWS.
pub(crate) fn root(arn: &Arn) -> PrincipalConfig {
    PrincipalConfig {
        id: arn.account_id.clone(),
        arn: arn.iam("root"),
        name: "root".to_owned(),
        kind: PrincipalKind::Root,
        tags: BTreeMap::new(),
        policies: Vec::new(),
    }
}

/// The root, every user and every role.
pub(crate) fn principals(rows: &Everything, arn: &Arn) -> Vec<PrincipalConfig> {
    let attached = Attached::new(rows);
    let mut found = vec![root(arn)];
    for user in &rows.users {
        let own = attached.of(AttachTo::User, &user.id);
        let of_groups = rows
            .memberships
            .iter()
            .filter(|membership| membership.user_id == user.id)
            .flat_map(|membership| attached.of(AttachTo::Group, &membership.group_id));
        found.push(PrincipalConfig {
            id: user.id.clone(),
            arn: arn.iam(&format!("user/{}", user.name)),
            name: user.name.clone(),
            kind: PrincipalKind::User,
            tags: user.tags.clone(),
            policies: attached.in_force(own.chain(of_groups), user.boundary.as_deref()),
        });
    }
    for role in &rows.roles {
        let own = attached.of(AttachTo::Role, &role.id);
        found.push(PrincipalConfig {
            id: role.id.clone(),
            arn: arn.iam(&format!("role/{}", role.name)),
            name: role.name.clone(),
            kind: PrincipalKind::Role,
            tags: role.tags.clone(),
            policies: attached.in_force(own, role.boundary.as_deref()),
        });
    }
    found
}

/// Attachments, by principal.
struct Attached<'r> {
    by_principal: HashMap<(AttachTo, &'r str), Vec<&'r PolicyRow>>,
    by_name: HashMap<&'r str, &'r PolicyRow>,
}

impl<'r> Attached<'r> {
    fn new(rows: &'r Everything) -> Self {
        let by_id: HashMap<&str, &PolicyRow> = rows
            .policies
            .iter()
            .map(|policy| (policy.id.as_str(), policy))
            .collect();
        let mut by_principal: HashMap<(AttachTo, &str), Vec<&PolicyRow>> = HashMap::new();
        for attachment in &rows.attachments {
            if let Some(policy) = by_id.get(attachment.policy_id.as_str()) {
                let principal = (attachment.to, attachment.principal_id.as_str());
                by_principal.entry(principal).or_default().push(policy);
            }
        }
        let by_name = rows
            .policies
            .iter()
            .map(|policy| (policy.name.as_str(), policy))
            .collect();
        Self {
            by_principal,
            by_name,
        }
    }

    fn of<'s>(&'s self, to: AttachTo, id: &'s str) -> impl Iterator<Item = &'r PolicyRow> + 's {
        self.by_principal
            .get(&(to, id))
            .into_iter()
            .flatten()
            .copied()
    }

    /// Every policy once, whether it comes from the principal or from several groups.
    fn in_force(
        &self,
        identity: impl Iterator<Item = &'r PolicyRow>,
        boundary: Option<&str>,
    ) -> Vec<PolicyConfig> {
        let mut seen = HashSet::new();
        let mut configs: Vec<PolicyConfig> = identity
            .filter(|policy| seen.insert(policy.id.as_str()))
            .map(|policy| config(policy, PolicyLayer::Identity))
            .collect();
        let bound = boundary.and_then(|name| self.by_name.get(name));
        configs.extend(bound.map(|policy| config(policy, PolicyLayer::Boundary)));
        configs
    }
}

fn config(policy: &PolicyRow, layer: PolicyLayer) -> PolicyConfig {
    PolicyConfig {
        name: policy.name.clone(),
        version: policy.default_version,
        layer,
        document: policy.document.clone(),
    }
}
