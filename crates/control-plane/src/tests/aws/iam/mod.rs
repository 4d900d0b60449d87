//! IAM: every operation, every code, and what it does to who may do what.

mod access_keys;
mod effects;
mod groups;
mod inline;
mod oidc;
mod policies;
mod roles;
mod simulate;
mod users;

use super::{QueryCall, World, element};

/// A document that allows an action on everything.
fn allow(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
    )
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}"#;

/// The ARN of an own policy without a path.
fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::000000000000:policy/{name}")
}

impl World {
    /// A call of IAM.
    fn iam(&self, action: &str, members: &[(&str, &str)]) -> QueryCall<'_> {
        self.query("iam", action, members)
    }

    /// A user made by IAM.
    async fn iam_user(&self, name: &str) {
        self.iam("CreateUser", &[("UserName", name)]).good().await;
    }

    /// A role made by IAM.
    async fn iam_role(&self, name: &str) {
        let members = [("RoleName", name), ("AssumeRolePolicyDocument", TRUST)];
        self.iam("CreateRole", &members).good().await;
    }

    /// A managed policy made by IAM, which allows an action on everything; its ARN.
    async fn iam_policy(&self, name: &str, action: &str) -> String {
        let document = allow(action);
        let members = [("PolicyName", name), ("PolicyDocument", document.as_str())];
        let answer = self.iam("CreatePolicy", &members).good().await;
        element(&answer, "Arn").to_owned()
    }
}
