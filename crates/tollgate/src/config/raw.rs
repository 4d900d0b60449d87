//! Settings as they are written: on the command line, in the environment, in a file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::Problem;

/// Every setting, unchecked. A field that is absent everywhere gets its default when it is checked.
#[derive(Debug, Default, Clone, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct RawConfig {
    /// Folder for metadata.db, master key, certificates, credentials [default: ./tollgate-data]
    #[arg(long, env = "TOLLGATE_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Metadata database: sqlite:PATH or postgres://… [default: SQLite in the data directory]
    #[arg(
        long,
        env = "TOLLGATE_METADATA_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) metadata_url: Option<String>,
    /// Address of the REST API, health checks and metrics [default: 127.0.0.1:7400]
    #[arg(long, env = "TOLLGATE_API_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) api_listen: Option<String>,
    /// Host name given out in endpoints; IAM tokens must name it [default: 127.0.0.1]
    #[arg(long, env = "TOLLGATE_ENDPOINT_HOST", value_name = "HOST")]
    pub(crate) endpoint_host: Option<String>,
    /// Address that endpoints bind [default: 127.0.0.1]
    #[arg(long, env = "TOLLGATE_ENDPOINT_BIND", value_name = "ADDR")]
    pub(crate) endpoint_bind: Option<String>,
    /// Ports given to endpoints, one each [default: 7500-7599]
    #[arg(long, env = "TOLLGATE_ENDPOINT_PORTS", value_name = "FIRST-LAST")]
    pub(crate) endpoint_ports: Option<String>,
    /// Log level, or directives per target, for instance `info,tollgate_session=debug` [default: info]
    #[arg(long, env = "TOLLGATE_LOG_LEVEL", value_name = "FILTER")]
    pub(crate) log_level: Option<String>,
    /// text or json [default: text on a terminal, else json]
    #[arg(long, env = "TOLLGATE_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// Region in ARNs and credential scopes [default: us-east-1]
    #[arg(long, env = "TOLLGATE_REGION", value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Twelve-digit account id in ARNs [default: 000000000000]
    #[arg(long, env = "TOLLGATE_ACCOUNT_ID", value_name = "ID")]
    pub(crate) account_id: Option<String>,
    /// Certificate chain (PEM) shown to clients; needs --tls-key [default: one of the own CA]
    #[arg(long, env = "TOLLGATE_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key (PEM) of --tls-cert
    #[arg(long, env = "TOLLGATE_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// File with the master key that seals secrets [default: master.key in the data directory]
    #[arg(long, env = "TOLLGATE_MASTER_KEY_FILE", value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
    /// Threads that serve connections, 1-256 [default: one per processor]
    #[arg(long, env = "TOLLGATE_SHARDS", value_name = "N")]
    pub(crate) shards: Option<u64>,
    /// Client connections accepted at once, 1-1000000 [default: 10000]
    #[arg(long, env = "TOLLGATE_MAX_CLIENT_CONNECTIONS", value_name = "N")]
    pub(crate) max_client_connections: Option<u64>,
    /// Seconds a client has to log in, 1-600 [default: 15]
    #[arg(long, env = "TOLLGATE_HANDSHAKE_TIMEOUT", value_name = "SECONDS")]
    pub(crate) handshake_timeout: Option<u64>,
    /// Where keys of identity providers (OIDC) are read from: `public` addresses by HTTPS, or `anywhere` [default: public]
    #[arg(long, env = "TOLLGATE_OIDC_REACH", value_name = "REACH")]
    pub(crate) oidc_reach: Option<String>,
    /// URL of the AWS Secrets Manager that secrets of other accounts are read from [default: AWS's own]
    #[arg(long, env = "TOLLGATE_SECRETS_MANAGER_ENDPOINT", value_name = "URL")]
    pub(crate) secrets_manager_endpoint: Option<String>,
    /// Seconds that transactions get at shutdown and deletion, 0-3600 [default: 30]
    #[arg(long, env = "TOLLGATE_DRAIN_TIMEOUT", value_name = "SECONDS")]
    pub(crate) drain_timeout: Option<u64>,
}

impl RawConfig {
    /// Reads a settings file. The error names the file, the line and the key.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path).map_err(|error| Problem {
            key: "config".to_owned(),
            origin: path.display().to_string(),
            message: format!("cannot be read: {error}"),
        })?;
        toml::from_str(&text).map_err(|error| Problem {
            key: "config".to_owned(),
            origin: path.display().to_string(),
            message: error.to_string(),
        })
    }
}
