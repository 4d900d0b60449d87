//! One table: a row per metric, a column per system, what ours is to a peer, and the target.

use super::verdict;
use crate::{
    reading::{Metric, Readings, Summary},
    system::System,
};

/// The table in Markdown: medians, in brackets the least and the greatest.
pub(super) fn render(readings: &Readings) -> String {
    let present = |system: &System| {
        let of = |reading: &crate::reading::Reading| reading.system == *system;
        readings.taken.iter().any(of)
    };
    let systems: Vec<System> = System::ALL.into_iter().filter(present).collect();
    let mut rows = vec![heading(&systems)];
    for metric in readings.metrics() {
        rows.push(row(readings, metric, &systems));
    }
    layout(&rows)
}

fn heading(systems: &[System]) -> Vec<String> {
    let mut cells = vec!["what".to_owned(), "unit".to_owned()];
    cells.extend(systems.iter().map(|system| system.name().to_owned()));
    cells.extend(["tollgate against, target", "reached"].map(str::to_owned));
    cells
}

fn row(readings: &Readings, metric: Metric, systems: &[System]) -> Vec<String> {
    let facts = metric.facts();
    let mut cells = vec![facts.title.to_owned(), facts.unit.to_owned()];
    for &system in systems {
        let summary = readings.summary(metric, system);
        cells.push(summary.map_or_else(|| "–".to_owned(), figures));
    }
    let verdicts = verdict::of(readings, metric);
    let join = |words: Vec<&str>| words.join("; ");
    cells.push(join(
        verdicts.iter().map(|one| one.target.as_str()).collect(),
    ));
    let words = verdicts.iter().map(|one| match one.reached {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not compared",
    });
    cells.push(join(words.collect()));
    cells
}

fn figures(summary: Summary) -> String {
    let Summary {
        median,
        least,
        greatest,
    } = summary;
    let digits = match median.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    if greatest > least {
        format!("{median:.digits$} ({least:.digits$}–{greatest:.digits$})")
    } else {
        format!("{median:.digits$}")
    }
}

fn layout(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let padded = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        line(
            cells
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect(),
        )
    };
    let mut text = rows.first().map(padded).unwrap_or_default();
    text.push_str(&line(
        widths.iter().map(|width| "-".repeat(*width)).collect(),
    ));
    text.extend(rows.iter().skip(1).map(padded));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Reading;

    #[test]
    fn shows_median_range_and_ratio() {
        let mut readings = Readings::default();
        for (repetition, value) in [(0, 18.0), (1, 20.0), (2, 19.0)] {
            for (system, factor) in [(System::Tollgate, 1.0), (System::PgBouncer, 2.0)] {
                readings.taken.push(Reading {
                    metric: Metric::Simple,
                    system,
                    value: value * factor,
                    repetition,
                });
            }
        }
        let table = render(&readings);
        assert!(table.contains("19.0 (18.0–20.0)"), "{table}");
        assert!(table.contains("0.50 × pgbouncer, ≤ 0.90"), "{table}");
        assert!(table.contains("| yes"), "{table}");
        assert!(!table.contains("haproxy"), "{table}");
    }
}
