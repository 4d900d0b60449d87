//! From what is wanted and what is reported to a proxy's event and its conditions. No I/O, no clock.

use std::fmt;

use tollgate_types::{
    Condition, ConditionStatus, ConditionType, EndpointState, HealthReason, HealthState,
    ObservedProxy, ProxyEvent, ProxyStatus, TargetHealth,
};

/// What is known about one proxy.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// The generation that should run.
    pub(crate) generation: u64,
    /// The status so far.
    pub(crate) status: ProxyStatus,
    /// Names of the endpoints that should listen.
    pub(crate) endpoints: Vec<&'a str>,
    /// The data plane's report, if it has one for this proxy.
    pub(crate) observed: Option<&'a ObservedProxy>,
    /// Secrets that auth rules name and that are good for no login.
    pub(crate) unusable_secrets: &'a [UnusableSecret],
    /// Sentences about secrets that the proxy's role must not read.
    pub(crate) denied_secrets: &'a [String],
    /// Sentences about secrets that may be out of date.
    pub(crate) stale_secrets: &'a [String],
    /// How many auth rules there are.
    pub(crate) auth_rules: usize,
    /// Health of every registered target, by database name.
    pub(crate) targets: Vec<(&'a str, &'a TargetHealth)>,
}

/// A secret that an auth rule names in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnusableSecret {
    pub(crate) name: String,
    pub(crate) why: Unusable,
}

/// Why a secret is good for no login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unusable {
    Absent,
    MarkedForDeletion,
    Empty,
    NotALogin,
    Sealed,
    /// It lives elsewhere, and has not been fetched yet.
    Pending,
    /// It lives elsewhere, where we do not get it.
    Unreadable(String),
}

/// What is wrong with it, behind its name.
impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Absent => "does not exist",
            Self::MarkedForDeletion => "is marked for deletion",
            Self::Empty => "has no value yet",
            Self::NotALogin => "is not a JSON object with username and password",
            Self::Sealed => "cannot be opened with the present master key",
            Self::Pending => "is being fetched from AWS Secrets Manager",
            Self::Unreadable(words) => {
                return write!(out, "cannot be fetched from AWS Secrets Manager: {words}");
            }
        })
    }
}

/// How far the listeners are.
enum Listening {
    Everywhere,
    PortRejected(String),
    ResourcesRejected(String),
    NotYet(String),
}

