//! Bodies of commands, from the layouts of the reference manual of the protocol.

use super::*;
use crate::capabilities::Capabilities;
use crate::decode::DecodeError;
use crate::frame::{self, Frame};
use crate::reply::ReplyKind;

const PLAIN: Capabilities = Capabilities::PROTOCOL_41;
const ATTRIBUTED: Capabilities = Capabilities::QUERY_ATTRIBUTES;

fn payload(bytes: &[u8]) -> &[u8] {
    match frame::next(bytes) {
        Frame::Complete(header) => {
            assert_eq!(header.sequence, 0, "commands begin a sequence");
            assert_eq!(header.total(), bytes.len());
            header.payload(bytes)
        }
        Frame::Incomplete(_) | Frame::NeedHeader => unreachable!("builders write whole packets"),
    }
}

#[test]
fn codes_are_named_both_ways() {
    for code in 0..=u8::MAX {
        assert_eq!(Command::from_code(code).code(), code);
    }
    assert_eq!(Command::of(b"\x0e"), Some(Command::Ping));
    assert_eq!(Command::of(b"\xfa...."), Some(Command::StmtBulkExecute));
    assert_eq!(Command::of(b"\x99"), Some(Command::Unknown(0x99)));
    assert_eq!(Command::of(b""), None);
}

#[test]
fn three_commands_have_no_answer() {
    let silent: Vec<_> = Command::KNOWN
        .iter()
        .filter(|command| command.reply() == ReplyKind::None)
        .collect();
    let expected = [Command::Quit, Command::StmtSendLongData, Command::StmtClose];
    assert_eq!(silent, expected.iter().collect::<Vec<_>>());
}

#[test]
fn everything_without_end_is_refused() {
    for command in Command::KNOWN {
        if command.reply() == ReplyKind::Stream {
            assert_eq!(command.fate(), Fate::Refused, "{command:?}");
        }
    }
    assert_eq!(Command::RegisterReplica.fate(), Fate::Refused);
    assert_eq!(Command::Unknown(0x77).fate(), Fate::Refused);
    assert_eq!(Command::StmtFetch.fate(), Fate::Served);
}

#[test]
fn a_query_without_attributes_is_all_text() {
    let found = query(b"select 1", PLAIN).expect("a query");
    assert_eq!(found.text, b"select 1");
    assert_eq!(found.attributes, 0);
    assert_eq!(found.attribute_list().count(), 0);
}

#[test]
fn our_queries_have_the_form_of_the_connection() {
    for capabilities in [PLAIN, ATTRIBUTED] {
        let mut out = Vec::new();
        write_query(&mut out, capabilities, b"select 1");
        let body = payload(&out).strip_prefix(b"\x03").expect("COM_QUERY");
        let found = query(body, capabilities).expect("a query");
        assert_eq!(found.text, b"select 1");
    }
}

/// Two attributes: `traceparent` = "x" and an unnamed NULL, then an unsigned long long 7.
const WITH_ATTRIBUTES: &[u8] =
    b"\x03\x01\x02\x01\xfe\x00\x0btraceparent\x06\x00\x00\x08\x80\x01n\x01x\x07\0\0\0\0\0\0\0select ?";

#[test]
fn attributes_stand_in_front_of_the_text() {
    let found = query(WITH_ATTRIBUTES, ATTRIBUTED).expect("a query");
    assert_eq!(found.text, b"select ?");
    assert_eq!(found.attributes, 3);
    assert_eq!(found.prefix.len(), WITH_ATTRIBUTES.len() - 8);
    let list: Vec<_> = found.attribute_list().collect();
    assert_eq!(
        list,
        [
            Attribute {
                name: b"traceparent",
                kind: 0x00fe,
                value: Some(b"\x01x")
            },
            Attribute {
                name: b"",
                kind: 0x0006,
                value: None
            },
            Attribute {
                name: b"n",
                kind: 0x8008,
                value: Some(b"\x07\0\0\0\0\0\0\0")
            },
        ]
    );
}

#[test]
fn cut_attributes_are_refused() {
    let behind_text = WITH_ATTRIBUTES.len() - 8;
    for split in 0..behind_text {
        let cut = WITH_ATTRIBUTES.get(..split).expect("shorter");
        assert!(query(cut, ATTRIBUTED).is_err(), "after {split} bytes");
    }
}

