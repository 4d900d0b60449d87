//! The rules a name given by an operator must obey.

use crate::FieldProblem;

/// Which naming rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// RDS identifiers: 1–63 letters, digits, hyphens; starts with a letter; no `--`, no trailing hyphen.
    Identifier,
    /// IAM names: 1–64 of letters, digits and `+=,.@_-`.
    Iam,
    /// IAM policy names: as [`NameRule::Iam`], up to 128.
    IamPolicy,
    /// Secrets Manager names: 1–512 of letters, digits and `/_+=.@-`.
    Secret,
}

impl NameRule {
    fn text(self) -> &'static str {
        match self {
            Self::Identifier => {
                "1-63 letters, digits or hyphens, starting with a letter, no trailing hyphen, no two hyphens in a row"
            }
            Self::Iam => "1-64 of letters, digits and +=,.@_-",
            Self::IamPolicy => "1-128 of letters, digits and +=,.@_-",
            Self::Secret => "1-512 of letters, digits and /_+=.@-",
        }
    }

    fn allows(self, name: &str) -> bool {
        let within = |max: usize, extra: &str| {
            (1..=max).contains(&name.len())
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        match self {
            Self::Identifier => {
                within(63, "-")
                    && name.starts_with(|c: char| c.is_ascii_alphabetic())
                    && !name.ends_with('-')
                    && !name.contains("--")
            }
            Self::Iam => within(64, "+=,.@_-"),
            Self::IamPolicy => within(128, "+=,.@_-"),
            Self::Secret => within(512, "/_+=.@-"),
        }
    }
}

/// `Some(problem)` when `name` breaks `rule`; `pointer` says where the name stood.
pub fn check_name(rule: NameRule, pointer: &str, name: &str) -> Option<FieldProblem> {
    if rule.allows(name) {
        return None;
    }
    let message = format!("`{name}` is not a valid name: {}", rule.text());
    Some(FieldProblem::new(pointer, rule.text(), &message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_rds() {
        for good in ["a", "orders-db", "A1", &"x".repeat(63)] {
            assert_eq!(
                check_name(NameRule::Identifier, "/name", good),
                None,
                "{good}"
            );
        }
        for bad in ["", "1a", "a-", "a--b", "a_b", "é", &"x".repeat(64)] {
            assert!(
                check_name(NameRule::Identifier, "/name", bad).is_some(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_problem_names_field_and_rule() {
        let problem = check_name(NameRule::Iam, "/name", "a b").unwrap();
        assert_eq!(problem.pointer, "/name");
        assert!(problem.message.contains("a b"));
    }
}
