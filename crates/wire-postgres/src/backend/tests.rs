//! Byte-for-byte vectors of every server message we write or read.

use super::*;
use crate::decode::DecodeError;
use crate::frame::{self, Frame};
use crate::sqlstate::SqlState;

/// Writes one message and returns its body, after checking that it is exactly one frame.
fn check(expected: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    assert_eq!(out, expected);
    let Frame::Complete(header) = frame::next(&out) else {
        panic!("not one frame: {out:?}")
    };
    assert_eq!(header.total, out.len());
    header.body(&out).to_vec()
}

#[test]
fn login_steps_round_trip() {
    let body = check(b"R\0\0\0\x08\0\0\0\0", auth_ok);
    assert_eq!(Authentication::parse(&body), Ok(Authentication::Ok));
    let body = check(b"R\0\0\0\x08\0\0\0\x03", auth_cleartext_password);
    assert_eq!(
        Authentication::parse(&body),
        Ok(Authentication::CleartextPassword)
    );
    let body = check(b"R\0\0\0\x0c\0\0\0\x05abcd", |out| {
        auth_md5_password(out, *b"abcd");
    });
    assert_eq!(
        Authentication::parse(&body),
        Ok(Authentication::Md5Password { salt: *b"abcd" })
    );
    let offer = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    let names = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
    let body = check(offer, |out| auth_sasl(out, &names));
    assert_eq!(
        Authentication::parse(&body),
        Ok(Authentication::Sasl {
            mechanisms: names.to_vec()
        })
    );
    let body = check(b"R\0\0\0\x0d\0\0\0\x0br=abc", |out| {
        auth_sasl_continue(out, b"r=abc");
    });
    assert_eq!(
        Authentication::parse(&body),
        Ok(Authentication::SaslContinue(b"r=abc"))
    );
    let body = check(b"R\0\0\0\x0d\0\0\0\x0cv=abc", |out| {
        auth_sasl_final(out, b"v=abc");
    });
    assert_eq!(
        Authentication::parse(&body),
        Ok(Authentication::SaslFinal(b"v=abc"))
    );
}

#[test]
fn login_steps_refuse_malformed_bodies() {
    assert_eq!(
        Authentication::parse(b"\0\0\0\x07"),
        Ok(Authentication::Unsupported(7))
    );
    for (body, field) in [
        (&b"\0\0\0"[..], "authentication code"),
        (b"\0\0\0\x05abc", "md5 salt"),
    ] {
        assert_eq!(
            Authentication::parse(body),
            Err(DecodeError::Truncated { field })
        );
    }
    let field = "SASL mechanism";
    assert_eq!(
        Authentication::parse(b"\0\0\0\x0aSCRAM\0"),
        Err(DecodeError::Unterminated { field })
    );
    assert_eq!(
        Authentication::parse(b"\0\0\0\x0a\xff\0\0"),
        Err(DecodeError::NotUtf8 { field })
    );
    let many = [&b"\0\0\0\x0a"[..], &b"A\0".repeat(33), b"\0"].concat();
    assert_eq!(
        Authentication::parse(&many),
        Err(DecodeError::Value {
            field: "number of SASL mechanisms",
            value: 32
        })
    );
    assert_eq!(
        Authentication::parse(b"\0\0\0\0x"),
        Err(DecodeError::Trailing { extra: 1 })
    );
}

#[test]
fn settings_round_trip() {
    let body = check(b"S\0\0\0\x15TimeZone\0Etc/UTC\0", |out| {
        parameter_status(out, "TimeZone", "Etc/UTC");
    });
    assert_eq!(
        read::parameter_status(&body),
        Ok((&b"TimeZone"[..], &b"Etc/UTC"[..]))
    );
    // A LATIN1 session may report bytes that are not UTF-8.
    let body = check(b"S\0\0\0\x08a\0\xe9\0", |out| {
        parameter_status(out, "a", b"\xe9");
    });
    assert_eq!(read::parameter_status(&body), Ok((&b"a"[..], &b"\xe9"[..])));
    assert_eq!(
        read::parameter_status(b"a\0b"),
        Err(DecodeError::Unterminated {
            field: "parameter value"
        })
    );
}

