//! The same commands to the server itself and through the data plane: the replies must be the same packets.

mod generator;
mod modes;
mod notation;
mod pair;
mod scripts;
mod shrink;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use tokio::sync::Mutex;
use tollgate_data_plane::Reuse;
use tollgate_testkit::{MySqlKind, MySqlServer};
use tollgate_types::PoolPolicy;
use tollgate_wire_mysql::reply::Part;

use super::fixture::{Fixture, Setup, Way};
use super::raw::{Door, Raw, Refused};
use crate::fixture::ServerTls;
use notation::Cut;
use pair::Pair;

/// What a bench is like.
#[derive(Debug, Clone, Copy)]
struct Mode {
    kind: MySqlKind,
    pool: u32,
    reuse: Reuse,
    tls: Tls,
    way: Way,
}

/// Whether the proxied side is encrypted, from the client to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Off,
    On,
}

impl Mode {
    fn pool(size: u32, kind: MySqlKind) -> Self {
        Self {
            kind,
            pool: size,
            reuse: Reuse::MostRecent,
            tls: Tls::Off,
            way: Way::Straight,
        }
    }

    /// Every session gets another server connection at every boundary.
    fn nomad(size: u32, kind: MySqlKind) -> Self {
        Self {
            reuse: Reuse::LeastRecent,
            ..Self::pool(size, kind)
        }
    }

    /// What the server says arrives in single bytes, and so does what it hears.
    fn trickling(self) -> Self {
        Self {
            way: Way::Bytes,
            ..self
        }
    }

    fn tls(self) -> Self {
        Self {
            tls: Tls::On,
            ..self
        }
    }
}

/// The schemas of both sides, with the same content. Each has a second one, with an `x` behind its name.
const SCHEMAS: [&str; 2] = ["direct", "orders"];

/// Clients have numbers below this.
const CLIENTS: usize = 8;

/// Stored code that both schemas have.
const ROUTINES: [&str; 9] = [
    "PROCEDURE p_out(INOUT a INT, OUT b VARCHAR(20)) BEGIN SET a = a + 1; SET b = 'out'; END",
    "PROCEDURE p_two() BEGIN SELECT 1 AS one; SELECT 2 AS two, 'x' AS x; END",
    "PROCEDURE p_set() BEGIN SET sql_mode = 'ANSI_QUOTES'; SET time_zone = '+05:00'; END",
    "PROCEDURE p_var() BEGIN SET @left = 'behind'; END",
    "PROCEDURE p_fails() BEGIN SET @left = 'behind'; START TRANSACTION; \
     SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END",
    "PROCEDURE p_begin() BEGIN START TRANSACTION; END",
    "PROCEDURE p_temporary() BEGIN CREATE TEMPORARY TABLE made_inside (i INT); \
     INSERT INTO made_inside VALUES (7); END",
    "PROCEDURE p_warns() BEGIN SELECT CAST('1x' AS SIGNED) AS one; END",
    "FUNCTION f_var() RETURNS INT NOT DETERMINISTIC BEGIN SET @left = 'behind'; RETURN 5; END",
];

/// A server and a data plane, with a schema for each side.
struct Bench {
    fixture: Fixture,
    mode: Mode,
    /// Past the data plane, as superuser.
    admin: Mutex<Raw>,
}

impl Bench {
    async fn start(mode: Mode) -> Result<Self> {
        let policy = PoolPolicy {
            maximum_pool_size: Some(mode.pool),
            connection_borrow_timeout: 30,
            ..PoolPolicy::default()
        };
        let setup = Setup {
            reuse: mode.reuse,
            // All connections in one shard, so that a session can get any of them.
            shards: match mode.reuse {
                Reuse::MostRecent => 2,
                Reuse::LeastRecent => 1,
            },
            server_tls: match mode.tls {
                Tls::Off => ServerTls::Off,
                Tls::On => ServerTls::Verified,
            },
            way: mode.way,
            ..Setup::new(mode.kind, policy)
        };
        let fixture = Fixture::start(setup).await?;
        let server = &fixture.server;
        let mut admin = Raw::login(&superuser(server)).await?;
        for schema in ["direct", "directx", "ordersx"] {
            server.database_create(schema, "app")?;
        }
        let rights = match mode.kind {
            MySqlKind::MySql9 => "RELOAD, PROCESS, BACKUP_ADMIN, XA_RECOVER_ADMIN",
            MySqlKind::MariaDb => "RELOAD, PROCESS",
        };
        admin.must(&format!("GRANT {rights} ON *.* TO app")).await?;
        admin.must("SET lock_wait_timeout = 15").await?;
        for schema in SCHEMAS {
            furnish(&mut admin, schema).await?;
        }
        let settings = "SET GLOBAL local_infile = 1; SET GLOBAL max_allowed_packet = 67108864; \
                        SET GLOBAL innodb_lock_wait_timeout = 5";
        for setting in settings.split(';') {
            admin.must(setting).await?;
        }
        Ok(Self {
            fixture,
            mode,
            admin: Mutex::new(admin),
        })
    }

