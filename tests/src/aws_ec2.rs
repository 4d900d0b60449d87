//! EC2 through boto3 as it is, every answer checked against botocore's own model of the service, and its rules
//! against real connections.

use anyhow::Result;
use serde_json::json;

use crate::support::{APP_PASSWORD, boto3, with_database};

#[tokio::test]
async fn security_groups_decide_who_connects_through_boto3() -> Result<()> {
    let (_postgres, tollgate, api) = with_database().await?;
    let secret = json!({"name": "orders-app", "username": "app", "password": APP_PASSWORD});
    api.post("/v1/secrets", &secret).await?.expect(201)?;
    let proxy = json!({
        "name": "orders", "engineFamily": "POSTGRESQL", "requireTls": false,
        "auth": [{"secret": "orders-app", "iamAuth": "DISABLED"}],
    });
    let proxy = api.post("/v1/proxies", &proxy).await?.expect(201)?;
    let port = &proxy["endpoints"][0]["port"];
    boto3(&tollgate, "ec2", &[("PORT", &port.to_string())]).await
}
