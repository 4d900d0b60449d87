//! The default VPC, its subnets and where they are: what configurations for AWS ask for, as data of this installation.
//!
//! Nothing is routed by it. Proxies listen where the installation's settings say.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::Tags;

use super::filter::{self, Filter};
use super::paged;
use super::rule_shape::TagItem;
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Items;
use crate::service::network::{SUBNETS, Subnet, VPC_CIDR, VPC_ID};

/// Usable addresses of a /20. Source: Amazon VPC User Guide, "Subnet sizing".
const ADDRESSES: u32 = 4091;
/// Nothing here has been configured by anybody.
const OPT_IN: &str = "opt-in-not-required";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    #[serde(default)]
    filter: Vec<Filter>,
    #[serde(default)]
    vpc_id: Vec<String>,
    #[serde(default)]
    subnet_id: Vec<String>,
    #[serde(default)]
    zone_name: Vec<String>,
    #[serde(default)]
    zone_id: Vec<String>,
    #[serde(default)]
    region_name: Vec<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vpcs {
    vpc_set: Items<VpcItem>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VpcItem {
    vpc_id: &'static str,
    owner_id: String,
    state: &'static str,
    cidr_block: &'static str,
    cidr_block_association_set: Items<CidrAssociation>,
    dhcp_options_id: &'static str,
    instance_tenancy: &'static str,
    is_default: bool,
    tag_set: Items<TagItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CidrAssociation {
    association_id: &'static str,
    cidr_block: &'static str,
    cidr_block_state: CidrState,
}

#[derive(Serialize)]
struct CidrState {
    state: &'static str,
}

/// `DescribeVpcs`.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    if let Some(other) = wanted.vpc_id.iter().find(|id| *id != VPC_ID) {
        return Err(no_vpc(other).into());
    }
    let owner = call.api.settings.arn.account_id.clone();
    let values = |name: &str| {
        let value = match name {
            "vpc-id" => VPC_ID,
            "owner-id" => owner.as_str(),
            "cidr" | "cidr-block" | "cidrBlock" | "cidr-block-association.cidr-block" => VPC_CIDR,
            "cidr-block-association.state" => "associated",
            "dhcp-options-id" => "default",
            "is-default" | "isDefault" => "true",
            "state" => "available",
            _ => return filter::of_tags(&Tags::new(), name),
        };
        Some(vec![value.to_owned()])
    };
    let vpcs = filter::matches(&wanted.filter, values)?.then(|| vpc(owner.clone()));
    let vpcs = vpcs.into_iter().collect();
    let (vpcs, next_token) = paged(&call, vpcs, &wanted.filter, |vpc| vpc.vpc_id)?;
    call.answer(&Vpcs {
        vpc_set: Items(vpcs),
        next_token,
    })
}

fn vpc(owner_id: String) -> VpcItem {
    VpcItem {
        vpc_id: VPC_ID,
        owner_id,
        state: "available",
        cidr_block: VPC_CIDR,
        cidr_block_association_set: Items(vec![CidrAssociation {
            association_id: "vpc-cidr-assoc-0defa017000000000",
            cidr_block: VPC_CIDR,
            cidr_block_state: CidrState {
                state: "associated",
            },
        }]),
        dhcp_options_id: "default",
        instance_tenancy: "default",
        is_default: true,
        tag_set: Items(Vec::new()),
    }
}

