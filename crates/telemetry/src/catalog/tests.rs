//! The text is parsed back: what a scraper reads is what was counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::{
    AuthLabels, AuthOutcome, Direction, DirectionLabels, EndpointLabels, Metrics, NoLabels,
    PinLabels, ProxyLabels, ServerConnectionState, ServerStateLabels, TargetLabels,
};

/// Samples by `name{labels}`, and types by family name.
struct Scrape {
    samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

fn scrape(metrics: &Metrics) -> Scrape {
    let text = metrics.encode_text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut scrape = Scrape {
        samples: BTreeMap::new(),
        types: BTreeMap::new(),
    };
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(
                scrape
                    .types
                    .insert(name.to_owned(), kind.to_owned())
                    .is_none(),
                "{name} twice"
            );
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value = value.parse().unwrap();
            assert!(
                scrape.samples.insert(series.to_owned(), value).is_none(),
                "{series} twice"
            );
        }
    }
    scrape
}

fn proxy() -> ProxyLabels {
    ProxyLabels {
        proxy: "orders".into(),
    }
}

fn target() -> TargetLabels {
    TargetLabels {
        proxy: "orders".into(),
        target: "orders-db".into(),
    }
}

/// Counts something in every metric and hands back what must stay alive to be counted.
fn count_everything(metrics: &Metrics) -> impl Sized {
    let endpoint = EndpointLabels {
        proxy: "orders".into(),
        endpoint: "default".into(),
    };
    let state = ServerStateLabels {
        proxy: "orders".into(),
        target: "orders-db".into(),
        state: ServerConnectionState::Borrowed,
    };
    let decision = AuthLabels {
        proxy: "orders".into(),
        outcome: AuthOutcome::Deny,
        reason: "TOKEN_EXPIRED",
    };
    let pin = PinLabels {
        proxy: "orders".into(),
        reason: "temp_table",
    };
    let bytes = DirectionLabels {
        proxy: "orders".into(),
        direction: Direction::ToClient,
    };
    metrics.borrows.cell(target()).add(7);
    let waited = Duration::from_millis(3);
    metrics.borrow_wait.cell(proxy()).record(waited);
    metrics.borrow_timeouts.cell(proxy()).increment();
    metrics.pins.cell(pin.clone()).increment();
    metrics
        .pin_held
        .cell(pin.clone())
        .record(Duration::from_millis(250));
    metrics.auth_decisions.cell(decision).increment();
    metrics.bytes.cell(bytes).add(4096);
    let available = metrics.target_available.cell(target());
    available.set(1);
    let revision = metrics.config_revision.cell(NoLabels);
    revision.set(42);
    let guards = [
        metrics.client_connections.cell(endpoint).hold(),
        metrics.server_connections.cell(state).hold(),
        metrics.pinned_clients.cell(proxy()).hold(),
        metrics.pins_held.cell(pin).hold(),
    ];
    (available, revision, guards)
}

