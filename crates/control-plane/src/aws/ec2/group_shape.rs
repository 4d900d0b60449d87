//! A security group as EC2 shows it: its rules gathered by protocol and ports.

use serde::Serialize;
use serde_with::skip_serializing_none;
use tollgate_store::{SecurityGroupRow, SecurityGroupRuleRow};
use tollgate_types::{Arn, IpProtocol, RuleSource, Traffic};

use super::filter;
use super::rule_shape::{TagItem, tag_items};
use crate::aws::shape::Items;
use crate::service::network::VPC_ID;

/// `SecurityGroup`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupItem {
    pub(super) group_id: String,
    group_name: String,
    group_description: String,
    owner_id: String,
    vpc_id: &'static str,
    security_group_arn: String,
    ip_permissions: Items<PermissionItem>,
    ip_permissions_egress: Items<PermissionItem>,
    tag_set: Items<TagItem>,
}

/// `IpPermission`.
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PermissionItem {
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    groups: Items<GroupPair>,
    ip_ranges: Items<Ipv4Range>,
    ipv6_ranges: Items<Ipv6Range>,
    prefix_list_ids: Items<()>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupPair {
    user_id: String,
    group_id: String,
    description: Option<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipv4Range {
    cidr_ip: String,
    description: Option<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ipv6Range {
    cidr_ipv6: String,
    description: Option<String>,
}

/// This group.
pub(super) fn group(arn: &Arn, row: SecurityGroupRow) -> GroupItem {
    GroupItem {
        security_group_arn: arn.ec2("security-group", &row.id),
        ip_permissions: permissions(arn, &row.rules, Traffic::Ingress),
        ip_permissions_egress: permissions(arn, &row.rules, Traffic::Egress),
        group_id: row.id,
        group_name: row.name,
        group_description: row.description,
        owner_id: arn.account_id.clone(),
        vpc_id: VPC_ID,
        tag_set: tag_items(row.tags),
    }
}

fn permissions(
    arn: &Arn,
    rules: &[SecurityGroupRuleRow],
    traffic: Traffic,
) -> Items<PermissionItem> {
    let mut items: Vec<((IpProtocol, i32, i32), PermissionItem)> = Vec::new();
    for rule in rules
        .iter()
        .filter(|rule| rule.permission.traffic == traffic)
    {
        let given = &rule.permission;
        let key = (given.protocol, given.from_port, given.to_port);
        let at = items.iter().position(|(known, _)| *known == key);
        let at = at.unwrap_or_else(|| {
            items.push((key, empty(key)));
            items.len().saturating_sub(1)
        });
        if let Some((_, item)) = items.get_mut(at) {
            add(arn, item, rule);
        }
    }
    Items(items.into_iter().map(|(_, item)| item).collect())
}

/// All protocols have no ports.
fn empty((protocol, from, to): (IpProtocol, i32, i32)) -> PermissionItem {
    let has_ports = protocol != IpProtocol::All;
    PermissionItem {
        ip_protocol: protocol.name(),
        from_port: has_ports.then_some(from),
        to_port: has_ports.then_some(to),
        groups: Items(Vec::new()),
        ip_ranges: Items(Vec::new()),
        ipv6_ranges: Items(Vec::new()),
        prefix_list_ids: Items(Vec::new()),
    }
}

fn add(arn: &Arn, item: &mut PermissionItem, rule: &SecurityGroupRuleRow) {
    let description = Some(rule.description.clone()).filter(|text| !text.is_empty());
    match &rule.permission.source {
        RuleSource::Group(id) => item.groups.0.push(GroupPair {
            user_id: arn.account_id.clone(),
            group_id: id.clone(),
            description,
        }),
        RuleSource::Network(ipnet) if ipnet.addr().is_ipv4() => item.ip_ranges.0.push(Ipv4Range {
            cidr_ip: ipnet.to_string(),
            description,
        }),
        RuleSource::Network(ipnet) => item.ipv6_ranges.0.push(Ipv6Range {
            cidr_ipv6: ipnet.to_string(),
            description,
        }),
    }
}

/// What a group has under the name of a filter. Source: EC2 API, `DescribeSecurityGroups`.
pub(super) fn values(arn: &Arn, row: &SecurityGroupRow, name: &str) -> Option<Vec<String>> {
    let one = |value: &str| Some(vec![value.to_owned()]);
    match name {
        "description" => one(&row.description),
        "group-id" => one(&row.id),
        "group-name" => one(&row.name),
        "owner-id" => one(&arn.account_id),
        "vpc-id" => one(VPC_ID),
        _ => {
            if let Some(part) = name.strip_prefix("ip-permission.") {
                return of_rules(arn, row, Traffic::Ingress, part);
            }
            if let Some(part) = name.strip_prefix("egress.ip-permission.") {
                return of_rules(arn, row, Traffic::Egress, part);
            }
            filter::of_tags(&row.tags, name)
        }
    }
}

fn of_rules(
    arn: &Arn,
    row: &SecurityGroupRow,
    traffic: Traffic,
    part: &str,
) -> Option<Vec<String>> {
    let rules = row.rules.iter().map(|rule| &rule.permission);
    let rules = rules.filter(|rule| rule.traffic == traffic);
    let value = |rule: &tollgate_types::Permission| match (part, &rule.source) {
        ("from-port", _) => Some(rule.from_port.to_string()),
        ("to-port", _) => Some(rule.to_port.to_string()),
        ("protocol", _) => Some(rule.protocol.name()),
        ("cidr", RuleSource::Network(net)) if net.addr().is_ipv4() => Some(net.to_string()),
        ("ipv6-cidr", RuleSource::Network(net)) if net.addr().is_ipv6() => Some(net.to_string()),
        ("group-id", RuleSource::Group(id)) => Some(id.clone()),
        ("user-id", RuleSource::Group(_)) => Some(arn.account_id.clone()),
        (_, RuleSource::Network(_) | RuleSource::Group(_)) => None,
    };
    let known = [
        "from-port",
        "to-port",
        "protocol",
        "cidr",
        "ipv6-cidr",
        "group-id",
        "user-id",
    ];
    known
        .contains(&part)
        .then(|| rules.filter_map(value).collect())
}
