//! One entry point per decoder: any bytes must give a value or an error, and decoded values must survive
//! being written and read again.

use zeroize::Zeroizing;

use crate::auth::{
    Account, Channel, ClientAuth, ClientPolicy, ClientSetup, FirstAnswer, Mismatch,
    PasswordVerifier, Plugin, RsaPolicy, RsaPublicKey, ServerAuth, ServerSetup, ServerStep,
    Switching, Tokens,
};
use crate::capabilities::Capabilities;
use crate::command::{self, Command};
use crate::frame::{self, Frame, Header, Sequence};
use crate::handshake::{
    self, ChangeUser, ClientFirst, Nonce, ServerFirst, client_first, login_reply, server_first,
};
use crate::reply::{
    Changes, ErrPacket, OkPacket, ReplyKind, ReplyScanner, Then, end_of_rows, ok, put_change,
    read_end,
};
use crate::secret::Secret;
use crate::version::ServerVersion;

/// The payload of the only packet in `bytes`, which our own builder wrote.
fn payload(bytes: &[u8]) -> &[u8] {
    match frame::next(bytes) {
        Frame::Complete(header) => {
            assert_eq!(header.total(), bytes.len(), "builders write whole packets");
            header.payload(bytes)
        }
        Frame::Incomplete(_) | Frame::NeedHeader => {
            unreachable!("builders write whole packets")
        }
    }
}

/// Capabilities that change how bytes are read, chosen by the first byte of the input.
fn capabilities(data: &[u8]) -> (Capabilities, &[u8]) {
    let (choice, rest) = data
        .split_first()
        .map_or((0, data), |(first, rest)| (*first, rest));
    let bits = [
        Capabilities::DEPRECATE_EOF,
        Capabilities::SESSION_TRACK,
        Capabilities::QUERY_ATTRIBUTES,
        Capabilities::OPTIONAL_RESULTSET_METADATA,
        Capabilities::MARIADB_CACHE_METADATA,
        Capabilities::MARIADB_PROGRESS,
        Capabilities::PLUGIN_AUTH | Capabilities::CONNECT_ATTRS,
        Capabilities::SECURE_CONNECTION,
    ];
    let mut chosen = Capabilities::PROTOCOL_41;
    for (bit, mask) in bits.into_iter().zip([1, 2, 4, 8, 16, 32, 64, 128_u8]) {
        if choice & mask != 0 {
            chosen = chosen | bit;
        }
    }
    (chosen, rest)
}

/// Walks over all packets; every step must make progress and stay inside the input.
pub fn fuzz_frame(data: &[u8]) {
    let mut rest = data;
    while let Frame::Complete(header) = frame::next(rest) {
        let (packet, behind) = rest
            .split_at_checked(header.total())
            .expect("complete means here");
        assert_eq!(header.payload(packet).len(), header.payload_len());
        rest = behind;
    }
    let mut joined = Vec::new();
    if let Ok(Some(consumed)) = frame::join(data, 1000, &mut joined) {
        assert!(consumed <= data.len() && joined.len() <= 1000);
    } else {
        assert!(joined.is_empty());
    }
    if let Ok(Some(packet)) = frame::small(data, 1000) {
        assert!(packet.consumed <= data.len());
    }
}

/// First packets of a client.
pub fn fuzz_client_first(data: &[u8]) {
    if let Ok(ClientFirst::Login(login)) = client_first(data) {
        let mut out = Vec::new();
        handshake::login(&mut out, &mut Sequence::after(1), &login)
            .expect("texts that were read have no zero bytes");
        let again = client_first(payload(&out)).expect("it was a login before");
        assert_eq!(again, ClientFirst::Login(login));
    }
    let (capabilities, body) = capabilities(data);
    if let Ok(change) = ChangeUser::parse(body, capabilities) {
        let mut out = Vec::new();
        change
            .write(&mut out, &mut Sequence::start(), capabilities)
            .expect("texts that were read have no zero bytes");
        let body = payload(&out).get(1..).expect("a command byte");
        assert_eq!(ChangeUser::parse(body, capabilities), Ok(change));
    }
}

