//! IAM policies. Their documents are in versions, of which one is the default.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, PaginatorTrait,
    QueryFilter, Set,
};

use crate::entity::{attachments, policies, policy_versions, roles, users};
use crate::page::{self, Listed, Page};
use crate::policy_versions::default_of;
use crate::tags::{self, TagKind, Tags};
use crate::{Expect, Kind, PolicyUse, Store, StoreError, Write, cell, policy_use};

/// An IAM policy with its default version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Unique id (`ANPA…`), never reused for a later namesake.
    pub id: String,
    /// Unique name; case does not make a difference between names.
    pub name: String,
    /// `/`, or `/a/b/`: part of the ARN, not of the name.
    pub path: String,
    /// What the operator wrote about it.
    pub description: String,
    /// Number of the version in force.
    pub default_version: u32,
    /// The document in force: IAM JSON as the operator wrote it.
    pub document: String,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change of the versions.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
}

/// A policy to be made; its document becomes version 1.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// `/` or `/a/b/`.
    pub path: String,
    /// What the operator wrote about it.
    pub description: String,
    /// IAM JSON.
    pub document: String,
    /// Tags.
    pub tags: Tags,
}

/// What the names of AWS-managed policies begin with. They are whole ARNs, so that an operator's policy may
/// have the same short name.
pub const AWS_MANAGED: &str = "arn:aws:iam::aws:policy/";

/// Whose policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyScope {
    /// Both.
    All,
    /// Those of this installation's operators.
    Own,
    /// The AWS-managed ones, which are there from the beginning and never change.
    AwsManaged,
}

/// Which policies a list holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFilter {
    /// Whose.
    pub scope: PolicyScope,
    /// What their path begins with; `/` for all.
    pub path: String,
    /// How they must be in use, if they must.
    pub in_use: Option<PolicyUse>,
}

impl PolicyRow {
    /// Whether it is AWS-managed: nobody may change or delete it.
    pub fn is_aws_managed(&self) -> bool {
        self.name.starts_with(AWS_MANAGED)
    }

    /// The name without what tells AWS-managed policies apart.
    pub fn short_name(&self) -> &str {
        self.name.strip_prefix(AWS_MANAGED).unwrap_or(&self.name)
    }
}

impl PolicyRow {
    pub(crate) fn new(
        row: policies::Model,
        default: &policy_versions::Model,
        tags: Tags,
    ) -> Result<Self, StoreError> {
        let what = |column: &str| format!("policy {}, {column}", row.name);
        Ok(Self {
            generation: cell::number(row.generation, &what("generation"))?,
            default_version: cell::number(default.version, &what("version"))?,
            id: row.id,
            name: row.name,
            path: row.path,
            description: row.description,
            document: default.document.clone(),
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The policy with this name or id.
    pub async fn policy_get(&self, name: &str) -> Result<PolicyRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, name)).await
    }

    /// The operators' policies in the order of their names.
    pub async fn policy_list(&self, page: &Page) -> Result<Listed<PolicyRow>, StoreError> {
        let filter = PolicyFilter {
            scope: PolicyScope::Own,
            path: "/".to_owned(),
            in_use: None,
        };
        self.policy_list_where(&filter, page).await
    }

    /// Policies that pass a filter, in the order of their names.
    pub async fn policy_list_where(
        &self,
        filter: &PolicyFilter,
        page: &Page,
    ) -> Result<Listed<PolicyRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let mut select = page::below(
                policies::Entity::find(),
                policies::Column::Path,
                &filter.path,
            );
            // No name of an operator's policy has a colon.
            let managed = policies::Column::Name.starts_with(AWS_MANAGED);
            select = match filter.scope {
                PolicyScope::All => select,
                PolicyScope::Own => select.filter(managed.not()),
                PolicyScope::AwsManaged => select.filter(managed),
            };
            if let Some(policy_use) = filter.in_use {
                let ids = policy_use::ids_in_use(reader, policy_use).await?;
                select = select.filter(policies::Column::Id.is_in(ids));
            }
            let rows = page::fetch(reader, select, policies::Column::Name, page).await?;
            with_documents(reader, Listed::cut(rows, page, |row| row.name.clone())).await
        })
        .await
    }
}

impl Write {
    /// As [`Store::policy_get`], inside the transaction.
    pub async fn policy_get(&self, name: &str) -> Result<PolicyRow, StoreError> {
        get(&self.transaction, name).await
    }

