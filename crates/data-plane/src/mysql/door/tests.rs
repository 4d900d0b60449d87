//! Clients at the door: real command lines, our own back door, and raw ones that misbehave.

mod driver;
mod programs;
mod raw;
mod world;

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tollgate_types::{AuthOutcome, TargetHealth, TlsMode};
use tollgate_wire_mysql::frame::{MAX_LOGIN_PACKET, header_bytes};
use tollgate_wire_mysql::handshake as wire;
use tollgate_wire_mysql::reply::ErrPacket;
use tollgate_wire_mysql::secret::Secret;

use super::*;
use raw::{Behind, Raw};
use world::{PASSWORD, Setup, World};

/// What an ERR packet says: its code and text.
fn error(payload: &[u8]) -> (u16, String) {
    let packet = ErrPacket::parse(payload).unwrap();
    (
        packet.code,
        String::from_utf8_lossy(packet.message).into_owned(),
    )
}

fn faces() -> [Face; 2] {
    [
        Face::of(tollgate_types::Engine::Mysql, Some("9.1.0")),
        Face::of(tollgate_types::Engine::Mariadb, Some("10.11.6-MariaDB")),
    ]
}

#[test]
fn the_face_is_that_of_the_oldest_target_and_stays_while_it_is_down() {
    let targets: Vec<_> = ["8.4.3", "9.1.0"].map(world::target_of_version).into();
    let face = |version| Face::of(tollgate_types::Engine::Mysql, Some(version));
    assert_eq!(Face::of_targets(&targets), face("8.4.3"));
    for target in &targets {
        target.set_health(TargetHealth::registering());
    }
    assert_eq!(Face::of_targets(&targets), face("8.4.3"));
    assert_eq!(Face::of_targets(&[]), face("8.0.30"));
}

