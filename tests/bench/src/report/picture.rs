//! The picture: for every metric that a peer has too, one bar per system.

use std::fmt::Write as _;

use crate::{
    reading::{Metric, Readings},
    system::System,
};

const WIDTH: u32 = 760;
const LABEL: u32 = 250;
const BAR: u32 = 14;
const GAP: u32 = 12;
const HEAD: u32 = 48;

/// An SVG; bars are as long as the median, relative to the longest of their group.
pub(super) fn draw(readings: &Readings) -> String {
    let groups: Vec<(Metric, Vec<(System, f64)>)> = readings
        .metrics()
        .into_iter()
        .map(|metric| (metric, medians(readings, metric)))
        .filter(|(_, bars)| bars.len() > 1)
        .collect();
    let rows = groups.iter().map(|(_, bars)| bars.len());
    let height = rows.fold(HEAD, |sum, bars| {
        sum + BAR * u32::try_from(bars).unwrap_or_default() + GAP
    });
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">What the proxy costs (medians; shorter is better)</text>\n"
    );
    legend(&mut svg);
    let mut top = HEAD;
    for (metric, bars) in &groups {
        top = group(&mut svg, *metric, bars, top) + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn medians(readings: &Readings, metric: Metric) -> Vec<(System, f64)> {
    let of = |system| Some((system, readings.summary(metric, system)?.median));
    System::ALL.into_iter().filter_map(of).collect()
}

fn legend(svg: &mut String) {
    let mut left = 8;
    for system in System::ALL {
        if system == System::Direct {
            continue;
        }
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"26\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{}\" y=\"35\">{}</text>",
            colour(system),
            left + 14,
            system.name()
        );
        left += 100;
    }
}

fn group(svg: &mut String, metric: Metric, bars: &[(System, f64)], mut top: u32) -> u32 {
    let facts = metric.facts();
    let longest = bars.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let _ = writeln!(
        svg,
        "<text x=\"8\" y=\"{}\">{}</text>\n<text x=\"8\" y=\"{}\" fill=\"#777\">{}</text>",
        top + 11,
        facts.title,
        top + 11 + BAR,
        facts.unit
    );
    for (system, value) in bars {
        let share = if longest > 0.0 {
            (value / longest).max(0.0)
        } else {
            0.0
        };
        let length = share * f64::from(WIDTH - LABEL - 70);
        let _ = writeln!(
            svg,
            "<rect x=\"{LABEL}\" y=\"{top}\" width=\"{length:.0}\" height=\"{}\" fill=\"{}\"/>\
             <text x=\"{:.0}\" y=\"{}\">{}</text>",
            BAR - 2,
            colour(*system),
            f64::from(LABEL) + length + 4.0,
            top + 10,
            figure(*value)
        );
        top += BAR;
    }
    top
}

fn figure(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn colour(system: System) -> &'static str {
    match system {
        System::Tollgate => "#0b6e4f",
        System::PgBouncer => "#6c8ebf",
        System::HaProxy => "#b0a06a",
        System::Router => "#b5739d",
        System::Floor => "#bbbbbb",
        System::Direct => "#444444",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Reading;

    #[test]
    fn draws_a_bar_per_system_where_there_is_something_to_compare() {
        let mut readings = Readings::default();
        for (metric, system) in [
            (Metric::Simple, System::Tollgate),
            (Metric::Simple, System::Floor),
            (Metric::StateOwn, System::Tollgate),
        ] {
            readings.taken.push(Reading {
                metric,
                system,
                value: 20.0,
                repetition: 0,
            });
        }
        let svg = draw(&readings);
        assert_eq!(svg.matches(">20.0<").count(), 2);
        assert!(svg.ends_with("</svg>\n"));
        assert!(!svg.contains(Metric::StateOwn.facts().title));
    }
}
