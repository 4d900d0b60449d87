//! Tokens from other people's signers are accepted: boto3, the aws command line, aws-sdk-rust, our own.

use std::{process::Command, time::SystemTime};

use anyhow::{Context, Result, ensure};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config as TokenConfig};
use tollgate_testkit::{tollgate_program, tools_dir};

use crate::support::{Orders, Place, python, run_script, script};

async fn accepts(orders: &Orders, token: &str) -> Result<()> {
    let mut config = orders.config();
    config.password(token);
    let client = orders
        .connect_as(&config)
        .await
        .context("the token was refused")?;
    let user: String = client
        .query_one("SELECT current_user::text", &[])
        .await?
        .get(0);
    assert_eq!(user, "app");
    Ok(())
}

/// Runs a signer with the function's key in the environment, as in a Lambda.
async fn signed_by(orders: &Orders, command: &mut Command) -> Result<String> {
    command
        .env("AWS_ACCESS_KEY_ID", &orders.function.id)
        .env("AWS_SECRET_ACCESS_KEY", &orders.function.secret)
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    Ok(run_script(&Place::proxy(orders), command)
        .await?
        .trim()
        .to_owned())
}

#[tokio::test]
async fn boto3_and_the_aws_command_line() -> Result<()> {
    let orders = Orders::start().await?;
    let token = signed_by(
        &orders,
        Command::new(python()).arg(script("boto3_token.py")),
    )
    .await?;
    accepts(&orders, &token).await.context("boto3")?;
    let mut aws = Command::new(tools_dir().join("python/bin/aws"));
    aws.args(["rds", "generate-db-auth-token", "--region", "us-east-1"])
        .args(["--hostname", "127.0.0.1", "--username", "app"])
        .args(["--port", &orders.port.to_string()]);
    let token = signed_by(&orders, &mut aws).await?;
    accepts(&orders, &token).await.context("aws command line")
}

#[tokio::test]
async fn aws_sdk_for_rust() -> Result<()> {
    let orders = Orders::start().await?;
    let key = Credentials::new(
        &orders.function.id,
        &orders.function.secret,
        None,
        None,
        "test",
    );
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(key))
        .load()
        .await;
    let wanted = TokenConfig::builder()
        .hostname("127.0.0.1")
        .port(u64::from(orders.port))
        .username("app")
        .build()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let token = AuthTokenGenerator::new(wanted)
        .auth_token(&sdk)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    accepts(&orders, token.as_str()).await
}

#[tokio::test]
async fn tollgate_token_and_the_shape_without_a_slash() -> Result<()> {
    let orders = Orders::start().await?;
    let mut command = Command::new(tollgate_program()?);
    command
        .args(["token", "--hostname", "127.0.0.1", "--username", "app"])
        .args(["--region", "us-east-1", "--port", &orders.port.to_string()]);
    let token = signed_by(&orders, &mut command).await?;
    ensure!(
        token.starts_with(&format!("127.0.0.1:{}/?", orders.port)),
        "{token}"
    );
    accepts(&orders, &token).await.context("tollgate token")?;
    accepts(&orders, &token.replacen("/?", "?", 1))
        .await
        .context("Go's shape")
}

#[tokio::test]
async fn a_token_works_many_times_until_it_expires() -> Result<()> {
    let orders = Orders::start().await?;
    let nearly_expired = i64::try_from(
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs(),
    )? - 840;
    let token = orders.token_of(&orders.function, |request| {
        request.now_unix = nearly_expired;
    });
    accepts(&orders, &token).await?;
    accepts(&orders, &token).await
}
