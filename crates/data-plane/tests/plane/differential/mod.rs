//! The same bytes to PostgreSQL itself and through the data plane: the replies must be the same messages.

mod generator;
pub(crate) mod messages;
mod modes;
pub(crate) mod notation;
mod pair;
mod scripts;
mod shrink;
mod sizes;
mod timing;
mod together;

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use tokio_postgres::{Client, NoTls};
use tollgate_data_plane::Reuse;
use tollgate_testkit::PostgresVersion;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::fixture::{Fixture, ServerTls, Setup};
use crate::raw::{Door, Raw, first_error};
use messages::query;
use notation::Cut;
use pair::Pair;

/// What a bench is like.
#[derive(Debug, Clone, Copy)]
struct Mode {
    pool: u32,
    version: PostgresVersion,
    reuse: Reuse,
    tls: Tls,
    rights: Rights,
}

/// What the user of the clients may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    Owner,
    Superuser,
}

/// Whether the proxied side is encrypted, from the client to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Off,
    On,
}

impl Mode {
    fn pool(size: u32) -> Self {
        Self {
            pool: size,
            version: PostgresVersion::V15,
            reuse: Reuse::MostRecent,
            tls: Tls::Off,
            rights: Rights::Owner,
        }
    }

    /// Every session gets another server connection at every boundary.
    fn nomad(size: u32, version: PostgresVersion) -> Self {
        Self {
            version,
            reuse: Reuse::LeastRecent,
            ..Self::pool(size)
        }
    }

    fn tls(self) -> Self {
        Self {
            tls: Tls::On,
            ..self
        }
    }

    fn superuser(self) -> Self {
        Self {
            rights: Rights::Superuser,
            ..self
        }
    }
}

/// The databases of both sides, with the same content.
const DATABASES: [&str; 2] = ["direct", "orders"];

/// A server and a data plane, each with its own database of the same content.
struct Bench {
    fixture: Fixture,
    mode: Mode,
    /// One connection to each database, past the data plane.
    admins: Vec<Client>,
}

impl Bench {
    async fn start(pool: u32) -> Result<Self> {
        Self::like(Mode::pool(pool)).await
    }

    async fn like(mode: Mode) -> Result<Self> {
        let policy = PoolPolicy {
            maximum_pool_size: Some(mode.pool),
            connection_borrow_timeout: 30,
            ..PoolPolicy::default()
        };
        let setup = Setup {
            version: mode.version,
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
            ..Setup::new(policy, IamAuth::Disabled)
        };
        let fixture = Fixture::start_as(setup).await?;
        fixture.postgres.database_create("direct", "app")?;
        let roles = "create role alice; create role bob; create role mallory; \
                     grant alice, bob to app; grant create on database direct, orders to alice";
        fixture.postgres.superuser_sql("postgres", roles)?;
        if mode.rights == Rights::Superuser {
            make_superuser(&fixture).await?;
        }
        let mut admins = Vec::new();
        for database in DATABASES {
            for number in 0..4 {
                let table = format!("create table t{number} (i int not null, x text)");
                let sql = format!("set role app; {table}");
                fixture.postgres.superuser_sql(database, &sql)?;
            }
            let url = fixture.postgres.superuser_url(database);
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            tokio::spawn(connection);
            client
                .batch_execute("set client_min_messages = error; set lock_timeout = '60s'")
                .await?;
            admins.push(client);
        }
        Ok(Self {
            fixture,
            mode,
            admins,
        })
    }

    fn pair(&self) -> Pair {
        self.pair_of(0)
    }

    /// For the client with this number.
    fn pair_of(&self, number: usize) -> Pair {
        let direct = Door::new(self.fixture.postgres.port(), "direct");
        let mut proxied = self.fixture.door();
        if self.mode.tls == Tls::On {
            proxied.tls = Some(self.fixture.client_tls().expect("a certificate"));
        }
        Pair::new(direct, proxied, number)
    }

    /// Makes the things of the client with this number anew in both databases: a table `t{n}` and an empty
    /// schema `n{n}`. Waits for locks of a session that has just ended.
    async fn wash(&self, number: usize) -> Result<()> {
        let sql = format!(
            "drop schema if exists n{number} cascade; create schema n{number} authorization app; \
             drop table if exists public.t{number} cascade; \
             create table public.t{number} (i int not null, x text); \
             alter table public.t{number} owner to app; grant all on public.t{number} to alice; \
             select lo_unlink(oid) from pg_largeobject_metadata where oid = 9{number}00; \
             set lock_timeout = '60s'; \
             select pg_advisory_lock({number}); select pg_advisory_unlock({number}); \
             reset lock_timeout"
        );
        let washing = self.admins.iter().map(|admin| admin.batch_execute(&sql));
        try_join_all(washing).await.context("making tables anew")?;
        Ok(())
    }

    /// Fails if a server connection of the pool still holds a lock when all clients are gone.
    async fn nothing_is_left(&self) -> Result<()> {
        let question = "select count(*) from pg_locks l join pg_database d on d.oid = l.database \
                        where l.locktype = 'advisory' and d.datname = current_database()";
        let admin = self.admins.last().context("an administrator")?;
        let gone = async || -> Result<bool> {
            let row = admin.query_one(question, &[]).await?;
            Ok(row.get::<_, i64>(0) == 0)
        };
        for _ in 0..1200 {
            if gone().await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("locks are left that nobody holds")
    }

    /// The batch as this server can bear it.
    fn bearable(&self, batch: &str) -> String {
        match self.mode.version {
            PostgresVersion::V15 => batch.to_owned(),
            PostgresVersion::V18 => notation::with_syncs(batch),
        }
    }

    /// Opens as many server connections of the kind that `pair` needs as the pool may have.
    async fn fill(&self, pair: &Pair) -> Result<()> {
        let logins = (0..self.mode.pool).map(|_| Raw::login(&pair.proxied.door));
        let mut clients = try_join_all(logins).await?;
        for word in ["begin", "commit"] {
            for client in &mut clients {
                client.send(&query(word)).await?;
            }
            for client in &mut clients {
                let refused = first_error(&client.until_ready().await?);
                ensure!(refused.is_none(), "{refused:?} while the pool is filled");
            }
        }
        Ok(())
    }
}

/// Makes a superuser of the clients' user, and waits until the data plane greets them as such.
async fn make_superuser(fixture: &Fixture) -> Result<()> {
    let sql = "alter role app superuser";
    fixture.postgres.superuser_sql("postgres", sql)?;
    for _ in 0..1200 {
        let raw = Raw::login(&fixture.door()).await?;
        let mut greeting = raw.greeting.iter();
        if greeting.any(|message| message.body == b"is_superuser\0on\0") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("clients are not greeted as superusers")
}
