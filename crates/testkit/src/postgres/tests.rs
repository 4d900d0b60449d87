//! The throw-away servers are real: they answer, refuse, stop, come back and disappear.

use std::net::TcpStream;

use tokio_postgres::{NoTls, error::SqlState};

use super::*;
use crate::TestCa;

async fn connect(url: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test]
async fn answers_with_its_version() {
    for version in PostgresVersion::ALL {
        if !version.available() {
            continue;
        }
        let postgres = Postgres::start(version).unwrap();
        let client = connect(&postgres.superuser_url("postgres")).await.unwrap();
        let row = client
            .query_one("SHOW server_version_num", &[])
            .await
            .unwrap();
        let number: &str = row.get(0);
        assert!(number.starts_with(&version.major().to_string()), "{number}");
    }
}

#[tokio::test]
async fn checks_passwords_in_every_way() {
    let version = PostgresVersion::newest().unwrap();
    for auth in [HostAuth::Cleartext, HostAuth::Md5, HostAuth::Scram] {
        let options = PostgresOptions::new(version).auth(auth);
        let postgres = Postgres::start_with(options).unwrap();
        postgres.user_create("app", "it's a secret").unwrap();
        postgres.database_create("orders", "app").unwrap();
        let url = postgres.url("app", "it's%20a%20secret", "orders");
        connect(&url).await.unwrap();
        let refused = connect(&postgres.url("app", "wrong", "orders"))
            .await
            .err()
            .unwrap();
        assert_eq!(
            refused.code(),
            Some(&SqlState::INVALID_PASSWORD),
            "{auth:?}"
        );
    }
}

#[test]
fn speaks_tls_with_the_given_certificate() {
    let ca = TestCa::new().unwrap();
    let identity = ca.server(&["127.0.0.1"]).unwrap();
    let options = PostgresOptions::new(PostgresVersion::newest().unwrap()).tls(identity);
    let postgres = Postgres::start_with(options).unwrap();
    assert_eq!(
        postgres.superuser_sql("postgres", "SHOW ssl").unwrap(),
        "on"
    );
}

#[tokio::test]
async fn keeps_its_port_and_data_over_kill_and_restart() {
    let mut postgres = Postgres::start(PostgresVersion::newest().unwrap()).unwrap();
    let port = postgres.port();
    postgres
        .superuser_sql("postgres", "CREATE TABLE kept AS SELECT 7 AS n")
        .unwrap();
    postgres.stop().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    postgres.restart().unwrap();
    postgres.kill().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    postgres.restart().unwrap();
    assert_eq!(postgres.port(), port);
    assert_eq!(
        postgres
            .superuser_sql("postgres", "SELECT n FROM kept")
            .unwrap(),
        "7"
    );
}

#[test]
fn dropping_removes_folder_and_processes() {
    let mut postgres = Postgres::start(PostgresVersion::newest().unwrap()).unwrap();
    // The port stays ours: another test's server could be there at once.
    let port = std::mem::replace(&mut postgres.port, Ports::reserve(1).unwrap());
    let folder = postgres.folder.path().to_owned();
    drop(postgres);
    assert!(!folder.exists());
    assert!(TcpStream::connect(("127.0.0.1", port.first())).is_err());
}
