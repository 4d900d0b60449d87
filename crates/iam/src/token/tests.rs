//! Login tokens against published vectors, other signers' output, and every kind of alteration.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    reason = "an overflow fails the test, and tables of cases are longer than functions should be"
)]

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::percent::encode;
use crate::{amz_date, fuzz};

const EXAMPLE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const IDENTITY: (&str, &str) = ("AKIDEXAMPLE", "s");
const STS_TOKEN: &str =
    "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQDtok+en=/with+chars==";

/// One published or recomputed token.
struct Vector {
    keys: (&'static str, &'static str),
    session: Option<&'static str>,
    region: &'static str,
    date: &'static str,
    host: &'static str,
    port: u16,
    user: &'static str,
    signature: &'static str,
}

#[rustfmt::skip]
const VECTORS: &[Vector] = &[
    // Published by paws for R, a .NET signer, a Java MySQL test and Kong's Lua library.
    Vector { keys: ("AKIA", "SECRET"), session: Some("SESSION"), region: "us-west-2", date: "20250101T000001Z", host: "prod-instance.us-east-1.rds.amazonaws.com", port: 3306, user: "mysqlUser", signature: "4e4ce10c7b3710decae757df60ba2519348dcb4db802f15646dce1bf5e17c3ed" },
    Vector { keys: ("AKIA", "SECRET"), session: None, region: "us-west-2", date: "20250101T000001Z", host: "prod-instance.us-east-1.rds.amazonaws.com", port: 3306, user: "mysqlUser", signature: "b07cbca21d46233afb7431adc8f505de3e209a5be43d160a64f68a9ede4a4a3f" },
    Vector { keys: ("AKIA", "SECRET"), session: Some("SESSION"), region: "us-east-2", date: "20250101T000001Z", host: "XXXXX.US-EAST-2.RDS.AMAZONAWS.COM", port: 3306, user: "user1", signature: "c57093ec8c5c9a668ceab511fe2d72df1794936673fec2418744f71496eed913" },
    Vector { keys: ("carbon", EXAMPLE_SECRET), session: None, region: "us-east-1", date: "20160101T000000Z", host: "carbon.db", port: 3010, user: "carbon", signature: "7c7f54b5f2ae7de227c96b59680f1a443562785addb8c62c0f674b052c3ebfae" },
    Vector { keys: ("ABC", "DEF"), session: Some("GHI"), region: "eu-west-1", date: "20211012T121314Z", host: "cp-ke-test-fake-db.cluster-c3u8jposmdov.eu-west-1.rds.amazonaws.com", port: 3306, user: "null", signature: "c51622f22daffcfaa6707878fb009853f3764ec02246dd2d0a2c9e0c1c6bad37" },
    Vector { keys: ("test_id", "test_key"), session: None, region: "us-east-1", date: "20221104T062611Z", host: "test_database.test_cluster.us-east-1.rds.amazonaws.com", port: 443, user: "test_user", signature: "ff72d46f1937c1f5917f69d694929ca814b781619b8d730451c7ffef050059b0" },
    // Recomputed with boto3; the last two are the AWS SDKs' own (Rust; Java v2 and the CLI).
    Vector { keys: ("AKIDEXAMPLE", EXAMPLE_SECRET), session: None, region: "us-east-1", date: "20150830T123600Z", host: "app-proxy.proxy-abcdefghijkl.us-east-1.rds.amazonaws.com", port: 3306, user: "app_user", signature: "6fa68404cce5d0108cf23ac6fe3f6b73055773f1af43fc4ed543e0f3667b0c20" },
    Vector { keys: ("ASIAQNZGKIQY56JQ7WML", "uJp3gTz9xq+R/0aBcDeFgHiJkLmNoPqRsTuVwXyZ"), session: Some(STS_TOKEN), region: "eu-west-1", date: "20260102T030405Z", host: "my-proxy.proxy-0123456789ab.eu-west-1.rds.amazonaws.com", port: 5432, user: "jane_doe", signature: "6ca2790afc51da2988f2062049c52df3562211b7812359851762b7e2e7a0da99" },
    Vector { keys: ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), session: None, region: "us-west-2", date: "20260228T235959Z", host: "127.0.0.1", port: 15432, user: "svc user+tést@corp.example", signature: "cb7446e06552af6da1208afd55393d1c609a8973432c8285ff85519f3940f5d6" },
    Vector { keys: ("akid", "secret"), session: None, region: "us-east-1", date: "20240826T220000Z", host: "prod-instance.us-east-1.rds.amazonaws.com", port: 3306, user: "peccy", signature: "dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89" },
    Vector { keys: ("access_key", "secret_key"), session: None, region: "us-east-1", date: "20161107T173933Z", host: "host.us-east-1.amazonaws.com", port: 3306, user: "mySQLUser", signature: "87ab58107ef49f1c311a412f98b7f976b0b5152ffb559f0d36c6c9a0c5e0e362" },
    // Default ports and mixed case, where signers disagree about the signed host.
    Vector { keys: IDENTITY, session: None, region: "us-east-1", date: "20240827T000000Z", host: "h.example.com", port: 443, user: "u", signature: "2ba635aafb9cdeee11f8c18ed9e3ff9060b99f788c0ebe61a47d517383a217b0" },
    Vector { keys: IDENTITY, session: None, region: "us-east-1", date: "20240827T000000Z", host: "h.example.com", port: 80, user: "u", signature: "4c0fe8906b8c4cccbc85bbd71465a99c7b924fe01c2f695ec15e6d1252d35ae7" },
    Vector { keys: IDENTITY, session: None, region: "us-east-1", date: "20240827T000000Z", host: "H.Example.COM", port: 5432, user: "u", signature: "79e93834cfd55a4ad464e1de35ffa1c66ad5c19f2ba1206da63ea08d46465ac5" },
];

