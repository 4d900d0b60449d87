//! The operator's road over REST: from nothing to an available proxy, and what the answers look like.

use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::json;
use tollgate_testkit::{Ports, Postgres, PostgresVersion, Tollgate};

use crate::support::{APP_PASSWORD, Orders, PATIENCE, Setup};

#[tokio::test]
async fn from_serve_to_an_available_proxy() -> Result<()> {
    let started = Instant::now();
    let tollgate = Tollgate::start()?;
    let live = started.elapsed();
    let api = tollgate.api()?;
    let body = json!({"name": "orders", "engineFamily": "POSTGRESQL", "auth": []});
    let reply = api.post("/v1/proxies", &body).await?;
    assert_eq!(reply.status.as_u16(), 201, "{}", reply.text);
    assert_eq!(reply.header("location"), Some("/v1/proxies/orders"));
    assert!(reply.header("etag").is_some());
    assert_eq!(reply.json["status"], "creating");
    let reply = api
        .get("/v1/proxies/orders?waitFor=available&timeout=60s")
        .await?;
    let available = started.elapsed();
    assert_eq!(
        reply.header("wait-result"),
        Some("satisfied"),
        "{}",
        reply.text
    );
    assert_eq!(reply.json["status"], "available");
    println!("serve to live: {live:?}; serve to an available proxy: {available:?}");
    let port = reply.json["endpoints"][0]["port"]
        .as_u64()
        .context("no port")?;
    assert_eq!(port, u64::from(tollgate.first_endpoint_port()));
    let id = reply.json["id"].as_str().context("no id")?;
    assert!(id.starts_with("prx-") && id.len() == 21, "{id}");
    assert_eq!(
        reply.json["connectArn"],
        format!("arn:aws:rds-db:us-east-1:000000000000:dbuser:{id}/{{dbUser}}")
    );
    tokio::net::TcpStream::connect(("127.0.0.1", u16::try_from(port)?)).await?;
    Ok(())
}

#[tokio::test]
async fn a_target_becomes_available_on_both_versions() -> Result<()> {
    for version in PostgresVersion::ALL {
        if !version.available() {
            continue;
        }
        let orders = Setup::new(version).start().await?;
        let health = orders.wait_for_target("AVAILABLE").await?;
        for step in ["dns", "tcp", "auth", "role"] {
            assert_eq!(health["checks"][step]["outcome"], "ok", "{step}: {health}");
        }
        assert_eq!(health["checks"]["tls"]["outcome"], "skipped", "{health}");
        assert_eq!(health["role"], "READ_WRITE");
        let client = orders.connect().await?;
        let shown: String = client
            .query_one("SHOW server_version_num", &[])
            .await?
            .get(0);
        assert!(shown.starts_with(&version.major().to_string()));
    }
    Ok(())
}

#[tokio::test]
async fn health_names_the_step_that_failed_and_the_servers_words() -> Result<()> {
    let postgres = Postgres::start(PostgresVersion::newest()?)?;
    postgres.user_create("app", APP_PASSWORD)?;
    postgres.database_create("orders", "app")?;
    let tollgate = Tollgate::start()?;
    let api = tollgate.api()?;
    let secret = json!({"name": "app", "username": "app", "password": "not the password"});
    api.post("/v1/secrets", &secret).await?.expect(201)?;
    let nobody = Ports::reserve(1)?;
    let cases = [
        (
            "nowhere",
            "no-such-host.invalid",
            5432,
            "disable",
            "dns",
            "UNREACHABLE",
        ),
        (
            "closed",
            "127.0.0.1",
            nobody.first(),
            "disable",
            "tcp",
            "UNREACHABLE",
        ),
        (
            "no-tls",
            "127.0.0.1",
            postgres.port(),
            "require",
            "tls",
            "CONNECTION_FAILED",
        ),
        (
            "refused",
            "127.0.0.1",
            postgres.port(),
            "disable",
            "auth",
            "AUTH_FAILURE",
        ),
    ];
    for (name, host, port, tls, step, reason) in cases {
        let database = json!({
            "name": name, "engine": "postgres", "host": host, "port": port, "tls": {"mode": tls},
        });
        api.post("/v1/databases", &database).await?.expect(201)?;
        let proxy = json!({
            "name": name, "engineFamily": "POSTGRESQL",
            "auth": [{"secret": "app", "iamAuth": "REQUIRED"}],
        });
        api.post("/v1/proxies", &proxy).await?.expect(201)?;
        let targets = format!("/v1/proxies/{name}/targets");
        api.post(&targets, &json!({"database": name}))
            .await?
            .expect(201)?;
        let body = api
            .until(&targets, PATIENCE, |body| {
                body["items"][0]["health"]["state"] == "UNAVAILABLE"
            })
            .await?;
        let health = &body["items"][0]["health"];
        assert_eq!(health["failedStep"], step, "{health}");
        assert_eq!(health["reason"], reason, "{health}");
        assert_eq!(health["checks"][step]["outcome"], "failed", "{health}");
        let words = health["description"].as_str().unwrap_or_default();
        let quoted = step != "auth" || words.contains("password authentication failed");
        assert!(quoted, "{health}");
    }
    Ok(())
}

