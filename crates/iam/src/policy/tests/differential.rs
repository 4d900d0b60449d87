//! The compiled evaluator and the reference agree on generated policies, and both keep the laws of the land.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value as Json, json};

use super::reference::{self, Question, Values};
use super::*;

const KEYS: [&str; 4] = ["aws:username", "k:one", "k:two", "aws:SourceIp"];

fn action_pattern() -> impl Strategy<Value = &'static str> {
    select(vec![
        "*",
        "rds-db:connect",
        "RDS-DB:*",
        "rds-db:con?ect",
        "tollgate:*",
        "tollgate:*Proxy",
        "tollgate:C*e?roxy",
    ])
}

fn resource_pattern() -> impl Strategy<Value = String> {
    let last = select(vec![
        "app",
        "*",
        "a*",
        "?pp",
        "*/x",
        "${aws:username}",
        "*${aws:username}*",
        "${k:one, 'app'}",
        "${*}",
        "${k:two}p",
        "a*p*p",
        "*a*b",
        "${$}{x",
        "a:b",
        "*:b",
    ]);
    let id = select(vec!["prx-1", "prx-*", "*", "db-1", "prx-?", "${k:one}"]);
    let region = select(vec!["us-east-1", "*", "us-*", "eu-west-1", ""]);
    let full = (region, id, last)
        .prop_map(|(region, id, last)| format!("arn:aws:rds-db:{region}:*:dbuser:{id}/{last}"));
    let short = select(vec![
        "*",
        "arn:*",
        "arn:aws:rds-db:*",
        "arn:aws:rds-db:us-*",
        "arn:aws:rds-db:eu*",
    ]);
    prop_oneof![3 => full, 1 => short.prop_map(str::to_owned)]
}

fn condition_value() -> impl Strategy<Value = (&'static str, &'static str)> {
    let text = select(vec![
        "app",
        "APP",
        "a*",
        "${aws:username}",
        "${k:two}",
        "${k:one, 'b'}",
        "*",
        "?",
        "",
        "${*}p",
        "a?p",
    ]);
    let string = select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ]);
    let order = select(vec!["1", "1.5", "2", "10", "0", "-1"]);
    let numeric = select(vec![
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ]);
    let date = select(vec![
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
    ]);
    let moments = select(vec!["5", "1970-01-01T00:00:05Z", "1970-01-01", "10"]);
    let network = select(vec![
        "10.0.0.0/8",
        "10.1.2.3",
        "192.168.0.0/16",
        "0.0.0.0/0",
    ]);
    let arns = select(vec![
        "*",
        "arn:aws:iam::1:user/app",
        "arn:aws:iam::*:user/${aws:username}",
        "arn:aws:iam:*",
    ]);
    prop_oneof![
        3 => (string, text),
        1 => (numeric, order),
        1 => (date, moments),
        1 => (select(vec!["IpAddress", "NotIpAddress"]), network),
        1 => (select(vec!["ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals"]), arns),
        1 => (Just("Bool"), select(vec!["true", "false", "${k:two}"])),
    ]
}

/// `(operator, key, value)` as JSON members; several values of one operator are made by repetition.
fn condition() -> impl Strategy<Value = (String, String, Vec<String>)> {
    let quantifier = select(vec!["", "", "ForAllValues:", "ForAnyValue:"]);
    let if_exists = select(vec!["", "", "IfExists"]);
    let typed = (
        quantifier,
        condition_value(),
        proptest::option::of(condition_value()),
        if_exists,
        select(KEYS.to_vec()),
    )
        .prop_map(|(quantifier, (operator, value), second, if_exists, key)| {
            let mut values = vec![value.to_owned()];
            // A second value joins only if it is of the very same operator, so of the same type.
            values.extend(
                second
                    .filter(|(name, _)| *name == operator)
                    .map(|(_, v)| v.to_owned()),
            );
            (
                format!("{quantifier}{operator}{if_exists}"),
                key.to_owned(),
                values,
            )
        });
    let null = (select(vec!["true", "false"]), select(KEYS.to_vec()))
        .prop_map(|(value, key)| ("Null".to_owned(), key.to_owned(), vec![value.to_owned()]));
    prop_oneof![6 => typed, 1 => null]
}

fn statement() -> impl Strategy<Value = Json> {
    (
        select(vec!["Allow", "Allow", "Deny"]),
        select(vec!["Action", "Action", "NotAction"]),
        proptest::collection::vec(action_pattern(), 1..3),
        select(vec!["Resource", "Resource", "NotResource"]),
        proptest::collection::vec(resource_pattern(), 1..3),
        proptest::collection::vec(condition(), 0..3),
    )
        .prop_map(
            |(effect, action, actions, resource, resources, conditions)| {
                let mut statement =
                    json!({ "Effect": effect, action: actions, resource: resources });
                for (operator, key, values) in conditions {
                    statement["Condition"][operator][key] = json!(values);
                }
                statement
            },
        )
}

