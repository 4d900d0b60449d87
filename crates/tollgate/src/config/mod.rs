//! Settings, checked: flags before environment before file before defaults, every mistake at once.

mod raw;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tollgate_control_plane::OidcReach;
use tollgate_store::{MetadataUrl, MetadataUrlError};
use tollgate_telemetry::{LogError, LogFormat, LogSettings};
use tollgate_types::Arn;

pub(crate) use raw::RawConfig;

/// Certificates given by the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GivenCertificate {
    /// Chain, PEM.
    pub(crate) chain: PathBuf,
    /// Key, PEM.
    pub(crate) key: PathBuf,
}

/// All settings of `serve`.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Data folder.
    pub(crate) data_dir: PathBuf,
    /// Metadata database.
    pub(crate) metadata: MetadataUrl,
    /// Address of the REST API.
    pub(crate) api_listen: SocketAddr,
    /// Host given out in endpoints.
    pub(crate) endpoint_host: String,
    /// Address endpoints bind.
    pub(crate) endpoint_bind: IpAddr,
    /// Ports given to endpoints.
    pub(crate) endpoint_ports: RangeInclusive<u16>,
    /// Logging.
    pub(crate) log: LogSettings,
    /// Region and account.
    pub(crate) arn: Arn,
    /// The operator's certificate; `None` means one of the own CA.
    pub(crate) certificate: Option<GivenCertificate>,
    /// Master key file.
    pub(crate) master_key_file: PathBuf,
    /// Threads that serve connections.
    pub(crate) shards: usize,
    /// Client connections accepted at once.
    pub(crate) max_client_connections: usize,
    /// Time to log in.
    pub(crate) handshake_timeout: Duration,
    /// Where identity providers may be.
    pub(crate) oidc_reach: OidcReach,
    /// URL of an AWS Secrets Manager; `None` means AWS's own.
    pub(crate) secrets_manager_endpoint: Option<String>,
    /// Time that transactions get at shutdown and deletion.
    pub(crate) drain_timeout: Duration,
}

/// One thing wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting.
    pub(crate) key: String,
    /// The file it stands in, or where else it came from.
    pub(crate) origin: String,
    /// What is wrong, with the allowed range.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (from {}): {}", self.key, self.origin, self.message)
    }
}

/// Everything wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("invalid settings:\n{}", .0.iter().map(|p| format!("  {p}")).collect::<Vec<_>>().join("\n"))]
pub(crate) struct ConfigError(pub(crate) Vec<Problem>);

impl From<LogError> for ConfigError {
    /// What logging refuses is the setting `log-level`; it cannot be told without setting logging up.
    fn from(error: LogError) -> Self {
        Self(vec![Problem {
            key: "log-level".to_owned(),
            origin: "command line, environment or file".to_owned(),
            message: error.to_string(),
        }])
    }
}

/// A setting's value and where it came from.
struct Found<T> {
    value: T,
    origin: String,
}

/// Collects problems while settings are looked up.
struct Checker<'a> {
    given: RawConfig,
    file: RawConfig,
    path: Option<&'a Path>,
    problems: Vec<Problem>,
}

const GIVEN: &str = "command line or environment";

impl Config {
    /// Checks settings given by flag or environment together with those of a file.
    pub(crate) fn load(given: RawConfig, path: Option<&Path>) -> Result<Self, ConfigError> {
        let file = match path {
            Some(path) => RawConfig::read(path).map_err(|problem| ConfigError(vec![problem]))?,
            None => RawConfig::default(),
        };
        let mut checker = Checker {
            given,
            file,
            path,
            problems: Vec::new(),
        };
        let config = checker.config();
        checker.ports_apart(&config);
        if checker.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(checker.problems))
        }
    }
}