impl Vector {
    fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let credential = format!(
            "{}/{}/{}/rds-db/aws4_request",
            self.keys.0,
            &self.date[..8],
            self.region
        );
        let mut params = vec![
            ("Action", "connect".to_owned()),
            ("DBUser", self.user.to_owned()),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", credential),
            ("X-Amz-Date", self.date.to_owned()),
            ("X-Amz-Expires", "900".to_owned()),
            ("X-Amz-SignedHeaders", "host".to_owned()),
        ];
        if let Some(session) = self.session {
            params.push(("X-Amz-Security-Token", session.to_owned()));
        }
        params.push(("X-Amz-Signature", self.signature.to_owned()));
        params
    }

    fn token(&self) -> String {
        text(&format!("{}/", self.authority()), &self.params())
    }

    fn now(&self) -> i64 {
        amz_date::parse(self.date).unwrap() + 1
    }

    fn key(&self) -> SigningKey {
        SigningKey::derive(self.keys.1, &self.date[..8], self.region, SERVICE)
    }

    fn endpoints(&self) -> Vec<Authority> {
        vec![
            authority("other.example.com", 1),
            authority(&self.host.to_uppercase(), self.port),
        ]
    }

    /// All three checks, as a server does them.
    fn check(&self, token: &str) -> Result<(), Rejection> {
        let token = Token::parse(token)?;
        token.check_claims(&Expected {
            endpoints: &self.endpoints(),
            db_user: self.user,
            region: self.region,
            now_unix: self.now(),
        })?;
        token.check_signature(&self.key())
    }
}

fn authority(host: &str, port: u16) -> Authority {
    Authority {
        host: host.to_owned(),
        port,
    }
}

fn text<N: AsRef<str>>(left: &str, params: &[(N, String)]) -> String {
    let pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{}={}", name.as_ref(), encode(value)))
        .collect();
    format!("{left}?{}", pairs.join("&"))
}