#[tokio::test]
async fn passwords_open_the_door_with_and_without_tls() {
    for face in faces() {
        let world = World::start(Setup::new(face)).await;
        for mode in [TlsMode::Disable, TlsMode::VerifyFull] {
            let entered = world.open("app", PASSWORD, mode).await.unwrap();
            assert_eq!(entered.stream.is_tls(), mode != TlsMode::Disable);
            let decision = world.decision().await;
            assert_eq!(decision.outcome, AuthOutcome::Allow);
            assert_eq!(
                (decision.method.as_str(), decision.engine.as_str()),
                ("password", "mysql")
            );
            assert_eq!(decision.db_user, "app");
            assert_eq!(decision.tls.is_some(), mode != TlsMode::Disable);
        }
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_alike_and_differ_in_the_audit() {
    for face in faces() {
        let world = World::start(Setup::new(face)).await;
        let mut told = Vec::new();
        for (user, reason) in [("app", "WRONG_PASSWORD"), ("ghost", "NO_SECRET_FOR_USER")] {
            let refused = world.open(user, "not it", TlsMode::Disable).await;
            let refused = refused.map(|_| ()).unwrap_err();
            let error = refused.mysql_error().unwrap().clone();
            assert_eq!((error.code, &error.sqlstate), (1045, b"28000"));
            let decision = world.decision().await;
            assert_eq!(
                (decision.outcome, decision.reason.as_str()),
                (AuthOutcome::Deny, reason)
            );
            let id = decision.correlation_id;
            assert!(error.message.contains(&id), "{error}");
            told.push(error.message.replace(&id, "id").replace(user, "user"));
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(
            told[0],
            "Access denied for user 'user'@'127.0.0.1' (using password: YES) (id id)"
        );
    }
}

#[tokio::test]
async fn a_token_opens_the_door_under_tls_and_only_its_own() {
    for face in faces() {
        let world = World::start(Setup::new(face).tokens()).await;
        let token = world.token("app");
        world
            .open("app", &token, TlsMode::VerifyFull)
            .await
            .unwrap();
        let decision = world.decision().await;
        assert_eq!(decision.reason, "ALLOWED");
        assert_eq!(decision.method, "iam-token");
        assert_eq!(
            decision.principal_arn.as_deref(),
            Some("arn:aws:iam::000000000000:root")
        );
        for (user, token, reason) in [
            ("app", world.token("other"), "USER_MISMATCH"),
            ("ghost", world.token("ghost"), "NO_SECRET_FOR_USER"),
            ("app", PASSWORD.to_owned(), "MALFORMED"),
            ("app", world.expired_token("app"), "EXPIRED"),
            ("app", "x".repeat(16 * 1024), "MALFORMED"),
        ] {
            let refused = world.open(user, &token, TlsMode::Require).await;
            let refused = refused.map(|_| ()).unwrap_err();
            let error = refused.mysql_error().unwrap().clone();
            let decision = world.decision().await;
            assert_eq!((error.code, decision.reason.as_str()), (1045, reason));
            assert!(error.message.contains(&decision.correlation_id), "{error}");
            assert!(!decision.detail.is_empty());
            assert!(!decision.detail.contains(&token), "{}", decision.detail);
        }
    }
}

#[tokio::test]
async fn without_tls_nobody_is_asked_for_a_token() {
    for face in faces() {
        let world = World::start(Setup::new(face).tokens()).await;
        for user in ["app", "ghost"] {
            let (mut raw, _) = Raw::arrive(world.port).await;
            let said = raw.login(user, &[7; 20], "mysql_native_password");
            raw.send_login(&said).await;
            let (code, message) = error(&raw.next().await.unwrap());
            assert_eq!(code, 3159, "{message}");
            assert!(raw.next().await.is_none(), "it is over");
            assert_eq!(world.decision().await.reason, "TLS_REQUIRED");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_requires_tls_refuses_passwords_without() {
    let world = World::start(Setup::new(faces()[0].clone()).require_tls()).await;
    let refused = world.open("app", PASSWORD, TlsMode::Disable).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(refused.mysql_error().unwrap().code, 3159);
    world.open("app", PASSWORD, TlsMode::Require).await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_know_sha2_is_switched_to_clear_under_tls() {
    let world = World::start(Setup::new(faces()[0].clone()).tokens()).await;
    for end in [&b"\0"[..], b""] {
        let (raw, _) = Raw::arrive(world.port).await;
        let mut raw = raw.encrypt(&world).await;
        let said = raw.login("app", &[7; 20], "mysql_native_password");
        raw.send_login(&said).await;
        let switch = raw.next().await.unwrap();
        assert_eq!(&switch[..], b"\xfemysql_clear_password\0");
        let answer = [world.token("app").as_bytes(), end].concat();
        raw.send(&answer).await;
        assert_eq!(raw.next().await.unwrap()[0], 0, "OK");
        assert_eq!(world.decision().await.reason, "ALLOWED");
    }
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_whatever_its_size() {
    let world = World::start(Setup::new(faces()[0].clone()).tokens()).await;
    let token = world.token("app").into_bytes();
    let cut = [&token[..100], b"\0", &token[100..], b"\0"].concat();
    for (answer, code, reason) in [
        (cut, 1045, "MALFORMED"),
        (b"\0".to_vec(), 1045, "MALFORMED"),
        (Vec::new(), 1045, "MALFORMED"),
        (vec![0xff; 400], 1045, "MALFORMED"),
        (vec![b'x'; 100_000], 1045, "MALFORMED"),
        (vec![b'x'; MAX_LOGIN_PACKET + 1], 1153, "MALFORMED"),
    ] {
        let (raw, _) = Raw::arrive(world.port).await;
        let mut raw = raw.encrypt(&world).await;
        let said = raw.login("app", &[7; 32], "caching_sha2_password");
        raw.send_login(&said).await;
        assert_eq!(&raw.next().await.unwrap()[..], b"\x01\x04");
        raw.send(&answer).await;
        let told = raw.everything().await.bytes;
        assert_eq!(error(&told[4..]).0, code, "{} bytes", answer.len());
        let decision = world.decision().await;
        assert_eq!(decision.reason, reason, "{} bytes", answer.len());
        assert!(decision.access_key_id.is_none());
    }
}

#[tokio::test]
async fn a_token_that_comes_with_the_login_is_taken_under_tls_only() {
    let world = World::start(Setup::new(faces()[0].clone()).tokens()).await;
    let token = world.token("app");
    let (raw, _) = Raw::arrive(world.port).await;
    let mut raw = raw.encrypt(&world).await;
    let said = raw.login("app", token.as_bytes(), "mysql_clear_password");
    raw.send_login(&said).await;
    assert_eq!(raw.next().await.unwrap()[0], 0, "OK");
    assert_eq!(world.decision().await.reason, "ALLOWED");

    let (mut raw, _) = Raw::arrive(world.port).await;
    raw.send_login(&said).await;
    assert_eq!(error(&raw.next().await.unwrap()).0, 3159);
    let decision = world.decision().await;
    assert_eq!(decision.reason, "TLS_REQUIRED");
    assert!(decision.access_key_id.is_none(), "nobody has looked at it");
}

#[tokio::test]
async fn a_client_without_plugins_can_prove_a_password_and_no_token() {
    let face = &faces()[0];
    let old = |raw: &Raw, auth: &[u8]| {
        let mut said = raw.login("app", auth, "");
        said.capabilities = said
            .capabilities
            .without(Capabilities::PLUGIN_AUTH | Capabilities::PLUGIN_AUTH_LENENC);
        said
    };
    let world = World::start(Setup::new(face.clone())).await;
    let (mut raw, greeting) = Raw::arrive(world.port).await;
    let proof = raw::native_answer(PASSWORD, &greeting.nonce);
    let said = old(&raw, &proof);
    raw.send_login(&said).await;
    assert_eq!(raw.next().await.unwrap()[0], 0, "OK");

    let world = World::start(Setup::new(face.clone()).tokens()).await;
    let (raw, _) = Raw::arrive(world.port).await;
    let mut raw = raw.encrypt(&world).await;
    let said = old(&raw, &proof);
    raw.send_login(&said).await;
    assert_eq!(error(&raw.next().await.unwrap()).0, 1251);
    assert_eq!(world.decision().await.reason, "CLIENT_REFUSED_CLEARTEXT");
}

#[tokio::test]
async fn a_client_that_leaves_when_asked_for_a_token_is_audited() {
    let world = World::start(Setup::new(faces()[1].clone()).tokens()).await;
    let (raw, _) = Raw::arrive(world.port).await;
    let mut raw = raw.encrypt(&world).await;
    let said = raw.login("app", &[7; 32], "caching_sha2_password");
    raw.send_login(&said).await;
    assert_eq!(&raw.next().await.unwrap()[..], b"\x01\x04");
    raw.stream.shutdown();
    drop(raw);
    assert_eq!(world.decision().await.reason, "CLIENT_REFUSED_CLEARTEXT");
}

#[tokio::test]
async fn a_user_is_changed_by_a_new_challenge_or_the_client_is_closed() {
    for face in faces() {
        let world = World::start(Setup::new(face).native()).await;
        for (plugin, password, reason) in [
            ("mysql_native_password", PASSWORD, "ALLOWED"),
            ("caching_sha2_password", PASSWORD, "ALLOWED"),
            ("caching_sha2_password", "not it", "WRONG_PASSWORD"),
        ] {
            let mut raw = Raw::enter(&world).await;
            world.decision().await;
            raw.change_user("app", plugin).await;
            // The auth rule counts, not what the client names.
            let asked = "mysql_native_password";
            let ended = raw.answer_switches(asked, password).await;
            let decision = world.decision().await;
            assert_eq!(decision.reason, reason);
            assert_eq!(decision.database, "reports");
            if reason == "ALLOWED" {
                assert_eq!(ended[0], 0, "OK");
            } else {
                let (code, message) = error(&ended);
                assert_eq!(code, 1045);
                assert!(message.contains(&decision.correlation_id), "{message}");
                assert!(raw.next().await.is_none(), "it is over");
            }
        }
    }
}

#[tokio::test]
async fn a_user_changes_by_the_plugin_of_the_login_whatever_the_driver_names() {
    let world = World::start(Setup::new(faces()[0].clone()).tokens()).await;
    let (raw, _) = Raw::arrive(world.port).await;
    let mut raw = raw.encrypt(&world).await;
    let token = world.token("app");
    let said = raw.login("app", &[7; 32], "caching_sha2_password");
    raw.send_login(&said).await;
    assert_eq!(raw.next().await.unwrap(), [1, 4], "the whole password");
    raw.send(format!("{token}\0").as_bytes()).await;
    assert_eq!(raw.next().await.unwrap()[0], 0, "OK");
    // Node's mysql2 names this one always.
    raw.change_user("app", "mysql_native_password").await;
    let ended = raw.answer_switches("caching_sha2_password", &token).await;
    assert_eq!(ended[0], 0, "OK");
    for _ in 0..2 {
        assert_eq!(world.decision().await.reason, "ALLOWED");
    }
}

#[tokio::test]
async fn a_user_can_change_with_a_token_too() {
    let world = World::start(Setup::new(faces()[0].clone()).tokens()).await;
    for plugin in ["caching_sha2_password", "mysql_clear_password", "dialog"] {
        let (raw, _) = Raw::arrive(world.port).await;
        let mut raw = raw.encrypt(&world).await;
        let token = world.token("app");
        let said = raw.login("app", token.as_bytes(), "mysql_clear_password");
        raw.send_login(&said).await;
        assert_eq!(raw.next().await.unwrap()[0], 0, "OK");
        raw.change_user("app", plugin).await;
        let ended = raw.answer_switches(plugin, &token).await;
        assert_eq!(ended[0], 0, "OK");
        for _ in 0..2 {
            assert_eq!(world.decision().await.reason, "ALLOWED");
        }
    }
}

#[tokio::test]
async fn a_name_that_no_schema_can_have_is_not_put_into_the_audit() {
    let world = World::start(Setup::new(faces()[0].clone())).await;
    let (mut raw, greeting) = Raw::arrive(world.port).await;
    let proof = raw::native_answer(PASSWORD, &greeting.nonce);
    let mut said = raw.login("app", &proof, "mysql_native_password");
    said.capabilities = said.capabilities | Capabilities::CONNECT_WITH_DB;
    said.schema = vec![b'x'; 100_000];
    raw.send_login(&said).await;
    assert_eq!(error(&raw.next().await.unwrap()).0, 1045);
    let decision = world.decision().await;
    assert_eq!(
        (decision.reason.as_str(), decision.database.len()),
        ("MALFORMED", 256)
    );
}

#[tokio::test]
async fn bytes_in_front_of_tls_are_never_taken_for_bytes_under_it() {
    let world = World::start(Setup::new(faces()[0].clone())).await;
    let (mut raw, greeting) = Raw::arrive(world.port).await;
    let said = raw.login(
        "app",
        &raw::native_answer(PASSWORD, &greeting.nonce),
        "mysql_native_password",
    );
    let mut bytes = raw.tls_request();
    wire::login(&mut bytes, &mut raw.sequence, &said).unwrap();
    raw.stream.write_all(&bytes).await.unwrap();
    // At most a TLS alert comes back.
    let mut heard = raw.everything().await;
    assert_ne!(heard.next(), Some(0), "no packet");
    assert_eq!(world.logins.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn tls_may_begin_in_the_segment_of_its_request() {
    let world = World::start(Setup::new(faces()[0].clone()).native()).await;
    let (raw, greeting) = Raw::arrive(world.port).await;
    let (mut raw, mut tls) = raw.encrypt_at_once(&world).await;
    let said = raw.login(
        "app",
        &raw::native_answer(PASSWORD, &greeting.nonce),
        "mysql_native_password",
    );
    let mut bytes = Vec::new();
    wire::login(&mut bytes, &mut raw.sequence, &said).unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut tls, &bytes)
        .await
        .unwrap();
    let mut answer = [0; 5];
    tokio::io::AsyncReadExt::read_exact(&mut tls, &mut answer)
        .await
        .unwrap();
    assert_eq!(answer[3..], [3, 0], "OK");
}

#[tokio::test]
async fn what_is_no_login_is_refused_with_a_code() {
    let world = World::start(Setup::new(faces()[0].clone())).await;
    let too_long = u32::try_from(MAX_LOGIN_PACKET + 1).unwrap();
    let said = |raw: &Raw| {
        let mut out = Vec::new();
        let said = raw.login("app", b"", "x");
        wire::login(&mut out, &mut Sequence::after(9), &said).unwrap();
        out
    };
    let (raw, _) = Raw::arrive(world.port).await;
    let out_of_order = said(&raw);
    drop(raw);
    let packet = |payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap();
        [&header_bytes(length, 1)[..], payload].concat()
    };
    for (bytes, code) in [
        (out_of_order, 1156),
        (header_bytes(too_long, 1).to_vec(), 1153),
        (packet(b"\x05\0\0\0\0root\0"), 1043),
        (packet(b""), 1043),
        (packet(b"\x00\x02\0\0"), 1043),
        (packet(&[0xff; 60]), 1043),
    ] {
        let (mut raw, _) = Raw::arrive(world.port).await;
        raw.stream.write_all(&bytes).await.unwrap();
        let told = raw.everything().await.bytes;
        let (got, message) = error(&told[4..]);
        assert_eq!(got, code, "{message}");
        assert_ne!(told.get(7), Some(&b'#'), "no SQLSTATE before the login");
    }
}

#[tokio::test]
async fn a_second_request_for_tls_is_refused() {
    let world = World::start(Setup::new(faces()[0].clone())).await;
    let (raw, _) = Raw::arrive(world.port).await;
    let mut raw = raw.encrypt(&world).await;
    let request = raw.tls_request();
    raw.stream.write_all(&request).await.unwrap();
    assert_eq!(error(&raw.next().await.unwrap()).0, 1043);
}

#[tokio::test]
async fn packets_out_of_step_within_the_exchange_are_refused_and_audited() {
    let world = World::start(Setup::new(faces()[0].clone()).tokens()).await;
    let (raw, _) = Raw::arrive(world.port).await;
    let mut raw = raw.encrypt(&world).await;
    let said = raw.login("app", &[7; 32], "caching_sha2_password");
    raw.send_login(&said).await;
    assert_eq!(&raw.next().await.unwrap()[..], b"\x01\x04");
    raw.stream.write_all(b"\x01\0\0\x2ax").await.unwrap();
    let told = raw.everything().await.bytes;
    assert_eq!(error(&told[4..]).0, 1156);
    assert_eq!(world.decision().await.reason, "MALFORMED");
}

#[tokio::test]
async fn a_closed_door_says_so_in_place_of_the_greeting() {
    for (admission, code) in [
        (Admission::Full, 1040),
        (Admission::Closing, 1053),
        (Admission::Barred, 1130),
    ] {
        let world = World::start(Setup::new(faces()[0].clone()).admission(admission)).await;
        let refused = world.open("app", PASSWORD, TlsMode::Disable).await;
        let refused = refused.map(|_| ()).unwrap_err();
        let error = refused.mysql_error().unwrap();
        assert_eq!(error.code, code);
        // The end of the process is nobody's case.
        let has_id = error.message.contains("id ");
        assert_eq!(has_id, code != 1053, "{}", error.message);
    }
    let world = World::start(Setup::new(faces()[0].clone()).throttled()).await;
    let refused = world.open("app", PASSWORD, TlsMode::Disable).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(refused.mysql_error().unwrap().code, 1129);
    assert_eq!(world.decision().await.reason, "RATE_LIMITED");
}

#[tokio::test]
async fn whoever_takes_too_long_is_closed() {
    // Long enough for the client to say its part before it is cut.
    let patience = Duration::from_secs(1);
    let world = World::start(Setup::new(faces()[0].clone()).patience(patience)).await;
    for bytes in [&b""[..], b"\x20", b"\x20\0\0\x01abc"] {
        let (mut raw, _) = Raw::arrive(world.port).await;
        raw.stream.write_all(bytes).await.unwrap();
        assert!(raw.everything().await.bytes.is_empty());
    }
    let (mut raw, _) = Raw::arrive(world.port).await;
    let request = raw.tls_request();
    raw.stream.write_all(&request).await.unwrap();
    assert!(raw.everything().await.bytes.is_empty());
}

#[tokio::test]
async fn compression_that_was_not_offered_is_not_agreed_upon() {
    let world = World::start(Setup::new(faces()[0].clone()).native()).await;
    let (mut raw, greeting) = Raw::arrive(world.port).await;
    assert!(!greeting.capabilities.contains(Capabilities::COMPRESS));
    let proof = raw::native_answer(PASSWORD, &greeting.nonce);
    let mut said = raw.login("app", &proof, "mysql_native_password");
    said.capabilities = said.capabilities | Capabilities::COMPRESS | Capabilities::ZSTD_COMPRESSION;
    said.zstd_level = 3;
    said.auth = Secret::from(proof.as_slice());
    raw.send_login(&said).await;
    assert_eq!(
        raw.next().await.unwrap()[0],
        0,
        "an OK that is not compressed"
    );
}

#[test]
fn rubbish_ends_every_visit() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let worlds = runtime.block_on(async {
        let setup = Setup::new(faces()[0].clone());
        [
            World::start(setup.clone()).await,
            World::start(setup.tokens()).await,
        ]
    });
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    let behind = prop_oneof![
        Just(Behind::Greeting),
        Just(Behind::Login),
        Just(Behind::Tls)
    ];
    let mut runner = TestRunner::new(Config::with_cases(48));
    let outcome = runner.run(&(bytes, behind, 0..2_usize), |(bytes, behind, which)| {
        runtime.block_on(raw::throw(&worlds[which], &bytes, behind));
        Ok(())
    });
    outcome.unwrap();
    for world in &worlds {
        assert_eq!(world.logins.load(Ordering::Relaxed), 0);
    }
}
