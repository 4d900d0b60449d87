//! Rules for source files: one story per file, bounded length, nothing half done, no machine paths.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::workspace;

/// Lines of a file that are not tests.
const FILE_LINES_MAX: usize = 500;

/// Words that must not be in Rust code. They are spelled in two halves so that this file passes.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("todo", "!(", "finish it or leave it out"),
    ("unimplemented", "!(", "finish it or leave it out"),
    ("dbg", "!(", "remove debugging aids"),
    ("#[ign", "ore", "a test runs or is deleted"),
    ("#[should", "_panic", "assert the error instead"),
    ("allow(clippy::too", "_many_lines", "split the function"),
    ("allow(warn", "ings", "fix the warning"),
];

/// Beginnings of paths that exist only on somebody's machine.
const MACHINE_PATHS: &[(&str, &str)] = &[
    ("/home", "/"),
    ("/root", "/"),
    ("/Users", "/"),
    ("/work", "/"),
];

/// Every offending place of every file.
pub(super) fn problems() -> Result<Vec<String>> {
    let root = workspace::root();
    let mut problems = Vec::new();
    for path in files(root, "rs")? {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let shown = path.strip_prefix(root).unwrap_or(&path);
        problems.extend(rust_problems(shown, &text));
    }
    for extension in [
        "rs", "toml", "md", "yaml", "yml", "sh", "py", "mjs", "java", "service",
    ] {
        for path in files(root, extension)? {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let shown = path.strip_prefix(root).unwrap_or(&path);
            problems.extend(path_problems(shown, &text));
        }
    }
    Ok(problems)
}

/// Files below `folder` with this extension; build output and hidden folders are left out.
pub(super) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.')
                && !["target", "node_modules", "tollgate-data"].contains(&name.as_str())
            {
                found.extend(files(&path, extension)?);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn rust_problems(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut problems = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("//! ") {
        problems.push(format!(
            "{shown}:1: the first line must be `//!` and tell what the file is about"
        ));
    }
    if first.contains("Placeholder") {
        problems.push(format!("{shown}:1: is a placeholder"));
    }
    let length = production_lines(path, text);
    if length > FILE_LINES_MAX {
        problems.push(format!(
            "{shown}: {length} lines without tests, {FILE_LINES_MAX} are allowed: split it"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        for (head, tail, advice) in FORBIDDEN {
            if line.contains(&format!("{head}{tail}")) {
                problems.push(format!("{shown}:{}: `{head}{tail}`: {advice}", number + 1));
            }
        }
    }
    problems
}

/// Lines up to the test module; files that hold nothing but tests count as empty.
fn production_lines(path: &Path, text: &str) -> usize {
    let only_tests = path.components().any(|part| part.as_os_str() == "tests")
        || path.file_stem().is_some_and(|stem| stem == "tests");
    if only_tests && !path.starts_with("tests") {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| matches!(pair, ["#[cfg(test)]", next] if next.starts_with("mod ") && next.ends_with('{')))
        .unwrap_or(lines.len())
}

fn path_problems(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (head, tail) in MACHINE_PATHS {
            let word = format!("{head}{tail}");
            let starts_a_path = line.match_indices(&word).any(|(at, _)| {
                let before = line.get(..at).and_then(|text| text.chars().next_back());
                before.is_none_or(|c| !c.is_alphanumeric() && !"./_-}".contains(c))
            });
            if starts_a_path {
                problems.push(format!(
                    "{shown}:{}: a path of one machine: {word}",
                    number + 1
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> Vec<String> {
        rust_problems(Path::new("crates/a/src/b.rs"), text)
    }

    #[test]
    fn a_file_starts_with_its_story() {
        assert_eq!(rust("//! A story.\n").len(), 0);
        assert_eq!(rust("use std::fs;\n").len(), 1);
    }

    #[test]
    fn tests_do_not_count_towards_the_length() {
        let code = "//! A story.\n".to_owned() + &"fn a() {}\n".repeat(499);
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"fn b() {}\n".repeat(400) + "}\n";
        assert_eq!(rust(&format!("{code}{tests}")).len(), 0);
        assert_eq!(rust(&format!("{code}fn c() {{}}\n{tests}")).len(), 1);
    }

    #[test]
    fn half_done_work_is_found() {
        let words = ["todo", "dbg", "unimplemented"];
        for word in words {
            assert_eq!(
                rust(&format!("//! A story.\nfn a() {{ {word}!() }}\n")).len(),
                1,
                "{word}"
            );
        }
    }

    #[test]
    fn machine_paths_are_found_and_urls_are_not() {
        let check = |text: &str| path_problems(Path::new("README.md"), text).len();
        assert_eq!(check(&["see /ho", "me/me/x"].concat()), 1);
        assert_eq!(check("https://example.org/work/item and ./work/a"), 0);
        assert_eq!(check("/var/lib/tollgate"), 0);
    }
}
