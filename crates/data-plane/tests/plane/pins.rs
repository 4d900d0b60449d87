//! What an operator sees of pins: the pins in force, their sums, and metrics.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tollgate_types::{IamAuth, PinReport, PoolPolicy};

use crate::fixture::Fixture;

async fn fixture() -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(4),
        ..PoolPolicy::default()
    };
    Fixture::start(policy, IamAuth::Disabled).await
}

async fn pins_where(f: &Fixture, fits: impl Fn(&PinReport) -> bool) -> Result<PinReport> {
    let deadline = Instant::now() + Duration::from_secs(20);
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
    for _ in 0..500 {
        if f.plane.pins(&proxy.id).await.current.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    f.change(|_| {}).await?;
    assert_eq!(f.plane.pins(&proxy.id).await, PinReport::default());
    Ok(())
}
