//! What a client does, step by step, and how often each step pinned it: read from the proxy's metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, ensure};
use tollgate_testkit::Api;

use crate::support::eventually;

/// How long to wait between two looks at the metrics that must agree.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// How long a pin may take to appear or to end.
const PIN_PATIENCE: Duration = Duration::from_secs(30);

/// Where the steps happen.
#[derive(Clone, Copy)]
pub(super) enum Scene<'a> {
    /// The database itself: nothing to measure, the script only has to be right.
    Direct,
    /// A Tollgate whose pins are counted.
    Proxied(&'a Api),
}

/// One step of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) feature: String,
    pub(super) outcome: Outcome,
}

/// What a step did to its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was never pinned.
    Free,
    /// It was pinned by the state that the step is about, and free again when that was gone.
    AsItMust(BTreeSet<String>),
    /// It was pinned by more than that.
    Pinned(BTreeSet<String>),
    /// Its state was gone and it was pinned still.
    NotReleased(BTreeSet<String>),
    /// The step did not work.
    Failed(String),
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |reasons: &BTreeSet<String>| {
            let names: Vec<String> = reasons.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        match self {
            Self::Free => write!(out, "–"),
            Self::AsItMust(reasons) => write!(out, "{} while it lasts", list(reasons)),
            Self::Pinned(reasons) => write!(out, "**pinned**: {}", list(reasons)),
            Self::NotReleased(reasons) => write!(out, "**not released**: {}", list(reasons)),
            Self::Failed(_) => write!(out, "**fails**"),
        }
    }
}

/// The proxy's pin metrics at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pins {
    counted: BTreeMap<String, u64>,
    clients: u64,
}

impl Pins {
    async fn of(api: &Api) -> Result<Self> {
        let reply = api.anonymous("/metrics").await?;
        ensure!(reply.status.is_success(), "/metrics: {}", reply.text);
        Ok(Self::read(&reply.text))
    }

    fn read(metrics: &str) -> Self {
        let mut pins = Self::default();
        for line in metrics.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            if name.starts_with("tollgate_pinned_clients{") {
                pins.clients = value.parse().unwrap_or(u64::MAX);
            } else if let Some(labels) = name.strip_prefix("tollgate_pins_total{") {
                let reason = labels
                    .split_once("reason=\"")
                    .and_then(|(_, rest)| rest.split_once('"'));
                let (reason, _) = reason.unwrap_or((labels, ""));
                let count = value.parse().unwrap_or(u64::MAX);
                pins.counted.insert(reason.to_owned(), count);
            }
        }
        pins
    }

    /// The reasons that were counted since `before`.
    fn since(&self, before: &Self) -> BTreeSet<String> {
        let grown = self
            .counted
            .iter()
            .filter(|(reason, count)| before.counted.get(*reason).unwrap_or(&0) < count);
        grown.map(|(reason, _)| reason.clone()).collect()
    }
}

/// Notes the steps of one client.
pub(super) struct Steps<'a> {
    scene: Scene<'a>,
    before: Pins,
    /// Reasons that the current step is about.
    must: BTreeSet<String>,
    noted: Vec<Step>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(scene: Scene<'a>) -> Self {
        Self {
            scene,
            before: Pins::default(),
            must: BTreeSet::new(),
            noted: Vec::new(),
        }
    }

    /// The current step now holds state that pins for this reason.
    pub(super) async fn held(&mut self, reason: &str) -> Result<()> {
        if let Scene::Proxied(api) = self.scene {
            let before = &self.before;
            eventually(async || {
                let now = Pins::of(api).await?;
                let seen = now.clients > 0 && now.since(before).contains(reason);
                ensure!(seen, "not pinned by {reason}: {now:?}");
                Ok(())
            })
            .await?;
        }
        self.expect(reason);
        Ok(())
    }

    /// The current step held state for a moment that pins for this reason.
    pub(super) fn expect(&mut self, reason: &str) {
        self.must.insert(reason.to_owned());
    }

    /// The current step is over, and everything that may pin is gone.
    pub(super) async fn done(&mut self, feature: &str) -> Result<()> {
        let outcome = self.measure().await?;
        self.note(feature, outcome);
        Ok(())
    }

    /// The current step did not work.
    pub(super) async fn failed(&mut self, feature: &str, why: &str) -> Result<()> {
        self.measure().await?;
        self.note(feature, Outcome::Failed(why.to_owned()));
        Ok(())
    }

    /// Everything that was noted.
    pub(super) fn noted(self) -> Vec<Step> {
        self.noted
    }

    fn note(&mut self, feature: &str, outcome: Outcome) {
        self.noted.push(Step {
            feature: feature.to_owned(),
            outcome,
        });
    }

    async fn measure(&mut self) -> Result<Outcome> {
        let must = std::mem::take(&mut self.must);
        let Scene::Proxied(api) = self.scene else {
            return Ok(Outcome::Free);
        };
        let now = settled(api).await?;
        let pinned = now.since(&self.before);
        let clients = now.clients;
        self.before = now;
        Ok(if !pinned.is_subset(&must) {
            Outcome::Pinned(pinned)
        } else if pinned.is_empty() {
            Outcome::Free
        } else if clients > 0 {
            Outcome::NotReleased(pinned)
        } else {
            Outcome::AsItMust(pinned)
        })
    }
}

/// The metrics once they stand still: free of pins, or for so long that they will stay.
async fn settled(api: &Api) -> Result<Pins> {
    let started = std::time::Instant::now();
    let mut last = Pins::of(api).await?;
    loop {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let now = Pins::of(api).await?;
        let patience_ended = started.elapsed() > PIN_PATIENCE;
        if now == last && (now.clients == 0 || patience_ended) {
            return Ok(now);
        }
        last = now;
    }
}

#[test]
fn reads_pins_by_reason_from_the_metrics_page() {
    let before = Pins::read("tollgate_pins_total{proxy=\"orders\",reason=\"LISTEN\"} 1\n");
    let after = Pins::read(
        "# TYPE tollgate_pins counter\n\
         tollgate_pins_total{proxy=\"orders\",reason=\"LISTEN\"} 1\n\
         tollgate_pins_total{proxy=\"orders\",reason=\"ADVISORY_LOCK\"} 2\n\
         tollgate_pinned_clients{proxy=\"orders\"} 1\n",
    );
    assert_eq!(after.clients, 1);
    let grown: Vec<String> = after.since(&before).into_iter().collect();
    assert_eq!(grown, ["ADVISORY_LOCK"]);
}
