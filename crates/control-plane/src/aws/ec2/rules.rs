//! The operations about rules of security groups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{
    NewSecurityGroupRule, SecurityGroupRow, SecurityGroupRuleRow, StoreError, Write,
};
use tollgate_types::{Permission, RuleSource, Traffic};

use super::filter::{self, Filter};
use super::groups::{self, allow_tags};
use super::paged;
use super::permissions::{Given, Meant, check_description, meant, no_prefix_list};
use super::rule_shape::{self, RuleItem};
use super::tags::{self, TagSpecification};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Items;
use crate::service::fresh;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    #[serde(default)]
    filter: Vec<Filter>,
    #[serde(default)]
    security_group_rule_id: Vec<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    r#return: Option<bool>,
    security_group_rule_set: Items<RuleItem>,
    next_token: Option<String>,
}

/// `DescribeSecurityGroupRules`.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    let arn = &call.api.settings.arn;
    let groups = call.api.store.security_group_list().await?;
    let mut rows: Vec<SecurityGroupRuleRow> =
        groups.into_iter().flat_map(|group| group.rules).collect();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    let ids = &wanted.security_group_rule_id;
    if let Some(id) = ids.iter().find(|id| !rows.iter().any(|row| row.id == **id)) {
        return Err(missing(id));
    }
    let mut found = Vec::new();
    for row in rows {
        let is_meant = ids.is_empty() || ids.contains(&row.id);
        if filter::matches(&wanted.filter, |name| values(&row, name))? && is_meant {
            found.push(row);
        }
    }
    let (found, next_token) = paged(&call, found, &wanted.filter, |row| row.id.as_str())?;
    let found = found.into_iter().map(|row| rule_shape::rule(arn, row));
    call.answer(&Rules {
        r#return: None,
        security_group_rule_set: Items(found.collect()),
        next_token,
    })
}

fn values(row: &SecurityGroupRuleRow, name: &str) -> Option<Vec<String>> {
    match name {
        "group-id" => Some(vec![row.group_id.clone()]),
        "security-group-rule-id" => Some(vec![row.id.clone()]),
        _ => filter::of_tags(&row.tags, name),
    }
}

fn missing(id: &str) -> Refusal {
    Refusal::Store(StoreError::NotFound {
        kind: tollgate_store::Kind::SecurityGroupRule,
        name: id.to_owned(),
    })
}

/// `AuthorizeSecurityGroupIngress`.
pub(super) async fn authorize_ingress(call: Arc<Call>) -> Result<Answer, Refusal> {
    authorize(&call, Traffic::Ingress).await
}