fn document() -> impl Strategy<Value = Json> {
    let version = select(vec!["2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"]);
    (version, proptest::collection::vec(statement(), 1..4)).prop_map(|(version, statements)| {
        let mut document = json!({ "Version": version, "Statement": statements });
        if version == "2008-10-17" {
            // Without variables a Bool value must be a truth value on the page.
            for statement in document["Statement"].as_array_mut().unwrap() {
                let block = statement
                    .get_mut("Condition")
                    .and_then(Json::as_object_mut)
                    .into_iter()
                    .flatten();
                for (_, keys) in block.filter(|(operator, _)| operator.contains("Bool")) {
                    for (_, values) in keys.as_object_mut().unwrap() {
                        *values = json!(["true"]);
                    }
                }
            }
        }
        document
    })
}

fn context_values() -> impl Strategy<Value = Values> {
    let value = select(vec![
        "app",
        "App",
        "a*",
        "*",
        "?",
        "${aws:username}",
        "b",
        "1",
        "1.5",
        "-1",
        "5",
        "1970-01-01T00:00:05Z",
        "true",
        "False",
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "192.168.1.1",
        "arn:aws:iam::1:user/app",
        "arn:aws:iam::1:user/a*",
        "",
        "x:y/z",
    ]);
    let values = prop_oneof![
        4 => value.clone().prop_map(|one| vec![one.to_owned()]),
        1 => proptest::collection::vec(value.prop_map(str::to_owned), 2..4),
    ];
    proptest::collection::btree_map(
        select(KEYS.to_vec()).prop_map(str::to_lowercase),
        values,
        0..4,
    )
}

fn asked() -> impl Strategy<Value = (&'static str, String)> {
    let action = select(vec![
        "rds-db:connect",
        "tollgate:CreateProxy",
        "Tollgate:createproxy",
        "other:thing",
    ]);
    let user = select(vec![
        "app",
        "a*",
        "*",
        "admin",
        "x/x",
        "a:b",
        "${aws:username}",
        "aXpYp",
        "aab",
        "${x",
        "",
    ]);
    let id = select(vec!["prx-1", "prx-2", "db-1", "app"]);
    let region = select(vec!["us-east-1", "eu-west-1"]);
    (action, user, id, region).prop_map(|(action, user, id, region)| {
        (
            action,
            format!("arn:aws:rds-db:{region}:000000000000:dbuser:{id}/{user}"),
        )
    })
}

/// Identity policies, and perhaps a boundary and a session policy.
fn layers() -> impl Strategy<Value = Vec<Vec<Json>>> {
    let limit = proptest::collection::vec(document(), 1..2);
    (
        proptest::collection::vec(document(), 0..3),
        proptest::collection::vec(limit, 0..3),
    )
        .prop_map(|(identity, limits)| {
            let mut layers = vec![identity];
            layers.extend(limits);
            layers
        })
}

fn context(values: &Values) -> Context {
    let mut context = Context::new();
    for (key, list) in values {
        context.set(key, list.clone());
    }
    context
}

/// The first layer is identity, the second a boundary, the others session policies.
fn set(layers: &[Vec<Json>]) -> PolicySet {
    let mut builder = PolicySet::builder();
    for (at, document) in layers
        .iter()
        .enumerate()
        .flat_map(|(at, l)| l.iter().map(move |d| (at, d)))
    {
        let document = policy(&document.to_string());
        builder = match at {
            0 => builder.identity("identity", 1, &document),
            1 => builder.boundary("boundary", 1, &document),
            _ => builder.session("session", 1, &document),
        };
    }
    builder.build()
}

fn outcome(layers: &[Vec<Json>], asked: &(&str, String), values: &Values) -> Outcome {
    let context = context(values);
    let request = Request {
        action: asked.0,
        resource: &asked.1,
        context: &context,
    };
    set(layers).evaluate(&request).outcome
}

