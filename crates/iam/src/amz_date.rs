//! The one time format of `SigV4`: `YYYYMMDDTHHMMSSZ`, always UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDateTime, Utc};

const FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Last second of the year 9999, the latest this format can write.
const LATEST_UNIX: i64 = 253_402_300_799;

/// Seconds since the epoch, or nothing if the text deviates from the format in any way.
pub(crate) fn parse(text: &str) -> Option<i64> {
    // chrono forgives signs and missing zeroes; the signature covers the text, so we do not.
    let shaped = text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(text, FORMAT).ok()?;
    Some(time.and_utc().timestamp())
}

/// The given second as text; seconds before 1970 or after 9999 are clamped to those ends.
pub(crate) fn format(unix: i64) -> String {
    let clamped = unix.clamp(0, LATEST_UNIX);
    DateTime::<Utc>::from_timestamp(clamped, 0)
        .unwrap_or_default()
        .format(FORMAT)
        .to_string()
}

/// The same second as a `SystemTime`, clamped alike.
pub(crate) fn system_time(unix: i64) -> SystemTime {
    let seconds = u64::try_from(unix.clamp(0, LATEST_UNIX)).unwrap_or(0);
    UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_second() {
        for unix in [0, 1_440_938_160, 4_102_444_799, LATEST_UNIX] {
            assert_eq!(parse(&format(unix)), Some(unix));
        }
        assert_eq!(parse("20150830T123600Z"), Some(1_440_938_160));
    }

    #[test]
    fn refuses_every_deviation_from_the_format() {
        for text in [
            "",
            "20150830T123600",
            "20150830T123600z",
            "20150830 123600Z",
            "20150230T123600Z",
            "20151301T000000Z",
            "20150830T246000Z",
            "2015083 T123600Z",
            "+2150830T123600Z",
            "20150830T123600ZZ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn clamps_times_the_format_cannot_write() {
        assert_eq!(format(-1), "19700101T000000Z");
        assert_eq!(format(i64::MAX), "99991231T235959Z");
        assert_eq!(system_time(-1), UNIX_EPOCH);
    }
}
