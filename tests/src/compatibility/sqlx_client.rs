//! sqlx: `PgPool`, its statement cache, `query_as`, transactions, migrations with their lock, COPY, listener.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::{TryStreamExt, future::try_join_all};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgSslMode},
};

use super::{Target, steps::Steps};

/// All steps, each on a pool of its own.
pub(super) async fn run(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    migrations(target).await?;
    steps.expect("ADVISORY_LOCK");
    steps
        .done("migrations (two runs), with their advisory lock")
        .await?;
    queries(&pool(target).await?).await?;
    steps
        .done("PgPool, query, query_as, statement cache")
        .await?;
    cache(target).await?;
    steps
        .done("more statements than statement_cache_capacity; not persistent")
        .await?;
    transactions(&pool(target).await?).await?;
    steps
        .done("transactions, savepoints, dropped transactions")
        .await?;
    concurrent(&pool(target).await?).await?;
    steps
        .done("PgPool with many tasks, test_before_acquire, after_connect")
        .await?;
    streams(&pool(target).await?).await?;
    steps.done("streams of rows, several statements").await?;
    copy(target).await?;
    steps.done("COPY in and out").await?;
    types(&pool(target).await?).await?;
    steps.done("type lookups: enum, arrays, json").await?;
    settings(target).await?;
    steps.done("SET, set_config, options at startup").await?;
    errors(&pool(target).await?).await?;
    steps.done("errors leave the connection usable").await?;
    listener(target, steps).await?;
    steps.done("PgListener, until unlisten").await?;
    lock(target, steps).await?;
    steps
        .done("advisory lock of the session, until unlocked")
        .await
}

fn options(target: &Target) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(target.place.port)
        .username("app")
        .password(&target.place.password)
        .database(target.database)
        .application_name("steps")
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert(&target.place.ca_file)
}

async fn pool(target: &Target) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(3)
        .acquire_timeout(Duration::from_secs(20))
        .after_connect(|conn, _| {
            Box::pin(async move {
                conn.execute("SET TIME ZONE 'UTC'").await?;
                Ok(())
            })
        });
    Ok(pool.connect_with(options(target)).await?)
}

async fn connection(target: &Target) -> Result<PgConnection> {
    Ok(PgConnection::connect_with(&options(target)).await?)
}

async fn migrations(target: &Target) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("1_authors.sql"),
        "CREATE TABLE authors (id bigserial PRIMARY KEY, name text NOT NULL);",
    )?;
    std::fs::write(
        folder.path().join("2_books.sql"),
        "CREATE TABLE books (id bigserial PRIMARY KEY, author bigint REFERENCES authors);\n\
         CREATE INDEX ON books (author);",
    )?;
    let migrator = Migrator::new(folder.path()).await?;
    let pool = pool(target).await?;
    migrator.run(&pool).await?;
    migrator.run(&pool).await?;
    pool.close().await;
    Ok(())
}

async fn queries(pool: &PgPool) -> Result<()> {
    for n in 0..12_i32 {
        let (twice, word): (i32, String) = sqlx::query_as("SELECT $1 * 2, $2::text")
            .bind(n)
            .bind("ü")
            .fetch_one(pool)
            .await?;
        ensure!(twice == 2 * n && word == "ü", "{twice} {word}");
        let id: i64 = sqlx::query_scalar("INSERT INTO authors (name) VALUES ($1) RETURNING id")
            .bind("Ada")
            .fetch_one(pool)
            .await?;
        ensure!(id == i64::from(n) + 1, "id {id}");
    }
    Ok(())
}

async fn cache(target: &Target) -> Result<()> {
    let options = options(target).statement_cache_capacity(4);
    let mut conn = PgConnection::connect_with(&options).await?;
    for round in 0..3_i32 {
        for n in 0..12_i32 {
            let sql = AssertSqlSafe(format!("SELECT $1::int4 + {n}"));
            let sum: i32 = sqlx::query_scalar(sql)
                .bind(round)
                .fetch_one(&mut conn)
                .await?;
            ensure!(sum == round + n, "{sum}");
        }
    }
    for n in 0..5_i32 {
        let query = sqlx::query_scalar("SELECT $1::int4 * 7")
            .bind(n)
            .persistent(false);
        let answer: i32 = query.fetch_one(&mut conn).await?;
        ensure!(answer == 7 * n, "{answer}");
    }
    conn.clear_cached_statements().await?;
    conn.ping().await?;
    Ok(conn.close().await?)
}

