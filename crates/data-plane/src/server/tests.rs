//! Opening connections to real servers; hostile ones are in [`hostile`].

mod hostile;

use bytes::BytesMut;
use tokio::net::{TcpListener, TcpStream};
use tollgate_testkit::{HostAuth, Postgres, PostgresOptions, PostgresVersion, TestCa};
use tollgate_types::{Engine, TargetId, TargetTls, TlsMode};

use super::*;
use crate::stream::accept_tls;
use crate::tls::{ServerIdentity, ServerTls, client_config};

/// A password that `SASLprep`, md5 and UTF-8 all have to get right.
pub(crate) const PASSWORD: &str = "pass wörd'\u{2163}";

/// A target at this place.
pub(crate) fn target(host: &str, port: u16, tls: TargetTls) -> TargetConfig {
    TargetConfig {
        id: TargetId::from_random(&[7; 17]),
        database: "orders-db".to_owned(),
        engine: Engine::Postgres,
        host: host.to_owned(),
        port,
        tls,
        generation: 1,
    }
}

/// A TLS policy.
pub(crate) fn policy(mode: TlsMode, ca: Option<&TestCa>) -> TargetTls {
    TargetTls {
        mode,
        ca_pem: ca.map(TestCa::cert_pem),
    }
}

/// Counts up: nobody has to be kept from guessing here.
pub(crate) fn random(out: &mut [u8]) {
    for (byte, value) in out.iter_mut().zip(0..) {
        *byte = value;
    }
}

/// Whom the tests log in as, and how. Every part can be changed before [`Attempt::open`].
struct Attempt<'a> {
    target: TargetConfig,
    passwords: Vec<SecretString>,
    database: &'a str,
    params: Vec<(String, String)>,
    init_query: Option<&'a str>,
    deadline: Duration,
    keys: ScramKeyCache,
}

impl<'a> Attempt<'a> {
    fn at(target: TargetConfig) -> Self {
        Self {
            target,
            passwords: vec![PASSWORD.into()],
            database: "postgres",
            params: Vec::new(),
            init_query: None,
            deadline: Duration::from_secs(20),
            keys: ScramKeyCache::default(),
        }
    }

    fn passwords(mut self, passwords: &[&str]) -> Self {
        self.passwords = passwords
            .iter()
            .map(|password| (*password).into())
            .collect();
        self
    }

    fn params(mut self, params: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.params = params.iter().map(owned).collect();
        self
    }

    fn database(mut self, database: &'a str) -> Self {
        self.database = database;
        self
    }

    fn init(mut self, sql: &'a str) -> Self {
        self.init_query = Some(sql);
        self
    }

    fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    async fn open(&self) -> Result<ServerConnection, OpenError> {
        open(&OpenPlan {
            target: &self.target,
            tls: Some(client_config(&self.target.tls).unwrap()),
            user: "app",
            passwords: &self.passwords,
            database: self.database,
            params: &self.params,
            init_query: self.init_query,
            key_cache: &self.keys,
            random,
            deadline: self.deadline,
        })
        .await
    }

    async fn refused(&self) -> OpenError {
        self.open().await.map(|_| ()).unwrap_err()
    }
}

async fn ask(connection: &mut ServerConnection, sql: &str) -> String {
    let rows = query_rows(connection, sql).await.unwrap();
    rows[0][0].clone().unwrap_or_default()
}

fn server(options: PostgresOptions) -> Postgres {
    let postgres = Postgres::start_with(options).unwrap();
    postgres.user_create("app", PASSWORD).unwrap();
    postgres
}

fn options(auth: HostAuth) -> PostgresOptions {
    PostgresOptions::new(PostgresVersion::V15).auth(auth)
}

fn plain(postgres: &Postgres) -> TargetConfig {
    target(
        postgres.host(),
        postgres.port(),
        policy(TlsMode::Disable, None),
    )
}

