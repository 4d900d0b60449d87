//! Trust policies: whether a role may be assumed by somebody.
//!
//! A trust policy speaks about one role, so it has principals in place of resources. Source: IAM User Guide,
//! "AWS JSON policy elements: Principal".

use super::condition::Truth;
use super::statement::{Effect, Statement};
use super::{Context, PolicyDocument};

/// Whom a statement of a trust policy means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trusted {
    /// `*`, alone or of type AWS.
    Anybody,
    /// An account: its number, or the ARN of its root.
    Account(String),
    /// One user, role or assumed role, by ARN.
    Arn(String),
    /// An identity provider, by ARN.
    Federated(String),
    /// A service of AWS, such as `rds.amazonaws.com`.
    Service(String),
}

/// Who wants to assume a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assuming<'a> {
    /// A principal of this installation.
    Principal {
        /// The account of the principal, twelve digits.
        account: &'a str,
        /// Every ARN the principal goes by: a role session has its own and its role's.
        arns: &'a [&'a str],
    },
    /// Somebody vouched for by an identity provider, given by its ARN.
    Federated(&'a str),
    /// A service of AWS.
    Service(&'a str),
}

/// What a trust policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The principal itself is named: nothing else is needed.
    Named,
    /// Its account is named, or everybody: the principal's own policies must allow it as well.
    Account,
    /// No statement allows it.
    Silent,
    /// A statement denies it.
    Denied,
}

impl Trusted {
    /// Reads one principal of a type (`AWS`, `Federated` or `Service`).
    pub(super) fn parse(kind: &str, text: &str) -> Self {
        match kind {
            _ if text == "*" => Self::Anybody,
            "Federated" => Self::Federated(text.to_owned()),
            "Service" => Self::Service(text.to_owned()),
            _ => match account_of(text) {
                Some(account) => Self::Account(account.to_owned()),
                None => Self::Arn(text.to_owned()),
            },
        }
    }

    fn means(&self, assuming: &Assuming<'_>) -> Trust {
        let named = |is: bool| if is { Trust::Named } else { Trust::Silent };
        match (self, assuming) {
            (Self::Anybody, Assuming::Principal { .. }) => Trust::Account,
            (Self::Anybody, Assuming::Federated(_)) => Trust::Named,
            (Self::Account(trusted), Assuming::Principal { account, .. }) => {
                if trusted == account {
                    Trust::Account
                } else {
                    Trust::Silent
                }
            }
            (Self::Arn(trusted), Assuming::Principal { arns, .. }) => {
                named(arns.contains(&trusted.as_str()))
            }
            (Self::Federated(trusted), Assuming::Federated(provider)) => named(trusted == provider),
            (Self::Service(trusted), Assuming::Service(service)) => named(trusted == service),
            (
                Self::Anybody
                | Self::Account(_)
                | Self::Arn(_)
                | Self::Federated(_)
                | Self::Service(_),
                Assuming::Principal { .. } | Assuming::Federated(_) | Assuming::Service(_),
            ) => Trust::Silent,
        }
    }
}

/// The account in `123456789012` or `arn:aws:iam::123456789012:root`.
fn account_of(text: &str) -> Option<&str> {
    let is_account = |text: &&str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let of_root = text
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.strip_suffix(":root"));
    of_root.or(Some(text)).filter(is_account)
}

impl PolicyDocument {
    /// Whether this trust policy lets `assuming` perform `action` (`sts:AssumeRole` …) on its role.
    ///
    /// Any statement that denies outweighs all that allow; what cannot be decided does not allow and does
    /// deny. A document that is no trust policy trusts nobody.
    pub fn trusts(&self, assuming: &Assuming<'_>, action: &str, context: &Context) -> Trust {
        let lower = action.to_ascii_lowercase();
        let mut trust = Trust::Silent;
        for statement in self.statements() {
            let meant = statement.trusted_as(assuming);
            if meant == Trust::Silent || !statement.action.covers(&lower, context) {
                continue;
            }
            match (statement.effect, statement.conditions_hold(context)) {
                (Effect::Deny, Truth::True | Truth::Undecidable) => return Trust::Denied,
                (Effect::Allow, Truth::True) if trust != Trust::Named => trust = meant,
                (Effect::Deny | Effect::Allow, Truth::True | Truth::False | Truth::Undecidable) => {
                }
            }
        }
        trust
    }
}

