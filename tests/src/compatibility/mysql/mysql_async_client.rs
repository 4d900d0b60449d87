//! `mysql_async`: text and binary queries, its statement cache, transactions, pool with resets, LOCAL INFILE, other users.

use anyhow::{Result, ensure};
use futures_util::{StreamExt, TryStreamExt, future::try_join_all, stream};
use mysql_async::{
    ChangeUserOpts, Conn, Error, IsolationLevel, Opts, Pool, PoolConstraints, PoolOpts, TxOpts,
    Value, params,
    prelude::{BatchQuery, Queryable, WithParams},
};

use super::{Steps, Target, step};

/// All steps, each on connections of its own.
pub(super) async fn run(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    step(
        steps,
        "queries: text, binary, named parameters",
        queries(target),
    )
    .await?;
    step(
        steps,
        "types: decimals, dates, JSON, blobs, unsigned",
        types(target),
    )
    .await?;
    step(
        steps,
        "statement cache, more statements than it holds",
        cache(target),
    )
    .await?;
    step(
        steps,
        "transactions, isolation, read only, savepoints",
        transactions(target),
    )
    .await?;
    step(
        steps,
        "exec_batch, last_insert_id, affected_rows",
        batch(target),
    )
    .await?;
    step(
        steps,
        "streams of rows, several statements in one text",
        streams(target),
    )
    .await?;
    step(
        steps,
        "stored procedure with result sets",
        procedure(target),
    )
    .await?;
    step(steps, "LOAD DATA LOCAL INFILE (handler)", load(target)).await?;
    step(
        steps,
        "values over 16 MiB in both directions",
        large(target),
    )
    .await?;
    step(
        steps,
        "init, setup, connection attributes, SET",
        settings(target),
    )
    .await?;
    step(steps, "Pool with many tasks and resets", pool(target)).await?;
    step(steps, "reset, change_user, ping", reset(target)).await?;
    step(steps, "errors leave the connection usable", errors(target)).await?;
    temporary(target, steps).await?;
    steps.done("temporary table, until DROP").await?;
    lock(target, steps).await?;
    steps
        .done("GET_LOCK of a parameter, until the connection ends")
        .await
}

async fn connect(target: &Target) -> Result<Conn> {
    Ok(Conn::new(target.opts()).await?)
}

async fn value<T>(conn: &mut Conn, sql: &str) -> Result<T>
where
    T: mysql_async::prelude::FromRow + Send + 'static,
{
    let found = conn.query_first(sql).await?;
    found.ok_or_else(|| anyhow::anyhow!("no row: {sql}"))
}

async fn refused(conn: &mut Conn, code: u16, sql: &str) -> Result<()> {
    match conn.query_drop(sql).await {
        Err(Error::Server(error)) if error.code == code => Ok(()),
        other => anyhow::bail!("{sql}: {other:?}"),
    }
}

async fn queries(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    for n in 0..10_i64 {
        let twice: Option<i64> = conn.exec_first("SELECT ? * 2", (n,)).await?;
        ensure!(twice == Some(2 * n), "{twice:?}");
        let named = "SELECT :n + 1, :word";
        let row: Option<(i64, String)> = conn
            .exec_first(named, params! {"n" => n, "word" => "ü🙂"})
            .await?;
        ensure!(row == Some((n + 1, "ü🙂".to_owned())), "{row:?}");
        let text: String = value(&mut conn, "SELECT 'text 🙂'").await?;
        ensure!(text == "text 🙂", "{text}");
    }
    Ok(())
}

/// A row of the step about types.
type Row = (u64, String, String, Vec<u8>, Value, Value);

async fn types(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    conn.query_drop(
        "CREATE TABLE async_kinds (u BIGINT UNSIGNED, d DECIMAL(30, 10), j JSON, b VARBINARY(9), t TIME, micro DATETIME(6))",
    )
    .await?;
    let micro = Value::Date(2024, 2, 29, 1, 2, 3, 456_789);
    let time = Value::Time(true, 1, 12, 0, 1, 0);
    let decimal = "12345678901234567890.0123456789";
    let row = (
        u64::MAX,
        decimal,
        "{\"a\": [1]}",
        vec![0_u8, 255],
        time.clone(),
        micro.clone(),
    );
    let insert = "INSERT INTO async_kinds VALUES (?, ?, ?, ?, ?, ?)";
    conn.exec_drop(insert, row).await?;
    let select = "SELECT * FROM async_kinds WHERE u > ?";
    let row: Option<Row> = conn.exec_first(select, (1,)).await?;
    let Some(row) = row else {
        anyhow::bail!("no row");
    };
    ensure!(
        row.0 == u64::MAX && row.1 == decimal && row.3 == [0, 255],
        "{row:?}"
    );
    ensure!(
        row.2.contains("[1]") && row.4 == time && row.5 == micro,
        "{row:?}"
    );
    Ok(())
}

