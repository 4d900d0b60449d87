//! Certificates given by the operator: shown to clients, read again on SIGHUP, kept when unusable.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tollgate_testkit::{ClientTls, ScriptedClient, TestCa, Tollgate, TollgateOptions};

use crate::support::eventually;

/// Puts a certificate of `ca` where the program looks for it.
fn issue(ca: &TestCa, folder: &std::path::Path) -> Result<()> {
    let identity = ca.server(&["127.0.0.1", "localhost"])?;
    fs::write(folder.join("chain.pem"), &identity.cert_pem)?;
    fs::write(folder.join("key.pem"), &identity.key_pem)?;
    Ok(())
}

fn hang_up(tollgate: &Tollgate) -> Result<()> {
    let id = tollgate.id().context("not running")?.to_string();
    let status = Command::new("kill").args(["-HUP", &id]).status()?;
    ensure!(status.success(), "kill -HUP: {status}");
    Ok(())
}

async fn shakes_hands(port: u16, ca: &TestCa) -> Result<()> {
    let tls = ClientTls::trusting(&ca.cert_pem())?;
    ScriptedClient::tls(port, &tls).await.map(drop)
}

#[tokio::test]
async fn given_certificates_are_served_and_read_again_on_hangup() -> Result<()> {
    let (first, second) = (TestCa::new()?, TestCa::new()?);
    let folder = tempfile::tempdir()?;
    issue(&first, folder.path())?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let options = TollgateOptions::default()
        .arg("--tls-cert", &path("chain.pem"))
        .arg("--tls-key", &path("key.pem"));
    let tollgate = Tollgate::start_with(options)?;
    let api = tollgate.api()?;
    let secret = json!({"name": "s", "username": "app", "password": "unused"});
    api.post("/v1/secrets", &secret).await?.expect(201)?;
    let proxy = json!({"name": "orders", "engineFamily": "POSTGRESQL", "auth": [{"secret": "s"}]});
    api.post("/v1/proxies", &proxy).await?.expect(201)?;
    let wait = "/v1/proxies/orders?waitFor=available&timeout=60s";
    let port = api.get(wait).await?.expect(200)?["endpoints"][0]["port"]
        .as_u64()
        .context("no port")?;
    let port = u16::try_from(port)?;
    shakes_hands(port, &first).await?;
    assert!(shakes_hands(port, &second).await.is_err());

    fs::write(path("chain.pem"), "not a certificate")?;
    hang_up(&tollgate)?;
    eventually(async || {
        ensure!(
            tollgate.log().contains("certificates not reloaded"),
            "not told"
        );
        Ok(())
    })
    .await?;
    shakes_hands(port, &first).await?;

    issue(&second, folder.path())?;
    hang_up(&tollgate)?;
    eventually(async || shakes_hands(port, &second).await).await?;
    assert!(shakes_hands(port, &first).await.is_err());
    Ok(())
}
