//! Where a proxy and its endpoints are, in the terms of EC2: subnets, security groups, kinds of addresses.

use sea_orm::Set;
use tollgate_types::NetworkType;

use crate::entity::{endpoints, proxies};
use crate::{StoreError, cell};

/// A proxy's place; that of its default endpoint, too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyNetwork {
    /// Ids of subnets, in the order given; empty for a proxy made without any.
    pub subnet_ids: Vec<String>,
    /// Ids of security groups, in the order given; empty means the default group.
    pub security_group_ids: Vec<String>,
    /// Addresses that endpoints have.
    pub endpoint_type: NetworkType,
    /// Addresses that targets have.
    pub target_type: NetworkType,
}

/// The place of an endpoint that was added to a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointNetwork {
    /// Ids of subnets, in the order given.
    pub subnet_ids: Vec<String>,
    /// Ids of security groups, in the order given; empty means the default group.
    pub security_group_ids: Vec<String>,
    /// Addresses that it has.
    pub network_type: NetworkType,
}

impl ProxyNetwork {
    pub(crate) fn read(row: &proxies::Model) -> Result<Self, StoreError> {
        let what = |column: &str| format!("proxy {}, {column}", row.name);
        Ok(Self {
            subnet_ids: cell::parse(&row.subnet_ids, &what("subnet_ids"))?,
            security_group_ids: cell::parse(&row.security_group_ids, &what("security groups"))?,
            endpoint_type: cell::from_word(&row.endpoint_network_type, &what("network type"))?,
            target_type: cell::from_word(&row.target_network_type, &what("network type"))?,
        })
    }

    pub(crate) fn write(&self, row: &mut proxies::ActiveModel) -> Result<(), StoreError> {
        row.subnet_ids = Set(cell::json(&self.subnet_ids)?);
        row.security_group_ids = Set(cell::json(&self.security_group_ids)?);
        row.endpoint_network_type = Set(cell::word(&self.endpoint_type)?);
        row.target_network_type = Set(cell::word(&self.target_type)?);
        Ok(())
    }
}

impl EndpointNetwork {
    pub(crate) fn read(row: &endpoints::Model) -> Result<Self, StoreError> {
        let what = |column: &str| format!("endpoint {}, {column}", row.id);
        Ok(Self {
            subnet_ids: cell::parse(&row.subnet_ids, &what("subnet_ids"))?,
            security_group_ids: cell::parse(&row.security_group_ids, &what("security groups"))?,
            network_type: cell::from_word(&row.network_type, &what("network type"))?,
        })
    }

    pub(crate) fn write(&self, row: &mut endpoints::ActiveModel) -> Result<(), StoreError> {
        row.subnet_ids = Set(cell::json(&self.subnet_ids)?);
        row.security_group_ids = Set(cell::json(&self.security_group_ids)?);
        row.network_type = Set(cell::word(&self.network_type)?);
        Ok(())
    }
}
