//! `DescribeSecurityGroups`, `CreateSecurityGroup` and `DeleteSecurityGroup`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use tollgate_store::{NewSecurityGroup, NewSecurityGroupRule, SecurityGroupRow, StoreError, Tags};
use tollgate_types::{IpProtocol, Permission, RuleSource, Traffic};

use super::filter::{self, Filter};
use super::group_shape::{self, GroupItem};
use super::rule_shape::{TagItem, tag_items};
use super::tags::{self, TagSpecification};
use super::{paged, vpcs};
use crate::aws::call::{Answer, Call};
use crate::aws::fault::{Fault, Refusal};
use crate::aws::shape::Items;
use crate::http::table::{Kind, On};
use crate::service::fresh;
use crate::service::network::VPC_ID;

/// Longest name and description. Source: EC2 API, `CreateSecurityGroup`.
const TEXT_MAX: usize = 255;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    #[serde(default)]
    filter: Vec<Filter>,
    #[serde(default)]
    group_id: Vec<String>,
    #[serde(default)]
    group_name: Vec<String>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    security_group_info: Items<GroupItem>,
    next_token: Option<String>,
}

/// `DescribeSecurityGroups`.
pub(super) async fn describe(call: Arc<Call>) -> Result<Answer, Refusal> {
    call.unless_dry()?;
    let wanted: Wanted = call.decode()?;
    let arn = &call.api.settings.arn;
    let rows = call.api.store.security_group_list().await?;
    if let Some(id) = wanted
        .group_id
        .iter()
        .find(|id| !rows.iter().any(|row| row.id == **id))
    {
        return Err(missing(id));
    }
    if let Some(name) = wanted
        .group_name
        .iter()
        .find(|name| !rows.iter().any(|row| row.name == **name))
    {
        return Err(missing(name));
    }
    let mut found = Vec::new();
    for row in rows {
        let is_meant = (wanted.group_id.is_empty() || wanted.group_id.contains(&row.id))
            && (wanted.group_name.is_empty() || wanted.group_name.contains(&row.name));
        let values = |name: &str| group_shape::values(arn, &row, name);
        if filter::matches(&wanted.filter, values)? && is_meant {
            found.push(row);
        }
    }
    let (found, next_token) = paged(&call, found, &wanted.filter, |row| row.id.as_str())?;
    let found = found.into_iter().map(|row| group_shape::group(arn, row));
    call.answer(&Groups {
        security_group_info: Items(found.collect()),
        next_token,
    })
}

fn missing(given: &str) -> Refusal {
    Refusal::Store(StoreError::NotFound {
        kind: tollgate_store::Kind::SecurityGroup,
        name: given.to_owned(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    group_name: String,
    group_description: String,
    vpc_id: Option<String>,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    group_id: String,
    security_group_arn: String,
    tag_set: Items<TagItem>,
}

/// `CreateSecurityGroup`: nobody is let in, and everything out.
pub(super) async fn create(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: Create = call.decode()?;
    let api = &call.api;
    let tags = tags::specified(request.tag_specification, "security-group")?;
    allow_tags(&call, &tags).await?;
    if let Some(vpc) = request.vpc_id.filter(|vpc| vpc != VPC_ID) {
        return Err(vpcs::no_vpc(&vpc).into());
    }
    check_text("GroupName", &request.group_name)?;
    check_text("GroupDescription", &request.group_description)?;
    if request.group_name.starts_with("sg-") {
        let message = "GroupName must not start with sg-".to_owned();
        return Err(Refusal::Invalid(message));
    }
    if request.group_name.eq_ignore_ascii_case("default") {
        let message = "The name default is reserved for the default security group";
        return Err(Fault::sender("InvalidGroup.Reserved", message).into());
    }
    call.unless_dry()?;
    let new = NewSecurityGroup {
        id: fresh::ec2_id(&api.ports.random, "sg-"),
        name: request.group_name,
        description: request.group_description,
        tags,
    };
    let everything = NewSecurityGroupRule {
        id: fresh::ec2_id(&api.ports.random, "sgr-"),
        permission: Permission::new(
            Traffic::Egress,
            IpProtocol::All,
            (None, None),
            RuleSource::ipv4("0.0.0.0/0")?,
        )?,
        description: String::new(),
        tags: Tags::new(),
    };
    let writing = api.store.begin_at(call.now()).await?;
    let row = writing.security_group_create(new).await?;
    writing
        .security_group_rule_create(&row.id, everything)
        .await?;
    writing.commit().await?;
    api.wake.notify_one();
    call.answer(&Created {
        security_group_arn: api.settings.arn.ec2("security-group", &row.id),
        group_id: row.id,
        tag_set: tag_items(row.tags),
    })
}

/// Tags on something new need the permission to tag as well, as in EC2.
pub(super) async fn allow_tags(call: &Call, tags: &Tags) -> Result<(), Refusal> {
    if tags.is_empty() {
        return Ok(());
    }
    let on = On::Any(Kind::SecurityGroup);
    call.allow("ec2:CreateTags", on, "").await
}

/// Names and descriptions are 1 to 255 characters of those that EC2 takes.
fn check_text(member: &str, text: &str) -> Result<(), Refusal> {
    let is_fine =
        |letter: char| letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter);
    if (1..=TEXT_MAX).contains(&text.len()) && text.chars().all(is_fine) {
        return Ok(());
    }
    Err(Refusal::Invalid(format!(
        "{member} must have 1 to {TEXT_MAX} characters: letters, digits, spaces and ._-:/()#,@[]+=&;{{}}!$*"
    )))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    group_id: Option<String>,
    group_name: Option<String>,
}

/// The group that a request names, by id or by name, if the caller may do this to it.
pub(super) async fn allowed(call: &Call) -> Result<SecurityGroupRow, Refusal> {
    let Named {
        group_id,
        group_name,
    } = call.decode()?;
    let given = group_id.or(group_name);
    let given = given.ok_or_else(|| Refusal::Missing("GroupId".to_owned()))?;
    let rows = call.api.store.security_group_list().await?;
    let row = rows
        .into_iter()
        .find(|row| row.id == given || row.name == given);
    let id = row.as_ref().map_or(given.as_str(), |row| row.id.as_str());
    let action = format!("ec2:{}", call.operation);
    call.allow(&action, On::One(Kind::SecurityGroup), id)
        .await?;
    call.unless_dry()?;
    row.ok_or_else(|| missing(&given))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    r#return: bool,
    group_id: String,
}

/// `DeleteSecurityGroup`.
pub(super) async fn delete(call: Arc<Call>) -> Result<Answer, Refusal> {
    let row = allowed(&call).await?;
    if row.is_default {
        let message = format!("the default security group {} cannot be deleted", row.id);
        return Err(Fault::sender("CannotDelete", message).into());
    }
    let writing = call.api.store.begin_at(call.now()).await?;
    writing.security_group_delete(&row.id).await?;
    writing.commit().await?;
    call.api.wake.notify_one();
    call.answer(&Deleted {
        r#return: true,
        group_id: row.id,
    })
}
