//! Opening connections to real servers; hostile ones are in [`hostile`].

mod hostile;

use tokio::net::TcpListener;
use tollgate_testkit::{LoginPlugin, MySqlKind, MySqlOptions, MySqlServer, TestCa};
use tollgate_types::{Engine, TargetTls, TlsMode};
use tollgate_wire_mysql::version::Family;

use super::*;
use crate::mysql::server::kill::{Killed, kill_query};
use crate::server::tests::{policy, random};
use crate::tls::mysql_client_config;

/// A password with what quoting and UTF-8 have to get right.
pub(crate) const PASSWORD: &str = "pass wörd'\u{2163}\\";

/// The servers of this machine.
pub(crate) fn kinds() -> impl Iterator<Item = MySqlKind> {
    MySqlKind::ALL.into_iter().filter(|kind| kind.available())
}

/// A target at this place.
pub(crate) fn target(server: &MySqlServer, tls: TargetTls) -> TargetConfig {
    let engine = match server.kind() {
        MySqlKind::MySql9 => Engine::Mysql,
        MySqlKind::MariaDb => Engine::Mariadb,
    };
    target_at(engine, server.port(), tls)
}

/// A target on this machine.
pub(crate) fn target_at(engine: Engine, port: u16, tls: TargetTls) -> TargetConfig {
    TargetConfig {
        engine,
        ..crate::server::tests::target("127.0.0.1", port, tls)
    }
}

fn plain(server: &MySqlServer) -> TargetConfig {
    target(server, policy(TlsMode::Disable, None))
}

/// Whom the tests log in as, and how. Every part can be changed before [`Attempt::open`].
struct Attempt<'a> {
    target: TargetConfig,
    user: &'a str,
    passwords: Vec<SecretString>,
    schema: &'a str,
    terms: Terms,
    init_query: Option<&'a str>,
    deadline: Duration,
}

impl<'a> Attempt<'a> {
    fn at(target: TargetConfig) -> Self {
        Self {
            target,
            user: "app",
            passwords: vec![PASSWORD.into()],
            schema: "",
            terms: Terms::OURS,
            init_query: None,
            deadline: Duration::from_secs(20),
        }
    }

    fn user(mut self, user: &'a str) -> Self {
        self.user = user;
        self
    }

    fn passwords(mut self, passwords: &[&str]) -> Self {
        self.passwords = passwords.iter().map(|word| (*word).into()).collect();
        self
    }

    fn schema(mut self, schema: &'a str) -> Self {
        self.schema = schema;
        self
    }

    fn init(mut self, sql: &'a str) -> Self {
        self.init_query = Some(sql);
        self
    }

    fn plan(&self) -> OpenPlan<'_> {
        OpenPlan {
            target: &self.target,
            tls: Some(mysql_client_config(&self.target.tls).unwrap()),
            user: self.user,
            passwords: &self.passwords,
            schema: self.schema,
            terms: self.terms,
            init_query: self.init_query,
            random,
            deadline: self.deadline,
        }
    }

    async fn open(&self) -> Result<ServerConnection, OpenError> {
        open(&self.plan()).await
    }

    async fn refused(&self) -> OpenError {
        self.open().await.map(|_| ()).unwrap_err()
    }
}

async fn ask(connection: &mut ServerConnection, sql: &str) -> String {
    let rows = query_rows(connection, sql).await.unwrap();
    rows[0][0].clone().unwrap_or_default()
}

fn code(error: &OpenError) -> u16 {
    error.mysql_error().map_or(0, |error| error.code)
}

fn plugins(kind: MySqlKind) -> [LoginPlugin; 2] {
    match kind {
        MySqlKind::MySql9 => [LoginPlugin::CachingSha2, LoginPlugin::Sha256],
        MySqlKind::MariaDb => [LoginPlugin::Native, LoginPlugin::Ed25519],
    }
}

fn started(options: MySqlOptions) -> MySqlServer {
    let server = MySqlServer::start_with(options).unwrap();
    server.user_create("app", PASSWORD).unwrap();
    server.database_create("orders", "app").unwrap();
    server
}

