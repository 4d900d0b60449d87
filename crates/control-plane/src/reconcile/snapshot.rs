//! From rows to the snapshot that data planes run: secrets opened, signing keys derived.

use std::collections::HashMap;

use aws_lc_rs::digest;
use tollgate_iam::token::{SERVICE, SigningKey};
use tollgate_store::{
    AccessKeyState, Everything, ProxyRow, SecretRow, SecretStage, SecretVersionRow,
};
use tollgate_types::{
    AccessKeyConfig, AuthConfig, DaySigningKey, EndpointConfig, IdentityConfig, PoolPolicy,
    ProxyConfig, ProxyId, ProxyPhase, ProxyStatus, SNAPSHOT_FORMAT, SecretString, Snapshot,
    TargetConfig,
};
use zeroize::Zeroizing;

use crate::api::Api;
use crate::identity;
use crate::service::{access_keys, secrets};
use crate::time::day;

/// Names of secrets that auth rules name and nobody can read, by proxy.
pub(crate) type MissingSecrets = HashMap<ProxyId, Vec<String>>;

/// A snapshot, and what could not be put into it.
pub(crate) struct Built {
    pub(crate) snapshot: Snapshot,
    pub(crate) missing: MissingSecrets,
}

/// Builds the snapshot for these rows.
pub(crate) fn build(api: &Api, rows: &Everything) -> Built {
    let values = SecretValues::new(api, rows);
    let mut missing = MissingSecrets::new();
    let proxies = rows
        .proxies
        .iter()
        .map(|row| {
            let (auth, unresolved) = values.resolve(row);
            missing.insert(row.id.clone(), unresolved);
            proxy(api, rows, row, auth)
        })
        .collect();
    let snapshot = Snapshot {
        format: SNAPSHOT_FORMAT,
        revision: rows.revision,
        created_unix: api.now(),
        arn: api.settings.arn.clone(),
        proxies,
        identity: identity(api, rows),
    };
    Built { snapshot, missing }
}

/// A hash of everything that a data plane acts on: neither revision nor time of day.
pub(crate) fn content_hash(snapshot: &Snapshot) -> [u8; 32] {
    let content = (&snapshot.arn, &snapshot.proxies, &snapshot.identity);
    // Serialising our own plain types cannot fail; an empty text would only publish once too often.
    let text = Zeroizing::new(serde_json::to_vec(&content).unwrap_or_default());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, &text).as_ref());
    hash
}

fn proxy(api: &Api, rows: &Everything, row: &ProxyRow, auth: Vec<AuthConfig>) -> ProxyConfig {
    let pool = rows
        .target_groups
        .iter()
        .find(|group| group.proxy_id == row.id.as_str());
    let phase = match row.status {
        ProxyStatus::Deleting => ProxyPhase::Draining {
            deadline_unix: row.drain_deadline.unwrap_or(row.updated_at),
        },
        ProxyStatus::Creating
        | ProxyStatus::Available
        | ProxyStatus::Modifying
        | ProxyStatus::IncompatibleNetwork
        | ProxyStatus::InsufficientResourceLimits => ProxyPhase::Serving,
    };
    ProxyConfig {
        id: row.id.clone(),
        name: row.name.clone(),
        generation: row.generation,
        engine_family: row.engine_family,
        require_tls: row.require_tls,
        idle_client_timeout_s: row.idle_client_timeout_s,
        auth,
        endpoints: endpoints(api, rows, row),
        pool: pool.map_or_else(PoolPolicy::default, |group| group.pool.clone()),
        targets: targets(rows, row),
        tags: row.tags.clone(),
        phase,
    }
}

fn endpoints(api: &Api, rows: &Everything, proxy: &ProxyRow) -> Vec<EndpointConfig> {
    let own = rows
        .endpoints
        .iter()
        .filter(|row| row.proxy_id == proxy.id.as_str());
    own.map(|row| EndpointConfig {
        name: row.name.clone(),
        target_role: row.target_role,
        host: api.settings.endpoint_host.clone(),
        aliases: row.aliases.clone(),
        port: row.port,
    })
    .collect()
}

