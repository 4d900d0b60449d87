//! Whether the roles of proxies let them read their secrets.

use std::collections::{HashMap, HashSet};

use tollgate_iam::policy::{Assuming, Context, PolicyDocument, PolicyKind, Request, Trust};
use tollgate_store::{Everything, RoleRow};
use tollgate_types::Arn;

use crate::api::Api;
use crate::authz;
use crate::identity::{self, Principal};

/// Who assumes the role of a proxy.
pub(crate) const RDS: &str = "rds.amazonaws.com";

const READ: &str = "secretsmanager:GetSecretValue";
const ASSUME: &str = "sts:AssumeRole";

/// The roles that proxies have, by ARN.
pub(crate) struct ProxyRoles<'r> {
    api: &'r Api,
    arn: &'r Arn,
    now_unix: i64,
    by_arn: HashMap<String, (Principal, &'r RoleRow)>,
}

impl<'r> ProxyRoles<'r> {
    pub(crate) fn new(api: &'r Api, rows: &'r Everything) -> Self {
        let arn = &api.settings.arn;
        let (now_unix, mut by_arn) = (api.now(), HashMap::new());
        let named: HashSet<&str> = rows
            .proxies
            .iter()
            .filter_map(|row| row.role_arn.as_deref())
            .collect();
        // Most installations have none; then there is nothing to compile.
        if !named.is_empty() {
            for config in identity::principals(rows, arn) {
                let row = rows.roles.iter().find(|row| row.id == config.id);
                if let Some(row) = row.filter(|_| named.contains(config.arn.as_str())) {
                    by_arn.insert(config.arn.clone(), (Principal::new(config), row));
                }
            }
        }
        Self {
            api,
            arn,
            now_unix,
            by_arn,
        }
    }

    /// Why the role with this ARN must not read the secret with these tags and this resource policy; nothing when
    /// it may.
    pub(crate) fn refusal<'t>(
        &self,
        role_arn: &str,
        secret_arn: &str,
        tags: impl Iterator<Item = (&'t String, &'t String)>,
        policy: Option<&str>,
    ) -> Option<String> {
        let Some((principal, row)) = self.by_arn.get(role_arn) else {
            return Some(format!(
                "role {role_arn} does not exist; it must be allowed {READ} on {secret_arn}"
            ));
        };
        let mut context = authz::principal_context(principal, self.now_unix);
        if !self.is_trusted(row) {
            return Some(format!(
                "the trust policy of role {role_arn} does not let {RDS} perform sts:AssumeRole, which \
                 {READ} on {secret_arn} needs"
            ));
        }
        for (key, value) in tags {
            context.set(&format!("aws:ResourceTag/{key}"), value.as_str());
        }
        let request = Request {
            action: READ,
            resource: secret_arn,
            context: &context,
        };
        authz::judge(self.api, principal, policy, &request).err()
    }

    /// Whether the role's trust policy lets RDS assume it.
    fn is_trusted(&self, row: &RoleRow) -> bool {
        let mut context = Context::new();
        context.set("aws:SourceAccount", self.arn.account_id.as_str());
        let Ok(document) = PolicyDocument::parse(&row.trust_policy, PolicyKind::Trust) else {
            return false;
        };
        match document.trusts(&Assuming::Service(RDS), ASSUME, &context) {
            Trust::Named => true,
            Trust::Account | Trust::Silent | Trust::Denied => false,
        }
    }
}