/// `AuthorizeSecurityGroupEgress`.
pub(super) async fn authorize_egress(call: Arc<Call>) -> Result<Answer, Refusal> {
    authorize(&call, Traffic::Egress).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

async fn authorize(call: &Call, traffic: Traffic) -> Result<Answer, Refusal> {
    let group = groups::allowed(call).await?;
    let Tagged { tag_specification } = call.decode()?;
    let tags = tags::specified(tag_specification, "security-group-rule")?;
    allow_tags(call, &tags).await?;
    let meant = asked(call, traffic).await?;
    if meant.is_empty() {
        return Err(Refusal::Missing("IpPermissions".to_owned()));
    }
    let api = &call.api;
    let writing = api.store.begin_at(call.now()).await?;
    let mut made = Vec::with_capacity(meant.len());
    for Meant {
        permission,
        description,
    } in meant
    {
        let new = NewSecurityGroupRule {
            id: fresh::ec2_id(&api.ports.random, "sgr-"),
            permission,
            description: description.unwrap_or_default(),
            tags: tags.clone(),
        };
        made.push(writing.security_group_rule_create(&group.id, new).await?);
    }
    writing.commit().await?;
    api.wake.notify_one();
    let arn = &api.settings.arn;
    let made = made.into_iter().map(|row| rule_shape::rule(arn, row));
    call.answer(&Rules {
        r#return: Some(true),
        security_group_rule_set: Items(made.collect()),
        next_token: None,
    })
}

/// The rules that a request stands for.
async fn asked(call: &Call, traffic: Traffic) -> Result<Vec<Meant>, Refusal> {
    let given: Given = call.decode()?;
    let groups = call.api.store.security_group_list().await?;
    meant(call, given, traffic, &groups)
}

/// `RevokeSecurityGroupIngress`.
pub(super) async fn revoke_ingress(call: Arc<Call>) -> Result<Answer, Refusal> {
    revoke(&call, Traffic::Ingress).await
}

/// `RevokeSecurityGroupEgress`.
pub(super) async fn revoke_egress(call: Arc<Call>) -> Result<Answer, Refusal> {
    revoke(&call, Traffic::Egress).await
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RevokedRule {
    security_group_rule_id: String,
    group_id: String,
    is_egress: bool,
    ip_protocol: String,
    from_port: i32,
    to_port: i32,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    referenced_group_id: Option<String>,
    description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    r#return: bool,
    revoked_security_group_rule_set: Items<RevokedRule>,
}

async fn revoke(call: &Call, traffic: Traffic) -> Result<Answer, Refusal> {
    let group = groups::allowed(call).await?;
    let Wanted {
        security_group_rule_id,
        ..
    } = call.decode()?;
    let meant = asked(call, traffic).await?;
    if meant.is_empty() && security_group_rule_id.is_empty() {
        return Err(Refusal::Missing("IpPermissions".to_owned()));
    }
    let api = &call.api;
    let writing = api.store.begin_at(call.now()).await?;
    // As it is now: somebody may have changed it meanwhile.
    let group = writing.security_group_get(&group.id).await?;
    let mut revoked = Vec::new();
    for id in &security_group_rule_id {
        revoked.push(by_id(&group, id, traffic)?);
    }
    for Meant { permission, .. } in &meant {
        revoked.push(by_permission(&group, permission)?);
    }
    for rule in &revoked {
        writing.security_group_rule_delete(&rule.id).await?;
    }
    writing.commit().await?;
    api.wake.notify_one();
    let revoked = revoked.into_iter().cloned().map(revoked_rule);
    call.answer(&Revoked {
        r#return: true,
        revoked_security_group_rule_set: Items(revoked.collect()),
    })
}

fn revoked_rule(row: SecurityGroupRuleRow) -> RevokedRule {
    let source = row.permission.source.to_string();
    let (mut cidr_ipv4, mut cidr_ipv6, mut referenced_group_id) = (None, None, None);
    match row.permission.source {
        RuleSource::Network(net) if net.addr().is_ipv4() => cidr_ipv4 = Some(source),
        RuleSource::Network(_) => cidr_ipv6 = Some(source),
        RuleSource::Group(_) => referenced_group_id = Some(source),
    }
    RevokedRule {
        security_group_rule_id: row.id,
        group_id: row.group_id,
        is_egress: row.permission.traffic == Traffic::Egress,
        ip_protocol: row.permission.protocol.name(),
        from_port: row.permission.from_port,
        to_port: row.permission.to_port,
        cidr_ipv4,
        cidr_ipv6,
        referenced_group_id,
        description: Some(row.description).filter(|text| !text.is_empty()),
    }
}

fn by_id<'g>(
    group: &'g SecurityGroupRow,
    id: &str,
    traffic: Traffic,
) -> Result<&'g SecurityGroupRuleRow, Refusal> {
    let found = group
        .rules
        .iter()
        .find(|rule| rule.id == id && rule.permission.traffic == traffic);
    found.ok_or_else(|| missing(id))
}

