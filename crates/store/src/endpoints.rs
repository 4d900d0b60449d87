//! Endpoints: where clients connect. Every one gets its own port from the installation's range.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, ModelTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};
use tollgate_types::TargetRole;

use crate::entity::endpoints;
use crate::page::{self, Listed, Page};
use crate::proxies::{find, find_changeable};
use crate::tags::{TagKind, Tags};
use crate::{EndpointNetwork, Expect, Kind, Store, StoreError, Write, cell, limit};

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    /// Unique id, never reused.
    pub id: String,
    /// The proxy it belongs to.
    pub proxy_id: String,
    /// Unique within the proxy.
    pub name: String,
    /// What data planes call it: unique within the proxy, the name it was made with where that was free.
    /// Never changes, so that sessions stay with their endpoint when it is renamed.
    pub label: String,
    /// Which targets it leads to; never changes.
    pub target_role: TargetRole,
    /// Port given out and bound; never changes.
    pub port: u16,
    /// Further host names that tokens may carry.
    pub aliases: Vec<String>,
    /// Made with the proxy, goes with the proxy.
    pub is_default: bool,
    /// Rises with every change.
    pub generation: u64,
    /// Seconds since the epoch.
    pub created_at: i64,
    /// Seconds since the epoch.
    pub updated_at: i64,
    /// Subnets and security groups; of a default endpoint empty, because the proxy's hold.
    pub network: EndpointNetwork,
}

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Unique id, made by the caller.
    pub id: String,
    /// Unique within the proxy.
    pub name: String,
    /// Which targets it leads to.
    pub target_role: TargetRole,
    /// Further host names that tokens may carry, in lower case.
    pub aliases: Vec<String>,
    /// Ports from which it gets the lowest free one.
    pub ports: RangeInclusive<u16>,
    /// Subnets and security groups.
    pub network: EndpointNetwork,
    /// Tags.
    pub tags: Tags,
}

/// Everything about an endpoint that can change.
#[derive(Debug, Clone)]
pub struct EndpointUpdate {
    /// Unique within the proxy.
    pub name: String,
    /// Further host names that tokens may carry, in lower case.
    pub aliases: Vec<String>,
    /// Ids of security groups; empty means the default group.
    pub security_group_ids: Vec<String>,
}

impl TryFrom<endpoints::Model> for EndpointRow {
    type Error = StoreError;

    fn try_from(row: endpoints::Model) -> Result<Self, StoreError> {
        let what = |column: &str| format!("endpoint {}, {column}", row.id);
        Ok(Self {
            target_role: cell::from_word(&row.target_role, &what("target_role"))?,
            port: cell::number(row.port, &what("port"))?,
            aliases: cell::parse(&row.aliases, &what("aliases"))?,
            generation: cell::number(row.generation, &what("generation"))?,
            network: EndpointNetwork::read(&row)?,
            label: row.label,
            id: row.id,
            proxy_id: row.proxy_id,
            name: row.name,
            is_default: row.is_default,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Store {
    /// The endpoint of a proxy with this name.
    pub async fn endpoint_get(&self, proxy: &str, name: &str) -> Result<EndpointRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let proxy = find(reader, proxy).await?;
            find_endpoint(reader, &proxy.id, name).await?.try_into()
        })
        .await
    }

    /// The endpoint with this id.
    pub async fn endpoint_by_id(&self, id: &str) -> Result<EndpointRow, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(by_id(reader, id)).await
    }

    /// Endpoints with this name, of any proxy; those made with their proxies are not among them.
    pub async fn endpoint_list_named(&self, name: &str) -> Result<Vec<EndpointRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(all_named(reader, name)).await
    }

    /// Endpoints of all proxies in the order of their ids.
    pub async fn endpoint_list_all(&self, page: &Page) -> Result<Listed<EndpointRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let select = endpoints::Entity::find();
            let rows = page::fetch(reader, select, endpoints::Column::Id, page).await?;
            Listed::cut(rows, page, |row| row.id.clone()).try_map(EndpointRow::try_from)
        })
        .await
    }

    /// Endpoints of a proxy in the order of their names.
    pub async fn endpoint_list(
        &self,
        proxy: &str,
        page: &Page,
    ) -> Result<Listed<EndpointRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(list(reader, proxy, page)).await
    }

    /// Every endpoint of the proxies with these ids, in the order of proxy and name.
    pub async fn endpoint_list_of(
        &self,
        proxy_ids: &[String],
    ) -> Result<Vec<EndpointRow>, StoreError> {
        let reader = self.link().reader().await?;
        self.watched(async {
            let rows = endpoints::Entity::find()
                .filter(endpoints::Column::ProxyId.is_in(proxy_ids.iter().cloned()))
                .order_by_asc(endpoints::Column::ProxyId)
                .order_by_asc(endpoints::Column::Name)
                .all(reader)
                .await?;
            rows.into_iter().map(EndpointRow::try_from).collect()
        })
        .await
    }
}

