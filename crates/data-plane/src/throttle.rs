//! Sources whose logins failed too often of late, so that guessing costs the guesser time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use tollgate_pool::Millis;

/// Failures a source may have at once per shard.
const BURST: u32 = 200;
/// One failure is forgotten every so many milliseconds.
const FORGET_MS: u64 = 100;
/// Sources remembered; beyond that the register starts anew rather than grow.
const SOURCES: usize = 16_384;

/// Failed logins by source address (IPv6: by /64, the smallest network a single site holds).
#[derive(Default)]
pub(crate) struct FailedLogins {
    sources: RefCell<HashMap<IpAddr, Failures>>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    since: Millis,
}

impl FailedLogins {
    /// Whether this source has to wait.
    pub(crate) fn throttled(&self, source: IpAddr, now: Millis) -> bool {
        let sources = self.sources.borrow();
        sources
            .get(&network(source))
            .is_some_and(|failures| failures.left(now) >= BURST)
    }

    /// One more failure.
    pub(crate) fn note(&self, source: IpAddr, now: Millis) {
        let mut sources = self.sources.borrow_mut();
        if sources.len() >= SOURCES {
            sources.retain(|_, failures| failures.left(now) > 0);
            if sources.len() >= SOURCES {
                sources.clear();
            }
        }
        let entry = sources.entry(network(source)).or_insert(Failures {
            count: 0,
            since: now,
        });
        let left = entry.left(now);
        *entry = Failures {
            count: left.saturating_add(1).min(BURST),
            since: now,
        };
    }
}

impl Failures {
    fn left(self, now: Millis) -> u32 {
        let forgotten = now.saturating_sub(self.since).as_u64() / FORGET_MS;
        self.count
            .saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let prefix = v6.to_bits() & (u128::MAX << 64);
            IpAddr::V6(prefix.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_closes_the_door_and_time_opens_it() {
        let failed = FailedLogins::default();
        let source: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..BURST {
            assert!(!failed.throttled(source, Millis::new(0)));
            failed.note(source, Millis::new(0));
        }
        assert!(failed.throttled(source, Millis::new(50)));
        assert!(!failed.throttled("192.0.2.2".parse().unwrap(), Millis::new(50)));
        assert!(!failed.throttled(source, Millis::new(100)));
    }

    #[test]
    fn an_ipv6_site_is_one_source() {
        let failed = FailedLogins::default();
        for _ in 0..BURST {
            failed.note("2001:db8::1".parse().unwrap(), Millis::new(0));
        }
        assert!(failed.throttled("2001:db8::2".parse().unwrap(), Millis::new(0)));
        assert!(!failed.throttled("2001:db8:0:1::1".parse().unwrap(), Millis::new(0)));
    }
}
