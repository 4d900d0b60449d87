//! Collects what is wrong with a request while a specification is built from it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tollgate_types::{FieldProblem, NameRule, check_name};

use crate::problem::Problem;

/// Most tags on one resource. Source: AWS tagging limits.
const TAGS_MAX: usize = 50;
const TAG_KEY_LENGTH_MAX: usize = 128;
const TAG_VALUE_LENGTH_MAX: usize = 256;

/// Longest host name. Source: RFC 1035 §2.3.4, less the trailing dot.
const HOST_LENGTH_MAX: usize = 253;

/// The problems found so far. A member that decoding already complained about is not reported again.
#[derive(Debug, Default)]
pub(crate) struct Check {
    problems: Vec<FieldProblem>,
}

impl Check {
    /// Starts with what decoding found.
    pub(crate) fn new(problems: Vec<FieldProblem>) -> Self {
        Self { problems }
    }

    /// Records a violated rule.
    pub(crate) fn wrong(&mut self, pointer: &str, rule: &str, message: &str) {
        self.add(FieldProblem::new(pointer, rule, message));
    }

    /// Records problems that another validator found.
    pub(crate) fn add_all(&mut self, problems: impl IntoIterator<Item = FieldProblem>) {
        problems.into_iter().for_each(|problem| self.add(problem));
    }

    fn add(&mut self, problem: FieldProblem) {
        if !self.is_known(&problem.pointer) || !problem.rule.starts_with("required") {
            self.problems.push(problem);
        }
    }

    /// Whether something at or below this pointer is wrong already.
    fn is_known(&self, pointer: &str) -> bool {
        self.problems.iter().any(|known| {
            known
                .pointer
                .strip_prefix(pointer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// A member that must be there. The stand-in is never used: [`Check::done`] refuses first.
    pub(crate) fn required<T: Default>(&mut self, pointer: &str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            let name = pointer.rsplit('/').next().unwrap_or(pointer);
            self.wrong(pointer, "required", &format!("{name} is required"));
            T::default()
        })
    }

    /// A required name that obeys a rule.
    pub(crate) fn name(&mut self, rule: NameRule, value: Option<String>) -> String {
        let is_given = value.is_some();
        let name = self.required("/name", value);
        if is_given {
            self.add_all(check_name(rule, "/name", &name));
        }
        name
    }

    /// A text within bounds, given in characters.
    pub(crate) fn length(&mut self, pointer: &str, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if !(min..=max).contains(&length) && !self.is_known(pointer) {
            let name = pointer.rsplit('/').next().unwrap_or(pointer);
            let message = format!("{name} must be {min} to {max} characters long");
            self.wrong(pointer, &format!("{min} <= length <= {max}"), &message);
        }
    }

    /// A host name or address that a client could connect to.
    pub(crate) fn host(&mut self, pointer: &str, host: &str) {
        if !self.is_known(pointer) && !is_host(host) {
            let message = format!("`{host}` is neither a host name nor an IP address");
            self.wrong(pointer, "host name or IP address", &message);
        }
    }

    /// Tags within AWS's limits.
    pub(crate) fn tags(&mut self, tags: &BTreeMap<String, String>) {
        if tags.len() > TAGS_MAX {
            self.wrong(
                "/tags",
                "at most 50 tags",
                "a resource can have at most 50 tags",
            );
        }
        for (key, value) in tags {
            let pointer = format!("/tags/{}", key.replace('~', "~0").replace('/', "~1"));
            let key_length = key.chars().count();
            if !(1..=TAG_KEY_LENGTH_MAX).contains(&key_length) || key.starts_with("aws:") {
                let rule = "1 <= key length <= 128, not starting with aws:";
                self.wrong(&pointer, rule, &format!("`{key}` is not a valid tag key"));
            }
            if value.chars().count() > TAG_VALUE_LENGTH_MAX {
                let message = format!("the value of tag `{key}` is longer than 256 characters");
                self.wrong(&pointer, "value length <= 256", &message);
            }
        }
    }

    /// Passes the finished specification on, unless something was wrong.
    pub(crate) fn done<T>(self, spec: T) -> Result<T, Problem> {
        if self.problems.is_empty() {
            Ok(spec)
        } else {
            Err(Problem::fields(self.problems))
        }
    }
}

fn is_host(host: &str) -> bool {
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= HOST_LENGTH_MAX && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_hosts() {
        for good in [
            "10.0.0.5",
            "::1",
            "db",
            "orders-db.internal",
            "a.b.c.",
            "db_1",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", ".", "a..b", "-a", "a-", "http://x", "a b", "a:5432"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn a_wrong_member_is_not_also_missing() {
        let mut check = Check::new(vec![FieldProblem::new("/tls/mode", "type", "x")]);
        check.required::<String>("/tls", None);
        check.required::<String>("/host", None);
        let Err(problem) = check.done(()) else {
            panic!("two problems")
        };
        assert!(format!("{problem:?}").contains("/host"));
        assert!(!format!("{problem:?}").contains("tls is required"));
    }
}