impl Write {
    /// As [`Store::endpoint_get`], inside the transaction.
    pub async fn endpoint_get(&self, proxy: &str, name: &str) -> Result<EndpointRow, StoreError> {
        let proxy = find(&self.transaction, proxy).await?;
        find_endpoint(&self.transaction, &proxy.id, name)
            .await?
            .try_into()
    }

    /// As [`Store::endpoint_by_id`], inside the transaction.
    pub async fn endpoint_by_id(&self, id: &str) -> Result<EndpointRow, StoreError> {
        by_id(&self.transaction, id).await
    }

    /// As [`Store::endpoint_list_named`], inside the transaction.
    pub async fn endpoint_list_named(&self, name: &str) -> Result<Vec<EndpointRow>, StoreError> {
        all_named(&self.transaction, name).await
    }

    /// As [`Store::endpoint_list`], inside the transaction.
    pub async fn endpoint_list(
        &self,
        proxy: &str,
        page: &Page,
    ) -> Result<Listed<EndpointRow>, StoreError> {
        list(&self.transaction, proxy, page).await
    }

    /// Makes an endpoint; the proxy gets a new generation.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::AlreadyExists`],
    /// [`StoreError::BeingDeleted`], [`StoreError::LimitExceeded`] or [`StoreError::PortsExhausted`].
    pub async fn endpoint_create(
        &self,
        proxy: &str,
        new: NewEndpoint,
    ) -> Result<EndpointRow, StoreError> {
        let proxy = find_changeable(&self.transaction, proxy).await?;
        check_free(&self.transaction, &proxy.id, &new.name).await?;
        let present = endpoints::Entity::find()
            .filter(endpoints::Column::ProxyId.eq(&proxy.id))
            .count(&self.transaction)
            .await?;
        if usize::try_from(present).is_ok_and(|count| count >= limit::ENDPOINTS_PER_PROXY) {
            return Err(StoreError::LimitExceeded {
                what: "endpoints per proxy",
                limit: limit::ENDPOINTS_PER_PROXY,
            });
        }
        let row = self
            .endpoint_insert(&proxy.id, new, Origin::Operator)
            .await?;
        self.proxy_touch(&proxy.id).await?;
        Ok(row)
    }

    /// Changes an endpoint; the proxy gets a new generation.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::AlreadyExists`],
    /// [`StoreError::PreconditionFailed`] or [`StoreError::BeingDeleted`].
    pub async fn endpoint_update(
        &self,
        proxy: &str,
        name: &str,
        expect: Expect,
        update: EndpointUpdate,
    ) -> Result<EndpointRow, StoreError> {
        let proxy = find_changeable(&self.transaction, proxy).await?;
        let row = find_endpoint(&self.transaction, &proxy.id, name).await?;
        expect.check(Kind::Endpoint, &row.name, row.generation)?;
        if row.name != update.name {
            check_free(&self.transaction, &proxy.id, &update.name).await?;
        }
        let generation = row.generation.saturating_add(1);
        let mut row = row.into_active_model();
        row.name = Set(update.name);
        row.security_group_ids = Set(cell::json(&update.security_group_ids)?);
        row.aliases = Set(cell::json(&update.aliases)?);
        row.generation = Set(generation);
        row.updated_at = Set(self.now);
        let row = row.update(&self.transaction).await?;
        self.proxy_touch(&proxy.id).await?;
        row.try_into()
    }

    /// Removes an endpoint; its port is free again, the proxy gets a new generation.
    ///
    /// Fails with [`StoreError::NotFound`], [`StoreError::PreconditionFailed`],
    /// [`StoreError::BeingDeleted`], or [`StoreError::InUse`] for the default endpoint.
    pub async fn endpoint_delete(
        &self,
        proxy: &str,
        name: &str,
        expect: Expect,
    ) -> Result<(), StoreError> {
        let proxy = find_changeable(&self.transaction, proxy).await?;
        let row = find_endpoint(&self.transaction, &proxy.id, name).await?;
        expect.check(Kind::Endpoint, &row.name, row.generation)?;
        if row.is_default {
            return Err(StoreError::InUse {
                kind: Kind::Endpoint,
                name: row.name,
                by: vec![format!("proxy {}: it is its default endpoint", proxy.name)],
            });
        }
        self.tags_clear(TagKind::Endpoint, &row.id).await?;
        row.delete(&self.transaction).await?;
        self.proxy_touch(&proxy.id).await
    }

