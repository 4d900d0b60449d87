//! What an operator sees of pins: the pins in force, their sums, and metrics.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tollgate_types::{IamAuth, PinReport, PoolPolicy};

use crate::fixture::{Fixture, PATIENCE};

async fn fixture() -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(4),
        ..PoolPolicy::default()
    };
    Fixture::start(policy, IamAuth::Disabled).await
}

async fn pins_where(f: &Fixture, fits: impl Fn(&PinReport) -> bool) -> Result<PinReport> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = f.plane.pins(&f.snapshot.proxies[0].id).await;
        if fits(&report) {
            return Ok(report);
        }
        if Instant::now() > deadline {
            bail!("never: {report:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_in_force_name_their_session_and_go_with_it() -> Result<()> {
    let f = fixture().await?;
    let listener = f.connect_with("application_name=listener").await?;
    let other = f.connect().await?;
    other.batch_execute("select 1").await?;
    listener.batch_execute("listen news").await?;
    let report = pins_where(&f, |report| !report.current.is_empty()).await?;
    assert_eq!(report.current.len(), 1);
    let pin = &report.current[0];
    let sessions = f.sessions().await;
    let mut pinned = sessions.iter().filter(|session| !session.pins.is_empty());
    let session = pinned.next().expect("somebody is pinned");
    assert_eq!((&pin.session_id, pinned.count()), (&session.id, 0));
    assert_eq!(
        (pin.user.as_str(), pin.database.as_str()),
        ("app", "orders")
    );
    assert_eq!(
        (pin.reason.as_str(), pin.application_name.as_str()),
        ("LISTEN", "listener")
    );
    assert!(pin.since_unix >= session.connected_unix);
    drop(listener);
    let report = pins_where(&f, |report| report.current.is_empty()).await?;
    assert_eq!(report.totals.len(), 1, "what was is still known");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_go_on_over_sessions_and_pins() -> Result<()> {
    let f = fixture().await?;
    for round in 1..=3_u64 {
        let client = f.connect().await?;
        client.batch_execute("listen news").await?;
        let report = pins_where(&f, |report| !report.current.is_empty()).await?;
        assert_eq!(report.totals.len(), 1);
        let total = &report.totals[0];
        assert_eq!((total.reason.as_str(), total.count), ("LISTEN", round));
        assert!(total.held_ms >= report.current[0].held_ms);
        assert!(total.longest_ms <= total.held_ms);
        client.batch_execute("unlisten *").await?;
        pins_where(&f, |report| report.current.is_empty()).await?;
    }
    let text = f.metrics.encode_text();
    for line in [
        r#"tollgate_pins_total{proxy="orders",reason="LISTEN"} 3"#,
        r#"tollgate_pins_held{proxy="orders",reason="LISTEN"} 0"#,
        r#"tollgate_pin_held_seconds_count{proxy="orders",reason="LISTEN"} 3"#,
        r#"tollgate_pinned_clients{proxy="orders"} 0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pins_of_a_proxy_that_is_gone_are_forgotten() -> Result<()> {
    let mut f = fixture().await?;
    let client = f.connect().await?;
    client.batch_execute("listen news").await?;
    pins_where(&f, |report| !report.current.is_empty()).await?;
    let proxy = f.snapshot.proxies[0].clone();
    f.change(|snapshot| snapshot.proxies.clear()).await?;
    for _ in 0..3000 {
        if f.plane.pins(&proxy.id).await.current.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    f.change(|_| {}).await?;
    assert_eq!(f.plane.pins(&proxy.id).await, PinReport::default());
    Ok(())
}

/// The code that cannot be followed is named, not only the statement that came to run it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_names_the_stored_code_behind_it() -> Result<()> {
    let f = fixture().await?;
    let owner = f.connect().await?;
    owner
        .batch_execute(
            "create table notes (i int); \
             create function runs(t text) returns int language plpgsql as \
             $$ begin execute t; return 1; end $$; \
             create function calls_it() returns int language sql as $$ select runs('select 1') $$",
        )
        .await?;
    let client = f.connect().await?;
    client.batch_execute("select calls_it()").await?;
    let report = pins_where(&f, |report| !report.current.is_empty()).await?;
    let pin = &report.current[0];
    assert_eq!(
        (pin.reason.as_str(), pin.detail.as_deref()),
        ("SESSION_SETTING", Some("runs"))
    );
    assert_eq!(report.totals[0].detail.as_deref(), Some("runs"));
    assert_eq!(pin.statement.as_deref(), Some("select calls_it()"));
    drop(client);
    pins_where(&f, |report| report.current.is_empty()).await?;
    owner
        .batch_execute(
            "drop function calls_it(); drop function runs(text); \
             create view names as select set_config(chr(120) || '.y', 'z', false)",
        )
        .await?;
    let client = f.connect().await?;
    client.batch_execute("select count(*) from notes").await?;
    let report = pins_where(&f, |report| !report.current.is_empty()).await?;
    let detail = report.current[0].detail.as_deref();
    assert_eq!(detail, Some("rule _RETURN on view names"));
    Ok(())
}

/// A function whose name needs quotes is found by that name: who does not call it is not tied.
#[tokio::test(flavor = "multi_thread")]
async fn only_callers_of_a_name_in_quotes_are_pinned() -> Result<()> {
    let f = fixture().await?;
    let owner = f.connect().await?;
    owner
        .batch_execute(
            "create function \"o\"\"dd\"(t text) returns int language plpgsql as \
             $$ begin execute t; return 1; end $$; \
             create function \"My Own\"(t text) returns int language plpgsql as \
             $$ begin execute t; return 2; end $$",
        )
        .await?;
    let caller = f.connect().await?;
    let texts = [
        "select \"o\"\"dd\"('select 1')",
        "select \"My Own\"('select 1')",
    ];
    caller.query(texts[0], &[]).await?;
    let report = pins_where(&f, |report| !report.current.is_empty()).await?;
    assert_eq!(report.current[0].detail.as_deref(), Some("o\"dd"));
    assert!(report.current[0].statement.is_some(), "{report:?}");
    let others = [f.connect().await?, f.connect().await?];
    for other in &others {
        other.batch_execute("select 1").await?;
        other.query("select count(*) from pg_class", &[]).await?;
    }
    caller.batch_execute("reset all").await?;
    // A statement that comes while the server is still being asked may go on with the pin there was.
    pins_where(&f, |report| report.current.is_empty()).await?;
    caller.batch_execute(texts[1]).await?;
    let report = pins_where(&f, |report| report.totals.len() > 1).await?;
    assert_eq!(report.current.len(), 1, "only the caller: {report:?}");
    let mut guilty: Vec<_> = report
        .totals
        .iter()
        .map(|total| (total.detail.as_deref(), total.count))
        .collect();
    guilty.sort_unstable();
    assert_eq!(guilty, [(Some("My Own"), 1), (Some("o\"dd"), 1)]);
    Ok(())
}
