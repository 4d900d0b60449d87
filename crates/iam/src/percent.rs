//! Percent encoding as `SigV4` wants it: only RFC 3986 unreserved bytes stay, hex is upper case.

const HEX: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
];

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn push_escaped(out: &mut String, byte: u8) {
    out.push('%');
    for nibble in [byte >> 4, byte & 15] {
        out.push(HEX.get(usize::from(nibble)).copied().unwrap_or('0'));
    }
}

/// Appends `text` with everything but unreserved bytes escaped.
pub(crate) fn encode_into(out: &mut String, text: &str) {
    encode_bytes_into(out, text.as_bytes());
}

/// Appends bytes that need not be UTF-8, escaped like [`encode_into`].
pub(crate) fn encode_bytes_into(out: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            push_escaped(out, byte);
        }
    }
}

/// Appends a path with everything but unreserved bytes and `/` escaped.
pub(crate) fn encode_path_into(out: &mut String, path: &str) {
    for &byte in path.as_bytes() {
        if byte == b'/' || is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            push_escaped(out, byte);
        }
    }
}

/// The escaped text.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(8));
    encode_into(&mut out, text);
    out
}

/// Undoes escapes of either case; `+` stays `+`. Nothing if an escape is cut short or not hex.
pub(crate) fn decode_bytes(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = hex_digit(bytes.next()?)?;
            let low = hex_digit(bytes.next()?)?;
            out.push((high << 4) | low);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

/// [`decode_bytes`], refusing what is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    String::from_utf8(decode_bytes(text)?).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_everything_but_unreserved() {
        assert_eq!(encode("aZ0-_.~"), "aZ0-_.~");
        assert_eq!(encode("svc user+tést@x"), "svc%20user%2Bt%C3%A9st%40x");
        let mut path = String::new();
        encode_path_into(&mut path, "/v1/iam:simulate/a%20b");
        assert_eq!(path, "/v1/iam%3Asimulate/a%2520b");
    }

    #[test]
    fn reads_escapes_of_either_case_and_keeps_plus() {
        assert_eq!(decode("a%2fb%2Fc+d").as_deref(), Some("a/b/c+d"));
    }

    #[test]
    fn refuses_broken_escapes_and_broken_utf8() {
        for text in ["%", "%2", "%zz", "%+1", "a%2", "%ff"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
