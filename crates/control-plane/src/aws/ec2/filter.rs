//! Filters of EC2's lists: names with values, of which one must match; `*` and `?` stand for others.

use serde::Deserialize;
use tollgate_store::Tags;

use crate::aws::fault::Refusal;

/// One filter.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    name: String,
    #[serde(default)]
    value: Vec<String>,
}

/// Whether every filter matches something. `values` knows what a resource has under a name, or that there is no
/// such filter, which is refused: leaving it unread would show too much.
pub(super) fn matches(
    filters: &[Filter],
    values: impl Fn(&str) -> Option<Vec<String>>,
) -> Result<bool, Refusal> {
    let mut all = true;
    for filter in filters {
        let found = values(&filter.name)
            .ok_or_else(|| Refusal::Invalid(format!("The filter '{}' is invalid", filter.name)))?;
        let is_met = |value: &String| filter.value.iter().any(|pattern| is_like(value, pattern));
        all &= found.iter().any(is_met);
    }
    Ok(all)
}

/// What tags have under `tag:KEY`, `tag-key` and `tag-value`.
pub(super) fn of_tags(tags: &Tags, name: &str) -> Option<Vec<String>> {
    match name {
        "tag-key" => Some(tags.keys().cloned().collect()),
        "tag-value" => Some(tags.values().cloned().collect()),
        _ => {
            let key = name.strip_prefix("tag:")?;
            Some(tags.get(key).cloned().into_iter().collect())
        }
    }
}

/// Whether a text is as a pattern says. At every character, `reached` holds how far into the pattern it leads.
fn is_like(text: &str, pattern: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reached = vec![false; pattern.len().saturating_add(1)];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    pass_stars(&mut reached, &pattern);
    for letter in text.chars() {
        let mut next = vec![false; reached.len()];
        for (at, wanted) in pattern.iter().enumerate() {
            if !reached.get(at).copied().unwrap_or_default() {
                continue;
            }
            let to = match wanted {
                '*' => at,
                '?' => at.saturating_add(1),
                wanted if *wanted == letter => at.saturating_add(1),
                _ => continue,
            };
            if let Some(next) = next.get_mut(to) {
                *next = true;
            }
        }
        pass_stars(&mut next, &pattern);
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

/// A star may stand for nothing.
fn pass_stars(reached: &mut [bool], pattern: &[char]) {
    for (at, wanted) in pattern.iter().enumerate() {
        let is_here = reached.get(at).copied().unwrap_or_default();
        if is_here
            && *wanted == '*'
            && let Some(behind) = reached.get_mut(at.saturating_add(1))
        {
            *behind = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (text, pattern) in [
            ("web", "web"),
            ("web", "w*"),
            ("web", "*"),
            ("", "*"),
            ("web", "*e*"),
            ("web", "w?b"),
            ("wweb", "*web"),
        ] {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("web", "we"), ("web", "w?"), ("web", ""), ("Web", "web")] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }

    #[test]
    fn every_filter_must_match_one_of_its_values() {
        let filter = |name: &str, values: &[&str]| Filter {
            name: name.to_owned(),
            value: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let tags = Tags::from([("team".to_owned(), "sales".to_owned())]);
        let known = |name: &str| of_tags(&tags, name);
        let (one, other) = (
            filter("tag:team", &["x", "sales"]),
            filter("tag-key", &["x"]),
        );
        assert!(matches(std::slice::from_ref(&one), known).unwrap());
        assert!(!matches(&[one, other], known).unwrap());
        assert!(matches(&[filter("colour", &["red"])], known).is_err());
    }
}