impl Facts<'_> {
    /// What happened to the proxy, if its status must change.
    pub(crate) fn event(&self) -> Option<ProxyEvent> {
        match self.listening() {
            Listening::PortRejected(_) => Some(ProxyEvent::PortRejected),
            Listening::ResourcesRejected(_) => Some(ProxyEvent::ResourcesRejected),
            Listening::Everywhere if self.is_applied() => Some(ProxyEvent::Applied),
            // A restarted data plane has not taken up the work again: saying "available" would be a lie.
            Listening::Everywhere | Listening::NotYet(_) => match self.status {
                ProxyStatus::Available => Some(ProxyEvent::SpecChanged),
                ProxyStatus::Creating
                | ProxyStatus::Modifying
                | ProxyStatus::Deleting
                | ProxyStatus::IncompatibleNetwork
                | ProxyStatus::InsufficientResourceLimits => None,
            },
        }
    }

    /// The status after that event.
    pub(crate) fn next_status(&self) -> ProxyStatus {
        self.event()
            .map_or(self.status, |event| self.status.after(event))
    }

    /// The endpoint that is in the way, in the operating system's words; empty when all is well.
    pub(crate) fn status_reason(&self) -> String {
        match self.listening() {
            Listening::PortRejected(message) | Listening::ResourcesRejected(message) => message,
            Listening::Everywhere | Listening::NotYet(_) => String::new(),
        }
    }

    /// The generation that the data plane runs; 0 before its first report.
    pub(crate) fn observed_generation(&self) -> u64 {
        self.observed.map_or(0, |observed| observed.generation)
    }

    fn is_applied(&self) -> bool {
        self.observed
            .is_some_and(|observed| observed.generation == self.generation)
    }

    fn listening(&self) -> Listening {
        let Some(observed) = self.observed else {
            return Listening::NotYet("no data plane has reported yet".to_owned());
        };
        let state = |name: &str| {
            observed
                .endpoints
                .iter()
                .find(|endpoint| endpoint.name == name)
                .map(|e| &e.state)
        };
        let mut waiting = None;
        for name in &self.endpoints {
            match state(name) {
                Some(EndpointState::Listening) => {}
                Some(EndpointState::PortRejected { message }) => {
                    return Listening::PortRejected(format!("endpoint {name}: {message}"));
                }
                Some(EndpointState::ResourcesRejected { message }) => {
                    return Listening::ResourcesRejected(format!("endpoint {name}: {message}"));
                }
                None => waiting = Some(format!("endpoint {name} does not listen yet")),
            }
        }
        waiting.map_or(Listening::Everywhere, Listening::NotYet)
    }

    /// All conditions; one whose status is as in `previous` keeps its time.
    pub(crate) fn conditions(&self, previous: &[Condition], now_unix: i64) -> Vec<Condition> {
        let programmed = self.programmed();
        let listening = self.listening_condition();
        let available = self.available(&programmed, &listening);
        [
            programmed,
            listening,
            self.secrets_resolved(),
            self.targets_available(),
            available,
        ]
        .into_iter()
        .map(|found| {
            let since = previous
                .iter()
                .find(|known| known.kind == found.kind && known.status == found.status)
                .map_or(now_unix, |known| known.last_transition_unix);
            Condition {
                kind: found.kind,
                status: found.status,
                reason: found.reason.to_owned(),
                message: found.message,
                observed_generation: self.observed_generation(),
                last_transition_unix: since,
            }
        })
        .collect()
    }

    fn programmed(&self) -> Finding {
        let kind = ConditionType::Programmed;
        match self.observed {
            None => Finding::unknown(kind, "NotReported", "no data plane has reported yet".into()),
            Some(_) if self.is_applied() => Finding::yes(kind, "Applied", String::new()),
            Some(observed) => Finding::no(
                kind,
                "WaitingForDataPlane",
                format!(
                    "generation {} runs, {} is wanted",
                    observed.generation, self.generation
                ),
            ),
        }
    }

    fn listening_condition(&self) -> Finding {
        let kind = ConditionType::Listening;
        match self.listening() {
            Listening::Everywhere => Finding::yes(kind, "Listening", String::new()),
            Listening::PortRejected(message) => Finding::no(kind, "PortRejected", message),
            Listening::ResourcesRejected(message) => {
                Finding::no(kind, "ResourcesRejected", message)
            }
            Listening::NotYet(message) => Finding::unknown(kind, "NotReported", message),
        }
    }

    fn secrets_resolved(&self) -> Finding {
        let kind = ConditionType::SecretsResolved;
        if !self.denied_secrets.is_empty() {
            let words = self.denied_secrets.join("; ");
            return Finding::no(kind, "PermissionMissing", words);
        }
        if self.unusable_secrets.is_empty() && !self.stale_secrets.is_empty() {
            return Finding::yes(kind, "Stale", self.stale_secrets.join("; "));
        }
        if self.unusable_secrets.is_empty() {
            let reason = if self.auth_rules == 0 {
                "NoAuthRules"
            } else {
                "AllResolved"
            };
            return Finding::yes(kind, reason, String::new());
        }
        let absent = |secret: &UnusableSecret| secret.why == Unusable::Absent;
        let reason = if self.unusable_secrets.iter().all(absent) {
            "SecretMissing"
        } else {
            "SecretUnusable"
        };
        let each: Vec<String> = self
            .unusable_secrets
            .iter()
            .map(|secret| format!("{} {}", secret.name, secret.why))
            .collect();
        let message = format!("auth rules name secrets in vain: {}", each.join("; "));
        Finding::no(kind, reason, message)
    }

    fn targets_available(&self) -> Finding {
        let kind = ConditionType::TargetsAvailable;
        let available = self
            .targets
            .iter()
            .filter(|(_, h)| h.state == HealthState::Available)
            .count();
        if available > 0 {
            let message = format!(
                "{available} of {} targets are available",
                self.targets.len()
            );
            return Finding::yes(kind, "Available", message);
        }
        let failed = self
            .targets
            .iter()
            .find(|(_, h)| h.state == HealthState::Unavailable);
        match failed {
            Some((name, health)) => {
                let message = format!("target {name}: {}", health.description);
                Finding::no(kind, reason_word(health.reason), message)
            }
            None if self.targets.is_empty() => Finding::no(
                kind,
                "NoTargets",
                "no database is registered as a target".into(),
            ),
            None => Finding::unknown(
                kind,
                "Registering",
                "no health check has finished yet".into(),
            ),
        }
    }

    fn available(&self, programmed: &Finding, listening: &Finding) -> Finding {
        let kind = ConditionType::Available;
        if self.next_status() == ProxyStatus::Available {
            return Finding::yes(kind, "Available", String::new());
        }
        if self.status == ProxyStatus::Deleting {
            return Finding::no(kind, "Deleting", "the proxy is being deleted".into());
        }
        let cause = if listening.status == ConditionStatus::False {
            listening
        } else {
            programmed
        };
        Finding {
            kind,
            status: ConditionStatus::False,
            ..cause.clone()
        }
    }
}