/// What is told about a VPC that is not the one.
pub(super) fn no_vpc(given: &str) -> Fault {
    let message = format!("The vpc ID '{given}' does not exist; there is only {VPC_ID}");
    Fault::sender("InvalidVpcID.NotFound", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WantedAttribute {
    vpc_id: String,
    attribute: Attribute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Attribute {
    #[serde(rename = "enableDnsSupport")]
    DnsSupport,
    #[serde(rename = "enableDnsHostnames")]
    DnsHostnames,
    #[serde(rename = "enableNetworkAddressUsageMetrics")]
    AddressMetrics,
}

#[derive(Serialize)]
struct Flag {
    value: bool,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    vpc_id: &'static str,
    enable_dns_support: Option<Flag>,
    enable_dns_hostnames: Option<Flag>,
    enable_network_address_usage_metrics: Option<Flag>,
}

/// `DescribeVpcAttribute`, as of a default VPC that nobody has touched.
pub(super) async fn attribute(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: WantedAttribute = call.decode()?;
    if wanted.vpc_id != VPC_ID {
        return Err(no_vpc(&wanted.vpc_id).into());
    }
    let flag = |of: Attribute, value: bool| (wanted.attribute == of).then_some(Flag { value });
    call.answer(&Attributes {
        vpc_id: VPC_ID,
        enable_dns_support: flag(Attribute::DnsSupport, true),
        enable_dns_hostnames: flag(Attribute::DnsHostnames, true),
        enable_network_address_usage_metrics: flag(Attribute::AddressMetrics, false),
    })
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subnets {
    subnet_set: Items<SubnetItem>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the members of EC2's own document"
)]
struct SubnetItem {
    subnet_id: &'static str,
    subnet_arn: String,
    state: &'static str,
    vpc_id: &'static str,
    owner_id: String,
    cidr_block: &'static str,
    available_ip_address_count: u32,
    availability_zone: String,
    availability_zone_id: String,
    default_for_az: bool,
    map_public_ip_on_launch: bool,
    assign_ipv6_address_on_creation: bool,
    enable_dns64: bool,
    ipv6_native: bool,
    map_customer_owned_ip_on_launch: bool,
    ipv6_cidr_block_association_set: Items<()>,
    tag_set: Items<TagItem>,
}

/// `DescribeSubnets`.
pub(super) async fn subnets(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    let is_known = |id: &str| SUBNETS.iter().any(|subnet| subnet.id == id);
    if let Some(other) = wanted.subnet_id.iter().find(|id| !is_known(id)) {
        let message = format!("The subnet ID '{other}' does not exist");
        return Err(Fault::sender("InvalidSubnetID.NotFound", message).into());
    }
    let mut found = Vec::new();
    for subnet in &SUBNETS {
        let item = subnet_item(&call, subnet);
        let is_meant =
            wanted.subnet_id.is_empty() || wanted.subnet_id.iter().any(|id| id == subnet.id);
        if filter::matches(&wanted.filter, |name| subnet_values(&item, name))? && is_meant {
            found.push(item);
        }
    }
    let (found, next_token) = paged(&call, found, &wanted.filter, |subnet| subnet.subnet_id)?;
    call.answer(&Subnets {
        subnet_set: Items(found),
        next_token,
    })
}

fn subnet_item(call: &Call, subnet: &Subnet) -> SubnetItem {
    let arn = &call.api.settings.arn;
    SubnetItem {
        subnet_id: subnet.id,
        subnet_arn: arn.ec2("subnet", subnet.id),
        state: "available",
        vpc_id: VPC_ID,
        owner_id: arn.account_id.clone(),
        cidr_block: subnet.cidr,
        available_ip_address_count: ADDRESSES,
        availability_zone: format!("{}{}", arn.region, subnet.zone),
        availability_zone_id: zone_id(&arn.region, subnet),
        default_for_az: true,
        map_public_ip_on_launch: false,
        assign_ipv6_address_on_creation: false,
        enable_dns64: false,
        ipv6_native: false,
        map_customer_owned_ip_on_launch: false,
        ipv6_cidr_block_association_set: Items(Vec::new()),
        tag_set: Items(Vec::new()),
    }
}

fn subnet_values(subnet: &SubnetItem, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "subnet-id" => subnet.subnet_id,
        "subnet-arn" => subnet.subnet_arn.as_str(),
        "vpc-id" => subnet.vpc_id,
        "owner-id" => subnet.owner_id.as_str(),
        "availability-zone" | "availabilityZone" => subnet.availability_zone.as_str(),
        "availability-zone-id" | "availabilityZoneId" => subnet.availability_zone_id.as_str(),
        "cidr" | "cidr-block" | "cidrBlock" => subnet.cidr_block,
        "default-for-az" | "defaultForAz" => "true",
        "map-public-ip-on-launch" | "ipv6-native" => "false",
        "state" => subnet.state,
        _ => return filter::of_tags(&Tags::new(), name),
    };
    Some(vec![value.to_owned()])
}

/// A zone's id in the form of AWS's, such as `use1-az1` for `us-east-1a`.
fn zone_id(region: &str, subnet: &Subnet) -> String {
    let mut parts = region.split('-');
    let land = parts.next().unwrap_or_default();
    let short: String = parts
        .map(|part| part.chars().take(1).collect::<String>())
        .collect();
    format!("{land}{short}-az{}", subnet.number)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Zones {
    availability_zone_info: Items<ZoneItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ZoneItem {
    zone_name: String,
    zone_id: String,
    zone_state: &'static str,
    region_name: String,
    opt_in_status: &'static str,
    group_name: String,
    network_border_group: String,
    zone_type: &'static str,
    message_set: Items<()>,
}

/// `DescribeAvailabilityZones`: one for every subnet.
pub(super) async fn zones(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    let region = &call.api.settings.arn.region;
    let mut found = Vec::new();
    for subnet in &SUBNETS {
        let zone = ZoneItem {
            zone_name: format!("{region}{}", subnet.zone),
            zone_id: zone_id(region, subnet),
            zone_state: "available",
            region_name: region.clone(),
            opt_in_status: OPT_IN,
            group_name: region.clone(),
            network_border_group: region.clone(),
            zone_type: "availability-zone",
            message_set: Items(Vec::new()),
        };
        let is_named = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        let is_meant = is_named(&wanted.zone_name, &zone.zone_name)
            && is_named(&wanted.zone_id, &zone.zone_id);
        if filter::matches(&wanted.filter, |name| zone_values(&zone, name))? && is_meant {
            found.push(zone);
        }
    }
    if found.len() < wanted.zone_name.len().max(wanted.zone_id.len()) && wanted.filter.is_empty() {
        let message = "Invalid availability zone: one of those named does not exist".to_owned();
        return Err(Refusal::Invalid(message));
    }
    call.answer(&Zones {
        availability_zone_info: Items(found),
    })
}

fn zone_values(zone: &ZoneItem, name: &str) -> Option<Vec<String>> {
    let value = match name {
        "zone-name" => zone.zone_name.as_str(),
        "zone-id" => zone.zone_id.as_str(),
        "zone-type" => zone.zone_type,
        "region-name" => zone.region_name.as_str(),
        "group-name" => zone.group_name.as_str(),
        "network-border-group" => zone.network_border_group.as_str(),
        "opt-in-status" => zone.opt_in_status,
        "state" => zone.zone_state,
        _ => return None,
    };
    Some(vec![value.to_owned()])
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Regions {
    region_info: Items<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    region_name: String,
    opt_in_status: &'static str,
}

/// `DescribeRegions`: the installation's own.
pub(super) async fn regions(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    let region = &call.api.settings.arn.region;
    if let Some(other) = wanted.region_name.iter().find(|name| *name != region) {
        let message = format!("Region '{other}' does not exist; there is only {region}");
        return Err(Refusal::Invalid(message));
    }
    let values = |name: &str| match name {
        "region-name" => Some(vec![region.clone()]),
        "opt-in-status" => Some(vec![OPT_IN.to_owned()]),
        _ => None,
    };
    let own = filter::matches(&wanted.filter, values)?.then(|| Region {
        region_name: region.clone(),
        opt_in_status: OPT_IN,
    });
    call.answer(&Regions {
        region_info: Items(own.into_iter().collect()),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WantedAccountAttributes {
    #[serde(default)]
    attribute_name: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountAttributes {
    account_attribute_set: Items<AccountAttribute>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountAttribute {
    attribute_name: &'static str,
    attribute_value_set: Items<AccountValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountValue {
    attribute_value: &'static str,
}

/// `DescribeAccountAttributes`: those about VPCs.
pub(super) async fn account_attributes(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: WantedAccountAttributes = call.decode()?;
    let names = wanted.attribute_name;
    let all = [("supported-platforms", "VPC"), ("default-vpc", VPC_ID)];
    let is_meant = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let found = all.into_iter().filter(|(name, _)| is_meant(name));
    let found = found.map(|(attribute_name, attribute_value)| AccountAttribute {
        attribute_name,
        attribute_value_set: Items(vec![AccountValue { attribute_value }]),
    });
    call.answer(&AccountAttributes {
        account_attribute_set: Items(found.collect()),
    })
}
