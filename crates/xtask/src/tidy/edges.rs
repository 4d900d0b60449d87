//! Who may import whom: the direction of the architecture, checked against the manifests.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::workspace;

/// What one package may import.
struct Rule {
    package: &'static str,
    /// Packages of ours.
    ours: &'static [&'static str],
    /// Crates of others; `None`: any.
    others: Option<&'static [&'static str]>,
}

/// One rule per package; a package without a rule is a problem. Pure crates list every crate they may
/// use: nothing with sockets, clocks, randomness or a runtime.
const RULES: &[Rule] = &[
    Rule {
        package: "tollgate-types",
        ours: &[],
        others: Some(&[
            "ipnet",
            "serde",
            "serde_json",
            "subtle",
            "thiserror",
            "zeroize",
        ]),
    },
    Rule {
        package: "tollgate-iam",
        ours: &[],
        others: Some(&[
            "aws-lc-rs",
            "aws-sigv4",
            "base64",
            "chrono",
            "hex",
            "ipnet",
            "memchr",
            "serde",
            "serde_json",
            "smallvec",
            "subtle",
            "thiserror",
            "zeroize",
            // Types that aws-sigv4 takes as arguments; their I/O features stay off.
            "aws-credential-types",
            "aws-smithy-runtime-api",
        ]),
    },
    Rule {
        package: "tollgate-wire-postgres",
        ours: &[],
        others: Some(&[
            "aws-lc-rs",
            "base64",
            "bytes",
            "hex",
            "md-5",
            "memchr",
            "smallvec",
            "stringprep",
            "subtle",
            "thiserror",
            "zeroize",
        ]),
    },
    Rule {
        package: "tollgate-wire-mysql",
        ours: &[],
        others: Some(&[
            "aws-lc-rs",
            "base64",
            "bytes",
            "curve25519-dalek",
            "memchr",
            "subtle",
            "thiserror",
            "zeroize",
        ]),
    },
    Rule {
        package: "tollgate-pool",
        ours: &[],
        others: Some(&["rustc-hash", "smallvec", "thiserror"]),
    },
    Rule {
        package: "tollgate-sql",
        ours: &[],
        others: Some(&["memchr", "rustc-hash"]),
    },
    Rule {
        package: "tollgate-session",
        ours: &[
            "tollgate-types",
            "tollgate-sql",
            "tollgate-wire-postgres",
            "tollgate-wire-mysql",
        ],
        // The lock is for what connections of all shards share about the routines of a database.
        others: Some(&["bytes", "memchr", "parking_lot", "smallvec", "thiserror"]),
    },
    Rule {
        package: "tollgate-migrations",
        ours: &[],
        others: None,
    },
    Rule {
        package: "tollgate-store",
        ours: &["tollgate-types", "tollgate-migrations"],
        others: None,
    },
    Rule {
        package: "tollgate-secrets",
        ours: &["tollgate-types"],
        others: None,
    },
    Rule {
        package: "tollgate-telemetry",
        ours: &["tollgate-types"],
        others: None,
    },
    Rule {
        package: "tollgate-control-plane",
        ours: &[
            "tollgate-types",
            "tollgate-iam",
            "tollgate-store",
            "tollgate-secrets",
            "tollgate-telemetry",
        ],
        others: None,
    },
    Rule {
        package: "tollgate-data-plane",
        ours: &[
            "tollgate-types",
            "tollgate-iam",
            "tollgate-wire-postgres",
            "tollgate-wire-mysql",
            "tollgate-sql",
            "tollgate-session",
            "tollgate-pool",
            "tollgate-telemetry",
        ],
        others: None,
    },
    Rule {
        package: "tollgate",
        ours: &[
            "tollgate-types",
            "tollgate-iam",
            "tollgate-store",
            "tollgate-secrets",
            "tollgate-telemetry",
            "tollgate-control-plane",
            "tollgate-data-plane",
        ],
        others: None,
    },
    Rule {
        package: "tollgate-testkit",
        ours: &["tollgate-types", "tollgate-iam"],
        others: None,
    },
    Rule {
        package: "acceptance",
        ours: &["tollgate-testkit", "tollgate-types", "tollgate-iam"],
        others: None,
    },
    Rule {
        package: "bench",
        ours: &["tollgate-testkit", "tollgate-iam"],
        others: None,
    },
    Rule {
        package: "paths",
        ours: &[
            "tollgate-iam",
            "tollgate-session",
            "tollgate-sql",
            "tollgate-wire-postgres",
        ],
        others: Some(&[]),
    },
    Rule {
        package: "xtask",
        ours: &[],
        others: None,
    },
];