#[tokio::test]
async fn logs_in_by_every_plugin_with_and_without_tls() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let identity = ca.server(&["127.0.0.1"]).unwrap();
        let server = started(MySqlOptions::new(kind).tls(identity));
        let ways = [
            policy(TlsMode::Disable, None),
            policy(TlsMode::VerifyFull, Some(&ca)),
        ];
        for (plugin, way) in plugins(kind).iter().flat_map(|plugin| {
            ways.iter()
                .enumerate()
                .map(move |(at, way)| ((*plugin, at), way))
        }) {
            // A new account each time: its password is not in the server's cache yet.
            let user = format!("{:?}{}", plugin.0, plugin.1);
            server.user_create_with(&user, PASSWORD, plugin.0).unwrap();
            let attempt = Attempt::at(target(&server, way.clone())).user(&user);
            let wrong = Attempt::at(target(&server, way.clone()))
                .user(&user)
                .passwords(&["not it"])
                .refused()
                .await;
            assert_eq!(
                (wrong.step, code(&wrong)),
                (ProbeStep::Auth, 1045),
                "{user}"
            );
            assert!(wrong.concerns_the_key() && wrong.is_refused_password());
            assert!(!wrong.to_string().contains("not it"), "{wrong}");
            // The first time in full, the second from the cache.
            for _ in 0..2 {
                let mut entered = attempt.open().await.unwrap();
                let me = ask(&mut entered, "SELECT current_user()").await;
                assert_eq!(me, format!("{user}@%"));
                assert_eq!(entered.stream.is_tls(), way.mode != TlsMode::Disable);
                entered.close();
            }
        }
        let rotated = Attempt::at(plain(&server)).passwords(&["not it", PASSWORD]);
        assert_eq!(rotated.open().await.unwrap().password_index, 1);
        let nothing = Attempt::at(plain(&server)).passwords(&[]).refused().await;
        assert!(
            matches!(nothing.kind, OpenErrorKind::Credentials(_)),
            "{nothing}"
        );
    }
}

