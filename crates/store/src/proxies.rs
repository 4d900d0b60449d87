//! Proxies: what operators ask for. What becomes of it is in `proxy_status`.

use std::ops::RangeInclusive;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, Set,
};
use serde::{Deserialize, Serialize};
use tollgate_types::{
    ClientPasswordAuth, Condition, EngineFamily, IamAuth, PoolPolicy, ProxyEvent, ProxyId,
    ProxyStatus, TargetRole,
};

use crate::endpoints::Origin;
use crate::entity::proxies;
use crate::page::{self, Listed, Page};
use crate::tags::{self, TagKind, Tags};
use crate::{
    EndpointNetwork, Expect, Kind, NewEndpoint, ProxyNetwork, Store, StoreError, Write, cell, limit,
};

/// Who logs in how, as the operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthRule {
    /// The secret's name.
    pub secret: String,
    /// The secret's ARN, where the operator named it by that: a later secret of the same name is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_arn: Option<String>,
    /// What the operator calls the user; a label only, the user comes from the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// Tokens or passwords.
    pub iam_auth: IamAuth,
    /// How passwords are checked.
    pub client_password_auth_type: ClientPasswordAuth,
    /// What the operator wrote about it.
    pub description: String,
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyRow {
    /// Unique id, never reused.
    pub id: ProxyId,
    /// Unique name.
    pub name: String,
    /// Protocol spoken; never changes.
    pub engine_family: EngineFamily,
    /// Refuse clients without TLS.
    pub require_tls: bool,
    /// Seconds without a request after which a client connection is closed.
    pub idle_client_timeout_s: u32,
    /// Who logs in how.
    pub auth: Vec<AuthRule>,
    /// What became of it.
    pub status: ProxyStatus,
    /// A sentence about the status; empty when there is nothing to say.
    pub status_reason: String,
    /// What is true of it, since when, and why not.
    pub conditions: Vec<Condition>,
    /// Tags.
    pub tags: Tags,
    /// Rises with every change of it, its pool, targets, endpoints, secrets, databases or tags.
    pub generation: u64,
    /// The newest generation that the data plane was seen to run.
    pub observed_generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch of the last change of the specification.
    pub updated_at: i64,
    /// Seconds since the epoch at which its deletion was asked for.
    pub delete_requested_at: Option<i64>,
    /// Seconds since the epoch at which what still runs through it is cut.
    pub drain_deadline: Option<i64>,
    /// ARN of the role whose policies must allow reading the secrets; none for a proxy made without.
    pub role_arn: Option<String>,
    /// Seconds since the epoch at which debug logging was asked for.
    pub debug_logging_since: Option<i64>,
    /// Subnets and security groups.
    pub network: ProxyNetwork,
}

/// A proxy to be made, with its default target group and its default endpoint.
#[derive(Debug, Clone)]
pub struct NewProxy {
    /// Unique id, made by the caller.
    pub id: ProxyId,
    /// Unique name.
    pub name: String,
    /// Protocol spoken.
    pub engine_family: EngineFamily,
    /// Refuse clients without TLS.
    pub require_tls: bool,
    /// Seconds without a request after which a client connection is closed.
    pub idle_client_timeout_s: u32,
    /// Who logs in how.
    pub auth: Vec<AuthRule>,
    /// Pool settings of the default target group.
    pub pool: PoolPolicy,
    /// Id of the default endpoint, made by the caller.
    pub endpoint_id: String,
    /// Ports from which the default endpoint gets the lowest free one.
    pub endpoint_ports: RangeInclusive<u16>,
    /// Tags.
    pub tags: Tags,
    /// ARN of the role whose policies must allow reading the secrets, if there is one.
    pub role_arn: Option<String>,
    /// Seconds since the epoch at which debug logging was asked for.
    pub debug_logging_since: Option<i64>,
    /// Subnets and security groups.
    pub network: ProxyNetwork,
}

/// Everything about a proxy itself that can change.
#[derive(Debug, Clone)]
pub struct ProxyUpdate {
    /// Refuse clients without TLS.
    pub require_tls: bool,
    /// Seconds without a request after which a client connection is closed.
    pub idle_client_timeout_s: u32,
    /// Who logs in how.
    pub auth: Vec<AuthRule>,
    /// ARN of the role whose policies must allow reading the secrets, if there is one.
    pub role_arn: Option<String>,
    /// Seconds since the epoch at which debug logging was asked for.
    pub debug_logging_since: Option<i64>,
    /// Ids of security groups; empty means the default group.
    pub security_group_ids: Vec<String>,
}