#[test]
fn other_numbers_of_sets_and_missing_types_are_refused() {
    let value = |field, value| Err(DecodeError::Value { field, value });
    assert_eq!(
        query(b"\0\x02x", ATTRIBUTED),
        value("number of attribute sets", 2)
    );
    assert_eq!(
        query(b"\x01\x01\0\0x", ATTRIBUTED),
        value("types of attributes follow", 0)
    );
    assert_eq!(
        query(b"\x01\x01\0\x01\x55\0\0x", ATTRIBUTED),
        value("parameter type", 0x55)
    );
}

/// Statement 7, no cursor, two parameters: NULL and a long 5, with types.
const EXECUTE: &[u8] = b"\x07\0\0\0\0\x01\0\0\0\x01\x01\xfd\x00\x03\x00\x05\0\0\0";

#[test]
fn an_execute_binds_parameters() {
    let head = execute_head(EXECUTE).expect("a head");
    assert_eq!(head.statement_id, 7);
    assert!(!head.wants_cursor());
    let found = execute_parameters(&head, 2, PLAIN).expect("parameters");
    assert_eq!(found.count, 2);
    assert!(found.is_null(0));
    assert!(!found.is_null(1));
    let types = found.types.expect("types");
    assert_eq!(types.bytes(), b"\xfd\x00\x03\x00");
    assert_eq!(types.kinds().collect::<Vec<_>>(), [0xfd, 3]);
    assert_eq!(found.values, b"\x05\0\0\0");
}

#[test]
fn types_of_an_earlier_execute_can_be_put_in() {
    let first = execute_head(EXECUTE).expect("a head");
    let first = execute_parameters(&first, 2, PLAIN).expect("parameters");
    let again = execute_head(b"\x07\0\0\0\x01\x01\0\0\0\x01\x00\x09\0\0\0").expect("a head");
    assert!(again.wants_cursor());
    let bound = execute_parameters(&again, 2, PLAIN).expect("parameters");
    assert_eq!(bound.types, None);
    let kept = first.types.expect("types").bytes().to_vec();
    assert_eq!(
        Types::parse(&kept, 1, PLAIN),
        Err(DecodeError::Trailing { extra: 2 })
    );
    let spliced = Parameters {
        types: Some(Types::parse(&kept, 2, PLAIN).expect("they were read before")),
        ..bound
    };
    let moved = ExecuteHead {
        statement_id: 40,
        ..again
    };
    let mut out = Vec::new();
    execute(&mut out, PLAIN, &moved, &spliced);
    assert_eq!(
        payload(&out),
        b"\x17\x28\0\0\0\x01\x01\0\0\0\x01\x01\xfd\x00\x03\x00\x09\0\0\0"
    );
}

#[test]
fn an_execute_with_attributes_says_how_many() {
    // One placeholder and one attribute more.
    let body = b"\x07\0\0\0\x08\x01\0\0\0\x02\x02\x01\x03\x00\x00\x06\x00\x01a\x05\0\0\0";
    let head = execute_head(body).expect("a head");
    let found = execute_parameters(&head, 1, ATTRIBUTED).expect("parameters");
    assert_eq!(found.count, 2);
    assert!(found.is_null(1));
    assert_eq!(
        found.types.expect("types").bytes(),
        b"\x03\x00\x00\x06\x00\x01a"
    );
    let mut out = Vec::new();
    execute(&mut out, ATTRIBUTED, &head, &found);
    assert_eq!(payload(&out).get(1..), Some(&body[..]));
}

#[test]
fn an_execute_is_translated_for_the_other_side() {
    let head = execute_head(EXECUTE).expect("a head");
    let plain = execute_parameters(&head, 2, PLAIN).expect("parameters");
    let mut out = Vec::new();
    execute(&mut out, ATTRIBUTED, &head, &plain);
    let body = payload(&out).get(1..).expect("a command byte").to_vec();
    let named = execute_head(&body).expect("a head");
    let attributed = execute_parameters(&named, 2, ATTRIBUTED).expect("parameters");
    assert_eq!(
        attributed.types.expect("types").bytes(),
        b"\xfd\0\0\x03\0\0"
    );
    assert_eq!(attributed.values, plain.values);
    let mut back = Vec::new();
    execute(&mut back, PLAIN, &named, &attributed);
    assert_eq!(payload(&back).get(1..), Some(EXECUTE));
}