async fn cache(target: &Target) -> Result<()> {
    let mut conn = Conn::new(target.opts().stmt_cache_size(Some(4))).await?;
    for round in 0..3_i64 {
        for n in 0..12_i64 {
            let sum: Option<i64> = conn.exec_first(format!("SELECT ? + {n}"), (round,)).await?;
            ensure!(sum == Some(round + n), "{sum:?}");
        }
    }
    let kept = conn.prep("SELECT ? * 7").await?;
    for n in 0..5_i64 {
        let answer: Option<i64> = conn.exec_first(&kept, (n,)).await?;
        ensure!(answer == Some(7 * n), "{answer:?}");
    }
    conn.close(kept).await?;
    Ok(())
}

async fn transactions(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    conn.query_drop("CREATE TABLE async_tx (n INT PRIMARY KEY)")
        .await?;
    let mut tx = conn.start_transaction(TxOpts::default()).await?;
    tx.query_drop("INSERT INTO async_tx VALUES (1)").await?;
    tx.query_drop("SAVEPOINT a").await?;
    ensure!(
        tx.query_drop("INSERT INTO async_tx VALUES (1)")
            .await
            .is_err(),
        "twice"
    );
    tx.query_drop("ROLLBACK TO SAVEPOINT a").await?;
    tx.commit().await?;
    let mut dropped = conn.start_transaction(TxOpts::default()).await?;
    dropped
        .query_drop("INSERT INTO async_tx VALUES (2)")
        .await?;
    drop(dropped);
    let mut options = TxOpts::default();
    options
        .with_isolation_level(Some(IsolationLevel::Serializable))
        .with_readonly(Some(true))
        .with_consistent_snapshot(true);
    let mut tx = conn.start_transaction(options).await?;
    let count: Option<i64> = tx.query_first("SELECT COUNT(*) FROM async_tx").await?;
    ensure!(count == Some(1), "{count:?}");
    ensure!(
        tx.query_drop("INSERT INTO async_tx VALUES (3)")
            .await
            .is_err(),
        "written"
    );
    tx.rollback().await?;
    Ok(conn.query_drop("INSERT INTO async_tx VALUES (4)").await?)
}

async fn batch(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    let create = "CREATE TABLE async_many (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(60))";
    conn.query_drop(create).await?;
    "INSERT INTO async_many (t) VALUES (?)"
        .with((0..200).map(|n| (format!("text {n}"),)))
        .batch(&mut conn)
        .await?;
    let inserted = conn.last_insert_id();
    let told: u64 = value(&mut conn, "SELECT LAST_INSERT_ID()").await?;
    ensure!(inserted == Some(told) && told == 200, "{inserted:?} {told}");
    conn.query_drop("UPDATE async_many SET t = 'x' WHERE n <= 100")
        .await?;
    ensure!(conn.affected_rows() == 100, "{}", conn.affected_rows());
    let count: i64 = value(&mut conn, "SELECT ROW_COUNT()").await?;
    ensure!(count == 100, "{count}");
    Ok(())
}

async fn streams(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    let rows = "SELECT a.n FROM async_many a, async_many b WHERE ? = 1";
    let rows = conn.exec_stream::<i64, _, _>(rows, (1,)).await?;
    let count = rows.try_fold(0, async |count, _| Ok(count + 1)).await?;
    ensure!(count == 40_000, "{count}");
    let mut found = conn.query_iter("SELECT 1; DO 2; SELECT 3").await?;
    let mut sets: Vec<Vec<i64>> = Vec::new();
    while !found.is_empty() || sets.len() < 3 {
        sets.push(found.collect().await?);
    }
    ensure!(sets == [vec![1], vec![], vec![3]], "{sets:?}");
    Ok(())
}

async fn procedure(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    conn.query_drop("CREATE PROCEDURE async_two(IN a INT) BEGIN SELECT a; SELECT a + 1; END")
        .await?;
    for n in 0..4_i64 {
        let mut found = conn.exec_iter("CALL async_two(?)", (n,)).await?;
        let first: Vec<i64> = found.collect().await?;
        let second: Vec<i64> = found.collect().await?;
        ensure!(first == [n] && second == [n + 1], "{first:?} {second:?}");
        found.drop_result().await?;
    }
    Ok(())
}

async fn load(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    let rows = (1000..21_000).map(|n| Ok(format!("{n},row {n}\n").into()));
    let rows: Vec<_> = rows.collect();
    conn.set_infile_handler(async move { Ok(stream::iter(rows).boxed()) });
    let load = "LOAD DATA LOCAL INFILE 'rows' INTO TABLE async_many FIELDS TERMINATED BY ','";
    conn.query_drop(load).await?;
    ensure!(conn.affected_rows() == 20_000, "{}", conn.affected_rows());
    // Without a handler it closes the connection.
    ensure!(conn.query_drop(load).await.is_err(), "no handler");
    let mut conn = connect(target).await?;
    let count: i64 = value(&mut conn, "SELECT COUNT(*) FROM async_many WHERE n >= 1000").await?;
    ensure!(count == 20_000, "{count}");
    Ok(())
}

