//! SCRAM against the RFC's vector, against an independent client, and our roles against each other.

use postgres_protocol::authentication::sasl as oracle;
use proptest::prelude::*;

use super::*;
use crate::secret::Secret;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &[u8] = b"0123456789abcdefgh";
const HASH: [u8; 32] = [0x5a; 32];

// RFC 7677, section 3: user "user", password "pencil".
const RFC_SERVER_NONCE: &[u8] = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const RFC_SALT: &[u8] = &[
    0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81,
];
const RFC_CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const RFC_SERVER_FIRST: &[u8] =
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const RFC_CLIENT_FINAL: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
      p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const RFC_SERVER_FINAL: &[u8] = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// Few iterations keep the tests quick; the vectors use 4096.
fn verifier(password: &str) -> Verifier {
    Verifier::from_password(password.as_bytes(), b"0123456789abcdef", 2).expect("in range")
}

fn password(text: &str) -> ClientCredential {
    ClientCredential::Password(Secret::from(text))
}

fn client(credential: ClientCredential, binding: ClientBinding) -> ScramClient {
    ScramClient::new(credential, NONCE, binding).expect("usable nonce")
}

fn binding_of(mechanism: Mechanism) -> (ChannelBinding, ClientBinding) {
    match mechanism {
        Mechanism::ScramSha256 => (ChannelBinding::None, ClientBinding::Unsupported),
        Mechanism::ScramSha256Plus => (
            ChannelBinding::Available(HASH.to_vec()),
            ClientBinding::EndPoint(HASH.to_vec()),
        ),
    }
}

/// Runs a whole login between our two roles; gives the client's keys.
fn login(
    verifier: Verifier,
    credential: ClientCredential,
    mechanism: Mechanism,
) -> Result<ClientKeys, ScramError> {
    let (server_binding, client_binding) = binding_of(mechanism);
    let (first, waiting) = client(credential, client_binding).client_first();
    let server = ScramServer::new(verifier, server_binding);
    let (reply, server) = server.client_first(mechanism.as_str(), &first, SERVER_NONCE)?;
    let answer = waiting.server_first(&reply)?;
    let verdict = server.client_final(&answer.message)?;
    answer.next.server_final(&verdict)?;
    Ok(answer.keys)
}

/// A server that has seen an honest first message without channel binding.
fn server_after_first() -> (Vec<u8>, ServerAwaitingFinal) {
    let first = format!("n,,n=,r={NONCE}");
    ScramServer::new(verifier("pencil"), ChannelBinding::None)
        .client_first(SCRAM_SHA_256, first.as_bytes(), SERVER_NONCE)
        .expect("honest")
}

/// What the server says to this first message.
fn first_refusal(mechanism: &str, binding: ChannelBinding, data: &[u8]) -> ScramError {
    ScramServer::new(verifier("pencil"), binding)
        .client_first(mechanism, data, SERVER_NONCE)
        .expect_err("must be refused")
}

/// What the client says to this server message.
fn client_refusal(data: &[u8]) -> ScramError {
    let client = client(password("pencil"), ClientBinding::Unsupported);
    client
        .client_first()
        .1
        .server_first(data)
        .expect_err("must be refused")
}

#[test]
fn server_matches_the_rfc_vector() {
    let verifier = Verifier::from_password(b"pencil", RFC_SALT, 4096).expect("in range");
    let (reply, next) = ScramServer::new(verifier, ChannelBinding::None)
        .client_first_with(SCRAM_SHA_256, RFC_CLIENT_FIRST, RFC_SERVER_NONCE)
        .expect("honest");
    assert_eq!(reply, RFC_SERVER_FIRST);
    assert_eq!(
        next.client_final(RFC_CLIENT_FINAL),
        Ok(RFC_SERVER_FINAL.to_vec())
    );
}