#[derive(Clone)]
struct Finding {
    kind: ConditionType,
    status: ConditionStatus,
    reason: &'static str,
    message: String,
}

impl Finding {
    fn yes(kind: ConditionType, reason: &'static str, message: String) -> Self {
        Self {
            kind,
            status: ConditionStatus::True,
            reason,
            message,
        }
    }

    fn no(kind: ConditionType, reason: &'static str, message: String) -> Self {
        Self {
            kind,
            status: ConditionStatus::False,
            reason,
            message,
        }
    }

    fn unknown(kind: ConditionType, reason: &'static str, message: String) -> Self {
        Self {
            kind,
            status: ConditionStatus::Unknown,
            reason,
            message,
        }
    }
}

fn reason_word(reason: Option<HealthReason>) -> &'static str {
    match reason {
        Some(HealthReason::Unreachable) => "Unreachable",
        Some(HealthReason::ConnectionFailed) => "ConnectionFailed",
        Some(HealthReason::AuthFailure) => "AuthFailure",
        Some(HealthReason::PendingProxyCapacity) => "PendingProxyCapacity",
        Some(HealthReason::InvalidReplicationState) => "InvalidReplicationState",
        None => "Unavailable",
    }
}

#[cfg(test)]
mod tests {
    use tollgate_types::ObservedEndpoint;

    use super::*;

    fn observed(generation: u64, state: EndpointState) -> ObservedProxy {
        ObservedProxy {
            id: "prx-0a1b2c3d4e5f60718".parse().unwrap(),
            generation,
            endpoints: vec![ObservedEndpoint {
                name: "default".into(),
                state,
            }],
            drained: false,
        }
    }