fn code(error: &OpenError) -> &str {
    error
        .server_error()
        .map_or("", |fields| fields.sqlstate.as_str())
}

#[tokio::test]
async fn logs_in_by_every_method_and_only_with_the_right_password() {
    for auth in [HostAuth::Cleartext, HostAuth::Md5, HostAuth::Scram] {
        let postgres = server(options(auth));
        let target = plain(&postgres);
        let mut entered = Attempt::at(target.clone()).open().await.unwrap();
        assert_eq!(
            ask(&mut entered, "SELECT current_user").await,
            "app",
            "{auth:?}"
        );

        let wrong = Attempt::at(target.clone())
            .passwords(&["not it"])
            .refused()
            .await;
        assert_eq!(
            (wrong.step, code(&wrong)),
            (ProbeStep::Auth, "28P01"),
            "{auth:?}"
        );
        assert!(wrong.concerns_the_key());
        let told = wrong.to_string();
        assert!(
            told.contains("password authentication failed for user \"app\""),
            "{told}"
        );
        assert!(!told.contains("not it"), "{told}");

        let rotated = Attempt::at(target.clone())
            .passwords(&["not it", PASSWORD])
            .open()
            .await;
        assert_eq!(rotated.unwrap().password_index, 1, "{auth:?}");

        let nothing = Attempt::at(target).passwords(&[]).refused().await;
        assert!(
            matches!(nothing.kind, OpenErrorKind::Credentials(_)),
            "{auth:?}: {nothing}"
        );
        assert!(nothing.concerns_the_key());
    }
}

#[tokio::test]
async fn a_password_goes_out_in_the_clear_only_where_tls_is_switched_off() {
    let postgres = server(options(HostAuth::Cleartext));
    let prefer = target(
        postgres.host(),
        postgres.port(),
        policy(TlsMode::Prefer, None),
    );
    let refused = Attempt::at(prefer).refused().await;
    assert_eq!(refused.step, ProbeStep::Auth);
    assert!(refused.to_string().contains("clear text"), "{refused}");
    Attempt::at(plain(&postgres)).open().await.unwrap();
}

#[tokio::test]
async fn a_server_that_trusts_us_needs_no_password() {
    let postgres = server(options(HostAuth::Trust));
    let mut entered = Attempt::at(plain(&postgres))
        .passwords(&[])
        .open()
        .await
        .unwrap();
    assert_eq!(ask(&mut entered, "SELECT 1").await, "1");
}

#[tokio::test]
async fn keys_are_kept_per_password_and_renewed_with_the_salt() {
    let postgres = server(options(HostAuth::Scram));
    let attempt = Attempt::at(plain(&postgres));
    let kept = || attempt.keys.keys("app", &PASSWORD.into());
    assert_eq!(kept(), None);
    attempt.open().await.unwrap();
    let first = kept().unwrap();
    attempt.open().await.unwrap();
    assert_eq!(
        kept(),
        Some(first.clone()),
        "the second login used the first one's keys"
    );

    // The same password again makes a new salt.
    let change = |password: &str| {
        let sql = format!("ALTER ROLE app PASSWORD '{}'", password.replace('\'', "''"));
        postgres.superuser_sql("postgres", &sql).unwrap();
    };
    change(PASSWORD);
    attempt.open().await.unwrap();
    let second = kept().unwrap();
    assert_ne!(first, second);

    change("another");
    assert_eq!(code(&attempt.refused().await), "28P01");
    assert_eq!(kept(), Some(second), "a failed login leaves nothing behind");
    let attempt = attempt.passwords(&["another"]);
    attempt.open().await.unwrap();
    let attempt = attempt.passwords(&["wrong"]);
    assert_eq!(
        code(&attempt.refused().await),
        "28P01",
        "kept keys are no way around the password"
    );
}

