//! As much DER as it takes to find the public key in a certificate. X.690 §8, RFC 5280 §4.1.

/// Tag of SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// Tag of an explicit context element 0.
const CONTEXT_0: u8 = 0xa0;

/// Elements of a DER value, one after the other.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

/// One element.
#[derive(Clone, Copy)]
struct Element<'a> {
    /// Its tag byte.
    tag: u8,
    /// Its contents.
    body: &'a [u8],
    /// Tag, length and contents.
    whole: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the elements inside `body`.
    fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    /// The next element; `None` at the end and on anything that is not DER.
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            // Four length bytes are far more than any certificate needs.
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return None;
            }
            let (digits, after) = rest.split_at_checked(count)?;
            rest = after;
            digits.iter().try_fold(0_usize, |length, &digit| {
                length.checked_mul(256)?.checked_add(usize::from(digit))
            })?
        };
        let (body, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len().checked_sub(after.len())?)?;
        self.0 = after;
        Some(Element { tag, body, whole })
    }

    /// The next element, if it has this tag.
    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }
}

/// A certificate's `subjectPublicKeyInfo`, whole.
pub(super) fn public_key_info(certificate: &[u8]) -> Option<&[u8]> {
    let mut fields = Reader::new(Reader::new(certificate).expect(SEQUENCE)?.body);
    let mut tbs = Reader::new(fields.expect(SEQUENCE)?.body);
    let mut ahead = tbs;
    if ahead.next()?.tag == CONTEXT_0 {
        tbs = ahead; // version; absent in version 1 certificates
    }
    for _field in ["serialNumber", "signature", "issuer", "validity", "subject"] {
        tbs.next()?;
    }
    Some(tbs.expect(SEQUENCE)?.whole)
}