async fn large(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    let sent = vec![b'x'; 17 << 20];
    let length: Option<usize> = conn.exec_first("SELECT LENGTH(?)", (&sent,)).await?;
    ensure!(length == Some(sent.len()), "{length:?}");
    let received: Vec<u8> = value(&mut conn, "SELECT REPEAT('y', 17 * 1024 * 1024)").await?;
    ensure!(received.len() == 17 << 20, "{}", received.len());
    Ok(())
}

async fn settings(target: &Target) -> Result<()> {
    let opts = target
        .opts()
        .init(vec!["SET time_zone = '+05:30'"])
        .setup(vec!["SET @greeting = 'hello'"])
        .connect_attribute("program", "steps");
    let mut conn = Conn::new(opts).await?;
    for _ in 0..3 {
        let row: (String, String) = value(&mut conn, "SELECT @@time_zone, @greeting").await?;
        ensure!(row == ("+05:30".to_owned(), "hello".to_owned()), "{row:?}");
    }
    conn.query_drop("SET NAMES latin1").await?;
    let names: String = value(&mut conn, "SELECT @@character_set_results").await?;
    ensure!(names == "latin1", "{names}");
    Ok(())
}

async fn pool(target: &Target) -> Result<()> {
    let limits = PoolConstraints::new(1, 3).unwrap_or_default();
    let opts = target
        .opts()
        .pool_opts(PoolOpts::new().with_constraints(limits));
    let pool = Pool::new(Opts::from(opts));
    let work = (0..40_i64).map(|n| {
        let pool = pool.clone();
        async move {
            let mut conn = pool.get_conn().await?;
            let row: Option<(i64, Option<i64>)> =
                conn.exec_first("SELECT ? * 3, @left", (n,)).await?;
            ensure!(row == Some((3 * n, None)), "{row:?}");
            conn.query_drop("SET @left = 1").await?;
            Ok(())
        }
    });
    try_join_all(work).await?;
    Ok(pool.disconnect().await?)
}

async fn reset(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    conn.query_drop("SET @a = 5, lock_wait_timeout = 7").await?;
    ensure!(conn.reset().await?, "no reset");
    let left: Option<i64> = value(&mut conn, "SELECT @a").await?;
    ensure!(left.is_none(), "{left:?}");
    conn.query_drop("SET @a = 6").await?;
    let other = ChangeUserOpts::new().with_db_name(Some("other".to_owned()));
    conn.change_user(other).await?;
    let row: (Option<i64>, String) = value(&mut conn, "SELECT @a, DATABASE()").await?;
    ensure!(row == (None, "other".to_owned()), "{row:?}");
    conn.ping().await?;
    let number: u32 = value(&mut conn, "SELECT CONNECTION_ID()").await?;
    ensure!(number == conn.id(), "{number} is not {}", conn.id());
    Ok(conn.disconnect().await?)
}

async fn errors(target: &Target) -> Result<()> {
    let mut conn = connect(target).await?;
    for _ in 0..3 {
        refused(&mut conn, 1064, "SELEKT").await?;
        refused(&mut conn, 1146, "SELECT * FROM nowhere").await?;
        refused(&mut conn, 1062, "INSERT INTO async_tx VALUES (1)").await?;
        let prepared = conn.prep("SELECT * FROM nowhere").await;
        ensure!(prepared.is_err(), "prepared");
    }
    let three: i64 = value(&mut conn, "SELECT 3").await?;
    ensure!(three == 3, "{three}");
    Ok(())
}

async fn temporary(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    let mut conn = connect(target).await?;
    conn.query_drop("CREATE TEMPORARY TABLE staying (n INT)")
        .await?;
    steps.held("TEMPORARY_OBJECT").await?;
    conn.exec_drop("INSERT INTO staying VALUES (?)", (5,))
        .await?;
    let row: i64 = value(&mut conn, "SELECT n FROM staying").await?;
    ensure!(row == 5, "{row}");
    Ok(conn.query_drop("DROP TEMPORARY TABLE staying").await?)
}

async fn lock(target: &Target, steps: &mut Steps<'_>) -> Result<()> {
    let mut conn = connect(target).await?;
    let got: Option<i64> = conn.exec_first("SELECT GET_LOCK(?, 5)", ("async",)).await?;
    ensure!(got == Some(1), "{got:?}");
    steps.held("ADVISORY_LOCK").await?;
    let freed: Option<i64> = conn
        .exec_first("SELECT RELEASE_LOCK(?)", ("async",))
        .await?;
    ensure!(freed == Some(1), "{freed:?}");
    Ok(conn.disconnect().await?)
}