    fn pair(&self) -> Pair {
        self.pair_of(0)
    }

    /// For the client with this number.
    fn pair_of(&self, number: usize) -> Pair {
        let direct = Door::new(self.fixture.server.port(), SCHEMAS[0]);
        let mut proxied = Door::new(self.fixture.port, SCHEMAS[1]);
        if self.mode.tls == Tls::On {
            proxied.tls = Some(self.fixture.client_tls().expect("a certificate"));
        }
        Pair::new(direct, proxied, number)
    }

    /// Empties the table of the client with this number in both schemas. Waits for locks of a session that has
    /// just ended.
    async fn wash(&self, number: usize) -> Result<()> {
        let mut admin = self.admin.lock().await;
        for schema in SCHEMAS {
            for sql in [
                format!("DROP TABLE IF EXISTS {schema}.made{number}"),
                format!("TRUNCATE {schema}.t{number}"),
            ] {
                admin.must(&sql).await.context("washing")?;
            }
        }
        Ok(())
    }

    /// Opens as many server connections of the kind that `pair` needs as the pool may have.
    async fn fill(&self, pair: &Pair) -> Result<()> {
        let logins = (0..self.mode.pool).map(|_| Raw::login(&pair.proxied.door));
        let mut clients = match try_join_all(logins).await {
            Ok(clients) => clients,
            // Nobody gets in like this, which is what the conversation is about.
            Err(error) if error.is::<Refused>() => return Ok(()),
            Err(error) => return Err(error),
        };
        for word in ["BEGIN", "COMMIT"] {
            for client in &mut clients {
                client
                    .must(word)
                    .await
                    .context("while the pool is filled")?;
            }
        }
        Ok(())
    }

    /// Fails if a server connection of the pool still holds a lock or a transaction when all clients are gone.
    async fn nothing_is_left(&self) -> Result<()> {
        let mut admin = self.admin.lock().await;
        let open = "SELECT COUNT(*) FROM information_schema.innodb_trx";
        for _ in 0..400 {
            if admin.must(open).await? == "0" {
                return Ok(());
            }
            // InnoDB shows the same again to who asks within 100 ms.
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        }
        let (left, _) = admin
            .query(
                "SELECT t.trx_state, t.trx_started, t.trx_tables_locked, p.id, p.user, p.db, \
                 p.command, p.time, p.info FROM information_schema.innodb_trx t LEFT JOIN \
                 information_schema.processlist p ON p.id = t.trx_mysql_thread_id",
            )
            .await?;
        let rows = left.iter().filter(|(part, _)| *part == Part::Row);
        let rows = rows.map(|(_, row)| String::from_utf8_lossy(row).into_owned());
        bail!("transactions are left: {:?}", rows.collect::<Vec<_>>())
    }
}

fn superuser(server: &MySqlServer) -> Door {
    Door {
        user: "root".to_owned(),
        password: MySqlServer::superuser_password().to_owned(),
        // Longer than it waits for locks.
        patience: std::time::Duration::from_mins(1),
        ..Door::new(server.port(), "mysql")
    }
}

async fn furnish(admin: &mut Raw, schema: &str) -> Result<()> {
    admin.must(&format!("USE {schema}")).await?;
    for number in 0..CLIENTS {
        let table = "(i INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(40), u INT UNIQUE)";
        admin
            .must(&format!("CREATE TABLE t{number} {table}"))
            .await?;
    }
    admin
        .must("CREATE TABLE fixed (i INT PRIMARY KEY, x VARCHAR(40))")
        .await?;
    admin
        .must("INSERT INTO fixed VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, NULL)")
        .await?;
    admin
        .must("CREATE TABLE isam (i INT) ENGINE = MyISAM")
        .await?;
    admin.must("INSERT INTO isam VALUES (1), (2)").await?;
    for routine in ROUTINES {
        admin.must(&format!("CREATE {routine}")).await?;
    }
    Ok(())
}
