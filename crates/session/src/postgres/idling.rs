//! `idle_session_timeout` as the client has set it. Its idle session has no server process that could look at
//! the clock, so the shell has to.

use super::Session;
use super::settings::Settings;

/// The name of the setting.
const NAME: &[u8] = b"idle_session_timeout";

impl Session {
    /// What the client has set as the longest time that its session may be idle between transactions, in
    /// milliseconds; zero for no limit. `None` if it has set nothing.
    pub fn idle_limit_ms(&self) -> Option<u64> {
        limit_of(&self.settings)
    }
}

/// Looked up after every transaction, mostly in an empty map.
fn limit_of(settings: &Settings) -> Option<u64> {
    let mut settings = settings.iter();
    let (_, value) = settings.find(|(name, _)| *name == NAME)?;
    Some(milliseconds(value))
}

/// The milliseconds of a value of `idle_session_timeout`, as a server prints it or a client writes it in its
/// startup message. `None` for no limit, and for what is not a whole number with a unit of time.
pub fn idle_session_timeout(value: &str) -> Option<u64> {
    let limit = milliseconds(value.as_bytes());
    (limit > 0).then_some(limit)
}

/// Source: PostgreSQL `src/backend/utils/misc/guc.c`, `time_unit_conversion_table`; the unit of the setting
/// is the millisecond.
fn milliseconds(value: &[u8]) -> u64 {
    let value = value.trim_ascii();
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (number, unit) = value.split_at_checked(digits).unwrap_or_default();
    let mut count: u64 = 0;
    for digit in number {
        let digit = u64::from(digit.wrapping_sub(b'0'));
        count = count.saturating_mul(10).saturating_add(digit);
    }
    let factor: u64 = match unit.trim_ascii_start() {
        b"us" => return count.saturating_add(500).checked_div(1000).unwrap_or(0),
        b"ms" | b"" => 1,
        b"s" => 1_000,
        b"min" => 60_000,
        b"h" => 3_600_000,
        b"d" => 86_400_000,
        _ => 0,
    };
    count.saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_servers_print_them() {
        for (value, limit) in [
            ("1500ms", Some(1500)),
            ("10s", Some(10_000)),
            ("5min", Some(300_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("0", None),
        ] {
            assert_eq!(idle_session_timeout(value), limit, "{value}");
        }
    }

    #[test]
    fn no_limit_is_not_the_same_as_nothing_set() {
        let set = |value: &[u8]| {
            let settings = Settings::default().changed([(NAME, Some(value))]);
            limit_of(&settings)
        };
        assert_eq!(limit_of(&Settings::default()), None);
        assert_eq!(set(b"0"), Some(0));
        assert_eq!(set(b"10s"), Some(10_000));
    }

    #[test]
    fn values_are_read_as_clients_write_them() {
        assert_eq!(idle_session_timeout(" 10 s "), Some(10_000));
        assert_eq!(idle_session_timeout("250"), Some(250));
        assert_eq!(idle_session_timeout("1500us"), Some(2));
        for odd in ["", "ms", "1.5s", "0x10", "-1", "1 fortnight", "10S"] {
            assert_eq!(idle_session_timeout(odd), None, "{odd}");
        }
        assert_eq!(
            idle_session_timeout("99999999999999999999999d"),
            Some(u64::MAX)
        );
    }
}
