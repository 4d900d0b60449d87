//! REST calls signed with `SigV4` headers: read the `Authorization` header, then derive the signature again.
//!
//! Two steps, because the secret is looked up between them: [`SignedRequest::parse`] tells whose signature
//! it claims to be, [`SignedRequest::verify`] checks it. Source of the format: AWS General Reference,
//! "Signature Version 4 signing process", checked against botocore, the AWS SDK for Rust and curl.

mod authorization;
mod canonical;
mod reject;
#[cfg(test)]
mod tests;
mod verify;

pub use authorization::Authorization;
pub use reject::RequestRejection;

/// The service in the credential scope of calls to the control plane.
pub const SERVICE: &str = "tollgate";

/// A secret for calls that name an unknown access key: verifying with it costs the same. The outcome must
/// be thrown away, because anybody can sign with this secret.
pub const DUMMY_SECRET: &str = "no access key has this secret of forty ch";

/// How old a signature may be, in seconds. AWS accepts 15 minutes.
pub const AGE_S_MAX: i64 = 900;

/// How far in the future a signature may lie, in seconds: clocks differ.
pub const CLOCK_SKEW_S: i64 = 300;

/// A request as it came from the wire.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// Method in upper case.
    pub method: &'a str,
    /// Path and raw query, before any decoding.
    pub uri: &'a str,
    /// Every header. A caller that received HTTP/2 adds `host` with the value of `:authority`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
}

/// What a request's signature must be for.
#[derive(Debug, Clone, Copy)]
pub struct RequestExpected<'a> {
    /// Service of the credential scope, usually [`SERVICE`].
    pub service: &'a str,
    /// Region of the credential scope; any region if absent.
    pub region: Option<&'a str>,
    /// The present second since the epoch.
    pub now_unix: i64,
}