/// Signs with the AWS SDK's signer, `Expires` being free: an independent source of tokens.
fn sdk_token(vector: &Vector, user: &str, expires: u64) -> String {
    let identity: Identity = Credentials::new(
        vector.keys.0,
        vector.keys.1,
        vector.session.map(ToOwned::to_owned),
        None,
        "test",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(expires));
    let seconds = u64::try_from(amz_date::parse(vector.date).unwrap()).unwrap();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(vector.region)
        .name(SERVICE)
        .time(UNIX_EPOCH + Duration::from_secs(seconds))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let left = format!(
        "{}/?Action=connect&DBUser={}",
        vector.authority(),
        encode(user)
    );
    let url = format!("https://{left}");
    let request = SignableRequest::new("GET", &url, std::iter::empty(), SignableBody::Bytes(&[]));
    let signed = sign(request.unwrap(), &params).unwrap().into_parts().0;
    let mut out = left;
    for (name, value) in signed.into_parts().1 {
        out.push_str(&["&", name, "=", &encode(&value)].concat());
    }
    out
}

/// The first vector without session token, for tests that alter one thing.
fn plain() -> &'static Vector {
    &VECTORS[6]
}

#[test]
fn accepts_every_vector_in_both_shapes() {
    for vector in VECTORS {
        let token = vector.token();
        assert_eq!(vector.check(&token), Ok(()), "{token}");
        assert_eq!(
            vector.check(&token.replacen("/?", "?", 1)),
            Ok(()),
            "{token}"
        );
        assert_eq!(vector.check(&format!("https://{token}")), Ok(()), "{token}");
    }
}

#[test]
fn accepts_every_rotation_and_reversal_of_the_parameters() {
    for vector in VECTORS {
        let mut params = vector.params();
        let left = vector.authority();
        for _ in 0..params.len() {
            params.rotate_right(1);
            assert_eq!(vector.check(&text(&left, &params)), Ok(()));
            let reversed: Vec<_> = params.iter().cloned().rev().collect();
            assert_eq!(vector.check(&text(&left, &reversed)), Ok(()));
        }
    }
}

#[test]
fn accepts_lower_case_escapes() {
    for vector in VECTORS {
        let token = vector.token();
        let lower = token
            .replace("%2F", "%2f")
            .replace("%2B", "%2b")
            .replace("%C3%A9", "%c3%a9")
            .replace("%3D", "%3d");
        assert_ne!(lower, token);
        assert_eq!(vector.check(&lower), Ok(()));
    }
}

#[test]
fn canonical_requests_hash_to_the_published_values() {
    for (vector, expected) in VECTORS[6..9].iter().zip([
        "c25722ed22a9976f4d3435bb39450d79458714803d777a019b837ddf9e1851a1",
        "4e251f911c6b3411fd6ee050b66fb87dfd516beebba42af8e776695a79f451f3",
        "db241845e9884bdef29f924f10e5232f484c8909b48730d37a2f7bf7fdf4c252",
    ]) {
        let canonical = Token::parse(&vector.token())
            .unwrap()
            .canonical_request(&vector.authority());
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
        assert_eq!(hex::encode(hash), expected);
    }
}