impl ProxyRow {
    pub(crate) fn new(row: proxies::Model, tags: Tags) -> Result<Self, StoreError> {
        let what = |column: &str| format!("proxy {}, {column}", row.name);
        let id = ProxyId::try_from(row.id.clone());
        let id = id.map_err(|error| StoreError::corrupt(error.to_string()))?;
        Ok(Self {
            engine_family: cell::from_word(&row.engine_family, &what("engine_family"))?,
            idle_client_timeout_s: cell::number(row.idle_client_timeout, &what("idle timeout"))?,
            auth: cell::parse(&row.auth, &what("auth"))?,
            status: status_of(&row)?,
            conditions: cell::parse(&row.conditions, &what("conditions"))?,
            generation: cell::number(row.generation, &what("generation"))?,
            observed_generation: cell::number(row.observed_generation, &what("observed"))?,
            network: ProxyNetwork::read(&row)?,
            id,
            name: row.name,
            role_arn: row.role_arn,
            debug_logging_since: row.debug_logging_since,
            require_tls: row.require_tls,
            status_reason: row.status_reason,
            tags,
            created_at: row.created_at,
            updated_at: row.updated_at,
            delete_requested_at: row.delete_requested_at,
            drain_deadline: row.drain_deadline,
        })
    }
}

pub(crate) fn status_of(row: &proxies::Model) -> Result<ProxyStatus, StoreError> {
    ProxyStatus::from_name(&row.status)
        .ok_or_else(|| StoreError::corrupt(format!("proxy {}, status {}", row.name, row.status)))
}

impl Store {
    /// The proxy with this name or id.
    pub async fn proxy_get(&self, name: &str) -> Result<ProxyRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(get(reader, name)).await
    }

    /// Proxies in the order of their names.
    pub async fn proxy_list(&self, page: &Page) -> Result<Listed<ProxyRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = proxies::Entity::find();
            let rows = page::fetch(reader, select, proxies::Column::Name, page).await?;
            let listed = Listed::cut(rows, page, |row| row.name.clone());
            let ids: Vec<String> = listed.items.iter().map(|row| row.id.clone()).collect();
            let mut tags = tags::of_many(reader, TagKind::Proxy, &ids).await?;
            listed.try_map(|row| {
                let own = tags.remove(&row.id).unwrap_or_default();
                ProxyRow::new(row, own)
            })
        })
        .await
    }
}

impl Write {
    /// As [`Store::proxy_get`], inside the transaction.
    pub async fn proxy_get(&self, name: &str) -> Result<ProxyRow, StoreError> {
        get(&self.transaction, name).await
    }

