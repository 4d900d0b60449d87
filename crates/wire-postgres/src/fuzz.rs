//! One entry point per decoder: any bytes must give a value or an error, and decoded values must survive
//! being written and read again.

use crate::backend::{self, Authentication, ErrorFields, read};
use crate::frame::{self, Frame};
use crate::frontend;
use crate::md5_auth::Md5Hash;
use crate::scram::{
    ChannelBinding, ClientBinding, ClientCredential, ClientKeys, SCRAM_SHA_256, SCRAM_SHA_256_PLUS,
    ScramClient, ScramServer, Verifier, tls_server_end_point,
};
use crate::secret::Secret;
use crate::startup::{self, FirstPacket};

/// The body of the first frame in `bytes`, which our own builder wrote.
fn body(bytes: &[u8]) -> &[u8] {
    match frame::next(bytes) {
        Frame::Complete(header) => {
            assert_eq!(header.total, bytes.len(), "builders write whole frames");
            header.body(bytes)
        }
        Frame::Incomplete(_) | Frame::NeedHeader | Frame::Invalid(_) => {
            unreachable!("builders write whole frames")
        }
    }
}

/// Walks over all frames; every step must make progress and stay inside the input.
pub fn fuzz_frame(data: &[u8]) {
    let mut rest = data;
    while let Frame::Complete(header) = frame::next(rest) {
        assert!(header.total >= frame::HEADER_LEN);
        let (message, behind) = rest
            .split_at_checked(header.total)
            .expect("complete means here");
        assert_eq!(header.body(message).len(), header.body_len());
        rest = behind;
    }
}

/// First packets of a connection.
pub fn fuzz_first_packet(data: &[u8]) {
    let first = startup::first_packet(data);
    assert!(first.consumed() <= data.len());
    match first {
        FirstPacket::NeedMore => assert!(data.len() < startup::MAX_FIRST_PACKET),
        FirstPacket::Startup(message) => {
            assert!(!message.user.is_empty() && !message.database.is_empty());
            let _mode = message.replication_mode();
            let mut out = Vec::new();
            let params = message.params.iter().map(|(name, value)| (name, value));
            // Names that only `options` can spell (user, database) do not come back; others must.
            if startup::encode_startup(&mut out, &message.user, &message.database, params, 0)
                .is_ok()
            {
                match startup::first_packet(&out) {
                    FirstPacket::Startup(again) => assert_eq!(again.user, message.user),
                    FirstPacket::Invalid(_) => {}
                    FirstPacket::NeedMore
                    | FirstPacket::DirectTls
                    | FirstPacket::SslRequest
                    | FirstPacket::GssEncRequest
                    | FirstPacket::Cancel { .. } => unreachable!("it is a startup message"),
                }
            }
        }
        FirstPacket::Cancel { process_id, secret } => {
            let mut out = Vec::new();
            startup::encode_cancel(&mut out, process_id, &secret);
            assert_eq!(out.get(4..), data.get(4..out.len()));
        }
        FirstPacket::Invalid(error) => assert!(!error.to_string().is_empty()),
        FirstPacket::DirectTls | FirstPacket::SslRequest | FirstPacket::GssEncRequest => {}
    }
}

/// The startup parameter `options` alone, so that the fuzzer need not find a whole packet first.
pub fn fuzz_options(data: &[u8]) {
    let Ok(options) = std::str::from_utf8(data) else {
        return;
    };
    let mut out = Vec::new();
    if startup::encode_startup(&mut out, "u", "d", [("options", options)], 0).is_ok() {
        fuzz_first_packet(&out);
    }
}

