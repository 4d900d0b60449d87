//! Path `policy`: whether a principal with three policies may connect, one of them with a condition.

use tollgate_iam::policy::{Context, PolicyDocument, PolicyKind, PolicySet, Request};

const POLICIES: [(&str, &str); 3] = [
    (
        "reads",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rds:Describe*","rds:List*"],"Resource":"*"}]}"#,
    ),
    (
        "no-drops",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"rds:Delete*","Resource":"*"}]}"#,
    ),
    (
        "connects",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"rds-db:connect",
        "Resource":"arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-*/app",
        "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"Bool":{"aws:SecureTransport":"true"}}}]}"#,
    ),
];

/// Evaluates one request per call; returns 1 when it is allowed.
pub(crate) fn prepare() -> impl FnMut() -> usize {
    let mut builder = PolicySet::builder();
    for (name, json) in POLICIES {
        if let Ok(document) = PolicyDocument::parse(json, PolicyKind::Identity) {
            builder = builder.identity(name, 1, &document);
        }
    }
    let policies = builder.build();
    let mut context = Context::new();
    context.set("aws:SourceIp", "10.1.2.3");
    context.set("aws:SecureTransport", "true");
    move || {
        let request = Request {
            action: "rds-db:connect",
            resource: "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-0123456789abcdef0/app",
            context: std::hint::black_box(&context),
        };
        usize::from(policies.evaluate(&request).is_allow())
    }
}