async fn transactions(pool: &PgPool) -> Result<()> {
    sqlx::query("CREATE TABLE sqlx_tx (n int PRIMARY KEY)")
        .execute(pool)
        .await?;
    let mut transaction = pool.begin().await?;
    sqlx::query("INSERT INTO sqlx_tx VALUES (1)")
        .execute(&mut *transaction)
        .await?;
    let mut inner = transaction.begin().await?;
    let twice = sqlx::query("INSERT INTO sqlx_tx VALUES (1)")
        .execute(&mut *inner)
        .await;
    ensure!(twice.is_err(), "inserted twice");
    inner.rollback().await?;
    transaction.commit().await?;
    let mut dropped = pool.begin().await?;
    sqlx::query("INSERT INTO sqlx_tx VALUES (2)")
        .execute(&mut *dropped)
        .await?;
    drop(dropped);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlx_tx")
        .fetch_one(pool)
        .await?;
    ensure!(count == 1, "{count} rows");
    Ok(())
}

async fn concurrent(pool: &PgPool) -> Result<()> {
    let work = (0..40_i32).map(|n| async move {
        let mut transaction = pool.begin().await?;
        let answer: i32 = sqlx::query_scalar("SELECT $1 * 3")
            .bind(n)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        ensure!(answer == 3 * n, "{answer} for {n}");
        Ok(())
    });
    try_join_all(work).await?;
    Ok(())
}

async fn streams(pool: &PgPool) -> Result<()> {
    let mut rows = sqlx::query("SELECT n FROM generate_series(1, 500) n").fetch(pool);
    let mut sum = 0;
    while let Some(row) = rows.try_next().await? {
        sum += row.try_get::<i32, _>(0)?;
    }
    ensure!(sum == 125_250, "{sum}");
    pool.execute("SELECT 1; SELECT 2").await?;
    let first = sqlx::query("SELECT n FROM generate_series(1, 500) n")
        .fetch_optional(pool)
        .await?;
    ensure!(first.is_some(), "no row");
    Ok(())
}

async fn copy(target: &Target) -> Result<()> {
    let mut conn = connection(target).await?;
    conn.execute("CREATE TABLE sqlx_copied (n int, t text)")
        .await?;
    let mut sink = conn.copy_in_raw("COPY sqlx_copied FROM STDIN").await?;
    for n in 0..500 {
        sink.send(format!("{n}\trow\n").into_bytes()).await?;
    }
    ensure!(sink.finish().await? == 500, "copied in");
    let stream = conn.copy_out_raw("COPY sqlx_copied TO STDOUT").await?;
    let chunks: Vec<_> = stream.try_collect().await?;
    ensure!(chunks.len() >= 500, "copied out");
    Ok(conn.close().await?)
}

async fn types(pool: &PgPool) -> Result<()> {
    pool.execute("CREATE TYPE sqlx_mood AS ENUM ('good', 'bad')")
        .await?;
    let row = sqlx::query("SELECT 'good'::sqlx_mood, $1::text[], $2::jsonb")
        .bind(vec!["a".to_owned(), "b".to_owned()])
        .bind(serde_json::json!({"a": 1}))
        .fetch_one(pool)
        .await?;
    ensure!(row.try_get::<Vec<String>, _>(1)?.len() == 2, "array");
    ensure!(row.try_get_unchecked::<String, _>(0)? == "good", "enum");
    Ok(())
}

async fn settings(target: &Target) -> Result<()> {
    let options = options(target).options([("statement_timeout", "54321")]);
    let mut conn = PgConnection::connect_with(&options).await?;
    conn.execute("SET work_mem = '7MB'").await?;
    sqlx::query("SELECT set_config('app.tenant', $1, false)")
        .bind("7")
        .execute(&mut conn)
        .await?;
    for _ in 0..4 {
        let shown: (String, String, String) = sqlx::query_as(
            "SELECT current_setting('work_mem'), current_setting('app.tenant'), \
             current_setting('statement_timeout')",
        )
        .fetch_one(&mut conn)
        .await?;
        ensure!(
            shown == ("7MB".into(), "7".into(), "54321ms".into()),
            "{shown:?}"
        );
    }
    conn.execute("RESET ALL").await?;
    Ok(conn.close().await?)
}

async fn errors(pool: &PgPool) -> Result<()> {
    for sql in ["SELECT 1/0", "SELECT * FROM nowhere", "SELEKT"] {
        for _ in 0..2 {
            ensure!(sqlx::query(sql).execute(pool).await.is_err(), "{sql}");
        }
    }
    let three: i32 = sqlx::query_scalar("SELECT 3").fetch_one(pool).await?;
    ensure!(three == 3, "{three}");
    Ok(())
}

async fn listener(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    let pool = pool(target).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("news").await?;
    steps.held("LISTEN").await?;
    pool.execute("NOTIFY news, 'hello'").await?;
    ensure!(
        listener.recv().await?.payload() == "hello",
        "heard something else"
    );
    listener.unlisten_all().await?;
    steps.done("PgListener, until unlisten").await
}

async fn lock(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    let mut conn = connection(target).await?;
    conn.execute("SELECT pg_advisory_lock(8)").await?;
    steps.held("ADVISORY_LOCK").await?;
    conn.execute("SELECT pg_advisory_unlock(8)").await?;
    steps
        .done("advisory lock of the session, until unlocked")
        .await?;
    Ok(conn.close().await?)
}
