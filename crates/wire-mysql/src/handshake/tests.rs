//! First packets, written by hand from the layouts of the reference manual of the protocol.

use proptest::prelude::*;

use super::*;
use crate::capabilities::Capabilities;
use crate::decode::DecodeError;
use crate::frame::{self, Frame, Sequence};
use crate::output::EncodeError;
use crate::status::StatusFlags;

const NONCE: &[u8; NONCE_LEN] = b"abcdefghijklmnopqrst";

fn payload(bytes: &[u8]) -> &[u8] {
    match frame::next(bytes) {
        Frame::Complete(header) => {
            assert_eq!(header.total(), bytes.len());
            header.payload(bytes)
        }
        Frame::Incomplete(_) | Frame::NeedHeader => unreachable!("builders write whole packets"),
    }
}

fn server() -> Greeting {
    Greeting {
        version: b"9.1.0".to_vec(),
        connection_id: 0x0102_0304,
        nonce: Nonce::from_random(*NONCE),
        capabilities: Capabilities::from_wire(0xdfff_ffff, 0),
        collation: 255,
        status: StatusFlags::AUTOCOMMIT,
        plugin: b"caching_sha2_password".to_vec(),
    }
}

/// A greeting of MySQL 9.
const GREETING: &[u8] = b"\x0a9.1.0\0\x04\x03\x02\x01abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_password\0";

#[test]
fn greetings_are_written_and_read() {
    let mut out = Vec::new();
    greeting(&mut out, &mut Sequence::start(), &server()).expect("no zero bytes");
    assert_eq!(payload(&out), GREETING);
    assert_eq!(
        server_first(GREETING),
        Ok(ServerFirst::Greeting(Box::new(server())))
    );
}

#[test]
fn greetings_that_are_cut_are_refused() {
    // The plugin's name may be cut: its zero byte is often missing.
    let plugin = GREETING.len() - b"caching_sha2_password\0".len();
    for split in 0..plugin {
        assert!(
            server_first(&GREETING[..split]).is_err(),
            "after {split} bytes"
        );
    }
    assert!(server_first(&GREETING[..plugin]).is_ok());
}

#[test]
fn mariadb_says_more_in_the_filler() {
    let extended = Capabilities::MARIADB_STMT_BULK | Capabilities::MARIADB_CACHE_METADATA;
    let mariadb = Greeting {
        version: b"5.5.5-10.11.6-MariaDB".to_vec(),
        capabilities: Capabilities::from_wire(0x81ff_f7fe, 0) | extended,
        plugin: b"mysql_native_password".to_vec(),
        ..server()
    };
    let mut out = Vec::new();
    greeting(&mut out, &mut Sequence::start(), &mariadb).expect("no zero bytes");
    assert_eq!(
        server_first(payload(&out)),
        Ok(ServerFirst::Greeting(Box::new(mariadb.clone())))
    );
    // With MySQL's bit the same bytes mean nothing.
    let mysql = Greeting {
        capabilities: mariadb.capabilities | Capabilities::LONG_PASSWORD,
        ..mariadb
    };
    let mut out = Vec::new();
    greeting(&mut out, &mut Sequence::start(), &mysql).expect("no zero bytes");
    let Ok(ServerFirst::Greeting(read)) = server_first(payload(&out)) else {
        unreachable!("a greeting");
    };
    assert_eq!(read.capabilities.extended(), 0);
}

#[test]
fn servers_may_refuse_before_they_greet() {
    let Ok(ServerFirst::Error(error)) = server_first(b"\xff\x10\x04Too many connections") else {
        unreachable!("an error");
    };
    assert_eq!((error.code, error.sqlstate), (1040, None));
    assert_eq!(
        server_first(b"\x09old"),
        Err(HandshakeError::ProtocolVersion { version: 9 })
    );
}

