//! What pins clients, and for how long: the pins of a session, and a shard's sums per proxy since the start.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tollgate_pool::Millis;
use tollgate_session::PinReason;
use tollgate_telemetry::GaugeGuard;
use tollgate_types::{OTHER_STATEMENTS, PinReport, PinTotal};

/// Statements of a proxy, and stored code behind them, that are kept apart; the sums of all others go to one
/// entry for each reason, so that clients cannot fill the memory with made-up statements.
pub(crate) const STATEMENTS: usize = 200;

/// Bytes of a statement that are kept.
const STATEMENT_LENGTH: usize = 1000;

/// A pin in force.
pub(crate) struct HeldPin {
    /// Why.
    pub(crate) reason: PinReason,
    /// The statement that caused it, without its literals.
    pub(crate) statement: Option<Arc<str>>,
    /// The stored code that caused it.
    pub(crate) detail: Option<Arc<str>>,
    /// Shard time of its beginning.
    pub(crate) since: Millis,
    /// The same in seconds since the epoch.
    pub(crate) since_unix: i64,
    /// Counts it in the metrics for as long as it is in force.
    pub(crate) _counted: GaugeGuard,
}

/// A shard's sums for one proxy.
#[derive(Default)]
pub(crate) struct PinBook {
    totals: RefCell<HashMap<Entry, Total>>,
}

/// What pins are added up by.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Entry {
    reason: PinReason,
    statement: Option<Arc<str>>,
    detail: Option<Arc<str>>,
}

#[derive(Default)]
struct Total {
    count: u64,
    held: Millis,
    longest: Millis,
    last_seen_unix: i64,
}

impl PinBook {
    /// A pin begins.
    pub(crate) fn began(&self, pin: &HeldPin) {
        self.change(pin, |total| {
            total.count = total.count.saturating_add(1);
            total.last_seen_unix = pin.since_unix;
        });
    }

    /// A pin that began is over.
    pub(crate) fn ended(&self, pin: &HeldPin, held: Millis, unix: i64) {
        self.change(pin, |total| {
            total.held = total.held.saturating_add(held);
            total.longest = total.longest.max(held);
            total.last_seen_unix = unix;
        });
    }

    /// The sums of pins; those in force have not added their time yet.
    pub(crate) fn totals(&self) -> Vec<PinTotal> {
        let totals = self.totals.borrow();
        totals
            .iter()
            .map(|(entry, total)| PinTotal {
                reason: entry.reason.code().to_owned(),
                statement: entry.statement.as_deref().map(str::to_owned),
                detail: entry.detail.as_deref().map(str::to_owned),
                count: total.count,
                held_ms: total.held.as_u64(),
                longest_ms: total.longest.as_u64(),
                last_seen_unix: total.last_seen_unix,
            })
            .collect()
    }

    fn change(&self, pin: &HeldPin, change: impl FnOnce(&mut Total)) {
        let mut totals = self.totals.borrow_mut();
        let mut entry = Entry {
            reason: pin.reason,
            statement: pin.statement.clone(),
            detail: pin.detail.clone(),
        };
        // Nothing ever leaves, so a pin ends in the entry in which it began.
        let apart = entry.statement.is_some() || entry.detail.is_some();
        if apart && totals.len() >= STATEMENTS && !totals.contains_key(&entry) {
            entry.statement = Some(Arc::from(OTHER_STATEMENTS));
            entry.detail = None;
        }
        change(totals.entry(entry).or_default());
    }
}

/// A digest as it is kept: cut where it gets long.
pub(crate) fn statement(digest: &str) -> Arc<str> {
    if digest.len() <= STATEMENT_LENGTH {
        return Arc::from(digest);
    }
    let mut end = STATEMENT_LENGTH;
    while !digest.is_char_boundary(end) {
        end -= 1;
    }
    let kept = digest.get(..end).unwrap_or_default();
    Arc::from(format!("{kept}{OTHER_STATEMENTS}"))
}

