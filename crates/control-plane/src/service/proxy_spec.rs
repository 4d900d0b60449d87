//! What a proxy must be like: parsed once, then trusted.

use std::collections::{BTreeMap, HashSet};

use tollgate_types::{Arn, ClientPasswordAuth, EngineFamily, IamAuth, NameRule};

use super::check::Check;
use super::name;
use crate::http::decode::Decoded;
use crate::http::views::proxy::{AuthRule, CreateProxy};
use crate::problem::Problem;

/// Most auth rules. Source: RDS Proxy quota for Secrets Manager secrets per proxy.
pub(crate) const AUTH_RULES_MAX: usize = 200;
const IDLE_CLIENT_TIMEOUT_S_DEFAULT: u32 = 1_800;
const IDLE_CLIENT_TIMEOUT_S_MAX: u32 = 28_800;

/// One valid auth rule; the secret is given by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthSpec {
    pub(crate) secret: String,
    /// The secret's ARN, if it was named by that.
    pub(crate) secret_arn: Option<String>,
    pub(crate) user_name: Option<String>,
    pub(crate) iam: IamAuth,
    pub(crate) client_password: ClientPasswordAuth,
    pub(crate) description: Option<String>,
}

/// A valid proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxySpec {
    pub(crate) name: String,
    pub(crate) engine_family: EngineFamily,
    pub(crate) require_tls: TlsRule,
    pub(crate) idle_client_timeout_s: u32,
    pub(crate) auth: Vec<AuthSpec>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Whether clients must use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsRule {
    Optional,
    Required,
}

impl ProxySpec {
    /// Checks a request; `arn` turns secret ARNs into names.
    pub(crate) fn parse(request: Decoded<CreateProxy>, arn: &Arn) -> Result<Self, Problem> {
        let Decoded { value, problems } = request;
        let mut check = Check::new(problems);
        let name = check.name(NameRule::Identifier, value.name);
        if value.engine_family.is_none() {
            let message = "engineFamily is required: POSTGRESQL or MYSQL";
            check.wrong("/engineFamily", "required", message);
        }
        let idle_client_timeout_s = value
            .idle_client_timeout
            .unwrap_or(IDLE_CLIENT_TIMEOUT_S_DEFAULT);
        if !(1..=IDLE_CLIENT_TIMEOUT_S_MAX).contains(&idle_client_timeout_s) {
            let message = "idleClientTimeout must be between 1 and 28800 seconds";
            check.wrong(
                "/idleClientTimeout",
                "1 <= idleClientTimeout <= 28800",
                message,
            );
        }
        let rules = value.auth.unwrap_or_default();
        let auth = auth(&mut check, rules, value.engine_family, arn);
        let require_tls = if value.require_tls.unwrap_or(false) {
            TlsRule::Required
        } else {
            TlsRule::Optional
        };
        let tags = value.tags.unwrap_or_default();
        check.tags(&tags);
        let spec = Self {
            name,
            // The stand-in is never used: what is missing was noted above.
            engine_family: value.engine_family.unwrap_or(EngineFamily::Postgresql),
            require_tls,
            idle_client_timeout_s,
            auth,
            tags,
        };
        check.done(spec)
    }
}

/// The rules of a proxy of `family`; without one nothing is said about what depends on it.
fn auth(
    check: &mut Check,
    rules: Vec<AuthRule>,
    family: Option<EngineFamily>,
    arn: &Arn,
) -> Vec<AuthSpec> {
    if rules.len() > AUTH_RULES_MAX {
        check.wrong(
            "/auth",
            "at most 200 rules",
            "a proxy can have at most 200 auth rules",
        );
    }
    let mut seen = HashSet::new();
    let mut specs = Vec::with_capacity(rules.len());
    for (index, rule) in rules.into_iter().enumerate() {
        let pointer = format!("/auth/{index}/secret");
        let is_given = rule.secret.is_some();
        let given = check.required(&pointer, rule.secret);
        let secret = name::secret(arn, &given).to_owned();
        if given.starts_with("arn:") && !name::is_secret_arn(&given) {
            let rule = "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME";
            let message = format!("`{given}` is not the ARN of a secret");
            check.wrong(&pointer, rule, &message);
        }
        if is_given && !seen.insert(secret.clone()) {
            let message = format!("secret `{secret}` is named by two auth rules");
            check.wrong(&pointer, "every secret once", &message);
        }
        if let Some(text) = &rule.user_name {
            check.length(&format!("/auth/{index}/userName"), text, 1, 128);
        }
        if let Some(text) = &rule.description {
            check.length(&format!("/auth/{index}/description"), text, 0, 1_000);
        }
        specs.push(AuthSpec {
            secret,
            secret_arn: given.starts_with("arn:").then_some(given),
            user_name: rule.user_name,
            iam: rule.iam_auth.unwrap_or_default(),
            client_password: client_password(
                check,
                &format!("/auth/{index}/clientPasswordAuthType"),
                rule.client_password_auth_type,
                family,
            ),
            description: rule.description,
        });
    }
    specs
}

/// How passwords are checked: the family's default, or what was asked for if clients of the family know it.
fn client_password(
    check: &mut Check,
    pointer: &str,
    asked: Option<ClientPasswordAuth>,
    family: Option<EngineFamily>,
) -> ClientPasswordAuth {
    let Some(family) = family else {
        return asked.unwrap_or_else(|| ClientPasswordAuth::default_of(EngineFamily::Postgresql));
    };
    let way = asked.unwrap_or_else(|| ClientPasswordAuth::default_of(family));
    if way.family() != family {
        let known: Vec<&str> = ClientPasswordAuth::ALL
            .into_iter()
            .filter(|way| way.family() == family)
            .map(ClientPasswordAuth::as_str)
            .collect();
        let rule = format!(
            "{} when engineFamily = {}",
            known.join(" or "),
            family.as_str()
        );
        let message = format!(
            "clients of {} cannot log in by {}",
            family.as_str(),
            way.as_str()
        );
        check.wrong(pointer, &rule, &message);
    }
    way
}