#[test]
fn minted_tokens_equal_the_vectors() {
    // Kong's signer keeps :443 in the signed host where boto3 leaves it out, so that one differs.
    for vector in VECTORS.iter().filter(|v| v.keys.0 != "test_id") {
        let minted = mint(&MintRequest {
            access_key_id: vector.keys.0,
            secret_access_key: vector.keys.1,
            session_token: vector.session,
            region: vector.region,
            host: vector.host,
            port: vector.port,
            db_user: vector.user,
            now_unix: amz_date::parse(vector.date).unwrap(),
        });
        assert_eq!(minted, vector.token());
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct BotoToken {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
    host: String,
    port: u16,
    db_user: String,
    now_unix: i64,
    token: String,
}

#[test]
fn minted_tokens_are_byte_identical_to_boto3() {
    let fixture = include_str!("../../fixtures/boto3-tokens.json");
    let tokens: Vec<BotoToken> = serde_json::from_str(fixture).unwrap();
    assert_eq!(tokens.len(), 60);
    for boto in tokens {
        let minted = mint(&MintRequest {
            access_key_id: &boto.access_key_id,
            secret_access_key: &boto.secret_access_key,
            session_token: boto.session_token.as_deref(),
            region: &boto.region,
            host: &boto.host,
            port: boto.port,
            db_user: &boto.db_user,
            now_unix: boto.now_unix,
        });
        assert_eq!(minted, boto.token);
        let token = Token::parse(&boto.token).unwrap();
        let key = SigningKey::derive(
            &boto.secret_access_key,
            token.date(),
            token.region(),
            SERVICE,
        );
        assert_eq!(token.check_signature(&key), Ok(()));
        let expected = Expected {
            endpoints: &[authority(&boto.host, boto.port)],
            db_user: &boto.db_user,
            region: &boto.region,
            now_unix: boto.now_unix,
        };
        assert_eq!(token.check_claims(&expected), Ok(()));
    }
}

#[test]
fn a_shorter_life_is_kept_and_a_longer_one_refused() {
    let vector = plain();
    for (expires, life) in [(1, 1), (450, 450), (899, 899), (900, 900), (9000, 900)] {
        let token = Token::parse(&sdk_token(vector, vector.user, expires)).unwrap();
        assert_eq!(token.check_signature(&vector.key()), Ok(()));
        assert_eq!(token.expires_at() - token.issued_at(), life);
    }
    let re_signed = sdk_token(vector, vector.user, 9000);
    assert_eq!(vector.check(&re_signed), Err(Rejection::ExpiresTooLong));
}

/// A change to the plain vector and the reason it must give.
fn altered(name: &str, value: &str) -> Result<(), Rejection> {
    let mut params = plain().params();
    match params.iter_mut().find(|(known, _)| *known == name) {
        Some((_, slot)) => value.clone_into(slot),
        None => panic!("no parameter {name}"),
    }
    plain().check(&text(&plain().authority(), &params))
}

#[test]
fn each_altered_parameter_gives_its_exact_reason() {
    use Rejection::{
        Expired, ExpiresTooLong, Malformed, NotYetValid, SignatureMismatch, UserMismatch,
        WrongAction, WrongAlgorithm, WrongRegion, WrongService,
    };
    let scope = |text: &str| format!("AKIDEXAMPLE/{text}");
    for (name, value, reason) in [
        ("Action", "Connect".to_owned(), WrongAction),
        ("Action", String::new(), Malformed),
        ("DBUser", "admin".to_owned(), UserMismatch),
        ("DBUser", "APP_USER".to_owned(), UserMismatch),
        ("DBUser", "app_user ".to_owned(), UserMismatch),
        ("DBUser", String::new(), Malformed),
        (
            "X-Amz-Algorithm",
            "AWS4-HMAC-SHA1".to_owned(),
            WrongAlgorithm,
        ),
        (
            "X-Amz-Credential",
            scope("20150830/us-east-1/rds/aws4_request"),
            WrongService,
        ),
        (
            "X-Amz-Credential",
            scope("20150830/us-east-2/rds-db/aws4_request"),
            WrongRegion,
        ),
        (
            "X-Amz-Credential",
            scope("20150831/us-east-1/rds-db/aws4_request"),
            Malformed,
        ),
        (
            "X-Amz-Credential",
            scope("20150830/us-east-1/rds-db/aws3_request"),
            Malformed,
        ),
        (
            "X-Amz-Credential",
            scope("20150830/us-east-1/rds-db"),
            Malformed,
        ),
        (
            "X-Amz-Credential",
            scope("20150830/us-east-1/rds-db/aws4_request/x"),
            Malformed,
        ),
        (
            "X-Amz-Credential",
            "A\nB/20150830/us-east-1/rds-db/aws4_request".to_owned(),
            Malformed,
        ),
        (
            "X-Amz-Credential",
            "/20150830/us-east-1/rds-db/aws4_request".to_owned(),
            Malformed,
        ),
        (
            "X-Amz-Credential",
            "OTHER/20150830/us-east-1/rds-db/aws4_request".to_owned(),
            SignatureMismatch,
        ),
        (
            "X-Amz-Date",
            "20150830T123601Z".to_owned(),
            SignatureMismatch,
        ),
        ("X-Amz-Date", "20150830T122000Z".to_owned(), Expired),
        ("X-Amz-Date", "20150830T124102Z".to_owned(), NotYetValid),
        ("X-Amz-Date", "20150830T246000Z".to_owned(), Malformed),
        ("X-Amz-Date", "2015-08-30T12:36:00Z".to_owned(), Malformed),
        ("X-Amz-Expires", "899".to_owned(), SignatureMismatch),
        ("X-Amz-Expires", "901".to_owned(), ExpiresTooLong),
        (
            "X-Amz-Expires",
            "99999999999999999999".to_owned(),
            ExpiresTooLong,
        ),
        ("X-Amz-Expires", "0".to_owned(), Malformed),
        ("X-Amz-Expires", "0900".to_owned(), Malformed),
        ("X-Amz-Expires", "-1".to_owned(), Malformed),
        ("X-Amz-Expires", "9e2".to_owned(), Malformed),
        ("X-Amz-SignedHeaders", "host;x-evil".to_owned(), Malformed),
        (
            "X-Amz-Signature",
            plain().signature.to_uppercase(),
            Malformed,
        ),
        (
            "X-Amz-Signature",
            plain().signature[1..].to_owned(),
            Malformed,
        ),
        (
            "X-Amz-Signature",
            plain().signature.replacen('6', "7", 1),
            SignatureMismatch,
        ),
    ] {
        assert_eq!(altered(name, &value), Err(reason), "{name}={value}");
    }
}

#[test]
fn each_missing_parameter_is_malformed() {
    for at in 0..plain().params().len() {
        let mut params = plain().params();
        let (name, _) = params.remove(at);
        let token = text(&plain().authority(), &params);
        assert_eq!(plain().check(&token), Err(Rejection::Malformed), "{name}");
    }
}

#[test]
fn repeated_parameters_are_refused_in_any_case_and_order() {
    for (name, value) in plain().params() {
        for twin in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            for at in [0, plain().params().len()] {
                let mut params: Vec<(String, String)> = Vec::new();
                params.extend(plain().params().into_iter().map(|(n, v)| (n.to_owned(), v)));
                params.insert(at, (twin.clone(), value.clone()));
                let token = text(&plain().authority(), &params);
                assert_eq!(
                    plain().check(&token),
                    Err(Rejection::DuplicateParam),
                    "{twin}"
                );
            }
        }
    }
}

#[test]
fn unknown_and_wrongly_cased_parameters_are_refused() {
    for extra in [
        "x=1",
        "X-Amz-Content-Sha256=x",
        "X-Amz-User-Agent=aws-sdk-js",
        "=",
        "DBName=app",
    ] {
        let token = format!("{}&{extra}", plain().token());
        assert_eq!(
            plain().check(&token),
            Err(Rejection::UnknownParam),
            "{extra}"
        );
    }
    let cased = plain().token().replace("DBUser=", "dbuser=");
    assert_eq!(plain().check(&cased), Err(Rejection::UnknownParam));
    let many = format!(
        "{}&{}",
        plain().token(),
        (0..999)
            .map(|n| format!("p{n}="))
            .collect::<Vec<_>>()
            .join("&")
    );
    assert_eq!(plain().check(&many), Err(Rejection::UnknownParam));
}

#[test]
fn the_left_part_must_be_one_of_our_endpoints_with_its_port() {
    use Rejection::{HostMismatch, HostPortMissing, Malformed};
    let query = plain().token().split_once('?').unwrap().1.to_owned();
    let host = plain().host;
    for (left, reason) in [
        (host.to_owned(), HostPortMissing),
        (format!("{host}/"), HostPortMissing),
        (format!("{host}:"), HostPortMissing),
        ("[::1]".to_owned(), HostPortMissing),
        (format!("{host}:3307"), HostMismatch),
        ("other.example.com:3306".to_owned(), HostMismatch),
        ("127.0.0.1:3306".to_owned(), HostMismatch),
        ("[::1]:3306".to_owned(), HostMismatch),
        (format!("{host}:03306"), Malformed),
        (format!("{host}:0"), Malformed),
        (format!("{host}:65536"), Malformed),
        (format!("{host}:33x"), Malformed),
        (format!("{host}:+306"), Malformed),
        (":3306".to_owned(), Malformed),
        (String::new(), Malformed),
        ("::1:3306".to_owned(), Malformed),
        ("[]:3306".to_owned(), Malformed),
        ("[::1".to_owned(), Malformed),
        ("[::1]3306".to_owned(), Malformed),
        (format!("user@{host}:3306"), Malformed),
        (format!("http://{host}:3306"), Malformed),
        (format!("{host}:3306/db"), Malformed),
        (format!("{host}:3306//"), Malformed),
        (format!("{}:3306", "a".repeat(256)), Malformed),
    ] {
        assert_eq!(
            plain().check(&format!("{left}?{query}")),
            Err(reason),
            "{left}"
        );
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let token = plain().token();
    for bad in [
        String::new(),
        "secret-password".to_owned(),
        "?".to_owned(),
        plain().authority(),
        format!("{token}#x"),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token}&"),
        format!("{token}&x"),
        token.replace("app_user", "app%"),
        token.replace("app_user", "app%zz"),
        token.replace("app_user", "app%ff"),
        token.replace("app_user", "tést"),
        format!(
            "{token}&X-Amz-Security-Token={}",
            "x".repeat(TOKEN_LENGTH_MAX)
        ),
        format!("{token}&X-Amz-Security-Token="),
    ] {
        assert_eq!(plain().check(&bad), Err(Rejection::Malformed), "{bad:.80}");
    }
}

#[test]
fn a_long_session_token_fits() {
    let session = "s".repeat(12_000);
    let minted = mint(&MintRequest {
        access_key_id: "ASIAX",
        secret_access_key: "s",
        session_token: Some(&session),
        region: "us-east-1",
        host: "h",
        port: 5432,
        db_user: "u",
        now_unix: 0,
    });
    let token = Token::parse(&minted).unwrap();
    assert_eq!(token.session_token(), Some(session.as_str()));
    let key = SigningKey::derive("s", "19700101", "us-east-1", SERVICE);
    assert_eq!(token.check_signature(&key), Ok(()));
}

#[test]
fn time_is_checked_to_the_second() {
    let vector = plain();
    let token = Token::parse(&vector.token()).unwrap();
    let issued = amz_date::parse(vector.date).unwrap();
    for (now, outcome) in [
        (issued - 301, Err(Rejection::NotYetValid)),
        (issued - 300, Ok(())),
        (issued, Ok(())),
        (issued + 899, Ok(())),
        (issued + 900, Err(Rejection::Expired)),
        (i64::MAX, Err(Rejection::Expired)),
        (i64::MIN, Err(Rejection::NotYetValid)),
    ] {
        let expected = Expected {
            endpoints: &vector.endpoints(),
            db_user: vector.user,
            region: vector.region,
            now_unix: now,
        };
        assert_eq!(token.check_claims(&expected), outcome, "{now}");
    }
}

#[test]
fn endpoints_are_compared_without_case_trailing_dot_and_brackets() {
    for (ours, theirs, same) in [
        ("db.example.com", "DB.example.COM", true),
        ("db.example.com.", "db.example.com", true),
        ("db.example.com", "db.example.com.", true),
        ("db.example.com", "db.example.com..", false),
        ("::1", "[::1]", true),
        ("[::1]", "[::1]", true),
        ("db.example.com", "db.example.co", false),
    ] {
        let minted = mint(&MintRequest {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: "s",
            session_token: None,
            region: "r",
            host: theirs,
            port: 5432,
            db_user: "u",
            now_unix: 1_000,
        });
        let token = Token::parse(&minted).unwrap();
        let expected = Expected {
            endpoints: &[authority(ours, 5432)],
            db_user: "u",
            region: "r",
            now_unix: 1_000,
        };
        assert_eq!(
            token.check_claims(&expected).is_ok(),
            same,
            "{ours} {theirs}"
        );
    }
}

#[test]
fn session_tokens_go_with_temporary_keys_only() {
    let (with, without) = (
        Token::parse(&VECTORS[7].token()),
        Token::parse(&plain().token()),
    );
    let (with, without) = (with.unwrap(), without.unwrap());
    assert_eq!(with.check_key_kind(KeyKind::Session), Ok(()));
    assert_eq!(without.check_key_kind(KeyKind::LongTerm), Ok(()));
    assert_eq!(
        with.check_key_kind(KeyKind::LongTerm),
        Err(Rejection::SessionTokenInvalid)
    );
    assert_eq!(
        without.check_key_kind(KeyKind::Session),
        Err(Rejection::SessionTokenMissing)
    );
}

#[test]
fn a_dropped_or_foreign_session_token_breaks_the_signature() {
    let vector = &VECTORS[7];
    let mut params = vector.params();
    params.retain(|(name, _)| *name != "X-Amz-Security-Token");
    let dropped = text(&vector.authority(), &params);
    assert_eq!(vector.check(&dropped), Err(Rejection::SignatureMismatch));
    params.push(("X-Amz-Security-Token", "foreign".to_owned()));
    let foreign = text(&vector.authority(), &params);
    assert_eq!(vector.check(&foreign), Err(Rejection::SignatureMismatch));
}

#[test]
fn a_key_of_another_secret_day_region_or_service_does_not_verify() {
    let token = Token::parse(&plain().token()).unwrap();
    for key in [
        SigningKey::derive("other", "20150830", "us-east-1", SERVICE),
        SigningKey::derive(EXAMPLE_SECRET, "20150831", "us-east-1", SERVICE),
        SigningKey::derive(EXAMPLE_SECRET, "20150830", "us-east-2", SERVICE),
        SigningKey::derive(EXAMPLE_SECRET, "20150830", "us-east-1", "rds"),
        SigningKey::dummy(),
    ] {
        assert_eq!(
            token.check_signature(&key),
            Err(Rejection::SignatureMismatch)
        );
    }
}

#[test]
fn the_dummy_key_refuses_even_what_it_signed_itself() {
    let mut token = Token::parse(&plain().token()).unwrap();
    let canonical = token.canonical_request(&plain().authority());
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
    let string_to_sign = format!(
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/rds-db/aws4_request\n{}",
        hex::encode(hash)
    );
    token.signature = plain().key().sign(string_to_sign.as_bytes());
    assert_eq!(token.check_signature(&plain().key()), Ok(()));
    token.signature = SigningKey::dummy().sign(string_to_sign.as_bytes());
    assert_eq!(
        token.check_signature(&SigningKey::dummy()),
        Err(Rejection::SignatureMismatch)
    );
}

#[test]
fn a_host_signed_as_written_is_accepted() {
    // The JS SDK signs the host in the case it was given, port 443 included.
    for authority in ["H.Example.COM:5432", "H.Example.COM:443"] {
        let params = plain().params();
        let mut token = Token::parse(&text(authority, &params)).unwrap();
        let canonical = token.canonical_request(authority);
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, canonical.as_bytes());
        let string_to_sign = format!(
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/rds-db/aws4_request\n{}",
            hex::encode(hash)
        );
        token.signature = plain().key().sign(string_to_sign.as_bytes());
        assert_eq!(token.check_signature(&plain().key()), Ok(()));
    }
}

