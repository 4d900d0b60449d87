//! sqlx: `MySqlPool`, its statement cache, transactions, migrations with their lock, streams.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::{TryStreamExt, future::try_join_all};
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, MySqlPool, Row,
    migrate::Migrator,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode},
};

use super::{Steps, Target, step};

/// All steps, each on connections of its own.
pub(super) async fn run(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    let moved = migrations(target).await;
    steps.expect("ADVISORY_LOCK");
    step(steps, "migrations (two runs), with their GET_LOCK", async {
        moved
    })
    .await?;
    step(
        steps,
        "MySqlPool, query, query_as, statement cache",
        queries(target),
    )
    .await?;
    step(
        steps,
        "more statements than statement_cache_capacity; not persistent",
        cache(target),
    )
    .await?;
    step(
        steps,
        "transactions, savepoints, dropped transactions",
        transactions(target),
    )
    .await?;
    step(
        steps,
        "MySqlPool with many tasks, test_before_acquire, after_connect",
        concurrent(target),
    )
    .await?;
    step(
        steps,
        "streams of rows, several statements",
        streams(target),
    )
    .await?;
    step(steps, "types: JSON, blobs, dates, unsigned", types(target)).await?;
    step(steps, "SET, time zones, charset latin1", settings(target)).await?;
    step(steps, "stored procedure", procedure(target)).await?;
    step(
        steps,
        "values over 16 MiB in both directions",
        large(target),
    )
    .await?;
    step(steps, "errors leave the connection usable", errors(target)).await?;
    temporary(target, steps).await?;
    steps.done("temporary table, until DROP").await
}

fn options(target: &Target) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(target.port)
        .username("app")
        .password(&target.password)
        .database(target.database)
        .ssl_mode(MySqlSslMode::VerifyIdentity)
        .ssl_ca(&target.ca_file)
}

async fn pool(target: &Target) -> Result<MySqlPool> {
    let pool = MySqlPoolOptions::new()
        .max_connections(3)
        .acquire_timeout(Duration::from_secs(20))
        .after_connect(|conn, _| {
            Box::pin(async move {
                conn.execute("SET SESSION lock_wait_timeout = 9").await?;
                Ok(())
            })
        });
    Ok(pool.connect_with(options(target)).await?)
}

async fn connection(target: &Target) -> Result<MySqlConnection> {
    Ok(MySqlConnection::connect_with(&options(target)).await?)
}

async fn migrations(target: &Target) -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("1_authors.sql"),
        "CREATE TABLE authors (id BIGINT PRIMARY KEY AUTO_INCREMENT, name TEXT NOT NULL);",
    )?;
    std::fs::write(
        folder.path().join("2_books.sql"),
        "CREATE TABLE books (id BIGINT PRIMARY KEY AUTO_INCREMENT, author BIGINT REFERENCES authors (id));\n\
         CREATE INDEX by_author ON books (author);",
    )?;
    let migrator = Migrator::new(folder.path()).await?;
    let pool = pool(target).await?;
    migrator.run(&pool).await?;
    migrator.run(&pool).await?;
    pool.close().await;
    Ok(())
}

async fn queries(target: &Target) -> Result<()> {
    let pool = pool(target).await?;
    for n in 0..12_i64 {
        let (twice, word): (i64, String) = sqlx::query_as("SELECT ? * 2, ?")
            .bind(n)
            .bind("ü🙂")
            .fetch_one(&pool)
            .await?;
        ensure!(twice == 2 * n && word == "ü🙂", "{twice} {word}");
        let done = sqlx::query("INSERT INTO authors (name) VALUES (?)")
            .bind("Ada")
            .execute(&pool)
            .await?;
        ensure!(i64::try_from(done.last_insert_id())? == n + 1, "{done:?}");
    }
    pool.close().await;
    Ok(())
}

async fn cache(target: &Target) -> Result<()> {
    let options = options(target).statement_cache_capacity(4);
    let mut conn = MySqlConnection::connect_with(&options).await?;
    for round in 0..3_i64 {
        for n in 0..12_i64 {
            let sql = AssertSqlSafe(format!("SELECT ? + {n}"));
            let sum: i64 = sqlx::query_scalar(sql)
                .bind(round)
                .fetch_one(&mut conn)
                .await?;
            ensure!(sum == round + n, "{sum}");
        }
    }
    for n in 0..5_i64 {
        let query = sqlx::query_scalar("SELECT ? * 7").bind(n).persistent(false);
        let answer: i64 = query.fetch_one(&mut conn).await?;
        ensure!(answer == 7 * n, "{answer}");
    }
    conn.clear_cached_statements().await?;
    conn.ping().await?;
    Ok(conn.close().await?)
}

async fn transactions(target: &Target) -> Result<()> {
    let pool = pool(target).await?;
    sqlx::query("CREATE TABLE sqlx_tx (n INT PRIMARY KEY)")
        .execute(&pool)
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
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlx_tx")
        .fetch_one(&pool)
        .await?;
    ensure!(count == 1, "{count} rows");
    pool.close().await;
    Ok(())
}

async fn concurrent(target: &Target) -> Result<()> {
    let pool = pool(target).await?;
    let work = (0..40_i64).map(|n| {
        let pool = pool.clone();
        async move {
            let mut transaction = pool.begin().await?;
            let (answer, patience): (i64, i64) =
                sqlx::query_as("SELECT ? * 3, CAST(@@lock_wait_timeout AS SIGNED)")
                    .bind(n)
                    .fetch_one(&mut *transaction)
                    .await?;
            transaction.commit().await?;
            ensure!(
                answer == 3 * n && patience == 9,
                "{answer} for {n}, {patience}"
            );
            Ok(())
        }
    });
    try_join_all(work).await?;
    pool.close().await;
    Ok(())
}

