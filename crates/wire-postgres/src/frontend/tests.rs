//! Byte-for-byte vectors of every client message we write or read.

use super::*;
use crate::decode::DecodeError;
use crate::frame::{self, Frame};
use crate::output::EncodeError;

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
fn queries_round_trip() {
    let body = check(b"Q\0\0\0\x0dselect 1\0", |out| {
        query(out, "select 1").expect("no zero");
    });
    assert_eq!(Query::parse(&body), Ok(Query { sql: b"select 1" }));
    assert_eq!(
        Query::parse(b"select 1"),
        Err(DecodeError::Unterminated {
            field: "query text"
        })
    );
    assert_eq!(
        Query::parse(b"a\0b\0"),
        Err(DecodeError::Trailing { extra: 2 })
    );
}

#[test]
fn statements_round_trip() {
    let types = [0, 0, 0, 23];
    let expected = b"P\0\0\0\x11s1\0abc\0\0\x01\0\0\0\x17";
    let body = check(expected, |out| {
        parse(out, b"s1", b"abc", &types).expect("no zero");
    });
    assert_eq!(
        Parse::parse(&body),
        Ok(Parse {
            name: b"s1",
            sql: b"abc",
            param_types: &types
        })
    );
    let field = "parameter types";
    assert_eq!(
        Parse::parse(b"\0\0\0\x01abc"),
        Err(DecodeError::Truncated { field })
    );
    assert_eq!(
        Parse::parse(b"\0\0\0\0x"),
        Err(DecodeError::Trailing { extra: 1 })
    );
}

#[test]
fn too_many_parameter_types_are_refused() {
    let mut out = Vec::new();
    let types = vec![0; 4 * 0x1_0000];
    assert!(matches!(
        parse(&mut out, b"", b"", &types),
        Err(EncodeError::TooLong {
            length: 0x4_0000,
            ..
        })
    ));
    assert!(out.is_empty());
    parse(&mut out, b"", b"", &types[4..]).expect("65535 types fit");
    assert_eq!(
        Parse::parse(&out[5..]).map(|p| p.param_types.len()),
        Ok(4 * 0xffff)
    );
}

#[test]
fn binds_round_trip_and_read_their_names_early() {
    let rest = b"\0\0\0\x01\0\0\0\x01x\0\0";
    let expected = b"B\0\0\0\x15po\0st\0\0\0\0\x01\0\0\0\x01x\0\0";
    let body = check(expected, |out| {
        bind(out, b"po", b"st", rest).expect("no zero");
    });
    assert_eq!(
        Bind::parse(&body),
        Ok(Bind {
            portal: b"po",
            statement: b"st",
            rest
        })
    );
    assert_eq!(Bind::parse(b"po\0st\0").map(|bind| bind.rest), Ok(&b""[..]));
    assert_eq!(
        Bind::parse(b"po\0st"),
        Err(DecodeError::Unterminated {
            field: "statement name"
        })
    );
}

#[test]
fn describe_and_close_round_trip() {
    let kind = ObjectKind::Statement;
    let body = check(b"D\0\0\0\x07Sa\0", |out| {
        describe(out, kind, b"a").expect("no zero");
    });
    assert_eq!(Describe::parse(&body), Ok(Describe { kind, name: b"a" }));
    let kind = ObjectKind::Portal;
    let body = check(b"C\0\0\0\x06P\0", |out| {
        close(out, kind, b"").expect("no zero");
    });
    assert_eq!(Close::parse(&body), Ok(Close { kind, name: b"" }));
    assert_eq!(
        Close::parse(b"Xa\0"),
        Err(DecodeError::Value {
            field: "object kind",
            value: 0x58
        })
    );
}

#[test]
fn execute_round_trips() {
    let body = check(b"E\0\0\0\x0ap\0\0\0\0\x05", |out| {
        execute(out, b"p", 5).expect("no zero");
    });
    assert_eq!(
        Execute::parse(&body),
        Ok(Execute {
            portal: b"p",
            max_rows: 5
        })
    );
    assert_eq!(
        Execute::parse(b"p\0\0\0"),
        Err(DecodeError::Truncated { field: "row limit" })
    );
}

