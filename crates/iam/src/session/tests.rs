//! Sessions that open, and everything that must not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::policy::Context;

const NOW: i64 = 1_800_000_000;
const KEY_ID: &str = "ASIAABCDEFGHIJKLMNOP";

fn pair(id: &str, seed: u8) -> SessionKeyPair {
    SessionKeyPair::from_seed(id, &[seed; 64]).unwrap()
}

fn keys(pairs: &[&SessionKeyPair]) -> SessionKeys {
    SessionKeys::new(pairs.iter().map(|pair| pair.verifying().clone()).collect())
}

fn claims() -> Claims {
    Claims {
        access_key_id: KEY_ID.to_owned(),
        issued_at: NOW,
        expires_at: NOW + 3_600,
        holder: Holder::Role {
            id: "AROA1".to_owned(),
            session_name: "fn1".to_owned(),
        },
        policies: vec!["{}".to_owned()],
        tags: BTreeMap::from([("team".to_owned(), "a.b".to_owned())]),
        transitive_tags: Vec::new(),
        source_identity: Some("alice".to_owned()),
        federated: BTreeMap::new(),
    }
}

#[test]
fn what_was_issued_opens_with_the_same_secret() {
    let pair = pair("k1", 1);
    let (token, secret) = pair.issue(&claims());
    let opened = keys(&[&pair]).open(KEY_ID, &token, NOW + 3_599).unwrap();
    assert_eq!(opened.claims, claims());
    assert_eq!((*opened.secret).as_str(), secret.as_str());
    assert_eq!(secret.len(), 40);
    assert!(!token.contains(secret.as_str()));
    assert!(!format!("{pair:?} {:?}", keys(&[&pair])).contains(&hex::encode([1; 32])));
}

#[test]
fn a_public_half_is_enough_to_open() {
    let pair = pair("k1", 1);
    let half = pair.verifying();
    let again =
        SessionKey::from_hex(half.id(), &half.public_hex(), &half.derivation_hex()).unwrap();
    let (token, _) = pair.issue(&claims());
    assert!(
        SessionKeys::new(vec![again])
            .open(KEY_ID, &token, NOW)
            .is_ok()
    );
    assert!(SessionKey::from_hex("k", "00", "00").is_err());
}

#[test]
fn another_access_key_another_key_and_a_later_time_do_not_open() {
    let (one, two) = (pair("k1", 1), pair("k2", 2));
    let (token, _) = one.issue(&claims());
    let opened = |keys: &SessionKeys, id: &str, now| keys.open(id, &token, now).map(|_| ());
    let both = keys(&[&two, &one]);
    assert_eq!(opened(&both, KEY_ID, NOW), Ok(()));
    let other = "ASIAABCDEFGHIJKLMNOQ";
    assert_eq!(opened(&both, other, NOW), Err(SessionRejection::Invalid));
    assert_eq!(
        opened(&keys(&[&two]), KEY_ID, NOW),
        Err(SessionRejection::Invalid)
    );
    let forged = keys(&[&pair("k1", 2)]);
    assert_eq!(opened(&forged, KEY_ID, NOW), Err(SessionRejection::Invalid));
    assert_eq!(
        opened(&both, KEY_ID, NOW + 3_600),
        Err(SessionRejection::Expired)
    );
}

#[test]
fn secrets_differ_by_access_key_and_by_key() {
    let mut other = claims();
    other.access_key_id = "ASIAABCDEFGHIJKLMNOQ".to_owned();
    let (_, first) = pair("k1", 1).issue(&claims());
    let (_, second) = pair("k1", 1).issue(&other);
    let (_, third) = pair("k1", 2).issue(&claims());
    assert!(first != second && first != third && second != third);
}

#[test]
fn conditions_can_ask_about_a_session() {
    let mut context = Context::new();
    claims().describe(&mut context);
    let mut expected = Context::new();
    expected
        .set("aws:TokenIssueTime", "2027-01-15T08:00:00Z")
        .set("aws:userid", "AROA1:fn1")
        .set("sts:RoleSessionName", "fn1")
        .set("aws:PrincipalTag/team", "a.b")
        .set("aws:SourceIdentity", "alice");
    assert_eq!(context, expected);
}

proptest! {
    #[test]
    fn one_altered_letter_anywhere_closes_it(at in 0_usize..400, letter in "[A-Za-z0-9._-]") {
        let pair = pair("k1", 1);
        let (token, _) = pair.issue(&claims());
        let mut altered: Vec<char> = token.chars().collect();
        prop_assume!(at < altered.len());
        let letter = letter.chars().next().unwrap();
        prop_assume!(altered[at] != letter);
        altered[at] = letter;
        let altered: String = altered.into_iter().collect();
        prop_assert!(keys(&[&pair]).open(KEY_ID, &altered, NOW).is_err());
    }

    #[test]
    fn rubbish_never_opens(text in ".{0,200}") {
        prop_assert!(keys(&[&pair("k1", 1)]).open(KEY_ID, &text, NOW).is_err());
    }
}