fn by_permission<'g>(
    group: &'g SecurityGroupRow,
    permission: &Permission,
) -> Result<&'g SecurityGroupRuleRow, Refusal> {
    let found = group
        .rules
        .iter()
        .find(|rule| rule.permission == *permission);
    found.ok_or_else(|| {
        let message = format!(
            "The specified rule does not exist in security group {}: {} {}-{}, {}",
            group.id,
            permission.protocol.name(),
            permission.from_port,
            permission.to_port,
            permission.source
        );
        Fault::sender("InvalidPermission.NotFound", message).into()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modify {
    security_group_rule: Vec<Modified>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Modified {
    security_group_rule_id: String,
    security_group_rule: Option<NewRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewRule {
    ip_protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    prefix_list_id: Option<String>,
    referenced_group_id: Option<String>,
    description: Option<String>,
}

/// `ModifySecurityGroupRules`: every rule named becomes what is given; its direction stays.
pub(super) async fn modify(call: Arc<Call>) -> Result<Answer, Refusal> {
    let group = groups::allowed(&call).await?;
    let request: Modify = call.decode()?;
    let writing = call.api.store.begin_at(call.now()).await?;
    let group = writing.security_group_get(&group.id).await?;
    for modified in request.security_group_rule {
        let id = &modified.security_group_rule_id;
        let old = group.rules.iter().find(|rule| rule.id == *id);
        let old = old.ok_or_else(|| missing(id))?;
        let new = modified.security_group_rule;
        let new = new.ok_or_else(|| Refusal::Missing("SecurityGroupRule".to_owned()))?;
        check_description(new.description.as_deref())?;
        let description = new.description.clone().unwrap_or_default();
        let permission = modified_permission(&writing, new, old.permission.traffic).await?;
        writing
            .security_group_rule_update(id, &permission, &description)
            .await?;
    }
    writing.commit().await?;
    call.api.wake.notify_one();
    call.done()
}

async fn modified_permission(
    writing: &Write,
    new: NewRule,
    traffic: Traffic,
) -> Result<Permission, Refusal> {
    let protocol = new.ip_protocol;
    let protocol = protocol.ok_or_else(|| Refusal::Missing("IpProtocol".to_owned()))?;
    let source = match (new.cidr_ipv4, new.cidr_ipv6, new.referenced_group_id) {
        (Some(net), None, None) => RuleSource::ipv4(&net)?,
        (None, Some(net), None) => RuleSource::ipv6(&net)?,
        (None, None, Some(id)) => RuleSource::Group(writing.security_group_get(&id).await?.id),
        (None, None, None) => match new.prefix_list_id {
            Some(list) => return Err(no_prefix_list(&list)),
            None => return Err(Refusal::Missing("CidrIpv4".to_owned())),
        },
        (Some(_) | None, Some(_) | None, Some(_) | None) => {
            let message = "a rule has one source: CidrIpv4, CidrIpv6 or ReferencedGroupId";
            return Err(Refusal::Invalid(message.to_owned()));
        }
    };
    let ports = (new.from_port, new.to_port);
    Ok(Permission::new(traffic, protocol.parse()?, ports, source)?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Descriptions {
    #[serde(default)]
    security_group_rule_description: Vec<RuleDescription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleDescription {
    security_group_rule_id: Option<String>,
    description: Option<String>,
}

/// `UpdateSecurityGroupRuleDescriptionsIngress`.
pub(super) async fn describe_ingress(call: Arc<Call>) -> Result<Answer, Refusal> {
    redescribe(&call, Traffic::Ingress).await
}

/// `UpdateSecurityGroupRuleDescriptionsEgress`.
pub(super) async fn describe_egress(call: Arc<Call>) -> Result<Answer, Refusal> {
    redescribe(&call, Traffic::Egress).await
}

/// No description takes the old one away.
async fn redescribe(call: &Call, traffic: Traffic) -> Result<Answer, Refusal> {
    let group = groups::allowed(call).await?;
    let Descriptions {
        security_group_rule_description,
    } = call.decode()?;
    let meant = asked(call, traffic).await?;
    let writing = call.api.store.begin_at(call.now()).await?;
    let group = writing.security_group_get(&group.id).await?;
    let mut changes = Vec::new();
    for given in &security_group_rule_description {
        let id = given.security_group_rule_id.as_deref().unwrap_or_default();
        check_description(given.description.as_deref())?;
        changes.push((by_id(&group, id, traffic)?, given.description.as_deref()));
    }
    for given in &meant {
        let rule = by_permission(&group, &given.permission)?;
        changes.push((rule, given.description.as_deref()));
    }
    for (rule, description) in changes {
        let description = description.unwrap_or_default();
        writing
            .security_group_rule_update(&rule.id, &rule.permission, description)
            .await?;
    }
    writing.commit().await?;
    call.done()
}