/// Bodies of server messages.
pub fn fuzz_backend(data: &[u8]) {
    let _step = Authentication::parse(data);
    if let Ok((name, value)) = read::parameter_status(data) {
        let mut out = Vec::new();
        backend::parameter_status(&mut out, name, value);
        assert_eq!(body(&out), data);
    }
    if let Ok((process_id, secret)) = read::backend_key_data(data) {
        let mut out = Vec::new();
        backend::backend_key_data(&mut out, process_id, secret.expose());
        assert_eq!(body(&out), data);
    }
    if let Ok(status) = read::ready_for_query(data) {
        let mut out = Vec::new();
        backend::ready_for_query(&mut out, status);
        assert_eq!(body(&out), data);
    }
    let _tag = read::command_tag(data);
    if let Ok(row) = read::data_row(data) {
        let columns = usize::from(row.columns());
        assert!(row.count() <= columns);
    }
    if let Ok(answer) = read::negotiate_protocol_version(data) {
        let mut out = Vec::new();
        let (minor, options) = (answer.newest_minor, &answer.unknown_options);
        backend::negotiate_protocol_version(&mut out, minor, options);
        assert_eq!(read::negotiate_protocol_version(body(&out)), Ok(answer));
    }
    fuzz_error_fields(data);
}

/// Bodies of errors and notices.
pub fn fuzz_error_fields(data: &[u8]) {
    if let Ok(fields) = ErrorFields::parse(data) {
        let mut out = Vec::new();
        backend::error_response(&mut out, &fields);
        assert_eq!(ErrorFields::parse(body(&out)), Ok(fields));
    }
}

/// Bodies of client messages.
pub fn fuzz_frontend(data: &[u8]) {
    let mut out = Vec::new();
    if let Ok(parse) = frontend::Parse::parse(data) {
        frontend::parse(&mut out, parse.name, parse.sql, parse.param_types).expect("as read");
        assert_eq!(body(&out), data);
        out.clear();
    }
    if let Ok(bind) = frontend::Bind::parse(data) {
        frontend::bind(&mut out, bind.portal, bind.statement, bind.rest).expect("as read");
        assert_eq!(body(&out), data);
        out.clear();
    }
    if let Ok(describe) = frontend::Describe::parse(data) {
        frontend::describe(&mut out, describe.kind, describe.name).expect("as read");
        assert_eq!(body(&out), data);
        out.clear();
    }
    if let Ok(close) = frontend::Close::parse(data) {
        frontend::close(&mut out, close.kind, close.name).expect("as read");
        assert_eq!(body(&out), data);
        out.clear();
    }
    if let Ok(execute) = frontend::Execute::parse(data) {
        frontend::execute(&mut out, execute.portal, execute.max_rows).expect("as read");
        assert_eq!(body(&out), data);
        out.clear();
    }
    if let Ok(message) = frontend::PasswordMessage::parse(data) {
        frontend::password(&mut out, message.bytes).expect("as read");
        assert_eq!(body(&out), data);
        out.clear();
    }
    let _query = frontend::Query::parse(data);
    if let Ok(frontend::SaslInitialResponse {
        mechanism,
        data: Some(first),
    }) = frontend::SaslInitialResponse::parse(data)
    {
        frontend::sasl_initial_response(&mut out, mechanism, first).expect("as read");
        assert_eq!(body(&out), data);
    }
}

/// A server's SCRAM role against any client: first message, then any final message.
pub fn fuzz_scram_server(data: &[u8]) {
    let verifier = Verifier::mock("user", &[7; 32]);
    let nonce = [1; 18];
    for mechanism in [SCRAM_SHA_256, SCRAM_SHA_256_PLUS] {
        let server = ScramServer::new(verifier.clone(), ChannelBinding::Available(vec![9; 32]));
        let _refused = server.client_first(mechanism, data, &nonce);
    }
    let server = ScramServer::new(verifier, ChannelBinding::None);
    if let Ok((_, next)) = server.client_first(SCRAM_SHA_256, b"n,,n=,r=abc", &nonce) {
        assert!(
            next.client_final(data).is_err(),
            "nobody can prove to know a mock verifier"
        );
    }
}

