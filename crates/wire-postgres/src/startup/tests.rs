//! First packets byte by byte, honest and hostile.

use super::*;
use crate::output::EncodeError;
use crate::sqlstate::SqlState;

const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";
const CANCEL: &[u8] = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\x04\xd2abcd";
const STARTUP: &[u8] = b"\0\0\0\x1d\0\x03\0\0user\0bob\0database\0d\0\0";

/// A startup packet with any version and parameter bytes.
fn packet(version: [u8; 4], pairs: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    crate::output::counted(&mut out, |out: &mut Vec<u8>| {
        out.extend(version);
        out.extend(pairs);
    });
    out
}

fn startup(pairs: &[u8]) -> StartupMessage {
    let first = first_packet(&packet([0, 3, 0, 0], pairs));
    let FirstPacket::Startup(message) = first else {
        panic!("not a startup message: {first:?}")
    };
    message
}

fn refusal(packet: &[u8]) -> StartupError {
    let first = first_packet(packet);
    let FirstPacket::Invalid(error) = first else {
        panic!("accepted: {first:?}")
    };
    error
}

fn pairs_of(settings: &[(&str, &str)]) -> Vec<(String, String)> {
    settings
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn encryption_requests_round_trip() {
    let mut out = Vec::new();
    encode_ssl_request(&mut out);
    assert_eq!(out, SSL);
    assert_eq!(first_packet(SSL), FirstPacket::SslRequest);
    assert_eq!(FirstPacket::SslRequest.consumed(), 8);
    out.clear();
    encode_gssenc_request(&mut out);
    assert_eq!(out, GSS);
    assert_eq!(first_packet(GSS), FirstPacket::GssEncRequest);
    assert_eq!(FirstPacket::GssEncRequest.consumed(), 8);
}

#[test]
fn an_encryption_request_of_another_length_is_refused() {
    assert_eq!(
        refusal(b"\0\0\0\x09\x04\xd2\x16\x2fx"),
        StartupError::Layout
    );
    assert_eq!(
        refusal(b"\0\0\0\x09\x04\xd2\x16\x30x"),
        StartupError::Layout
    );
}

#[test]
fn early_data_is_refused() {
    assert_eq!(refuse_early_data(b"", EncryptionRequest::Ssl), Ok(()));
    let error = refuse_early_data(b"x", EncryptionRequest::Ssl).expect_err("early");
    assert_eq!(
        error.to_string(),
        "received unencrypted data after SSL request"
    );
    assert_eq!(error.sqlstate(), SqlState::PROTOCOL_VIOLATION);
    let error = refuse_early_data(b"x", EncryptionRequest::GssEnc).expect_err("early");
    assert_eq!(
        error.to_string(),
        "received unencrypted data after GSSAPI encryption request"
    );
}

#[test]
fn a_tls_record_is_direct_tls() {
    assert_eq!(first_packet(b"\x16"), FirstPacket::DirectTls);
    assert_eq!(
        first_packet(b"\x16\x03\x01\x02\0\x01"),
        FirstPacket::DirectTls
    );
    assert_eq!(FirstPacket::DirectTls.consumed(), 0);
}

#[test]
fn cancel_requests_round_trip_in_both_lengths() {
    let secret = CancelSecret::new(b"abcd").expect("4 bytes");
    let mut out = Vec::new();
    encode_cancel(&mut out, 1234, &secret);
    assert_eq!(out, CANCEL);
    let read = first_packet(CANCEL);
    assert_eq!(read.consumed(), 16);
    assert_eq!(
        read,
        FirstPacket::Cancel {
            process_id: 1234,
            secret
        }
    );

    let secret = CancelSecret::new(&[9; 256]).expect("256 bytes");
    out.clear();
    encode_cancel(&mut out, -1, &secret);
    let read = first_packet(&out);
    assert_eq!(read.consumed(), 268);
    assert_eq!(
        read,
        FirstPacket::Cancel {
            process_id: -1,
            secret
        }
    );
}

#[test]
fn malformed_cancel_requests_are_refused() {
    for key_len in [0, 3, 4, 261] {
        let bytes = packet([0x04, 0xd2, 0x16, 0x2e], &vec![1; key_len]);
        assert_eq!(
            refusal(&bytes),
            StartupError::CancelLength,
            "{key_len} bytes"
        );
    }
}

#[test]
fn a_cancel_secret_is_not_printed() {
    let text = format!("{:?}", first_packet(CANCEL));
    assert!(
        text.contains("[redacted]") && !text.contains("97"),
        "{text}"
    );
}

#[test]
fn a_session_request_round_trips() {
    let mut out = Vec::new();
    let none: [(&str, &str); 0] = [];
    encode_startup(&mut out, "bob", "d", none, 0).expect("valid");
    assert_eq!(out, STARTUP);
    let message = startup(b"user\0bob\0database\0d\0\0");
    assert_eq!((message.major, message.minor), (3, 0));
    assert_eq!(
        (message.user.as_str(), message.database.as_str()),
        ("bob", "d")
    );
    assert_eq!(
        (message.replication.as_deref(), message.wire_len),
        (None, 29)
    );
    assert_eq!(message.params, []);
    let more = [STARTUP, b"more"].concat();
    assert_eq!(first_packet(&more).consumed(), 29);
}

#[test]
fn waits_at_every_split() {
    for whole in [SSL, GSS, CANCEL, STARTUP] {
        for split in 0..whole.len() {
            assert_eq!(
                first_packet(&whole[..split]),
                FirstPacket::NeedMore,
                "{split} bytes"
            );
        }
        assert_eq!(first_packet(whole).consumed(), whole.len());
    }
}

#[test]
fn hostile_lengths_are_refused_before_their_bytes_arrive() {
    for length in [0_u32, 4, 7, 10_005, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        assert_eq!(
            refusal(&length.to_be_bytes()),
            StartupError::Length { length }
        );
    }
    assert_eq!(
        first_packet(&10_004_u32.to_be_bytes()),
        FirstPacket::NeedMore
    );
    assert_eq!(
        refusal(b"GET / HTTP/1.1").sqlstate(),
        SqlState::PROTOCOL_VIOLATION
    );
}

#[test]
fn the_largest_packet_is_read() {
    let filler = "x".repeat(MAX_STARTUP_PACKET - 4 - "user\0a\0f\0\0\0".len());
    let bytes = packet([0, 3, 0, 0], format!("user\0a\0f\0{filler}\0\0").as_bytes());
    assert_eq!(bytes.len(), MAX_FIRST_PACKET);
    assert_eq!(first_packet(&bytes).consumed(), MAX_FIRST_PACKET);
    let none: [(&str, &str); 0] = [];
    let long = "x".repeat(MAX_FIRST_PACKET - 8 - "user\0\0\0".len());
    let mut out = Vec::new();
    encode_startup(&mut out, &long, "", none, 0).expect("just fits");
    assert_eq!(out.len(), MAX_FIRST_PACKET);
    let result = encode_startup(&mut out, &format!("{long}x"), "", none, 0);
    assert_eq!(
        result,
        Err(EncodeError::TooLong {
            length: 10_005,
            limit: 10_004
        })
    );
    assert_eq!(out.len(), MAX_FIRST_PACKET);
}

#[test]
fn the_database_defaults_to_the_user() {
    assert_eq!(startup(b"user\0bob\0\0").database, "bob");
    assert_eq!(startup(b"user\0bob\0database\0\0\0").database, "bob");
}

#[test]
fn the_last_of_repeated_names_counts() {
    // Observed from PostgreSQL 15: a second `options` replaces the first.
    let message = startup(b"user\0a\0user\0b\0options\0-c x=1\0options\0-c y=2\0\0");
    assert_eq!(message.user, "b");
    assert_eq!(message.params, pairs_of(&[("y", "2")]));
}

#[test]
fn the_packets_settings_override_those_in_options() {
    // Observed from PostgreSQL 15: `show application_name` says "pkt".
    let message = startup(
        b"user\0a\0application_name\0pkt\0TimeZone\0UTC\0options\0-c application_name=opt\0\0",
    );
    let expected = [
        ("application_name", "opt"),
        ("application_name", "pkt"),
        ("TimeZone", "UTC"),
    ];
    assert_eq!(message.params, pairs_of(&expected));
    assert_eq!(message.param("application_name"), Some("pkt"));
    assert_eq!(message.param("timezone"), Some("UTC"));
    assert_eq!(message.param("work_mem"), None);
}

#[test]
fn a_bad_option_refuses_the_session_with_its_code() {
    let error = refusal(&packet([0, 3, 0, 0], b"user\0a\0options\0-z\0\0"));
    assert_eq!(
        error,
        StartupError::Option {
            word: "-z".to_owned()
        }
    );
    assert_eq!(error.sqlstate(), SqlState::SYNTAX_ERROR);
}

#[test]
fn missing_users_and_terminators_are_refused() {
    for pairs in [&b"\0"[..], b"user\0\0\0", b"database\0d\0\0"] {
        assert_eq!(refusal(&packet([0, 3, 0, 0], pairs)), StartupError::NoUser);
    }
    for pairs in [
        &b"user\0bob\0"[..],
        b"user\0",
        b"user\0bob",
        b"user\0bob\0\0x",
        b"",
    ] {
        assert_eq!(refusal(&packet([0, 3, 0, 0], pairs)), StartupError::Layout);
    }
}

#[test]
fn texts_must_be_utf8() {
    let error = refusal(&packet([0, 3, 0, 0], b"user\0\xff\0\0"));
    assert_eq!(
        error,
        StartupError::NotUtf8 {
            name: "user".to_owned()
        }
    );
    assert_eq!(startup("user\0jürgen\0\0".as_bytes()).user, "jürgen");
}

#[test]
fn other_major_versions_are_refused() {
    let old = refusal(&packet([0, 2, 0, 0], b"user\0a\0\0"));
    assert_eq!(
        old.to_string(),
        "unsupported frontend protocol 2.0: server supports 3.0 to 3.2"
    );
    assert!(old.wants_old_style());
    assert_eq!(old.sqlstate(), SqlState::FEATURE_NOT_SUPPORTED);
    let new = refusal(&packet([0, 4, 0, 7], b"user\0a\0\0"));
    assert_eq!(new, StartupError::Version { major: 4, minor: 7 });
    assert!(!new.wants_old_style());
}

#[test]
fn known_versions_need_no_negotiation() {
    for minor in [0, 2] {
        let bytes = packet([0, 3, 0, minor], b"user\0a\0\0");
        let FirstPacket::Startup(message) = first_packet(&bytes) else {
            panic!("refused")
        };
        assert_eq!(message.negotiation(), None);
        assert_eq!(message.negotiated_minor(), u16::from(minor));
    }
}

#[test]
fn a_newer_minor_version_is_negotiated_down() {
    let bytes = packet([0, 3, 0x27, 0x0f], b"user\0a\0\0");
    let FirstPacket::Startup(message) = first_packet(&bytes) else {
        panic!("refused")
    };
    assert_eq!(message.minor, 9999);
    let expected = Negotiation {
        newest_minor: 2,
        unknown_options: Vec::new(),
    };
    assert_eq!(message.negotiation(), Some(expected));
}

#[test]
fn protocol_options_are_listed_and_kept_out_of_the_settings() {
    let message = startup(b"user\0a\0_pq_.foo\x001\0_pq_.bar\0\0TimeZone\0UTC\0\0");
    let names = vec!["_pq_.foo".to_owned(), "_pq_.bar".to_owned()];
    assert_eq!(message.params, pairs_of(&[("TimeZone", "UTC")]));
    // The version must not be above what the client asked for.
    let expected = Negotiation {
        newest_minor: 0,
        unknown_options: names,
    };
    assert_eq!(message.negotiation(), Some(expected));
}

#[test]
fn replication_is_read_like_postgresql_reads_it() {
    let mode = |value: &str| {
        startup(format!("user\0a\0replication\0{value}\0\0").as_bytes()).replication_mode()
    };
    assert_eq!(
        startup(b"user\0a\0\0").replication_mode(),
        Ok(Replication::Off)
    );
    for off in ["false", "f", "no", "N", "off", "of", "0"] {
        assert_eq!(mode(off), Ok(Replication::Off), "{off}");
    }
    for on in ["true", "TRUE", "t", "ye", "on", "1"] {
        assert_eq!(mode(on), Ok(Replication::Physical), "{on}");
    }
    assert_eq!(mode("database"), Ok(Replication::Logical));
    for bad in ["o", "x", "", "truey", "2"] {
        let value = bad.to_owned();
        let error = StartupError::Replication { value };
        assert_eq!(error.sqlstate(), SqlState::INVALID_PARAMETER_VALUE);
        assert_eq!(mode(bad), Err(error));
    }
}

#[test]
fn startup_values_cannot_smuggle_parameters() {
    let mut out = Vec::new();
    let none: [(&str, &str); 0] = [];
    let zero = |field| Err(EncodeError::ZeroByte { field });
    assert_eq!(
        encode_startup(&mut out, "a\0database\0postgres", "", none, 0),
        zero("parameter value")
    );
    assert_eq!(
        encode_startup(&mut out, "a", "", [("b\0", "c")], 0),
        zero("parameter name")
    );
    assert_eq!(
        encode_startup(&mut out, "", "", none, 0),
        Err(EncodeError::Empty { field: "user" })
    );
    assert_eq!(
        encode_startup(&mut out, "a", "", [("", "x")], 0),
        Err(EncodeError::Empty {
            field: "parameter name"
        })
    );
    assert!(out.is_empty());
    encode_startup(
        &mut out,
        "a",
        "d",
        [("user", "root"), ("database", "x"), ("b", "c")],
        2,
    )
    .expect("valid");
    let FirstPacket::Startup(message) = first_packet(&out) else {
        panic!("refused")
    };
    assert_eq!(
        (message.user.as_str(), message.database.as_str()),
        ("a", "d")
    );
    assert_eq!(
        (message.minor, message.params),
        (2, pairs_of(&[("b", "c")]))
    );
}
