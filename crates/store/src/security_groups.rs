//! Security groups: who may connect to the proxies and endpoints that are in them.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ModelTrait, PaginatorTrait,
    QueryFilter, QueryOrder, Set,
};
use tollgate_types::{IpProtocol, Permission, Traffic};

use crate::entity::{endpoints, proxies, security_group_rules, security_groups};
use crate::tags::{self, TagKind, Tags};
use crate::{Kind, Store, StoreError, Write, cell, limit};

/// Id of the default group, the same in every installation.
pub const DEFAULT_SECURITY_GROUP: &str = "sg-0defa017000000000";

/// A security group with its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroupRow {
    /// `sg-…`; never changes.
    pub id: String,
    /// Unique; never changes.
    pub name: String,
    /// What it is for; never changes.
    pub description: String,
    /// Exists from the start, cannot go, and counts for whatever names no group.
    pub is_default: bool,
    /// Its rules in the order of their ids.
    pub rules: Vec<SecurityGroupRuleRow>,
    /// Tags.
    pub tags: Tags,
    /// Seconds since the epoch; 0 for the default group.
    pub created_at: i64,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroupRuleRow {
    /// `sgr-…`; never changes.
    pub id: String,
    /// The group that it belongs to.
    pub group_id: String,
    /// What it allows.
    pub permission: Permission,
    /// What it is for; may be empty.
    pub description: String,
    /// Tags.
    pub tags: Tags,
}

/// A group to be made.
#[derive(Debug, Clone)]
pub struct NewSecurityGroup {
    /// `sg-…`, made by the caller.
    pub id: String,
    /// Unique.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Tags.
    pub tags: Tags,
}

/// A rule to be made.
#[derive(Debug, Clone)]
pub struct NewSecurityGroupRule {
    /// `sgr-…`, made by the caller.
    pub id: String,
    /// What it allows.
    pub permission: Permission,
    /// What it is for; may be empty.
    pub description: String,
    /// Tags.
    pub tags: Tags,
}

impl SecurityGroupRuleRow {
    fn new(row: security_group_rules::Model, tags: Tags) -> Result<Self, StoreError> {
        let what = |column: &str| format!("security group rule {}, {column}", row.id);
        let unreadable = |column: &str| StoreError::corrupt(what(column));
        let protocol: Result<IpProtocol, _> = row.protocol.parse();
        Ok(Self {
            permission: Permission {
                traffic: cell::from_word(&row.traffic, &what("traffic"))?,
                protocol: protocol.map_err(|_| unreadable("protocol"))?,
                from_port: cell::number(row.from_port, &what("from_port"))?,
                to_port: cell::number(row.to_port, &what("to_port"))?,
                source: row.source.parse().map_err(|_| unreadable("source"))?,
            },
            id: row.id,
            group_id: row.group_id,
            description: row.description,
            tags,
        })
    }
}

impl Store {
    /// The group with this id.
    pub async fn security_group_get(&self, id: &str) -> Result<SecurityGroupRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, id)).await
    }

    /// The rule with this id.
    pub async fn security_group_rule_get(
        &self,
        id: &str,
    ) -> Result<SecurityGroupRuleRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get_rule(reader, id)).await
    }

    /// Every group in the order of their ids; there are at most [`limit::SECURITY_GROUPS`].
    pub async fn security_group_list(&self) -> Result<Vec<SecurityGroupRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(list(reader)).await
    }
}

impl Write {
    /// As [`Store::security_group_get`], inside the transaction.
    pub async fn security_group_get(&self, id: &str) -> Result<SecurityGroupRow, StoreError> {
        get(&self.transaction, id).await
    }

    /// As [`Store::security_group_rule_get`], inside the transaction.
    pub async fn security_group_rule_get(
        &self,
        id: &str,
    ) -> Result<SecurityGroupRuleRow, StoreError> {
        get_rule(&self.transaction, id).await
    }

    /// Makes a group without rules. Fails with [`StoreError::AlreadyExists`] or [`StoreError::LimitExceeded`].
    pub async fn security_group_create(
        &self,
        new: NewSecurityGroup,
    ) -> Result<SecurityGroupRow, StoreError> {
        let taken = security_groups::Entity::find()
            .filter(security_groups::Column::Name.eq(&new.name))
            .one(&self.transaction)
            .await?;
        if let Some(taken) = taken {
            return Err(StoreError::AlreadyExists {
                kind: Kind::SecurityGroup,
                name: taken.name,
                existing_id: taken.id,
            });
        }
        let present = security_groups::Entity::find().count(&self.transaction);
        check_limit(present.await?, limit::SECURITY_GROUPS, "security groups")?;
        let row = security_groups::ActiveModel {
            id: Set(new.id),
            name: Set(new.name),
            description: Set(new.description),
            is_default: Set(false),
            created_at: Set(self.now),
        };
        let row = row.insert(&self.transaction).await?;
        self.tags_insert(TagKind::SecurityGroup, &row.id, &new.tags)
            .await?;
        Ok(group(row, Vec::new(), new.tags))
    }