#[tokio::test]
async fn tls_is_as_strict_as_the_policy() {
    let (ca, stranger) = (TestCa::new().unwrap(), TestCa::new().unwrap());
    for kind in kinds() {
        let identity = ca.server(&["127.0.0.1"]).unwrap();
        let server = started(MySqlOptions::new(kind).tls(identity));
        for (mode, ca, good) in [
            (TlsMode::Prefer, None, true),
            (TlsMode::Require, None, true),
            (TlsMode::VerifyCa, Some(&ca), true),
            (TlsMode::VerifyFull, Some(&ca), true),
            (TlsMode::VerifyCa, Some(&stranger), false),
            (TlsMode::VerifyFull, Some(&stranger), false),
        ] {
            let attempt = Attempt::at(target(&server, policy(mode, ca)));
            match attempt.open().await {
                Ok(entered) => assert!(good && entered.stream.is_tls(), "{kind:?} {mode:?}"),
                Err(error) => {
                    assert!(!good, "{kind:?} {mode:?}: {error}");
                    assert_eq!(error.step, ProbeStep::Tls);
                    assert!(error.to_string().contains("trusted CA"), "{error}");
                }
            }
        }
        let elsewhere = ca.server(&["db.test"]).unwrap();
        let server = started(MySqlOptions::new(kind).tls(elsewhere));
        let name = policy(TlsMode::VerifyFull, Some(&ca));
        let refused = Attempt::at(target(&server, name)).refused().await;
        assert_eq!(refused.step, ProbeStep::Tls, "{refused}");
        let chain = policy(TlsMode::VerifyCa, Some(&ca));
        Attempt::at(target(&server, chain)).open().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        for mode in [TlsMode::Require, TlsMode::VerifyFull] {
            let ca = TestCa::new().unwrap();
            let refused = Attempt::at(target(&server, policy(mode, Some(&ca))))
                .refused()
                .await;
            assert_eq!(refused.step, ProbeStep::Tls);
            assert!(refused.to_string().contains("does not offer"), "{refused}");
        }
        let prefer = Attempt::at(target(&server, policy(TlsMode::Prefer, None)));
        match kind {
            // The password would go out under a key of whoever sits on the way.
            MySqlKind::MySql9 => {
                let refused = prefer.refused().await;
                assert!(refused.to_string().contains("tls.mode"), "{refused}");
                assert_eq!(refused.step, ProbeStep::Auth);
                // Once the server has the password in its cache, a proof is enough.
                Attempt::at(plain(&server)).open().await.unwrap();
                prefer.open().await.unwrap();
            }
            MySqlKind::MariaDb => {
                prefer.open().await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn facts_are_the_servers_own() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let mut attempt = Attempt::at(plain(&server)).schema("orders");
        attempt.terms.shared = Capabilities::FOUND_ROWS;
        let mut entered = attempt.open().await.unwrap();
        let facts = entered.facts.clone();
        let (family, major) = match kind {
            MySqlKind::MySql9 => (Family::MySql, 9),
            MySqlKind::MariaDb => (Family::MariaDb, 10),
        };
        assert_eq!((facts.version.family, facts.version.major), (family, major));
        let wanted = Capabilities::SESSION_TRACK
            | Capabilities::DEPRECATE_EOF
            | Capabilities::FOUND_ROWS
            | Capabilities::MULTI_STATEMENTS;
        assert!(facts.capabilities.contains(wanted), "{facts:?}");
        assert!(facts.status.contains(StatusFlags::AUTOCOMMIT), "{facts:?}");
        let id = ask(&mut entered, "SELECT connection_id()").await;
        assert_eq!(id, facts.connection_id.to_string());
        assert_eq!(ask(&mut entered, "SELECT database()").await, "orders");
        let collation = ask(&mut entered, "SELECT @@collation_connection").await;
        assert_eq!(collation, "utf8mb4_general_ci");
        let nowhere = Attempt::at(plain(&server))
            .schema("nowhere")
            .refused()
            .await;
        assert!(nowhere.concerns_the_key(), "{nowhere}");
        assert!([1044, 1049].contains(&code(&nowhere)), "{nowhere}");
        server
            .superuser_sql("mysql", "GRANT ALL ON *.* TO app")
            .unwrap();
        let nowhere = Attempt::at(plain(&server))
            .schema("nowhere")
            .refused()
            .await;
        assert!(nowhere.is_unknown_database(), "{nowhere}");
    }
}

#[tokio::test]
async fn sessions_report_what_is_done_in_them() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let mut entered = Attempt::at(plain(&server)).open().await.unwrap();
        let tracked = ask(&mut entered, "SELECT @@session_track_system_variables").await;
        assert_eq!(tracked, "*", "{kind:?}");
        let trx = ask(&mut entered, "SELECT @@session_track_transaction_info").await;
        assert_eq!(trx, "CHARACTERISTICS", "{kind:?}");
        query_rows(&mut entered, "SET time_zone = '-6:00'")
            .await
            .unwrap();
        let zone = entered
            .variables
            .iter()
            .find(|(name, _)| **name == *"time_zone");
        let zone = zone.and_then(|(_, value)| value.as_deref());
        assert_eq!(zone, Some("-06:00"), "{kind:?}");
    }
}

#[tokio::test]
async fn the_init_query_shapes_the_session_or_fails_the_opening() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let at = || Attempt::at(plain(&server));
        let good = "SET time_zone = '+01:00'; SELECT 1; SET sql_mode = 'ANSI_QUOTES'";
        let mut entered = at().init(good).open().await.unwrap();
        assert_eq!(ask(&mut entered, "SELECT @@time_zone").await, "+01:00");
        let modes = entered
            .variables
            .iter()
            .find(|(name, _)| **name == *"sql_mode");
        assert_eq!(
            modes.and_then(|(_, value)| value.as_deref()),
            Some("ANSI_QUOTES")
        );
        let fails = at().init("SELECT * FROM orders.nothing").refused().await;
        assert!(matches!(fails.kind, OpenErrorKind::MySqlInit(_)), "{fails}");
        assert_eq!((code(&fails), fails.concerns_the_key()), (1146, true));
        let open_end = at().init("START TRANSACTION").refused().await;
        assert!(
            open_end.to_string().contains("transaction open"),
            "{open_end}"
        );
        let file = at()
            .init("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE orders.t")
            .refused()
            .await;
        assert!(file.concerns_the_key(), "{file}");
    }
}

