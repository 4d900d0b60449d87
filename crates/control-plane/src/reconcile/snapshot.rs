//! From rows to the snapshot that data planes run: secrets opened, signing keys derived.

use aws_lc_rs::digest;
use tollgate_iam::token::{SERVICE, SigningKey};
use tollgate_store::{AccessKeyState, EndpointRow, Everything, ProxyRow};
use tollgate_types::{
    AccessKeyConfig, AuthConfig, ClientNetworks, DaySigningKey, EndpointConfig, IdentityConfig,
    PoolPolicy, ProxyConfig, ProxyPhase, ProxyStatus, SNAPSHOT_FORMAT, SecretString, Snapshot,
    TargetConfig,
};
use zeroize::Zeroizing;

use super::permission::ProxyRoles;
use super::secret_values::{SecretValues, UnresolvedSecrets};
use crate::api::Api;
use crate::identity::{self, SessionRing};
use crate::service::access_keys;
use crate::time::day;

/// A snapshot, and what could not be put into it.
pub(crate) struct Built {
    pub(crate) snapshot: Snapshot,
    pub(crate) unresolved: UnresolvedSecrets,
}

/// Builds the snapshot for these rows.
pub(crate) fn build(api: &Api, rows: &Everything, sessions: &SessionRing) -> Built {
    let values = SecretValues::new(api, rows);
    let roles = ProxyRoles::new(api, rows);
    let mut unresolved = UnresolvedSecrets::new();
    let proxies = rows
        .proxies
        .iter()
        .map(|row| {
            let (auth, in_vain) = values.resolve(row, &roles);
            unresolved.insert(row.id.clone(), in_vain);
            proxy(api, rows, row, auth)
        })
        .collect();
    let snapshot = Snapshot {
        format: SNAPSHOT_FORMAT,
        revision: rows.revision,
        created_unix: api.now(),
        arn: api.settings.arn.clone(),
        proxies,
        identity: identity(api, rows, sessions),
    };
    Built {
        snapshot,
        unresolved,
    }
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
        name: row.label.clone(),
        target_role: row.target_role,
        host: api.settings.endpoint_host.clone(),
        aliases: row.aliases.clone(),
        port: row.port,
        admitted: admitted(rows, proxy, row),
    })
    .collect()
}

/// The addresses that an endpoint's security groups let in. The endpoint made with a proxy is in the proxy's, and
/// whatever names none is in the default group.
fn admitted(rows: &Everything, proxy: &ProxyRow, endpoint: &EndpointRow) -> ClientNetworks {
    let named = if endpoint.is_default {
        &proxy.network.security_group_ids
    } else {
        &endpoint.network.security_group_ids
    };
    let groups = rows.security_groups.iter().filter(|group| {
        if named.is_empty() {
            group.is_default
        } else {
            named.contains(&group.id)
        }
    });
    let rules = groups.flat_map(|group| &group.rules);
    let permissions = rules.map(|rule| &rule.permission);
    ClientNetworks::of(permissions, proxy.engine_family.default_port())
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

fn identity(api: &Api, rows: &Everything, sessions: &SessionRing) -> IdentityConfig {
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
    let revoked = rows.session_revocations.iter();
    IdentityConfig {
        principals,
        access_keys,
        session_keys: sessions.configs(),
        sessions_revoked: revoked
            .map(|row| (row.principal_id.clone(), row.revoked_at))
            .collect(),
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
