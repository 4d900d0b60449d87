//! From the secrets that auth rules name to logins, wherever the secrets live.

use std::collections::{BTreeSet, HashMap};

use tollgate_secrets::{ExternalState, ExternalValues};
use tollgate_store::{
    AuthRule, Everything, ProxyRow, SecretRow, SecretStage, SecretVersionRow, Tags,
};
use tollgate_types::{Arn, AuthConfig, HealthReason, Observation, ProxyId, SecretString, TargetId};

use super::conditions::{Unusable, UnusableSecret};
use super::permission::ProxyRoles;
use crate::api::Api;
use crate::service::secret_data::SecretData;
use crate::service::{name, secrets};

/// What auth rules name in vain, by proxy.
pub(crate) type UnresolvedSecrets = HashMap<ProxyId, Unresolved>;

/// What is not as it should be with the secrets of one proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// Those that are good for no login: its data planes do not get them.
    pub(crate) unusable: Vec<UnusableSecret>,
    /// Sentences about those that the proxy's role must not read: its data planes do not get them.
    pub(crate) denied: Vec<String>,
    /// Sentences about those that may be out of date.
    pub(crate) stale: Vec<String>,
}

/// The ARNs of all secrets that live elsewhere.
pub(crate) fn external(arn: &Arn, rows: &Everything) -> BTreeSet<String> {
    let rules = rows.proxies.iter().flat_map(|proxy| &proxy.auth);
    rules
        .filter(|rule| is_external(arn, &rule.secret))
        .map(|rule| rule.secret.clone())
        .collect()
}

/// Asks again for what a database has refused.
pub(crate) fn hurry_refused(api: &Api, rows: &Everything, observation: &Observation) {
    let refused: BTreeSet<&TargetId> = observation
        .targets
        .iter()
        .filter(|target| target.health.reason == Some(HealthReason::AuthFailure))
        .map(|target| &target.target)
        .collect();
    for target in rows.targets.iter().filter(|row| refused.contains(&row.id)) {
        let proxy = rows
            .proxies
            .iter()
            .find(|proxy| proxy.id == target.proxy_id);
        for rule in proxy.iter().flat_map(|proxy| &proxy.auth) {
            if is_external(&api.settings.arn, &rule.secret) {
                api.ports.external_secrets.hurry(&rule.secret);
            }
        }
    }
}

/// Whether this is the ARN of a secret in another account or region than this installation's.
fn is_external(own: &Arn, text: &str) -> bool {
    let mut parts = text.split(':').skip(3);
    let of = (parts.next(), parts.next());
    let own = (Some(own.region.as_str()), Some(own.account_id.as_str()));
    name::is_secret_arn(text) && of != own
}

/// What a secret is good for.
struct Usable<'r> {
    /// Its name here, or its ARN if it lives elsewhere.
    name: &'r str,
    arn: String,
    tags: Option<&'r Tags>,
    policy: Option<&'r str>,
    version_id: String,
    username: String,
    /// The current one first.
    passwords: Vec<SecretString>,
    /// Why it may be out of date.
    trouble: Option<String>,
}

/// Every secret, with its login or with the reason why it is good for none.
pub(crate) struct SecretValues<'r> {
    by_name: HashMap<&'r str, (String, Result<Usable<'r>, Unusable>)>,
}

impl<'r> SecretValues<'r> {
    pub(crate) fn new(api: &'r Api, rows: &'r Everything) -> Self {
        let arn = &api.settings.arn;
        let own = rows.secrets.iter().map(|secret| {
            let usable = usable(api, secret, &rows.secret_versions);
            let arn = secrets::arn(arn, &secret.name, &secret.id);
            (secret.name.as_str(), (arn, usable))
        });
        let rules = rows.proxies.iter().flat_map(|proxy| &proxy.auth);
        let external = rules
            .filter(|rule| is_external(arn, &rule.secret))
            .map(|rule| {
                let found = fetched(&rule.secret, api.ports.external_secrets.state(&rule.secret));
                (rule.secret.as_str(), (rule.secret.clone(), found))
            });
        Self {
            by_name: own.chain(external).collect(),
        }
    }

    /// The rules with their secrets, and what leads nowhere.
    pub(crate) fn resolve(
        &self,
        proxy: &ProxyRow,
        roles: &ProxyRoles<'_>,
    ) -> (Vec<AuthConfig>, Unresolved) {
        let (mut resolved, mut in_vain) = (Vec::new(), Unresolved::default());
        for rule in &proxy.auth {
            let usable = match self.of(rule) {
                Ok(usable) => usable,
                Err(why) => {
                    let name = rule.secret_arn.as_ref().unwrap_or(&rule.secret).clone();
                    in_vain.unusable.push(UnusableSecret { name, why });
                    continue;
                }
            };
            let role = proxy.role_arn.as_deref();
            let refusal = role.and_then(|role| {
                roles.refusal(
                    role,
                    &usable.arn,
                    usable.tags.into_iter().flatten(),
                    usable.policy,
                )
            });
            if let Some(refusal) = refusal {
                in_vain.denied.push(refusal);
                continue;
            }
            if let Some(trouble) = &usable.trouble {
                let name = usable.name;
                in_vain
                    .stale
                    .push(format!("{name} may be out of date: {trouble}"));
            }
            resolved.push(AuthConfig {
                secret_name: usable.name.to_owned(),
                secret_version: usable.version_id.clone(),
                iam: rule.iam_auth,
                client_password: rule.client_password_auth_type,
                username: usable.username.clone(),
                passwords: usable.passwords.clone(),
            });
        }
        (resolved, in_vain)
    }