    fn facts(status: ProxyStatus, observed: Option<&ObservedProxy>) -> Facts<'_> {
        Facts {
            generation: 2,
            status,
            endpoints: vec!["default"],
            observed,
            unusable_secrets: &[],
            denied_secrets: &[],
            stale_secrets: &[],
            auth_rules: 1,
            targets: Vec::new(),
        }
    }

    #[test]
    fn available_needs_the_newest_generation_and_every_endpoint() {
        let newest = observed(2, EndpointState::Listening);
        let older = observed(1, EndpointState::Listening);
        let none = ObservedProxy {
            endpoints: vec![],
            ..observed(2, EndpointState::Listening)
        };
        let next = |seen| facts(ProxyStatus::Creating, seen).next_status();
        assert_eq!(next(Some(&newest)), ProxyStatus::Available);
        assert_eq!(next(Some(&older)), ProxyStatus::Creating);
        assert_eq!(next(Some(&none)), ProxyStatus::Creating);
        assert_eq!(next(None), ProxyStatus::Creating);
    }

    #[test]
    fn a_rejected_port_is_an_incompatible_network_with_the_systems_words() {
        let taken = EndpointState::PortRejected {
            message: "address in use".into(),
        };
        let report = observed(2, taken);
        let facts = facts(ProxyStatus::Creating, Some(&report));
        assert_eq!(facts.next_status(), ProxyStatus::IncompatibleNetwork);
        assert_eq!(facts.status_reason(), "endpoint default: address in use");
        let conditions = facts.conditions(&[], 5);
        let available = conditions
            .iter()
            .find(|c| c.kind == ConditionType::Available)
            .unwrap();
        assert_eq!(available.status, ConditionStatus::False);
        assert_eq!(available.reason, "PortRejected");
    }

    #[test]
    fn an_available_proxy_that_nobody_runs_is_not_available() {
        assert_eq!(
            facts(ProxyStatus::Available, None).next_status(),
            ProxyStatus::Modifying
        );
    }

    #[test]
    fn deleting_stays_deleting() {
        let report = observed(2, EndpointState::Listening);
        assert_eq!(
            facts(ProxyStatus::Deleting, Some(&report)).next_status(),
            ProxyStatus::Deleting
        );
    }

    #[test]
    fn a_transition_time_changes_only_with_the_status() {
        let older = observed(1, EndpointState::Listening);
        let newest = observed(2, EndpointState::Listening);
        let first = facts(ProxyStatus::Creating, Some(&older)).conditions(&[], 10);
        let second = facts(ProxyStatus::Creating, Some(&older)).conditions(&first, 20);
        let third = facts(ProxyStatus::Creating, Some(&newest)).conditions(&second, 30);
        let since = |conditions: &[Condition], kind| {
            conditions
                .iter()
                .find(|c| c.kind == kind)
                .map(|c| c.last_transition_unix)
        };
        assert_eq!(since(&second, ConditionType::Programmed), Some(10));
        assert_eq!(since(&third, ConditionType::Programmed), Some(30));
        assert_eq!(since(&third, ConditionType::Listening), Some(10));
    }

    #[test]
    fn an_unusable_secret_is_named_with_the_reason() {
        for (why, reason, words) in [
            (Unusable::Absent, "SecretMissing", "does not exist"),
            (Unusable::NotALogin, "SecretUnusable", "username"),
        ] {
            let unusable = vec![UnusableSecret {
                name: "orders-app".to_owned(),
                why,
            }];
            let facts = Facts {
                unusable_secrets: &unusable,
                ..facts(ProxyStatus::Creating, None)
            };
            let conditions = facts.conditions(&[], 1);
            let found = conditions
                .iter()
                .find(|c| c.kind == ConditionType::SecretsResolved)
                .unwrap();
            assert_eq!(
                (found.status, found.reason.as_str()),
                (ConditionStatus::False, reason)
            );
            assert!(found.message.contains("orders-app") && found.message.contains(words));
        }
    }

    #[test]
    fn a_failing_target_says_why() {
        let mut health = TargetHealth::registering();
        let unknown = Facts {
            targets: vec![("db", &health)],
            ..facts(ProxyStatus::Creating, None)
        };
        assert_eq!(unknown.targets_available().status, ConditionStatus::Unknown);
        health.state = HealthState::Unavailable;
        health.reason = Some(HealthReason::AuthFailure);
        health.description = "28P01 no".into();
        let failing = Facts {
            targets: vec![("db", &health)],
            ..facts(ProxyStatus::Creating, None)
        };
        let found = failing.targets_available();
        assert_eq!(
            (found.status, found.reason),
            (ConditionStatus::False, "AuthFailure")
        );
        assert!(found.message.contains("28P01"));
        assert_eq!(
            facts(ProxyStatus::Creating, None)
                .targets_available()
                .reason,
            "NoTargets"
        );
    }
}
