//! Subnets and security groups that a proxy or an endpoint names.

use tollgate_store::{DEFAULT_SECURITY_GROUP, StoreError, Write};

use crate::problem::{Code, Problem};

/// Most ids of a kind in one list; RDS takes fewer.
const IDS_MAX: usize = 100;
/// Longest hexadecimal part of an id; EC2's have 8 or 17.
const ID_LENGTH_MAX: usize = 17;

/// The default VPC, the only one; the same in every installation.
pub(crate) const VPC_ID: &str = "vpc-0defa017000000000";
/// Its addresses, those of AWS's default VPCs.
pub(crate) const VPC_CIDR: &str = "172.31.0.0/16";

/// A subnet of the default VPC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subnet {
    pub(crate) id: &'static str,
    /// The zone's letter behind the region's name.
    pub(crate) zone: char,
    /// The zone's number.
    pub(crate) number: u8,
    pub(crate) cidr: &'static str,
}

/// Its subnets, in two zones: RDS wants two for a proxy.
pub(crate) const SUBNETS: [Subnet; 2] = [
    Subnet {
        id: "subnet-0defa01700000000a",
        zone: 'a',
        number: 1,
        cidr: "172.31.0.0/20",
    },
    Subnet {
        id: "subnet-0defa01700000000b",
        zone: 'b',
        number: 2,
        cidr: "172.31.16.0/20",
    },
];

/// What is wrong with a network.
#[derive(Debug)]
pub(crate) enum NetworkProblem {
    /// A subnet cannot be used.
    Subnet(String),
    /// A security group cannot be used.
    SecurityGroup(Problem),
}

/// Refuses a place that no proxy can have: there must be a subnet, and ids must be of EC2's form.
pub(crate) fn check(subnets: &[String], groups: &[String]) -> Result<(), NetworkProblem> {
    if subnets.is_empty() || subnets.len() > IDS_MAX {
        let message = format!("VpcSubnetIds must name 1 to {IDS_MAX} subnets");
        return Err(NetworkProblem::Subnet(message));
    }
    if let Some(wrong) = subnets.iter().find(|id| !is_id(id, "subnet-")) {
        let message =
            format!("`{wrong}` is not the id of a subnet: subnet- and hexadecimal digits");
        return Err(NetworkProblem::Subnet(message));
    }
    check_groups(groups).map_err(NetworkProblem::SecurityGroup)
}

/// Refuses ids that are not of EC2's form for security groups.
pub(crate) fn check_groups(groups: &[String]) -> Result<(), Problem> {
    let message = match groups.iter().find(|id| !is_id(id, "sg-")) {
        Some(wrong) => {
            format!("`{wrong}` is not the id of a security group: sg- and hexadecimal digits")
        }
        None if groups.len() > IDS_MAX => format!("at most {IDS_MAX} security groups"),
        None => return Ok(()),
    };
    Err(Problem::new(Code::ValidationFailed, message))
}

/// Refuses security groups that do not exist: nobody could connect.
pub(crate) async fn check_groups_exist(
    writing: &Write,
    groups: &[String],
) -> Result<(), StoreError> {
    for id in groups {
        writing.security_group_get(id).await?;
    }
    Ok(())
}

/// The groups that count: the default one where none is named.
pub(crate) fn groups_in_force(groups: Vec<String>) -> Vec<String> {
    if groups.is_empty() {
        return vec![DEFAULT_SECURITY_GROUP.to_owned()];
    }
    groups
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        (1..=ID_LENGTH_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn ids_have_ec2s_form() {
        let (subnets, groups) = (ids(&["subnet-0a1b2c3d"]), ids(&["sg-0123456789abcdef0"]));
        assert!(check(&subnets, &groups).is_ok());
        assert!(check(&subnets, &[]).is_ok());
        for wrong in [
            ids(&[]),
            ids(&["subnet-"]),
            ids(&["subnet-xyz"]),
            groups.clone(),
        ] {
            let problem = check(&wrong, &[]).unwrap_err();
            assert!(matches!(problem, NetworkProblem::Subnet(_)), "{wrong:?}");
        }
        let problem = check(&subnets, &ids(&["sg-0", "default"])).unwrap_err();
        assert!(matches!(problem, NetworkProblem::SecurityGroup(_)));
    }
}
