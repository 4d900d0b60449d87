//! How long to wait between two fetches of one secret.

use std::time::Duration;

/// A value is asked for this often while AWS answers.
const FRESH: Duration = Duration::from_mins(1);
/// The pause after a first failure; it doubles up to [`FRESH`].
const FIRST: Duration = Duration::from_secs(1);
/// The least pause when somebody is in a hurry.
pub(super) const HURRIED: Duration = Duration::from_secs(10);

/// The pause after so many failures in a row: between nine and eleven tenths of a minute after a success, between
/// half and the whole of a growing pause after failures. `jitter` decides where in between.
pub(super) fn pause(failures: u32, jitter: u8) -> Duration {
    if failures == 0 {
        return share(FRESH / 5, jitter) + FRESH * 9 / 10;
    }
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(6));
    let whole = (FIRST * doubled).min(FRESH);
    whole / 2 + share(whole / 2, jitter)
}

fn share(whole: Duration, jitter: u8) -> Duration {
    whole * u32::from(jitter) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_values_are_asked_for_about_every_minute() {
        assert_eq!(pause(0, 0), Duration::from_secs(54));
        assert_eq!(pause(0, 255), Duration::from_secs(66));
    }

    #[test]
    fn failures_double_the_pause_up_to_a_minute() {
        let longest: Vec<u64> = (1..=9).map(|n| pause(n, 255).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(3, 0), Duration::from_secs(2));
        assert_eq!(pause(u32::MAX, 0), Duration::from_secs(30));
    }
}
