//! Typed values in conditions: exact decimals, moments, truth values, addresses and bytes.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use ipnet::IpNet;

/// Digits kept after the decimal point.
const FRACTION_DIGITS: usize = 9;

/// A decimal number in billionths. Floating point would make large equal numbers unequal or the reverse.
pub(super) fn decimal(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    let fraction_fits = fraction.len() <= FRACTION_DIGITS;
    if !all_digits(whole) || whole.len() > 20 || !fraction_fits {
        return None;
    }
    if !fraction.is_empty() && !all_digits(fraction) || digits.ends_with('.') {
        return None;
    }
    let scaled = format!("{whole}{fraction:0<FRACTION_DIGITS$}");
    let magnitude: i128 = scaled.parse().ok()?;
    if negative {
        magnitude.checked_neg()
    } else {
        Some(magnitude)
    }
}

/// A moment in milliseconds since the epoch: epoch seconds, or one of the ISO 8601 forms that W3C lists.
pub(super) fn instant(text: &str) -> Option<i64> {
    let epoch = text.strip_prefix('-').unwrap_or(text);
    if !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<i64>().ok()?.checked_mul(1_000);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z") {
        return Some(time.timestamp_millis());
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ") {
        return Some(time.and_utc().timestamp_millis());
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis())
}

/// `true` or `false`, any case.
pub(super) fn truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// An address, an IPv4 one where IPv6 only wraps it: a listener on `::` sees IPv4 clients that way.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

/// A network in CIDR form, or a bare address for itself alone.
pub(super) fn network(text: &str) -> Option<IpNet> {
    if let Ok(net) = text.parse::<IpNet>() {
        let IpNet::V6(wide) = net else {
            return Some(net);
        };
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8, written for IPv6.
        let mapped = wide.addr().to_ipv4_mapped();
        return match (mapped, wide.prefix_len().checked_sub(96)) {
            (Some(v4), Some(prefix)) => IpNet::new(IpAddr::V4(v4), prefix).ok(),
            (Some(_), None) | (None, _) => Some(net),
        };
    }
    Some(IpNet::from(address(text)?))
}

/// Bytes in standard base64.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(decimal("1"), decimal("1.000"));
        assert_eq!(decimal("-0"), decimal("0"));
        assert_ne!(decimal("9007199254740993"), decimal("9007199254740992"));
        assert!(decimal("0.1").unwrap() < decimal("0.11").unwrap());
        assert!(decimal("-2").unwrap() < decimal("-1.5").unwrap());
        for text in [
            "", "-", ".", "1.", ".5", "1e3", "0x1", " 1", "1.2.3", "NaN", "--1",
        ] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_every_documented_form() {
        let noon = Some(1_440_938_160_000);
        for text in [
            "1440938160",
            "2015-08-30T12:36:00Z",
            "2015-08-30T12:36:00.000Z",
            "2015-08-30T14:36:00+02:00",
            "2015-08-30T12:36Z",
            "2015-08-30T14:36+02:00",
        ] {
            assert_eq!(instant(text), noon, "{text}");
        }
        assert_eq!(instant("1970-01-02"), Some(86_400_000));
        assert_eq!(instant("-1"), Some(-1_000));
        for text in [
            "",
            "-",
            "noon",
            "2015-13-01",
            "2015-08-30T12:36",
            "99999999999999999999",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn wrapped_ipv4_addresses_are_unwrapped() {
        assert_eq!(address("::ffff:10.1.2.3"), address("10.1.2.3"));
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
        assert_eq!(network("10.1.2.3"), network("10.1.2.3/32"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::1/128"));
        for text in ["", "10.0.0", "10.0.0.0/33", "fe80::1%eth0", "10.0.0.1:80"] {
            assert_eq!(network(text), None, "{text}");
        }
    }
}