#[test]
fn bare_requests_have_their_bytes() {
    check(b"S\0\0\0\x04", sync);
    check(b"H\0\0\0\x04", flush);
    check(b"X\0\0\0\x04", terminate);
    check(b"f\0\0\0\x09gone\0", |out| {
        copy_fail(out, "gone").expect("no zero");
    });
}

#[test]
fn passwords_round_trip_and_stay_hidden() {
    let body = check(b"p\0\0\0\x0chunter2\0", |out| {
        password(out, b"hunter2").expect("no zero");
    });
    let read = PasswordMessage::parse(&body).expect("valid");
    assert_eq!(read.bytes, b"hunter2");
    assert!(!format!("{read:?}").contains("hunter2"));
    assert_eq!(PasswordMessage::parse(b"\0").map(|p| p.bytes), Ok(&b""[..]));
    assert_eq!(
        PasswordMessage::parse(b"a\0b\0"),
        Err(DecodeError::Trailing { extra: 2 })
    );
    assert_eq!(
        PasswordMessage::parse(b""),
        Err(DecodeError::Unterminated { field: "password" })
    );
}

#[test]
fn a_long_token_fits_the_reading_limit() {
    let token = vec![b'x'; 16 * 1024];
    let mut out = Vec::new();
    password(&mut out, &token).expect("no zero");
    assert!(out.len() < frame::MAX_PASSWORD_MESSAGE);
    assert_eq!(
        PasswordMessage::parse(&out[5..]).map(|p| p.bytes),
        Ok(&token[..])
    );
}

#[test]
fn sasl_answers_round_trip() {
    let body = check(b"p\0\0\0\x1bSCRAM-SHA-256\0\0\0\0\x05n,,r=", |out| {
        sasl_initial_response(out, "SCRAM-SHA-256", b"n,,r=").expect("no zero");
    });
    assert_eq!(
        SaslInitialResponse::parse(&body),
        Ok(SaslInitialResponse {
            mechanism: "SCRAM-SHA-256",
            data: Some(b"n,,r=")
        })
    );
    assert_eq!(
        SaslInitialResponse::parse(b"X\0\xff\xff\xff\xff"),
        Ok(SaslInitialResponse {
            mechanism: "X",
            data: None
        })
    );
    assert_eq!(
        SaslInitialResponse::parse(b"X\0\0\0\0\x05abc"),
        Err(DecodeError::Truncated { field: "SASL data" })
    );
    assert_eq!(
        SaslInitialResponse::parse(b"X\0\0\0\0\x01abc"),
        Err(DecodeError::Trailing { extra: 2 })
    );
    check(b"p\0\0\0\x07c=x", |out| sasl_response(out, b"c=x"));
}

#[test]
fn a_zero_byte_refuses_the_message_and_writes_nothing() {
    let mut out = Vec::new();
    let zero = |field| Err(EncodeError::ZeroByte { field });
    assert_eq!(query(&mut out, "drop table t\0 where"), zero("query text"));
    assert_eq!(parse(&mut out, b"a\0", b"", b""), zero("statement name"));
    assert_eq!(parse(&mut out, b"", b"a\0", b""), zero("statement text"));
    assert_eq!(bind(&mut out, b"\0", b"", b""), zero("portal name"));
    assert_eq!(bind(&mut out, b"", b"\0", b""), zero("statement name"));
    assert_eq!(
        close(&mut out, ObjectKind::Portal, b"\0"),
        zero("object name")
    );
    assert_eq!(execute(&mut out, b"\0", 0), zero("portal name"));
    assert_eq!(password(&mut out, b"a\0"), zero("password"));
    assert_eq!(copy_fail(&mut out, "\0"), zero("reason"));
    assert_eq!(
        sasl_initial_response(&mut out, "\0", b""),
        zero("SASL mechanism")
    );
    assert!(out.is_empty());
}
