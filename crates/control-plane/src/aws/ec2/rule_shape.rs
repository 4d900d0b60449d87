//! A rule of a security group, and tags, as EC2 shows them.

use serde::Serialize;
use serde_with::skip_serializing_none;
use tollgate_store::{SecurityGroupRuleRow, Tags};
use tollgate_types::{Arn, RuleSource, Traffic};

use crate::aws::shape::Items;

/// One tag.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TagItem {
    key: String,
    value: String,
}

/// Tags in the order of their keys.
pub(super) fn tag_items(tags: Tags) -> Items<TagItem> {
    let item = |(key, value)| TagItem { key, value };
    Items(tags.into_iter().map(item).collect())
}

/// `SecurityGroupRule`.
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleItem {
    pub(super) security_group_rule_id: String,
    group_id: String,
    group_owner_id: String,
    is_egress: bool,
    ip_protocol: String,
    from_port: i32,
    to_port: i32,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    referenced_group_info: Option<ReferencedGroup>,
    description: Option<String>,
    security_group_rule_arn: String,
    tag_set: Items<TagItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReferencedGroup {
    group_id: String,
    user_id: String,
}

/// This rule.
pub(super) fn rule(arn: &Arn, row: SecurityGroupRuleRow) -> RuleItem {
    let (mut cidr_ipv4, mut cidr_ipv6, mut referenced_group_info) = (None, None, None);
    match row.permission.source {
        RuleSource::Network(net) if net.addr().is_ipv4() => cidr_ipv4 = Some(net.to_string()),
        RuleSource::Network(net) => cidr_ipv6 = Some(net.to_string()),
        RuleSource::Group(group_id) => {
            referenced_group_info = Some(ReferencedGroup {
                group_id,
                user_id: arn.account_id.clone(),
            });
        }
    }
    RuleItem {
        security_group_rule_arn: arn.ec2("security-group-rule", &row.id),
        security_group_rule_id: row.id,
        group_id: row.group_id,
        group_owner_id: arn.account_id.clone(),
        is_egress: row.permission.traffic == Traffic::Egress,
        ip_protocol: row.permission.protocol.name(),
        from_port: row.permission.from_port,
        to_port: row.permission.to_port,
        cidr_ipv4,
        cidr_ipv6,
        referenced_group_info,
        description: Some(row.description).filter(|text| !text.is_empty()),
        tag_set: tag_items(row.tags),
    }
}
