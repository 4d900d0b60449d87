//! The throw-away servers are real: they answer, check passwords, speak TLS, stop, come back and
//! disappear.

use std::{
    io::{ErrorKind, Read},
    net::TcpStream,
};

use sqlx::{
    Connection, MySqlConnection, Row,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

use super::*;
use crate::TestCa;

/// The servers of this machine, each with its name for messages.
fn kinds() -> impl Iterator<Item = MySqlKind> {
    MySqlKind::ALL.into_iter().filter(|kind| kind.available())
}

fn tls_server(kind: MySqlKind, ca: &TestCa) -> MySqlServer {
    let identity = ca.server(&["127.0.0.1"]).unwrap();
    MySqlServer::start_with(MySqlOptions::new(kind).tls(identity)).unwrap()
}

fn login(server: &MySqlServer, mode: MySqlSslMode) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host(server.host())
        .port(server.port())
        .username("root")
        .password(MySqlServer::superuser_password())
        .ssl_mode(mode)
}

async fn answer(options: MySqlConnectOptions, sql: &'static str) -> sqlx::Result<String> {
    let mut connection = MySqlConnection::connect_with(&options).await?;
    sqlx::query_scalar(sql).fetch_one(&mut connection).await
}

/// Runs one statement with the server's own client; TLS wherever the server offers it.
fn client_answer(server: &MySqlServer, user: &str, password: &str, sql: &str) -> Result<String> {
    let mut client = server.client(server.port(), user, password)?;
    client.args(["--batch", "--skip-column-names", "--execute", sql]);
    let output = client.output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[tokio::test]
async fn answers_with_its_version_over_tls() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let server = tls_server(kind, &ca);
        let trusting = login(&server, MySqlSslMode::VerifyIdentity)
            .ssl_ca_from_pem(ca.cert_pem().into_bytes());
        let version = answer(trusting.clone(), "SELECT VERSION()").await.unwrap();
        let expected = match kind {
            MySqlKind::MySql9 => "9.",
            MySqlKind::MariaDb => "10.11.",
        };
        assert!(version.starts_with(expected), "{version}");
        let mut connection = MySqlConnection::connect_with(&trusting).await.unwrap();
        let row = sqlx::query("SHOW STATUS LIKE 'Ssl_version'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(row.get::<String, _>(1), "TLSv1.3", "{kind:?}");
    }
}

#[tokio::test]
async fn shows_the_given_certificate() {
    let (ca, stranger) = (TestCa::new().unwrap(), TestCa::new().unwrap());
    for kind in kinds() {
        let server = tls_server(kind, &ca);
        let mistrusting = login(&server, MySqlSslMode::VerifyCa)
            .ssl_ca_from_pem(stranger.cert_pem().into_bytes());
        let refused = answer(mistrusting, "SELECT 'seen'").await.unwrap_err();
        let text = format!("{refused:?}");
        assert!(text.contains("InvalidCertificate"), "{kind:?}: {text}");
    }
}

#[tokio::test]
async fn offers_no_tls_without_a_certificate() {
    for kind in kinds() {
        let server = MySqlServer::start(kind).unwrap();
        let refused = answer(login(&server, MySqlSslMode::Required), "SELECT 'seen'").await;
        let text = format!("{:?}", refused.unwrap_err());
        assert!(text.contains("server does not support TLS"), "{text}");
    }
}

#[test]
fn checks_passwords_in_every_way() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let plugins = match kind {
            MySqlKind::MySql9 => [LoginPlugin::CachingSha2, LoginPlugin::Sha256],
            MySqlKind::MariaDb => [LoginPlugin::Native, LoginPlugin::Ed25519],
        };
        let server = tls_server(kind, &ca);
        for plugin in plugins {
            let (user, secret) = (format!("app_{plugin:?}"), r"it's a \ secret");
            server.user_create_with(&user, secret, plugin).unwrap();
            server.database_create(&user, &user).unwrap();
            let seen = client_answer(&server, &user, secret, "SELECT current_user()").unwrap();
            assert_eq!(seen, format!("{user}@%"));
            let refused = client_answer(&server, &user, "wrong", "SELECT 1").unwrap_err();
            assert!(
                refused.to_string().contains("ERROR 1045 (28000)"),
                "{plugin:?}: {refused}"
            );
        }
    }
}

#[tokio::test]
async fn has_the_default_login_of_its_kind() {
    for kind in kinds() {
        let server = MySqlServer::start(kind).unwrap();
        server.user_create("app", "secret").unwrap();
        let plugin = server
            .superuser_sql("mysql", "SELECT plugin FROM user WHERE user = 'app'")
            .unwrap();
        assert_eq!(plugin, LoginPlugin::default_of(kind).wire_name());
    }
}

/// What a proxy without TLS to its server depends on: the first login goes by the server's RSA key.
#[test]
fn has_an_rsa_key_for_logins_without_tls() {
    let kind = MySqlKind::MySql9;
    if !kind.available() {
        return;
    }
    let server = MySqlServer::start(kind).unwrap();
    server.user_create("app", "secret").unwrap();
    let mut client = server.client(server.port(), "app", "secret").unwrap();
    client.args(["--ssl-mode=DISABLED", "--execute", "SELECT 1"]);
    let refused = client.output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("requires secure connection"), "{text}");
    client.arg("--get-server-public-key");
    assert!(client.output().unwrap().status.success());
}