#[test]
fn cancel_keys_round_trip_in_both_lengths() {
    let body = check(b"K\0\0\0\x0c\0\0\x04\xd2abcd", |out| {
        backend_key_data(out, 1234, b"abcd");
    });
    let (process_id, secret) = read::backend_key_data(&body).expect("valid");
    assert_eq!((process_id, secret.expose()), (1234, &b"abcd"[..]));
    let long = [7; 256];
    let mut out = Vec::new();
    backend_key_data(&mut out, -1, &long);
    let (process_id, secret) = read::backend_key_data(&out[5..]).expect("valid");
    assert_eq!((process_id, secret.expose()), (-1, &long[..]));
    for length in [0, 257] {
        let body = [&[0; 4][..], &vec![7; length]].concat();
        assert!(read::backend_key_data(&body).is_err(), "{length} bytes");
    }
}

#[test]
fn transaction_status_round_trips() {
    for (status, byte) in [
        (TransactionStatus::Idle, b'I'),
        (TransactionStatus::InTransaction, b'T'),
        (TransactionStatus::Failed, b'E'),
    ] {
        let body = check(&[b'Z', 0, 0, 0, 5, byte], |out| {
            ready_for_query(out, status);
        });
        assert_eq!(read::ready_for_query(&body), Ok(status));
    }
    let field = "transaction status";
    assert_eq!(
        read::ready_for_query(b""),
        Err(DecodeError::Truncated { field })
    );
    assert_eq!(
        read::ready_for_query(b"X"),
        Err(DecodeError::Value { field, value: 0x58 })
    );
    assert_eq!(
        read::ready_for_query(b"II"),
        Err(DecodeError::Trailing { extra: 1 })
    );
}

#[test]
fn short_replies_have_their_bytes() {
    check(b"1\0\0\0\x04", parse_complete);
    check(b"2\0\0\0\x04", bind_complete);
    check(b"3\0\0\0\x04", close_complete);
    check(b"I\0\0\0\x04", empty_query_response);
    check(b"n\0\0\0\x04", no_data);
    let body = check(b"C\0\0\0\x0dSELECT 1\0", |out| {
        command_complete(out, "SELECT 1");
    });
    assert_eq!(read::command_tag(&body), Ok(&b"SELECT 1"[..]));
    check(b"A\0\0\0\x06xy", |out| raw(out, b'A', b"xy"));
}

#[test]
fn rows_round_trip() {
    // Name 3 bytes, then 18 bytes of column facts, a count of 2, the length of 4: 27.
    let described = b"T\0\0\0\x1b\0\x01ab\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    check(described, |out| row_description(out, &["ab"]));
    let row = b"D\0\0\0\x0f\0\x02\0\0\0\x01x\xff\xff\xff\xff";
    let body = check(row, |out| data_row(out, &[Some(b"x"), None]));
    let columns = read::data_row(&body).expect("valid");
    assert_eq!(columns.columns(), 2);
    assert_eq!(columns.collect::<Vec<_>>(), [Ok(Some(&b"x"[..])), Ok(None)]);
}

#[test]
fn a_broken_row_ends_after_its_error() {
    let columns = read::data_row(b"\0\x03\0\0\0\x01x\0\0\0\x09x").expect("count is there");
    assert_eq!(
        columns.collect::<Vec<_>>(),
        [
            Ok(Some(&b"x"[..])),
            Err(DecodeError::Truncated {
                field: "column value"
            })
        ]
    );
    let columns = read::data_row(b"\xff\xff").expect("count is there");
    assert_eq!(columns.count(), 1);
}

#[test]
fn errors_round_trip() {
    let fields = ErrorFields::fatal(SqlState::TOO_MANY_CONNECTIONS, "full")
        .detail("20 of 20")
        .hint("wait");
    let expected = b"E\0\0\0\x30SFATAL\0VFATAL\0C53300\0Mfull\0D20 of 20\0Hwait\0\0";
    let body = check(expected, |out| error_response(out, &fields));
    assert_eq!(ErrorFields::parse(&body), Ok(fields.clone()));
    let mut notice = Vec::new();
    notice_response(&mut notice, &fields);
    assert_eq!((notice[0], &notice[1..]), (b'N', &expected[1..]));
}

#[test]
fn reads_a_real_servers_error() {
    let body = b"SFATAL\0VFATAL\0C28000\0Mno PostgreSQL user name specified in startup packet\0\
        Fpostmaster.c\0L2351\0RProcessStartupPacket\0\0";
    let fields = ErrorFields::parse(body).expect("valid");
    assert_eq!(fields.severity, Severity::Fatal);
    assert!(fields.severity.ends_session());
    assert_eq!(
        fields.sqlstate,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    );
    assert_eq!(
        fields.message,
        "no PostgreSQL user name specified in startup packet"
    );
    assert_eq!(
        fields.others.first(),
        Some(&(b'F', "postmaster.c".to_owned()))
    );
}

