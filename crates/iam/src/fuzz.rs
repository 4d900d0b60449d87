//! Entry points for fuzzing: any bytes must be survived, and what is accepted must hold together.

use crate::policy::{Context, PolicyDocument, PolicyKind, PolicySet, Request};
use crate::request::{DUMMY_SECRET, RequestExpected, SignedRequest};
use crate::token::{Expected, KeyKind, SigningKey, Token};

/// Parses bytes as a login token and runs every check on what was accepted.
///
/// # Panics
/// If an accepted token contradicts itself.
pub fn fuzz_token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(token) = Token::parse(&text) else {
        return;
    };
    let debug = format!("{token:?}");
    let leaks = |secret: &str| secret.len() > 8 && debug.contains(secret);
    assert!(!token.session_token().is_some_and(leaks));
    assert!(token.expires_at() > token.issued_at());
    assert!(token.expires_at().saturating_sub(token.issued_at()) <= 900);
    let expected = Expected {
        endpoints: &[],
        db_user: token.db_user(),
        region: token.region(),
        now_unix: token.issued_at(),
    };
    assert!(token.check_claims(&expected).is_err());
    assert!(token.check_signature(&SigningKey::dummy()).is_err());
    let _ = token.check_key_kind(KeyKind::Session);
}

/// Parses bytes as a policy document of every kind and evaluates what was accepted.
///
/// # Panics
/// If an accepted document cannot be read back, or its explanation contradicts its decision.
pub fn fuzz_policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut context = Context::new();
    context
        .set("aws:username", &*text)
        .set("aws:SourceIp", "::ffff:10.0.0.1")
        .set("aws:PrincipalTag/team", ["a", "b"]);
    for kind in [
        PolicyKind::Identity,
        PolicyKind::Trust,
        PolicyKind::SessionPolicy,
        PolicyKind::Boundary,
        PolicyKind::Resource,
    ] {
        let document = match PolicyDocument::parse(&text, kind) {
            Ok(document) => document,
            Err(problems) => {
                assert!(!problems.is_empty());
                continue;
            }
        };
        assert_eq!(document.as_json(), text);
        let set = PolicySet::builder().identity("fuzz", 1, &document).build();
        let request = Request {
            action: "rds-db:connect",
            resource: "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-1/app",
            context: &context,
        };
        let decision = set.evaluate(&request);
        assert_eq!(set.explain(&request).decision, decision.outcome);
    }
}

/// Parses bytes as a signed REST call: lines of headers, an empty line, the body.
///
/// # Panics
/// If a call verifies that nobody signed.
pub fn fuzz_request(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let uri = lines.next().unwrap_or_default();
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let Ok(authorization) = SignedRequest::parse(headers.iter().copied()) else {
        return;
    };
    let request = SignedRequest {
        method: "GET",
        uri,
        headers: &headers,
        body: body.as_bytes(),
    };
    let expected = RequestExpected {
        service: &authorization.service,
        region: None,
        now_unix: authorization.signed_at,
    };
    assert!(
        request
            .verify(&authorization, DUMMY_SECRET, &expected)
            .is_err()
    );
}