#[test]
fn client_matches_the_rfc_vector() {
    let binding = ClientBinding::Unsupported;
    let client = ScramClient::with_user(password("pencil"), NONCE, binding, "user");
    let (first, waiting) = client.expect("usable nonce").client_first();
    assert_eq!(first, RFC_CLIENT_FIRST);
    let answer = waiting.server_first(RFC_SERVER_FIRST).expect("honest");
    assert_eq!(answer.message, RFC_CLIENT_FINAL);
    assert_eq!(answer.next.server_final(RFC_SERVER_FINAL), Ok(()));
}

#[test]
fn our_roles_agree_with_and_without_channel_binding() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha256Plus] {
        let keys = login(verifier("pencil"), password("pencil"), mechanism).expect("same password");
        assert_eq!(keys.verifier(), verifier("pencil"));
        assert_eq!(
            login(verifier("pencil"), password("pencil2"), mechanism),
            Err(ScramError::ProofMismatch)
        );
    }
}

#[test]
fn an_independent_client_logs_in() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha256Plus] {
        let (server_binding, _) = binding_of(mechanism);
        let client_binding = match mechanism {
            Mechanism::ScramSha256 => oracle::ChannelBinding::unsupported(),
            Mechanism::ScramSha256Plus => {
                oracle::ChannelBinding::tls_server_end_point(HASH.to_vec())
            }
        };
        let mut client = oracle::ScramSha256::new("p\u{f6}ncil".as_bytes(), client_binding);
        let server = ScramServer::new(verifier("p\u{f6}ncil"), server_binding);
        let (reply, server) = server
            .client_first(mechanism.as_str(), client.message(), SERVER_NONCE)
            .expect("honest");
        client
            .update(&reply)
            .expect("our first message is well formed");
        let verdict = server
            .client_final(client.message())
            .expect("same password");
        client.finish(&verdict).expect("our signature is right");
    }
}

#[test]
fn kept_keys_log_in_without_the_password() {
    let kept = login(
        verifier("pencil"),
        password("pencil"),
        Mechanism::ScramSha256,
    )
    .expect("right");
    let copy = ClientKeys::new(
        kept.salt(),
        kept.iterations(),
        *kept.expose_client_key(),
        *kept.expose_server_key(),
    );
    let keys = ClientCredential::Keys(copy.expect("in range"));
    assert_eq!(
        login(verifier("pencil"), keys, Mechanism::ScramSha256Plus),
        Ok(kept)
    );
}

#[test]
fn stale_keys_are_noticed_or_replaced() {
    let kept = login(
        verifier("pencil"),
        password("pencil"),
        Mechanism::ScramSha256,
    )
    .expect("right");
    let resalted = Verifier::from_password(b"pencil", b"another salt", 2).expect("in range");
    let keys = ClientCredential::Keys(kept.clone());
    let result = login(resalted.clone(), keys, Mechanism::ScramSha256);
    assert_eq!(result, Err(ScramError::StaleKeys));
    let both = ClientCredential::KeysOrPassword {
        keys: kept,
        password: Secret::from("pencil"),
    };
    let fresh = login(resalted.clone(), both, Mechanism::ScramSha256).expect("password is right");
    assert_eq!(fresh.verifier(), resalted);
}

#[test]
fn the_cost_of_an_answer_is_known_before() {
    let kept = ClientKeys::from_password(b"pencil", b"salt", 7).expect("in range");
    let both = ClientCredential::KeysOrPassword {
        keys: kept,
        password: Secret::from("pencil"),
    };
    let message = |salt: &str, count: u32| format!("r={NONCE}x,s={salt},i={count}").into_bytes();
    let (_, waiting) = client(both, ClientBinding::Unsupported).client_first();
    assert_eq!(waiting.cost(&message("c2FsdA==", 7)), DerivationCost::Cheap);
    assert_eq!(
        waiting.cost(&message("c2FsdB==", 7)),
        DerivationCost::Cheap,
        "malformed"
    );
    assert_eq!(
        waiting.cost(&message("c2FsdDI=", 7)),
        DerivationCost::Pbkdf2(7)
    );
    assert_eq!(
        waiting.cost(&message("c2FsdA==", 8)),
        DerivationCost::Pbkdf2(8)
    );
    let (_, waiting) = client(password("pencil"), ClientBinding::Unsupported).client_first();
    assert_eq!(
        waiting.cost(&message("c2FsdA==", 7)),
        DerivationCost::Pbkdf2(7)
    );
}

