//! Elastic Compute Cloud, version 2016-11-15: one default VPC as data, and security groups, whose rules for clients
//! are enforced.

mod filter;
mod group_shape;
mod groups;
mod interfaces;
mod permissions;
mod rule_shape;
mod rules;
mod tags;
mod vpcs;

use http::StatusCode;
use serde::Deserialize;
use tollgate_store::{Kind as StoreKind, StoreError};
use tollgate_types::PermissionError;

use super::call::Call;
use super::fault::{Fault, Refusal};
use super::paging::Bounds;
use super::table::{Authorized, Operation};
use super::words;
use crate::http::table::Kind;
use crate::problem::Code;

/// Every list's. Source: EC2 API, `DescribeSecurityGroups`.
const PAGE: Bounds = Bounds {
    min: 5,
    max: 1000,
    default: 1000,
};

/// The table.
pub(super) fn operations() -> Vec<Operation> {
    // Nothing that is described has an ARN of its own in policies.
    let any = Authorized::Any(Kind::SecurityGroup);
    let by_handler = Authorized::ByHandler;
    vec![
        Operation::new("DescribeVpcs", any, vpcs::describe),
        Operation::new("DescribeVpcAttribute", any, vpcs::attribute),
        Operation::new("DescribeSubnets", any, vpcs::subnets),
        Operation::new("DescribeAvailabilityZones", any, vpcs::zones),
        Operation::new("DescribeRegions", any, vpcs::regions),
        Operation::new("DescribeAccountAttributes", any, vpcs::account_attributes),
        Operation::new("DescribeNetworkInterfaces", any, interfaces::describe),
        Operation::new("DescribeSecurityGroups", any, groups::describe),
        Operation::new("CreateSecurityGroup", any, groups::create),
        Operation::new("DeleteSecurityGroup", by_handler, groups::delete),
        Operation::new("DescribeSecurityGroupRules", any, rules::describe),
        Operation::new(
            "AuthorizeSecurityGroupIngress",
            by_handler,
            rules::authorize_ingress,
        ),
        Operation::new(
            "AuthorizeSecurityGroupEgress",
            by_handler,
            rules::authorize_egress,
        ),
        Operation::new(
            "RevokeSecurityGroupIngress",
            by_handler,
            rules::revoke_ingress,
        ),
        Operation::new(
            "RevokeSecurityGroupEgress",
            by_handler,
            rules::revoke_egress,
        ),
        Operation::new("ModifySecurityGroupRules", by_handler, rules::modify),
        Operation::new(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            by_handler,
            rules::describe_ingress,
        ),
        Operation::new(
            "UpdateSecurityGroupRuleDescriptionsEgress",
            by_handler,
            rules::describe_egress,
        ),
        Operation::new("CreateTags", by_handler, tags::create),
        Operation::new("DeleteTags", by_handler, tags::delete),
        Operation::new("DescribeTags", any, tags::describe),
    ]
}

/// A refusal in EC2's words. Source of the codes: EC2 API, "Error codes".
pub(super) fn fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Fault(fault) => match fault.code.as_ref() {
            "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
                Fault::with(StatusCode::UNAUTHORIZED, "AuthFailure", fault.message)
            }
            _ => fault,
        },
        Refusal::Missing(name) => Fault::sender(
            "MissingParameter",
            format!("The request must contain the parameter {name}"),
        ),
        Refusal::Invalid(message) => Fault::sender("InvalidParameterValue", message),
        Refusal::Store(error) => words::store(error, store),
        Refusal::Problem(problem) if problem.code == Code::AccessDenied => Fault::with(
            StatusCode::FORBIDDEN,
            "UnauthorizedOperation",
            problem.sentence(),
        ),
        Refusal::Problem(problem) => words::problem_as(&problem, "InvalidParameterValue"),
    }
}

fn store(error: &StoreError, message: String) -> Option<Fault> {
    let code = match error {
        StoreError::NotFound {
            kind: StoreKind::SecurityGroup,
            ..
        } => "InvalidGroup.NotFound",
        StoreError::NotFound {
            kind: StoreKind::SecurityGroupRule,
            ..
        } => "InvalidSecurityGroupRuleId.NotFound",
        StoreError::AlreadyExists {
            kind: StoreKind::SecurityGroup,
            ..
        } => "InvalidGroup.Duplicate",
        StoreError::AlreadyExists {
            kind: StoreKind::SecurityGroupRule,
            ..
        } => "InvalidPermission.Duplicate",
        StoreError::InUse { .. } => "DependencyViolation",
        StoreError::LimitExceeded { what, .. } => match *what {
            "security groups" => "SecurityGroupLimitExceeded",
            "rules per security group" => "RulesPerSecurityGroupLimitExceeded",
            "tags per resource" => "TagLimitExceeded",
            _ => return None,
        },
        StoreError::NotFound { .. }
        | StoreError::AlreadyExists { .. }
        | StoreError::BeingDeleted { .. }
        | StoreError::PreconditionFailed { .. }
        | StoreError::PortsExhausted { .. }
        | StoreError::IdempotencyKeyReused
        | StoreError::IdempotencyInFlight
        | StoreError::Unavailable { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Database(_) => return None,
    };
    Some(Fault::sender(code, message))
}

impl From<PermissionError> for Refusal {
    fn from(error: PermissionError) -> Self {
        Self::Invalid(error.to_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dry {
    #[serde(default)]
    dry_run: bool,
}

impl Call {
    /// Ends a dry run, once the caller is known to be allowed to do it.
    fn unless_dry(&self) -> Result<(), Refusal> {
        let Dry { dry_run } = self.decode()?;
        if !dry_run {
            return Ok(());
        }
        let message = "Request would have succeeded, but DryRun flag is set.";
        let status = StatusCode::PRECONDITION_FAILED;
        Err(Fault::with(status, "DryRunOperation", message).into())
    }
}

/// The part of a sorted list that a request asks for, and the token of the next part.
fn paged<T>(
    call: &Call,
    items: Vec<T>,
    filters: &[filter::Filter],
    key: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Part {
        max_results: Option<u32>,
        next_token: Option<String>,
    }
    let Part {
        max_results,
        next_token,
    } = call.decode()?;
    let of = format!("{filters:?}");
    let page = call.page(next_token.as_deref(), max_results, PAGE, &of)?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let after = page.after.as_deref();
    let mut rest = items
        .into_iter()
        .filter(|item| after.is_none_or(|after| key(item) > after));
    let part: Vec<T> = rest.by_ref().take(limit).collect();
    let last = rest.next().and_then(|_| part.last()).map(&key);
    let next = call.marker(last, &of)?;
    Ok((part, next))
}
