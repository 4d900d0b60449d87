//! How long to leave a failing target or key alone before trying again.

use std::sync::Arc;

use crate::error::OpenError;
use crate::{FailureScope, Millis};

/// The pause after the first failure; doubles with every further one (HikariCP's figures).
pub const BACKOFF_MIN: Millis = Millis::new(10);
/// The longest pause after failures that may pass by themselves.
pub const BACKOFF_MAX: Millis = Millis::from_secs(5);
/// The longest pause after a failure that is final for its key. Shorter, because the next client has
/// to wait for it before it is told the truth.
pub const BACKOFF_FATAL_MAX: Millis = Millis::from_secs(1);

/// The pause of one target or key.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    pause: Millis,
    until: Millis,
    last_error: Option<OpenError>,
}

/// Whether openings may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// The last opening worked.
    Free,
    /// The last opening failed and the pause is over: one attempt at a time.
    OneProbe,
    /// The pause lasts.
    Wait,
}

impl Backoff {
    pub(crate) fn permission(&self, now: Millis) -> Permission {
        if self.last_error.is_none() {
            Permission::Free
        } else if now >= self.until {
            Permission::OneProbe
        } else {
            Permission::Wait
        }
    }

    /// Notes a failure of an attempt. Attempts that began before the pause did fail for the same
    /// reason as the one that started it, and do not lengthen it.
    pub(crate) fn failed(
        &mut self,
        started: Millis,
        scope: FailureScope,
        message: Arc<str>,
        now: Millis,
    ) {
        let most = match scope {
            FailureScope::Target | FailureScope::Key => BACKOFF_MAX,
            FailureScope::KeyFatal => BACKOFF_FATAL_MAX,
        };
        if self.last_error.is_none() || started >= self.until {
            self.pause = self
                .pause
                .saturating_add(self.pause)
                .clamp(BACKOFF_MIN, most);
            self.until = now.saturating_add(self.pause);
        }
        self.last_error = Some(OpenError { message, at: now });
    }

    /// An opening worked, or everything that is known has become out of date.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn last_error(&self) -> Option<&OpenError> {
        self.last_error.as_ref()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use super::*;

    fn fail(backoff: &mut Backoff, scope: FailureScope, at: u64) -> u64 {
        backoff.failed(Millis::new(at), scope, Arc::from("down"), Millis::new(at));
        backoff.until.as_u64() - at
    }

    #[test]
    fn doubles_up_to_its_cap() {
        let mut backoff = Backoff::default();
        let mut at = 1_000;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let pause = fail(&mut backoff, FailureScope::Target, at);
            pauses.push(pause);
            at += pause;
        }
        assert_eq!(
            pauses,
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000]
        );
        backoff.clear();
        assert_eq!(backoff.permission(Millis::new(at)), Permission::Free);
        assert_eq!(fail(&mut backoff, FailureScope::Target, at), 10);
    }

    #[test]
    fn a_final_failure_pauses_for_a_second_at_most() {
        let mut backoff = Backoff::default();
        let longest = (0..20)
            .map(|n| fail(&mut backoff, FailureScope::KeyFatal, n * 10_000))
            .max();
        assert_eq!(longest, Some(1_000));
    }

    #[test]
    fn attempts_that_fail_together_count_once() {
        let mut backoff = Backoff::default();
        for at in 100..120 {
            backoff.failed(
                Millis::new(90),
                FailureScope::Target,
                Arc::from("down"),
                Millis::new(at),
            );
        }
        assert_eq!(backoff.until, Millis::new(110));
        assert_eq!(backoff.permission(Millis::new(109)), Permission::Wait);
        assert_eq!(backoff.permission(Millis::new(110)), Permission::OneProbe);
    }
}
