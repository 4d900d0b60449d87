//! The check itself: scope and time first, then the body, then the signature in constant time.

use aws_lc_rs::digest;
use aws_sigv4::sign::v4;
use subtle::{Choice, ConstantTimeEq};

use super::canonical::{Canonical, Form};
use super::{
    AGE_S_MAX, Authorization, CLOCK_SKEW_S, RequestExpected, RequestRejection, SignedRequest,
};
use crate::amz_date;

impl SignedRequest<'_> {
    /// Checks that the owner of `secret` signed exactly this request, for this service, lately.
    ///
    /// `authorization` must come from [`SignedRequest::parse`] on the same headers. For an unknown access key
    /// call it with [`super::DUMMY_SECRET`] and refuse whatever it returns.
    pub fn verify(
        &self,
        authorization: &Authorization,
        secret: &str,
        expected: &RequestExpected<'_>,
    ) -> Result<(), RequestRejection> {
        check_scope(authorization, expected)?;
        let payload_hash = self.check_payload(authorization)?;
        let canonical = Canonical::new(authorization, self, &payload_hash)?;
        let key = v4::generate_signing_key(
            secret,
            amz_date::system_time(authorization.signed_at),
            &authorization.region,
            &authorization.service,
        );
        let wanted = hex::encode(authorization.signature);
        let mut matched = Choice::from(0);
        for form in [Form::Specified, Form::AsSent] {
            if let Some(text) = canonical.text(self, form) {
                let string_to_sign = string_to_sign(authorization, &text);
                let signature = v4::calculate_signature(&key, string_to_sign.as_bytes());
                matched |= signature.as_bytes().ct_eq(wanted.as_bytes());
            }
        }
        if matched.into() {
            Ok(())
        } else {
            Err(RequestRejection::SignatureMismatch)
        }
    }

    /// The body's hash, which must be the announced one where a client announced it.
    fn check_payload(&self, authorization: &Authorization) -> Result<String, RequestRejection> {
        let hash = hex::encode(digest::digest(&digest::SHA256, self.body));
        match authorization.content_sha256.as_deref() {
            None => Ok(hash),
            Some(announced) if announced == hash => Ok(hash),
            // `UNSIGNED-PAYLOAD` and the `STREAMING-` forms; a hash is 64 hex digits.
            Some(announced) if announced.len() != 64 => Err(RequestRejection::UnsignedPayload),
            Some(_) => Err(RequestRejection::PayloadMismatch),
        }
    }
}

fn check_scope(
    authorization: &Authorization,
    expected: &RequestExpected<'_>,
) -> Result<(), RequestRejection> {
    if authorization.service != expected.service {
        return Err(RequestRejection::WrongService);
    }
    if expected.region.is_some_and(|r| r != authorization.region) {
        return Err(RequestRejection::WrongRegion);
    }
    if authorization.signed_at > expected.now_unix.saturating_add(CLOCK_SKEW_S) {
        return Err(RequestRejection::NotYetValid);
    }
    if authorization.signed_at < expected.now_unix.saturating_sub(AGE_S_MAX) {
        return Err(RequestRejection::Expired);
    }
    Ok(())
}

fn string_to_sign(authorization: &Authorization, canonical_request: &str) -> String {
    let hash = digest::digest(&digest::SHA256, canonical_request.as_bytes());
    format!(
        "AWS4-HMAC-SHA256\n{}\n{}/{}/{}/aws4_request\n{}",
        authorization.amz_date,
        authorization.date,
        authorization.region,
        authorization.service,
        hex::encode(hash)
    )
}
