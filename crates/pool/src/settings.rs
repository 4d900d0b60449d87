//! The knobs of one pool, all of them changeable while it runs.

use crate::Millis;

/// Settings of one shard's pool of one target.
///
/// The size limit is not here: it is [`crate::Credits::limit`], shared by all shards. The caller has
/// already checked that the combination makes sense; nothing is corrected here, and no value can do
/// worse than open or close connections at odd times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many idle connections this pool keeps ready, over all keys. Refilled for keys that were
    /// used recently. Never more than `max_idle`.
    pub min_idle: u32,
    /// How many connections may stay idle for longer than `excess_idle_timeout`.
    pub max_idle: u32,
    /// How long a connection above `max_idle` may stay idle. RDS Proxy calls a connection idle after
    /// 5 minutes without activity; closing surplus at once would only cause reconnects.
    pub excess_idle_timeout: Millis,
    /// How long a connection above `min_idle` may stay idle; zero: for ever.
    pub idle_timeout: Millis,
    /// How old a connection may become, less up to 25 % jitter; zero: no limit. A borrowed one is
    /// closed when it returns, never under its borrower.
    pub max_lifetime: Millis,
    /// How long after its last use or check an idle connection is checked, less up to 20 % jitter;
    /// zero: never.
    pub keepalive_time: Millis,
    /// How long such a check may take; told to the shell with each check.
    pub validation_timeout: Millis,
    /// How long a borrower waits. Zero: an idle connection or an error, and the pool does not grow.
    pub borrow_timeout: Millis,
    /// A connection held longer than this is reported once; zero: never.
    pub leak_threshold: Millis,
    /// Which of several idle connections is lent.
    pub reuse: Reuse,
}

/// Which of several idle connections of a key is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// The one used last: its caches are warm, and those that nobody needs grow old and are closed.
    MostRecent,
    /// The one not used for longest. Meant for tests: with several idle connections a client then never
    /// gets the same one twice in a row, so whatever does not travel with it is missed at once.
    LeastRecent,
}

/// A random fraction between 0 (0) and 1 (65,535) that spreads deadlines of connections that were
/// opened together. The caller rolls the dice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter(u16);

/// The random value that means the whole fraction, `u16::MAX`.
const JITTER_ONE: u64 = 65_535;
/// HikariCP 6.1 and later: lifetimes differ by up to a quarter.
const LIFETIME_JITTER_PERCENT: u64 = 25;
/// HikariCP: keepalive checks differ by up to a fifth.
const KEEPALIVE_JITTER_PERCENT: u64 = 20;

impl Jitter {
    /// From 16 random bits.
    pub const fn new(random: u16) -> Self {
        Self(random)
    }

    /// `span` shortened by up to `percent` percent.
    fn shorten(self, span: Millis, percent: u64) -> Millis {
        let most = span.as_u64().saturating_mul(percent) / 100;
        let cut = most.saturating_mul(u64::from(self.0)) / JITTER_ONE;
        span.saturating_sub(Millis::new(cut))
    }
}

impl Settings {
    /// When a connection of this age is too old to be lent again.
    pub(crate) fn retire_at(&self, born: Millis, jitter: Jitter) -> Millis {
        if self.max_lifetime == Millis::ZERO {
            return Millis::MAX;
        }
        born.saturating_add(jitter.shorten(self.max_lifetime, LIFETIME_JITTER_PERCENT))
    }

    /// When an idle connection last used or checked at `checked_at` is to be checked.
    pub(crate) fn keepalive_at(&self, checked_at: Millis, jitter: Jitter) -> Millis {
        if self.keepalive_time == Millis::ZERO {
            return Millis::MAX;
        }
        checked_at.saturating_add(jitter.shorten(self.keepalive_time, KEEPALIVE_JITTER_PERCENT))
    }

    /// When a connection that is idle since then is idle for too long.
    pub(crate) fn idle_until(&self, since: Millis) -> Millis {
        if self.idle_timeout == Millis::ZERO {
            return Millis::MAX;
        }
        since.saturating_add(self.idle_timeout)
    }

    /// When a lease taken then counts as leaked.
    pub(crate) fn leaked_at(&self, lent_at: Millis) -> Millis {
        if self.leak_threshold == Millis::ZERO {
            return Millis::MAX;
        }
        lent_at.saturating_add(self.leak_threshold)
    }

    /// The idle floor that is really kept.
    pub(crate) fn idle_floor(&self) -> usize {
        usize::try_from(self.min_idle.min(self.max_idle)).unwrap_or(usize::MAX)
    }

    /// The number of connections that may stay idle for long.
    pub(crate) fn idle_ceiling(&self) -> usize {
        usize::try_from(self.max_idle).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings(max_lifetime: u64, keepalive_time: u64) -> Settings {
        Settings {
            min_idle: 0,
            max_idle: 10,
            excess_idle_timeout: Millis::from_secs(300),
            idle_timeout: Millis::from_secs(600),
            max_lifetime: Millis::new(max_lifetime),
            keepalive_time: Millis::new(keepalive_time),
            validation_timeout: Millis::from_secs(5),
            borrow_timeout: Millis::from_secs(120),
            leak_threshold: Millis::ZERO,
            reuse: Reuse::MostRecent,
        }
    }

    proptest! {
        #[test]
        fn lifetime_loses_at_most_a_quarter(random: u16, span in 1u64..1 << 40, born in 0u64..1 << 40) {
            let at = settings(span, 0).retire_at(Millis::new(born), Jitter::new(random)).as_u64();
            prop_assert!(at <= born + span);
            prop_assert!(at >= born + span - span / 4);
        }

        #[test]
        fn keepalive_loses_at_most_a_fifth(random: u16, span in 1u64..1 << 40, at in 0u64..1 << 40) {
            let due = settings(0, span).keepalive_at(Millis::new(at), Jitter::new(random)).as_u64();
            prop_assert!(due <= at + span);
            prop_assert!(due >= at + span - span / 5);
        }
    }

    #[test]
    fn lifetime_jitter_uses_the_whole_range_evenly() {
        // 30 minutes in 4 equal bands of the last quarter: each gets a quarter of all fractions.
        let settings = settings(1_800_000, 0);
        let mut bands = [0u32; 4];
        for random in 0..=u16::MAX {
            let at = settings
                .retire_at(Millis::ZERO, Jitter::new(random))
                .as_u64();
            let band = usize::try_from((at - 1_350_000) * 4 / 450_001).expect("below 4");
            bands[band] += 1;
        }
        for band in bands {
            assert!((16_380..=16_390).contains(&band), "uneven: {bands:?}");
        }
    }

    #[test]
    fn zero_means_never() {
        let settings = settings(0, 0);
        assert_eq!(
            settings.retire_at(Millis::ZERO, Jitter::new(9)),
            Millis::MAX
        );
        assert_eq!(
            settings.keepalive_at(Millis::ZERO, Jitter::new(9)),
            Millis::MAX
        );
        assert_eq!(settings.leaked_at(Millis::ZERO), Millis::MAX);
    }
}
