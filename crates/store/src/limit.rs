//! How many of what may be: the fixed limits that the store itself enforces.

/// Access keys of one user (as in AWS IAM).
pub const ACCESS_KEYS_PER_USER: usize = 2;
/// Versions of one policy (as in AWS IAM).
pub const VERSIONS_PER_POLICY: usize = 5;
/// Endpoints of one proxy, the default one included (as in RDS Proxy).
pub const ENDPOINTS_PER_PROXY: usize = 20;
/// Auth rules of one proxy (as in RDS Proxy).
pub const AUTH_RULES_PER_PROXY: usize = 200;
/// Tags of one resource (as in RDS).
pub const TAGS_PER_RESOURCE: usize = 50;
/// Labels of one version of a secret (as in Secrets Manager).
pub const STAGES_PER_VERSION: usize = 20;
/// Versions of a secret without any label that are kept (as in Secrets Manager); the oldest go first.
pub const VERSIONS_UNSTAGED: usize = 100;
/// OIDC providers (as in AWS IAM).
pub const OIDC_PROVIDERS: usize = 100;
/// Security groups (as in EC2, per region).
pub const SECURITY_GROUPS: usize = 2500;
/// Rules of one security group, for each direction (as in EC2).
pub const RULES_PER_SECURITY_GROUP: usize = 60;
/// How many users of a resource [`crate::StoreError::InUse`] names.
pub(crate) const USERS_NAMED: u64 = 10;