#[test]
fn a_removed_offer_is_a_downgrade() {
    let available = ChannelBinding::Available(HASH.to_vec());
    let data = format!("y,,n=,r={NONCE}");
    let error = first_refusal(SCRAM_SHA_256, available.clone(), data.as_bytes());
    assert_eq!(error, ScramError::Downgrade);
    assert_eq!(
        error.sqlstate(),
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    );
    // A client that cannot bind says so honestly and is let through.
    let data = format!("n,,n=,r={NONCE}");
    let server = ScramServer::new(verifier("pencil"), available);
    assert!(
        server
            .client_first(SCRAM_SHA_256, data.as_bytes(), SERVER_NONCE)
            .is_ok()
    );
    // Without an offer "y" is the honest word of a client that could.
    let data = format!("y,,n=,r={NONCE}");
    let server = ScramServer::new(verifier("pencil"), ChannelBinding::None);
    assert!(
        server
            .client_first(SCRAM_SHA_256, data.as_bytes(), SERVER_NONCE)
            .is_ok()
    );
}

#[test]
fn another_tls_channel_is_noticed() {
    let binding = ClientBinding::EndPoint(vec![0xa5; 32]);
    let (first, waiting) = client(password("pencil"), binding).client_first();
    let available = ChannelBinding::Available(HASH.to_vec());
    let (reply, server) = ScramServer::new(verifier("pencil"), available)
        .client_first(SCRAM_SHA_256_PLUS, &first, SERVER_NONCE)
        .expect("the first message does not carry the hash");
    let answer = waiting.server_first(&reply).expect("honest");
    let error = server
        .client_final(&answer.message)
        .expect_err("man in the middle");
    assert_eq!(error, ScramError::BindingMismatch);
}

#[test]
fn the_client_final_must_repeat_the_first_flag() {
    let (first, waiting) = client(password("pencil"), ClientBinding::NotOffered).client_first();
    assert!(first.starts_with(b"y,,"));
    let (reply, server) = server_after_first();
    let answer = waiting.server_first(&reply).expect("honest");
    let error = server
        .client_final(&answer.message)
        .expect_err("first said n, now y");
    assert_eq!(error, ScramError::BindingMismatch);
}

/// Checks a first message with this header against a server that does or does not offer binding.
fn check_header(mechanism: &str, binding: ChannelBinding, header: &str, expected: &ScramError) {
    let data = format!("{header}n=,r={NONCE}");
    let error = first_refusal(mechanism, binding, data.as_bytes());
    assert_eq!(&error, expected, "{mechanism} {header}");
}

#[test]
fn flags_and_mechanisms_must_fit() {
    let available = || ChannelBinding::Available(HASH.to_vec());
    let misfit = ScramError::BindingFlag;
    check_header(SCRAM_SHA_256_PLUS, available(), "n,,", &misfit);
    check_header(SCRAM_SHA_256_PLUS, available(), "y,,", &misfit);
    let bound = "p=tls-server-end-point,,";
    check_header(SCRAM_SHA_256, available(), bound, &misfit);
    check_header(SCRAM_SHA_256, ChannelBinding::None, bound, &misfit);
    let other = ScramError::BindingType;
    check_header(SCRAM_SHA_256_PLUS, available(), "p=tls-unique,,", &other);
}

#[test]
fn mechanisms_must_have_been_offered() {
    for mechanism in [SCRAM_SHA_256_PLUS, "SCRAM-SHA-1", "scram-sha-256", ""] {
        let expected = ScramError::UnknownMechanism;
        check_header(mechanism, ChannelBinding::None, "n,,", &expected);
    }
}