/// Crates that must not appear on the far side of a boundary, whatever else is allowed.
const BANNED: &[(&str, &str, &str)] = &[
    (
        "tollgate-data-plane",
        "sea-orm",
        "the data plane never talks to the metadata database",
    ),
    (
        "tollgate-data-plane",
        "axum",
        "the data plane serves no HTTP",
    ),
    (
        "tollgate-control-plane",
        "sea-orm",
        "only the store knows SQL about our own data",
    ),
    (
        "tollgate-control-plane",
        "sqlx",
        "only the store knows SQL about our own data",
    ),
    ("tollgate-store", "axum", "the store knows nothing of HTTP"),
    ("tollgate-secrets", "axum", "secrets know nothing of HTTP"),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// Every import that the rules do not allow.
pub(super) fn problems() -> Result<Vec<String>> {
    let output = workspace::cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("running cargo metadata")?;
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let ours: Vec<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        check(package, &ours, &mut problems);
    }
    Ok(problems)
}

fn check(package: &Package, all_ours: &[&str], problems: &mut Vec<String>) {
    let Some(rule) = RULES.iter().find(|rule| rule.package == package.name) else {
        problems.push(format!("{}: no rule says what it may import", package.name));
        return;
    };
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let for_tests = dependency.kind.as_deref() == Some("dev");
        if all_ours.contains(&name) {
            let allowed = rule.ours.contains(&name) || (for_tests && name == "tollgate-testkit");
            if !allowed {
                problems.push(format!("{} must not import {name}", package.name));
            }
        } else if !for_tests && rule.others.is_some_and(|others| !others.contains(&name)) {
            problems.push(format!(
                "{} is pure and must not import {name}",
                package.name
            ));
        }
        let banned = BANNED
            .iter()
            .find(|(who, what, _)| *who == package.name && *what == name);
        if let (Some((_, _, reason)), false) = (banned, for_tests) {
            problems.push(format!("{} must not import {name}: {reason}", package.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies
                .iter()
                .map(|(name, kind)| Dependency {
                    name: (*name).to_owned(),
                    kind: kind.map(str::to_owned),
                })
                .collect(),
        }
    }

    fn found(package: &Package) -> Vec<String> {
        let ours = [
            "tollgate-pool",
            "tollgate-types",
            "tollgate-store",
            "tollgate-testkit",
        ];
        let mut problems = Vec::new();
        check(package, &ours, &mut problems);
        problems
    }

    #[test]
    fn planes_never_import_each_others_world() {
        let plane = package(
            "tollgate-data-plane",
            &[("tollgate-store", None), ("axum", None)],
        );
        assert_eq!(found(&plane).len(), 2);
    }

    #[test]
    fn pure_crates_import_only_what_is_listed() {
        assert_eq!(
            found(&package("tollgate-pool", &[("tokio", None)])).len(),
            1
        );
        assert_eq!(
            found(&package("tollgate-pool", &[("thiserror", None)])).len(),
            0
        );
    }

    #[test]
    fn tests_may_use_the_testkit_and_anything_of_others() {
        let with_tests = package(
            "tollgate-pool",
            &[("tollgate-testkit", Some("dev")), ("proptest", Some("dev"))],
        );
        assert_eq!(found(&with_tests).len(), 0);
        let shipped = package("tollgate-pool", &[("tollgate-testkit", None)]);
        assert_eq!(found(&shipped).len(), 1);
    }

    #[test]
    fn a_new_package_needs_a_rule() {
        assert_eq!(found(&package("tollgate-novelty", &[])).len(), 1);
    }
}
