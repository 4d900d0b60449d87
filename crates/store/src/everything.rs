//! All rows at one moment: what the reconciler builds snapshots from.

use std::collections::HashMap;

use sea_orm::{
    AccessMode, DatabaseTransaction, DbBackend, EntityTrait, IsolationLevel, QueryOrder,
    TransactionOptions, TransactionTrait,
};
use tollgate_types::Revision;

use crate::entity::{
    access_keys, attachments, databases, endpoints, group_members, groups, inline_policies,
    policies, policy_versions, proxies, roles, secrets, session_revocations, target_groups,
    targets, users,
};
use crate::policies::without_default;
use crate::secret_versions::{self, Of};
use crate::tags::{self, TagKind};
use crate::{
    AccessKeyRow, AttachmentRow, DatabaseRow, EndpointRow, GroupRow, InlinePolicyRow,
    MembershipRow, PolicyRow, ProxyRow, RoleRow, SecretRow, SecretVersionRow, SecurityGroupRow,
    SessionRevocationRow, Store, StoreError, TargetGroupRow, TargetRow, UserRow, security_groups,
    write,
};

/// The whole configuration, all of it from the same moment, in the order of names or ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Everything {
    /// The configuration revision of that moment.
    pub revision: Revision,
    /// Databases.
    pub databases: Vec<DatabaseRow>,
    /// Secrets.
    pub secrets: Vec<SecretRow>,
    /// Sealed values of all secrets in use, per secret the current one first, then the previous one.
    pub secret_versions: Vec<SecretVersionRow>,
    /// Proxies, those being deleted included.
    pub proxies: Vec<ProxyRow>,
    /// Target groups.
    pub target_groups: Vec<TargetGroupRow>,
    /// Targets.
    pub targets: Vec<TargetRow>,
    /// Endpoints.
    pub endpoints: Vec<EndpointRow>,
    /// IAM users.
    pub users: Vec<UserRow>,
    /// IAM groups.
    pub groups: Vec<GroupRow>,
    /// Who is in which group.
    pub memberships: Vec<MembershipRow>,
    /// IAM roles.
    pub roles: Vec<RoleRow>,
    /// Access keys.
    pub access_keys: Vec<AccessKeyRow>,
    /// IAM policies with the document in force.
    pub policies: Vec<PolicyRow>,
    /// Who has which policy.
    pub attachments: Vec<AttachmentRow>,
    /// Whose sessions were revoked.
    pub session_revocations: Vec<SessionRevocationRow>,
    /// Policies that are part of a user, group or role.
    pub inline_policies: Vec<InlinePolicyRow>,
    /// Security groups with their rules.
    pub security_groups: Vec<SecurityGroupRow>,
}

impl Store {
    /// Reads everything in one transaction that sees one moment.
    pub async fn everything(&self) -> Result<Everything, StoreError> {
        let reader = self.link().reader().await?;
        let mut options = TransactionOptions::default();
        // SQLite needs nothing: its deferred transaction sees one moment from its first read on.
        if self.link().backend() == DbBackend::Postgres {
            options.isolation_level = Some(IsolationLevel::RepeatableRead);
            options.access_mode = Some(AccessMode::ReadOnly);
        }
        self.watched(async {
            let transaction = reader.begin_with_options(options).await?;
            let everything = read(&transaction).await?;
            transaction.rollback().await?;
            Ok(everything)
        })
        .await
    }
}

async fn read(moment: &DatabaseTransaction) -> Result<Everything, StoreError> {
    let names = policies::Entity::find().all(moment).await?;
    let names = names.into_iter().map(|row| (row.id, row.name)).collect();
    let databases = read_databases(moment).await?;
    let (users, access_keys) = read_users(moment, &names).await?;
    let (secrets, secret_versions) = read_secrets(moment).await?;
    Ok(Everything {
        revision: write::revision(moment).await?,
        targets: read_targets(moment, &databases).await?,
        databases,
        secrets,
        secret_versions,
        proxies: read_proxies(moment).await?,
        target_groups: each(target_groups::Entity::find().all(moment).await?)?,
        endpoints: read_endpoints(moment).await?,
        users,
        groups: each(
            groups::Entity::find()
                .order_by_asc(groups::Column::Name)
                .all(moment)
                .await?,
        )?,
        memberships: read_memberships(moment).await?,
        roles: read_roles(moment, &names).await?,
        access_keys,
        policies: read_policies(moment).await?,
        attachments: each(attachments::Entity::find().all(moment).await?)?,
        session_revocations: read_revocations(moment).await?,
        inline_policies: read_inline_policies(moment).await?,
        security_groups: security_groups::list(moment).await?,
    })
}

fn each<M, R: TryFrom<M, Error = StoreError>>(rows: Vec<M>) -> Result<Vec<R>, StoreError> {
    rows.into_iter().map(R::try_from).collect()
}

async fn read_revocations(
    moment: &DatabaseTransaction,
) -> Result<Vec<SessionRevocationRow>, StoreError> {
    let rows = session_revocations::Entity::find().all(moment).await?;
    Ok(rows.into_iter().map(SessionRevocationRow::from).collect())
}

async fn read_databases(moment: &DatabaseTransaction) -> Result<Vec<DatabaseRow>, StoreError> {
    let mut tags = tags::of_all(moment, TagKind::Database).await?;
    let select = databases::Entity::find().order_by_asc(databases::Column::Name);
    let rows = select.all(moment).await?.into_iter().map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        DatabaseRow::new(row, own)
    });
    rows.collect()
}