#[test]
fn headers_are_checked() {
    for (header, expected) in [
        ("x,,", ScramError::Attribute { attribute: 'n' }),
        ("n,b,", ScramError::Attribute { attribute: 'a' }),
        ("n,a=me,", ScramError::AuthorizationIdentity),
        ("n,,m=x,", ScramError::MandatoryExtension),
    ] {
        check_header(SCRAM_SHA_256, ChannelBinding::None, header, &expected);
    }
}

#[test]
fn malformed_first_messages_are_refused() {
    let refuse = |data: &[u8]| first_refusal(SCRAM_SHA_256, ChannelBinding::None, data);
    for data in [
        &b""[..],
        b"n",
        b"n,",
        b"n,,",
        b"n,,n=",
        b"n,,n=,",
        b"n,,r=abc",
        b"n,,n=,x=a",
    ] {
        assert!(
            matches!(refuse(data), ScramError::Attribute { .. }),
            "{data:?}"
        );
    }
    for nonce in [&b""[..], b"a b", b"a\0b", b"\x80"] {
        let data = [b"n,,n=,r=", nonce].concat();
        assert_eq!(refuse(&data), ScramError::Value { attribute: 'r' });
    }
    let long = [&b"n,,n=,r="[..], &[b'x'; 1017]].concat();
    assert_eq!(
        refuse(&long),
        ScramError::TooLong {
            length: 1025,
            limit: 1024
        }
    );
    let server = ScramServer::new(verifier("pencil"), ChannelBinding::None);
    let first = format!("n,,n=,r={NONCE}");
    let result = server.client_first(SCRAM_SHA_256, first.as_bytes(), b"too short");
    assert_eq!(
        result.map(|(reply, _)| reply),
        Err(ScramError::UnusableNonce)
    );
}

#[test]
fn first_messages_may_carry_names_and_extensions() {
    for bare in ["n=bob,r=abc", "n=b\u{f6}b=2C=3D,r=abc", "n=,r=abc,x=1,y=2"] {
        let data = format!("n,,{bare}");
        let server = ScramServer::new(verifier("pencil"), ChannelBinding::None);
        let (reply, _) = server
            .client_first(SCRAM_SHA_256, data.as_bytes(), SERVER_NONCE)
            .expect("allowed by RFC 5802");
        assert!(reply.starts_with(b"r=abcMDEy"), "{bare}");
    }
}

#[test]
fn another_nonce_is_refused_by_the_server() {
    let (_, server) = server_after_first();
    let data = format!("c=biws,r={NONCE}other,p={}=", "A".repeat(43));
    assert_eq!(
        server.client_final(data.as_bytes()),
        Err(ScramError::NonceMismatch)
    );
}

#[test]
fn malformed_final_messages_are_refused() {
    let (_, server) = server_after_first();
    let refuse = |data: &[u8]| server.clone().client_final(data).expect_err("malformed");
    for data in [
        &b""[..],
        b"c",
        b"c=biws",
        b"c=biws,r=x",
        b"c=biws,r=x,x",
        b"r=x,c=biws,p=",
    ] {
        assert!(
            matches!(refuse(data), ScramError::Attribute { .. }),
            "{data:?}"
        );
    }
    let proof = format!("p={}=", "A".repeat(43));
    for end in [
        "p=",
        "p=AAAA",
        "p=!",
        &format!("{proof},x=1"),
        &format!("{proof}="),
    ] {
        let data = format!("c=biws,r=x,{end}");
        assert_eq!(
            refuse(data.as_bytes()),
            ScramError::Value { attribute: 'p' },
            "{end}"
        );
    }
    assert!(matches!(refuse(&[b'x'; 1025]), ScramError::TooLong { .. }));
}

#[test]
fn extensions_before_the_proof_are_part_of_what_is_proven() {
    let (reply, server) = server_after_first();
    let (_, waiting) = client(password("pencil"), ClientBinding::Unsupported).client_first();
    let answer = waiting.server_first(&reply).expect("honest");
    let text = String::from_utf8(answer.message).expect("ascii");
    let extended = text.replace(",p=", ",x=1,p=");
    let result = server.clone().client_final(extended.as_bytes());
    assert_eq!(result, Err(ScramError::ProofMismatch));
    assert!(server.client_final(text.as_bytes()).is_ok());
}

