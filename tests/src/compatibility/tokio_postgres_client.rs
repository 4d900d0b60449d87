//! tokio-postgres: prepared statements, typed queries, pipelines, portals, COPY, settings.

use anyhow::{Result, ensure};
use futures_util::{SinkExt, StreamExt, future::try_join_all, pin_mut};
use tokio_postgres::{
    Client, Config, IsolationLevel, config::SslMode, error::SqlState, types::Type,
};

use super::{Target, steps::Steps};

/// All steps, each on a connection of its own.
pub(super) async fn run(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    queries(&connect(target, "").await?).await?;
    steps
        .done("prepared statements, queries that prepare by themselves")
        .await?;
    typed(&connect(target, "").await?).await?;
    steps
        .done("query_typed, simple_query, batch_execute")
        .await?;
    pipelined(&connect(target, "").await?).await?;
    steps.done("pipelines of 100 queries").await?;
    transactions(&mut connect(target, "").await?).await?;
    steps
        .done("transactions, savepoints, isolation, portals")
        .await?;
    copy(&connect(target, "").await?).await?;
    steps.done("COPY in and out").await?;
    types(&connect(target, "").await?).await?;
    steps
        .done("type lookups: enum, composite, array, range")
        .await?;
    settings(&connect(target, "").await?).await?;
    steps.done("SET, set_config, RESET").await?;
    startup(&connect(target, "-c statement_timeout=54321 -c search_path=public").await?).await?;
    steps
        .done("options and application_name at startup")
        .await?;
    cancelled(&connect(target, "").await?, target).await?;
    steps.done("cancel, errors").await?;
    let client = connect(target, "").await?;
    client.batch_execute("LISTEN news").await?;
    steps.held("LISTEN").await?;
    client
        .batch_execute("NOTIFY news, 'hello'; UNLISTEN news")
        .await?;
    steps.done("LISTEN, until UNLISTEN").await?;
    let client = connect(target, "").await?;
    client
        .query_one("SELECT pg_advisory_lock($1)", &[&8_i64])
        .await?;
    steps.held("ADVISORY_LOCK").await?;
    client
        .query_one("SELECT pg_advisory_unlock($1)", &[&8_i64])
        .await?;
    steps
        .done("advisory lock of the session, until unlocked")
        .await
}

async fn connect(target: &Target, options: &str) -> Result<Client> {
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(target.place.port)
        .user("app")
        .dbname(target.database)
        .password(&target.place.password)
        .application_name("steps")
        .ssl_mode(SslMode::Require);
    if !options.is_empty() {
        config.options(options);
    }
    let (client, connection) = config.connect(target.tls.clone()).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn text(client: &Client, sql: &str) -> Result<String> {
    Ok(client.query_one(sql, &[]).await?.get(0))
}

async fn queries(client: &Client) -> Result<()> {
    let statement = client.prepare("SELECT $1::int4 * 2").await?;
    for n in 0..12_i32 {
        let twice: i32 = client.query_one(&statement, &[&n]).await?.get(0);
        let more: i32 = client.query_one("SELECT $1::int4 + 1", &[&n]).await?.get(0);
        ensure!(twice == 2 * n && more == n + 1, "{n}: {twice}, {more}");
    }
    Ok(())
}

async fn typed(client: &Client) -> Result<()> {
    for n in 0..5_i32 {
        let rows = client
            .query_typed("SELECT $1 * 3", &[(&n, Type::INT4)])
            .await?;
        ensure!(
            rows.first()
                .is_some_and(|row| row.get::<_, i32>(0) == 3 * n),
            "typed {n}"
        );
    }
    client.batch_execute("SELECT 1; SELECT 2").await?;
    ensure!(
        client.simple_query("SELECT 1; SELECT 2").await?.len() >= 4,
        "simple"
    );
    Ok(())
}

async fn pipelined(client: &Client) -> Result<()> {
    let at_once =
        (0..100_i32).map(|n| async move { client.query_one("SELECT $1::int4 + 1", &[&n]).await });
    for (n, row) in (0..100_i32).zip(try_join_all(at_once).await?) {
        ensure!(row.get::<_, i32>(0) == n + 1, "pipelined {n}");
    }
    Ok(())
}

async fn transactions(client: &mut Client) -> Result<()> {
    client
        .batch_execute("CREATE TABLE tokio_tx (n int PRIMARY KEY)")
        .await?;
    let mut transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::Serializable)
        .start()
        .await?;
    transaction
        .execute("INSERT INTO tokio_tx VALUES (1)", &[])
        .await?;
    let inner = transaction.savepoint("a").await?;
    ensure!(
        inner
            .execute("INSERT INTO tokio_tx VALUES (1)", &[])
            .await
            .is_err(),
        "twice"
    );
    inner.rollback().await?;
    let portal = transaction
        .bind("SELECT n FROM generate_series(1, 250) n", &[])
        .await?;
    let mut seen = 0;
    loop {
        let rows = transaction.query_portal(&portal, 100).await?.len();
        seen += rows;
        if rows < 100 {
            break;
        }
    }
    transaction.commit().await?;
    ensure!(seen == 250, "{seen} rows of a portal");
    client.transaction().await?.rollback().await?;
    ensure!(
        text(client, "SELECT count(*)::text FROM tokio_tx").await? == "1",
        "rows"
    );
    Ok(())
}

