//! RDS: what its clients send and get, and what they are refused.

mod endpoints;
mod instances;
mod proxies;
mod roles;
mod tags;
mod targets;

use serde_json::{Value, json};

use super::super::World;
use super::element;

pub(super) const ACCOUNT: &str = "000000000000";
pub(super) const ROLE: &str = "arn:aws:iam::000000000000:role/proxy-role";

/// A call of RDS by the root.
async fn good(world: &World, action: &str, members: &[(&str, &str)]) -> String {
    world.query("rds", action, members).good().await
}

async fn refused(world: &World, action: &str, members: &[(&str, &str)], status: u16, code: &str) {
    world
        .query("rds", action, members)
        .refused(status, code)
        .await;
}

impl World {
    /// A role that RDS may assume, with these statements allowed or denied.
    async fn proxy_role(&self, name: &str, statements: &Value) {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole",
            }],
        });
        let body = json!({"name": name, "trustPolicy": trust});
        self.post("/v1/iam/roles", &body).await.expect(201);
        self.policy(&format!("{name}-reads"), statements).await;
        let path = format!("/v1/iam/roles/{name}/policies/{name}-reads");
        self.call(http::Method::PUT, &path).send().await.expect(204);
    }

    async fn secret_arn(&self, name: &str) -> String {
        let secret = self.get(&format!("/v1/secrets/{name}")).await.expect(200);
        secret.json["arn"].as_str().unwrap().to_owned()
    }

    /// Secret `orders-app`, role `proxy-role` that may read it; the secret's ARN.
    async fn with_role(&self) -> String {
        self.secret("orders-app").await;
        let arn = self.secret_arn("orders-app").await;
        let statement = json!([{
            "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn,
        }]);
        self.proxy_role("proxy-role", &statement).await;
        arn
    }

    /// A proxy made over RDS with what must be given.
    async fn rds_proxy(&self, name: &str, secret_arn: &str) -> String {
        good(self, "CreateDBProxy", &least(name, secret_arn)).await
    }
}

/// The members that `CreateDBProxy` must have.
fn least<'t>(name: &'t str, secret_arn: &'t str) -> Vec<(&'t str, &'t str)> {
    vec![
        ("DBProxyName", name),
        ("EngineFamily", "POSTGRESQL"),
        ("RoleArn", ROLE),
        ("VpcSubnetIds.member.1", "subnet-0a1b2c3d"),
        ("VpcSubnetIds.member.2", "subnet-0e4f5a6b"),
        ("Auth.member.1.SecretArn", secret_arn),
    ]
}

/// The same call with other or further members; an empty text takes one out.
fn with<'t>(
    members: &[(&'t str, &'t str)],
    other: &[(&'t str, &'t str)],
) -> Vec<(&'t str, &'t str)> {
    let kept = members
        .iter()
        .filter(|(name, _)| !other.iter().any(|(changed, _)| changed == name));
    kept.chain(other)
        .filter(|(_, value)| !value.is_empty())
        .copied()
        .collect()
}

/// The texts of every element with this name.
fn elements<'d>(document: &'d str, name: &str) -> Vec<&'d str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = document.split(&open).skip(1);
    parts
        .filter_map(|part| part.split_once(&close).map(|(text, _)| text))
        .collect()
}
