//! Which service and operation a call is for, who signed it, and what is said when it is not served.

use http::Method;

use super::{QueryCall, World, element};

const CONTENT_TYPE: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn whoever_signed_is_told_who_they_are() {
    let world = World::new().await;
    let answer = world.query("sts", "GetCallerIdentity", &[]).good().await;
    assert!(answer.starts_with(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><UserId>000000000000</UserId>"
    ));
    let nobody = world.user("fn", &[]).await;
    let answer = world
        .query("sts", "GetCallerIdentity", &[])
        .key(&nobody)
        .good()
        .await;
    assert_eq!(element(&answer, "Arn"), "arn:aws:iam::000000000000:user/fn");
}

#[tokio::test]
async fn refusals_have_awss_codes() {
    let world = World::new().await;
    let who = || world.query("sts", "GetCallerIdentity", &[]);
    world
        .query("rds", "NoSuchAction", &[])
        .refused(400, "InvalidAction")
        .await;
    world
        .query("s3", "ListBuckets", &[])
        .refused(403, "SignatureDoesNotMatch")
        .await;
    who()
        .anonymous()
        .refused(403, "MissingAuthenticationToken")
        .await;

    // A signature without a date.
    let incomplete = "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/sts/aws4_request, \
        SignedHeaders=host, Signature=00";
    let call = who().anonymous().call;
    let call = call.header("authorization", incomplete);
    QueryCall { call }.refused(400, "IncompleteSignature").await;

    let mut key = world.user("fn", &[]).await;
    world
        .query("rds", "DescribeDBProxies", &[])
        .key(&key)
        .refused(403, "AccessDenied")
        .await;
    key.session_token = Some("no such session".to_owned());
    who().key(&key).refused(403, "InvalidClientTokenId").await;
    key.session_token = None;
    key.secret = "another secret another secret another se".to_owned();
    who().key(&key).refused(403, "SignatureDoesNotMatch").await;
    key.id = "AKIANOBODYNOBODYNOBO".to_owned();
    who().key(&key).refused(403, "InvalidClientTokenId").await;

    world
        .now_ms
        .fetch_add(3_600_000, std::sync::atomic::Ordering::Relaxed);
    who().refused(400, "RequestExpired").await;
}

#[tokio::test]
async fn rubbish_gets_a_document_of_the_protocol() {
    let world = World::new().await;
    for (body, code) in [
        ("", "MissingAction"),
        (
            "Action=GetCallerIdentity&Action=Twice",
            "MalformedQueryString",
        ),
        (
            "Action=GetCallerIdentity&Version=1999-01-01",
            "InvalidAction",
        ),
    ] {
        let call = world.call(Method::POST, "/").for_service("sts");
        let reply = call
            .header(CONTENT_TYPE.0, CONTENT_TYPE.1)
            .body(body)
            .send()
            .await
            .expect(400);
        assert_eq!(element(&reply.text, "Code"), code);
        assert_eq!(reply.header("content-type"), Some("text/xml"));
    }
}

#[tokio::test]
async fn lists_are_paged_with_markers_of_their_own() {
    let world = World::new().await;
    world.secret("orders-app").await;
    world.proxy("orders").await;
    let answer = world
        .query("rds", "DescribeDBProxies", &[("DBProxyName", "orders")])
        .good()
        .await;
    assert_eq!(element(&answer, "EngineFamily"), "POSTGRESQL");
    assert!(!answer.contains("Marker"));
    let missing = [("DBProxyName", "missing")];
    world
        .query("rds", "DescribeDBProxies", &missing)
        .refused(404, "DBProxyNotFoundFault")
        .await;
    for wrong in [
        ("MaxRecords", "19"),
        ("MaxRecords", "x"),
        ("Marker", "rubbish"),
    ] {
        world
            .query("rds", "DescribeDBProxies", &[wrong])
            .refused(400, "InvalidParameterValue")
            .await;
    }
}

#[tokio::test]
async fn what_xml_cannot_carry_is_refused_or_replaced() {
    let world = World::new().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"Service":"rds.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = |description| {
        let members = [
            ("RoleName", "r"),
            ("AssumeRolePolicyDocument", trust),
            ("Description", description),
        ];
        world.query("iam", "CreateRole", &members)
    };
    for bad in ["a\u{1}", "\u{fffe}", "\u{b}"] {
        role(bad).refused(400, "ValidationError").await;
    }
    role("two\nlines").good().await;
    let missing = world.query("iam", "GetUser", &[("UserName", "a\0b")]);
    let told = missing.refused(400, "ValidationError").await;
    assert!(!told.contains('\0'), "{told}");
    // REST carries such texts.
    let tags = serde_json::json!({"tags": {"team": "a\u{1}b"}, "name": "fn"});
    let made = world.post("/v1/iam/users", &tags).await;
    made.expect(201);
    let shown = world.query("iam", "ListUserTags", &[("UserName", "fn")]);
    assert_eq!(element(&shown.good().await, "Value"), "a\u{fffd}b");
}

#[tokio::test]
async fn making_something_with_tags_needs_the_right_to_tag() {
    let world = World::new().await;
    let maker = world.user("maker", &["iam:CreateUser"]).await;
    let tagged = [
        ("UserName", "one"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "admin"),
    ];
    let call = world.query("iam", "CreateUser", &tagged).key(&maker);
    let told = call.refused(403, "AccessDenied").await;
    assert!(told.contains("iam:TagUser"), "{told}");
    let plain = world.query("iam", "CreateUser", &tagged[..1]);
    plain.key(&maker).good().await;
}
