//! Decisions: resources, variables, layers, and what explanations say about them.

use super::*;

/// An identity policy of one Allow for `rds-db:connect`.
fn connect(resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Connect","Effect":"Allow","Action":"rds-db:connect","Resource":"{resource}"}}]}}"#
    )
}

fn may_connect(resource: &str, proxy: &str, user: &str, context: &Context) -> bool {
    decide(
        &connect(resource),
        "rds-db:connect",
        &dbuser(proxy, user),
        context,
    ) == Outcome::Allow
}

fn named(user: &str) -> Context {
    let mut context = Context::new();
    context.set("aws:username", user);
    context
}

#[test]
fn documented_connect_resources_match_as_documented() {
    let prefix = "arn:aws:rds-db:us-east-1:000000000000:dbuser";
    let nobody = Context::new();
    for (resource, proxy, user, expected) in [
        ("*/*", "prx-ABC", "jane_doe", true),
        ("*/*", "prx-ABC", "a/b", true),
        ("prx-ABC/*", "prx-ABC", "anyone", true),
        ("prx-ABC/*", "prx-ABD", "anyone", false),
        ("*/jane_doe", "prx-ABC", "jane_doe", true),
        ("*/jane_doe", "prx-ABC", "jane_doe2", false),
        ("prx-ABC/jane_doe", "prx-ABC", "Jane_Doe", false),
        ("prx-AB?/jane_doe", "prx-ABC", "jane_doe", true),
        ("db-ABC/jane_doe", "prx-ABC", "jane_doe", false),
        ("prx-ABC", "prx-ABC", "jane_doe", false),
    ] {
        let pattern = format!("{prefix}:{resource}");
        assert_eq!(
            may_connect(&pattern, proxy, user, &nobody),
            expected,
            "{resource} {proxy} {user}"
        );
    }
}

#[test]
fn segments_are_matched_one_by_one() {
    let nobody = Context::new();
    for (resource, expected) in [
        ("*", true),
        ("arn:aws:rds-db:*", true),
        ("arn:aws:*", true),
        ("arn:*", true),
        ("arn:aws:rds-db:us-*", true),
        ("arn:aws:rds-db:eu-*", false),
        ("arn:aws:rds-db:*:000000000000:dbuser:prx-1/app", true),
        ("arn:aws:rds-db:*:dbuser:prx-1/app", false),
        ("arn:aws:rds-db:us-east-1:*:prx-1/app", false),
        ("arn:aws:rds-db:us-east-1:*:*/app", true),
        ("arn:aws:*:us-east-1:*:dbuser:*", true),
        (
            "arn:aws:rds-db:us-east-?:000000000000:dbuser:prx-1/app",
            true,
        ),
        (
            "arn:aws:RDS-DB:us-east-1:000000000000:dbuser:prx-1/app",
            false,
        ),
    ] {
        if PolicyDocument::parse(&connect(resource), PolicyKind::Identity).is_err() {
            assert!(!expected, "{resource} is refused on write");
            continue;
        }
        assert_eq!(
            may_connect(resource, "prx-1", "app", &nobody),
            expected,
            "{resource}"
        );
    }
}

#[test]
fn variables_in_resources_match_the_caller_only() {
    let own = "arn:aws:rds-db:*:*:dbuser:prx-1/${aws:username}";
    assert!(may_connect(own, "prx-1", "app", &named("app")));
    assert!(!may_connect(own, "prx-1", "admin", &named("app")));
    assert!(!may_connect(own, "prx-1", "app", &Context::new()));
    for evil in ["*", "a*", "?", "${aws:username}", "a/b", "a:b", "", "ap?"] {
        assert!(may_connect(own, "prx-1", evil, &named(evil)), "{evil}");
        assert!(!may_connect(own, "prx-1", "app", &named(evil)), "{evil}");
    }
    let fallback = "arn:aws:rds-db:*:*:dbuser:prx-1/${aws:PrincipalTag/dbuser, 'guest'}";
    assert!(may_connect(fallback, "prx-1", "guest", &Context::new()));
    let mut tagged = Context::new();
    tagged.set("aws:principaltag/DBUSER", "app");
    assert!(may_connect(fallback, "prx-1", "app", &tagged));
    assert!(!may_connect(fallback, "prx-1", "guest", &tagged));
}