#[test]
fn signing_keys_are_derived_as_aws_documents() {
    // AWS General Reference, "Examples of how to derive a signing key".
    let key = SigningKey::derive(
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "20120215",
        "us-east-1",
        "iam",
    );
    let known = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";
    assert_eq!(key.to_hex().as_str(), known);
    assert_eq!(SigningKey::from_hex(known), Ok(key.clone()));
    assert_eq!(SigningKey::from_bytes(*key.as_bytes()), key);
    let json = serde_json::to_string(&key).unwrap();
    assert_eq!(json, format!("\"{known}\""));
    assert_eq!(serde_json::from_str::<SigningKey>(&json).unwrap(), key);
    assert!(serde_json::from_str::<SigningKey>("\"f4\"").is_err());
}

#[test]
fn nothing_secret_is_printed() {
    let vector = &VECTORS[7];
    let token = Token::parse(&vector.token()).unwrap();
    let shown = format!("{token:?}");
    assert!(shown.contains(vector.keys.0) && shown.contains(vector.date));
    assert!(!shown.contains("IQoJ") && !shown.contains(vector.signature));
    assert_eq!(format!("{:?}", vector.key()), "[redacted]");
    let request = MintRequest {
        access_key_id: "AKID",
        secret_access_key: "hidden-secret",
        session_token: Some("hidden-session"),
        region: "r",
        host: "h",
        port: 1,
        db_user: "u",
        now_unix: 0,
    };
    assert!(!format!("{request:?}").contains("hidden"));
}