#[test]
fn the_client_refuses_hostile_counts_and_salts() {
    let message = |salt: &str, count: &str| format!("r={NONCE}x,s={salt},i={count}").into_bytes();
    let too_many = [
        ("0", 0),
        ("1000001", 1_000_001),
        ("2147483647", 2_147_483_647),
    ];
    for (count, iterations) in too_many {
        assert_eq!(
            client_refusal(&message("c2FsdA==", count)),
            ScramError::Iterations { iterations }
        );
    }
    assert_eq!(
        client_refusal(&message("c2FsdA==", &"9".repeat(100))),
        ScramError::Iterations {
            iterations: u64::MAX
        }
    );
    for count in ["", "-1", "+1", "1x", " 1"] {
        assert_eq!(
            client_refusal(&message("c2FsdA==", count)),
            ScramError::Value { attribute: 'i' }
        );
    }
    assert_eq!(
        client_refusal(&message("", "1")),
        ScramError::Salt { length: 0 }
    );
    let long = "A".repeat(344);
    assert_eq!(
        client_refusal(&message(&long, "1")),
        ScramError::Salt { length: 258 }
    );
    assert_eq!(
        client_refusal(&message("c2FsdA", "1")),
        ScramError::Value { attribute: 's' }
    );
}

#[test]
fn the_client_refuses_foreign_nonces() {
    for nonce in ["", "other", NONCE, &NONCE[1..], &format!("{NONCE}a b")] {
        let data = format!("r={nonce},s=c2FsdA==,i=1");
        assert_eq!(
            client_refusal(data.as_bytes()),
            ScramError::NonceMismatch,
            "{nonce}"
        );
    }
    assert_eq!(client_refusal(b"m=x,r=y"), ScramError::MandatoryExtension);
    assert_eq!(
        client_refusal(b""),
        ScramError::Attribute { attribute: 'r' }
    );
    assert!(matches!(
        client_refusal(&[b'r'; 2001]),
        ScramError::TooLong { .. }
    ));
}

#[test]
fn the_client_refuses_a_server_that_does_not_know_the_verifier() {
    let (reply, server) = server_after_first();
    let (_, waiting) = client(password("pencil"), ClientBinding::Unsupported).client_first();
    let answer = waiting.server_first(&reply).expect("honest");
    let verdict = server.client_final(&answer.message).expect("right");
    let end = |data: &[u8]| answer.next.clone().server_final(data);
    assert_eq!(end(&verdict), Ok(()));
    let wrong = format!("v={}=", "A".repeat(43));
    assert_eq!(end(wrong.as_bytes()), Err(ScramError::ServerSignature));
    for data in [&b"v="[..], b"v=AAAA", b"v=!"] {
        assert_eq!(end(data), Err(ScramError::Value { attribute: 'v' }));
    }
    assert_eq!(end(b""), Err(ScramError::Attribute { attribute: 'v' }));
    let hostile = format!("e=no\n{}", "x".repeat(100));
    let value = format!("no{}", "x".repeat(62));
    assert_eq!(
        end(hostile.as_bytes()),
        Err(ScramError::ServerError { value })
    );
}

#[test]
fn unusable_client_nonces_are_refused() {
    for nonce in [
        "",
        "short",
        "with,comma,abcdefgh",
        "with blank abcdefgh",
        "abcdefghijklmn\u{f6}",
    ] {
        let result = ScramClient::new(password("x"), nonce, ClientBinding::Unsupported);
        assert_eq!(
            result.map(|_| ()),
            Err(ScramError::UnusableNonce),
            "{nonce}"
        );
    }
}

