//! Sealed values open where they were sealed, under the key they were sealed with, or not at all.

use proptest::prelude::*;

use super::*;

const PLACE: [&str; 3] = ["secret_versions", "v-1", "sealed"];

fn key(fill: u8) -> MasterKey {
    MasterKey::generate(&[fill; 32])
}

fn random(seed: u8) -> [u8; SEAL_RANDOM_LEN] {
    std::array::from_fn(|at| {
        u8::try_from(at)
            .unwrap()
            .wrapping_mul(31)
            .wrapping_add(seed)
    })
}

fn sealed(sealer: &Sealer) -> SealedBlob {
    sealer.seal(&PLACE, b"hunter2", &random(1)).unwrap()
}

#[test]
fn opens_what_it_sealed() {
    let sealer = Sealer::new(key(1));
    let blob: SealedBlob = sealed(&sealer).to_text().parse().unwrap();
    assert_eq!(sealer.open(&PLACE, &blob).unwrap().as_slice(), b"hunter2");
    assert_eq!(sealer.open_text(&PLACE, &blob).unwrap().expose(), "hunter2");
}

#[test]
fn two_sealings_of_one_value_share_nothing_but_the_header() {
    let sealer = Sealer::new(key(1));
    let one = sealer.seal(&PLACE, b"hunter2", &random(1)).unwrap();
    let two = sealer.seal(&PLACE, b"hunter2", &random(2)).unwrap();
    assert_eq!(one.as_bytes()[..13], two.as_bytes()[..13]);
    assert_ne!(one.as_bytes()[25..], two.as_bytes()[25..]);
}

#[test]
fn a_moved_value_does_not_open() {
    let sealer = Sealer::new(key(1));
    let blob = sealed(&sealer);
    let elsewhere: [&[&str]; 5] = [
        &["secret_versions", "v-2", "sealed"],
        &["secret_versions", "v-1"],
        &["secret_versionsv-1", "sealed"],
        &["secret_versions", "v-1", "sealed", ""],
        &[],
    ];
    for place in elsewhere {
        assert_eq!(
            sealer.open(place, &blob),
            Err(SealError::WrongContext),
            "{place:?}"
        );
    }
}

#[test]
fn another_key_is_named() {
    let blob = sealed(&Sealer::new(key(1)));
    let error = Sealer::new(key(2)).open(&PLACE, &blob).unwrap_err();
    let (sealed_under, current) = (key(1).id(), key(2).id());
    assert_eq!(
        error,
        SealError::WrongKey {
            sealed_under,
            current
        }
    );
    assert!(error.to_string().contains(&sealed_under.to_string()));
    assert!(error.to_string().contains(&current.to_string()));
}

#[test]
fn older_keys_open_and_do_not_seal() {
    let blob = sealed(&Sealer::new(key(1)));
    let rotated = Sealer::new(key(2)).with_older(vec![key(3), key(1)]);
    assert_eq!(rotated.open(&PLACE, &blob).unwrap().as_slice(), b"hunter2");
    assert!(rotated.is_outdated(&blob));
    let again = sealed(&rotated);
    assert!(!rotated.is_outdated(&again));
    assert!(Sealer::new(key(2)).open(&PLACE, &again).is_ok());
}

#[test]
fn every_flipped_bit_is_noticed() {
    let sealer = Sealer::new(key(1));
    let whole = sealed(&sealer).as_bytes().to_vec();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let opened = sealer.open(&PLACE, &SealedBlob::from_bytes(damaged));
            assert!(opened.is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let sealer = Sealer::new(key(1));
    let whole = sealed(&sealer).as_bytes().to_vec();
    for length in 0..whole.len() {
        let cut = SealedBlob::from_bytes(whole[..length].to_vec());
        assert!(matches!(
            sealer.open(&PLACE, &cut),
            Err(SealError::Corrupt(_))
        ));
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert!(
        sealer
            .open(&PLACE, &SealedBlob::from_bytes(longer))
            .is_err()
    );
}

#[test]
fn parts_of_two_blobs_do_not_fit_together() {
    let sealer = Sealer::new(key(1));
    let one = sealer.seal(&PLACE, b"hunter2", &random(1)).unwrap();
    let two = sealer.seal(&PLACE, b"hunter3", &random(2)).unwrap();
    let mixed = [&one.as_bytes()[..73], &two.as_bytes()[73..]].concat();
    assert!(sealer.open(&PLACE, &SealedBlob::from_bytes(mixed)).is_err());
}

#[test]
fn nothing_prints_the_secret() {
    let sealer = Sealer::new(key(0x61));
    let shown = format!("{sealer:?} {:?}", sealed(&sealer));
    assert!(
        !shown.contains("hunter2") && !shown.contains("aaaa"),
        "{shown}"
    );
    assert!(!shown.contains("97, 97"), "{shown}");
}

#[test]
fn text_that_is_not_base64_is_no_blob() {
    assert!("not base64!".parse::<SealedBlob>().is_err());
}

#[test]
fn derived_keys_differ_by_purpose_and_master_key() {
    let derived = Sealer::new(key(1)).derive_key("page tokens");
    assert_eq!(derived.len(), 32);
    assert_ne!(derived, Sealer::new(key(1)).derive_key("cookies"));
    assert_ne!(derived, Sealer::new(key(2)).derive_key("page tokens"));
    assert_eq!(derived, Sealer::new(key(1)).derive_key("page tokens"));
}

#[test]
fn a_whole_snapshot_goes_through() {
    let sealer = Sealer::new(key(1));
    let snapshot: Vec<u8> = (0..4_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let blob = sealer.seal(&["snapshot"], &snapshot, &random(9)).unwrap();
    assert_eq!(
        sealer.open(&["snapshot"], &blob).unwrap().as_slice(),
        snapshot
    );
}

proptest! {
    #[test]
    fn any_value_comes_back(value: Vec<u8>, place: Vec<String>, seed: u8) {
        let sealer = Sealer::new(key(1));
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let blob = sealer.seal(&place, &value, &random(seed)).unwrap();
        prop_assert_eq!(sealer.open(&place, &blob).unwrap().to_vec(), value);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
        let mut blob = vec![VERSION];
        blob.extend(key(1).id().0);
        blob.extend(context_hash(&PLACE));
        blob.extend(&bytes);
        let sealer = Sealer::new(key(1));
        prop_assert!(sealer.open(&PLACE, &SealedBlob::from_bytes(blob)).is_err());
        prop_assert!(sealer.open(&PLACE, &SealedBlob::from_bytes(bytes)).is_err());
    }
}
