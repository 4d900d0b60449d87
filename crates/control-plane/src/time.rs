//! Seconds since the epoch as the texts that callers read.

use chrono::{DateTime, SecondsFormat, Utc};

const MS_PER_S: i64 = 1_000;

/// `2026-09-01T12:00:00Z`; the epoch for a number outside the calendar.
pub(crate) fn rfc3339(unix: i64) -> String {
    let at: DateTime<Utc> = DateTime::from_timestamp(unix, 0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `2026-09-01T12:00:00.123Z`; the epoch for a number outside the calendar.
pub(crate) fn rfc3339_ms(unix_ms: i64) -> String {
    let at: DateTime<Utc> = DateTime::from_timestamp_millis(unix_ms).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whole seconds of a number of milliseconds.
pub(crate) fn seconds(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(MS_PER_S)
}

/// `YYYYMMDD`, UTC, of the day `offset` days from the given second.
pub(crate) fn day(unix: i64, offset: i64) -> String {
    let at: DateTime<Utc> =
        DateTime::from_timestamp(unix.saturating_add(offset.saturating_mul(86_400)), 0)
            .unwrap_or_default();
    at.format("%Y%m%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339_ms(1_500), "1970-01-01T00:00:01.500Z");
        assert_eq!(seconds(-1), -1);
        assert_eq!(day(86_399, 1), "19700102");
        assert_eq!(day(0, -1), "19691231");
    }
}