async fn read_targets(
    moment: &DatabaseTransaction,
    databases: &[DatabaseRow],
) -> Result<Vec<TargetRow>, StoreError> {
    let names: HashMap<&str, &str> = databases
        .iter()
        .map(|database| (database.id.as_str(), database.name.as_str()))
        .collect();
    let select = targets::Entity::find().order_by_asc(targets::Column::Id);
    let rows = select.all(moment).await?.into_iter().map(|row| {
        let name = names.get(row.database_id.as_str()).copied();
        let name =
            name.ok_or_else(|| StoreError::corrupt(format!("target {} of no database", row.id)))?;
        TargetRow::new(row, name)
    });
    rows.collect()
}

async fn read_secrets(
    moment: &DatabaseTransaction,
) -> Result<(Vec<SecretRow>, Vec<SecretVersionRow>), StoreError> {
    let mut tags = tags::of_all(moment, TagKind::Secret).await?;
    let versions = secret_versions::in_use(moment, Of::All).await?;
    let mut stages = secret_versions::stages(moment, Of::All).await?;
    let select = secrets::Entity::find().order_by_asc(secrets::Column::Name);
    let rows = select.all(moment).await?.into_iter().map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        let stages = stages.remove(&row.id).unwrap_or_default();
        SecretRow::new(row, stages, &versions, own)
    });
    let rows = rows.collect::<Result<_, _>>()?;
    Ok((rows, versions))
}

async fn read_proxies(moment: &DatabaseTransaction) -> Result<Vec<ProxyRow>, StoreError> {
    let mut tags = tags::of_all(moment, TagKind::Proxy).await?;
    let select = proxies::Entity::find().order_by_asc(proxies::Column::Name);
    let rows = select.all(moment).await?.into_iter().map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        ProxyRow::new(row, own)
    });
    rows.collect()
}

async fn read_endpoints(moment: &DatabaseTransaction) -> Result<Vec<EndpointRow>, StoreError> {
    let select = endpoints::Entity::find()
        .order_by_asc(endpoints::Column::ProxyId)
        .order_by_asc(endpoints::Column::Name);
    each(select.all(moment).await?)
}

async fn read_users(
    moment: &DatabaseTransaction,
    policies: &HashMap<String, String>,
) -> Result<(Vec<UserRow>, Vec<AccessKeyRow>), StoreError> {
    let mut tags = tags::of_all(moment, TagKind::User).await?;
    let rows = users::Entity::find()
        .order_by_asc(users::Column::Name)
        .all(moment)
        .await?;
    let names: HashMap<String, String> = rows
        .iter()
        .map(|row| (row.id.clone(), row.name.clone()))
        .collect();
    let users = rows.into_iter().map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        let boundary = crate::policies::name_in(policies, row.boundary_policy_id.as_deref());
        UserRow::new(row, boundary, own)
    });
    let users = users.collect::<Result<_, _>>()?;
    let select = access_keys::Entity::find().order_by_asc(access_keys::Column::Id);
    let keys = select.all(moment).await?.into_iter().map(|row| {
        let owner = names.get(&row.user_id);
        let owner = owner
            .ok_or_else(|| StoreError::corrupt(format!("access key {} of no user", row.id)))?;
        AccessKeyRow::new(row, owner)
    });
    Ok((users, keys.collect::<Result<_, _>>()?))
}

async fn read_memberships(moment: &DatabaseTransaction) -> Result<Vec<MembershipRow>, StoreError> {
    let select = group_members::Entity::find()
        .order_by_asc(group_members::Column::GroupId)
        .order_by_asc(group_members::Column::UserId);
    let rows = select.all(moment).await?;
    Ok(rows.into_iter().map(MembershipRow::from).collect())
}

async fn read_roles(
    moment: &DatabaseTransaction,
    policies: &HashMap<String, String>,
) -> Result<Vec<RoleRow>, StoreError> {
    let mut tags = tags::of_all(moment, TagKind::Role).await?;
    let select = roles::Entity::find().order_by_asc(roles::Column::Name);
    let rows = select.all(moment).await?.into_iter().map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        let boundary = crate::policies::name_in(policies, row.boundary_policy_id.as_deref());
        RoleRow::new(row, boundary, own)
    });
    rows.collect()
}

async fn read_policies(moment: &DatabaseTransaction) -> Result<Vec<PolicyRow>, StoreError> {
    let versions = policy_versions::Entity::find().all(moment).await?;
    let in_force: HashMap<&str, &policy_versions::Model> = versions
        .iter()
        .filter(|version| version.is_default)
        .map(|version| (version.policy_id.as_str(), version))
        .collect();
    let mut tags = tags::of_all(moment, TagKind::Policy).await?;
    let select = policies::Entity::find().order_by_asc(policies::Column::Name);
    let rows = select.all(moment).await?.into_iter().map(|row| {
        let own = tags.remove(&row.id).unwrap_or_default();
        let default = in_force.get(row.id.as_str()).copied();
        let default = default.ok_or_else(|| without_default(&row.name))?;
        PolicyRow::new(row, default, own)
    });
    rows.collect()
}

async fn read_inline_policies(
    moment: &DatabaseTransaction,
) -> Result<Vec<InlinePolicyRow>, StoreError> {
    let select = inline_policies::Entity::find()
        .order_by_asc(inline_policies::Column::PrincipalId)
        .order_by_asc(inline_policies::Column::Name);
    each(select.all(moment).await?)
}