fn targets(rows: &Everything, proxy: &ProxyRow) -> Vec<TargetConfig> {
    let own = rows.targets.iter().filter(|row| row.proxy_id == proxy.id);
    own.filter_map(|row| {
        let database = rows
            .databases
            .iter()
            .find(|database| database.id == row.database_id)?;
        Some(TargetConfig {
            id: row.id.clone(),
            database: database.name.clone(),
            engine: database.engine,
            host: database.host.clone(),
            port: database.port,
            tls: database.tls.clone(),
            generation: database.generation,
        })
    })
    .collect()
}

/// Every secret with its passwords, the current one first.
struct SecretValues<'r> {
    by_name: HashMap<&'r str, (&'r SecretRow, Vec<SecretString>)>,
}

impl<'r> SecretValues<'r> {
    fn new(api: &Api, rows: &'r Everything) -> Self {
        let by_name = rows
            .secrets
            .iter()
            .map(|secret| {
                let of_secret = rows
                    .secret_versions
                    .iter()
                    .filter(|v| v.secret_id == secret.id);
                (
                    secret.name.as_str(),
                    (secret, passwords(api, secret, of_secret)),
                )
            })
            .collect();
        Self { by_name }
    }

    /// The rules with their secrets, and the names that lead nowhere.
    fn resolve(&self, proxy: &ProxyRow) -> (Vec<AuthConfig>, Vec<String>) {
        let (mut resolved, mut missing) = (Vec::new(), Vec::new());
        for rule in &proxy.auth {
            match self.by_name.get(rule.secret.as_str()) {
                Some((secret, passwords)) if !passwords.is_empty() => resolved.push(AuthConfig {
                    secret_name: secret.name.clone(),
                    secret_version: secret.version_id.clone(),
                    iam: rule.iam_auth,
                    client_password: rule.client_password_auth_type,
                    username: secret.username.clone(),
                    passwords: passwords.clone(),
                }),
                Some(_) | None => missing.push(rule.secret.clone()),
            }
        }
        (resolved, missing)
    }
}

/// The current password, then the previous one if it is for the same user: servers that have not taken the
/// new one yet still take that. Nothing when the current one cannot be opened.
fn passwords<'v>(
    api: &Api,
    secret: &SecretRow,
    versions: impl Iterator<Item = &'v SecretVersionRow>,
) -> Vec<SecretString> {
    let (mut current, mut previous) = (None, None);
    for version in versions.filter(|version| version.username == secret.username) {
        // Opening logs its own failure; the condition SecretsResolved tells the operator.
        let password = secrets::open(&api.vault, version).ok();
        match version.stage {
            SecretStage::Current => current = password,
            SecretStage::Previous => previous = password,
        }
    }
    current.map_or_else(Vec::new, |password| {
        [Some(password), previous].into_iter().flatten().collect()
    })
}

fn identity(api: &Api, rows: &Everything) -> IdentityConfig {
    let root = &api.settings.root;
    let mut access_keys = vec![AccessKeyConfig {
        access_key_id: root.access_key_id.clone(),
        principal_id: api.settings.arn.account_id.clone(),
        active: true,
        signing_keys: signing_keys(api, &root.secret),
    }];
    for row in &rows.access_keys {
        let Ok(secret) = access_keys::open(&api.vault, row) else {
            continue;
        };
        access_keys.push(AccessKeyConfig {
            access_key_id: row.id.clone(),
            principal_id: row.user_id.clone(),
            active: row.state == AccessKeyState::Active,
            signing_keys: signing_keys(api, &secret),
        });
    }
    let principals = identity::principals(rows, &api.settings.arn);
    IdentityConfig {
        principals,
        access_keys,
    }
}

/// Keys for yesterday (tokens cross midnight), today and the days ahead.
fn signing_keys(api: &Api, secret: &SecretString) -> Vec<DaySigningKey> {
    let region = &api.settings.arn.region;
    let now = api.now();
    (-1..=i64::from(api.settings.signing_key_days_ahead))
        .map(|offset| {
            let date = day(now, offset);
            let key = SigningKey::derive(secret.expose(), &date, region, SERVICE);
            let key_hex = SecretString::from(key.to_hex().as_str());
            DaySigningKey {
                date,
                region: region.clone(),
                key_hex,
            }
        })
        .collect()
}
