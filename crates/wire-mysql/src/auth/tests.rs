//! Both machines against known answers, and against each other.

use std::sync::Arc;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::*;
use crate::handshake::{LoginReply, Nonce};
use crate::reply::{ErrPacket, OkPacket};
use crate::secret::Secret;

/// `!` to `4` without `$`, so that it stays what it is.
fn nonce() -> Nonce {
    Nonce::from_random(*b"!\"#%%&'()*+,-./01234")
}

fn fresh() -> Nonce {
    Nonce::from_random(*b"ABCDEFGHIJKLMNOPQRST")
}

fn hex_of(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

fn random() -> Zeroizing<[u8; 32]> {
    Zeroizing::new([b'C'; 32])
}

fn rsa_key() -> Arc<RsaPrivateKey> {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("a key");
    let der = key.as_der().expect("PKCS#8");
    Arc::new(RsaPrivateKey::from_pkcs8(der.as_ref()).expect("2048 bits"))
}

fn client_setup(password: &str, channel: Channel, rsa: RsaPolicy) -> ClientSetup {
    ClientSetup {
        password: Secret::from(password),
        channel,
        policy: ClientPolicy { rsa },
        random: random(),
    }
}

fn start(setup: ClientSetup, plugin: &str) -> (ClientAuth, Plugin, Vec<u8>) {
    let (login, plugin, data) =
        ClientAuth::start(setup, plugin.as_bytes(), &nonce()).expect("a login");
    (login, plugin, data.to_vec())
}

fn sent(answer: Result<Answer, AuthError>) -> Vec<u8> {
    match answer {
        Ok(Answer::Send(data)) => data.to_vec(),
        Ok(Answer::Wait | Answer::Done) | Err(_) => unreachable!("it sends: {answer:?}"),
    }
}

fn switch_data(nonce: &Nonce) -> Vec<u8> {
    [nonce.bytes().as_slice(), &[0]].concat()
}

#[test]
fn plugins_are_named_both_ways() {
    for name in [
        "mysql_native_password",
        "caching_sha2_password",
        "sha256_password",
        "mysql_clear_password",
        "client_ed25519",
        "parsec",
    ] {
        assert_eq!(
            Plugin::from_name(name.as_bytes()).map(Plugin::name),
            Some(name)
        );
    }
    assert_eq!(Plugin::from_name(b"auth_gssapi_client"), None);
    assert!(Plugin::Parsec.needs_random() && !Plugin::Native.needs_random());
}

// The expected values of the next two tests were computed from the formulas with another implementation of the
// hashes, over the nonce "!\"#%%&'()*+,-./01234".

#[test]
fn native_answers_are_right() {
    let answer = native::answer(b"secret", &nonce());
    assert_eq!(hex_of(&answer), "a09e1c2429598a56b8792e55350d09e97239e0c1");
    let stored = native::stored(b"secret");
    // PASSWORD('secret') of MySQL and MariaDB, behind its asterisk.
    assert_eq!(
        hex_of(stored.as_slice()),
        "14e65567abdb5135d0cfd9a70b3032c179a49ee7"
    );
    assert!(native::verify(&stored, &nonce(), &answer));
    assert!(!native::verify(&stored, &fresh(), &answer));
    assert!(!native::verify(&stored, &nonce(), &answer[1..]));
    assert!(native::answer(b"", &nonce()).is_empty());
}

#[test]
fn sha2_answers_are_right() {
    let answer = sha2::answer(b"secret", &nonce());
    assert_eq!(
        hex_of(&answer),
        "b554b6ce774c9b64f1130d68a8e5885ad4750d00654db349e320c68b4525cc2a"
    );
    let stored = sha2::stored(b"secret");
    assert!(sha2::verify(&stored, &nonce(), &answer));
    assert!(!sha2::verify(&stored, &fresh(), &answer));
    assert!(!sha2::verify(&sha2::stored(b"other"), &nonce(), &answer));
    assert!(sha2::answer(b"", &nonce()).is_empty());
}

#[test]
fn ed25519_keys_are_those_of_the_server() {
    // ed25519_password() of MariaDB; the first is in its manual.
    for (password, expected) in [
        ("secret", "ZIgUREUg5PVgQ6LskhXmO+eZLS0nC8be6HPjYWR4YJY"),
        (
            "ed25519_pass_1",
            "5TBW79xTAMbhi8QKQtLLVS0V0b2w9mlKnRG6c+2NxTQ",
        ),
        ("", "4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4"),
    ] {
        let key = ed25519::public_key(password.as_bytes());
        assert_eq!(BASE64_STANDARD_NO_PAD.encode(key), expected);
    }
}

#[test]
fn ed25519_signatures_are_those_of_the_connector() {
    let mut challenge = [0; ed25519::CHALLENGE_LEN];
    for (byte, value) in challenge.iter_mut().zip(0..) {
        *byte = value;
    }
    // Signing has no randomness, so that there is one right answer.
    let signature = ed25519::sign(b"ed25519_pass_1", &challenge);
    assert_eq!(
        hex_of(&signature),
        "004a2ab8c18a320bdde27a5fff54ae43f66b4c21373ba3c1852ce0eb9255d073\
         f7b6125fb6ee1a236633da90d0e38b3b58c3295b4ab9eb418402cbfa6f879701"
    );
    let long = "a password of far more than the thirty-two bytes of an ordinary seed";
    let key = ed25519::public_key(long.as_bytes());
    let signature = ed25519::sign(long.as_bytes(), &challenge);
    let known = UnparsedPublicKey::new(&ED25519, key);
    assert!(known.verify(&challenge, &signature).is_ok());
}

#[test]
fn parsec_signs_both_challenges() {
    let salt = b"P\x01saltsaltsaltsalt12";
    let answer = parsec::answer(b"secret", &[b'S'; 32], &[b'C'; 32], salt).expect("an answer");
    let (challenge, signature) = answer.split_at(32);
    assert_eq!(challenge, [b'C'; 32]);
    // Computed with PBKDF2-HMAC-SHA512 of 2048 iterations and Ed25519 of another library.
    assert_eq!(
        hex_of(signature),
        "6feadba5d64e8a9d9463cecb76ed8aa1e9625eb43e8c623fb36b3a185bbae0d4\
         edf10475c3bb6f7ffbad757dc1b315c70b3e94f866fbc881c2ddf0fe12240904"
    );
}

#[test]
fn parsec_bounds_the_work_a_server_can_ask_for() {
    for salt in [
        &b"P\x04salt"[..],
        b"P\xffsalt",
        b"Q\x00salt",
        b"P",
        b"",
        b"P\0",
    ] {
        assert!(
            parsec::answer(b"x", &[0; 32], &[0; 32], salt).is_err(),
            "{salt:?}"
        );
    }
}

#[test]
fn the_greeting_may_be_enough() {
    for plugin in [Plugin::Native, Plugin::CachingSha2] {
        let setup = client_setup("secret", Channel::Open, RsaPolicy::Never);
        let (mut login, named, data) = start(setup, plugin.name());
        assert_eq!(named, plugin);
        let verifier = PasswordVerifier::new(b"secret").expect("not empty");
        assert!(verifier.matches_native(&nonce(), &data) || verifier.matches_sha2(&nonce(), &data));
        assert!(matches!(
            login.reply(&LoginReply::Ok(OkPacket::default())),
            Ok(Answer::Done)
        ));
    }
}

#[test]
fn greetings_cannot_ask_for_the_password() {
    for plugin in ["mysql_clear_password", "sha256_password", "dialog", ""] {
        let setup = client_setup("secret", Channel::Tls, RsaPolicy::AskServer);
        let (_, named, data) = start(setup, plugin);
        assert_eq!(named, Plugin::Native);
        assert_eq!(data.len(), native::LEN);
    }
}

#[test]
fn switches_are_followed_a_few_times() {
    let setup = client_setup("secret", Channel::Tls, RsaPolicy::Never);
    let (mut login, _, _) = start(setup, "caching_sha2_password");
    let data = switch_data(&fresh());
    let switch = LoginReply::Switch {
        plugin: b"mysql_native_password",
        data: &data,
    };
    for _ in 0..3 {
        assert_eq!(
            sent(login.reply(&switch)),
            native::answer(b"secret", &fresh()).to_vec()
        );
    }
    assert!(matches!(
        login.reply(&switch),
        Err(AuthError::TooManySwitches)
    ));
}

#[test]
fn clear_passwords_need_a_private_channel() {
    let switch = LoginReply::Switch {
        plugin: b"mysql_clear_password",
        data: b"",
    };
    let open = client_setup("token", Channel::Open, RsaPolicy::AskServer);
    let mut login = ClientAuth::start_without_challenge(open);
    assert!(matches!(
        login.reply(&switch),
        Err(AuthError::NeedsPrivateChannel {
            plugin: "mysql_clear_password"
        })
    ));
    let private = client_setup("token", Channel::Tls, RsaPolicy::Never);
    let mut login = ClientAuth::start_without_challenge(private);
    assert_eq!(sent(login.reply(&switch)), b"token\0");
}

#[test]
fn a_cold_cache_gets_the_password_over_tls() {
    let setup = client_setup("secret", Channel::Tls, RsaPolicy::Never);
    let (mut login, _, _) = start(setup, "caching_sha2_password");
    let full = login.reply(&LoginReply::MoreData(&[sha2::FULL]));
    assert_eq!(sent(full), b"secret\0");
}

#[test]
fn a_warm_cache_needs_nothing_more() {
    let setup = client_setup("secret", Channel::Open, RsaPolicy::Never);
    let (mut login, _, _) = start(setup, "caching_sha2_password");
    assert!(matches!(
        login.reply(&LoginReply::MoreData(&[sha2::FAST_OK])),
        Ok(Answer::Wait)
    ));
}

#[test]
fn without_tls_the_password_is_encrypted_or_kept() {
    let key = rsa_key();
    let never = client_setup("secret", Channel::Open, RsaPolicy::Never);
    let (mut login, _, _) = start(never, "caching_sha2_password");
    let full = LoginReply::MoreData(&[sha2::FULL]);
    assert!(matches!(
        login.reply(&full),
        Err(AuthError::NeedsPrivateChannel { .. })
    ));

    let ask = client_setup("secret", Channel::Open, RsaPolicy::AskServer);
    let (mut login, _, _) = start(ask, "caching_sha2_password");
    assert_eq!(sent(login.reply(&full)), [sha2::KEY_REQUEST]);
    let pem = LoginReply::MoreData(key.public_pem().as_bytes());
    let sealed = sent(login.reply(&pem));
    assert_eq!(sealed.len(), 256);
    assert_eq!(key.decrypt(&sealed, &nonce()), Ok(Secret::from("secret")));

    let public = RsaPublicKey::from_pem(key.public_pem().as_bytes()).expect("our own");
    let pinned = client_setup("secret", Channel::Open, RsaPolicy::Pinned(public));
    let (mut login, _, _) = start(pinned, "caching_sha2_password");
    let sealed = sent(login.reply(&full));
    assert_eq!(key.decrypt(&sealed, &nonce()), Ok(Secret::from("secret")));
    assert!(key.decrypt(&sealed, &fresh()).is_err());
}

#[test]
fn sha256_passwords_are_never_hashed() {
    let data = switch_data(&fresh());
    let switch = LoginReply::Switch {
        plugin: b"sha256_password",
        data: &data,
    };
    let private = client_setup("secret", Channel::Tls, RsaPolicy::Never);
    let mut login = ClientAuth::start_without_challenge(private);
    assert_eq!(sent(login.reply(&switch)), b"secret\0");
    // A Unix socket is not enough for the server, and safe enough to ask for its key.
    let local = client_setup("secret", Channel::Local, RsaPolicy::Never);
    let mut login = ClientAuth::start_without_challenge(local);
    assert_eq!(sent(login.reply(&switch)), [sha2::SHA256_KEY_REQUEST]);
    let open = client_setup("secret", Channel::Open, RsaPolicy::AskServer);
    let mut login = ClientAuth::start_without_challenge(open);
    assert_eq!(sent(login.reply(&switch)), [sha2::SHA256_KEY_REQUEST]);
    let key = rsa_key();
    let sealed = sent(login.reply(&LoginReply::MoreData(key.public_pem().as_bytes())));
    assert_eq!(key.decrypt(&sealed, &fresh()), Ok(Secret::from("secret")));
}

#[test]
fn mariadb_plugins_answer_switches() {
    let setup = client_setup("secret", Channel::Open, RsaPolicy::Never);
    let mut login = ClientAuth::start_without_challenge(setup.clone());
    let signature = sent(login.reply(&LoginReply::Switch {
        plugin: b"client_ed25519",
        data: &[7; 32],
    }));
    let key = UnparsedPublicKey::new(&ED25519, ed25519::public_key(b"secret"));
    assert!(key.verify(&[7; 32], &signature).is_ok());

    let mut login = ClientAuth::start_without_challenge(setup);
    // The challenge with a byte too many.
    let challenge = [&[b'S'; 32][..], &[0]].concat();
    let ask = sent(login.reply(&LoginReply::Switch {
        plugin: b"parsec",
        data: &challenge,
    }));
    assert!(ask.is_empty());
    let salt = LoginReply::MoreData(b"P\x01saltsaltsaltsalt12");
    let answer = sent(login.reply(&salt));
    assert_eq!(answer.len(), 96);
    assert!(hex_of(&answer).ends_with("12240904"));
}

#[test]
fn hostile_servers_get_errors() {
    let cases: [LoginReply<'_>; 8] = [
        LoginReply::OldSwitch,
        LoginReply::NextFactor,
        LoginReply::MoreData(b""),
        LoginReply::MoreData(b"\x04\x04"),
        LoginReply::Switch {
            plugin: b"auth_gssapi_client",
            data: b"",
        },
        LoginReply::Switch {
            plugin: b"caching_sha2_password",
            data: b"short",
        },
        LoginReply::Switch {
            plugin: b"client_ed25519",
            data: b"short",
        },
        LoginReply::Switch {
            plugin: b"mysql_native_password",
            data: &[b'x'; 40],
        },
    ];
    for reply in cases {
        let setup = client_setup("secret", Channel::Tls, RsaPolicy::AskServer);
        let (mut login, _, _) = start(setup, "caching_sha2_password");
        assert!(login.reply(&reply).is_err(), "{reply:?}");
    }
    let setup = client_setup("secret", Channel::Tls, RsaPolicy::AskServer);
    let (mut login, _, _) = start(setup, "mysql_native_password");
    // Full authentication is no part of this plugin.
    assert!(login.reply(&LoginReply::MoreData(&[sha2::FULL])).is_err());
    let refused = LoginReply::Error(ErrPacket {
        code: 1045,
        sqlstate: None,
        message: b"",
    });
    assert!(matches!(login.reply(&refused), Ok(Answer::Done)));
}

#[test]
fn keys_that_are_none_are_refused() {
    for text in [
        &b""[..],
        b"\xff",
        b"-----BEGIN PUBLIC KEY-----",
        b"-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        &[b'x'; 9000],
    ] {
        assert_eq!(RsaPublicKey::from_pem(text).err(), Some(AuthError::Key));
    }
    assert_eq!(RsaPrivateKey::from_pkcs8(b"no").err(), Some(AuthError::Key));
    // A key that another library wrote.
    assert!(RsaPublicKey::from_pem(FOREIGN.as_bytes()).is_ok());
}

const FOREIGN: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoh07jw+0v1h2Y7arWCWg
ql/HIMPmdTVy0zibhRf0WHp4DaZ1D9J3mQf2CMpu0UninZEEadmzjUgrJzK/VehF
kuPDd5V9Y1Dj0ZQV3vHNSGICKt27ksU8AGaEQ63JEuysPtzC4VkfHrW1UuPkkfTe
kYNvK4Fxoh3ug0l0yeqg2nzTgOde6kKtI9tKis/4G4ndt0aR51Wru2XOiF8eyJVC
ApXrt1nAHkbpQt08iTiv38FZ9b7UJ75nAYExM/ePv75i/GR08CXeBSq3DlgcdMCy
IX2y/RNg46GzJJdmArpkdXP/8uLy0SfwjITe9/Xb0dBQq7D1nVVgmOpC6WE7c5yO
ZwIDAQAB
-----END PUBLIC KEY-----
";

fn account(password: Option<&str>, tokens: Tokens) -> Account {
    Account {
        verifier: password.and_then(|text| PasswordVerifier::new(text.as_bytes())),
        tokens,
    }
}

fn server_setup(account: Account, channel: Channel, preferred: Plugin) -> ServerSetup {
    ServerSetup {
        account,
        channel,
        preferred,
        mismatch: Mismatch::Refuse,
        fresh: fresh(),
    }
}

fn first<'a>(plugin: &'a str, data: &'a [u8]) -> FirstAnswer<'a> {
    FirstAnswer {
        plugin: plugin.as_bytes(),
        data,
        switching: Switching::Possible,
    }
}

const SHA2: &str = "caching_sha2_password";
const NATIVE: &str = "mysql_native_password";

#[test]
fn passwords_are_checked_with_the_greeting() {
    for (name, plugin, answer) in [
        (SHA2, Plugin::CachingSha2, sha2::answer(b"secret", &nonce())),
        (NATIVE, Plugin::Native, native::answer(b"secret", &nonce())),
    ] {
        for (password, right) in [("secret", true), ("other", false)] {
            let account = account(Some(password), Tokens::Refused);
            let setup = server_setup(account, Channel::Open, plugin);
            let (_, step) = ServerAuth::start(setup, &first(name, &answer), &nonce());
            let accepted = matches!(step, ServerStep::Accepted | ServerStep::AcceptedFast);
            assert_eq!(accepted, right, "{name} {password} {step:?}");
            assert_eq!(
                matches!(step, ServerStep::AcceptedFast),
                right && plugin == Plugin::CachingSha2
            );
        }
    }
}

#[test]
fn other_plugins_are_switched() {
    let account = account(Some("secret"), Tokens::Refused);
    let setup = server_setup(account, Channel::Open, Plugin::CachingSha2);
    for (plugin, data) in [
        (NATIVE, &[1; 20][..]),
        ("", b""),
        (SHA2, b""),
        ("dialog", b"x"),
    ] {
        let (mut login, step) = ServerAuth::start(setup.clone(), &first(plugin, data), &nonce());
        let ServerStep::Switch { plugin, data } = step else {
            unreachable!("{step:?}");
        };
        assert_eq!(plugin, Plugin::CachingSha2);
        assert_eq!(data, switch_data(&fresh()));
        let answer = sha2::answer(b"secret", &fresh());
        assert!(matches!(login.packet(&answer), ServerStep::AcceptedFast));
        // Nothing can be tried twice.
        assert!(matches!(
            login.packet(&answer),
            ServerStep::Refused(Refusal::Malformed)
        ));
    }
}

#[test]
fn clients_without_plugins_answer_natively_or_not_at_all() {
    let answer = native::answer(b"secret", &nonce());
    let old = FirstAnswer {
        plugin: b"",
        data: &answer,
        switching: Switching::Impossible,
    };
    let known = account(Some("secret"), Tokens::Accepted);
    let setup = server_setup(known, Channel::Tls, Plugin::CachingSha2);
    let (_, step) = ServerAuth::start(setup, &old, &nonce());
    assert!(matches!(step, ServerStep::Accepted));
    let tokens = account(None, Tokens::Accepted);
    let setup = server_setup(tokens, Channel::Tls, Plugin::CachingSha2);
    let (_, step) = ServerAuth::start(setup, &old, &nonce());
    assert!(matches!(
        step,
        ServerStep::Refused(Refusal::PluginUnsupported)
    ));
}

#[test]
fn tokens_are_not_asked_for_in_the_open() {
    for preferred in [Plugin::Clear, Plugin::CachingSha2, Plugin::Native] {
        let tokens = account(None, Tokens::Accepted);
        let setup = server_setup(tokens, Channel::Open, preferred);
        for (plugin, data) in [
            (SHA2, &[1; 32][..]),
            ("mysql_clear_password", b"t\0"),
            ("", b""),
        ] {
            let (_, step) = ServerAuth::start(setup.clone(), &first(plugin, data), &nonce());
            assert!(
                matches!(step, ServerStep::Refused(Refusal::TlsRequired)),
                "{step:?}"
            );
        }
        let (_, step) = ServerAuth::switch(setup);
        assert!(matches!(step, ServerStep::Refused(Refusal::TlsRequired)));
    }
}

#[test]
fn tokens_come_by_both_ways() {
    let token = "db.example:3306/?Action=connect&".repeat(600);
    assert!(token.len() > 16 * 1024);
    for (plugin, zero) in [
        (Plugin::Clear, true),
        (Plugin::Clear, false),
        (Plugin::CachingSha2, true),
    ] {
        let tokens = account(None, Tokens::Accepted);
        let setup = server_setup(tokens, Channel::Tls, plugin);
        let (mut login, step) = ServerAuth::start(setup, &first("", b""), &nonce());
        let ServerStep::Switch {
            plugin: asked,
            data,
        } = step
        else {
            unreachable!("{step:?}");
        };
        assert_eq!(asked, plugin);
        assert_eq!(data.is_empty(), plugin == Plugin::Clear);
        if plugin == Plugin::CachingSha2 {
            let scrambled = sha2::answer(token.as_bytes(), &fresh());
            let step = login.packet(&scrambled);
            assert!(matches!(step, ServerStep::MoreData(ref data) if data == &[sha2::FULL]));
        }
        let mut whole = token.clone().into_bytes();
        if zero {
            whole.push(0);
        }
        let step = login.packet(&whole);
        assert!(
            matches!(step, ServerStep::Token(ref found) if found.expose() == token.as_bytes()),
            "{step:?}"
        );
    }
}

#[test]
fn a_user_may_have_both() {
    let both = account(Some("secret"), Tokens::Accepted);
    let setup = server_setup(both, Channel::Tls, Plugin::CachingSha2);
    let right = sha2::answer(b"secret", &nonce());
    let (_, step) = ServerAuth::start(setup.clone(), &first(SHA2, &right), &nonce());
    assert!(matches!(step, ServerStep::AcceptedFast));
    let other = sha2::answer(b"token", &nonce());
    let (mut login, step) = ServerAuth::start(setup, &first(SHA2, &other), &nonce());
    assert!(matches!(step, ServerStep::MoreData(_)));
    let step = login.packet(b"token\0");
    assert!(matches!(step, ServerStep::Token(token) if token == Secret::from("token")));
}

#[test]
fn whole_passwords_with_odd_bytes_are_refused() {
    let long = vec![b'x'; 64 * 1024 + 1];
    for (data, refusal) in [
        (&b"a\0b\0"[..], Refusal::Malformed),
        (&long, Refusal::Malformed),
        (b"\0", Refusal::WrongPassword),
        (b"", Refusal::WrongPassword),
    ] {
        let tokens = account(None, Tokens::Accepted);
        let setup = server_setup(tokens, Channel::Tls, Plugin::Clear);
        let (mut login, _) = ServerAuth::switch(setup);
        let step = login.packet(data);
        assert!(
            matches!(step, ServerStep::Refused(found) if found == refusal),
            "{step:?}"
        );
    }
}

#[test]
fn empty_answers_are_never_right() {
    assert!(PasswordVerifier::new(b"").is_none());
    for plugin in [Plugin::Native, Plugin::CachingSha2] {
        let account = account(Some("secret"), Tokens::Accepted);
        let setup = server_setup(account, Channel::Tls, plugin);
        let (mut login, _) = ServerAuth::switch(setup);
        assert!(matches!(
            login.packet(b""),
            ServerStep::Refused(Refusal::WrongPassword)
        ));
    }
}

#[test]
fn rsa_proves_passwords_and_carries_no_tokens() {
    let key = rsa_key();
    for (sends, tokens, right) in [
        ("secret", Tokens::Refused, true),
        ("other", Tokens::Refused, false),
        ("other", Tokens::Accepted, false),
    ] {
        let account = account(Some("secret"), tokens);
        let setup = ServerSetup {
            mismatch: Mismatch::AskInFull(Arc::clone(&key)),
            ..server_setup(account, Channel::Open, Plugin::CachingSha2)
        };
        let client = client_setup(sends, Channel::Open, RsaPolicy::AskServer);
        let (mut client, _, _) = start(client, SHA2);
        // The answer is spoilt on purpose: only then does the server ask for the password.
        let (mut server, step) = ServerAuth::start(setup, &first(SHA2, &[9; 32]), &nonce());
        let ServerStep::MoreData(data) = step else {
            unreachable!("{step:?}");
        };
        let request = sent(client.reply(&LoginReply::MoreData(&data)));
        let ServerStep::MoreData(pem) = server.packet(&request) else {
            unreachable!("it asked for the key");
        };
        let sealed = sent(client.reply(&LoginReply::MoreData(&pem)));
        let step = server.packet(&sealed);
        assert_eq!(matches!(step, ServerStep::Accepted), right, "{step:?}");
    }
}

#[test]
fn refusals_have_their_codes() {
    assert_eq!(Refusal::WrongPassword.code().code, 1045);
    assert_eq!(Refusal::Malformed.code().code, 1045);
    assert_eq!(Refusal::TlsRequired.code().code, 3159);
    assert_eq!(Refusal::PluginUnsupported.code().code, 1251);
}

#[test]
fn nothing_secret_is_printed() {
    let setup = client_setup("hunter2", Channel::Tls, RsaPolicy::Never);
    let (login, _, _) = start(setup, SHA2);
    assert!(!format!("{login:?}").contains("hunter2"));
    let verifier = PasswordVerifier::new(b"hunter2").expect("not empty");
    assert_eq!(format!("{verifier:?}"), "[redacted]");
    let answer = first(SHA2, b"hunter2");
    assert!(!format!("{answer:?}").contains("hunter2"));
    let step = ServerStep::Token(Secret::from("hunter2"));
    assert_eq!(format!("{step:?}"), "Token([redacted])");
}