#[tokio::test]
async fn targets_are_reached_as_strictly_as_the_operator_says() -> Result<()> {
    let ca = tollgate_testkit::TestCa::new()?;
    let stranger = tollgate_testkit::TestCa::new()?;
    for (mode, trusted, names, works) in [
        ("verify-full", &ca, "127.0.0.1", true),
        ("verify-full", &ca, "db.example.org", false),
        ("verify-ca", &ca, "db.example.org", true),
        ("verify-ca", &stranger, "127.0.0.1", false),
        ("require", &stranger, "127.0.0.1", true),
    ] {
        let mut setup = Setup::newest()?;
        setup.postgres = setup.postgres.tls(ca.server(&[names])?);
        setup.target_tls = json!({"mode": mode, "caPem": trusted.cert_pem()});
        let started = setup.start_without_target().await?;
        let state = if works { "AVAILABLE" } else { "UNAVAILABLE" };
        let health = started.wait_for_target(state).await?;
        let outcome = if works { "ok" } else { "failed" };
        assert_eq!(
            health["checks"]["tls"]["outcome"], outcome,
            "{mode} {names}: {health}"
        );
        if works {
            let client = started.connect().await?;
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            assert!(
                client.query_one(sql, &[]).await?.get::<_, bool>(0),
                "{mode}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn wrong_bodies_are_refused_with_every_wrong_field() -> Result<()> {
    let tollgate = Tollgate::start()?;
    let api = tollgate.api()?;
    let body = json!({"name": "Bad Name!", "engineFamily": "ORACLE", "surprise": 1});
    let reply = api.post("/v1/proxies", &body).await?;
    assert_eq!(reply.status.as_u16(), 400, "{}", reply.text);
    assert_eq!(
        reply.header("content-type"),
        Some("application/problem+json")
    );
    let errors = reply.json["errors"].as_array().cloned().unwrap_or_default();
    for pointer in ["/name", "/engineFamily", "/surprise"] {
        assert!(
            errors.iter().any(|error| error["pointer"] == pointer),
            "{pointer}: {}",
            reply.text
        );
    }
    assert!(reply.json["requestId"].is_string());
    Ok(())
}

#[tokio::test]
async fn callers_are_authenticated_and_authorised() -> Result<()> {
    let orders = Orders::start().await?;
    assert_eq!(
        orders.api.anonymous("/v1/proxies").await?.status.as_u16(),
        401
    );
    let wrong = orders.api.as_key(&orders.function.id, "wrong");
    assert_eq!(wrong.get("/v1/proxies").await?.status.as_u16(), 401);
    let function = orders
        .api
        .as_key(&orders.function.id, &orders.function.secret);
    let refused = function.get("/v1/proxies").await?;
    assert_eq!(refused.status.as_u16(), 403, "{}", refused.text);
    assert_eq!(refused.json["code"], "ACCESS_DENIED");
    Ok(())
}

#[tokio::test]
async fn two_tollgates_run_side_by_side() -> Result<()> {
    let (one, other) = (Tollgate::start()?, Tollgate::start()?);
    for tollgate in [&one, &other] {
        let body = json!({"name": "orders", "engineFamily": "POSTGRESQL", "auth": []});
        let api = tollgate.api()?;
        api.post("/v1/proxies", &body).await?.expect(201)?;
        let path = "/v1/proxies/orders?waitFor=available&timeout=60s";
        assert_eq!(api.get(path).await?.expect(200)?["status"], "available");
    }
    assert_ne!(
        one.root_key()?.secret_access_key,
        other.root_key()?.secret_access_key
    );
    Ok(())
}