#[test]
fn challenges_have_no_bytes_that_end_texts() {
    let mut all = Vec::new();
    for start in (0..=255_u8).step_by(20) {
        let mut random = [0; NONCE_LEN];
        for (byte, offset) in random.iter_mut().zip(0..) {
            *byte = start.wrapping_add(offset);
        }
        all.extend(Nonce::from_random(random).bytes().iter().copied());
    }
    assert!(
        all.iter()
            .all(|byte| *byte != 0 && *byte != b'$' && byte.is_ascii())
    );
    assert_eq!(Nonce::from_server(b"short"), None);
    assert_eq!(Nonce::from_server(&[b'x'; 22]), None);
    assert!(Nonce::from_server(&[b'x'; 20]).is_some());
}

/// The bits that a client of MySQL 8 sets, and those of connection attributes.
const MODERN: Capabilities = Capabilities::LONG_PASSWORD
    .with(Capabilities::PROTOCOL_41)
    .with(Capabilities::SECURE_CONNECTION)
    .with(Capabilities::PLUGIN_AUTH)
    .with(Capabilities::PLUGIN_AUTH_LENENC)
    .with(Capabilities::CONNECT_WITH_DB)
    .with(Capabilities::CONNECT_ATTRS);

fn modern() -> Login {
    let mut attributes = Attributes::default();
    attributes.push(b"_client_name", b"libmysql");
    attributes.push(b"_pid", b"7");
    Login {
        capabilities: MODERN,
        max_packet: 0x0100_0000,
        collation: 45,
        user: b"app".to_vec(),
        auth: Secret::from(&[7; 32][..]),
        schema: b"shop".to_vec(),
        plugin: b"caching_sha2_password".to_vec(),
        attributes,
        zstd_level: 0,
    }
}

fn written(value: &Login) -> Vec<u8> {
    let mut out = Vec::new();
    login(&mut out, &mut Sequence::after(1), value).expect("it can be written");
    payload(&out).to_vec()
}