impl Checker<'_> {
    fn config(&mut self) -> Config {
        let data_dir = self
            .find(|raw| raw.data_dir.clone())
            .map_or_else(|| PathBuf::from("tollgate-data"), |found| found.value);
        let metadata = self.metadata(&data_dir);
        let master_key_file = self
            .find(|raw| raw.master_key_file.clone())
            .map_or_else(|| data_dir.join("master.key"), |found| found.value);
        Config {
            metadata,
            master_key_file,
            api_listen: self.parsed(
                "api-listen",
                |raw| raw.api_listen.clone(),
                SocketAddr::from(([127, 0, 0, 1], 7400)),
                "an address and port such as 127.0.0.1:7400",
            ),
            endpoint_host: self.endpoint_host(),
            endpoint_bind: self.parsed(
                "endpoint-bind",
                |raw| raw.endpoint_bind.clone(),
                IpAddr::from([127, 0, 0, 1]),
                "an IP address such as 127.0.0.1 or 0.0.0.0",
            ),
            endpoint_ports: self.endpoint_ports(),
            log: self.log(),
            arn: self.arn(),
            certificate: self.certificate(),
            shards: self.shards(),
            max_client_connections: self.count(
                "max-client-connections",
                |raw| raw.max_client_connections,
                (10_000, 1..=1_000_000),
            ),
            handshake_timeout: self.seconds(
                "handshake-timeout",
                |raw| raw.handshake_timeout,
                (15, 1..=600),
            ),
            oidc_reach: self.oidc_reach(),
            secrets_manager_endpoint: self.secrets_manager_endpoint(),
            drain_timeout: self.seconds("drain-timeout", |raw| raw.drain_timeout, (30, 0..=3600)),
            data_dir,
        }
    }

    fn find<T>(&self, pick: impl Fn(&RawConfig) -> Option<T>) -> Option<Found<T>> {
        if let Some(value) = pick(&self.given) {
            return Some(Found {
                value,
                origin: GIVEN.to_owned(),
            });
        }
        let origin = self
            .path
            .map(|path| path.display().to_string())
            .unwrap_or_default();
        pick(&self.file).map(|value| Found { value, origin })
    }

    fn problem(&mut self, key: &str, origin: String, message: String) {
        self.problems.push(Problem {
            key: key.to_owned(),
            origin,
            message,
        });
    }

    fn parsed<T: FromStr>(
        &mut self,
        key: &str,
        pick: impl Fn(&RawConfig) -> Option<String>,
        default: T,
        expected: &str,
    ) -> T {
        let Some(found) = self.find(pick) else {
            return default;
        };
        if let Ok(value) = found.value.parse() {
            return value;
        }
        self.problem(
            key,
            found.origin,
            format!("`{}` is not {expected}", found.value),
        );
        default
    }

    fn number(
        &mut self,
        key: &str,
        pick: impl Fn(&RawConfig) -> Option<u64>,
        (default, range): (u64, RangeInclusive<u64>),
    ) -> u64 {
        let Some(found) = self.find(pick) else {
            return default;
        };
        if !range.contains(&found.value) {
            let message = format!(
                "{} is not between {} and {}",
                found.value,
                range.start(),
                range.end()
            );
            self.problem(key, found.origin, message);
            return default;
        }
        found.value
    }

    fn count(
        &mut self,
        key: &str,
        pick: impl Fn(&RawConfig) -> Option<u64>,
        rule: (u64, RangeInclusive<u64>),
    ) -> usize {
        usize::try_from(self.number(key, pick, rule)).unwrap_or(usize::MAX)
    }

    fn seconds(
        &mut self,
        key: &str,
        pick: impl Fn(&RawConfig) -> Option<u64>,
        rule: (u64, RangeInclusive<u64>),
    ) -> Duration {
        Duration::from_secs(self.number(key, pick, rule))
    }

    fn shards(&mut self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let default = u64::try_from(processors).unwrap_or(1).clamp(1, 256);
        self.count("shards", |raw| raw.shards, (default, 1..=256))
    }

    fn metadata(&mut self, data_dir: &Path) -> MetadataUrl {
        let default = MetadataUrl::Sqlite(data_dir.join("metadata.db"));
        let Some(found) = self.find(|raw| raw.metadata_url.clone()) else {
            return default;
        };
        if found.value == "sqlite:" {
            return default;
        }
        match found.value.parse() {
            Ok(url) => url,
            // The value may hold a password, so it is not repeated.
            Err(error) => {
                let error: MetadataUrlError = error;
                self.problem("metadata-url", found.origin, error.to_string());
                default
            }
        }
    }

    fn endpoint_host(&mut self) -> String {
        let default = "127.0.0.1".to_owned();
        let Some(found) = self.find(|raw| raw.endpoint_host.clone()) else {
            return default;
        };
        let letters = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if found.value.is_empty() || found.value.len() > 253 || !found.value.chars().all(letters) {
            let message = format!("`{}` is not a host name or address", found.value);
            self.problem("endpoint-host", found.origin, message);
            return default;
        }
        found.value.to_ascii_lowercase()
    }

    fn endpoint_ports(&mut self) -> RangeInclusive<u16> {
        let default = 7500..=7599;
        let Some(found) = self.find(|raw| raw.endpoint_ports.clone()) else {
            return default;
        };
        let (first, last) = found
            .value
            .split_once('-')
            .unwrap_or((&found.value, &found.value));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if first > 0 && first <= last => first..=last,
            _ => {
                let message = format!(
                    "`{}` is not a range FIRST-LAST with 1 <= FIRST <= LAST <= 65535",
                    found.value
                );
                self.problem("endpoint-ports", found.origin, message);
                default
            }
        }
    }

    /// The API's port must not be given to an endpoint, which could then never listen.
    fn ports_apart(&mut self, config: &Config) {
        let (api, bind) = (config.api_listen.ip(), config.endpoint_bind);
        let can_meet = api == bind || api.is_unspecified() || bind.is_unspecified();
        if can_meet && config.endpoint_ports.contains(&config.api_listen.port()) {
            let origin = self
                .find(|raw| {
                    raw.endpoint_ports
                        .clone()
                        .or_else(|| raw.api_listen.clone())
                })
                .map_or_else(String::new, |found| found.origin);
            let message = format!(
                "{}-{} holds the port of api-listen ({}); choose ports apart from it",
                config.endpoint_ports.start(),
                config.endpoint_ports.end(),
                config.api_listen
            );
            self.problem("endpoint-ports", origin, message);
        }
    }

    fn log(&mut self) -> LogSettings {
        let filter = self
            .find(|raw| raw.log_level.clone())
            .map_or("info".to_owned(), |f| f.value);
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let default = if terminal {
            LogFormat::Text
        } else {
            LogFormat::Json
        };
        let format = match self.find(|raw| raw.log_format.clone()) {
            None => default,
            Some(found) => match found.value.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => {
                    let message = format!("`{other}` is neither text nor json");
                    self.problem("log-format", found.origin, message);
                    default
                }
            },
        };
        LogSettings { filter, format }
    }

    fn oidc_reach(&mut self) -> OidcReach {
        let Some(found) = self.find(|raw| raw.oidc_reach.clone()) else {
            return OidcReach::Public;
        };
        match found.value.as_str() {
            "public" => OidcReach::Public,
            "anywhere" => OidcReach::Anywhere,
            other => {
                let message = format!("`{other}` is neither public nor anywhere");
                self.problem("oidc-reach", found.origin, message);
                OidcReach::Public
            }
        }
    }

    fn secrets_manager_endpoint(&mut self) -> Option<String> {
        let found = self.find(|raw| raw.secrets_manager_endpoint.clone())?;
        let rest = ["https://", "http://"]
            .iter()
            .find_map(|scheme| found.value.strip_prefix(scheme));
        if rest.is_some_and(|rest| rest.parse::<http::uri::Authority>().is_ok()) {
            return Some(found.value);
        }
        let message = format!(
            "`{}` is not a URL such as https://secretsmanager.eu-west-1.amazonaws.com",
            found.value
        );
        self.problem("secrets-manager-endpoint", found.origin, message);
        None
    }

    fn arn(&mut self) -> Arn {
        let mut arn = Arn {
            region: "us-east-1".to_owned(),
            account_id: "0".repeat(12),
        };
        if let Some(found) = self.find(|raw| raw.region.clone()) {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if found.value.is_empty() || found.value.len() > 64 || !found.value.chars().all(fits) {
                let message = format!(
                    "`{}` is not a region: 1-64 lower-case letters, digits and hyphens",
                    found.value
                );
                self.problem("region", found.origin, message);
            } else {
                arn.region = found.value;
            }
        }
        if let Some(found) = self.find(|raw| raw.account_id.clone()) {
            if found.value.len() == 12 && found.value.bytes().all(|b| b.is_ascii_digit()) {
                arn.account_id = found.value;
            } else {
                let message = format!("`{}` is not a 12-digit account id", found.value);
                self.problem("account-id", found.origin, message);
            }
        }
        arn
    }

    fn certificate(&mut self) -> Option<GivenCertificate> {
        let chain = self.find(|raw| raw.tls_cert.clone());
        let key = self.find(|raw| raw.tls_key.clone());
        match (chain, key) {
            (Some(chain), Some(key)) => Some(GivenCertificate {
                chain: chain.value,
                key: key.value,
            }),
            (Some(found), None) => {
                self.problem("tls-cert", found.origin, "needs tls-key as well".to_owned());
                None
            }
            (None, Some(found)) => {
                self.problem("tls-key", found.origin, "needs tls-cert as well".to_owned());
                None
            }
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests;