/// Sums by reason, statement and detail.
type Sums = HashMap<(String, Option<String>, Option<String>), PinTotal>;

/// One report out of those of all shards: the time of pins in force counts, and no more statements are kept
/// apart than one shard does.
pub(crate) fn merge(reports: impl IntoIterator<Item = PinReport>) -> PinReport {
    let mut merged = PinReport::default();
    let mut sums = Sums::new();
    for report in reports {
        merged.current.extend(report.current);
        for total in report.totals {
            add(&mut sums, total);
        }
    }
    for pin in &merged.current {
        let exact = (pin.statement.clone(), pin.detail.clone());
        let found = [exact, (Some(OTHER_STATEMENTS.to_owned()), None)]
            .into_iter()
            .map(|(statement, detail)| (pin.reason.clone(), statement, detail))
            .find(|key| sums.contains_key(key));
        if let Some(total) = found.and_then(|key| sums.get_mut(&key)) {
            total.held_ms = total.held_ms.saturating_add(pin.held_ms);
            total.longest_ms = total.longest_ms.max(pin.held_ms);
            let now = i64::try_from(pin.held_ms / 1000).unwrap_or(0);
            total.last_seen_unix = total.last_seen_unix.max(pin.since_unix + now);
        }
    }
    merged.totals = bounded(sums.into_values().collect());
    merged
        .current
        .sort_by(|a, b| (&a.session_id, &a.reason).cmp(&(&b.session_id, &b.reason)));
    merged
}

/// The longest held first; what is beyond the bound becomes one entry for each reason.
fn bounded(mut totals: Vec<PinTotal>) -> Vec<PinTotal> {
    let by_time = |totals: &mut Vec<PinTotal>| {
        totals.sort_by(|a, b| {
            let key = |total: &PinTotal| (std::cmp::Reverse(total.held_ms), total.reason.clone());
            (key(a), &a.statement, &a.detail).cmp(&(key(b), &b.statement, &b.detail))
        });
    };
    by_time(&mut totals);
    let mut sums = Sums::new();
    for (place, mut total) in totals.into_iter().enumerate() {
        if place >= STATEMENTS && (total.statement.is_some() || total.detail.is_some()) {
            total.statement = Some(OTHER_STATEMENTS.to_owned());
            total.detail = None;
        }
        add(&mut sums, total);
    }
    let mut totals: Vec<_> = sums.into_values().collect();
    by_time(&mut totals);
    totals
}