#[tokio::test]
async fn startup_settings_and_reports_are_the_servers_own() {
    let postgres = server(options(HostAuth::Scram));
    let attempt = Attempt::at(plain(&postgres)).params(&[
        ("application_name", "orders"),
        ("search_path", "a, \"B\""),
        ("work_mem", "8MB"),
    ]);
    let mut entered = attempt.open().await.unwrap();
    assert_eq!(ask(&mut entered, "SHOW search_path").await, "a, \"B\"");
    assert_eq!(ask(&mut entered, "SHOW work_mem").await, "8MB");
    let reported = |name: &str| {
        let found = entered
            .parameters
            .iter()
            .find(|(known, _)| **known == *name);
        found.map(|(_, value)| value.to_string())
    };
    assert_eq!(reported("application_name").as_deref(), Some("orders"));
    assert!(reported("server_version").unwrap().starts_with("15"));
    assert!(entered.process_id > 0 && entered.cancel_handle().is_some());

    let unknown = Attempt::at(plain(&postgres))
        .params(&[("no_such", "1")])
        .refused()
        .await;
    assert_eq!(
        (code(&unknown), unknown.concerns_the_key()),
        ("42704", true)
    );
    let nowhere = Attempt::at(plain(&postgres))
        .database("nowhere")
        .refused()
        .await;
    assert!(nowhere.is_unknown_database() && nowhere.concerns_the_key());
    assert!(
        nowhere
            .to_string()
            .contains("database \"nowhere\" does not exist"),
        "{nowhere}"
    );
}

#[tokio::test]
async fn the_init_query_shapes_the_session_or_fails_the_opening() {
    let postgres = server(options(HostAuth::Scram));
    let good = "SET work_mem = '9MB'; SET application_name = 'set up'; SELECT 1";
    let mut entered = Attempt::at(plain(&postgres))
        .init(good)
        .open()
        .await
        .unwrap();
    assert_eq!(ask(&mut entered, "SHOW work_mem").await, "9MB");
    let name = entered
        .parameters
        .iter()
        .find(|(name, _)| **name == *"application_name");
    assert_eq!(
        name.map(|(_, value)| &**value),
        Some("set up"),
        "reports are followed"
    );

    let fails = Attempt::at(plain(&postgres))
        .init("SELECT 1/0")
        .refused()
        .await;
    assert!(matches!(fails.kind, OpenErrorKind::InitQuery(_)), "{fails}");
    assert_eq!((code(&fails), fails.concerns_the_key()), ("22012", true));
    assert!(
        fails
            .to_string()
            .contains("init query: 22012 division by zero"),
        "{fails}"
    );
    let open_end = Attempt::at(plain(&postgres)).init("BEGIN").refused().await;
    assert!(
        open_end.to_string().contains("transaction open"),
        "{open_end}"
    );
    let copy = Attempt::at(plain(&postgres))
        .init("COPY (SELECT 1) TO STDOUT")
        .refused()
        .await;
    assert!(
        copy.to_string().contains("unexpected message 'H'"),
        "{copy}"
    );
}

#[tokio::test]
async fn a_moved_connection_keeps_its_session() {
    let postgres = server(options(HostAuth::Scram));
    let mut entered = Attempt::at(plain(&postgres)).open().await.unwrap();
    ask(&mut entered, "SELECT set_config('work_mem', '7MB', false)").await;
    let process_id = entered.process_id;
    let parked = entered.park().unwrap();
    let moved = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut moved = parked.unpark().unwrap();
            (moved.process_id, ask(&mut moved, "SHOW work_mem").await)
        })
    });
    assert_eq!(moved.join().unwrap(), (process_id, "7MB".to_owned()));
}