/// First packets of a server, and those of its login.
pub fn fuzz_server_first(data: &[u8]) {
    if let Ok(ServerFirst::Greeting(greeting)) = server_first(data) {
        let _version = ServerVersion::parse(&greeting.version);
        let mut out = Vec::new();
        handshake::greeting(&mut out, &mut Sequence::start(), &greeting)
            .expect("texts that were read have no zero bytes");
        let again = server_first(payload(&out)).expect("it was a greeting before");
        if greeting.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            assert_eq!(again, ServerFirst::Greeting(greeting));
        }
    }
    let _version = ServerVersion::parse(data);
    let (capabilities, body) = capabilities(data);
    let _reply = login_reply(body, capabilities);
}

/// A server that sends anything to a client that logs in; packets are divided by lines.
pub fn fuzz_client_auth(data: &[u8]) {
    let (capabilities, body) = capabilities(data);
    let channel = if capabilities.contains(Capabilities::SESSION_TRACK) {
        Channel::Tls
    } else {
        Channel::Open
    };
    let setup = ClientSetup {
        password: Secret::from("hunter2"),
        channel,
        policy: ClientPolicy {
            rsa: RsaPolicy::AskServer,
        },
        random: Zeroizing::new([7; 32]),
    };
    let nonce = Nonce::from_random([1; 20]);
    let mut login = ClientAuth::start_without_challenge(setup.clone());
    if capabilities.contains(Capabilities::DEPRECATE_EOF) {
        let greeted = Plugin::CachingSha2.name().as_bytes();
        (login, _, _) = ClientAuth::start(setup, greeted, &nonce).expect("nothing to encrypt");
    }
    for line in body.split(|byte| *byte == b'\n') {
        let Ok(reply) = login_reply(line, capabilities) else {
            return;
        };
        match login.reply(&reply) {
            Ok(crate::auth::Answer::Send(sent)) if channel == Channel::Open => {
                let shown = memchr::memmem::find(&sent, b"hunter2").is_some();
                assert!(!shown, "the password is never sent in the open");
            }
            Ok(_) => {}
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
}

/// A client that sends anything to a server; packets are divided by lines.
pub fn fuzz_server_auth(data: &[u8]) {
    let (capabilities, body) = capabilities(data);
    let has = |bit| capabilities.contains(bit);
    let setup = ServerSetup {
        account: Account {
            verifier: PasswordVerifier::new(b"hunter2"),
            tokens: if has(Capabilities::QUERY_ATTRIBUTES) {
                Tokens::Accepted
            } else {
                Tokens::Refused
            },
        },
        channel: if has(Capabilities::SESSION_TRACK) {
            Channel::Tls
        } else {
            Channel::Open
        },
        preferred: if has(Capabilities::DEPRECATE_EOF) {
            Plugin::Clear
        } else {
            Plugin::CachingSha2
        },
        mismatch: Mismatch::Refuse,
        fresh: Nonce::from_random([1; 20]),
    };
    let tokens = setup.account.tokens == Tokens::Accepted && setup.channel.is_private();
    let mut packets = body.split(|byte| *byte == b'\n');
    let client = FirstAnswer {
        plugin: packets.next().unwrap_or_default(),
        data: packets.next().unwrap_or_default(),
        switching: if has(Capabilities::PLUGIN_AUTH) {
            Switching::Possible
        } else {
            Switching::Impossible
        },
    };
    let (mut login, mut step) = ServerAuth::start(setup, &client, &Nonce::from_random([2; 20]));
    for packet in packets {
        match step {
            ServerStep::Switch { .. } | ServerStep::MoreData(_) => {}
            ServerStep::Token(_) => assert!(tokens, "only where tokens may come"),
            ServerStep::Accepted => {
                assert!(memchr::memmem::find(data, b"hunter2").is_some());
                return;
            }
            ServerStep::AcceptedFast => unreachable!("nobody finds a hash by chance"),
            ServerStep::Refused(_) => return,
        }
        step = login.packet(packet);
    }
}

/// Keys that a server hands in.
pub fn fuzz_rsa_key(data: &[u8]) {
    let _key = RsaPublicKey::from_pem(data);
}

/// Commands.
pub fn fuzz_command(data: &[u8]) {
    let (capabilities, body) = capabilities(data);
    if let Some(command) = Command::of(body) {
        assert_eq!(Some(&command.code()), body.first());
        let _kind = (command.reply(), command.fate());
    }
    if let Ok(query) = command::query(body, capabilities) {
        assert_eq!([query.prefix, query.text].concat(), body);
        assert_eq!(
            query.attribute_list().count(),
            usize::from(query.attributes)
        );
    }
    if let Ok(head) = command::execute_head(body) {
        for declared in [0, 1, 9, u16::MAX] {
            let Ok(bound) = command::execute_parameters(&head, declared, capabilities) else {
                continue;
            };
            let mut out = Vec::new();
            command::execute(&mut out, capabilities, &head, &bound);
            let body = payload(&out).get(1..).expect("a command byte");
            let again = command::execute_head(body).expect("it had a head before");
            assert_eq!(again.statement_id, head.statement_id);
            // What is written without parameters says so by saying nothing.
            let declared = if bound.count == 0 { 0 } else { declared };
            assert_eq!(
                command::execute_parameters(&again, declared, capabilities),
                Ok(bound)
            );
        }
    }
    let _others = (
        command::statement_id(body),
        command::long_data(body),
        command::fetch(body),
        command::set_option(body),
        command::process_kill(body),
        command::field_list(body),
        command::BulkExecute::parse(body),
    );
}

/// Replies: every packet is decided after few bytes, and an end is an end.
pub fn fuzz_reply(kind: ReplyKind, data: &[u8]) {
    let (capabilities, mut rest) = capabilities(data);
    let mut scanner = ReplyScanner::new(kind, capabilities);
    // One byte of length in front of each packet.
    while let Some((length, behind)) = rest.split_first() {
        let length = usize::from(*length).min(behind.len());
        let (packet, next) = behind.split_at(length);
        rest = next;
        let header = Header {
            length: u32::try_from(length).expect("one byte"),
            sequence: 0,
        };
        match scanner.packet(header, packet) {
            Ok(seen) => {
                let seen = seen.expect("all of the packet is here");
                assert_eq!(seen.then == Then::End, scanner.is_done());
                if seen.then == Then::Client {
                    let _upload = scanner.upload(header);
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
}

/// Packets that are read whole.
pub fn fuzz_packets(data: &[u8]) {
    let (capabilities, body) = capabilities(data);
    if let Ok((_, end)) = read_end(body, capabilities) {
        check_end(&end, capabilities);
    }
    let _error = ErrPacket::parse(body);
    let changes: Result<Vec<_>, _> = Changes::new(body).collect();
    if let Ok(changes) = changes {
        let mut out = Vec::new();
        for change in &changes {
            put_change(&mut out, change);
        }
        let again: Result<Vec<_>, _> = Changes::new(&out).collect();
        assert_eq!(again.as_ref(), Ok(&changes));
    }
}

fn check_end(end: &OkPacket<'_>, capabilities: Capabilities) {
    let mut out = Vec::new();
    ok(&mut out, &mut Sequence::after(1), capabilities, end);
    let (_, again) = read_end(payload(&out), capabilities).expect("an OK");
    assert_eq!((again.info, again.changes), (end.info, end.changes));
    let mut out = Vec::new();
    end_of_rows(&mut out, &mut Sequence::after(1), capabilities, end);
    let (_, again) = read_end(payload(&out), capabilities).expect("an end");
    assert_eq!(again.head.warnings, end.head.warnings);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like packets often enough: zeroes, small counts, headers, plugin names.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            3 => Just(0_u8),
            3 => 0_u8..10,
            2 => prop::sample::select(b"\xfb\xfc\xfd\xfe\xff\n\x03\x04P".to_vec()),
            2 => any::<u8>(),
        ];
        vec(byte, 0..100)
    }

    /// Lines that plugins exchange, in any order.
    fn exchange() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            Just(b"\xfemysql_native_password\0abcdefghijklmnopqrst\0".to_vec()),
            Just(b"\xfecaching_sha2_password\0abcdefghijklmnopqrst\0".to_vec()),
            Just(b"\xfesha256_password\0abcdefghijklmnopqrst\0".to_vec()),
            Just(b"\xfemysql_clear_password\0".to_vec()),
            Just(b"\xfeparsec\0abcdefghijklmnopabcdefghijklmnop".to_vec()),
            Just(b"\xfeclient_ed25519\0abcdefghijklmnopabcdefghijklmnop".to_vec()),
            Just(b"\x01\x03".to_vec()),
            Just(b"\x01\x04".to_vec()),
            Just(b"P\0saltsalt".to_vec()),
            Just(b"mysql_clear_password".to_vec()),
            Just(b"caching_sha2_password".to_vec()),
            Just(b"hunter2\0".to_vec()),
            Just(vec![9; 32]),
            Just(Vec::new()),
            vec(any::<u8>(), 0..30),
        ];
        (any::<u8>(), vec(line, 0..6))
            .prop_map(|(first, lines)| [&[first][..], &lines.join(&b'\n')].concat())
    }

    /// Fields in front of a login's names, with the bits that matter.
    fn logins() -> impl Strategy<Value = Vec<u8>> {
        (any::<[u8; 4]>(), bytes()).prop_map(|(bits, names)| {
            let [a, b, c, d] = bits;
            [&[a, b | 0x02, c, d][..], &[0; 28], &names].concat()
        })
    }

    fn greetings() -> impl Strategy<Value = Vec<u8>> {
        (any::<[u8; 2]>(), bytes()).prop_map(|(bits, tail)| {
            let [low, high] = bits;
            let start: &[u8] = b"\x0a9.1\0\x01\0\0\0abcdefgh\0";
            let middle = [
                low, 0x82, 45, 2, 0, high, 0, 21, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0,
            ];
            [start, &middle, b"ijklmnopqrst\0", &tail].concat()
        })
    }

    proptest! {
        // More with `PROPTEST_CASES`.
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(400)))]

        #[test]
        fn frames_never_panic(data in bytes()) { fuzz_frame(&data); }

        #[test]
        fn first_packets_of_clients_never_panic(data in prop_oneof![bytes(), logins()]) {
            fuzz_client_first(&data);
        }

        #[test]
        fn first_packets_of_servers_never_panic(data in prop_oneof![bytes(), greetings()]) {
            fuzz_server_first(&data);
        }

        #[test]
        fn servers_cannot_get_the_password(data in prop_oneof![bytes(), exchange()]) {
            fuzz_client_auth(&data);
        }

        #[test]
        fn clients_cannot_get_in(data in prop_oneof![bytes(), exchange()]) {
            fuzz_server_auth(&data);
        }

        #[test]
        fn keys_never_panic(
            data in prop_oneof![
                bytes(),
                "-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\\n]{0,80}-----END PUBLIC KEY-----"
                    .prop_map(String::into_bytes),
            ],
        ) {
            fuzz_rsa_key(&data);
        }

        #[test]
        fn commands_never_panic(data in bytes()) { fuzz_command(&data); }

        #[test]
        fn packets_never_panic(data in bytes()) { fuzz_packets(&data); }

        #[test]
        fn replies_never_panic(
            kind in prop::sample::select(vec![
                ReplyKind::Single,
                ReplyKind::TextResults,
                ReplyKind::BinaryResults,
                ReplyKind::Fields,
                ReplyKind::Prepared,
                ReplyKind::CursorRows,
                ReplyKind::Login,
                ReplyKind::Stream,
            ]),
            data in bytes(),
        ) {
            fuzz_reply(kind, &data);
        }
    }
}
