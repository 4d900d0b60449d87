//! What the data plane should run: one whole, self-contained configuration, no diffs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Arn, ClientNetworks, ClientPasswordAuth, Engine, EngineFamily, PoolPolicy, ProxyId,
    SecretString, TargetId, TargetRole, TargetTls,
};

/// Format number of a serialised [`Snapshot`]; a reader refuses any other.
pub const SNAPSHOT_FORMAT: u32 = 1;

/// A configuration revision; rises with every write in the metadata store.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// The whole configuration of a data plane at one revision.
///
/// It carries database passwords and derived signing keys, so it is written to disk only sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SNAPSHOT_FORMAT`].
    pub format: u32,
    /// Which configuration this is.
    pub revision: Revision,
    /// Seconds since the epoch at which it was built.
    pub created_unix: i64,
    /// Region and account for ARNs and credential scopes.
    pub arn: Arn,
    /// Every proxy that should run, those being deleted included.
    pub proxies: Vec<ProxyConfig>,
    /// Who may connect.
    pub identity: IdentityConfig,
}

/// Whether a proxy takes new sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProxyPhase {
    /// Serving.
    Serving,
    /// Being deleted: no new sessions; running transactions may end until the given second.
    Draining {
        /// Seconds since the epoch at which what is left is cut.
        deadline_unix: i64,
    },
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// Unchanging id.
    pub id: ProxyId,
    /// Name, for logs and metrics.
    pub name: String,
    /// Rises with every change of the specification, of its pool, its targets or its secrets.
    pub generation: u64,
    /// Protocol spoken.
    pub engine_family: EngineFamily,
    /// Refuse clients without TLS.
    pub require_tls: bool,
    /// Seconds without a request after which a client connection is closed.
    pub idle_client_timeout_s: u32,
    /// Who logs in how.
    pub auth: Vec<AuthConfig>,
    /// Where it listens.
    pub endpoints: Vec<EndpointConfig>,
    /// Pool settings of the default target group.
    pub pool: PoolPolicy,
    /// Registered databases.
    pub targets: Vec<TargetConfig>,
    /// The proxy's tags (`aws:ResourceTag/*` in conditions).
    pub tags: BTreeMap<String, String>,
    /// Serving or draining.
    pub phase: ProxyPhase,
}

/// Whether clients of an auth rule must use IAM tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum IamAuth {
    /// Passwords only.
    #[default]
    Disabled,
    /// Tokens only.
    Required,
}

/// One auth rule with its secret resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthConfig {
    /// The secret's name, for logs.
    pub secret_name: String,
    /// The secret's current version id.
    pub secret_version: String,
    /// Tokens or passwords.
    pub iam: IamAuth,
    /// How passwords are checked where `iam` is disabled.
    pub client_password: ClientPasswordAuth,
    /// The database user this rule is for.
    pub username: String,
    /// Passwords to try against the server, the current one first.
    pub passwords: Vec<SecretString>,
}

/// One listening endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointConfig {
    /// `default` or the operator's name.
    pub name: String,
    /// Which targets it leads to.
    pub target_role: TargetRole,
    /// Host given out to clients; tokens must name it.
    pub host: String,
    /// Further hosts that tokens may name (declared aliases, lower case).
    pub aliases: Vec<String>,
    /// Port given out and bound.
    pub port: u16,
    /// Addresses from which clients may connect, as the endpoint's security groups say.
    #[serde(default = "ClientNetworks::everybody")]
    pub admitted: ClientNetworks,
}

/// One registered database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetConfig {
    /// The registration's id.
    pub id: TargetId,
    /// The database's name, for logs and metrics.
    pub database: String,
    /// Software behind it.
    pub engine: Engine,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS policy.
    pub tls: TargetTls,
    /// Rises with every change of the database's row.
    pub generation: u64,
}

/// Everybody who might connect with a token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IdentityConfig {
    /// Users, roles and the root.
    pub principals: Vec<PrincipalConfig>,
    /// Their access keys.
    pub access_keys: Vec<AccessKeyConfig>,
    /// What temporary credentials are checked with.
    #[serde(default)]
    pub session_keys: Vec<SessionKeyConfig>,
    /// By a principal's id, the second until which its sessions are void.
    #[serde(default)]
    pub sessions_revoked: BTreeMap<String, i64>,
}

/// What sessions signed with one key are checked with; nobody can make sessions with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionKeyConfig {
    /// Names the key in session tokens.
    pub id: String,
    /// The Ed25519 public key in lower-case hex.
    pub public_key_hex: String,
    /// The key that secrets are derived with, in lower-case hex.
    pub derivation_key_hex: SecretString,
}

/// What kind of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PrincipalKind {
    /// The installation's root: every action is allowed.
    Root,
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
}

/// One principal and its policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalConfig {
    /// Unique id (`AIDA…`, `AROA…`), never reused for a later namesake.
    pub id: String,
    /// ARN shown in audit events.
    pub arn: String,
    /// Name (`aws:username`).
    pub name: String,
    /// Kind.
    pub kind: PrincipalKind,
    /// Tags (`aws:PrincipalTag/*`).
    pub tags: BTreeMap<String, String>,
    /// Policies in force, group policies included.
    pub policies: Vec<PolicyConfig>,
}

/// Which layer of the evaluation a policy belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyLayer {
    /// Attached to the user, its groups or the role.
    Identity,
    /// Permissions boundary.
    Boundary,
}

/// One policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyConfig {
    /// Name shown in decisions.
    pub name: String,
    /// Version number of the default version.
    pub version: u32,
    /// Layer.
    pub layer: PolicyLayer,
    /// IAM JSON as the operator wrote it.
    pub document: String,
}

/// One access key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKeyConfig {
    /// `AKIA…`.
    pub access_key_id: String,
    /// The owner's [`PrincipalConfig::id`].
    pub principal_id: String,
    /// Inactive keys are known, so that the refusal can say so.
    pub active: bool,
    /// Signing keys derived per day and region for the service `rds-db`.
    pub signing_keys: Vec<DaySigningKey>,
}

/// A SigV4 signing key that is worthless when its day is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySigningKey {
    /// `YYYYMMDD`, UTC.
    pub date: String,
    /// Region of the credential scope.
    pub region: String,
    /// The 32 key bytes in lower-case hex.
    pub key_hex: SecretString,
}