#[test]
fn keeps_its_port_and_data_over_stop_kill_and_restart() {
    for kind in kinds() {
        let mut server = MySqlServer::start(kind).unwrap();
        let port = server.port();
        server.user_create("app", "secret").unwrap();
        server.database_create("orders", "app").unwrap();
        server
            .superuser_sql(
                "orders",
                "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)",
            )
            .unwrap();
        server.stop().unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        server.restart().unwrap();
        server
            .superuser_sql("orders", "INSERT INTO kept VALUES (8)")
            .unwrap();
        server.kill().unwrap();
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        server.restart().unwrap();
        assert_eq!(server.port(), port);
        let sum = server.superuser_sql("orders", "SELECT sum(n) FROM kept");
        assert_eq!(sum.unwrap(), "15", "{kind:?}");
    }
}

#[test]
fn a_paused_server_holds_connections_and_says_nothing() {
    for kind in kinds() {
        let mut server = MySqlServer::start(kind).unwrap();
        server.pause().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let mut first = [0_u8; 5];
        let silence = stream.read(&mut first).unwrap_err();
        assert_eq!(silence.kind(), ErrorKind::WouldBlock, "{kind:?}");
        server.resume();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first[4], 10, "a greeting of protocol 10");
        server.pause().unwrap();
        server.stop().unwrap();
    }
}

#[tokio::test]
async fn kills_the_connections_of_one_account() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let server = tls_server(kind, &ca);
        server.user_create("app", "secret").unwrap();
        let root = login(&server, MySqlSslMode::Required);
        let app = root.clone().username("app").password("secret");
        let mut root = MySqlConnection::connect_with(&root).await.unwrap();
        let mut app = MySqlConnection::connect_with(&app).await.unwrap();
        assert_eq!(server.connections("app").unwrap(), 1, "{kind:?}");
        server.kill_connections("app").unwrap();
        assert!(app.ping().await.is_err(), "{kind:?}");
        root.ping().await.unwrap();
    }
}

#[test]
fn follows_its_options() {
    for kind in kinds() {
        let options = MySqlOptions::new(kind)
            .max_connections(17)
            .binlog(Binlog::On)
            .performance_schema(PerformanceSchema::On)
            .setting("wait-timeout", "123")
            .setting("innodb-buffer-pool-size", "24M")
            .bootstrap("CREATE DATABASE made; USE made; CREATE TABLE here (n int)");
        let server = MySqlServer::start_with(options).unwrap();
        let ask = "SELECT @@max_connections, @@log_bin, @@performance_schema, @@global.wait_timeout, \
                   @@innodb_buffer_pool_size";
        let answer = server.superuser_sql("made", ask).unwrap();
        assert_eq!(answer, "17\t1\t1\t123\t25165824", "{kind:?}");
        assert_eq!(server.superuser_sql("made", "SHOW TABLES").unwrap(), "here");
        let plain = MySqlServer::start(kind).unwrap();
        let ask = "SELECT @@log_bin, @@performance_schema";
        assert_eq!(plain.superuser_sql("mysql", ask).unwrap(), "0\t0");
    }
}

#[test]
fn bootstrap_that_fails_fails_the_start() {
    for kind in kinds() {
        let options = MySqlOptions::new(kind).bootstrap("CREATE NONSENSE");
        let error = MySqlServer::start_with(options).unwrap_err();
        assert!(error.to_string().contains("ERROR 1064"), "{error}");
    }
}

/// A copy of a template that kept the identity could not replicate with another one.
#[test]
fn two_servers_have_two_identities() {
    let kind = MySqlKind::MySql9;
    if !kind.available() {
        return;
    }
    let identity = || {
        let server = MySqlServer::start(kind).unwrap();
        server
            .superuser_sql("mysql", "SELECT @@server_uuid")
            .unwrap()
    };
    assert_ne!(identity(), identity());
}

#[test]
fn nobody_but_the_superuser_is_there() {
    for kind in kinds() {
        let server = MySqlServer::start(kind).unwrap();
        let accounts = server
            .superuser_sql(
                "mysql",
                "SELECT user, host FROM user WHERE user NOT LIKE 'm%.%' ORDER BY host",
            )
            .unwrap();
        assert_eq!(accounts, "root\t127.0.0.1\nroot\tlocalhost", "{kind:?}");
        let refused = client_answer(&server, "root", "", "SELECT 1").unwrap_err();
        assert!(refused.to_string().contains("ERROR 1045"), "{refused}");
    }
}

#[test]
fn dropping_removes_folder_and_process() {
    for kind in kinds() {
        let mut server = MySqlServer::start(kind).unwrap();
        // The port stays ours: another test's server could be there at once.
        let port = std::mem::replace(&mut server.port, Ports::reserve(1).unwrap());
        let folder = server.folder.path().to_owned();
        drop(server);
        assert!(!folder.exists());
        assert!(TcpStream::connect(("127.0.0.1", port.first())).is_err());
    }
}
