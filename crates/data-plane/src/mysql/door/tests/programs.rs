//! The command line programs of MySQL and MariaDB, as people run them.

use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use tollgate_testkit::{MySqlKind, MySqlOptions, MySqlServer};
use tollgate_types::Engine;

use super::*;
use crate::mysql::server::tests::kinds;

/// A program with its door: the face is that of the program's own server.
struct Visitor {
    server: MySqlServer,
    ca_file: tempfile::NamedTempFile,
    world: World,
}

impl Visitor {
    async fn new(kind: MySqlKind, change: impl Fn(Setup) -> Setup) -> Self {
        let server = MySqlServer::start_with(MySqlOptions::new(kind)).unwrap();
        let version = server.superuser_sql("mysql", "SELECT version()").unwrap();
        let engine = match kind {
            MySqlKind::MySql9 => Engine::Mysql,
            MySqlKind::MariaDb => Engine::Mariadb,
        };
        let face = Face::of(engine, Some(&version));
        Self::with_face(server, change(Setup::new(face))).await
    }

    async fn with_face(server: MySqlServer, setup: Setup) -> Self {
        let world = World::start(setup).await;
        let ca_file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), world.ca.cert_pem()).unwrap();
        // The program runs as somebody else.
        let readable = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(ca_file.path(), readable).unwrap();
        Self {
            server,
            ca_file,
            world,
        }
    }

    fn tls(&self) -> Vec<String> {
        let ca = format!("--ssl-ca={}", self.ca_file.path().display());
        let strict = match self.server.kind() {
            MySqlKind::MySql9 => "--ssl-mode=VERIFY_CA",
            MySqlKind::MariaDb => "--ssl-verify-server-cert",
        };
        vec![ca, strict.to_owned()]
    }

    fn no_tls(&self) -> Vec<String> {
        let off = match self.server.kind() {
            MySqlKind::MySql9 => "--ssl-mode=DISABLED",
            MySqlKind::MariaDb => "--skip-ssl",
        };
        vec![off.to_owned()]
    }

    async fn run(&self, user: &str, password: &str, options: Vec<String>) -> Output {
        let mut command = self.server.client(self.world.port, user, password).unwrap();
        command
            .args(options)
            .args(["--batch", "--execute=DO 1", "orders"]);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    async fn enters(&self, password: &str, options: Vec<String>) {
        let shown = options.clone();
        let output = self.run("app", password, options).await;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{shown:?}: {words}");
        let decision = self.world.decision().await;
        assert_eq!(decision.reason, "ALLOWED");
        assert_eq!(decision.database, "orders");
    }

    async fn is_told(&self, password: &str, options: Vec<String>, told: &str) {
        let output = self.run("app", password, options).await;
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "let in");
        assert!(words.contains(told), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_in_with_passwords() {
    for kind in kinds() {
        let visitor = Visitor::new(kind, |setup| setup).await;
        visitor.enters(PASSWORD, visitor.tls()).await;
        visitor.enters(PASSWORD, visitor.no_tls()).await;
        for options in [visitor.tls(), visitor.no_tls()] {
            let told = "ERROR 1045 (28000): Access denied for user 'app'@'127.0.0.1'";
            visitor.is_told("not it", options, told).await;
            let decision = visitor.world.decision().await;
            assert_eq!(decision.reason, "WRONG_PASSWORD");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_in_with_tokens_and_no_option_for_it() {
    for kind in kinds() {
        let visitor = Visitor::new(kind, Setup::tokens).await;
        let token = visitor.world.token("app");
        visitor.enters(&token, visitor.tls()).await;
        visitor
            .is_told(&token, visitor.no_tls(), "ERROR 3159 (HY000)")
            .await;
        assert_eq!(visitor.world.decision().await.reason, "TLS_REQUIRED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choose_their_version_of_tls() {
    for kind in kinds() {
        let visitor = Visitor::new(kind, |setup| setup).await;
        for version in ["1.2", "1.3"] {
            let mut options = visitor.tls();
            options.push(format!("--tls-version=TLSv{version}"));
            let output = visitor.run("app", PASSWORD, options).await;
            assert!(output.status.success(), "{kind:?} {version}: {output:?}");
            let tls = visitor.world.decision().await.tls.unwrap();
            assert_eq!(tls.version, version);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_in_with_tokens_by_the_clear_plugin() {
    for kind in kinds() {
        let visitor = Visitor::new(kind, Setup::tokens).await;
        let mut options = visitor.tls();
        options.push("--default-auth=mysql_clear_password".to_owned());
        if kind == MySqlKind::MySql9 {
            options.push("--enable-cleartext-plugin".to_owned());
        }
        visitor.enters(&visitor.world.token("app"), options).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_of_one_family_enters_the_door_of_the_other() {
    for (kind, engine) in [
        (MySqlKind::MySql9, Engine::Mariadb),
        (MySqlKind::MariaDb, Engine::Mysql),
    ] {
        if !kind.available() {
            continue;
        }
        for tokens in [false, true] {
            let server = MySqlServer::start_with(MySqlOptions::new(kind)).unwrap();
            let setup = Setup::new(Face::of(engine, None));
            let setup = if tokens { setup.tokens() } else { setup };
            let visitor = Visitor::with_face(server, setup).await;
            let password = if tokens {
                visitor.world.token("app")
            } else {
                PASSWORD.to_owned()
            };
            visitor.enters(&password, visitor.tls()).await;
        }
    }
}