fn read(payload: &[u8]) -> Login {
    match client_first(payload) {
        Ok(ClientFirst::Login(login)) => *login,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn logins_are_read() {
    let fixed = b"\x09\x82\x38\x00\0\0\0\x01\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let names = [
        &b"app\0\x20"[..],
        &[7; 32],
        b"shop\0caching_sha2_password\0",
        b"\x1d\x0c_client_name\x08libmysql\x04_pid\x017",
    ]
    .concat();
    let bytes = [&fixed[..], &names].concat();
    assert_eq!(written(&modern()), bytes);
    let login = read(&bytes);
    assert_eq!(login, modern());
    let attributes: Vec<_> = login.attributes.iter().collect();
    assert_eq!(
        attributes,
        [(&b"_client_name"[..], &b"libmysql"[..]), (b"_pid", b"7")]
    );
    assert!(
        !format!("{login:?}").contains("7, 7, 7"),
        "data is redacted"
    );
}

#[test]
fn a_request_for_tls_is_a_login_without_names() {
    let mut out = Vec::new();
    tls_request(&mut out, &mut Sequence::after(1), MODERN, 1 << 24, 45);
    assert_eq!(payload(&out).len(), 32);
    assert_eq!(
        client_first(payload(&out)),
        Ok(ClientFirst::TlsRequest {
            capabilities: MODERN | Capabilities::SSL
        })
    );
    // Without the bit it is a login that was cut.
    let mut cut = payload(&out).to_vec();
    cut[1] &= !0x08;
    assert!(client_first(&cut).is_err());
}

#[test]
fn clients_of_before_4_1_are_told_apart() {
    assert_eq!(
        client_first(b"\x85\x24\0\0\0root\0\0"),
        Err(HandshakeError::OldClient)
    );
}

#[test]
fn tokens_fit_into_a_login() {
    let long = Login {
        auth: Secret::new(vec![b't'; 20_000]),
        ..modern()
    };
    assert_eq!(read(&written(&long)), long);
    let short = Login {
        capabilities: MODERN.without(Capabilities::PLUGIN_AUTH_LENENC),
        ..long
    };
    let mut out = Vec::new();
    assert_eq!(
        login(&mut out, &mut Sequence::after(1), &short),
        Err(EncodeError::TooLong {
            field: "authentication data",
            length: 20_000,
            limit: 255
        })
    );
    assert!(out.is_empty());
}

/// Bytes of a case.
type Sloppy = &'static [u8];

#[test]
fn sloppy_drivers_are_understood() {
    let base = Capabilities::PROTOCOL_41 | Capabilities::LONG_PASSWORD;
    let secure = base | Capabilities::SECURE_CONNECTION;
    let cases: [(Capabilities, Sloppy, Sloppy, Sloppy); 5] = [
        // No plugins at all: a length byte, and no zero byte behind the schema.
        (
            secure | Capabilities::CONNECT_WITH_DB,
            b"u\0\x02abshop",
            b"ab",
            b"",
        ),
        // No length byte either.
        (base, b"u\0ab\0", b"ab", b""),
        // An empty plugin with empty data.
        (secure | Capabilities::PLUGIN_AUTH, b"u\0\0\0", b"", b""),
        // A plugin without its zero byte.
        (
            secure | Capabilities::PLUGIN_AUTH,
            b"u\0\x01amysql_native_password",
            b"a",
            b"mysql_native_password",
        ),
        // Attributes promised, none sent.
        (
            secure | Capabilities::PLUGIN_AUTH | Capabilities::CONNECT_ATTRS,
            b"u\0\x01amysql_native_password\0",
            b"a",
            b"mysql_native_password",
        ),
    ];
    for (capabilities, names, auth, plugin) in cases {
        let mut bytes = capabilities.base().to_le_bytes().to_vec();
        bytes.extend([0; 28]);
        bytes.extend(names);
        let login = read(&bytes);
        assert_eq!(login.user, b"u");
        assert_eq!(login.auth, Secret::from(auth));
        assert_eq!(login.plugin, plugin);
        let schema: &[u8] = if capabilities.contains(Capabilities::CONNECT_WITH_DB) {
            b"shop"
        } else {
            b""
        };
        assert_eq!(login.schema, schema);
    }
}

#[test]
fn attributes_are_bounded() {
    let mut attributes = Attributes::default();
    attributes.push(b"a", &vec![b'x'; 60_000]);
    attributes.push(b"b", &vec![b'x'; 60_000]);
    attributes.push(b"c", b"1");
    let names: Vec<_> = attributes.iter().map(|(name, _)| name.to_vec()).collect();
    assert_eq!(names, [b"a", b"c"]);
    let mut bytes = written(&Login {
        attributes: Attributes::default(),
        ..modern()
    });
    bytes.pop();
    bytes.extend(b"\xfd\x01\x00\x01\xfd\xfb\xff\x00");
    bytes.extend(vec![b'x'; 0x1_0001]);
    assert!(matches!(
        client_first(&bytes),
        Err(HandshakeError::Malformed(_))
    ));
    let long_user = Login {
        user: vec![b'u'; 513],
        ..modern()
    };
    assert!(client_first(&written(&long_user)).is_err());
}

#[test]
fn logins_that_are_cut_never_panic_and_zero_bytes_are_not_written() {
    let bytes = written(&modern());
    for split in 0..bytes.len() {
        match client_first(&bytes[..split]) {
            Ok(ClientFirst::Login(login)) => assert_eq!(login.user, b"app"),
            Ok(ClientFirst::TlsRequest { .. }) => unreachable!("the bit is not set"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let hostile = Login {
        user: b"app\0root".to_vec(),
        ..modern()
    };
    assert_eq!(
        login(&mut Vec::new(), &mut Sequence::after(1), &hostile),
        Err(EncodeError::ZeroByte { field: "user" })
    );
}

#[test]
fn mariadb_clients_say_more_in_the_filler() {
    let capabilities = MODERN.without(Capabilities::LONG_PASSWORD)
        | Capabilities::MARIADB_PROGRESS
        | Capabilities::MARIADB_STMT_BULK;
    let client = Login {
        capabilities,
        ..modern()
    };
    assert_eq!(read(&written(&client)).capabilities, capabilities);
}

#[test]
fn zstd_has_a_level_at_the_end() {
    let client = Login {
        capabilities: MODERN | Capabilities::ZSTD_COMPRESSION,
        zstd_level: 3,
        ..modern()
    };
    assert_eq!(read(&written(&client)), client);
}

#[test]
fn users_are_changed() {
    let mut attributes = Attributes::default();
    attributes.push(b"k", b"v");
    let change = ChangeUser {
        user: b"next".to_vec(),
        auth: Secret::from("1234"),
        schema: b"db".to_vec(),
        collation: Some(255),
        plugin: b"mysql_native_password".to_vec(),
        attributes,
    };
    let mut out = Vec::new();
    change
        .write(&mut out, &mut Sequence::start(), MODERN)
        .expect("it can be written");
    let body = payload(&out).strip_prefix(b"\x11").expect("the command");
    assert_eq!(
        body,
        b"next\0\x041234db\0\xff\0mysql_native_password\0\x04\x01k\x01v"
    );
    assert_eq!(ChangeUser::parse(body, MODERN), Ok(change));
    let short = ChangeUser::parse(b"next\0\0db\0", MODERN).expect("the old form");
    assert_eq!((short.collation, short.schema), (None, b"db".to_vec()));
    assert_eq!(
        ChangeUser::parse(b"next\0\x05abc", MODERN),
        Err(DecodeError::Truncated {
            field: "authentication data"
        })
    );
}

#[test]
fn switches_and_plugin_data_are_written_and_read() {
    let mut out = Vec::new();
    let mut sequence = Sequence::after(2);
    auth_switch(&mut out, &mut sequence, b"mysql_clear_password", b"").expect("no zero bytes");
    assert_eq!(
        login_reply(payload(&out), MODERN),
        Ok(LoginReply::Switch {
            plugin: b"mysql_clear_password",
            data: b""
        })
    );
    let mut out = Vec::new();
    more_data(&mut out, &mut sequence, b"\x03");
    assert_eq!(out, b"\x02\0\0\x03\x01\x03");
    assert_eq!(
        login_reply(payload(&out), MODERN),
        Ok(LoginReply::MoreData(b"\x03"))
    );
    let mut out = Vec::new();
    auth_data(&mut out, &mut sequence, b"");
    assert_eq!(out, b"\0\0\0\x04");
}

#[test]
fn replies_in_a_login_are_told_apart() {
    assert_eq!(login_reply(b"\xfe", MODERN), Ok(LoginReply::OldSwitch));
    assert_eq!(login_reply(b"\x02x", MODERN), Ok(LoginReply::NextFactor));
    assert_eq!(
        login_reply(b"P\0salt", MODERN),
        Ok(LoginReply::MoreData(b"P\0salt"))
    );
    assert!(matches!(
        login_reply(b"\0\0\0\x02\0\0\0", MODERN),
        Ok(LoginReply::Ok(ok)) if ok.head.status == StatusFlags::AUTOCOMMIT
    ));
    assert!(matches!(
        login_reply(b"\xff\x15\x04#28000no", MODERN),
        Ok(LoginReply::Error(error)) if error.code == 1045
    ));
    assert!(login_reply(b"", MODERN).is_err());
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(1..=255_u8, 0..40)
}

proptest! {
    #[test]
    fn logins_survive_writing(
        base in any::<u32>(),
        user in name(),
        auth in proptest::collection::vec(1..=255_u8, 0..256),
        schema in name(),
        plugin in name(),
        pairs in proptest::collection::vec((name(), name()), 0..4),
        zstd_level in any::<u8>(),
    ) {
        let capabilities = Capabilities::from_wire(base, 0)
            | Capabilities::PROTOCOL_41
            | Capabilities::LONG_PASSWORD;
        let has = |bit| capabilities.contains(bit);
        let kept = |bit, value: Vec<u8>| if has(bit) { value } else { Vec::new() };
        let mut attributes = Attributes::default();
        if has(Capabilities::CONNECT_ATTRS) {
            for (name, value) in &pairs {
                attributes.push(name, value);
            }
        }
        // A length byte counts to 255 at most.
        let auth = auth.into_iter().take(255).collect();
        let value = Login {
            capabilities,
            max_packet: base,
            collation: zstd_level,
            user,
            auth: Secret::new(auth),
            schema: kept(Capabilities::CONNECT_WITH_DB, schema),
            plugin: kept(Capabilities::PLUGIN_AUTH, plugin),
            attributes,
            zstd_level: if has(Capabilities::ZSTD_COMPRESSION) { zstd_level } else { 0 },
        };
        prop_assert_eq!(read(&written(&value)), value);
    }
}