#[test]
fn every_name_and_label_of_the_contract_comes_out() {
    let mut metrics = Metrics::new("1.2.3");
    metrics.register_config_age(|| 4.5);
    metrics.register_audit_dropped(|| 3);
    let _alive = count_everything(&metrics);
    let scrape = scrape(&metrics);
    for (series, value) in [
        (
            r#"tollgate_client_connections{proxy="orders",endpoint="default"}"#,
            1.0,
        ),
        (
            r#"tollgate_server_connections{proxy="orders",target="orders-db",state="borrowed"}"#,
            1.0,
        ),
        (
            r#"tollgate_borrows_total{proxy="orders",target="orders-db"}"#,
            7.0,
        ),
        (r#"tollgate_borrow_wait_seconds_count{proxy="orders"}"#, 1.0),
        (r#"tollgate_borrow_wait_seconds_sum{proxy="orders"}"#, 0.003),
        (r#"tollgate_borrow_timeouts_total{proxy="orders"}"#, 1.0),
        (
            r#"tollgate_pins_total{proxy="orders",reason="temp_table"}"#,
            1.0,
        ),
        (r#"tollgate_pinned_clients{proxy="orders"}"#, 1.0),
        (
            r#"tollgate_pins_held{proxy="orders",reason="temp_table"}"#,
            1.0,
        ),
        (
            r#"tollgate_pin_held_seconds_sum{proxy="orders",reason="temp_table"}"#,
            0.25,
        ),
        ("tollgate_audit_events_dropped_total", 3.0),
        (
            r#"tollgate_auth_decisions_total{proxy="orders",outcome="deny",reason="TOKEN_EXPIRED"}"#,
            1.0,
        ),
        (
            r#"tollgate_target_available{proxy="orders",target="orders-db"}"#,
            1.0,
        ),
        (
            r#"tollgate_bytes_total{proxy="orders",direction="to_client"}"#,
            4096.0,
        ),
        ("tollgate_config_revision", 42.0),
        ("tollgate_config_age_seconds", 4.5),
        (r#"tollgate_build_info{version="1.2.3"}"#, 1.0),
    ] {
        let found = scrape.samples.get(series).copied();
        assert!(
            found.is_some_and(|found| (found - value).abs() < 1e-9),
            "{series}: {found:?}"
        );
    }
    assert_eq!(scrape.types["tollgate_borrows"], "counter");
    assert_eq!(scrape.types["tollgate_borrow_wait_seconds"], "histogram");
    assert_eq!(scrape.types["tollgate_build"], "info");
}

#[test]
fn the_documentation_has_a_row_for_every_metric_and_no_other() {
    let document = include_str!("../../../../docs/metrics.md");
    let (table, _) = document.split_once("\n## ").unwrap();
    let rows: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let mut metrics = Metrics::new("1");
    metrics.register_config_age(|| 1.0);
    metrics.register_audit_dropped(|| 1);
    let _alive = count_everything(&metrics);
    let scrape = scrape(&metrics);
    let names: BTreeSet<String> = scrape
        .types
        .iter()
        .map(|(name, kind)| match kind.as_str() {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.clone(),
        })
        .collect();
    assert_eq!(rows, names.iter().map(String::as_str).collect());
}

#[test]
fn buckets_are_cumulative_and_end_with_all() {
    let metrics = Metrics::new("1");
    let shards = [
        metrics.borrow_wait.cell(proxy()),
        metrics.borrow_wait.cell(proxy()),
    ];
    shards[0].record_us(1);
    shards[0].record_us(1_000);
    shards[1].record_us(1_000_000);
    shards[1].record(Duration::from_mins(15));
    let scrape = scrape(&metrics);
    let prefix = r#"tollgate_borrow_wait_seconds_bucket{le=""#;
    let mut buckets: Vec<(f64, f64)> = scrape
        .samples
        .iter()
        .filter_map(|(series, count)| {
            let bound = series.strip_prefix(prefix)?.split_once('"')?.0;
            Some((bound.replace("+Inf", "inf").parse().unwrap(), *count))
        })
        .collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(buckets.len(), 106);
    assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1));
    assert_eq!(buckets.last().copied(), Some((f64::INFINITY, 4.0)));
    let below = |seconds: f64| {
        buckets
            .iter()
            .find(|(bound, _)| *bound >= seconds)
            .unwrap()
            .1
    };
    assert!((below(0.000_5) - 1.0).abs() < f64::EPSILON);
    assert!((below(0.002) - 2.0).abs() < f64::EPSILON);
    assert!((below(2.0) - 3.0).abs() < f64::EPSILON);
}

#[test]
fn shards_with_equal_labels_are_one_series() {
    let metrics = Metrics::new("1");
    let shards = [
        metrics.borrows.cell(target()),
        metrics.borrows.cell(target()),
    ];
    shards[0].add(2);
    shards[1].add(3);
    assert_eq!(metrics.borrows.total(&target()), Some(5));
    let text = metrics.encode_text();
    let line = r#"tollgate_borrows_total{proxy="orders",target="orders-db"} 5"#;
    assert!(text.lines().any(|found| found == line), "{text}");
}

#[test]
fn a_counter_never_falls_when_its_writer_leaves() {
    let metrics = Metrics::new("1");
    let first = metrics.borrows.cell(target());
    first.add(10);
    assert_eq!(metrics.borrows.total(&target()), Some(10));
    drop(first);
    let second = metrics.borrows.cell(target());
    second.increment();
    assert_eq!(metrics.borrows.total(&target()), Some(11));
    assert_eq!(
        metrics.borrows.total(&target()),
        Some(11),
        "retired once, not twice"
    );
}

#[test]
fn a_gauge_is_nothing_when_its_writer_leaves() {
    let metrics = Metrics::new("1");
    let available = metrics.target_available.cell(target());
    available.set(1);
    assert_eq!(metrics.target_available.total(&target()), Some(1));
    drop(available);
    assert_eq!(metrics.target_available.total(&target()), Some(0));
}

#[test]
fn a_guard_counts_down_on_every_way_out() {
    let metrics = Metrics::new("1");
    let pinned = metrics.pinned_clients.cell(proxy());
    let leaves_early = || -> Option<()> {
        let _guard = pinned.hold();
        None
    };
    assert!(leaves_early().is_none());
    assert_eq!(pinned.value(), 0);
    let other = metrics.pinned_clients.cell(proxy());
    let mut guard = pinned.hold();
    guard.move_to(&other);
    assert_eq!((pinned.value(), other.value()), (0, 1));
}

#[test]
fn series_of_a_deleted_proxy_disappear() {
    let metrics = Metrics::new("1");
    let _kept = metrics.borrow_timeouts.cell(proxy());
    let _deleted = metrics.borrow_timeouts.cell(ProxyLabels {
        proxy: "old".into(),
    });
    metrics.retain_proxies(|name| name == "orders");
    let text = metrics.encode_text();
    assert!(
        text.contains(r#"tollgate_borrow_timeouts_total{proxy="orders"} 0"#),
        "{text}"
    );
    assert!(!text.contains("old"), "{text}");
}

#[test]
fn label_values_are_escaped() {
    let metrics = Metrics::new("1");
    let name = "a\"b\\c\nd";
    metrics
        .borrow_timeouts
        .cell(ProxyLabels { proxy: name.into() })
        .increment();
    let text = metrics.encode_text();
    assert!(text.contains(r#"proxy="a\"b\\c\nd""#), "{text}");
}
