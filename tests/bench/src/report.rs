//! What a run ends with: a table for people, JSON for programs, a picture.

mod machine;
mod picture;
mod table;
mod verdict;

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Value, json};

pub(crate) use machine::Machine;

use crate::reading::Readings;

/// Prints the table and writes JSON to `json` and a picture beside it.
pub(crate) fn publish(readings: &Readings, machine: &Machine, json: &Path) -> Result<()> {
    print!("{}", table::render(readings));
    for failure in &readings.failures {
        println!(
            "not measured: {} with {}: {}",
            failure.work,
            failure.system.name(),
            failure.reason
        );
    }
    println!("\n{}", machine.lines().join("\n"));
    write(json, &format!("{:#}\n", document(readings, machine)))?;
    let picture = json.with_extension("svg");
    write(&picture, &picture::draw(readings))?;
    println!("\n{}\n{}", json.display(), picture.display());
    Ok(())
}

fn document(readings: &Readings, machine: &Machine) -> Value {
    let verdicts: Vec<Value> = verdict::all(readings)
        .iter()
        .map(|verdict| json!({"metric": verdict.metric, "target": verdict.target, "reached": verdict.reached}))
        .collect();
    json!({
        "machine": machine.lines(),
        "readings": readings.taken,
        "failures": readings.failures,
        "verdicts": verdicts,
    })
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