impl Statement {
    /// The strongest way in which this statement means somebody.
    pub(super) fn trusted_as(&self, assuming: &Assuming<'_>) -> Trust {
        let mut found = Trust::Silent;
        for trusted in &self.principals {
            match trusted.means(assuming) {
                Trust::Named => return Trust::Named,
                Trust::Account => found = Trust::Account,
                Trust::Silent | Trust::Denied => {}
            }
        }
        found
    }

    pub(super) fn conditions_hold(&self, context: &Context) -> Truth {
        let mut outcome = Truth::True;
        for condition in &self.conditions {
            match condition.holds(context) {
                Truth::True => {}
                Truth::False => return Truth::False,
                Truth::Undecidable => outcome = Truth::Undecidable,
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::super::PolicyKind;
    use super::*;

    const ACCOUNT: &str = "000000000000";
    const FN: &str = "arn:aws:iam::000000000000:user/fn";

    fn trusts(statements: &str, assuming: &Assuming<'_>, context: &Context) -> Trust {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let document = PolicyDocument::parse(&text, PolicyKind::Trust).unwrap();
        document.trusts(assuming, "sts:AssumeRole", context)
    }

    fn allow(principal: &str, rest: &str) -> String {
        format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"{rest}}}"#)
    }

    fn user() -> Assuming<'static> {
        Assuming::Principal {
            account: ACCOUNT,
            arns: &[FN],
        }
    }

    #[test]
    fn an_account_is_named_in_three_ways() {
        let context = Context::new();
        for principal in [
            r#"{"AWS":"000000000000"}"#,
            r#"{"AWS":["111111111111","arn:aws:iam::000000000000:root"]}"#,
        ] {
            assert_eq!(
                trusts(&allow(principal, ""), &user(), &context),
                Trust::Account
            );
        }
        let other = allow(r#"{"AWS":"111111111111"}"#, "");
        assert_eq!(trusts(&other, &user(), &context), Trust::Silent);
        let guarded = allow(
            "\"*\"",
            r#","Condition":{"StringEquals":{"sts:ExternalId":"x"}}"#,
        );
        assert_eq!(trusts(&guarded, &user(), &context), Trust::Silent);
        let mut known = Context::new();
        known.set("sts:ExternalId", "x");
        assert_eq!(trusts(&guarded, &user(), &known), Trust::Account);
    }

    #[test]
    fn a_named_principal_outweighs_its_account_and_a_deny_outweighs_both() {
        let context = Context::new();
        let named = allow(&format!(r#"{{"AWS":["{FN}","000000000000"]}}"#), "");
        assert_eq!(trusts(&named, &user(), &context), Trust::Named);
        let account = allow(r#"{"AWS":"000000000000"}"#, "");
        let both = format!("{named},{account}");
        assert_eq!(trusts(&both, &user(), &context), Trust::Named);
        let deny = format!(r#"{{"Effect":"Deny","Principal":{{"AWS":"{FN}"}},"Action":"sts:*"}}"#);
        assert_eq!(
            trusts(&format!("{both},{deny}"), &user(), &context),
            Trust::Denied
        );
    }

    #[test]
    fn services_and_providers_are_other_worlds() {
        let context = Context::new();
        let service = allow(r#"{"Service":"rds.amazonaws.com"}"#, "");
        assert_eq!(
            trusts(&service, &Assuming::Service("rds.amazonaws.com"), &context),
            Trust::Named
        );
        assert_eq!(
            trusts(
                &service,
                &Assuming::Service("lambda.amazonaws.com"),
                &context
            ),
            Trust::Silent
        );
        assert_eq!(trusts(&service, &user(), &context), Trust::Silent);
        let provider = "arn:aws:iam::000000000000:oidc-provider/idp.example";
        let federated = allow(&format!(r#"{{"Federated":"{provider}"}}"#), "");
        assert_eq!(
            trusts(&federated, &Assuming::Federated(provider), &context),
            Trust::Named
        );
        assert_eq!(
            trusts(&federated, &Assuming::Service(provider), &context),
            Trust::Silent
        );
    }

    #[test]
    fn another_action_or_kind_of_document_trusts_nobody() {
        let context = Context::new();
        let other =
            r#"{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:TagSession"}"#;
        assert_eq!(trusts(other, &user(), &context), Trust::Silent);
        let identity = r#"{"Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#;
        let document = PolicyDocument::parse(identity, PolicyKind::Identity).unwrap();
        assert_eq!(
            document.trusts(&user(), "sts:AssumeRole", &context),
            Trust::Silent
        );
    }
}
