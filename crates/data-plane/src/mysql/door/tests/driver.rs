//! A driver with a protocol implementation of its own, which nobody told about tokens.

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{ConnectOptions, Connection};

use super::*;

fn options(world: &World, password: &str, mode: MySqlSslMode) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(world.port)
        .username("app")
        .password(password)
        .database("orders")
        .ssl_mode(mode)
        .ssl_ca_from_pem(world.ca.cert_pem().into_bytes())
}

async fn enters(world: &World, options: MySqlConnectOptions) {
    let mut connection = options.connect().await.unwrap();
    connection.ping().await.unwrap();
    assert_eq!(world.decision().await.reason, "ALLOWED");
}

#[tokio::test]
async fn logs_in_with_passwords() {
    for face in faces() {
        let world = World::start(Setup::new(face)).await;
        for mode in [MySqlSslMode::Disabled, MySqlSslMode::VerifyIdentity] {
            enters(&world, options(&world, PASSWORD, mode)).await;
            let refused = options(&world, "not it", mode).connect().await;
            let told = refused.map(|_| ()).unwrap_err().to_string();
            assert!(told.contains("Access denied for user 'app'"), "{told}");
            assert_eq!(world.decision().await.reason, "WRONG_PASSWORD");
        }
    }
}

#[tokio::test]
async fn logs_in_with_tokens_and_no_option_for_it() {
    for face in faces() {
        let world = World::start(Setup::new(face).tokens()).await;
        let token = world.token("app");
        enters(
            &world,
            options(&world, &token, MySqlSslMode::VerifyIdentity),
        )
        .await;
        let refused = options(&world, &token, MySqlSslMode::Disabled)
            .connect()
            .await;
        let told = refused.map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("only with TLS"), "{told}");
    }
}
