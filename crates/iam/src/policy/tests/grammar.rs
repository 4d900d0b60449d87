//! Documents that are refused, each with the pointer of what is wrong, and warnings about those that are not.

use proptest::prelude::*;

use super::*;
use crate::fuzz;

fn problems(json: &str, kind: PolicyKind) -> Vec<String> {
    match PolicyDocument::parse(json, kind) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|p| p.pointer).collect(),
    }
}

/// A document around one statement's members.
fn with(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{{members}}}}}"#)
}

const ALLOW_ALL: &str = r#""Effect":"Allow","Action":"*","Resource":"*""#;

#[test]
fn accepts_what_aws_documents() {
    for json in [
        with(ALLOW_ALL),
        format!(r#"{{"Statement":[{{{ALLOW_ALL}}}]}}"#),
        format!(r#"{{"Version":"2008-10-17","Id":"x","Statement":[{{"Sid":"A1",{ALLOW_ALL}}}]}}"#),
        with(r#""Effect":"Deny","NotAction":["rds-db:connect","tollgate:*"],"NotResource":["*"]"#),
        with(
            r#""Effect":"Allow","Action":"rds-db:connect","Resource":"arn:aws:rds-db:*:*:dbuser:*/${aws:username}""#,
        ),
        with(r#""Effect":"Allow","Action":"rds-db:connect","Resource":"arn:aws:rds-db:*""#),
        with(r#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{}"#),
        with(
            r#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"NumericLessThan":{"a:b":[3600,"1.5"]},"Bool":{"a:c":true}}"#,
        ),
        with(
            r#""Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringLike":{"a:b":"${aws:PrincipalTag/team, 'a}:*b'}*"}}"#,
        ),
        with(r#""Sid":"","Effect":"Allow","Action":"a:b","Resource":"*""#),
    ] {
        assert_eq!(problems(&json, PolicyKind::Identity), [""; 0], "{json}");
    }
}

#[test]
fn refuses_each_wrong_element_with_its_pointer() {
    for (json, pointer) in [
        (String::new(), ""),
        ("nonsense".to_owned(), ""),
        ("[]".to_owned(), ""),
        (format!("{} x", with(ALLOW_ALL)), ""),
        ("{}".to_owned(), "/Statement"),
        (r#"{"Statement":[]}"#.to_owned(), "/Statement"),
        (r#"{"Statement":[1]}"#.to_owned(), "/Statement/0"),
        (r#"{"Statement":"x"}"#.to_owned(), "/Statement"),
        (
            format!(r#"{{"Version":"2012-10-18","Statement":{{{ALLOW_ALL}}}}}"#),
            "/Version",
        ),
        (
            format!(r#"{{"Version":2012,"Statement":{{{ALLOW_ALL}}}}}"#),
            "/Version",
        ),
        (format!(r#"{{"Id":1,"Statement":{{{ALLOW_ALL}}}}}"#), "/Id"),
        (
            format!(r#"{{"version":"2012-10-17","Statement":{{{ALLOW_ALL}}}}}"#),
            "/version",
        ),
        (
            format!(r#"{{"a~/b":1,"Statement":{{{ALLOW_ALL}}}}}"#),
            "/a~0~1b",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"Extra":1"#)),
            "/Statement/Extra",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"Sid":"a b""#)),
            "/Statement/Sid",
        ),
        (with(&format!(r#"{ALLOW_ALL},"Sid":1"#)), "/Statement/Sid"),
        (with(r#""Action":"*","Resource":"*""#), "/Statement/Effect"),
        (
            with(r#""Effect":"allow","Action":"*","Resource":"*""#),
            "/Statement/Effect",
        ),
        (
            with(r#""Effect":"Allow","Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"NotAction":"a:b""#)),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":[],"Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":["a:b",1],"Resource":"*""#),
            "/Statement/Action/1",
        ),
        (
            with(r#""Effect":"Allow","Action":"connect","Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":"rds*:connect","Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":"rds-db: connect","Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":"rds-db:","Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":"a:${b}","Resource":"*""#),
            "/Statement/Action",
        ),
        (
            with(r#""Effect":"Allow","Action":"*""#),
            "/Statement/Resource",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"NotResource":"*""#)),
            "/Statement/Resource",
        ),
        (
            with(r#""Effect":"Allow","Action":"*","Resource":"orders""#),
            "/Statement/Resource",
        ),
        (
            with(r#""Effect":"Allow","Action":"*","Resource":["*","arn:aws:rds-db:r:a"]"#),
            "/Statement/Resource/1",
        ),
        (
            with(
                r#""Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:${aws:x}:1:dbuser:*""#,
            ),
            "/Statement/Resource",
        ),
        (
            with(r#""Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:r:1:dbuser:${aws:x""#),
            "/Statement/Resource",
        ),
        (
            with(r#""Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:r:1:dbuser:${}""#),
            "/Statement/Resource",
        ),
        (
            with(
                r#""Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:r:1:dbuser:${aws:x, y}""#,
            ),
            "/Statement/Resource",
        ),
        (
            with(
                r#""Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:r:1:dbuser:${aws:${x}}""#,
            ),
            "/Statement/Resource",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"Principal":"*""#)),
            "/Statement/Principal",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"NotPrincipal":"*""#)),
            "/Statement/NotPrincipal",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"Condition":[]"#)),
            "/Statement/Condition",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringIs":{{"a:b":"c"}}}}"#
            )),
            "/Statement/Condition/StringIs",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"NullIfExists":{{"a:b":"true"}}}}"#
            )),
            "/Statement/Condition/NullIfExists",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"ForAnyValue:Null":{{"a:b":"true"}}}}"#
            )),
            "/Statement/Condition/ForAnyValue:Null",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":"x"}}"#
            )),
            "/Statement/Condition/StringEquals",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{}}}}"#
            )),
            "/Statement/Condition/StringEquals",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"a":"b"}}}}"#
            )),
            "/Statement/Condition/StringEquals/a",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"a:b":[]}}}}"#
            )),
            "/Statement/Condition/StringEquals/a:b",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"a:b":[null]}}}}"#
            )),
            "/Statement/Condition/StringEquals/a:b/0",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"a:b":{{}}}}}}"#
            )),
            "/Statement/Condition/StringEquals/a:b",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"a:b":"1","A:B":"2"}}}}"#
            )),
            "/Statement/Condition/StringEquals/A:B",
        ),
    ] {
        assert_eq!(problems(&json, PolicyKind::Identity), [pointer], "{json}");
    }
}