    /// Makes a proxy (status creating, generation 1) with target group `default` and a read-write
    /// endpoint `default`.
    ///
    /// Fails with [`StoreError::AlreadyExists`], [`StoreError::LimitExceeded`] or
    /// [`StoreError::PortsExhausted`].
    pub async fn proxy_create(&self, new: NewProxy) -> Result<ProxyRow, StoreError> {
        check_rules(&new.auth)?;
        if let Some(taken) = named(&self.transaction, &new.name).await? {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Proxy,
                name: new.name,
                existing_id: taken.id,
            });
        }
        let mut row = proxies::ActiveModel {
            id: Set(new.id.as_str().to_owned()),
            name: Set(new.name),
            engine_family: Set(new.engine_family.as_str().to_owned()),
            require_tls: Set(new.require_tls),
            idle_client_timeout: Set(i64::from(new.idle_client_timeout_s)),
            auth: Set(cell::json(&new.auth)?),
            status: Set(ProxyStatus::Creating.as_str().to_owned()),
            status_reason: Set(String::new()),
            conditions: Set("[]".to_owned()),
            generation: Set(1),
            observed_generation: Set(0),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            delete_requested_at: Set(None),
            drain_deadline: Set(None),
            role_arn: Set(new.role_arn),
            debug_logging_since: Set(new.debug_logging_since),
            ..Default::default()
        };
        new.network.write(&mut row)?;
        let row = row.insert(&self.transaction).await?;
        self.target_group_insert(&new.id, &new.pool).await?;
        let endpoint = NewEndpoint {
            id: new.endpoint_id,
            name: "default".to_owned(),
            target_role: TargetRole::ReadWrite,
            aliases: Vec::new(),
            ports: new.endpoint_ports,
            network: EndpointNetwork::default(),
            tags: Tags::new(),
        };
        self.endpoint_insert(&row.id, endpoint, Origin::Proxy)
            .await?;
        self.tags_insert(TagKind::Proxy, &row.id, &new.tags).await?;
        ProxyRow::new(row, new.tags)
    }

    /// Changes a proxy's own settings; generation and status follow.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::PreconditionFailed`],
    /// [`StoreError::BeingDeleted`] or [`StoreError::LimitExceeded`].
    pub async fn proxy_update(
        &self,
        name: &str,
        expect: Expect,
        update: ProxyUpdate,
    ) -> Result<ProxyRow, StoreError> {
        check_rules(&update.auth)?;
        let row = find_changeable(&self.transaction, name).await?;
        expect.check(Kind::Proxy, &row.name, row.generation)?;
        let mut row = self.proxy_changed(row)?;
        row.require_tls = Set(update.require_tls);
        row.idle_client_timeout = Set(i64::from(update.idle_client_timeout_s));
        row.auth = Set(cell::json(&update.auth)?);
        row.role_arn = Set(update.role_arn);
        row.debug_logging_since = Set(update.debug_logging_since);
        row.security_group_ids = Set(cell::json(&update.security_group_ids)?);
        let row = row.update(&self.transaction).await?;
        let tags = tags::of(&self.transaction, TagKind::Proxy, &row.id).await?;
        ProxyRow::new(row, tags)
    }

    /// Gives a proxy another name; id, endpoints, targets and tags stay. Its present name changes nothing.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::AlreadyExists`] or [`StoreError::BeingDeleted`].
    pub async fn proxy_rename(&self, name: &str, new_name: &str) -> Result<ProxyRow, StoreError> {
        let row = find_changeable(&self.transaction, name).await?;
        if let Some(taken) = named(&self.transaction, new_name).await?
            && taken.id != row.id
        {
            return Err(StoreError::AlreadyExists {
                kind: Kind::Proxy,
                name: new_name.to_owned(),
                existing_id: taken.id,
            });
        }
        let id = row.id.clone();
        if row.name != new_name {
            let mut row = self.proxy_changed(row)?;
            row.name = Set(new_name.to_owned());
            row.update(&self.transaction).await?;
        }
        get(&self.transaction, &id).await
    }

    /// Something that belongs to the proxy has changed: new generation, and the status that follows.
    pub(crate) async fn proxy_touch(&self, id: &str) -> Result<(), StoreError> {
        let row = find(&self.transaction, id).await?;
        let row = self.proxy_changed(row)?;
        row.update(&self.transaction).await?;
        Ok(())
    }

    /// [`Write::proxy_touch`] for every proxy with an auth rule that names this secret.
    pub(crate) async fn proxies_touch_for_secret(&self, secret: &str) -> Result<(), StoreError> {
        for row in naming_secret(&self.transaction, secret).await? {
            let row = self.proxy_changed(row)?;
            row.update(&self.transaction).await?;
        }
        Ok(())
    }

    fn proxy_changed(&self, row: proxies::Model) -> Result<proxies::ActiveModel, StoreError> {
        let status = status_of(&row)?.after(ProxyEvent::SpecChanged);
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.status = Set(status.as_str().to_owned());
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        Ok(row)
    }
}

fn check_rules(rules: &[AuthRule]) -> Result<(), StoreError> {
    if rules.len() > limit::AUTH_RULES_PER_PROXY {
        return Err(StoreError::LimitExceeded {
            what: "auth rules per proxy",
            limit: limit::AUTH_RULES_PER_PROXY,
        });
    }
    Ok(())
}

pub(crate) async fn get<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<ProxyRow, StoreError> {
    let row = find(connection, name).await?;
    let tags = tags::of(connection, TagKind::Proxy, &row.id).await?;
    ProxyRow::new(row, tags)
}

/// By id or, failing that, by name.
pub(crate) async fn find<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<proxies::Model, StoreError> {
    if let Some(row) = proxies::Entity::find_by_id(name).one(connection).await? {
        return Ok(row);
    }
    let row = named(connection, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Proxy, name))
}

/// As [`find`], refusing a proxy that is being deleted.
pub(crate) async fn find_changeable<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<proxies::Model, StoreError> {
    let row = find(connection, name).await?;
    if status_of(&row)? == ProxyStatus::Deleting {
        return Err(StoreError::BeingDeleted {
            kind: Kind::Proxy,
            name: row.name,
        });
    }
    Ok(row)
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Option<proxies::Model>, StoreError> {
    let by_name = proxies::Entity::find().filter(proxies::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}

/// Every proxy, one that is being deleted excepted, with an auth rule that names this secret.
pub(crate) async fn naming_secret<C: ConnectionTrait>(
    connection: &C,
    secret: &str,
) -> Result<Vec<proxies::Model>, StoreError> {
    let select = proxies::Entity::find().order_by_asc(proxies::Column::Name);
    let mut naming = Vec::new();
    for row in select.all(connection).await? {
        let rules: Vec<AuthRule> = cell::parse(&row.auth, &format!("proxy {}, auth", row.name))?;
        let named = rules.iter().any(|rule| rule.secret == secret);
        if named && status_of(&row)? != ProxyStatus::Deleting {
            naming.push(row);
        }
    }
    Ok(naming)
}