#[tokio::test]
async fn closing_ends_the_session_at_the_server() {
    let postgres = server(options(HostAuth::Scram));
    let entered = Attempt::at(plain(&postgres)).open().await.unwrap();
    let mut witness = Attempt::at(plain(&postgres)).open().await.unwrap();
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {}",
        entered.process_id
    );
    assert_eq!(ask(&mut witness, &sql).await, "1");
    entered.close();
    while ask(&mut witness, &sql).await != "0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_server_concerns_everybody() {
    let postgres = server(options(HostAuth::Scram).max_connections(4));
    let attempt = Attempt::at(plain(&postgres));
    let mut held = Vec::new();
    let full = loop {
        match attempt.open().await {
            Ok(connection) => held.push(connection),
            Err(error) => break error,
        }
        assert!(held.len() < 10);
    };
    assert_eq!((code(&full), full.scope()), ("53300", ErrorScope::Target));
}

#[tokio::test]
async fn an_ended_session_is_noticed_while_idle() {
    let postgres = server(options(HostAuth::Scram));
    let mut entered = Attempt::at(plain(&postgres)).open().await.unwrap();
    postgres.terminate_backends("postgres").unwrap();
    let event = std::future::poll_fn(|cx| entered.stream.poll_idle(cx)).await;
    assert!(
        matches!(event, crate::stream::IdleEvent::Bytes),
        "{event:?}"
    );
    let told = query_rows(&mut entered, "SELECT 1").await.unwrap_err();
    assert!(
        matches!(told, OpenErrorKind::Server(_) | OpenErrorKind::Lost(_)),
        "{told}"
    );
}

#[tokio::test]
async fn nobody_at_home_says_on_which_rung() {
    let nobody = tollgate_testkit::Ports::reserve(1).unwrap();
    let port = nobody.first();
    let closed = Attempt::at(target("127.0.0.1", port, TargetTls::default()))
        .refused()
        .await;
    assert_eq!(
        (closed.step, closed.scope()),
        (ProbeStep::Tcp, ErrorScope::Target)
    );
    assert!(
        closed.to_string().contains(&format!("127.0.0.1:{port}")),
        "{closed}"
    );
    let nameless = Attempt::at(target("no-such-host.invalid", 5432, TargetTls::default()));
    let nameless = nameless.refused().await;
    assert_eq!(
        (nameless.step, nameless.scope()),
        (ProbeStep::Dns, ErrorScope::Target)
    );
    assert!(
        nameless.to_string().contains("no-such-host.invalid"),
        "{nameless}"
    );
}

#[tokio::test]
async fn without_tls_at_the_server_the_policy_decides() {
    let postgres = server(options(HostAuth::Scram));
    let at = |mode| target(postgres.host(), postgres.port(), policy(mode, None));
    let mut entered = Attempt::at(at(TlsMode::Prefer)).open().await.unwrap();
    assert!(!entered.stream.is_tls());
    assert_eq!(ask(&mut entered, "SELECT 1").await, "1");
    let refused = Attempt::at(at(TlsMode::Require)).refused().await;
    assert_eq!(refused.step, ProbeStep::Tls);
    assert!(refused.to_string().contains("does not offer"), "{refused}");
}

fn tls_server(ca: &TestCa) -> Postgres {
    server(options(HostAuth::Scram).tls(ca.server(&["localhost", "127.0.0.1"]).unwrap()))
}

