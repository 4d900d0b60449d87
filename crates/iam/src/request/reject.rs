//! The closed list of reasons for refusing a signed REST call.

use crate::reason::closed_reasons;

closed_reasons! {
    /// Why a signed call was not believed.
    pub enum RequestRejection {
        MissingAuthorization = "MISSING_AUTHORIZATION": "the request has no Authorization header",
        Malformed = "MALFORMED": "the Authorization header is not of the documented form",
        WrongAlgorithm = "WRONG_ALGORITHM": "the Authorization header's algorithm is not AWS4-HMAC-SHA256",
        DuplicateHeader = "DUPLICATE_HEADER": "a header that must be unique occurs twice",
        MissingDate = "MISSING_DATE": "the request has no valid X-Amz-Date header",
        DateScopeMismatch = "DATE_SCOPE_MISMATCH": "the date of the credential scope is not that of X-Amz-Date",
        WrongService = "WRONG_SERVICE": "the request was signed for another service",
        WrongRegion = "WRONG_REGION": "the request was signed for another region",
        HeaderNotSigned = "HEADER_NOT_SIGNED": "host and every X-Amz- header must be signed",
        SignedHeaderMissing = "SIGNED_HEADER_MISSING": "a header named as signed is not in the request",
        NotYetValid = "NOT_YET_VALID": "the request was signed in the future: check the client's clock",
        Expired = "EXPIRED": "the request was signed too long ago: check the client's clock",
        UnsignedPayload = "UNSIGNED_PAYLOAD": "the body must be signed; UNSIGNED-PAYLOAD and streaming are not accepted",
        PayloadMismatch = "PAYLOAD_MISMATCH": "the body is not the one that was signed",
        UnknownAccessKey = "UNKNOWN_ACCESS_KEY": "no such access key",
        KeyInactive = "KEY_INACTIVE": "the access key is not active",
        SessionTokenMissing = "SESSION_TOKEN_MISSING": "temporary credentials were used without their session token",
        SessionTokenInvalid = "SESSION_TOKEN_INVALID": "the session token does not belong to this access key",
        SessionExpired = "SESSION_EXPIRED": "the temporary credentials have expired",
        SessionRevoked = "SESSION_REVOKED": "the temporary credentials were revoked",
        SignatureMismatch = "SIGNATURE_MISMATCH": "the signature does not match: wrong secret or altered request",
    }
}