#[test]
fn every_reason_has_its_own_code_and_reads_back() {
    let mut codes: Vec<&str> = Rejection::ALL.iter().map(Rejection::code).collect();
    for reason in Rejection::ALL {
        let json = serde_json::to_string(reason).unwrap();
        assert_eq!(json, format!("{:?}", reason.code()));
        assert_eq!(serde_json::from_str::<Rejection>(&json).unwrap(), *reason);
        assert!(
            reason
                .code()
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b == b'_')
        );
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Rejection::ALL.len());
    assert_eq!(codes.len(), 29);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_user_and_key_minted_here_and_signed_by_the_sdk_agree(
        user in "\\PC{1,40}",
        secret in "[ -~]{1,60}",
        session in proptest::option::of("[ -~]{1,200}"),
        now in 0_i64..4_102_444_800,
        port in 1_u16..,
    ) {
        let minted = mint(&MintRequest {
            access_key_id: "AKIDEXAMPLE", secret_access_key: &secret, session_token: session.as_deref(),
            region: "eu-west-1", host: "Db.Example.com", port, db_user: &user, now_unix: now,
        });
        let token = Token::parse(&minted).unwrap();
        let key = SigningKey::derive(&secret, token.date(), "eu-west-1", SERVICE);
        prop_assert_eq!(token.check_signature(&key), Ok(()));
        prop_assert_eq!(token.db_user(), user.as_str());
        prop_assert_eq!(token.issued_at(), now);
        prop_assert_eq!(token.session_token(), session.as_deref());
    }

    #[test]
    fn tokens_of_the_aws_sdk_verify(user in "\\PC{1,40}", which in 0..VECTORS.len()) {
        let vector = &VECTORS[which];
        let token = Token::parse(&sdk_token(vector, &user, 900)).unwrap();
        prop_assert_eq!(token.check_signature(&vector.key()), Ok(()));
        prop_assert_eq!(token.db_user(), user.as_str());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn survives_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz::fuzz_token(&data);
    }

    #[test]
    fn survives_token_like_text(
        text in "[a-z.:0-9\\[\\]]{0,20}/?\\?((Action|DBUser|X-Amz-(Date|Expires|Credential|Signature))=[a-z0-9%/TZ]{0,20}&){0,6}x?"
    ) {
        fuzz::fuzz_token(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn one_altered_byte_never_passes_as_something_else(
        which in 0..VECTORS.len(), at in any::<proptest::sample::Index>(), byte in 0x20_u8..0x7f,
    ) {
        let vector = &VECTORS[which];
        let mut bytes = vector.token().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let altered = String::from_utf8(bytes).unwrap();
        fuzz::fuzz_token(altered.as_bytes());
        if vector.check(&altered).is_ok() {
            // Only the case of the host, of an escape or the slash may differ.
            prop_assert!(altered.eq_ignore_ascii_case(&vector.token()), "{}", altered);
        }
    }
}