    pub(crate) async fn endpoint_insert(
        &self,
        proxy_id: &str,
        new: NewEndpoint,
        origin: Origin,
    ) -> Result<EndpointRow, StoreError> {
        let port = lowest_free(&self.transaction, new.ports.clone()).await?;
        let label = self.endpoint_label(proxy_id, &new).await?;
        self.tags_insert(TagKind::Endpoint, &new.id, &new.tags)
            .await?;
        let mut row = endpoints::ActiveModel {
            id: Set(new.id),
            proxy_id: Set(proxy_id.to_owned()),
            name: Set(new.name),
            target_role: Set(cell::word(&new.target_role)?),
            port: Set(i64::from(port)),
            aliases: Set(cell::json(&new.aliases)?),
            is_default: Set(origin == Origin::Proxy),
            generation: Set(1),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            label: Set(label),
            ..Default::default()
        };
        new.network.write(&mut row)?;
        row.insert(&self.transaction).await?.try_into()
    }

    /// The name, unless an endpoint that was renamed since is known to data planes by it.
    async fn endpoint_label(
        &self,
        proxy_id: &str,
        new: &NewEndpoint,
    ) -> Result<String, StoreError> {
        let taken = endpoints::Entity::find()
            .filter(endpoints::Column::ProxyId.eq(proxy_id))
            .filter(endpoints::Column::Label.eq(&new.name))
            .one(&self.transaction)
            .await?;
        Ok(taken.map_or_else(|| new.name.clone(), |_| new.id.clone()))
    }
}

/// Who wanted an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was made with its proxy.
    Proxy,
    /// An operator made it.
    Operator,
}

/// Writers come one after the other, so nobody else takes the port meanwhile.
async fn lowest_free<C: ConnectionTrait>(
    connection: &C,
    ports: RangeInclusive<u16>,
) -> Result<u16, StoreError> {
    let (first, last) = (i64::from(*ports.start()), i64::from(*ports.end()));
    let taken: Vec<i64> = endpoints::Entity::find()
        .select_only()
        .column(endpoints::Column::Port)
        .filter(endpoints::Column::Port.between(first, last))
        .into_tuple()
        .all(connection)
        .await?;
    let taken: HashSet<i64> = taken.into_iter().collect();
    let free = ports
        .clone()
        .find(|port| !taken.contains(&i64::from(*port)));
    free.ok_or(StoreError::PortsExhausted { range: ports })
}

async fn list<C: ConnectionTrait>(
    connection: &C,
    proxy: &str,
    page: &Page,
) -> Result<Listed<EndpointRow>, StoreError> {
    let proxy = find(connection, proxy).await?;
    let select = endpoints::Entity::find().filter(endpoints::Column::ProxyId.eq(proxy.id));
    let rows = page::fetch(connection, select, endpoints::Column::Name, page).await?;
    Listed::cut(rows, page, |row| row.name.clone()).try_map(EndpointRow::try_from)
}

async fn by_id<C: ConnectionTrait>(connection: &C, id: &str) -> Result<EndpointRow, StoreError> {
    let row = endpoints::Entity::find_by_id(id).one(connection).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Endpoint, id))?
        .try_into()
}

async fn all_named<C: ConnectionTrait>(
    connection: &C,
    name: &str,
) -> Result<Vec<EndpointRow>, StoreError> {
    let rows = endpoints::Entity::find()
        .filter(endpoints::Column::Name.eq(name))
        .filter(endpoints::Column::IsDefault.eq(false))
        .order_by_asc(endpoints::Column::ProxyId)
        .all(connection)
        .await?;
    rows.into_iter().map(EndpointRow::try_from).collect()
}

async fn check_free<C: ConnectionTrait>(
    connection: &C,
    proxy_id: &str,
    name: &str,
) -> Result<(), StoreError> {
    match named(connection, proxy_id, name).await? {
        None => Ok(()),
        Some(taken) => Err(StoreError::AlreadyExists {
            kind: Kind::Endpoint,
            name: taken.name,
            existing_id: taken.id,
        }),
    }
}

async fn find_endpoint<C: ConnectionTrait>(
    connection: &C,
    proxy_id: &str,
    name: &str,
) -> Result<endpoints::Model, StoreError> {
    let row = named(connection, proxy_id, name).await?;
    row.ok_or_else(|| StoreError::not_found(Kind::Endpoint, name))
}

async fn named<C: ConnectionTrait>(
    connection: &C,
    proxy_id: &str,
    name: &str,
) -> Result<Option<endpoints::Model>, StoreError> {
    let by_name = endpoints::Entity::find()
        .filter(endpoints::Column::ProxyId.eq(proxy_id))
        .filter(endpoints::Column::Name.eq(name));
    Ok(by_name.one(connection).await?)
}
