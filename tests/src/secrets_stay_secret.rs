//! After everything was used once, no password, token or key is in a log, an answer, a metric or a file.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::support::{APP_PASSWORD, Orders, Setup, refusal};

/// Signatures make a token secret; its other parts are in audit events on purpose.
fn signature(token: &str) -> Result<String> {
    let found = token
        .split("X-Amz-Signature=")
        .nth(1)
        .context("no signature")?;
    Ok(found.to_owned())
}

async fn use_everything(orders: &Orders) -> Result<Vec<String>> {
    let (good, bad) = (
        orders.token(),
        orders.token_of(&orders.function, |r| r.db_user = "admin"),
    );
    let mut config = orders.config();
    config.password(&good);
    let client = orders.connect_as(&config).await?;
    client.batch_execute("SET work_mem = '7MB'").await?;
    client.batch_execute("DISCARD ALL").await?;
    client.simple_query("SELECT 'Query-text-b1946ac9'").await?;
    assert!(
        client
            .simple_query("SELECT 1/0 /* Query-text-b1946ac9 */")
            .await
            .is_err()
    );
    config.password(&bad);
    refusal(orders, &config).await?;
    config.password("Typed-pw-by-mistake-902f");
    refusal(orders, &config).await?;
    let rotated = json!({"username": "app", "password": "Second-pw-6512bd43"});
    let reply = orders
        .api
        .put("/v1/secrets/orders-app/value", &rotated)
        .await?;
    ensure!(reply.status.is_success(), "{}", reply.text);
    let wrong = json!({"name": "x y", "username": "app", "password": "Refused-pw-c20ad4d7"});
    orders.api.post("/v1/secrets", &wrong).await?.expect(400)?;
    Ok(vec![
        signature(&good)?,
        signature(&bad)?,
        APP_PASSWORD.to_owned(),
        "Second-pw-6512bd43".to_owned(),
        "Refused-pw-c20ad4d7".to_owned(),
        "Typed-pw-by-mistake-902f".to_owned(),
        "Query-text-b1946ac9".to_owned(),
        orders.function.secret.clone(),
    ])
}

/// Every file below a folder that contains one of the secrets.
fn files_with(folder: &Path, secrets: &[String], found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_with(&path, secrets, found)?;
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        for secret in secrets {
            if bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
            {
                found.push(format!("{secret} in {}", path.display()));
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_secret_is_left_anywhere() -> Result<()> {
    let mut setup = Setup::newest()?;
    setup.tollgate = setup.tollgate.arg("--log-level", "trace");
    let mut orders = setup.start().await?;
    let secrets = use_everything(&orders).await?;
    let mut seen = vec![orders.metrics().await?];
    for path in [
        "/v1/databases",
        "/v1/secrets",
        "/v1/secrets/orders-app",
        "/v1/proxies",
        "/v1/proxies/orders",
        "/v1/proxies/orders/targets",
        "/v1/proxies/orders/sessions",
        "/v1/iam/users",
        "/v1/iam/users/fn",
        "/v1/iam/users/fn/access-keys",
        "/v1/iam/policies",
        "/v1/audit/decisions",
        "/readyz?verbose",
    ] {
        let reply = orders.api.get(path).await?;
        ensure!(
            reply.status.is_success(),
            "{path}: {} {}",
            reply.status,
            reply.text
        );
        seen.push(reply.text);
    }
    orders.tollgate.stop()?;
    let root = orders.tollgate.root_key()?.secret_access_key;
    for (index, text) in seen.iter().enumerate() {
        for secret in secrets.iter().chain([&root]) {
            assert!(
                !text.contains(secret.as_str()),
                "{secret} in answer {index}"
            );
        }
    }
    let mut found = Vec::new();
    files_with(orders.tollgate.folder(), &secrets, &mut found)?;
    assert_eq!(found, Vec::<String>::new());
    let log = orders.tollgate.log();
    assert!(!log.contains(&root), "the root secret is in the log");
    Ok(())
}

#[tokio::test]
async fn the_data_folder_is_private() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let orders = Orders::start().await?;
    let mode =
        |path: &Path| Ok::<_, std::io::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
    assert_eq!(mode(&orders.tollgate.data_dir())?, 0o700);
    assert_eq!(mode(&orders.tollgate.credentials_file())?, 0o600);
    for entry in fs::read_dir(orders.tollgate.data_dir())? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let public = name == "ca.pem" || path.is_dir();
        assert!(
            public || mode(&path)? == 0o600,
            "{name} is readable by others"
        );
    }
    Ok(())
}