#[test]
fn variables_are_plain_text_before_2012() {
    let json = connect("arn:aws:rds-db:*:*:dbuser:prx-1/${aws:username}").replace("2012", "2008");
    let outcome = |user: &str| {
        decide(
            &json,
            "rds-db:connect",
            &dbuser("prx-1", user),
            &named("app"),
        )
    };
    assert_eq!(outcome("app"), Outcome::ImplicitDeny);
    assert_eq!(outcome("${aws:username}"), Outcome::Allow);
}

#[test]
fn actions_are_compared_without_case() {
    let json = |action: &str| {
        format!(r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#)
    };
    for (pattern, action, expected) in [
        ("rds-db:connect", "RDS-DB:Connect", true),
        ("RDS-DB:CONNECT", "rds-db:connect", true),
        ("tollgate:*Proxy", "tollgate:CreateProxy", true),
        ("tollgate:*Proxy", "tollgate:ListProxies", false),
        ("tollgate:?reateProxy", "tollgate:CreateProxy", true),
        ("rds-db:*", "tollgate:connect", false),
        ("*", "any:thing", true),
    ] {
        let outcome = decide(&json(pattern), action, "arn:a:b:c:d:e", &Context::new());
        assert_eq!(outcome == Outcome::Allow, expected, "{pattern} {action}");
    }
}

#[test]
fn deny_wins_whatever_allows() {
    let json = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"*","Resource":"*"},
        {"Sid":"NoAdmins","Effect":"Deny","Action":"rds-db:connect","Resource":"arn:aws:rds-db:*:*:dbuser:*/admin*"}]}"#;
    let nobody = Context::new();
    assert_eq!(
        decide(json, "rds-db:connect", &dbuser("prx-1", "app"), &nobody),
        Outcome::Allow
    );
    for user in ["admin", "administrator", "admin/x"] {
        let outcome = decide(json, "rds-db:connect", &dbuser("prx-1", user), &nobody);
        assert_eq!(outcome, Outcome::ExplicitDeny, "{user}");
    }
}

#[test]
fn negated_lists_mean_everything_else() {
    let json = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","NotAction":"tollgate:*","NotResource":["arn:aws:rds-db:*:*:dbuser:*/admin","arn:aws:rds-db:*:*:dbuser:*/root"]}]}"#;
    let nobody = Context::new();
    for (action, user, expected) in [
        ("rds-db:connect", "app", true),
        ("rds-db:connect", "admin", false),
        ("rds-db:connect", "root", false),
        ("tollgate:CreateProxy", "app", false),
    ] {
        let outcome = decide(json, action, &dbuser("prx-1", user), &nobody);
        assert_eq!(outcome == Outcome::Allow, expected, "{action} {user}");
    }
}

#[test]
fn a_missing_variable_never_widens_a_negated_list() {
    let json = |effect: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"*","NotResource":"arn:aws:rds-db:*:*:dbuser:*/${{aws:username}}"}}}}"#
        )
    };
    let resource = dbuser("prx-1", "app");
    let outcome =
        |effect: &str, context: &Context| decide(&json(effect), "a:b", &resource, context);
    assert_eq!(outcome("Allow", &Context::new()), Outcome::ImplicitDeny);
    assert_eq!(outcome("Deny", &Context::new()), Outcome::ExplicitDeny);
    assert_eq!(outcome("Allow", &named("bob")), Outcome::Allow);
    assert_eq!(outcome("Allow", &named("app")), Outcome::ImplicitDeny);
    assert_eq!(outcome("Deny", &named("app")), Outcome::ImplicitDeny);
}

