//! `docs/compatibility.md`: the part that people write, then chapters with one table per client that the runs give.

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

/// A chapter of the page: clients of the same databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chapter {
    Postgres,
    MySql,
}

impl Chapter {
    const ALL: [Self; 2] = [Self::Postgres, Self::MySql];

    fn heading(self) -> &'static str {
        match self {
            Self::Postgres => "## Clients of PostgreSQL",
            Self::MySql => "## Clients of MySQL and MariaDB",
        }
    }
}

/// What one client's runs gave.
pub(super) struct Section {
    pub(super) chapter: Chapter,
    /// Name and version.
    pub(super) title: String,
    /// Server and the steps on it.
    pub(super) runs: Vec<(String, Vec<Step>)>,
}

impl Section {
    /// The features in one table; all servers must have done the same steps.
    pub(super) fn text(&self) -> Result<String> {
        let (_, first) = self.runs.first().context("no run")?;
        let mut text = String::from("| feature |");
        for (server, steps) in &self.runs {
            let names = |steps: &[Step]| -> Vec<String> {
                steps.iter().map(|step| step.feature.clone()).collect()
            };
            ensure!(
                names(steps) == names(first),
                "other steps on {server}: {:?}",
                names(steps)
            );
            write!(text, " {server} |")?;
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

/// The tables of a chapter by their titles.
type Tables = BTreeMap<String, String>;

/// The whole file, taken apart.
struct Page {
    by_hand: String,
    chapters: Vec<(Chapter, Tables)>,
}

impl Page {
    fn parse(text: &str) -> Self {
        let (by_hand, generated) = text.split_once(MARK).unwrap_or((text, ""));
        let chapters = Chapter::ALL.map(|chapter| {
            let (_, rest) = generated.split_once(chapter.heading()).unwrap_or_default();
            let (own, _) = rest.split_once("\n## ").unwrap_or((rest, ""));
            let tables = own
                .split("\n### ")
                .skip(1)
                .filter_map(|part| part.split_once('\n'))
                .map(|(title, body)| (title.trim().to_owned(), body.trim().to_owned()));
            (chapter, tables.collect())
        });
        Self {
            by_hand: by_hand.trim_end().to_owned(),
            chapters: chapters.into(),
        }
    }

    fn render(&self) -> String {
        let mut text = format!("{}\n\n{MARK}\n", self.by_hand);
        for (chapter, tables) in &self.chapters {
            text.push('\n');
            text.push_str(chapter.heading());
            text.push('\n');
            for (title, body) in tables {
                text.push_str("\n### ");
                text.push_str(title);
                text.push_str("\n\n");
                text.push_str(body);
                text.push('\n');
            }
        }
        text
    }

    fn tables(&mut self, chapter: Chapter) -> Result<&mut Tables> {
        let mut chapters = self.chapters.iter_mut();
        let found = chapters.find(|(of, _)| *of == chapter);
        Ok(&mut found.context("a page has every chapter")?.1)
    }
}

/// The table of this section as the file has it.
pub(super) fn documented(section: &Section) -> Result<String> {
    let mut page = Page::parse(&read()?);
    let table = page.tables(section.chapter)?.get(&section.title);
    let table = table.with_context(|| {
        format!(
            "docs/compatibility.md has no section {:?}: run `cargo xtask compatibility`",
            section.title
        )
    })?;
    Ok(table.clone())
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
    let tables = page.tables(section.chapter)?;
    tables.retain(|title, _| !is_older(title));
    tables.insert(section.title.clone(), section.text()?.trim().to_owned());
    fs::write(path(), page.render()).context("writing docs/compatibility.md")
}

fn read() -> Result<String> {
    fs::read_to_string(path()).context("reading docs/compatibility.md")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md")
}

#[test]
fn a_page_keeps_what_people_wrote() -> Result<()> {
    let text = format!(
        "# Title\n\nBy hand.\n\n{MARK}\n\n{}\n\n### b 1\n\n| x |\n\n{}\n\n### b 1\n\n| z |\n",
        Chapter::Postgres.heading(),
        Chapter::MySql.heading()
    );
    let mut page = Page::parse(&text);
    assert_eq!(page.render(), text);
    let tables = page.tables(Chapter::Postgres)?;
    tables.insert("a 2".to_owned(), "| y |".to_owned());
    let both = page.render();
    assert!(both.starts_with("# Title\n\nBy hand.\n\n"), "{both}");
    let end = "### a 2\n\n| y |\n\n### b 1\n\n| x |\n\n## Clients of MySQL and MariaDB\n\n### b 1\n\n| z |\n";
    assert!(both.ends_with(end), "{both}");
    Ok(())
}

#[test]
fn a_section_shows_every_version() -> Result<()> {
    let step = |outcome| Step {
        feature: "COPY".to_owned(),
        outcome,
    };
    let reasons = std::iter::once("LISTEN".to_owned()).collect();
    let section = Section {
        chapter: Chapter::Postgres,
        title: "x 1".to_owned(),
        runs: vec![
            ("PostgreSQL 15".to_owned(), vec![step(Outcome::Free)]),
            (
                "PostgreSQL 18".to_owned(),
                vec![step(Outcome::AsItMust(reasons))],
            ),
        ],
    };
    assert_eq!(
        section.text()?,
        "| feature | PostgreSQL 15 | PostgreSQL 18 |\n| --- | --- | --- |\n| COPY | – | `LISTEN` while it lasts |\n"
    );
    Ok(())
}