#[test]
fn refuses_condition_values_of_the_wrong_type() {
    for (operator, value) in [
        ("NumericEquals", r#""x""#),
        ("NumericLessThan", r#""1e3""#),
        ("NumericLessThan", r#""${aws:x}""#),
        ("DateLessThan", r#""tomorrow""#),
        ("Bool", r#""yes""#),
        ("Bool", "1"),
        ("Null", r#""maybe""#),
        ("BinaryEquals", r#""?""#),
        ("IpAddress", r#""10.0.0.0/33""#),
        ("NotIpAddress", r#""localhost""#),
        ("ArnLike", r#""orders""#),
        ("ArnEquals", r#""arn:aws:iam::1""#),
        ("StringLike", r#""${aws:x""#),
    ] {
        let json = with(&format!(
            r#"{ALLOW_ALL},"Condition":{{"{operator}":{{"a:b":{value}}}}}"#
        ));
        let pointer = format!("/Statement/Condition/{operator}/a:b");
        assert_eq!(problems(&json, PolicyKind::Identity), [pointer], "{json}");
    }
}

#[test]
fn refuses_repeated_keys_everywhere() {
    for (json, pointer) in [
        (
            format!(r#"{{"Statement":{{{ALLOW_ALL}}},"Statement":{{{ALLOW_ALL}}}}}"#),
            "/Statement",
        ),
        (
            with(&format!(r#"{ALLOW_ALL},"Effect":"Deny""#)),
            "/Statement/Effect",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"Bool":{{"a:b":true}},"Bool":{{"a:b":true}}}}"#
            )),
            "/Statement/Condition/Bool",
        ),
        (
            with(&format!(
                r#"{ALLOW_ALL},"Condition":{{"Bool":{{"a:b":true,"a:b":true}}}}"#
            )),
            "/Statement/Condition/Bool/a:b",
        ),
    ] {
        assert_eq!(problems(&json, PolicyKind::Identity), [pointer], "{json}");
    }
}

#[test]
fn reports_every_problem_at_once() {
    let json = r#"{"Version":"1","Statement":[{"Effect":"x","Action":"y"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"z"}]}"#;
    assert_eq!(
        problems(json, PolicyKind::Identity),
        [
            "/Version",
            "/Statement/0/Effect",
            "/Statement/0/Action",
            "/Statement/0/Resource",
            "/Statement/2/Sid",
            "/Statement/2/Resource"
        ]
    );
}

#[test]
fn trust_policies_have_principals_and_no_resources() {
    let role = r#""Effect":"Allow","Action":"sts:AssumeRole""#;
    for good in [
        format!(r#"{role},"Principal":{{"AWS":"arn:aws:iam::1:user/a"}}"#),
        format!(r#"{role},"Principal":{{"AWS":["1","2"],"Federated":"idp"}}"#),
        format!(
            r#"{role},"Principal":"*","Condition":{{"StringEquals":{{"sts:ExternalId":"x"}}}}"#
        ),
        r#""Effect":"Deny","Action":"sts:AssumeRole","Principal":"*""#.to_owned(),
    ] {
        assert_eq!(problems(&with(&good), PolicyKind::Trust), [""; 0], "{good}");
    }
    for (bad, pointer) in [
        (role.to_owned(), "/Statement/Principal"),
        (format!(r#"{role},"Principal":"*""#), "/Statement/Principal"),
        (
            format!(r#"{role},"Principal":{{"AWS":"*"}}"#),
            "/Statement/Principal",
        ),
        (
            format!(r#"{role},"Principal":{{}}"#),
            "/Statement/Principal",
        ),
        (
            format!(r#"{role},"Principal":"me""#),
            "/Statement/Principal",
        ),
        (
            format!(r#"{role},"Principal":{{"User":"a"}}"#),
            "/Statement/Principal/User",
        ),
        (
            format!(r#"{role},"Principal":{{"AWS":"a"}},"Resource":"*""#),
            "/Statement/Resource",
        ),
        (
            format!(r#"{role},"Principal":{{"AWS":"a"}},"NotPrincipal":"*""#),
            "/Statement/NotPrincipal",
        ),
    ] {
        assert_eq!(problems(&with(&bad), PolicyKind::Trust), [pointer], "{bad}");
    }
}

#[test]
fn size_counts_all_but_white_space() {
    let sized = |extra: usize, pad: usize| {
        let base = with(ALLOW_ALL);
        let sid = format!(r#","Sid":"{}"}}}}"#, "a".repeat(extra));
        format!("{}{}{}", base.trim_end_matches("}}"), " ".repeat(pad), sid)
    };
    for (kind, limit) in [
        (PolicyKind::Identity, 6_144),
        (PolicyKind::Boundary, 6_144),
        (PolicyKind::SessionPolicy, 2_048),
    ] {
        let extra = limit - sized(0, 0).len();
        assert_eq!(problems(&sized(extra, 5_000), kind), [""; 0]);
        assert_eq!(problems(&sized(extra + 1, 0), kind), [""]);
    }
    assert_eq!(problems(&sized(1, 70_000), PolicyKind::Identity), [""]);
}

#[test]
fn keeps_its_text_and_reads_back() {
    let json = " {\n \"Version\" : \"2012-10-17\", \"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}\n";
    let document = policy(json);
    assert_eq!(document.as_json(), json);
    let stored = serde_json::to_string(&document).unwrap();
    let back: PolicyDocument = serde_json::from_str(&stored).unwrap();
    assert_eq!(back, document);
    assert_eq!(back.kind(), PolicyKind::Identity);
    assert!(serde_json::from_str::<PolicyDocument>(r#"{"kind":"identity","json":"{}"}"#).is_err());
}

#[test]
fn warns_about_what_is_probably_not_meant() {
    use FindingCode as F;
    let prx = "arn:aws:rds-db:r:1:dbuser:prx-1";
    let connect = r#""Effect":"Allow","Action":"rds-db:connect""#;
    for (members, codes) in [
        (ALLOW_ALL.to_owned(), vec![]),
        (format!(r#"{connect},"Resource":"{prx}/app""#), vec![]),
        (
            format!(r#"{connect},"Resource":"{prx}/*""#),
            vec![F::WildcardUser],
        ),
        (
            format!(r#"{connect},"Resource":"arn:aws:rds-db:r:1:dbuser:*/app""#),
            vec![],
        ),
        (
            format!(r#"{connect},"Resource":"arn:aws:rds-db:r:1:dbuser:db-XYZ/app""#),
            vec![F::NotAProxyId],
        ),
        (
            format!(r#"{connect},"Resource":"arn:aws:rds-db:r:1:dbuser:cluster-XYZ/app""#),
            vec![F::NotAProxyId],
        ),
        (
            format!(r#"{connect},"Resource":"arn:aws:rds-db:r:1:dbuser:orders/app""#),
            vec![F::NotAProxyId],
        ),
        (
            format!(r#"{connect},"Resource":"arn:aws:rds-db:*""#),
            vec![F::ShortArn],
        ),
        (
            r#""Effect":"Allow","NotAction":"a:b","Resource":"*""#.to_owned(),
            vec![F::AllowsAllButListedActions],
        ),
        (
            r#""Effect":"Deny","NotAction":"a:b","Resource":"*""#.to_owned(),
            vec![],
        ),
        (
            format!(r#"{connect},"NotResource":"{prx}/app""#),
            vec![F::AllowsAllButListedResources],
        ),
        (
            format!(r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"aws:UserName":"x"}}}}"#),
            vec![],
        ),
        (
            format!(r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"aws:UserNmae":"x"}}}}"#),
            vec![F::UnknownConditionKey],
        ),
        (
            format!(
                r#"{ALLOW_ALL},"Condition":{{"StringEquals":{{"idp.example.com:sub":"x","aws:PrincipalTag/team":"y"}}}}"#
            ),
            vec![],
        ),
        (
            format!(
                r#"{ALLOW_ALL},"Condition":{{"ForAllValues:StringEquals":{{"aws:PrincipalTag/t":"x"}}}}"#
            ),
            vec![F::ForAllWithoutNull],
        ),
        (
            format!(
                r#"{ALLOW_ALL},"Condition":{{"ForAllValues:StringEquals":{{"aws:PrincipalTag/t":"x"}},"Null":{{"aws:PrincipalTag/t":false}}}}"#
            ),
            vec![],
        ),
    ] {
        let found: Vec<F> = policy(&with(&members))
            .findings()
            .iter()
            .map(|f| f.code)
            .collect();
        assert_eq!(found, codes, "{members}");
    }
    let old = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:rds-db:r:1:dbuser:prx-1/${aws:username}"}}"#;
    let found = policy(old).findings().to_vec();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].code, found[0].pointer.as_str()),
        (F::InertVariable, "/Statement/Resource")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn survives_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz::fuzz_policy(&data);
    }

    #[test]
    fn survives_spliced_policies(
        start in 0..SEED.len(), length in 0_usize..40, splice in "[\\PC]{0,12}",
    ) {
        let mut bytes = SEED.as_bytes().to_vec();
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, splice.into_bytes());
        fuzz::fuzz_policy(&bytes);
    }
}

const SEED: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":["rds-db:con*"],"Resource":"arn:aws:rds-db:*:*:dbuser:prx-?/${aws:username, 'x'}*","Condition":{"ForAnyValue:StringLike":{"aws:PrincipalTag/team":["a*","${*}"]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"NumericLessThanIfExists":{"a:b":5}}},{"Effect":"Deny","NotAction":"x:y","NotResource":"arn:aws:*"}]}"#;

#[test]
fn the_fuzz_seed_is_valid_and_decides() {
    let mut context = Context::new();
    context
        .set("aws:username", "app")
        .set("aws:SourceIp", "10.1.1.1")
        .set("aws:PrincipalTag/team", ["b", "ab"]);
    let resource = "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-1/apple";
    assert_eq!(
        decide(SEED, "rds-db:connect", resource, &context),
        Outcome::Allow
    );
    let foreign = "arn:other:rds-db:us-east-1:000000000000:dbuser:prx-1/apple";
    assert_eq!(
        decide(SEED, "rds-db:connect", foreign, &context),
        Outcome::ExplicitDeny
    );
}