#[test]
fn every_layer_must_allow_and_the_first_that_does_not_is_named() {
    let all = policy(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    let none = policy(r#"{"Statement":{"Effect":"Allow","Action":"no:thing","Resource":"*"}}"#);
    let deny =
        policy(r#"{"Statement":{"Sid":"Stop","Effect":"Deny","Action":"*","Resource":"*"}}"#);
    let context = Context::new();
    let request = Request {
        action: "rds-db:connect",
        resource: "arn:a:b:c:d:e",
        context: &context,
    };
    let builder = || PolicySet::builder().identity("id", 3, &all);
    for (set, outcome, layer) in [
        (
            PolicySet::builder().build(),
            Outcome::ImplicitDeny,
            Layer::Identity,
        ),
        (PolicySet::root(), Outcome::Allow, Layer::Identity),
        (builder().build(), Outcome::Allow, Layer::Identity),
        (
            builder().boundary("b", 1, &none).build(),
            Outcome::ImplicitDeny,
            Layer::Boundary,
        ),
        (
            builder().boundary("b", 1, &all).build(),
            Outcome::Allow,
            Layer::Identity,
        ),
        (
            builder().session("s", 1, &none).build(),
            Outcome::ImplicitDeny,
            Layer::Session,
        ),
        (
            builder()
                .boundary("b", 1, &all)
                .session("s", 1, &all)
                .build(),
            Outcome::Allow,
            Layer::Identity,
        ),
        (
            builder()
                .boundary("b", 1, &all)
                .boundary("c", 1, &none)
                .build(),
            Outcome::ImplicitDeny,
            Layer::Boundary,
        ),
        (
            builder()
                .session("s", 1, &all)
                .session("t", 1, &none)
                .build(),
            Outcome::ImplicitDeny,
            Layer::Session,
        ),
        (
            builder().identity("d", 1, &deny).build(),
            Outcome::ExplicitDeny,
            Layer::Identity,
        ),
        (
            builder().boundary("b", 1, &deny).build(),
            Outcome::ExplicitDeny,
            Layer::Boundary,
        ),
        (
            builder()
                .boundary("b", 1, &none)
                .session("s", 1, &deny)
                .build(),
            Outcome::ExplicitDeny,
            Layer::Session,
        ),
        (
            PolicySet::builder()
                .boundary("b", 1, &all)
                .session("s", 1, &all)
                .build(),
            Outcome::ImplicitDeny,
            Layer::Identity,
        ),
    ] {
        let decision = set.evaluate(&request);
        assert_eq!((decision.outcome, decision.layer), (outcome, layer));
        assert_eq!(decision.is_allow(), outcome == Outcome::Allow);
    }
}

#[test]
fn the_deciding_statement_is_named() {
    let two = policy(
        r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Resource":"*"},{"Sid":"Second","Effect":"Allow","Action":"c:d","Resource":"*"}]}"#,
    );
    let set = PolicySet::builder()
        .identity("first", 1, &two)
        .identity("pol", 7, &two)
        .build();
    let context = Context::new();
    let request = |action| Request {
        action,
        resource: "arn:a:b:c:d:e",
        context: &context,
    };
    let statement = set.evaluate(&request("c:d")).statement.unwrap();
    assert_eq!(
        serde_json::to_string(&statement).unwrap(),
        r#"{"policy":"first","version":1,"index":1,"sid":"Second"}"#
    );
    assert_eq!(set.evaluate(&request("x:y")).statement, None);
    let decision = set.evaluate(&request("x:y"));
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(json, r#"{"outcome":"IMPLICIT_DENY","layer":"identity"}"#);
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
}

#[test]
fn a_trust_policy_among_identity_policies_allows_nothing() {
    let document = |effect: &str| {
        PolicyDocument::parse(
            &format!(
                r#"{{"Statement":{{"Effect":"{effect}","Action":"*","Principal":{{"AWS":"x"}}}}}}"#
            ),
            PolicyKind::Trust,
        )
        .unwrap()
    };
    let context = Context::new();
    let request = Request {
        action: "a:b",
        resource: "arn:a:b:c:d:e",
        context: &context,
    };
    let outcome = |effect: &str| {
        let set = PolicySet::builder()
            .identity("trust", 1, &document(effect))
            .build();
        set.evaluate(&request).outcome
    };
    assert_eq!(outcome("Allow"), Outcome::ImplicitDeny);
    assert_eq!(outcome("Deny"), Outcome::ExplicitDeny);
}

fn explained(json: &str, action: &str, context: &Context) -> StatementExplanation {
    let set = PolicySet::builder()
        .identity("pol-9", 3, &policy(json))
        .build();
    let resource = dbuser("prx-0a1b2c3d4e5f60718", "app");
    let mut explanation = set.explain(&Request {
        action,
        resource: &resource,
        context,
    });
    explanation.statements.remove(0)
}

#[test]
fn explains_the_instance_id_mistake_with_a_hint() {
    let json = connect("arn:aws:rds-db:us-east-1:000000000000:dbuser:db-XYZ/app");
    let statement = explained(&json, "rds-db:connect", &Context::new());
    assert!(!statement.matched);
    assert_eq!(
        statement.why,
        r#"Resource: segment 6 pattern "dbuser:db-XYZ/app" does not match "dbuser:prx-0a1b2c3d4e5f60718/app""#
    );
    assert_eq!(
        statement.hint.as_deref(),
        Some(
            "The policy names an instance id (db-…). Connections through a proxy are checked against the proxy id (prx-…)."
        )
    );
    let cluster = connect("arn:aws:rds-db:us-east-1:000000000000:dbuser:cluster-XYZ/app");
    assert!(
        explained(&cluster, "rds-db:connect", &Context::new())
            .hint
            .unwrap()
            .contains("a cluster id")
    );
    let other = connect("arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-2/app");
    assert_eq!(
        explained(&other, "rds-db:connect", &Context::new()).hint,
        None
    );
    let value = serde_json::to_value(&statement).unwrap();
    assert_eq!(value["policy"], "pol-9");
    assert_eq!(value["version"], 3);
    assert_eq!(value["sid"], "Connect");
    assert_eq!(value["layer"], "identity");
}

#[test]
fn explains_the_element_that_did_not_fit() {
    let mut context = named("bob");
    context.set("aws:SourceIp", "192.168.0.1").set("k:n", "x");
    let json = |members: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{members}}}}}"#)
    };
    for (members, why) in [
        (
            r#""Action":"tollgate:*","Resource":"*""#,
            r#"Action: none of ["tollgate:*"] matches "rds-db:connect""#,
        ),
        (
            r#""NotAction":"rds-db:*","Resource":"*""#,
            r#"NotAction: pattern "rds-db:*" matches "rds-db:connect""#,
        ),
        (
            r#""Action":"*","Resource":["arn:x:*","arn:aws:rds-db:eu-west-1:*:*"]"#,
            r#"Resource: segment 4 pattern "eu-west-1" does not match "us-east-1""#,
        ),
        (
            r#""Action":"*","NotResource":"arn:aws:*""#,
            r#"NotResource: pattern "arn:aws:*" matches "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-0a1b2c3d4e5f60718/app""#,
        ),
        (
            r#""Action":"*","Resource":"arn:aws:rds-db:*:*:dbuser:*/${aws:userid}""#,
            r#"Resource: "arn:aws:rds-db:*:*:dbuser:*/${aws:userid}" matches nothing because the request has no single value for "aws:userid""#,
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
            r#"Condition: IpAddress aws:SourceIp wants ["10.0.0.0/8"]; the request has "192.168.0.1""#,
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:userid":"x"}}"#,
            r#"Condition: StringEquals aws:userid wants ["x"]; the request has no such key"#,
        ),
        (
            r#""Action":"*","Resource":"*","Condition":{"NumericEquals":{"k:n":1}}"#,
            r#"Condition: NumericEquals k:n wants ["1"]; the request has "x"; the request's value is not of the operator's type"#,
        ),
        (r#""Action":"*","Resource":"*""#, "every element matches"),
    ] {
        assert_eq!(
            explained(&json(members), "rds-db:connect", &context).why,
            why
        );
    }
    let deny = json(r#""Action":"*","Resource":"*","Condition":{"NumericEquals":{"k:n":1}}"#)
        .replace("Allow", "Deny");
    let statement = explained(&deny, "rds-db:connect", &context);
    assert!(statement.matched);
    assert!(
        statement
            .why
            .ends_with("a Deny that cannot be decided applies"),
        "{}",
        statement.why
    );
}

#[test]
fn a_session_policy_only_ever_narrows() {
    let all = r#"{"Statement":{"Effect":"Allow","Action":"rds-db:connect","Resource":"*"}}"#;
    let one = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:r:1:dbuser:prx-1/app"}}"#;
    let parse = |text, kind| PolicyDocument::parse(text, kind).unwrap();
    let identity = parse(all, PolicyKind::Identity);
    let session = parse(one, PolicyKind::SessionPolicy);
    let role = PolicySet::builder().identity("p", 1, &identity).build();
    let context = Context::new();
    let allows = |set: &PolicySet, action: &str, resource: &str| {
        let request = Request {
            action,
            resource,
            context: &context,
        };
        set.evaluate(&request).is_allow()
    };
    let (app, ops) = (
        "arn:aws:rds-db:r:1:dbuser:prx-1/app",
        "arn:aws:rds-db:r:1:dbuser:prx-1/ops",
    );
    let narrowed = role.within(std::slice::from_ref(&session));
    assert!(allows(&role, "rds-db:connect", ops) && allows(&narrowed, "rds-db:connect", app));
    assert!(!allows(&narrowed, "rds-db:connect", ops) && !allows(&narrowed, "iam:GetUser", app));
    assert!(allows(&role.within(&[]), "rds-db:connect", ops));
    let root = PolicySet::root().within(&[session]);
    assert!(allows(&root, "iam:GetUser", app) && !allows(&root, "iam:GetUser", ops));
}
