//! Conversations in which it matters what was answered before the client went on.

use anyhow::Result;

use super::Bench;
use super::messages::{bind, copy_data, copy_fail, execute, flush, parse, query, sync};
use crate::raw::{Raw, first_error, first_value};

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_is_heard_between_parse_and_bind_holds_nothing_up() -> Result<()> {
    let bench = Bench::start(1).await?;
    let mut raw = Raw::login(&bench.pair().proxied.door).await?;
    for failing in [query("select 1/0"), [parse("", "selec"), sync()].concat()] {
        let sent = [failing, parse("", "select 41")].concat();
        raw.send(&sent).await?;
        assert!(first_error(&raw.until_ready().await?).is_some());
        let rest = [bind("", "", &[]), execute("", 0), sync()].concat();
        raw.send(&rest).await?;
        assert_eq!(
            first_value(&raw.until_ready().await?).as_deref(),
            Some("41")
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_is_answered_before_the_sync() -> Result<()> {
    let bench = Bench::start(2).await?;
    let mut raw = Raw::login(&bench.pair().proxied.door).await?;
    raw.send(&[parse("", "select 42"), flush()].concat())
        .await?;
    assert_eq!(raw.next().await?.tag, b'1');
    raw.send(&[bind("", "", &[]), execute("", 0), flush()].concat())
        .await?;
    for tag in *b"2DC" {
        assert_eq!(raw.next().await?.tag, tag);
    }
    let insert = "insert into t0 values (1, 'kept only by the sync')";
    raw.send(
        &[
            parse("", insert),
            bind("", "", &[]),
            execute("", 0),
            flush(),
        ]
        .concat(),
    )
    .await?;
    for tag in *b"12C" {
        assert_eq!(raw.next().await?.tag, tag);
    }
    let mut other = Raw::login(&bench.pair().proxied.door).await?;
    other.send(&query("select count(*) from t0")).await?;
    assert_eq!(
        first_value(&other.until_ready().await?).as_deref(),
        Some("0")
    );
    raw.send(&sync()).await?;
    assert_eq!(raw.next().await?.tag, b'Z');
    other.send(&query("select count(*) from t0")).await?;
    assert_eq!(
        first_value(&other.until_ready().await?).as_deref(),
        Some("1")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn late_copy_data_is_dropped_when_the_connection_is_somebody_elses() -> Result<()> {
    let bench = Bench::start(1).await?;
    let mut late = Raw::login(&bench.pair().proxied.door).await?;
    let mut other = Raw::login(&bench.pair().proxied.door).await?;
    late.send(&[query("copy t0 from stdin"), copy_data("bad\n")].concat())
        .await?;
    assert!(first_error(&late.until_ready().await?).is_some());
    other.send(&query("copy t1 from stdin")).await?;
    assert_eq!(other.next().await?.tag, b'G');
    late.send(&[copy_data("1\tx\n"), copy_fail("late")].concat())
        .await?;
    late.send(&query("select 5")).await?;
    other
        .send(&[copy_data("2\ty\n"), super::messages::copy_done()].concat())
        .await?;
    assert_eq!(first_error(&other.until_ready().await?), None);
    assert_eq!(
        first_value(&late.until_ready().await?).as_deref(),
        Some("5")
    );
    other
        .send(&query("select string_agg(x, ',') from t1"))
        .await?;
    assert_eq!(
        first_value(&other.until_ready().await?).as_deref(),
        Some("y")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unnamed_statement_follows_its_client_through_a_long_pipeline() -> Result<()> {
    let bench = Bench::start(1).await?;
    let mut raw = Raw::login(&bench.pair().proxied.door).await?;
    let mut other = Raw::login(&bench.pair().proxied.door).await?;
    let sql = format!("select '{}'", "x".repeat(50_000));
    raw.send(&[parse("", &sql), sync()].concat()).await?;
    raw.until_ready().await?;
    other
        .send(&[parse("", "select 1"), sync()].concat())
        .await?;
    other.until_ready().await?;
    let segment = [
        bind("", "", &[]),
        super::messages::describe(b'P', ""),
        sync(),
    ]
    .concat();
    raw.send(&segment.repeat(2000)).await?;
    for _ in 0..2000 {
        assert_eq!(first_error(&raw.until_ready().await?), None);
    }
    Ok(())
}