#[test]
fn the_client_chooses_the_strongest_offer() {
    let both = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"];
    let hash = || Some(HASH.to_vec());
    let choose = |offered: &[&str], end_point| ClientBinding::choose(offered, end_point);
    assert_eq!(
        choose(&both, hash()),
        Ok((
            Mechanism::ScramSha256Plus,
            ClientBinding::EndPoint(HASH.to_vec())
        ))
    );
    assert_eq!(
        choose(&both[1..], hash()),
        Ok((Mechanism::ScramSha256, ClientBinding::NotOffered))
    );
    assert_eq!(
        choose(&both, None),
        Ok((Mechanism::ScramSha256, ClientBinding::Unsupported))
    );
    for (offered, end_point) in [
        (&both[..1], None),
        (&["SCRAM-SHA-1"][..], hash()),
        (&[], None),
    ] {
        assert_eq!(
            choose(offered, end_point),
            Err(ScramError::NoCommonMechanism)
        );
    }
    let server = ScramServer::new(verifier("x"), ChannelBinding::Available(HASH.to_vec()));
    assert_eq!(server.mechanisms(), both);
    let server = ScramServer::new(verifier("x"), ChannelBinding::None);
    assert_eq!(server.mechanisms(), &both[1..]);
}

#[test]
fn verifiers_have_postgresqls_text() {
    // The keys of RFC 7677's example.
    let verifier = Verifier::from_password(b"pencil", RFC_SALT, 4096).expect("in range");
    let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
        wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    assert_eq!(verifier.to_text().as_str(), text);
    assert_eq!(Verifier::parse(text), Ok(verifier));
}

#[test]
fn verifiers_agree_with_a_real_server() {
    // Stored by PostgreSQL 15 for `create role … password '…'`. The second password changes in
    // SASLprep, the third is prohibited (a digit must not follow a right-to-left letter at the end).
    for (password, text) in [
        (
            "pencil",
            "SCRAM-SHA-256$4096:0BcMG138w0ak6GVu+AiTqw==$\
             mk1it+v6aLzyM7GA0XlK73afoUbu5TXJp4CpZzObQgY=:\
             YE1IPcT8BLZGu+icbYqIw1xEVgVt07qksiW+eaIbFco=",
        ),
        (
            "I\u{ad}X \u{2168}",
            "SCRAM-SHA-256$4096:bZMZP4qgjKHbby9bY0+viQ==$\
             osojBkOs1XBS8EU5ynZELGA6HaxEguEfu/kBAsGwkRw=:\
             JXM8k9mVEXSBmsQ8t22ZerG8agMG8y9HoJqp403LvTM=",
        ),
        (
            "\u{627}1",
            "SCRAM-SHA-256$4096:6XaqdxLfEtxHI26WxbleNQ==$\
             BXwxU8SUDtqAgwDMPuViFS4RvHeyBNa8az9t3+Sb8Bs=:\
             3dcX4IcBU+F+8P5rDUDW8r5i2FB4ZPBvz2/9UCt6TbA=",
        ),
    ] {
        let stored = Verifier::parse(text).expect("the server wrote it");
        let (salt, iterations) = (stored.salt(), stored.iterations());
        let derived = Verifier::from_password(password.as_bytes(), salt, iterations);
        assert_eq!(derived, Ok(stored), "{password}");
    }
}

#[test]
fn malformed_verifiers_are_refused() {
    let key = format!("{}=", "A".repeat(43));
    let good = format!("SCRAM-SHA-256$1:c2FsdA==${key}:{key}");
    assert!(Verifier::parse(&good).is_ok());
    for bad in [
        String::new(),
        good.replace("SHA-256", "SHA-1"),
        good.replace("$1:", "$:"),
        good.replace("$1:", "$+1:"),
        good.replace("$1:", "$1"),
        good.replace("c2FsdA==", "c2FsdA"),
        good.replace(&key, "AAAA"),
        format!("{good}$"),
        format!("{good}="),
        "md57cd2b9a92689eab2e58caf2da80afa15".to_owned(),
    ] {
        assert_eq!(Verifier::parse(&bad), Err(ScramError::Verifier), "{bad}");
    }
    let many = good.replace("$1:", "$1000001:");
    assert_eq!(
        Verifier::parse(&many),
        Err(ScramError::Iterations {
            iterations: 1_000_001
        })
    );
    let unsalted = good.replace("c2FsdA==", "");
    assert_eq!(
        Verifier::parse(&unsalted),
        Err(ScramError::Salt { length: 0 })
    );
}

