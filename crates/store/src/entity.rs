//! The tables of the metadata database as sea-orm sees them; nothing outside this crate does.
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "sea-orm's derives write public items into these private modules"
)]

mod identity;
mod network;
mod records;
mod resources;

pub(crate) use identity::{
    access_keys, attachments, group_members, groups, inline_policies, oidc_providers, policies,
    policy_versions, roles, session_revocations, users,
};
pub(crate) use network::{security_group_rules, security_groups};
pub(crate) use records::{audit_decisions, idempotency};
pub(crate) use resources::{
    config_revision, databases, endpoints, meta, proxies, secret_stages, secret_versions, secrets,
    tags, target_groups, targets,
};
