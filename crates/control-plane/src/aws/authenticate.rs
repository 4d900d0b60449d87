//! Who signed a call to the AWS-compatible face.

use std::sync::Arc;

use http::StatusCode;
use http::header::AUTHORIZATION;
use tollgate_iam::request::RequestRejection;

use super::fault::{Fault, Refusal};
use super::service::{Protocol, Regions, Service};
use crate::api::Api;
use crate::http::authenticate::{SignedFor, signed};
use crate::http::call::Received;
use crate::identity::Principal;

/// The service in the credential scope; `None` if nobody has signed or the header is beyond reading.
pub(super) fn scope(received: &Received) -> Option<String> {
    let header = received.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let credential = header.split_once("Credential=")?.1;
    let credential = credential.split([',', ' ']).next()?;
    credential.split('/').nth_back(1).map(str::to_owned)
}

/// The principal whose key signed this call.
pub(super) async fn caller(
    api: &Api,
    received: &Received,
    service: &Service,
    now: i64,
) -> Result<Arc<Principal>, Refusal> {
    if !received.headers.contains_key(AUTHORIZATION) {
        return Err(Fault::with(
            StatusCode::FORBIDDEN,
            words(service, RequestRejection::MissingAuthorization).1,
            "Request is missing Authentication Token",
        )
        .into());
    }
    let region = match service.regions {
        Regions::Own => Some(api.settings.arn.region.as_str()),
        Regions::Any => None,
    };
    let signed_for = SignedFor {
        service: service.scope,
        region,
    };
    match signed(api, received, &signed_for, now).await? {
        Ok(principal) => Ok(principal),
        Err(reason) => Err(refusal(service, reason).into()),
    }
}

fn refusal(service: &Service, reason: RequestRejection) -> Fault {
    let (status, code) = words(service, reason);
    let message = if reason == RequestRejection::UnknownAccessKey {
        "The security token included in the request is invalid.".to_owned()
    } else if reason == RequestRejection::SignatureMismatch {
        "The request signature we calculated does not match the signature you provided. Check your AWS \
         Secret Access Key and signing method."
            .to_owned()
    } else {
        reason.to_string()
    };
    Fault::with(status, code, message)
}

/// AWS's status and code. Source: "Common Errors" of the RDS, IAM, STS, EC2 and Secrets Manager API references.
fn words(service: &Service, reason: RequestRejection) -> (StatusCode, &'static str) {
    use RequestRejection as R;
    let forbidden = StatusCode::FORBIDDEN;
    let (status, code, json) = match reason {
        R::MissingAuthorization => (
            forbidden,
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ),
        R::Malformed
        | R::WrongAlgorithm
        | R::DuplicateHeader
        | R::MissingDate
        | R::HeaderNotSigned
        | R::SignedHeaderMissing
        | R::UnsignedPayload => (
            StatusCode::BAD_REQUEST,
            "IncompleteSignature",
            "IncompleteSignatureException",
        ),
        R::NotYetValid | R::Expired => {
            (StatusCode::BAD_REQUEST, "RequestExpired", "RequestExpired")
        }
        R::DateScopeMismatch
        | R::WrongService
        | R::WrongRegion
        | R::PayloadMismatch
        | R::SignatureMismatch => (
            forbidden,
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
        ),
        R::UnknownAccessKey
        | R::KeyInactive
        | R::SessionTokenMissing
        | R::SessionTokenInvalid
        | R::SessionRevoked => (
            forbidden,
            "InvalidClientTokenId",
            "UnrecognizedClientException",
        ),
        R::SessionExpired => (forbidden, "ExpiredToken", "ExpiredTokenException"),
    };
    match service.protocol {
        Protocol::Ec2 if code == "InvalidClientTokenId" || code == "SignatureDoesNotMatch" => {
            (StatusCode::UNAUTHORIZED, "AuthFailure")
        }
        Protocol::Query | Protocol::Ec2 => (status, code),
        Protocol::Json => (StatusCode::BAD_REQUEST, json),
    }
}
