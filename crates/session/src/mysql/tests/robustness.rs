//! Any bytes from both sides: no panic, and no effect outside the input.

use proptest::prelude::*;

use crate::mysql::fuzz::{fuzz_both, fuzz_cleanup, fuzz_texts};

proptest! {
    #[test]
    fn survives_any_bytes(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        fuzz_both(&data);
        fuzz_cleanup(&data);
        fuzz_texts(&data);
    }

    #[test]
    fn survives_any_text(text in "(SET|SELECT|PREPARE|KILL|INSERT)?[ -~]{0,60}", row in any::<Vec<u8>>()) {
        fuzz_texts(text.as_bytes());
        fuzz_texts(&[row.as_slice(), text.as_bytes()].concat());
    }

    #[test]
    fn survives_commands_and_replies(turns in proptest::collection::vec(turn(), 0..24)) {
        let mut data = Vec::new();
        for (from_server, payload, number) in turns {
            let mut packet = vec![u8::try_from(payload.len()).expect("short"), 0, 0, number];
            packet.extend(payload);
            // The length byte of a piece says whose it is by its lowest bit; a server's is padded to be odd.
            let mut length = u8::try_from(packet.len()).expect("short");
            if (length % 2 == 1) != from_server {
                data.push(length - 1);
                data.extend_from_slice(&packet[..packet.len() - 1]);
                length = 1;
                packet = packet.split_off(packet.len() - 1);
                if !from_server {
                    continue;
                }
            }
            data.push(length);
            data.extend(packet);
        }
        fuzz_both(&data);
    }
}

fn turn() -> impl Strategy<Value = (bool, Vec<u8>, u8)> {
    let client = prop_oneof![
        Just(b"\x03select 1".to_vec()),
        Just(b"\x03set @a=1;select row_count()".to_vec()),
        Just(b"\x16select ?".to_vec()),
        Just(b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x03\0\x05\0\0\0".to_vec()),
        Just(b"\x19\x01\0\0\0".to_vec()),
        Just(b"\x1f".to_vec()),
        Just(b"\x0e".to_vec()),
        Just(b"\x02db".to_vec()),
        Just(b"\x1b\x01\0".to_vec()),
        Just(b"\x18\x01\0\0\0\0\0piece".to_vec()),
        Just(b"\x18\x01".to_vec()),
        Just(b"\x03show warnings".to_vec()),
        Just(b"\x77".to_vec()),
        Just(b"\x0a".to_vec()),
        Just(b"\x04t\0".to_vec()),
    ];
    let server = prop_oneof![
        Just(b"\0\0\0\x02\0\0\0".to_vec()),
        Just(b"\0\x01\x07\x02\0\x01\0".to_vec()),
        Just(b"\0\0\0\x03\x40\0\0\0\x0d\x02\x01\x31\x05\x09\x08T_______".to_vec()),
        Just(b"\xff\x28\x04#42000no".to_vec()),
        Just(b"\xff\x81\x04#08S01large".to_vec()),
        Just(b"\0\0\0\x02\0\x01\0".to_vec()),
        Just(b"\x01".to_vec()),
        Just(b"\x03def\0\0\0\x01a\0\x0c\x3f\0\0\0\0\0\xfd\0\0\0\0\0".to_vec()),
        Just(b"\x01x".to_vec()),
        Just(b"\xfe\0\0\x02\0\0\0".to_vec()),
        Just(b"\0\x01\0\0\0\x01\0\x01\0\0\0\0".to_vec()),
    ];
    prop_oneof![
        (Just(false), client, Just(0_u8)),
        (Just(true), server, 1_u8..5)
    ]
}
