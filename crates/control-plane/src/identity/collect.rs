//! From rows to principals: everybody with the policies that are in force for them.

use std::collections::{BTreeMap, HashMap, HashSet};

use tollgate_store::{AttachTo, Everything, GroupRow, PolicyRow};
use tollgate_types::{Arn, PolicyConfig, PolicyLayer, PrincipalConfig, PrincipalKind};

use crate::service::identities;

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
        let groups = rows
            .memberships
            .iter()
            .filter(|membership| membership.user_id == user.id)
            .map(|membership| (AttachTo::Group, membership.group_id.as_str()));
        let of = std::iter::once((AttachTo::User, user.id.as_str())).chain(groups);
        found.push(PrincipalConfig {
            id: user.id.clone(),
            arn: identities::user_arn(arn, user),
            name: user.name.clone(),
            kind: PrincipalKind::User,
            tags: user.tags.clone(),
            policies: attached.in_force(of, user.boundary.as_deref()),
        });
    }
    for role in &rows.roles {
        let own = std::iter::once((AttachTo::Role, role.id.as_str()));
        found.push(PrincipalConfig {
            id: role.id.clone(),
            arn: identities::role_arn(arn, role),
            name: role.name.clone(),
            kind: PrincipalKind::Role,
            tags: role.tags.clone(),
            policies: attached.in_force(own, role.boundary.as_deref()),
        });
    }
    found
}

/// The policies of a group alone, as those of a user in no other group: what a simulation of the group asks.
pub(crate) fn group(rows: &Everything, arn: &Arn, group: &GroupRow) -> PrincipalConfig {
    let own = std::iter::once((AttachTo::Group, group.id.as_str()));
    PrincipalConfig {
        id: group.id.clone(),
        arn: identities::group_arn(arn, group),
        name: String::new(),
        kind: PrincipalKind::User,
        tags: BTreeMap::new(),
        policies: Attached::new(rows).in_force(own, None),
    }
}

/// Attached and inline policies, by principal.
struct Attached<'r> {
    by_principal: HashMap<(AttachTo, &'r str), Vec<&'r PolicyRow>>,
    inline: HashMap<(AttachTo, &'r str), Vec<PolicyConfig>>,
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
            inline: inline(rows),
            by_name,
        }
    }

    /// Every policy of these principals once, whether it comes from the first or from several of them.
    fn in_force<'s>(
        &self,
        of: impl Iterator<Item = (AttachTo, &'s str)>,
        boundary: Option<&str>,
    ) -> Vec<PolicyConfig> {
        let mut seen = HashSet::new();
        let mut configs = Vec::new();
        for principal in of {
            let attached = self.by_principal.get(&principal).into_iter().flatten();
            let fresh = attached.filter(|policy| seen.insert(policy.id.as_str()));
            configs.extend(fresh.map(|policy| config(policy, PolicyLayer::Identity)));
            configs.extend(self.inline.get(&principal).into_iter().flatten().cloned());
        }
        let bound = boundary.and_then(|name| self.by_name.get(name));
        configs.extend(bound.map(|policy| config(policy, PolicyLayer::Boundary)));
        configs
    }
}

/// Inline policies, called `user/fn/connect` in decisions: no attached policy can be called so.
fn inline(rows: &Everything) -> HashMap<(AttachTo, &str), Vec<PolicyConfig>> {
    let names = |to: AttachTo| -> HashMap<&str, &str> {
        match to {
            AttachTo::User => rows.users.iter().map(|r| (&*r.id, &*r.name)).collect(),
            AttachTo::Group => rows.groups.iter().map(|r| (&*r.id, &*r.name)).collect(),
            AttachTo::Role => rows.roles.iter().map(|r| (&*r.id, &*r.name)).collect(),
        }
    };
    let (users, groups, roles) = (
        names(AttachTo::User),
        names(AttachTo::Group),
        names(AttachTo::Role),
    );
    let mut found: HashMap<(AttachTo, &str), Vec<PolicyConfig>> = HashMap::new();
    for row in &rows.inline_policies {
        let id = row.principal_id.as_str();
        let (word, owner) = match row.to {
            AttachTo::User => ("user", users.get(id)),
            AttachTo::Group => ("group", groups.get(id)),
            AttachTo::Role => ("role", roles.get(id)),
        };
        let Some(owner) = owner else { continue };
        found.entry((row.to, id)).or_default().push(PolicyConfig {
            name: format!("{word}/{owner}/{}", row.name),
            version: 1,
            layer: PolicyLayer::Identity,
            document: row.document.clone(),
        });
    }
    found
}

fn config(policy: &PolicyRow, layer: PolicyLayer) -> PolicyConfig {
    PolicyConfig {
        name: policy.name.clone(),
        version: policy.default_version,
        layer,
        document: policy.document.clone(),
    }
}
