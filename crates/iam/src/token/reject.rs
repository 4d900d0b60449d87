//! The closed list of reasons for refusing a login, shared by tokens, passwords and policies.

use crate::reason::closed_reasons;

closed_reasons! {
    /// Why a client was not let in. The client never learns this; operators find it in metrics and audit.
    pub enum Rejection {
        Malformed = "MALFORMED": "the token is not of the documented form",
        DuplicateParam = "DUPLICATE_PARAM": "a query parameter of the token occurs twice",
        UnknownParam = "UNKNOWN_PARAM": "the token has a query parameter that no signer writes",
        WrongAction = "WRONG_ACTION": "the token's Action is not connect",
        WrongService = "WRONG_SERVICE": "the token was signed for a service other than rds-db",
        WrongRegion = "WRONG_REGION": "the token was signed for another region",
        WrongAlgorithm = "WRONG_ALGORITHM": "the token's algorithm is not AWS4-HMAC-SHA256",
        HostMismatch = "HOST_MISMATCH": "the token was made for a host and port that are not this endpoint's",
        HostPortMissing = "HOST_PORT_MISSING": "the token names a host without a port",
        UserMismatch = "USER_MISMATCH": "the token was made for another database user",
        NotYetValid = "NOT_YET_VALID": "the token's date lies in the future",
        Expired = "EXPIRED": "the token has expired",
        ExpiresTooLong = "EXPIRES_TOO_LONG": "the token asks for a life of more than 900 seconds",
        UnknownAccessKey = "UNKNOWN_ACCESS_KEY": "no such access key",
        KeyInactive = "KEY_INACTIVE": "the access key is not active",
        SessionTokenMissing = "SESSION_TOKEN_MISSING": "temporary credentials were used without their session token",
        SessionTokenInvalid = "SESSION_TOKEN_INVALID": "the session token does not belong to this access key",
        SessionExpired = "SESSION_EXPIRED": "the temporary credentials have expired",
        SessionRevoked = "SESSION_REVOKED": "the temporary credentials were revoked",
        SignatureMismatch = "SIGNATURE_MISMATCH": "the signature does not match: wrong secret or altered token",
        TlsRequired = "TLS_REQUIRED": "the connection is not encrypted",
        NoSecretForUser = "NO_SECRET_FOR_USER": "no secret is registered for this database user",
        PolicyExplicitDeny = "POLICY_EXPLICIT_DENY": "a policy denies the connection",
        PolicyImplicitDeny = "POLICY_IMPLICIT_DENY": "no policy allows the connection",
        SnapshotTooOld = "SNAPSHOT_TOO_OLD": "the configuration in use is older than allowed",
        SecurityGroup = "SECURITY_GROUP": "no security group of the endpoint lets the client's address in",
        RateLimited = "RATE_LIMITED": "too many attempts",
        ClientRefusedCleartext = "CLIENT_REFUSED_CLEARTEXT": "the client left when asked for a clear-text password",
        WrongPassword = "WRONG_PASSWORD": "the password is wrong",
    }
}
