//! Truth tables of condition operators.

use super::*;

/// Whether an Allow with this condition block applies.
fn allows(block: &str, context: &Context) -> bool {
    applies("Allow", block, context)
}

/// Whether a Deny with this condition block applies.
fn denies(block: &str, context: &Context) -> bool {
    applies("Deny", block, context)
}

fn applies(effect: &str, block: &str, context: &Context) -> bool {
    let json = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"a:b","Resource":"*","Condition":{block}}}]}}"#
    );
    match decide(&json, "a:b", "arn:x:y:z:1:r", context) {
        Outcome::Allow | Outcome::ExplicitDeny => true,
        Outcome::ImplicitDeny => false,
    }
}

fn with_key(values: &[&str]) -> Context {
    let mut context = Context::new();
    context.set("k:k", values);
    context
}

#[test]
fn quantifiers_follow_the_truth_table() {
    // Columns: key absent; one good value; one bad value; a good and a bad one. `g` is listed.
    for (operator, expected) in [
        ("StringEquals", [false, true, false, true]),
        ("StringNotEquals", [true, false, true, false]),
        ("StringEqualsIfExists", [true, true, false, true]),
        ("StringNotEqualsIfExists", [true, false, true, false]),
        ("ForAllValues:StringEquals", [true, true, false, false]),
        ("ForAllValues:StringNotEquals", [true, false, true, false]),
        ("ForAnyValue:StringEquals", [false, true, false, true]),
        ("ForAnyValue:StringNotEquals", [false, false, true, true]),
        (
            "ForAllValues:StringEqualsIfExists",
            [true, true, false, false],
        ),
        (
            "ForAllValues:StringNotEqualsIfExists",
            [true, false, true, false],
        ),
        (
            "ForAnyValue:StringEqualsIfExists",
            [true, true, false, true],
        ),
        (
            "ForAnyValue:StringNotEqualsIfExists",
            [true, false, true, true],
        ),
    ] {
        let block = format!(r#"{{"{operator}":{{"k:k":["g","h"]}}}}"#);
        let requests: [&[&str]; 4] = [&[], &["g"], &["b"], &["g", "b"]];
        for (values, expected) in requests.into_iter().zip(expected) {
            let context = with_key(values);
            assert_eq!(allows(&block, &context), expected, "{operator} {values:?}");
            assert_eq!(denies(&block, &context), expected, "{operator} {values:?}");
        }
    }
}

#[test]
fn each_operator_compares_its_type() {
    for (operator, listed, yes, no) in [
        ("StringEquals", "a*", &["a*"][..], &["ab", "A*"][..]),
        ("StringNotEquals", "a*", &["ab", "A*"], &["a*"]),
        (
            "StringEqualsIgnoreCase",
            "Straße",
            &["STRAßE", "straße"],
            &["strasse", "stra"],
        ),
        ("StringNotEqualsIgnoreCase", "Ab", &["c"], &["aB", "AB"]),
        ("StringLike", "a*c?", &["acd", "abbcd"], &["ac", "Acd"]),
        ("StringNotLike", "a*", &["b"], &["a", "ab"]),
        ("NumericEquals", "1.50", &["1.5", "+1.5"], &["1.51", "-1.5"]),
        ("NumericNotEquals", "2", &["3"], &["2.0"]),
        ("NumericLessThan", "2", &["1.999", "-5"], &["2", "3"]),
        ("NumericLessThanEquals", "2", &["2"], &["2.1"]),
        ("NumericGreaterThan", "2", &["10"], &["2", "1"]),
        ("NumericGreaterThanEquals", "2", &["2", "10"], &["1"]),
        (
            "DateEquals",
            "1440938160",
            &["2015-08-30T12:36:00Z"],
            &["1440938161"],
        ),
        (
            "DateNotEquals",
            "2015-08-30",
            &["2015-08-31"],
            &["2015-08-30T00:00:00Z"],
        ),
        (
            "DateLessThan",
            "2015-08-30T12:36:00Z",
            &["1440938159"],
            &["1440938160"],
        ),
        (
            "DateLessThanEquals",
            "2015-08-30T12:36:00Z",
            &["1440938160"],
            &["1440938161"],
        ),
        (
            "DateGreaterThan",
            "2015-08-30T12:36:00Z",
            &["1440938161"],
            &["1440938160"],
        ),
        (
            "DateGreaterThanEquals",
            "2015-08-30T12:36:00Z",
            &["1440938160"],
            &["1"],
        ),
        ("Bool", "true", &["true", "True"], &["false"]),
        ("BinaryEquals", "aGk=", &["aGk="], &["aGo="]),
        (
            "IpAddress",
            "10.0.0.0/8",
            &["10.1.2.3", "::ffff:10.1.2.3"],
            &["11.0.0.1", "::1"],
        ),
        (
            "IpAddress",
            "2001:db8::/32",
            &["2001:db8:1::1"],
            &["2001:db9::1", "10.0.0.1"],
        ),
        ("IpAddress", "10.9.9.9/8", &["10.1.2.3"], &["11.0.0.1"]),
        ("IpAddress", "10.1.2.3", &["10.1.2.3"], &["10.1.2.4"]),
        (
            "NotIpAddress",
            "10.0.0.0/8",
            &["11.0.0.1"],
            &["10.1.2.3", "::ffff:10.1.2.3"],
        ),
        (
            "ArnLike",
            "arn:aws:iam::*:role/x*",
            &["arn:aws:iam::1:role/xy"],
            &["arn:aws:iam::1:2:role/x", "x"],
        ),
        (
            "ArnEquals",
            "arn:aws:iam::*:role/x*",
            &["arn:aws:iam::1:role/x:y"],
            &["arn:aws:iam:r:1:role/x"],
        ),
        (
            "ArnNotLike",
            "arn:aws:iam::1:*",
            &["arn:aws:iam::2:x"],
            &["arn:aws:iam::1:x:y"],
        ),
        ("ArnNotEquals", "*", &[], &["anything"]),
    ] {
        let block = format!(r#"{{"{operator}":{{"K:k":"{listed}"}}}}"#);
        for value in yes {
            assert!(
                allows(&block, &with_key(&[value])),
                "{operator} {listed} {value}"
            );
        }
        for value in no {
            assert!(
                !allows(&block, &with_key(&[value])),
                "{operator} {listed} {value}"
            );
        }
    }
}

#[test]
fn null_asks_for_presence() {
    for (listed, absent, present) in [
        ("true", true, false),
        ("false", false, true),
        (r#"["true","false"]"#, true, true),
    ] {
        let block = format!(r#"{{"Null":{{"k:k":{listed}}}}}"#);
        assert_eq!(allows(&block, &Context::new()), absent);
        assert_eq!(allows(&block, &with_key(&["x"])), present);
    }
}

#[test]
fn operators_and_keys_are_joined_by_and() {
    let block = r#"{"StringEquals":{"k:k":"a","k:l":"b"},"Bool":{"k:m":"true"}}"#;
    let mut context = Context::new();
    context.set("k:k", "a").set("k:l", "b").set("k:m", true);
    assert!(allows(block, &context));
    for (key, value) in [("k:k", "x"), ("k:l", "x"), ("k:m", "false")] {
        let mut spoiled = context.clone();
        spoiled.set(key, value);
        assert!(!allows(block, &spoiled), "{key}");
    }
}

#[test]
fn a_request_value_of_the_wrong_type_denies_and_never_allows() {
    for (operator, listed) in [
        ("NumericEquals", "1"),
        ("NumericNotEquals", "1"),
        ("NumericLessThanIfExists", "1"),
        ("ForAllValues:NumericNotEquals", "1"),
        ("ForAnyValue:NumericEquals", "1"),
        ("DateLessThan", "2015-08-30"),
        ("DateNotEquals", "2015-08-30"),
        ("Bool", "true"),
        ("BinaryEquals", "aGk="),
        ("IpAddress", "10.0.0.0/8"),
        ("NotIpAddress", "10.0.0.0/8"),
    ] {
        let block = format!(r#"{{"{operator}":{{"k:k":"{listed}"}}}}"#);
        for values in [&["?"][..], &["?", "1"], &["1", "?"]] {
            assert!(!allows(&block, &with_key(values)), "{operator} {values:?}");
            assert!(denies(&block, &with_key(values)), "{operator} {values:?}");
        }
    }
}

#[test]
fn doubt_does_not_outweigh_a_condition_that_fails() {
    let block = r#"{"NumericEquals":{"k:k":"1"},"StringEquals":{"k:l":"x"}}"#;
    let mut context = with_key(&["?"]);
    assert!(!denies(block, &context));
    context.set("k:l", "x");
    assert!(denies(block, &context));
}

#[test]
fn variables_act_in_values_and_stay_literal() {
    let mut context = with_key(&["a*"]);
    context.set("aws:username", "a*");
    for operator in ["StringEquals", "StringLike", "StringEqualsIgnoreCase"] {
        let block = format!(r#"{{"{operator}":{{"k:k":"${{AWS:username}}"}}}}"#);
        assert!(allows(&block, &context));
        let mut other = context.clone();
        other.set("k:k", "ab");
        assert!(!allows(&block, &other), "{operator}");
    }
    context.set("k:k", "arn:aws:iam::1:user/a*");
    assert!(allows(
        r#"{"ArnLike":{"k:k":"arn:aws:iam::1:user/${aws:username}"}}"#,
        &context
    ));
    context.set("k:k", "true").set("k:flag", "TRUE");
    assert!(allows(r#"{"Bool":{"k:k":"${k:flag}"}}"#, &context));
}

#[test]
fn a_variable_without_value_fails_positive_and_passes_negated_operators() {
    let context = with_key(&["x"]);
    assert!(!allows(r#"{"StringEquals":{"k:k":"${k:none}"}}"#, &context));
    assert!(!allows(r#"{"StringLike":{"k:k":"*${k:none}"}}"#, &context));
    assert!(allows(
        r#"{"StringNotEquals":{"k:k":"${k:none}"}}"#,
        &context
    ));
    assert!(allows(
        r#"{"StringEquals":{"k:k":"${k:none, 'x'}"}}"#,
        &context
    ));
    let mut many = context.clone();
    many.set("k:none", ["x", "y"]);
    assert!(!allows(
        r#"{"StringEquals":{"k:k":"${k:none, 'x'}"}}"#,
        &many
    ));
}
