//! What a proxy must be like: parsed once, then trusted.

use std::collections::{BTreeMap, HashSet};

use tollgate_types::{Arn, ClientPasswordAuth, EngineFamily, IamAuth, NameRule};

use super::check::Check;
use super::name;
use crate::http::decode::Decoded;
use crate::http::views::proxy::{AuthRule, CreateProxy};
use crate::problem::{Code, Problem};

/// Most auth rules. Source: RDS Proxy quota for Secrets Manager secrets per proxy.
pub(crate) const AUTH_RULES_MAX: usize = 200;
const IDLE_CLIENT_TIMEOUT_S_DEFAULT: u32 = 1_800;
const IDLE_CLIENT_TIMEOUT_S_MAX: u32 = 28_800;

/// One valid auth rule; the secret is given by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthSpec {
    pub(crate) secret: String,
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
        let engine_family = value.engine_family.unwrap_or_else(|| {
            check.wrong(
                "/engineFamily",
                "required",
                "engineFamily is required: POSTGRESQL",
            );
            EngineFamily::Postgresql
        });
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
        let auth = auth(&mut check, value.auth.unwrap_or_default(), arn);
        let require_tls = if value.require_tls.unwrap_or(false) {
            TlsRule::Required
        } else {
            TlsRule::Optional
        };
        let tags = value.tags.unwrap_or_default();
        check.tags(&tags);
        let spec = Self {
            name,
            engine_family,
            require_tls,
            idle_client_timeout_s,
            auth,
            tags,
        };
        check.done(spec)?.served()
    }

    /// Only what the data plane speaks may be created: a proxy that never becomes available helps nobody.
    fn served(self) -> Result<Self, Problem> {
        match self.engine_family {
            EngineFamily::Postgresql => Ok(self),
            EngineFamily::Mysql => Err(Problem::field(
                Code::UnsupportedEngineFamily,
                "/engineFamily",
                "engineFamily = POSTGRESQL",
                "the data plane does not speak MYSQL yet",
            )),
        }
    }
}

fn auth(check: &mut Check, rules: Vec<AuthRule>, arn: &Arn) -> Vec<AuthSpec> {
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
        if is_given && !seen.insert(secret.clone()) {
            let message = format!("secret `{secret}` is named by two auth rules");
            check.wrong(&pointer, "every secret once", &message);
        }
        if let Some(text) = &rule.description {
            check.length(&format!("/auth/{index}/description"), text, 0, 1_000);
        }
        specs.push(AuthSpec {
            secret,
            iam: rule.iam_auth.unwrap_or_default(),
            client_password: rule.client_password_auth_type.unwrap_or_default(),
            description: rule.description,
        });
    }
    specs
}