#[test]
fn unknown_users_look_like_wrong_passwords() {
    let key = [7; 32];
    let mock = Verifier::mock("nobody", &key);
    assert_eq!(mock, Verifier::mock("nobody", &key), "stable");
    assert_ne!(mock.salt(), Verifier::mock("somebody", &key).salt());
    assert_ne!(mock.salt(), Verifier::mock("nobody", &[8; 32]).salt());
    assert_eq!((mock.salt().len(), mock.iterations()), (16, 4096));
    let result = login(mock, password("pencil"), Mechanism::ScramSha256);
    assert_eq!(result, Err(ScramError::ProofMismatch));
}

#[test]
fn passwords_are_prepared_as_postgresql_does() {
    let same = |a: &str, b: &str| verifier(a) == verifier(b);
    // RFC 4013, section 3.
    assert!(same("I\u{ad}X", "IX"), "soft hyphen is dropped");
    assert!(same("\u{aa}", "a"), "compatibility form");
    assert!(same("\u{2168}", "IX"), "compatibility form");
    assert!(same("a\u{a0}b", "a b"), "no-break space");
    assert!(!same("USER", "user"), "case is kept");
    // Prohibited, undefined or empty results leave the password as it is.
    assert_eq!(crypto::prepare(b"a\x07").as_slice(), b"a\x07");
    assert_eq!(
        crypto::prepare("\u{627}1".as_bytes()).as_slice(),
        "\u{627}1".as_bytes()
    );
    assert_eq!(
        crypto::prepare("\u{ad}".as_bytes()).as_slice(),
        "\u{ad}".as_bytes()
    );
    assert_eq!(crypto::prepare(b"\xff\xfe").as_slice(), b"\xff\xfe");
    assert_eq!(crypto::prepare(b"").as_slice(), b"");
}

#[test]
fn any_password_can_be_derived() {
    for password in [&b""[..], b"\0", &vec![0xff; 70_000]] {
        assert!(Verifier::from_password(password, b"salt", 1).is_ok());
    }
    assert_eq!(
        Verifier::from_password(b"x", b"salt", 0),
        Err(ScramError::Iterations { iterations: 0 })
    );
    assert_eq!(
        Verifier::from_password(b"x", b"", 1),
        Err(ScramError::Salt { length: 0 })
    );
}

#[test]
fn debug_hides_keys() {
    let keys = ClientKeys::new(b"salt", 1, [0x41; 32], [0x42; 32]).expect("in range");
    let (first, _) = client(password("hunter2"), ClientBinding::Unsupported).client_first();
    assert!(!first.is_empty());
    let client = client(password("hunter2"), ClientBinding::Unsupported);
    let text = format!("{keys:?} {:?} {client:?}", keys.verifier());
    // 104 is the first byte of the password, 65 and 66 those of the keys.
    for leak in ["hunter2", "[104,", "[65,", "[66,"] {
        assert!(!text.contains(leak), "{text}");
    }
    assert!(text.contains("[redacted]"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_password_logs_in_and_no_other_does(
        right in any::<Vec<u8>>(), wrong in any::<Vec<u8>>(), plus in any::<bool>(),
    ) {
        let mechanism =
            if plus { Mechanism::ScramSha256Plus } else { Mechanism::ScramSha256 };
        let kept = Verifier::from_password(&right, b"salt", 1).expect("in range");
        let credential = |bytes: &[u8]| ClientCredential::Password(Secret::from(bytes));
        prop_assert!(login(kept.clone(), credential(&right), mechanism).is_ok());
        if crypto::prepare(&right) != crypto::prepare(&wrong) {
            prop_assert_eq!(
                login(kept, credential(&wrong), mechanism),
                Err(ScramError::ProofMismatch)
            );
        }
    }
}
