//! `waitFor` on a proxy: what is waited for, and when waiting is over.

use std::time::Duration;

use tollgate_types::{Condition, ConditionStatus, ConditionType, ProxyStatus};

use crate::problem::{Code, Problem};

/// Longest and usual time for one wait.
const TIMEOUT_MAX: Duration = Duration::from_mins(1);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Status *available*.
    Available,
    /// Status *available*, and the newest generation runs.
    Modified,
    /// The proxy is gone.
    Deleted,
    /// A condition is true.
    Condition(ConditionType),
}

/// How a wait stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The goal is reached.
    Satisfied,
    /// The goal cannot be reached unless somebody acts.
    Terminal,
    /// Not yet.
    Pending,
}

impl Verdict {
    /// The value of `Wait-Result` when waiting ends with this verdict.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::Terminal => "terminal",
            Self::Pending => "timeout",
        }
    }
}

/// One wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) goal: Goal,
    pub(crate) timeout: Duration,
}

/// The part of a proxy that verdicts depend on.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) status: ProxyStatus,
    pub(crate) generation: u64,
    pub(crate) observed_generation: u64,
    pub(crate) conditions: &'a [Condition],
}

impl Wait {
    /// Reads `waitFor` and `timeout`; nothing without `waitFor`.
    pub(crate) fn parse(
        goal: Option<&str>,
        timeout: Option<&str>,
    ) -> Result<Option<Self>, Problem> {
        let Some(goal) = goal else { return Ok(None) };
        let goal = parse_goal(goal).ok_or_else(|| {
            let message = "waitFor must be available, modified, deleted, or a condition: programmed, listening, secretsResolved, targetsAvailable";
            Problem::field(Code::ValidationFailed, "?waitFor", "one of the listed words", message)
        })?;
        let timeout = match timeout {
            None => TIMEOUT_DEFAULT,
            Some(text) => parse_duration(text)
                .filter(|t| *t <= TIMEOUT_MAX)
                .ok_or_else(|| {
                    let message = "timeout must be a duration like 30s or 500ms, at most 60s";
                    Problem::field(
                        Code::ValidationFailed,
                        "?timeout",
                        "0s <= timeout <= 60s",
                        message,
                    )
                })?,
        };
        Ok(Some(Self { goal, timeout }))
    }

    /// How a proxy that exists stands.
    pub(crate) fn verdict(&self, seen: &Seen<'_>) -> Verdict {
        let is_broken = match seen.status {
            ProxyStatus::Deleting
            | ProxyStatus::IncompatibleNetwork
            | ProxyStatus::InsufficientResourceLimits => true,
            ProxyStatus::Creating | ProxyStatus::Available | ProxyStatus::Modifying => false,
        };
        let is_available = seen.status == ProxyStatus::Available;
        let is_reached = match self.goal {
            Goal::Available => is_available,
            Goal::Modified => is_available && seen.observed_generation == seen.generation,
            Goal::Deleted => return Verdict::Pending,
            Goal::Condition(kind) => seen
                .conditions
                .iter()
                .any(|c| c.kind == kind && c.status == ConditionStatus::True),
        };
        match (is_reached, is_broken) {
            (true, _) => Verdict::Satisfied,
            (false, true) => Verdict::Terminal,
            (false, false) => Verdict::Pending,
        }
    }

    /// How a proxy that no longer exists stands.
    pub(crate) fn verdict_gone(&self) -> Verdict {
        match self.goal {
            Goal::Deleted => Verdict::Satisfied,
            Goal::Available | Goal::Modified | Goal::Condition(_) => Verdict::Terminal,
        }
    }
}

fn parse_goal(text: &str) -> Option<Goal> {
    Some(match text.to_ascii_lowercase().as_str() {
        "available" => Goal::Available,
        "modified" => Goal::Modified,
        "deleted" => Goal::Deleted,
        "programmed" => Goal::Condition(ConditionType::Programmed),
        "listening" => Goal::Condition(ConditionType::Listening),
        "secretsresolved" => Goal::Condition(ConditionType::SecretsResolved),
        "targetsavailable" => Goal::Condition(ConditionType::TargetsAvailable),
        _ => return None,
    })
}

/// `30s`, `500ms` or `30` (seconds).
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().ok()).flatten()
    };
    if let Some(number) = text.strip_suffix("ms") {
        return digits(number).map(Duration::from_millis);
    }
    digits(text.strip_suffix('s').unwrap_or(text)).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_the_usual_forms() {
        assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("30"), Some(Duration::from_secs(30)));
        for bad in [
            "",
            "s",
            "ms",
            "-1s",
            "1m",
            "+5",
            "1.5s",
            "99999999999999999999",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
        assert!(Wait::parse(Some("available"), Some("61s")).is_err());
        assert!(Wait::parse(Some("happy"), None).is_err());
        assert_eq!(Wait::parse(None, Some("5s")).unwrap(), None);
    }

    #[test]
    fn verdicts_tell_waiting_from_hopeless() {
        let wait = Wait {
            goal: Goal::Available,
            timeout: TIMEOUT_DEFAULT,
        };
        let seen = |status| Seen {
            status,
            generation: 2,
            observed_generation: 1,
            conditions: &[],
        };
        assert_eq!(wait.verdict(&seen(ProxyStatus::Creating)), Verdict::Pending);
        assert_eq!(
            wait.verdict(&seen(ProxyStatus::Available)),
            Verdict::Satisfied
        );
        assert_eq!(
            wait.verdict(&seen(ProxyStatus::IncompatibleNetwork)),
            Verdict::Terminal
        );
        let modified = Wait {
            goal: Goal::Modified,
            ..wait
        };
        assert_eq!(
            modified.verdict(&seen(ProxyStatus::Available)),
            Verdict::Pending
        );
        let deleted = Wait {
            goal: Goal::Deleted,
            ..wait
        };
        assert_eq!(
            deleted.verdict(&seen(ProxyStatus::Deleting)),
            Verdict::Pending
        );
        assert_eq!(deleted.verdict_gone(), Verdict::Satisfied);
        assert_eq!(wait.verdict_gone(), Verdict::Terminal);
    }
}