#[tokio::test]
async fn a_full_server_is_nobodys_fault() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind).max_connections(10));
        let attempt = Attempt::at(plain(&server));
        let mut held = Vec::new();
        let refused = loop {
            match attempt.open().await {
                Ok(connection) => held.push(connection),
                Err(error) => break error,
            }
            assert!(held.len() < 20);
        };
        assert_eq!((refused.step, code(&refused)), (ProbeStep::Auth, 1040));
        assert!(!refused.concerns_the_key() && !refused.is_refused_password());
    }
}

#[tokio::test]
async fn a_restarted_server_with_a_cold_cache_lets_us_in() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let identity = ca.server(&["127.0.0.1"]).unwrap();
        let mut server = started(MySqlOptions::new(kind).tls(identity));
        let attempt = Attempt::at(target(&server, policy(TlsMode::Require, None)));
        attempt.open().await.unwrap();
        server.restart().unwrap();
        attempt.open().await.unwrap();
    }
}

#[tokio::test]
async fn an_idle_connection_moves_to_another_runtime() {
    let ca = TestCa::new().unwrap();
    for kind in kinds() {
        let identity = ca.server(&["127.0.0.1"]).unwrap();
        let server = started(MySqlOptions::new(kind).tls(identity));
        let attempt = Attempt::at(target(&server, policy(TlsMode::Require, None)));
        let mut entered = attempt.open().await.unwrap();
        let before = ask(&mut entered, "SELECT connection_id()").await;
        let address = entered.address();
        let parked = entered.park().unwrap();
        let after = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut moved = parked.unpark().unwrap();
                assert_eq!(moved.address(), address);
                ask(&mut moved, "SELECT connection_id()").await
            })
        });
        assert_eq!(after.join().unwrap(), before);
    }
}

#[tokio::test]
async fn a_goodbye_ends_the_session_without_complaint() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let entered = Attempt::at(plain(&server)).open().await.unwrap();
        entered.close();
        while server.connections("app").unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let question = "SELECT variable_value FROM information_schema.global_status \
             WHERE variable_name = 'Aborted_clients'";
        let aborted = match kind {
            MySqlKind::MySql9 => {
                server.superuser_sql("mysql", "SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
            }
            MySqlKind::MariaDb => server.superuser_sql("mysql", question),
        };
        let aborted = aborted.unwrap();
        assert_eq!(aborted.split('\t').next_back(), Some("0"), "{kind:?}");
    }
}

#[tokio::test]
async fn a_running_statement_is_ended_from_beside() {
    for kind in kinds() {
        let server = started(MySqlOptions::new(kind));
        let attempt = Attempt::at(plain(&server)).schema("orders");
        let mut entered = attempt.open().await.unwrap();
        let victim = entered.victim();
        let beside = async {
            let running = "SELECT count(*) FROM information_schema.processlist \
                 WHERE info LIKE 'SELECT SLEEP%'";
            while server.superuser_sql("mysql", running).unwrap() == "0" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            kill_query(&attempt.plan(), &victim).await.unwrap()
        };
        let (slept, killed) = tokio::join!(query_rows(&mut entered, "SELECT SLEEP(60)"), beside);
        assert_eq!(killed, Killed::Told);
        // A sleep that is cut short says 1, or fails.
        match slept {
            Ok(rows) => assert_eq!(rows, [[Some("1".to_owned())]], "{kind:?}"),
            Err(error) => assert!(error.to_string().contains("error 1317"), "{error}"),
        }
        assert_eq!(ask(&mut entered, "SELECT 'alive'").await, "alive");
        entered.close();
        while server.connections("app").unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let late = kill_query(&attempt.plan(), &victim).await;
        assert_eq!(late.unwrap(), Killed::Gone);
    }
}