async fn copy(client: &Client) -> Result<()> {
    client
        .batch_execute("CREATE TABLE tokio_copied (n int, t text)")
        .await?;
    let sink = client.copy_in("COPY tokio_copied FROM STDIN").await?;
    pin_mut!(sink);
    for n in 0..1_000 {
        sink.send(std::io::Cursor::new(format!("{n}\trow\n").into_bytes()))
            .await?;
    }
    ensure!(sink.finish().await? == 1_000, "copied in");
    let stream = client.copy_out("COPY tokio_copied TO STDOUT").await?;
    pin_mut!(stream);
    let mut lines = 0;
    while let Some(chunk) = stream.next().await {
        lines += chunk?.split(|byte| *byte == b'\n').count() - 1;
    }
    ensure!(lines == 1_000, "copied out: {lines}");
    Ok(())
}

async fn types(client: &Client) -> Result<()> {
    client
        .batch_execute(
            "CREATE TYPE tokio_mood AS ENUM ('good', 'bad'); \
             CREATE TYPE tokio_pair AS (a int, b tokio_mood[]); \
             CREATE TYPE tokio_spans AS RANGE (subtype = int8)",
        )
        .await?;
    let sql = "SELECT 'good'::tokio_mood, (1, '{bad}')::tokio_pair, '[1,3)'::tokio_spans";
    let statement = client.prepare(sql).await?;
    let names: Vec<&str> = statement
        .columns()
        .iter()
        .map(|column| column.type_().name())
        .collect();
    ensure!(
        names == ["tokio_mood", "tokio_pair", "tokio_spans"],
        "{names:?}"
    );
    client.query_one(&statement, &[]).await?;
    Ok(())
}

async fn settings(client: &Client) -> Result<()> {
    client
        .batch_execute("SET work_mem = '7MB'; SET TIME ZONE 'Asia/Tokyo'")
        .await?;
    client
        .query_one("SELECT set_config('app.tenant', $1, false)", &[&"7"])
        .await?;
    for _ in 0..4 {
        ensure!(
            text(client, "SELECT current_setting('work_mem')").await? == "7MB",
            "work_mem"
        );
        ensure!(
            text(client, "SELECT current_setting('app.tenant')").await? == "7",
            "app.tenant"
        );
    }
    client.batch_execute("RESET ALL").await?;
    ensure!(
        text(client, "SELECT current_setting('work_mem')").await? == "4MB",
        "reset"
    );
    Ok(())
}

async fn startup(client: &Client) -> Result<()> {
    for _ in 0..3 {
        let shown = text(client, "SELECT current_setting('statement_timeout')").await?;
        ensure!(shown == "54321ms", "statement_timeout {shown}");
    }
    Ok(())
}

async fn cancelled(client: &Client, target: &Target) -> Result<()> {
    let (token, tls) = (client.cancel_token(), target.tls.clone());
    let cancelling = tokio::spawn(async move {
        // Before the server sleeps there is nothing to cancel.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        token.cancel_query(tls).await
    });
    let refused = client.batch_execute("SELECT pg_sleep(30)").await;
    let code = refused.as_ref().err().and_then(tokio_postgres::Error::code);
    ensure!(code == Some(&SqlState::QUERY_CANCELED), "{refused:?}");
    cancelling.await??;
    ensure!(
        client.query("SELECT * FROM nowhere", &[]).await.is_err(),
        "nowhere"
    );
    ensure!(text(client, "SELECT 'x'").await? == "x", "after errors");
    Ok(())
}