#[test]
fn the_untranslated_severity_wins() {
    let fields = ErrorFields::parse(b"SFEHLER\0VPANIC\0\0").expect("valid");
    assert_eq!(fields.severity, Severity::Panic);
    let fields = ErrorFields::parse(b"VPANIC\0SERROR\0\0").expect("valid");
    assert_eq!(fields.severity, Severity::Panic);
}

#[test]
fn errors_without_fields_are_understood() {
    let empty = ErrorFields::error(SqlState::INTERNAL_ERROR, "");
    assert_eq!(ErrorFields::parse(b"\0"), Ok(empty.clone()));
    assert_eq!(ErrorFields::parse(b""), Ok(empty.clone()));
    assert_eq!(ErrorFields::parse(b"C42\0\0"), Ok(empty));
    let no_code = ErrorFields::parse(b"SFATAL\0Mgone\0\0").expect("valid");
    assert_eq!(
        (no_code.severity, no_code.message.as_str()),
        (Severity::Fatal, "gone")
    );
}

#[test]
fn malformed_errors_are_refused() {
    assert_eq!(
        ErrorFields::parse(b"Mgone"),
        Err(DecodeError::Unterminated {
            field: "field value"
        })
    );
    assert_eq!(
        ErrorFields::parse(b"Ma\0\0x"),
        Err(DecodeError::Trailing { extra: 1 })
    );
}

#[test]
fn an_error_text_cannot_smuggle_fields() {
    let fields = ErrorFields::error(SqlState::PROTOCOL_VIOLATION, "a\0C00000");
    let mut out = Vec::new();
    error_response(&mut out, &fields);
    let read = ErrorFields::parse(&out[5..]).expect("valid");
    assert_eq!(
        (read.sqlstate, read.message.as_str()),
        (SqlState::PROTOCOL_VIOLATION, "a")
    );
}

#[test]
fn every_severity_has_its_word() {
    for severity in [
        Severity::Error,
        Severity::Fatal,
        Severity::Panic,
        Severity::Warning,
        Severity::Notice,
        Severity::Debug,
        Severity::Info,
        Severity::Log,
    ] {
        assert_eq!(
            Severity::from_bytes(severity.as_str().as_bytes()),
            Some(severity)
        );
    }
    assert_eq!(Severity::from_bytes(b"fatal"), None);
}

#[test]
fn version_answers_round_trip() {
    // The bytes PostgreSQL 15 sends for `_pq_.foo` on protocol 3.0.
    let observed = b"v\0\0\0\x15\0\x03\0\0\0\0\0\x01_pq_.foo\0";
    let options = ["_pq_.foo".to_owned()];
    let body = check(observed, |out| negotiate_protocol_version(out, 0, &options));
    let answer = read::negotiate_protocol_version(&body).expect("valid");
    assert_eq!(
        (answer.newest_minor, &answer.unknown_options[..]),
        (0, &options[..])
    );
    let body = check(b"v\0\0\0\x0c\0\x03\0\x02\0\0\0\0", |out| {
        negotiate_protocol_version(out, 2, &[]);
    });
    assert_eq!(
        read::negotiate_protocol_version(&body).map(|v| v.newest_minor),
        Ok(2)
    );
    let bare = read::negotiate_protocol_version(b"\0\0\0\x02\0\0\0\0").map(|v| v.newest_minor);
    assert_eq!(bare, Ok(2));
}

#[test]
fn hostile_version_answers_are_refused() {
    for (body, field, value) in [
        (&b"\0\x04\0\0\0\0\0\0"[..], "protocol version", 4),
        (
            b"\0\x03\0\0\xff\xff\xff\xff",
            "number of options",
            0xffff_ffff,
        ),
    ] {
        let answer = read::negotiate_protocol_version(body);
        assert_eq!(answer, Err(DecodeError::Value { field, value }));
    }
}

#[test]
fn old_clients_get_the_old_error_form() {
    let mut out = Vec::new();
    old_style_error(
        &mut out,
        "unsupported frontend protocol 2.0: server supports 3.0 to 3.0",
    );
    // Observed from PostgreSQL 15.
    let expected = b"EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.0\n\0";
    assert_eq!(out, expected);
}
