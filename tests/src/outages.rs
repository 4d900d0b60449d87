//! Things go away and come back: sessions get the engine's codes, idle clients stay, work goes on.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tollgate_testkit::{
    LinkMode, Ports, Postgres, PostgresVersion, Tollgate, TollgateOptions, scripted::Message,
};

use crate::support::{APP_PASSWORD, Orders, Setup, eventually};

/// Asks until an answer comes; on the way only errors of the protocol are acceptable.
async fn works_again(client: &tokio_postgres::Client) -> Result<()> {
    eventually(async || {
        anyhow::ensure!(!client.is_closed(), "the idle client was closed");
        client.simple_query("SELECT 1").await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_stopped_server_is_an_error_and_idle_clients_stay() -> Result<()> {
    let mut orders = Setup::newest()?
        // As long as opening a connection may take on a busy machine.
        .pool("connectionBorrowTimeout", json!(5))
        .start()
        .await?;
    let client = orders.connect().await?;
    client.simple_query("SELECT 1").await?;
    orders.postgres.stop()?;
    let error = client.simple_query("SELECT 2").await.unwrap_err();
    let code = error
        .code()
        .context("no error of the protocol")?
        .code()
        .to_owned();
    assert!(
        ["53300", "08006", "57P03", "57P01"].contains(&code.as_str()),
        "{error:?}"
    );
    orders.wait_for_target("UNAVAILABLE").await?;
    orders.postgres.restart()?;
    works_again(&client).await?;
    orders.wait_for_target("AVAILABLE").await?;
    orders.connect().await?.simple_query("SELECT 3").await?;
    Ok(())
}

#[tokio::test]
async fn a_shutdown_in_the_middle_is_57p01_in_the_servers_words() -> Result<()> {
    let mut orders = Orders::start().await?;
    let mut client = orders.scripted().await?;
    client.query("BEGIN").await?;
    client.until_ready().await?;
    orders.postgres.stop()?;
    let heard = client.until_closed().await?;
    let errors: Vec<_> = heard.iter().filter(|message| message.tag == b'E').collect();
    assert_eq!(
        errors.len(),
        1,
        "exactly one error, the server's: {errors:?}"
    );
    assert_eq!(errors[0].sqlstate().as_deref(), Some("57P01"));
    Ok(())
}

#[tokio::test]
async fn a_killed_server_is_08006() -> Result<()> {
    let mut orders = Orders::start().await?;
    let idle = orders.connect().await?;
    let mut client = orders.scripted().await?;
    client.query("BEGIN").await?;
    client.until_ready().await?;
    orders.postgres.kill()?;
    let heard = client.until_closed().await?;
    let error = heard
        .iter()
        .find(|message| message.tag == b'E')
        .context("closed without a word")?;
    assert_eq!(error.sqlstate().as_deref(), Some("08006"), "{error:?}");
    orders.postgres.restart()?;
    works_again(&idle).await
}

#[tokio::test]
async fn a_cut_link_is_08006_and_the_next_query_works() -> Result<()> {
    let orders = Setup::newest()?.through_link().start().await?;
    let idle = orders.connect().await?;
    idle.simple_query("SELECT 1").await?;
    let mut client = orders.scripted().await?;
    client.query("SELECT pg_sleep(30)").await?;
    eventually(async || {
        let sessions = orders.sessions().await?;
        anyhow::ensure!(
            sessions.iter().any(|row| row["state"] == "active"),
            "{sessions:?}"
        );
        Ok(())
    })
    .await?;
    orders.link.as_ref().context("no link")?.cut();
    let heard = client.until_closed().await?;
    let states: Vec<_> = heard.iter().filter_map(Message::sqlstate).collect();
    assert_eq!(states, ["08006"]);
    // A request that is sent on a connection whose end has not been noticed ends its session: what became of
    // it is not known. Another client may find that out.
    eventually(async || {
        let other = orders.connect().await?;
        other.simple_query("SELECT 1").await?;
        Ok(())
    })
    .await?;
    works_again(&idle).await
}

#[tokio::test]
async fn a_trickling_server_is_only_slow() -> Result<()> {
    let orders = Setup::newest()?.through_link().start().await?;
    orders
        .link
        .as_ref()
        .context("no link")?
        .set(LinkMode::ByteAtATime);
    let client = orders.connect().await?;
    let rows = client
        .query(
            "SELECT n, repeat('x', 40) FROM generate_series(1, 200) n",
            &[],
        )
        .await?;
    assert_eq!(rows.len(), 200);
    Ok(())
}

#[tokio::test]
async fn starts_and_listens_with_every_target_away() -> Result<()> {
    let mut orders = Setup::newest()?.start().await?;
    orders.postgres.stop()?;
    orders.tollgate.restart()?;
    orders.wait_until_available().await?;
    let ready = orders.api.anonymous("/readyz?verbose").await?;
    assert_eq!(ready.status.as_u16(), 200, "{}", ready.text);
    // The status is that of the last run: the port may be opened a moment later.
    eventually(async || Ok(tokio::net::TcpStream::connect(("127.0.0.1", orders.port)).await?))
        .await?;
    let error = crate::support::refusal(&orders, &orders.config()).await?;
    assert!(
        ["08001", "57P03"].contains(&error.code().code()),
        "{error:?}"
    );
    orders.postgres.restart()?;
    eventually(async || {
        orders.connect().await?.simple_query("SELECT 1").await?;
        Ok(())
    })
    .await
}

/// A metadata store on a PostgreSQL of its own.
struct Metadata {
    server: Postgres,
    options: TollgateOptions,
}

fn metadata() -> Result<Metadata> {
    let server = Postgres::start(PostgresVersion::newest()?)?;
    server.user_create("meta", "Meta-pw-3c7d")?;
    server.database_create("tollgate", "meta")?;
    let url = server.url("meta", "Meta-pw-3c7d", "tollgate");
    let options = TollgateOptions::default().arg("--metadata-url", &url);
    Ok(Metadata { server, options })
}

#[tokio::test]
async fn serves_from_its_snapshot_before_the_metadata_store_answers() -> Result<()> {
    let mut metadata = metadata()?;
    let mut setup = Setup::newest()?;
    setup.tollgate = metadata.options.clone();
    let mut orders = setup.start().await?;
    orders.connect().await?.simple_query("SELECT 1").await?;
    metadata.server.stop()?;
    orders.tollgate.kill()?;
    orders.tollgate.restart()?;
    eventually(async || {
        let client = orders.connect().await?;
        client.simple_query("SELECT 2").await?;
        Ok(())
    })
    .await
    .context("no service from the snapshot")?;
    let ready = orders.api.anonymous("/readyz?verbose").await?;
    assert!(ready.text.contains("metadata"), "{}", ready.text);
    let write = orders
        .api
        .post("/v1/iam/users", &json!({"name": "late"}))
        .await?;
    assert_eq!(write.status.as_u16(), 503, "{}", write.text);
    assert!(write.header("retry-after").is_some());
    metadata.server.restart()?;
    eventually(async || {
        let reply = orders
            .api
            .post("/v1/iam/users", &json!({"name": "late"}))
            .await?;
        reply.expect(201)
    })
    .await?;
    orders.connect().await?.simple_query("SELECT 3").await?;
    Ok(())
}

#[tokio::test]
async fn first_start_with_the_metadata_store_away_listens_and_says_so() -> Result<()> {
    let nobody = Ports::reserve(1)?;
    let port = nobody.first();
    let url = format!("postgres://meta:Meta-pw-3c7d@127.0.0.1:{port}/tollgate");
    let tollgate = Tollgate::start_with(TollgateOptions::default().arg("--metadata-url", &url))?;
    let api = tollgate.api()?;
    let ready = api.anonymous("/readyz?verbose").await?;
    assert_eq!(ready.status.as_u16(), 503, "{}", ready.text);
    assert!(ready.text.contains("metadata"), "{}", ready.text);
    assert_eq!(api.get("/v1/proxies").await?.status.as_u16(), 503);
    assert!(
        !tollgate.log().contains("Meta-pw-3c7d"),
        "the store's password is in the log"
    );
    Ok(())
}

#[tokio::test]
async fn a_metadata_store_on_postgres_carries_everything() -> Result<()> {
    let metadata = metadata()?;
    let mut setup = Setup::newest()?;
    setup.tollgate = metadata.options.clone();
    let mut orders = setup.start().await?;
    orders.connect().await?.simple_query("SELECT 1").await?;
    orders.tollgate.restart()?;
    orders.wait_until_available().await?;
    orders.wait_for_target("AVAILABLE").await?;
    // Both are what the last run has written: the port may be opened a moment later.
    let client = eventually(async || orders.connect().await).await?;
    client.simple_query("SELECT 2").await?;
    let sealed = metadata.server.superuser_sql(
        "tollgate",
        "SELECT string_agg(t::text, ' ') FROM secret_versions t",
    )?;
    assert!(!sealed.is_empty() && !sealed.contains(APP_PASSWORD));
    Ok(())
}

#[tokio::test]
async fn a_stalled_server_keeps_nobody_for_ever() -> Result<()> {
    let setup = Setup::newest()?
        .through_link()
        .pool_size(1)
        // Long enough to open one on a busy machine, and over before a probe gives the server up.
        .pool("connectionBorrowTimeout", json!(3));
    let orders = setup.start().await?;
    let stuck = orders.connect().await?;
    stuck.simple_query("SELECT 1").await?;
    let link = orders.link.as_ref().context("no link")?;
    link.set(LinkMode::Stall);
    let hanging = stuck.simple_query("SELECT 2");
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let other = orders.connect().await?;
        let error = other.simple_query("SELECT 3").await.unwrap_err();
        let code = error.code().context("no error of the protocol")?;
        assert_eq!(code.code(), "53300");
        link.set(LinkMode::Forward);
        anyhow::Ok(())
    };
    let (hung, waited) = tokio::join!(hanging, waiting);
    waited?;
    hung?;
    Ok(())
}