fn add(sums: &mut Sums, more: PinTotal) {
    let key = (
        more.reason.clone(),
        more.statement.clone(),
        more.detail.clone(),
    );
    match sums.get_mut(&key) {
        None => {
            sums.insert(key, more);
        }
        Some(sum) => {
            sum.count = sum.count.saturating_add(more.count);
            sum.held_ms = sum.held_ms.saturating_add(more.held_ms);
            sum.longest_ms = sum.longest_ms.max(more.longest_ms);
            sum.last_seen_unix = sum.last_seen_unix.max(more.last_seen_unix);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_telemetry::Gauge;
    use tollgate_types::CurrentPin;

    use super::*;

    fn pin(reason: PinReason, text: &str) -> HeldPin {
        HeldPin {
            reason,
            statement: Some(statement(text)),
            detail: None,
            since: Millis::ZERO,
            since_unix: 100,
            _counted: Arc::new(Gauge::default()).hold(),
        }
    }

    fn held(book: &PinBook, pin: &HeldPin, seconds: u64) {
        book.began(pin);
        book.ended(pin, Millis::from_secs(seconds), 200);
    }

    #[test]
    fn pins_of_one_statement_add_up() {
        let book = PinBook::default();
        let pin = pin(PinReason::Listen, "LISTEN news");
        held(&book, &pin, 3);
        held(&book, &pin, 2);
        let totals = book.totals();
        assert_eq!(totals.len(), 1);
        let expected = PinTotal {
            reason: "LISTEN".to_owned(),
            statement: Some("LISTEN news".to_owned()),
            detail: None,
            count: 2,
            held_ms: 5_000,
            longest_ms: 3_000,
            last_seen_unix: 200,
        };
        assert_eq!(totals.first(), Some(&expected));
    }

    #[test]
    fn code_behind_one_statement_is_kept_apart() {
        let book = PinBook::default();
        for (code, seconds) in [(None, 1), (Some("runs"), 2), (Some("makes"), 3)] {
            let pin = HeldPin {
                detail: code.map(Arc::from),
                ..pin(PinReason::SessionSetting, "SELECT * FROM names")
            };
            held(&book, &pin, seconds);
        }
        let shards = [book.totals(), book.totals()];
        let merged = merge(shards.map(|totals| PinReport {
            current: Vec::new(),
            totals,
        }));
        let totals = merged.totals.iter();
        let found: Vec<_> = totals
            .map(|total| (total.detail.as_deref(), total.held_ms, total.count))
            .collect();
        let expected = [
            (Some("makes"), 6_000, 2),
            (Some("runs"), 4_000, 2),
            (None, 2_000, 2),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn made_up_statements_do_not_fill_the_memory() {
        let book = PinBook::default();
        for number in 0..10 * STATEMENTS {
            let text = format!("LISTEN c{number}");
            held(&book, &pin(PinReason::Listen, &text), 1);
            held(&book, &pin(PinReason::Unknown, &text), 1);
        }
        let totals = book.totals();
        assert!(totals.len() <= STATEMENTS + 2, "{}", totals.len());
        let count: u64 = totals.iter().map(|total| total.count).sum();
        assert_eq!(count, 20 * STATEMENTS as u64, "none is lost");
        let rest = |total: &&PinTotal| total.statement.as_deref() == Some(OTHER_STATEMENTS);
        assert_eq!(totals.iter().filter(rest).count(), 2, "one per reason");
    }

    #[test]
    fn shards_together_keep_no_more_than_one() {
        let reports = (0..4).map(|shard| {
            let book = PinBook::default();
            for number in 0..STATEMENTS as u64 {
                let text = format!("LISTEN s{shard}c{number}");
                held(&book, &pin(PinReason::Listen, &text), number + 1);
            }
            PinReport {
                current: Vec::new(),
                totals: book.totals(),
            }
        });
        let merged = merge(reports);
        assert_eq!(merged.totals.len(), STATEMENTS + 1);
        let count: u64 = merged.totals.iter().map(|total| total.count).sum();
        assert_eq!(count, 4 * STATEMENTS as u64);
        assert!(
            merged.totals.is_sorted_by(|a, b| a.held_ms >= b.held_ms),
            "the longest held first"
        );
    }

    #[test]
    fn the_time_of_pins_in_force_counts() {
        let book = PinBook::default();
        let pin = pin(PinReason::Listen, "LISTEN news");
        held(&book, &pin, 3);
        book.began(&HeldPin {
            since_unix: 300,
            ..pin
        });
        let current = CurrentPin {
            session_id: "c-1".to_owned(),
            endpoint: "default".to_owned(),
            user: "app".to_owned(),
            database: "orders".to_owned(),
            application_name: String::new(),
            reason: "LISTEN".to_owned(),
            statement: Some("LISTEN news".to_owned()),
            detail: None,
            since_unix: 300,
            held_ms: 7_000,
        };
        let merged = merge([PinReport {
            current: vec![current],
            totals: book.totals(),
        }]);
        let total = merged.totals.first().expect("there is one");
        assert_eq!((total.count, total.held_ms), (2, 10_000));
        assert_eq!((total.longest_ms, total.last_seen_unix), (7_000, 307));
    }

    #[test]
    fn long_statements_are_cut_between_letters() {
        let cut = statement(&"ä".repeat(STATEMENT_LENGTH));
        assert!(cut.len() <= STATEMENT_LENGTH + OTHER_STATEMENTS.len());
        assert!(cut.ends_with(OTHER_STATEMENTS));
        assert_eq!(&*statement("SELECT ?"), "SELECT ?");
    }
}