#[tokio::test]
async fn every_policy_fits_a_server_with_a_certificate_of_its_ca() {
    let (ca, stranger) = (TestCa::new().unwrap(), TestCa::new().unwrap());
    let postgres = tls_server(&ca);
    let at = |mode, ca| target(postgres.host(), postgres.port(), policy(mode, Some(ca)));
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for (mode, encrypted) in [
        (TlsMode::Disable, "f"),
        (TlsMode::Prefer, "t"),
        (TlsMode::Require, "t"),
        (TlsMode::VerifyCa, "t"),
        (TlsMode::VerifyFull, "t"),
    ] {
        let mut entered = Attempt::at(at(mode, &ca)).open().await.unwrap();
        assert_eq!(ask(&mut entered, query).await, encrypted, "{mode:?}");
        assert_eq!(entered.stream.is_tls(), encrypted == "t");
    }
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
        let refused = Attempt::at(at(mode, &stranger)).refused().await;
        assert_eq!(refused.step, ProbeStep::Tls, "{refused}");
        let told = refused.to_string();
        assert!(
            told.contains("not issued by a trusted CA (see the database's tls.caPem)"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_request_is_cancelled_in_the_clear_and_under_tls() {
    let ca = TestCa::new().unwrap();
    let postgres = tls_server(&ca);
    for mode in [TlsMode::Disable, TlsMode::VerifyFull] {
        let target = target(postgres.host(), postgres.port(), policy(mode, Some(&ca)));
        let attempt = Attempt::at(target);
        let mut entered = attempt.open().await.unwrap();
        let handle = entered.cancel_handle().unwrap();
        let mut witness = attempt.open().await.unwrap();
        let host = attempt.target.host.clone();
        let tls = Some(client_config(&attempt.target.tls).unwrap());
        let cancelling = async {
            let running = format!(
                "SELECT count(*) FROM pg_stat_activity \
                 WHERE pid = {} AND wait_event = 'PgSleep'",
                handle.process_id
            );
            while ask(&mut witness, &running).await != "1" {
                tokio::task::yield_now().await;
            }
            cancel(&handle, &host, tls, Duration::from_secs(10))
                .await
                .unwrap();
        };
        let sleeping = query_rows(&mut entered, "SELECT pg_sleep(600)");
        let (slept, ()) = tokio::join!(sleeping, cancelling);
        let slept = OpenError {
            step: ProbeStep::Auth,
            kind: slept.unwrap_err(),
        };
        assert_eq!(code(&slept), "57014", "{slept}");
        assert_eq!(
            ask(&mut entered, "SELECT 1").await,
            "1",
            "{mode:?}: the session goes on"
        );
    }
}

/// A man in the middle who ends TLS on both sides: we see his certificate, the server sees his TLS.
async fn man_in_the_middle(listener: TcpListener, port: u16, identity: ServerIdentity) {
    let mut request = BytesMut::new();
    let near = listener.accept().await.unwrap().0;
    let mut near = Stream::Plain(near);
    near.read_some(&mut request).await.unwrap();
    near.write_all(b"S").await.unwrap();
    let Stream::Plain(near) = near else {
        panic!("in the clear so far")
    };
    let config = ServerTls::new(&identity).unwrap().upgraded;
    let (mut near, _) = accept_tls(near, config).await.unwrap();
    let any = policy(TlsMode::Require, None);
    let far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let config = client_config(&any).unwrap();
    let far = connect::upgrade(far, "localhost", config, connect::Need::Required).await;
    let mut far = far.unwrap_or_else(|error| panic!("{error}")).stream;
    loop {
        let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
        let open = tokio::select! {
            read = near.read_some(&mut up) => read.unwrap_or(0) > 0,
            read = far.read_some(&mut down) => read.unwrap_or(0) > 0,
        };
        let sent = far.write_all(&up).await.is_ok() && near.write_all(&down).await.is_ok();
        if !(open && sent) {
            return;
        }
    }
}

#[tokio::test]
async fn channel_binding_gives_a_man_in_the_middle_away() {
    let ca = TestCa::new().unwrap();
    let postgres = tls_server(&ca);
    let forged = ca.server(&["localhost"]).unwrap();
    let forged =
        ServerIdentity::from_pem(forged.cert_pem.as_bytes(), forged.key_pem.as_bytes()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let middle = tokio::spawn(man_in_the_middle(listener, postgres.port(), forged));
    let through = target("127.0.0.1", port, policy(TlsMode::Require, None));
    let refused = Attempt::at(through).refused().await;
    assert_eq!(refused.step, ProbeStep::Auth, "{refused}");
    assert!(
        refused
            .to_string()
            .contains("SCRAM channel binding check failed"),
        "{refused}"
    );
    middle.await.unwrap();
    let straight = target("127.0.0.1", postgres.port(), policy(TlsMode::Require, None));
    Attempt::at(straight).open().await.unwrap();
}
