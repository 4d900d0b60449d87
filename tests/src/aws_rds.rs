//! RDS through boto3 as it is, every answer checked against botocore's own model of the service.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tollgate_testkit::Api;

use crate::support::{APP_PASSWORD, boto3, with_database};

/// A role that RDS may assume; with `reads`, one that may read this secret.
async fn role(api: &Api, name: &str, reads: Option<&Value>) -> Result<String> {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let body = json!({"name": name, "trustPolicy": trust});
    let role = api.post("/v1/iam/roles", &body).await?.expect(201)?;
    if let Some(secret) = reads {
        let document = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret,
        }]});
        let policy = json!({"name": "reads-orders", "document": document});
        api.post("/v1/iam/policies", &policy).await?.expect(201)?;
        let path = format!("/v1/iam/roles/{name}/policies/reads-orders");
        let attached = api.put(&path, &json!({})).await?;
        ensure!(attached.status.is_success(), "{}", attached.text);
    }
    let arn = role["arn"].as_str().context("a role without ARN")?;
    Ok(arn.to_owned())
}

#[tokio::test]
async fn a_proxys_life_through_boto3() -> Result<()> {
    let (_postgres, tollgate, api) = with_database().await?;
    let secret = json!({"name": "orders-app", "username": "app", "password": APP_PASSWORD});
    let secret = api.post("/v1/secrets", &secret).await?.expect(201)?;
    let reader = role(&api, "proxy-role", Some(&secret["arn"])).await?;
    let other = role(&api, "other-role", None).await?;
    let variables = [
        ("SECRET_ARN", secret["arn"].as_str().context("no ARN")?),
        ("ROLE_ARN", &reader),
        ("OTHER_ROLE_ARN", &other),
        ("DATABASE", "orders-db"),
    ];
    boto3(&tollgate, "rds", &variables).await
}
