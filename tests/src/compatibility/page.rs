//! `docs/compatibility.md`: the part that people write, then one table per client that the runs give.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File},
    path::PathBuf,
};

use anyhow::{Context, Result, ensure};

use super::steps::{Outcome, Step};

/// The line below which everything comes from the runs.
const MARK: &str = "<!-- Below this line: written by `cargo xtask compatibility`. -->";

/// What one client's runs gave.
pub(super) struct Section {
    /// Name and version.
    pub(super) title: String,
    /// Major version of PostgreSQL and the steps on it.
    pub(super) runs: Vec<(u32, Vec<Step>)>,
}

impl Section {
    /// The features in one table; all versions must have done the same steps.
    pub(super) fn text(&self) -> Result<String> {
        let (_, first) = self.runs.first().context("no run")?;
        let mut text = String::from("| feature |");
        for (major, steps) in &self.runs {
            let names = |steps: &[Step]| -> Vec<String> {
                steps.iter().map(|step| step.feature.clone()).collect()
            };
            ensure!(
                names(steps) == names(first),
                "other steps on PostgreSQL {major}: {:?}",
                names(steps)
            );
            write!(text, " PostgreSQL {major} |")?;
        }
        write!(text, "\n| --- |{}\n", " --- |".repeat(self.runs.len()))?;
        for (at, step) in first.iter().enumerate() {
            write!(text, "| {} |", step.feature)?;
            for (_, steps) in &self.runs {
                let outcome = steps.get(at).map_or(&Outcome::Free, |step| &step.outcome);
                write!(text, " {outcome} |")?;
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// The whole file, taken apart.
struct Page {
    by_hand: String,
    sections: BTreeMap<String, String>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let (by_hand, generated) = text.split_once(MARK).unwrap_or((text, ""));
        let sections = generated
            .split("\n### ")
            .skip(1)
            .filter_map(|part| part.split_once('\n'))
            .map(|(title, body)| (title.trim().to_owned(), body.trim().to_owned()));
        Self {
            by_hand: by_hand.trim_end().to_owned(),
            sections: sections.collect(),
        }
    }

    fn render(&self) -> String {
        let mut text = format!("{}\n\n{MARK}\n\n## Clients\n", self.by_hand);
        for (title, body) in &self.sections {
            text.push_str("\n### ");
            text.push_str(title);
            text.push_str("\n\n");
            text.push_str(body);
            text.push('\n');
        }
        text
    }
}

/// The section of this title as the file has it.
pub(super) fn documented(title: &str) -> Result<String> {
    let page = Page::parse(&read()?);
    let body = page.sections.get(title).with_context(|| {
        format!("docs/compatibility.md has no section {title:?}: run `cargo xtask compatibility`")
    })?;
    Ok(body.clone())
}

/// Puts a section into the file. Tests run at the same time: a lock keeps them apart.
pub(super) fn write(name: &str, section: &Section) -> Result<()> {
    let lock = File::create(std::env::temp_dir().join("tollgate-compatibility.lock"))?;
    lock.lock().context("waiting for the page")?;
    let mut page = Page::parse(&read()?);
    let is_older = |title: &String| {
        title
            .strip_prefix(name)
            .is_some_and(|version| version.starts_with(' ') && !version.contains('('))
    };
    page.sections.retain(|title, _| !is_older(title));
    page.sections
        .insert(section.title.clone(), section.text()?.trim().to_owned());
    fs::write(path(), page.render()).context("writing docs/compatibility.md")
}

fn read() -> Result<String> {
    fs::read_to_string(path()).context("reading docs/compatibility.md")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

#[test]
fn a_page_keeps_what_people_wrote() {
    let text = format!("# Title\n\nBy hand.\n\n{MARK}\n\n## Clients\n\n### b 1\n\n| x |\n");
    let mut page = Page::parse(&text);
    assert_eq!(page.render(), text);
    page.sections.insert("a 2".to_owned(), "| y |".to_owned());
    let both = page.render();
    assert!(both.starts_with("# Title\n\nBy hand.\n\n"), "{both}");
    assert!(
        both.ends_with("### a 2\n\n| y |\n\n### b 1\n\n| x |\n"),
        "{both}"
    );
}

#[test]
fn a_section_shows_every_version() -> Result<()> {
    let step = |outcome| Step {
        feature: "COPY".to_owned(),
        outcome,
    };
    let reasons = std::iter::once("LISTEN".to_owned()).collect();
    let section = Section {
        title: "x 1".to_owned(),
        runs: vec![
            (15, vec![step(Outcome::Free)]),
            (18, vec![step(Outcome::AsItMust(reasons))]),
        ],
    };
    assert_eq!(
        section.text()?,
        "| feature | PostgreSQL 15 | PostgreSQL 18 |\n| --- | --- | --- |\n| COPY | – | `LISTEN` while it lasts |\n"
    );
    Ok(())
}