/// How much an outcome permits.
fn permits(outcome: Outcome) -> bool {
    outcome == Outcome::Allow
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6_000))]

    #[test]
    fn agrees_with_the_reference(layers in layers(), asked in asked(), values in context_values()) {
        let question = Question { action: asked.0, resource: &asked.1, values: &values };
        let expected = reference::decide(&layers, &question);
        prop_assert_eq!(outcome(&layers, &asked, &values), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn explanations_agree_with_decisions(layers in layers(), asked in asked(), values in context_values()) {
        let context = context(&values);
        let request = Request { action: asked.0, resource: &asked.1, context: &context };
        let set = set(&layers);
        let decision = set.evaluate(&request);
        let explanation = set.explain(&request);
        prop_assert_eq!(explanation.decision, decision.outcome);
        let denied = explanation.statements.iter().any(|s| s.matched && s.effect == Effect::Deny);
        prop_assert_eq!(denied, decision.outcome == Outcome::ExplicitDeny);
        for statement in &explanation.statements {
            let fits = statement.why == "every element matches";
            prop_assert!(statement.matched || !fits, "{:?}", statement);
        }
    }

    #[test]
    fn order_never_changes_the_outcome(
        layers in layers(), asked in asked(), values in context_values(), seed in any::<usize>(),
    ) {
        let mut shuffled = layers.clone();
        for layer in &mut shuffled {
            layer.reverse();
            for document in layer {
                let statements = document["Statement"].as_array_mut().unwrap();
                let by = seed % statements.len();
                statements.rotate_left(by);
            }
        }
        prop_assert_eq!(outcome(&layers, &asked, &values), outcome(&shuffled, &asked, &values));
    }

    #[test]
    fn a_further_deny_never_widens(
        layers in layers(), extra in document(), at in any::<usize>(), asked in asked(), values in context_values(),
    ) {
        let mut extra = extra;
        for statement in extra["Statement"].as_array_mut().unwrap() {
            statement["Effect"] = json!("Deny");
        }
        let before = outcome(&layers, &asked, &values);
        let alone = outcome(&[vec![extra.clone()]], &asked, &values);
        let mut more = layers;
        let at = at % more.len();
        more[at].push(extra);
        let after = outcome(&more, &asked, &values);
        prop_assert!(permits(before) || !permits(after));
        if alone == Outcome::ExplicitDeny {
            prop_assert_eq!(after, Outcome::ExplicitDeny);
        }
    }

    #[test]
    fn a_boundary_never_widens_and_allowing_more_in_it_never_narrows(
        identity in document(), boundary in document(), extra in statement(), asked in asked(), values in context_values(),
    ) {
        let mut boundary = boundary;
        boundary["Version"] = json!("2012-10-17");
        let unlimited = outcome(&[vec![identity.clone()]], &asked, &values);
        let limited = outcome(&[vec![identity.clone()], vec![boundary.clone()]], &asked, &values);
        prop_assert!(permits(unlimited) || !permits(limited));
        let mut extra = extra;
        extra["Effect"] = json!("Allow");
        let mut wider = boundary;
        wider["Statement"].as_array_mut().unwrap().push(extra);
        let after = outcome(&[vec![identity], vec![wider]], &asked, &values);
        prop_assert!(!permits(limited) || permits(after));
    }

    #[test]
    fn a_substituted_value_matches_only_itself(
        value in "[a*?${}:/']{0,6}", user in "[a*?${}:/']{0,6}",
    ) {
        let json = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:*:*:dbuser:prx-1/${aws:username}"}}"#;
        let mut context = Context::new();
        context.set("aws:username", value.as_str());
        let outcome = decide(json, "rds-db:connect", &dbuser("prx-1", &user), &context);
        prop_assert_eq!(permits(outcome), value == user);
    }

    #[test]
    fn steps_grow_with_the_text_and_not_with_the_stars(
        pattern in "[ab*?]{0,40}", text in "[ab]{0,200}",
    ) {
        use super::super::glob::Glob;
        use super::super::template::{Variables, Wildcards, parse};
        let atoms = parse(&pattern, Variables::Inert, Wildcards::Active).unwrap();
        let mut steps = 0;
        Glob::new(atoms).matches_metered(&text, &Context::new(), &mut steps);
        let longest = pattern.split('*').map(str::len).max().unwrap_or(0).max(1);
        // Once over the text for each character of the longest piece, whatever the number of stars.
        prop_assert!(steps <= (text.len() + pattern.len() + 1) * (longest + 1), "{} steps", steps);
    }
}

#[test]
fn generated_policies_reach_every_outcome_often() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = [0, 0, 0];
    for _ in 0..1_500 {
        let strategy = (layers(), asked(), context_values());
        let (layers, asked, values) = strategy.new_tree(&mut runner).unwrap().current();
        let at = match outcome(&layers, &asked, &values) {
            Outcome::Allow => 0,
            Outcome::ExplicitDeny => 1,
            Outcome::ImplicitDeny => 2,
        };
        counts[at] += 1;
    }
    assert!(counts.iter().all(|count| *count >= 75), "{counts:?}");
}
