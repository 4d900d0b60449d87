//! Temporary credentials: an assumed role's token logs in to a proxy, within the session's limits and life.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tollgate_testkit::{MySqlKind, MySqlOptions};

use crate::support::{
    Key, MySqlOrders, Orders, Place, connect_policy, correlation_id, decision, eventually, python,
    refusal, run_script, script,
};

const ROLE: &str = "arn:aws:iam::000000000000:role/fn-role";

/// A role that user `fn` may assume and that may connect as `app`.
async fn role(api: &tollgate_testkit::Api) -> Result<()> {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/fn"},
        "Action": "sts:AssumeRole",
    }]});
    let body = json!({"name": "fn-role", "trustPolicy": trust});
    api.post("/v1/iam/roles", &body).await?.expect(201)?;
    let attached = api
        .put("/v1/iam/roles/fn-role/policies/connect-orders", &json!({}))
        .await?;
    ensure!(attached.status.is_success(), "attaching: {}", attached.text);
    Ok(())
}

/// A token made by boto3 with the role's session.
async fn token(
    place: &Place,
    key: &Key,
    api: &str,
    port: u16,
    policy: Option<&str>,
) -> Result<String> {
    let mut command = Command::new(python());
    command
        .arg(script("aws/assume_role.py"))
        .args([api, ROLE, &port.to_string(), "app"])
        .args(policy)
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    Ok(run_script(place, &mut command).await?.trim().to_owned())
}

#[tokio::test]
async fn an_assumed_role_logs_in_until_it_is_revoked() -> Result<()> {
    let orders = Orders::start().await?;
    role(&orders.api).await?;
    let (place, url) = (Place::proxy(&orders), orders.tollgate.url());
    let token = |policy| token(&place, &orders.function, &url, orders.port, policy);
    let mut config = orders.config();
    config.password(token(None).await?);
    // The data plane hears of the role with the next snapshot.
    let client = eventually(async || orders.connect_as(&config).await)
        .await
        .context("the role's token was refused")?;
    client.query_one("SELECT 1", &[]).await?;

    let elsewhere = connect_policy("somebody-else").to_string();
    let mut narrowed = orders.config();
    narrowed.password(token(Some(&elsewhere)).await?);
    let refused = refusal(&orders, &narrowed).await?;
    let event = decision(&orders, &correlation_id(refused.message())?).await?;
    ensure!(event["reason"] == "POLICY_IMPLICIT_DENY", "{event}");
    let shown = "arn:aws:sts::000000000000:assumed-role/fn-role/fn1";
    ensure!(event["principalArn"] == shown, "{event}");

    let revoke = json!({"principal": ROLE});
    orders
        .api
        .post("/v1/iam:revoke-sessions", &revoke)
        .await?
        .expect(200)?;
    let mut refused = None;
    // The data plane hears of it with the next snapshot.
    for _ in 0..1200 {
        match config.connect(orders.tls.clone()).await {
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            Err(error) => {
                refused = Some(error.as_db_error().cloned().context("not by protocol")?);
                break;
            }
        }
    }
    let refused = refused.context("a revoked session still logs in")?;
    let event = decision(&orders, &correlation_id(refused.message())?).await?;
    ensure!(event["reason"] == "SESSION_REVOKED", "{event}");
    Ok(())
}

#[tokio::test]
async fn an_assumed_role_logs_in_to_mysql_and_mariadb() -> Result<()> {
    for kind in MySqlKind::ALL.into_iter().filter(|kind| kind.available()) {
        let orders = MySqlOrders::start(MySqlOptions::new(kind), 2).await?;
        role(&orders.api).await?;
        let place = Place {
            port: orders.port,
            password: String::new(),
            ca_file: orders.proxy_ca(),
        };
        let url = orders.tollgate.url();
        let token = token(&place, &orders.function, &url, orders.port, None).await?;
        let mut command = orders.server.client(orders.port, "app", &token)?;
        let ca = format!("--ssl-ca={}", orders.proxy_ca().display());
        command.args([
            ca.as_str(),
            "--batch",
            "--skip-column-names",
            "-e",
            "SELECT 40 + 2",
        ]);
        let said = run_script(&place, &mut command).await?;
        ensure!(said.trim() == "42", "{said}");
    }
    Ok(())
}
