//! Every package takes part in the workspace's lints, edition and licence.

use std::fs;

use anyhow::{Context, Result};
use toml::Table;

use super::sources::files;
use crate::workspace;

/// Every manifest that opts out of something.
pub(super) fn problems() -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in files(workspace::root(), "toml")? {
        if path.file_name().is_none_or(|name| name != "Cargo.toml") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let manifest: Table =
            toml::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
        let shown = path
            .strip_prefix(workspace::root())
            .unwrap_or(&path)
            .display();
        problems.extend(
            check(&manifest)
                .into_iter()
                .map(|problem| format!("{shown}: {problem}")),
        );
    }
    Ok(problems)
}

fn check(manifest: &Table) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(package) = manifest.get("package").and_then(toml::Value::as_table) else {
        return problems;
    };
    let inherits = |value: Option<&toml::Value>| {
        value
            .and_then(|value| value.get("workspace"))
            .and_then(toml::Value::as_bool)
            .unwrap_or(false)
    };
    if !inherits(manifest.get("lints")) {
        problems.push("needs `[lints] workspace = true`".to_owned());
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !inherits(package.get(key)) {
            problems.push(format!("needs `{key}.workspace = true`"));
        }
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let table = manifest.get(section).and_then(toml::Value::as_table);
        for (name, value) in table.into_iter().flatten() {
            if !inherits(Some(value)) {
                problems.push(format!("`{name}` must take its version from the workspace"));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_inherits_everything_is_fine() {
        let manifest = toml::from_str(
            "[package]\nname='a'\nversion.workspace=true\nedition.workspace=true\nrust-version.workspace=true\n\
             license.workspace=true\npublish.workspace=true\n[lints]\nworkspace=true\n[dependencies]\nserde.workspace=true",
        )
        .unwrap();
        assert_eq!(check(&manifest), Vec::<String>::new());
    }

    #[test]
    fn own_versions_and_missing_lints_are_found() {
        let manifest = toml::from_str(
            "[package]\nname='a'\nversion='1.0.0'\nedition.workspace=true\nrust-version.workspace=true\n\
             license.workspace=true\npublish.workspace=true\n[dependencies]\nserde='1'",
        )
        .unwrap();
        assert_eq!(check(&manifest).len(), 3);
    }

    #[test]
    fn the_virtual_manifest_is_no_package() {
        assert_eq!(
            check(&toml::from_str("[workspace]\nmembers=[]").unwrap()).len(),
            0
        );
    }
}