    /// Deletes a group with its rules.
    ///
    /// Fails with [`StoreError::NotFound`], or with [`StoreError::InUse`] while a proxy, an endpoint or another
    /// group's rule names it, and for the default group.
    pub async fn security_group_delete(&self, id: &str) -> Result<(), StoreError> {
        let row = find(&self.transaction, id).await?;
        let mut by = users(&self.transaction, id).await?;
        if row.is_default {
            by.insert(0, "everything that names no group".to_owned());
        }
        if !by.is_empty() {
            by.truncate(usize::try_from(limit::USERS_NAMED).unwrap_or(usize::MAX));
            return Err(StoreError::InUse {
                kind: Kind::SecurityGroup,
                name: id.to_owned(),
                by,
            });
        }
        let rules = security_group_rules::Entity::find()
            .filter(security_group_rules::Column::GroupId.eq(id))
            .all(&self.transaction)
            .await?;
        for rule in rules {
            self.security_group_rule_delete(&rule.id).await?;
        }
        self.tags_clear(TagKind::SecurityGroup, id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }

    /// Adds a rule to a group.
    ///
    /// Fails with [`StoreError::NotFound`] for the group, with [`StoreError::AlreadyExists`] when it allows the
    /// same already, or with [`StoreError::LimitExceeded`].
    pub async fn security_group_rule_create(
        &self,
        group_id: &str,
        new: NewSecurityGroupRule,
    ) -> Result<SecurityGroupRuleRow, StoreError> {
        find(&self.transaction, group_id).await?;
        self.check_rule_free(group_id, &new.permission).await?;
        let traffic = cell::word(&new.permission.traffic)?;
        let present = security_group_rules::Entity::find()
            .filter(security_group_rules::Column::GroupId.eq(group_id))
            .filter(security_group_rules::Column::Traffic.eq(&traffic))
            .count(&self.transaction);
        check_limit(
            present.await?,
            limit::RULES_PER_SECURITY_GROUP,
            "rules per security group",
        )?;
        let mut row = security_group_rules::ActiveModel {
            id: Set(new.id),
            group_id: Set(group_id.to_owned()),
            description: Set(new.description),
            ..Default::default()
        };
        write_permission(&mut row, &new.permission)?;
        let row = row.insert(&self.transaction).await?;
        self.tags_insert(TagKind::SecurityGroupRule, &row.id, &new.tags)
            .await?;
        SecurityGroupRuleRow::new(row, new.tags)
    }

    /// Gives a rule another permission and description.
    ///
    /// Fails with [`StoreError::NotFound`], or [`StoreError::AlreadyExists`] when another rule of its group allows
    /// the same.
    pub async fn security_group_rule_update(
        &self,
        id: &str,
        permission: &Permission,
        description: &str,
    ) -> Result<(), StoreError> {
        let old = get_rule(&self.transaction, id).await?;
        if old.permission != *permission {
            self.check_rule_free(&old.group_id, permission).await?;
        }
        let mut row = security_group_rules::ActiveModel {
            id: Set(id.to_owned()),
            description: Set(description.to_owned()),
            ..Default::default()
        };
        write_permission(&mut row, permission)?;
        row.update(&self.transaction).await?;
        Ok(())
    }

    /// Removes a rule. Fails with [`StoreError::NotFound`].
    pub async fn security_group_rule_delete(&self, id: &str) -> Result<(), StoreError> {
        let row = find_rule(&self.transaction, id).await?;
        self.tags_clear(TagKind::SecurityGroupRule, id).await?;
        row.delete(&self.transaction).await?;
        Ok(())
    }

    async fn check_rule_free(
        &self,
        group_id: &str,
        permission: &Permission,
    ) -> Result<(), StoreError> {
        let taken = security_group_rules::Entity::find()
            .filter(security_group_rules::Column::GroupId.eq(group_id))
            .filter(security_group_rules::Column::Traffic.eq(cell::word(&permission.traffic)?))
            .filter(security_group_rules::Column::Protocol.eq(permission.protocol.name()))
            .filter(security_group_rules::Column::FromPort.eq(i64::from(permission.from_port)))
            .filter(security_group_rules::Column::ToPort.eq(i64::from(permission.to_port)))
            .filter(security_group_rules::Column::Source.eq(permission.source.to_string()))
            .one(&self.transaction)
            .await?;
        match taken {
            None => Ok(()),
            Some(taken) => Err(StoreError::AlreadyExists {
                kind: Kind::SecurityGroupRule,
                name: words(permission),
                existing_id: taken.id,
            }),
        }
    }
}

/// A rule in words, for messages.
fn words(permission: &Permission) -> String {
    let (from, to) = (permission.from_port, permission.to_port);
    let way = match permission.traffic {
        Traffic::Ingress => "from",
        Traffic::Egress => "to",
    };
    let protocol = permission.protocol.name();
    format!("{protocol} {from}-{to} {way} {}", permission.source)
}

fn write_permission(
    row: &mut security_group_rules::ActiveModel,
    permission: &Permission,
) -> Result<(), StoreError> {
    row.traffic = Set(cell::word(&permission.traffic)?);
    row.protocol = Set(permission.protocol.name());
    row.from_port = Set(i64::from(permission.from_port));
    row.to_port = Set(i64::from(permission.to_port));
    row.source = Set(permission.source.to_string());
    Ok(())
}

fn check_limit(present: u64, limit: usize, what: &'static str) -> Result<(), StoreError> {
    if usize::try_from(present).is_ok_and(|count| count >= limit) {
        return Err(StoreError::LimitExceeded { what, limit });
    }
    Ok(())
}

fn group(
    row: security_groups::Model,
    rules: Vec<SecurityGroupRuleRow>,
    tags: Tags,
) -> SecurityGroupRow {
    SecurityGroupRow {
        id: row.id,
        name: row.name,
        description: row.description,
        is_default: row.is_default,
        rules,
        tags,
        created_at: row.created_at,
    }
}

/// Who names this group, in words.
async fn users<C: ConnectionTrait>(connection: &C, id: &str) -> Result<Vec<String>, StoreError> {
    let mut by = Vec::new();
    for row in proxies::Entity::find().all(connection).await? {
        let ids: Vec<String> = cell::parse(&row.security_group_ids, "security groups of a proxy")?;
        if ids.iter().any(|own| own == id) {
            by.push(format!("proxy {}", row.name));
        }
    }
    for row in endpoints::Entity::find().all(connection).await? {
        let what = "security groups of an endpoint";
        let ids: Vec<String> = cell::parse(&row.security_group_ids, what)?;
        if ids.iter().any(|own| own == id) {
            by.push(format!("endpoint {}", row.name));
        }
    }
    let rules = security_group_rules::Entity::find()
        .filter(security_group_rules::Column::Source.eq(id))
        .filter(security_group_rules::Column::GroupId.ne(id))
        .all(connection)
        .await?;
    by.extend(
        rules
            .iter()
            .map(|rule| format!("a rule of {}", rule.group_id)),
    );
    Ok(by)
}

/// Every group, from one moment if `connection` is a transaction that sees one.
pub(crate) async fn list<C: ConnectionTrait>(
    connection: &C,
) -> Result<Vec<SecurityGroupRow>, StoreError> {
    let mut tags = tags::of_all(connection, TagKind::SecurityGroup).await?;
    let mut rule_tags = tags::of_all(connection, TagKind::SecurityGroupRule).await?;
    let rules = security_group_rules::Entity::find()
        .order_by_asc(security_group_rules::Column::Id)
        .all(connection)
        .await?;
    let mut by_group: HashMap<String, Vec<SecurityGroupRuleRow>> = HashMap::new();
    for rule in rules {
        let own = rule_tags.remove(&rule.id).unwrap_or_default();
        let rule = SecurityGroupRuleRow::new(rule, own)?;
        by_group
            .entry(rule.group_id.clone())
            .or_default()
            .push(rule);
    }
    let groups = security_groups::Entity::find()
        .order_by_asc(security_groups::Column::Id)
        .all(connection)
        .await?;
    let groups = groups.into_iter().map(|row| {
        let rules = by_group.remove(&row.id).unwrap_or_default();
        let own = tags.remove(&row.id).unwrap_or_default();
        group(row, rules, own)
    });
    Ok(groups.collect())
}

async fn get<C: ConnectionTrait>(connection: &C, id: &str) -> Result<SecurityGroupRow, StoreError> {
    let row = find(connection, id).await?;
    let own = tags::of(connection, TagKind::SecurityGroup, id).await?;
    let rules = security_group_rules::Entity::find()
        .filter(security_group_rules::Column::GroupId.eq(id))
        .order_by_asc(security_group_rules::Column::Id)
        .all(connection)
        .await?;
    let ids: Vec<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    let mut rule_tags = tags::of_many(connection, TagKind::SecurityGroupRule, &ids).await?;
    let rules = rules.into_iter().map(|rule| {
        let own = rule_tags.remove(&rule.id).unwrap_or_default();
        SecurityGroupRuleRow::new(rule, own)
    });
    Ok(group(row, rules.collect::<Result<_, _>>()?, own))
}

async fn find<C: ConnectionTrait>(
    connection: &C,
    id: &str,
) -> Result<security_groups::Model, StoreError> {
    let row = security_groups::Entity::find_by_id(id)
        .one(connection)
        .await?;
    row.ok_or_else(|| StoreError::not_found(Kind::SecurityGroup, id))
}

async fn get_rule<C: ConnectionTrait>(
    connection: &C,
    id: &str,
) -> Result<SecurityGroupRuleRow, StoreError> {
    let row = find_rule(connection, id).await?;
    let own = tags::of(connection, TagKind::SecurityGroupRule, id).await?;
    SecurityGroupRuleRow::new(row, own)
}

async fn find_rule<C: ConnectionTrait>(
    connection: &C,
    id: &str,
) -> Result<security_group_rules::Model, StoreError> {
    let row = security_group_rules::Entity::find_by_id(id)
        .one(connection)
        .await?;
    row.ok_or_else(|| StoreError::not_found(Kind::SecurityGroupRule, id))
}