/// A client's SCRAM role against any server. Kept keys, so that no input costs a derivation.
pub fn fuzz_scram_client(data: &[u8]) {
    let Ok(keys) = ClientKeys::new(b"salt", 1, [1; 32], [2; 32]) else {
        return;
    };
    let credential = ClientCredential::Keys(keys);
    let nonce = "0123456789abcdef";
    let Ok(client) = ScramClient::new(credential, nonce, ClientBinding::Unsupported) else {
        return;
    };
    let (_, waiting) = client.client_first();
    let _cost = waiting.cost(data);
    let _answer = waiting.clone().server_first(data);
    if let Ok(answer) = waiting.server_first(b"r=0123456789abcdefx,s=c2FsdA==,i=1") {
        assert!(answer.next.server_final(data).is_err() || data.starts_with(b"v="));
    }
}

/// Texts and certificates an operator or a peer hands in.
pub fn fuzz_credentials(data: &[u8]) {
    let _hash = tls_server_end_point(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(Verifier::parse(&verifier.to_text()), Ok(verifier));
    }
    if let Some(hash) = Md5Hash::parse(text) {
        assert!(!hash.response(*b"salt").expose().is_empty());
    }
    let derived = Verifier::from_password(Secret::from(text).expose(), b"salt", 1);
    assert!(derived.is_ok());
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like messages often enough: zero bytes, small counts, SCRAM's punctuation.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            3 => Just(0_u8),
            2 => 0_u8..8,
            3 => prop::sample::select(b"SPCMDHV=,:$-c \\rnpsiveyam".to_vec()),
            2 => any::<u8>(),
        ];
        vec(byte, 0..120)
    }

    /// A packet with a right length field and one of the known codes.
    fn packets() -> impl Strategy<Value = Vec<u8>> {
        let code = prop::sample::select(vec![
            [0, 3, 0, 0],
            [0, 3, 0, 2],
            [0x04, 0xd2, 0x16, 0x2e],
            [0x04, 0xd2, 0x16, 0x2f],
            [0x04, 0xd2, 0x16, 0x30],
        ]);
        let prefix = prop::sample::select(vec![&b""[..], b"user\0x\0", b"user\0x\0options\0"]);
        (code, prefix, bytes()).prop_map(|(code, prefix, tail)| {
            let mut out = Vec::new();
            crate::output::counted(&mut out, |out: &mut Vec<u8>| {
                out.extend(code);
                out.extend(prefix);
                out.extend(&tail);
            });
            out
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn frames_never_panic(data in bytes()) { fuzz_frame(&data); }

        #[test]
        fn first_packets_never_panic(data in prop_oneof![bytes(), packets()]) {
            fuzz_first_packet(&data);
        }

        #[test]
        fn options_never_panic(data in "(-c |--|-c|[a-z=\\\\ ]){0,20}") {
            fuzz_options(data.as_bytes());
        }

        #[test]
        fn backend_bodies_never_panic(data in bytes()) { fuzz_backend(&data); }

        #[test]
        fn frontend_bodies_never_panic(data in bytes()) { fuzz_frontend(&data); }

        #[test]
        fn scram_servers_never_panic(data in prop_oneof![
            bytes(),
            "(n|y|p=tls-server-end-point),(a=x)?,n=,r=[a-z,=]{0,20}".prop_map(String::into_bytes),
            "c=biws,r=[a-zA-Z,=]{0,40}(,p=[A-Za-z=]{0,44})?".prop_map(String::into_bytes),
        ]) {
            fuzz_scram_server(&data);
        }

        #[test]
        fn scram_clients_never_panic(data in prop_oneof![
            bytes(),
            "r=(0123456789abcdef)?[a-z]{0,5},s=[a-zA-Z=]{0,8},i=[0-9]{0,25}"
                .prop_map(String::into_bytes),
            "[ve]=[A-Za-z=]{0,44}".prop_map(String::into_bytes),
        ]) {
            fuzz_scram_client(&data);
        }

        #[test]
        fn credentials_never_panic(data in prop_oneof![
            bytes(),
            "\\PC{0,20}".prop_map(String::into_bytes),
            "SCRAM-SHA-256\\$[0-9]{0,8}:[A-Za-z]{4}\\$[A-Za-z0-9]{43}=:[A-Za-z0-9]{43}="
                .prop_map(String::into_bytes),
        ]) {
            fuzz_credentials(&data);
        }
    }
}
