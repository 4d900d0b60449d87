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
/// How many users of a resource [`crate::StoreError::InUse`] names.
pub(crate) const USERS_NAMED: u64 = 10;
