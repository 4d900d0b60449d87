//! Values that are not ASCII, under every combination of encodings.

use tollgate_testkit::Postgres;

use super::rig::{Connection, question, servers};
use crate::postgres::settings::Settings;

const NAMES: &[&str] = &["app.word", "app.path", "client_encoding"];

/// A client encoding and a value in it. In SJIS, BIG5 and GBK the last byte looks like a backslash.
const CLIENTS: &[(&str, &[u8])] = &[
    ("UTF8", "表é\\'".as_bytes()),
    ("LATIN1", b"caf\xe9 \\''"),
    ("SJIS", b"\x95\x5c"),
    ("BIG5", b"\xa5\x5c"),
    ("GBK", b"\x81\x5c"),
    ("WIN1252", b"\x80"),
];

/// Sets the value in the client's encoding as a parameter would: `decode` keeps it out of any literal.
async fn set(connection: &mut Connection, encoding: &str, value: &[u8]) {
    let hex: Vec<String> = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    connection
        .run(format!(
            "SET client_encoding = {encoding}; SELECT set_config('app.word', convert_from(decode('{hex}', 'hex'), '{encoding}'), false)"
        ))
        .await;
}

async fn travels(server: &Postgres, database: &str, client: usize) {
    let (encoding, value) = CLIENTS[client];
    let mut first = Connection::open_as(server, "postgres", database, &[]).await;
    let fresh = first.ask(&question(NAMES)).await;
    set(&mut first, encoding, value).await;
    assert_eq!(first.value("SHOW app.word").await.unwrap(), value);
    let there = first.settings(NAMES, &fresh).await;

    // On connections that come from any other encoding, with a value in it.
    for (other, others) in CLIENTS {
        if database == "latin1" && *other != "LATIN1" {
            continue;
        }
        let mut second = Connection::open_as(server, "postgres", database, &[]).await;
        set(&mut second, other, others).await;
        let had = second.settings(NAMES, &fresh).await;
        second.replay(&had, &there).await;
        assert_eq!(
            second.value("SHOW app.word").await.unwrap(),
            value,
            "{other} to {encoding}"
        );
        second.replay(&there, &had).await;
        assert_eq!(second.value("SHOW app.word").await.unwrap(), *others);
    }
}

#[tokio::test]
async fn values_are_the_same_characters_in_every_encoding() {
    for server in servers() {
        for client in 0..CLIENTS.len() {
            travels(&server, "postgres", client).await;
        }
    }
}

#[tokio::test]
async fn a_database_need_not_be_utf8() {
    for server in servers() {
        let make = "CREATE DATABASE latin1 ENCODING LATIN1 LOCALE 'C' TEMPLATE template0";
        server.superuser_sql("postgres", make).unwrap();
        travels(&server, "latin1", 1).await;
        let mut utf8 = Connection::open_as(&server, "postgres", "latin1", &[]).await;
        let fresh = utf8.ask(&question(NAMES)).await;
        utf8.run("SET client_encoding = UTF8").await;
        utf8.run("SET app.word = 'é\\'").await;
        let set = utf8.settings(NAMES, &fresh).await;
        assert_eq!(
            set.get(b"app.word"),
            Some(&b"\xe9\\"[..]),
            "in the encoding of the database"
        );
        let mut other = Connection::open_as(&server, "postgres", "latin1", &[]).await;
        other.replay(&Settings::default(), &set).await;
        assert_eq!(
            other.value("SHOW app.word").await.unwrap(),
            "é\\".as_bytes()
        );
    }
}

#[tokio::test]
async fn bytes_of_a_database_without_encoding_stay_as_they_are() {
    for server in servers() {
        let make = "CREATE DATABASE bytes ENCODING SQL_ASCII LOCALE 'C' TEMPLATE template0";
        server.superuser_sql("postgres", make).unwrap();
        let mut first = Connection::open_as(&server, "postgres", "bytes", &[]).await;
        let fresh = first.ask(&question(NAMES)).await;
        first.run(b"SET app.word = 'a\xff\xfe'").await;
        let set = first.settings(NAMES, &fresh).await;
        let mut second = Connection::open_as(&server, "postgres", "bytes", &[]).await;
        second.replay(&Settings::default(), &set).await;
        assert_eq!(second.value("SHOW app.word").await.unwrap(), b"a\xff\xfe");
    }
}

#[tokio::test]
async fn a_value_the_client_cannot_read_is_known_all_the_same() {
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        let fresh = connection.ask(&question(NAMES)).await;
        connection.run("SET app.word = '表'").await;
        connection.run("SET client_encoding = LATIN1").await;
        let set = connection.settings(NAMES, &fresh).await;
        assert_eq!(set.get(b"app.word"), Some("表".as_bytes()));
    }
}

#[tokio::test]
async fn names_need_not_be_ascii_either() {
    let map = super::rig::settings([("äpp.wört".as_bytes(), &b"1"[..])]);
    for server in servers() {
        let mut connection = Connection::open(&server, &[]).await;
        connection.replay(&Settings::default(), &map).await;
        assert_eq!(
            connection.value("SHOW \"äpp\".\"wört\"").await.unwrap(),
            b"1"
        );
        connection.replay(&map, &Settings::default()).await;
        assert_eq!(
            connection.value("SHOW \"äpp\".\"wört\"").await.unwrap(),
            b""
        );
    }
}
