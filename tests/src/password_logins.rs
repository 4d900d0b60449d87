//! Proxies without IAM: SCRAM-SHA-256 (with channel binding over TLS) and md5, right and wrong.

use anyhow::Result;
use serde_json::json;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tollgate_testkit::HostAuth;

use crate::support::{APP_PASSWORD, Orders, Setup, correlation_id, decision, refusal};

async fn right_and_wrong(orders: &Orders, ssl: SslMode, binding: ChannelBinding) -> Result<()> {
    let mut config = orders.config();
    config
        .ssl_mode(ssl)
        .channel_binding(binding)
        .password(APP_PASSWORD);
    let client = orders.connect_as(&config).await?;
    assert_eq!(client.query_one("SELECT 1", &[]).await?.get::<_, i32>(0), 1);
    config.password("wrong");
    let error = refusal(orders, &config).await?;
    assert_eq!(error.code().code(), "28P01", "{error:?}");
    let event = decision(orders, &correlation_id(error.message())?).await?;
    assert_eq!(event["reason"], "WRONG_PASSWORD", "{event}");
    let unknown = refusal(orders, config.user("stranger")).await?;
    assert_eq!(unknown.code().code(), "28P01", "{unknown:?}");
    let shape = |text: &str| text.split("(id").next().unwrap_or_default().to_owned();
    assert_eq!(
        shape(unknown.message()).replace("stranger", "app"),
        shape(error.message()),
        "an unknown user and a wrong password must look alike"
    );
    Ok(())
}

#[tokio::test]
async fn scram_with_channel_binding_over_tls() -> Result<()> {
    let orders = Setup::newest()?
        .passwords("POSTGRES_SCRAM_SHA_256")
        .start()
        .await?;
    right_and_wrong(&orders, SslMode::Require, ChannelBinding::Require).await?;
    right_and_wrong(&orders, SslMode::Require, ChannelBinding::Disable).await
}

#[tokio::test]
async fn scram_in_plain_text_where_tls_is_not_required() -> Result<()> {
    let setup = Setup::newest()?.passwords("POSTGRES_SCRAM_SHA_256");
    let orders = setup.proxy("requireTls", json!(false)).start().await?;
    right_and_wrong(&orders, SslMode::Disable, ChannelBinding::Disable).await
}

#[tokio::test]
async fn md5_towards_the_client() -> Result<()> {
    let orders = Setup::newest()?.passwords("POSTGRES_MD5").start().await?;
    right_and_wrong(&orders, SslMode::Require, ChannelBinding::Disable).await
}

#[tokio::test]
async fn every_method_towards_the_server() -> Result<()> {
    for auth in [
        HostAuth::Cleartext,
        HostAuth::Md5,
        HostAuth::Scram,
        HostAuth::Trust,
    ] {
        // A server without TLS gets a password in the clear only where TLS is switched off.
        let mut setup = Setup::newest()?.server_auth(auth);
        setup.target_tls = json!({"mode": "disable"});
        let orders = setup.start().await?;
        let client = orders
            .connect()
            .await
            .map_err(|e| e.context(format!("{auth:?}")))?;
        assert_eq!(client.query_one("SELECT 1", &[]).await?.get::<_, i32>(0), 1);
    }
    Ok(())
}
