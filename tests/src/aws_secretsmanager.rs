//! Secrets Manager through boto3 as it is, every answer checked against botocore's own model of the service.

use anyhow::Result;

use crate::support::{APP_PASSWORD, boto3, with_database};

#[tokio::test]
async fn everything_that_secrets_manager_serves_through_boto3() -> Result<()> {
    let (_postgres, tollgate, _api) = with_database().await?;
    let variables = [
        ("DATABASE", "orders-db"),
        ("DATABASE_USER", "app"),
        ("DATABASE_PASSWORD", APP_PASSWORD),
    ];
    boto3(&tollgate, "secretsmanager", &variables).await
}