#[test]
fn an_execute_without_parameters_is_short() {
    let head = execute_head(b"\x07\0\0\0\0\x01\0\0\0").expect("a head");
    let found = execute_parameters(&head, 0, PLAIN).expect("parameters");
    assert_eq!(found.count, 0);
    // MariaDB's driver for Node.js.
    let odd = execute_head(b"\x07\0\0\0\0\x01\0\0\0\x01").expect("a head");
    let found = execute_parameters(&odd, 0, PLAIN).expect("parameters");
    assert_eq!((found.count, found.types), (0, None));
    let announced = execute_head(b"\x07\0\0\0\x08\x01\0\0\0\0").expect("a head");
    let none = execute_parameters(&announced, 0, ATTRIBUTED).expect("parameters");
    assert_eq!(none.count, 0);
    let mut out = Vec::new();
    execute(&mut out, ATTRIBUTED, &announced, &none);
    assert_eq!(payload(&out), b"\x17\x07\0\0\0\0\x01\0\0\0");
}

#[test]
fn parameters_that_are_cut_or_odd_are_refused() {
    for split in 9..14 {
        let head = execute_head(EXECUTE.get(..split).expect("shorter")).expect("a head");
        assert!(
            execute_parameters(&head, 2, PLAIN).is_err(),
            "after {split} bytes"
        );
    }
    let head = execute_head(b"\x07\0\0\0\0\x01\0\0\0\0\x02").expect("a head");
    assert_eq!(
        execute_parameters(&head, 1, PLAIN),
        Err(DecodeError::Value {
            field: "types follow",
            value: 2
        })
    );
}

#[test]
fn statement_ids_are_replaced_in_place() {
    let mut close = b"\x19\x01\0\0\0".to_vec();
    assert!(set_statement_id(&mut close, 0x0102_0304));
    assert_eq!(close, b"\x19\x04\x03\x02\x01");
    assert_eq!(statement_id(&close[1..]), Ok(0x0102_0304));
    assert!(!set_statement_id(&mut close[..4], 1));
}

#[test]
fn small_commands_are_read() {
    assert_eq!(
        long_data(b"\x01\0\0\0\x02\0abc"),
        Ok(LongData {
            statement_id: 1,
            parameter: 2,
            data: b"abc"
        })
    );
    assert_eq!(
        fetch(b"\x01\0\0\0\x64\0\0\0"),
        Ok(Fetch {
            statement_id: 1,
            rows: 100
        })
    );
    assert_eq!(set_option(b"\x01\0"), Ok(Command::MULTI_STATEMENTS_OFF));
    assert_eq!(process_kill(b"\x09\0\0\0"), Ok(9));
    assert_eq!(init_db(b"shop"), b"shop");
    assert_eq!(
        field_list(b"t\0%"),
        Ok(FieldList {
            table: b"t",
            wildcard: b"%"
        })
    );
    let bulk = BulkExecute::parse(b"\xff\xff\xff\xff\xc0\0\x03\0").expect("a bulk execute");
    assert_eq!(bulk.statement_id, Command::LAST_PREPARED);
    assert!(bulk.has_types() && bulk.wants_unit_results());
    assert_eq!(bulk.rest, b"\x03\0");
}

#[test]
fn our_commands_are_as_the_manual_says() {
    let written = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        payload(&out).to_vec()
    };
    assert_eq!(written(&|out| ping(out)), b"\x0e");
    assert_eq!(written(&|out| quit(out)), b"\x01");
    assert_eq!(written(&|out| reset_connection(out)), b"\x1f");
    assert_eq!(written(&|out| use_schema(out, b"shop")), b"\x02shop");
    assert_eq!(written(&|out| write_set_option(out, 1)), b"\x1b\x01\0");
    assert_eq!(written(&|out| stmt_prepare(out, b"do 1")), b"\x16do 1");
    assert_eq!(written(&|out| stmt_close(out, 3)), b"\x19\x03\0\0\0");
    assert_eq!(written(&|out| stmt_reset(out, 3)), b"\x1a\x03\0\0\0");
}
