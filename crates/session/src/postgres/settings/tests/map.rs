//! The map by itself.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::rig::settings;
use crate::postgres::settings::Settings;

#[test]
fn a_map_can_go_anywhere() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Settings>();
}

#[test]
fn names_are_found_in_any_case() {
    let map = settings([(&b"TimeZone"[..], &b"UTC"[..])]);
    assert_eq!(map.get(b"timezone"), Some(&b"UTC"[..]));
    assert_eq!(map.get(b"TIMEZONE"), Some(&b"UTC"[..]));
    assert!(map.same(&settings([(&b"TIMEZONE"[..], &b"UTC"[..])])));
}

#[test]
fn values_differ_by_case() {
    let upper = settings([(&b"application_name"[..], &b"App"[..])]);
    assert!(!upper.same(&settings([(&b"application_name"[..], &b"app"[..])])));
}

#[test]
fn no_difference_gives_the_same_map() {
    let map = settings([(&b"a.b"[..], &b"1"[..]), (b"c.d", b"2")]);
    let again = map.changed([
        (&b"A.B"[..], Some(&b"1"[..])),
        (b"e.f", None),
        (b"c.d", None),
        (b"c.d", Some(b"2")),
    ]);
    let (Some(ours), Some(theirs)) = (&map.0, &again.0) else {
        unreachable!("both hold something");
    };
    assert!(std::sync::Arc::ptr_eq(ours, theirs));
}

#[test]
fn what_no_session_sets_is_left_out() {
    let map = settings([
        (&b"is_superuser"[..], &b"on"[..]),
        (b"transaction_isolation", b"serializable"),
        (b"server_version", b"1"),
        (b"Seed", b"unavailable"),
    ]);
    assert!(map.is_default());
}

#[test]
fn values_are_not_shown() {
    let map = settings([(&b"app.token"[..], &b"hunter2"[..])]);
    let shown = format!("{map:?}");
    assert!(
        shown.contains("app.token") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn memory_grows_with_what_is_kept() {
    let small = settings([(&b"app.a"[..], &b"x"[..])]);
    let large = settings([(&b"app.a"[..], &[b'x'; 1000][..])]);
    assert_eq!(Settings::default().bytes(), 0);
    assert!(small.bytes() > 6);
    assert_eq!(large.bytes() - small.bytes(), 999);
}

proptest! {
    #[test]
    fn changes_do_what_a_plain_map_does(
        changes in vec(("[a-cA-C]", option::of("[xy]{0,2}")), 0..20),
        cut in 0_usize..20,
    ) {
        let mut model = BTreeMap::new();
        let mut map = Settings::default();
        let parts = changes.split_at(cut.min(changes.len()));
        for part in [parts.0, parts.1] {
            map = map.changed(part.iter().map(|(name, value)| {
                (name.as_bytes(), value.as_ref().map(String::as_bytes))
            }));
            for (name, value) in part {
                let name = name.to_ascii_lowercase().into_bytes();
                match value {
                    Some(value) => model.insert(name, value.clone().into_bytes()),
                    None => model.remove(&name),
                };
            }
        }
        let found: Vec<_> = map.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(map.is_default(), model.is_empty());
        for (name, value) in &model {
            prop_assert_eq!(map.get(name), Some(value.as_slice()));
        }
    }
}