    /// Makes a policy. Fails with [`StoreError::AlreadyExists`].
    pub async fn policy_create(&self, new: NewPolicy) -> Result<PolicyRow, StoreError> {
        if let Some(taken) = taken(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Policy,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let row = policies::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            path: Set(new.path),
            description: Set(new.description),
            next_version: Set(2),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        let version = policy_versions::ActiveModel {
            policy_id: Set(row.id.clone()),
            version: Set(1),
            document: Set(new.document),
            is_default: Set(true),
            created_at: Set(self.now),
        };
        let version = version.insert(&self.transaction).await?;
        self.tags_insert(TagKind::Policy, &row.id, &new.tags)
            .await?;
        PolicyRow::new(row, &version, new.tags)
    }

    /// Deletes a policy with all its versions. Fails with [`StoreError::InUse`] while it is attached or
    /// somebody's permissions boundary.
    pub async fn policy_delete(&self, name: &str, expect: Expect) -> Result<(), StoreError> {
        let row = find(&self.transaction, name).await?;
        expect.check(Kind::Policy, &row.name, row.generation)?;
        let by = self.policy_ties(&row.id).await?;
        if !by.is_empty() {
            return Err(StoreError::InUse {
                kind: Kind::Policy,
                name: row.name,
                by,
            });
        }
        self.tags_clear(TagKind::Policy, &row.id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }

    async fn policy_ties(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let connection = &self.transaction;
        let attached = attachments::Entity::find().filter(attachments::Column::PolicyId.eq(id));
        let users = users::Entity::find().filter(users::Column::BoundaryPolicyId.eq(id));
        let roles = roles::Entity::find().filter(roles::Column::BoundaryPolicyId.eq(id));
        let ties = [
            (attached.count(connection).await?, "attachments"),
            (users.count(connection).await?, "users as boundary"),
            (roles.count(connection).await?, "roles as boundary"),
        ];
        let ties = ties.into_iter().filter(|(count, _)| *count > 0);
        Ok(ties
            .map(|(count, what)| format!("{count} {what}"))
            .collect())
    }
}

async fn get<C: ConnectionTrait>(connection: &C, name: &str) -> Result<PolicyRow, StoreError> {
    let row = find(connection, name).await?;
    let version = default_of(connection, &row.id).await?;
    let tags = tags::of(connection, TagKind::Policy, &row.id).await?;
    PolicyRow::new(row, &version, tags)
}

/// Adds the documents in force to a page of policies.
pub(crate) async fn with_documents<C: ConnectionTrait>(
    connection: &C,
    listed: Listed<policies::Model>,
) -> Result<Listed<PolicyRow>, StoreError> {
    let ids: Vec<String> = listed.items.iter().map(|row| row.id.clone()).collect();
    let mut tags = tags::of_many(connection, TagKind::Policy, &ids).await?;
    let defaults = policy_versions::Entity::find()
        .filter(policy_versions::Column::PolicyId.is_in(ids))
        .filter(policy_versions::Column::IsDefault.eq(true))
        .all(connection)
        .await?;
    listed.try_map(|row| {
        let default = defaults.iter().find(|version| version.policy_id == row.id);
        let default = default.ok_or_else(|| without_default(&row.name))?;
        let own = tags.remove(&row.id).unwrap_or_default();
        PolicyRow::new(row, default, own)
    })
}

/// A policy is written together with its first version, and the default version cannot be deleted.
pub(crate) fn without_default(name: &str) -> StoreError {
    StoreError::corrupt(format!("policy {name} has no default version"))
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<policies::Model, StoreError> {
    if let Some(row) = policies::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Policy, name))
}

/// As [`find`], for a name that may be absent.
pub(crate) async fn find_some<C: ConnectionTrait>(
    connection: &C,
    name: Option<&str>,
) -> Result<Option<policies::Model>, StoreError> {
    match name {
        Some(name) => find(connection, name).await.map(Some),
        None => Ok(None),
    }
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<policies::Model>, StoreError> {
    let by_name = policies::Entity::find().filter(policies::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

/// Names by id.
pub(crate) async fn names<C: ConnectionTrait>(
    connection: &C,
    ids: Vec<String>,
) -> Result<HashMap<String, String>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let select = policies::Entity::find().filter(policies::Column::Id.is_in(ids));
    let rows = select.all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The name with this id, if there is an id.
pub(crate) fn name_in(names: &HashMap<String, String>, id: Option<&str>) -> Option<String> {
    names.get(id?).cloned()
}

/// The policy whose name is this one, whatever the case. Source: IAM User Guide, "IAM identifiers".
async fn taken<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<policies::Model>, StoreError> {
    let folded = Expr::expr(Func::lower(Expr::col(policies::Column::Name)));
    let by_name = policies::Entity::find().filter(folded.eq(name.to_ascii_lowercase()));
    Ok(by_name.one(connection).await?)
}
