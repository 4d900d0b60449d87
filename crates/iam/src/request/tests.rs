//! Signed calls of curl, botocore and the AWS SDK for Rust, and every way to spoil them.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    reason = "an overflow fails the test, and tables of cases are longer than functions should be"
)]

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use proptest::prelude::*;

use super::*;
use crate::fuzz;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A recorded or made call that a test may spoil before it checks it.
#[derive(Clone, serde::Deserialize)]
struct Call {
    name: String,
    signer: String,
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Call {
    fn check_at(&self, secret: &str, offset: i64) -> Result<(), RequestRejection> {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let authorization = SignedRequest::parse(headers.iter().copied())?;
        let request = SignedRequest {
            method: &self.method,
            uri: &self.uri,
            headers: &headers,
            body: self.body.as_bytes(),
        };
        let expected = RequestExpected {
            service: SERVICE,
            region: Some("eu-west-1"),
            now_unix: authorization.signed_at + offset,
        };
        request.verify(&authorization, secret, &expected)
    }

    fn check(&self) -> Result<(), RequestRejection> {
        self.check_at(SECRET, 1)
    }

    fn header(&mut self, name: &str) -> &mut String {
        let found = |(n, _): &&mut (String, String)| n.eq_ignore_ascii_case(name);
        &mut self.headers.iter_mut().find(found).unwrap().1
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Applies a change to the Authorization header.
    fn authorization(mut self, from: &str, to: &str) -> Self {
        let header = self.header("authorization");
        assert!(header.contains(from), "{header}");
        *header = header.replace(from, to);
        self
    }
}

fn recorded() -> Vec<Call> {
    serde_json::from_str(include_str!("../../fixtures/signed-requests.json")).unwrap()
}

fn find(signer: &str, name: &str) -> Call {
    let is_it = |call: &Call| call.signer.starts_with(signer) && call.name == name;
    recorded().into_iter().find(is_it).unwrap()
}

/// Signs with the AWS SDK's signer, as `aws-sdk-*` crates do.
fn sdk_call(method: &str, uri: &str, extra: &[(&str, &str)], body: &str) -> Call {
    let identity: Identity = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name(SERVICE)
        .time(UNIX_EPOCH + Duration::from_secs(1_790_000_000))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = format!("http://127.0.0.1:8080{uri}");
    let headers = extra.iter().copied();
    let request =
        SignableRequest::new(method, &url, headers, SignableBody::Bytes(body.as_bytes())).unwrap();
    let signed = sign(request, &params).unwrap().into_parts().0;
    let mut headers = vec![("Host".to_owned(), "127.0.0.1:8080".to_owned())];
    for (name, value) in extra {
        headers.push(((*name).to_owned(), (*value).to_owned()));
    }
    for header in signed.into_parts().0 {
        headers.push((header.name().to_owned(), header.value().to_owned()));
    }
    Call {
        name: String::new(),
        signer: "sdk".to_owned(),
        method: method.to_owned(),
        uri: uri.to_owned(),
        headers,
        body: body.to_owned(),
    }
}

#[test]
fn accepts_recorded_calls_of_curl_and_botocore() {
    let calls = recorded();
    assert_eq!(calls.len(), 16);
    for call in calls {
        assert_eq!(call.check(), Ok(()), "{} {}", call.signer, call.name);
    }
}

#[test]
fn accepts_calls_of_the_aws_sdk() {
    for (method, uri, body) in [
        ("GET", "/v1/proxies", ""),
        (
            "GET",
            "/v1/proxies?waitFor=Available&timeout=30s&a=x%20y%2Fz&b=",
            "",
        ),
        ("POST", "/v1/iam:simulate", "{}"),
        ("DELETE", "/v1/proxies/a%20b%2Fc/t%C3%A9st", ""),
        ("GET", "/v1/./proxies/../targets//x/", ""),
        ("GET", "/", ""),
    ] {
        let call = sdk_call(method, uri, &[("content-type", "application/json")], body);
        assert_eq!(call.check(), Ok(()), "{method} {uri}");
    }
}

#[test]
fn accepts_an_announced_payload_hash() {
    let hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let call = sdk_call("POST", "/v1/x", &[("x-amz-content-sha256", hash)], "{}");
    assert_eq!(call.check(), Ok(()));
}

#[test]
fn refuses_payloads_that_are_not_signed() {
    for value in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ""] {
        let call = sdk_call("POST", "/v1/x", &[("x-amz-content-sha256", value)], "{}");
        assert_eq!(
            call.check(),
            Err(RequestRejection::UnsignedPayload),
            "{value}"
        );
    }
    let hash = "0".repeat(64);
    let call = sdk_call("POST", "/v1/x", &[("x-amz-content-sha256", &hash)], "{}");
    assert_eq!(call.check(), Err(RequestRejection::PayloadMismatch));
}

#[test]
fn any_change_to_what_was_signed_is_refused() {
    let original = find("botocore", "custom verb");
    assert_eq!(original.check(), Ok(()));
    let spoil = |change: fn(&mut Call)| {
        let mut call = original.clone();
        change(&mut call);
        assert_eq!(call.check(), Err(RequestRejection::SignatureMismatch));
    };
    spoil(|call| call.method = "PUT".to_owned());
    spoil(|call| call.uri.push('x'));
    spoil(|call| call.uri = "/v1/iam%3Asimulate".to_owned());
    spoil(|call| call.uri.push_str("?a=1"));
    spoil(|call| call.body.push(' '));
    spoil(|call| call.header("host").push('0'));
    spoil(|call| call.header("content-type").push('x'));
    spoil(|call| *call = call.clone().with_header("Content-Type", "text/plain"));
    assert_eq!(
        original.check_at("other", 1),
        Err(RequestRejection::SignatureMismatch)
    );
    assert_eq!(
        original.check_at(DUMMY_SECRET, 1),
        Err(RequestRejection::SignatureMismatch)
    );
}

#[test]
fn what_old_curl_signs_as_sent_stands_for_no_other_request() {
    // The canonical form of /a%20b is /a%2520b; sent as such it must not pass as signed verbatim.
    let mut call = sdk_call("GET", "/v1/a%20b", &[], "");
    assert_eq!(call.check(), Ok(()));
    call.uri = "/v1/a%2520b".to_owned();
    assert_eq!(call.check(), Err(RequestRejection::SignatureMismatch));

    let mut call = find("curl", "unsorted query");
    assert_eq!(call.check(), Ok(()));
    call.uri = "/v1/proxies?waitFor=Availabl%65&timeout=30s".to_owned();
    assert_eq!(call.check(), Err(RequestRejection::SignatureMismatch));
    call.uri = "/v1/proxies?timeout=30s&waitFor=Available".to_owned();
    assert_eq!(call.check(), Err(RequestRejection::SignatureMismatch));
}

#[test]
fn query_order_and_spelling_do_not_matter() {
    let mut call = sdk_call("GET", "/v1/x?b=2&a=1&c=x%20y", &[], "");
    for uri in [
        "/v1/x?a=1&b=2&c=x+y",
        "/v1/x?c=%78%20y&b=2&a=1",
        "/v1/x?a=1&&b=2&c=x%20y&",
    ] {
        call.uri = uri.to_owned();
        assert_eq!(call.check(), Ok(()), "{uri}");
    }
    for uri in [
        "/v1/x?a=1&b=2",
        "/v1/x?a=1&b=2&c=x%2By",
        "/v1/x?a=1&b=2&c=x%20y&c=",
    ] {
        call.uri = uri.to_owned();
        assert_eq!(
            call.check(),
            Err(RequestRejection::SignatureMismatch),
            "{uri}"
        );
    }
    call.uri = "/v1/x?a=%zz".to_owned();
    assert_eq!(call.check(), Err(RequestRejection::Malformed));
}

#[test]
fn the_time_of_signing_is_bounded_on_both_sides() {
    let call = find("curl", "list");
    for (offset, outcome) in [
        (-301, Err(RequestRejection::NotYetValid)),
        (-300, Ok(())),
        (900, Ok(())),
        (901, Err(RequestRejection::Expired)),
    ] {
        assert_eq!(call.check_at(SECRET, offset), outcome, "{offset}");
    }
}

#[test]
fn each_broken_header_gives_its_exact_reason() {
    use RequestRejection as R;
    let call = || find("botocore", "custom verb");
    let without = |name: &str| {
        let mut call = call();
        call.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        call
    };
    let date = |value: &str| {
        let mut call = call();
        value.clone_into(call.header("x-amz-date"));
        call
    };
    for (what, call, reason) in [
        (
            "no authorization",
            without("authorization"),
            R::MissingAuthorization,
        ),
        ("no date", without("x-amz-date"), R::MissingDate),
        ("bad date", date("now"), R::MissingDate),
        ("other day", date("20200101T000000Z"), R::DateScopeMismatch),
        ("no host", without("host"), R::SignedHeaderMissing),
        (
            "no content type",
            without("content-type"),
            R::SignedHeaderMissing,
        ),
        (
            "basic",
            call().authorization("AWS4-HMAC-SHA256", "Basic"),
            R::WrongAlgorithm,
        ),
        (
            "no fields",
            call().authorization("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"),
            R::WrongAlgorithm,
        ),
        (
            "service",
            call().authorization("/tollgate/", "/execute-api/"),
            R::WrongService,
        ),
        (
            "region",
            call().authorization("eu-west-1", "eu-west-2"),
            R::WrongRegion,
        ),
        (
            "host unsigned",
            call().authorization("content-type;host;", "content-type;"),
            R::HeaderNotSigned,
        ),
        (
            "date unsigned",
            call().authorization(";x-amz-date", ""),
            R::HeaderNotSigned,
        ),
        (
            "amz header unsigned",
            call().with_header("X-Amz-Foo", "1"),
            R::HeaderNotSigned,
        ),
        (
            "unordered",
            call().authorization("content-type;host", "host;content-type"),
            R::Malformed,
        ),
        (
            "repeated",
            call().authorization("content-type;host", "content-type;host;host"),
            R::Malformed,
        ),
        (
            "upper case",
            call().authorization("content-type;host", "Content-Type;host"),
            R::Malformed,
        ),
        (
            "unknown field",
            call().authorization("Signature=", "Extra=1, Signature="),
            R::Malformed,
        ),
        (
            "repeated field",
            call().authorization("Signature=", "Credential=1, Signature="),
            R::Malformed,
        ),
        (
            "missing field",
            call().authorization(", SignedHeaders", ", SignedHeader"),
            R::Malformed,
        ),
        (
            "short signature",
            call().authorization("Signature=", "Signature=0"),
            R::Malformed,
        ),
        (
            "terminator",
            call().authorization("aws4_request", "aws5_request"),
            R::Malformed,
        ),
        (
            "empty key",
            call().authorization("AKIDEXAMPLE", ""),
            R::Malformed,
        ),
        (
            "too long",
            call().authorization("AKIDEXAMPLE", &"A".repeat(9_000)),
            R::Malformed,
        ),
        (
            "two hosts",
            call().with_header("host", "x"),
            R::DuplicateHeader,
        ),
        (
            "two dates",
            call().with_header("x-amz-date", "x"),
            R::DuplicateHeader,
        ),
        (
            "two authorizations",
            call().with_header("authorization", "x"),
            R::DuplicateHeader,
        ),
    ] {
        assert_eq!(call.check(), Err(reason), "{what}");
    }
}

#[test]
fn claims_are_read_and_secrets_are_not_printed() {
    let call = find("botocore", "session token");
    let headers = call.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let authorization = SignedRequest::parse(headers).unwrap();
    assert_eq!(authorization.access_key_id, "AKIDEXAMPLE");
    assert_eq!(authorization.region, "eu-west-1");
    assert_eq!(authorization.service, "tollgate");
    assert_eq!(
        authorization.signed_headers,
        ["host", "x-amz-date", "x-amz-security-token"]
    );
    let session = authorization.session_token.as_ref().unwrap();
    assert_eq!(session.as_str(), "IQoJb3JpZ2luX2VjEXAMPLE//wEa==");
    assert!(!format!("{authorization:?}").contains("IQoJ"));
}

#[test]
fn every_reason_has_its_own_code() {
    let mut codes: Vec<&str> = RequestRejection::ALL
        .iter()
        .map(RequestRejection::code)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), RequestRejection::ALL.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_the_aws_sdk_signs_is_accepted(
        path in "(/[a-zA-Z0-9:._~-]{1,8}){1,4}/?",
        query in "([a-zA-Z]{1,5}=[a-zA-Z0-9._~-]{0,6}&){0,4}[a-z]{1,3}=%2[0-9A-F]",
        body in "\\PC{0,80}",
        method in "GET|POST|PUT|PATCH|DELETE",
    ) {
        let call = sdk_call(&method, &format!("{path}?{query}"), &[], &body);
        prop_assert_eq!(call.check(), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn survives_any_headers(
        head in "[a-z/?=&%]{0,20}",
        authorization in "(AWS4-HMAC-SHA256 )?((Credential|SignedHeaders|Signature)=[a-zA-Z0-9/;_-]{0,40},? ?){0,4}",
        rest in "\\PC{0,60}",
    ) {
        let text = format!("{head}\nhost:x\nx-amz-date:20260101T000000Z\nauthorization:{authorization}\n{rest}");
        fuzz::fuzz_request(text.as_bytes());
    }
}