async fn streams(target: &Target) -> Result<()> {
    let pool = pool(target).await?;
    let sql = "SELECT a.id FROM authors a, authors b, authors c WHERE a.id > ?";
    let mut rows = sqlx::query(sql).bind(0).fetch(&pool);
    let mut count = 0;
    while rows.try_next().await?.is_some() {
        count += 1;
    }
    drop(rows);
    ensure!(count == 12 * 12 * 12, "{count}");
    pool.execute("SELECT 1; SELECT 2").await?;
    let first = sqlx::query(sql).bind(0).fetch_optional(&pool).await?;
    ensure!(first.is_some(), "no row");
    pool.close().await;
    Ok(())
}

async fn types(target: &Target) -> Result<()> {
    let mut conn = connection(target).await?;
    conn.execute(
        "CREATE TABLE sqlx_kinds (u BIGINT UNSIGNED, j JSON, b VARBINARY(9), micro DATETIME(6))",
    )
    .await?;
    let micro = sqlx::types::chrono::DateTime::from_timestamp_micros(1_709_168_523_456_789)
        .map(|time| time.naive_utc());
    sqlx::query("INSERT INTO sqlx_kinds VALUES (?, ?, ?, ?)")
        .bind(u64::MAX)
        .bind(serde_json::json!({"a": [1]}))
        .bind(vec![0_u8, 255])
        .bind(micro)
        .execute(&mut conn)
        .await?;
    let row = sqlx::query("SELECT u, b, micro FROM sqlx_kinds WHERE u > ?")
        .bind(1)
        .fetch_one(&mut conn)
        .await?;
    ensure!(row.try_get::<u64, _>(0)? == u64::MAX, "unsigned");
    ensure!(row.try_get::<Vec<u8>, _>(1)? == [0, 255], "bytes");
    ensure!(
        row.try_get::<Option<sqlx::types::chrono::NaiveDateTime>, _>(2)? == micro,
        "date"
    );
    Ok(conn.close().await?)
}

async fn settings(target: &Target) -> Result<()> {
    let options = options(target)
        .charset("latin1")
        .timezone("+05:30".to_owned());
    let mut conn = MySqlConnection::connect_with(&options).await?;
    for _ in 0..3 {
        let row: (String, String, i64) = sqlx::query_as(
            "SELECT @@time_zone, @@character_set_client, CAST(HOUR(FROM_UNIXTIME(0)) AS SIGNED)",
        )
        .fetch_one(&mut conn)
        .await?;
        ensure!(
            row == ("+05:30".to_owned(), "latin1".to_owned(), 5),
            "{row:?}"
        );
        conn.execute("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            .await?;
    }
    Ok(conn.close().await?)
}

async fn procedure(target: &Target) -> Result<()> {
    let mut conn = connection(target).await?;
    conn.execute("CREATE PROCEDURE sqlx_two(IN a INT) BEGIN SELECT a; SELECT a + 1; END")
        .await?;
    for n in 0..3_i64 {
        let rows = sqlx::query("CALL sqlx_two(?)")
            .bind(n)
            .fetch_all(&mut conn)
            .await?;
        ensure!(rows.len() == 2, "{} rows", rows.len());
    }
    Ok(conn.close().await?)
}

async fn large(target: &Target) -> Result<()> {
    let mut conn = connection(target).await?;
    let sent = vec![b'x'; 17 << 20];
    let length: i64 = sqlx::query_scalar("SELECT LENGTH(?)")
        .bind(&sent)
        .fetch_one(&mut conn)
        .await?;
    ensure!(usize::try_from(length)? == sent.len(), "{length}");
    let received: Vec<u8> =
        sqlx::query_scalar("SELECT CAST(REPEAT('y', 17 * 1024 * 1024) AS BINARY)")
            .fetch_one(&mut conn)
            .await?;
    ensure!(received.len() == 17 << 20, "{}", received.len());
    Ok(conn.close().await?)
}

async fn errors(target: &Target) -> Result<()> {
    let mut conn = connection(target).await?;
    for (state, sql) in [
        ("42000", "SELEKT"),
        ("42S02", "SELECT * FROM nowhere"),
        ("23000", "INSERT INTO sqlx_tx VALUES (1)"),
    ] {
        let error = sqlx::query(sql).execute(&mut conn).await;
        let error = error.err().and_then(sqlx::Error::into_database_error);
        let found = error.as_ref().and_then(|error| error.code());
        ensure!(found.as_deref() == Some(state), "{sql}: {error:?}");
    }
    let three: i64 = sqlx::query_scalar("SELECT 3").fetch_one(&mut conn).await?;
    ensure!(three == 3, "{three}");
    Ok(conn.close().await?)
}

async fn temporary(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    let mut conn = connection(target).await?;
    conn.execute("CREATE TEMPORARY TABLE staying (n INT)")
        .await?;
    steps.held("TEMPORARY_OBJECT").await?;
    sqlx::query("INSERT INTO staying VALUES (?)")
        .bind(5)
        .execute(&mut conn)
        .await?;
    conn.execute("DROP TEMPORARY TABLE staying").await?;
    Ok(conn.close().await?)
}