    /// The secret that a rule means; one that has another ARN than the rule says is another.
    fn of(&self, rule: &AuthRule) -> Result<&Usable<'r>, Unusable> {
        let (arn, usable) = self
            .by_name
            .get(rule.secret.as_str())
            .ok_or(Unusable::Absent)?;
        if rule.secret_arn.as_ref().is_some_and(|meant| meant != arn) {
            return Err(Unusable::Absent);
        }
        usable.as_ref().map_err(Unusable::clone)
    }
}

/// A secret that lives here.
fn usable<'r>(
    api: &Api,
    secret: &'r SecretRow,
    versions: &'r [SecretVersionRow],
) -> Result<Usable<'r>, Unusable> {
    if secret.deletion.is_some() {
        return Err(Unusable::MarkedForDeletion);
    }
    let version_id = secret.version_id.clone().ok_or(Unusable::Empty)?;
    let username = secret.username.clone().ok_or(Unusable::NotALogin)?;
    let own = versions.iter().filter(|v| v.secret_id == secret.id);
    Ok(Usable {
        name: &secret.name,
        arn: secrets::arn(&api.settings.arn, &secret.name, &secret.id),
        tags: Some(&secret.tags),
        policy: secret.resource_policy.as_deref(),
        version_id,
        passwords: passwords(api, &username, own).ok_or(Unusable::Sealed)?,
        username,
        trouble: None,
    })
}

/// A secret that lives elsewhere.
fn fetched(arn: &str, state: ExternalState) -> Result<Usable<'_>, Unusable> {
    let ExternalValues {
        version_id,
        texts,
        trouble,
    } = match state {
        ExternalState::Known(values) => values,
        ExternalState::Pending => return Err(Unusable::Pending),
        ExternalState::Unreadable(words) => return Err(Unusable::Unreadable(words)),
    };
    let mut logins = texts.into_iter().map(|text| SecretData::Text(text).login());
    let current = logins.next().flatten().ok_or(Unusable::NotALogin)?;
    let previous = logins
        .flatten()
        .filter(|login| login.username == current.username)
        .map(|login| login.password);
    Ok(Usable {
        name: arn,
        arn: arn.to_owned(),
        tags: None,
        policy: None,
        version_id,
        passwords: std::iter::once(current.password).chain(previous).collect(),
        username: current.username,
        trouble,
    })
}

/// The current password, then the previous one if it is for the same user: servers that have not taken the
/// new one yet still take that. Nothing when the current one cannot be opened.
fn passwords<'v>(
    api: &Api,
    username: &str,
    versions: impl Iterator<Item = &'v SecretVersionRow>,
) -> Option<Vec<SecretString>> {
    let (mut current, mut previous) = (None, None);
    for version in versions.filter(|version| version.username.as_deref() == Some(username)) {
        // Opening logs its own failure; the condition SecretsResolved tells the operator.
        let data = secrets::open(&api.vault, version).ok();
        let password = data
            .and_then(|data| data.login())
            .map(|login| login.password);
        if version.is(SecretStage::Current) {
            current = password;
        } else if version.is(SecretStage::Previous) {
            previous = password;
        }
    }
    Some([Some(current?), previous].into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_other_accounts_and_regions_live_elsewhere() {
        let own = Arn {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
        };
        let is = |text| is_external(&own, text);
        assert!(is(
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:app-AbCdEf"
        ));
        assert!(is(
            "arn:aws-cn:secretsmanager:cn-north-1:000000000000:secret:app-AbCdEf"
        ));
        for own in [
            "app",
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:app-AbCdEf",
            "arn:aws:ssm:us-east-1:123456789012:secret:app-AbCdEf",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:",
            "arn:aws:secretsmanager::123456789012:secret:app-AbCdEf",
        ] {
            assert!(!is(own), "{own}");
        }
    }

    #[test]
    fn a_previous_password_counts_only_for_the_same_user() {
        let text = |user: &str, password: &str| {
            SecretString::from(format!(
                r#"{{"username":"{user}","password":"{password}"}}"#
            ))
        };
        let known = |texts| {
            let version_id = "v1".to_owned();
            let values = ExternalValues {
                version_id,
                texts,
                trouble: None,
            };
            let found = fetched("arn", ExternalState::Known(values));
            found.map(|usable| usable.passwords.len())
        };
        assert_eq!(known(vec![text("a", "new"), text("a", "old")]), Ok(2));
        assert_eq!(known(vec![text("a", "new"), text("b", "old")]), Ok(1));
        assert_eq!(known(vec!["hunter2".into()]), Err(Unusable::NotALogin));
    }
}
