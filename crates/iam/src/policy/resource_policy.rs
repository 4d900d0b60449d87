//! Resource policies: what a resource itself says about who may do what with it.
//!
//! Source: IAM User Guide, "Policy evaluation logic", the part on resource-based policies within one account.

use super::arn::Arn;
use super::condition::Truth;
use super::statement::{Effect, Statement};
use super::trust::Trusted;
use super::{Assuming, Context, PolicyDocument, Request, Trust};

impl PolicyDocument {
    /// What this resource policy says about a request of `asking`.
    ///
    /// [`Trust::Named`] stands in for the Allow that an identity policy would give; the account alone is not
    /// enough, and everybody ("*") is. Any statement that denies outweighs all that allow; what cannot be
    /// decided does not allow and does deny.
    pub fn grants(&self, asking: &Assuming<'_>, request: &Request<'_>) -> Trust {
        let action = request.action.to_ascii_lowercase();
        let resource = Arn::new(request.resource);
        let mut granted = Trust::Silent;
        for statement in self.statements() {
            let meant = statement.asked_by(asking);
            if meant == Trust::Silent {
                continue;
            }
            let matches = statement.covers(&action, &resource, request.context);
            match (statement.effect, matches) {
                (Effect::Deny, Truth::True | Truth::Undecidable) => return Trust::Denied,
                (Effect::Allow, Truth::True) if granted != Trust::Named => granted = meant,
                (Effect::Deny | Effect::Allow, Truth::True | Truth::False | Truth::Undecidable) => {
                }
            }
        }
        granted
    }

    /// Whether it allows something to everybody under no condition.
    pub fn is_public(&self) -> bool {
        self.statements().iter().any(|statement| {
            statement.effect == Effect::Allow
                && statement.conditions.is_empty()
                && statement.principals.contains(&Trusted::Anybody)
        })
    }
}

impl Statement {
    /// As for roles, but whoever is "everybody" needs no further Allow.
    fn asked_by(&self, asking: &Assuming<'_>) -> Trust {
        let meant = self.trusted_as(asking);
        if meant == Trust::Account && self.principals.contains(&Trusted::Anybody) {
            return Trust::Named;
        }
        meant
    }

    fn covers(&self, lower_action: &str, resource: &Arn<'_>, context: &Context) -> Truth {
        if !self.action.covers(lower_action, context) {
            return Truth::False;
        }
        let here = match &self.resource {
            Some(clause) => clause.covers(resource, context),
            None => Truth::Undecidable,
        };
        match (here, self.conditions_hold(context)) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::True, Truth::True) => Truth::True,
            (Truth::True | Truth::Undecidable, Truth::True | Truth::Undecidable) => {
                Truth::Undecidable
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PolicyKind;
    use super::*;

    const FN: &str = "arn:aws:iam::000000000000:user/fn";
    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:a-AbCdEf";

    fn document(statements: &str) -> PolicyDocument {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        PolicyDocument::parse(&text, PolicyKind::Resource).unwrap()
    }

    fn statement(effect: &str, principal: &str, rest: &str) -> String {
        format!(
            r#"{{"Effect":"{effect}","Principal":{principal},"Action":"secretsmanager:Get*"{rest}}}"#
        )
    }

    fn grants(statements: &str, action: &str) -> Trust {
        let context = Context::new();
        let asking = Assuming::Principal {
            account: "000000000000",
            arns: &[FN],
        };
        let request = Request {
            action,
            resource: SECRET,
            context: &context,
        };
        document(statements).grants(&asking, &request)
    }

    const GET: &str = "secretsmanager:GetSecretValue";
    const EVERYWHERE: &str = r#","Resource":"*""#;

    #[test]
    fn the_named_principal_and_everybody_are_granted_the_account_is_referred_to_its_policies() {
        let named = format!(r#"{{"AWS":"{FN}"}}"#);
        assert_eq!(
            grants(&statement("Allow", &named, EVERYWHERE), GET),
            Trust::Named
        );
        assert_eq!(
            grants(&statement("Allow", "\"*\"", EVERYWHERE), GET),
            Trust::Named
        );
        let account = statement("Allow", r#"{"AWS":"000000000000"}"#, EVERYWHERE);
        assert_eq!(grants(&account, GET), Trust::Account);
        let other = statement("Allow", r#"{"AWS":"111111111111"}"#, EVERYWHERE);
        assert_eq!(grants(&other, GET), Trust::Silent);
    }

    #[test]
    fn action_and_resource_must_fit_and_a_deny_outweighs_all() {
        let named = format!(r#"{{"AWS":"{FN}"}}"#);
        let allow = statement("Allow", &named, EVERYWHERE);
        assert_eq!(grants(&allow, "secretsmanager:DeleteSecret"), Trust::Silent);
        let elsewhere = r#","Resource":"arn:aws:secretsmanager:us-east-1:000000000000:secret:b-*""#;
        assert_eq!(
            grants(&statement("Allow", &named, elsewhere), GET),
            Trust::Silent
        );
        let deny = statement("Deny", "\"*\"", EVERYWHERE);
        assert_eq!(grants(&format!("{allow},{deny}"), GET), Trust::Denied);
        let conditional = r#","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#;
        let unless = statement("Deny", "\"*\"", conditional);
        assert_eq!(grants(&format!("{allow},{unless}"), GET), Trust::Named);
    }

    #[test]
    fn public_is_what_everybody_may_under_no_condition() {
        assert!(document(&statement("Allow", r#"{"AWS":"*"}"#, EVERYWHERE)).is_public());
        let conditional = r#","Resource":"*","Condition":{"StringEquals":{"aws:username":"fn"}}"#;
        assert!(!document(&statement("Allow", "\"*\"", conditional)).is_public());
        assert!(!document(&statement("Deny", "\"*\"", EVERYWHERE)).is_public());
    }

    #[test]
    fn it_needs_principal_and_resource_and_is_worth_nothing_elsewhere() {
        let parse = |statement: &str| {
            let text = format!(r#"{{"Statement":{statement}}}"#);
            PolicyDocument::parse(&text, PolicyKind::Resource)
        };
        assert!(parse(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#).is_err());
        assert!(parse(r#"{"Effect":"Allow","Action":"*","Principal":"*"}"#).is_err());
        let misplaced = document(&statement("Allow", "\"*\"", EVERYWHERE));
        let set = super::super::PolicySet::builder()
            .identity("misplaced", 1, &misplaced)
            .build();
        let context = Context::new();
        let request = Request {
            action: GET,
            resource: SECRET,
            context: &context,
        };
        assert!(!set.evaluate(&request).is_allow());
    }
}
