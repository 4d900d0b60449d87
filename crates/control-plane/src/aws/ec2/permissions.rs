//! `IpPermissions` of a request: what rules they stand for, one per source.

use serde::Deserialize;
use tollgate_store::SecurityGroupRow;
use tollgate_types::{IpProtocol, Permission, RuleSource, Traffic};

use crate::aws::call::Call;
use crate::aws::fault::{Fault, Refusal};

/// Longest description of a rule. Source: EC2 API, `IpRange`.
const DESCRIPTION_MAX: usize = 255;

/// The members that requests about rules share. The single ones are an older way to say one rule.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Given {
    #[serde(default)]
    ip_permissions: Vec<IpPermission>,
    ip_protocol: Option<String>,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ip: Option<String>,
    source_security_group_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IpPermission {
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    #[serde(default)]
    ip_ranges: Vec<Ipv4Range>,
    #[serde(default)]
    ipv6_ranges: Vec<Ipv6Range>,
    #[serde(default)]
    groups: Vec<GroupPair>,
    #[serde(default)]
    prefix_list_ids: Vec<PrefixList>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipv4Range {
    cidr_ip: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipv6Range {
    cidr_ipv6: String,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupPair {
    group_id: Option<String>,
    group_name: Option<String>,
    user_id: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrefixList {
    prefix_list_id: Option<String>,
}

/// A rule that a request speaks about, and the description that it gives.
pub(super) struct Meant {
    pub(super) permission: Permission,
    pub(super) description: Option<String>,
}

/// The rules that a request stands for; `groups` are those that there are.
pub(super) fn meant(
    call: &Call,
    given: Given,
    traffic: Traffic,
    groups: &[SecurityGroupRow],
) -> Result<Vec<Meant>, Refusal> {
    let mut meant = Vec::new();
    for given in in_one_form(given) {
        let protocol: IpProtocol = given.ip_protocol.parse()?;
        let ports = (given.from_port, given.to_port);
        let mut sources = Vec::new();
        for range in given.ip_ranges {
            sources.push((RuleSource::ipv4(&range.cidr_ip)?, range.description));
        }
        for range in given.ipv6_ranges {
            sources.push((RuleSource::ipv6(&range.cidr_ipv6)?, range.description));
        }
        for pair in given.groups {
            let id = group_id(call, &pair, groups)?;
            sources.push((RuleSource::Group(id), pair.description));
        }
        if let Some(list) = given.prefix_list_ids.into_iter().next() {
            return Err(no_prefix_list(
                list.prefix_list_id.as_deref().unwrap_or_default(),
            ));
        }
        for (source, description) in sources {
            check_description(description.as_deref())?;
            meant.push(Meant {
                permission: Permission::new(traffic, protocol, ports, source)?,
                description,
            });
        }
    }
    Ok(meant)
}

fn in_one_form(given: Given) -> Vec<IpPermission> {
    let Some(ip_protocol) = given.ip_protocol else {
        return given.ip_permissions;
    };
    let range = |cidr_ip| Ipv4Range {
        cidr_ip,
        description: None,
    };
    let pair = |name| GroupPair {
        group_id: None,
        group_name: Some(name),
        user_id: None,
        description: None,
    };
    let mut all = given.ip_permissions;
    all.push(IpPermission {
        ip_protocol,
        from_port: given.from_port,
        to_port: given.to_port,
        ip_ranges: given.cidr_ip.into_iter().map(range).collect(),
        ipv6_ranges: Vec::new(),
        groups: given
            .source_security_group_name
            .into_iter()
            .map(pair)
            .collect(),
        prefix_list_ids: Vec::new(),
    });
    all
}

/// The group must be one of this account.
fn group_id(call: &Call, pair: &GroupPair, groups: &[SecurityGroupRow]) -> Result<String, Refusal> {
    let given = pair.group_id.as_ref().or(pair.group_name.as_ref());
    let given = given.ok_or_else(|| Refusal::Missing("GroupId".to_owned()))?;
    let account = &call.api.settings.arn.account_id;
    let is_own = pair.user_id.as_ref().is_none_or(|user| user == account);
    let found = groups
        .iter()
        .find(|group| is_own && (group.id == *given || group.name == *given));
    found.map(|group| group.id.clone()).ok_or_else(|| {
        let message = format!("The security group '{given}' does not exist");
        Fault::sender("InvalidGroup.NotFound", message).into()
    })
}

/// There are none to name.
pub(super) fn no_prefix_list(given: &str) -> Refusal {
    let message = format!("The prefix list ID '{given}' does not exist: there are none");
    Fault::sender("InvalidPrefixListID.NotFound", message).into()
}

/// Descriptions have at most 255 characters.
pub(super) fn check_description(given: Option<&str>) -> Result<(), Refusal> {
    if given.is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
        let message = format!("a rule's Description has at most {DESCRIPTION_MAX} characters");
        return Err(Refusal::Invalid(message));
    }
    Ok(())
}
