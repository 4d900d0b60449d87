//! The PostgreSQL server that everybody works on, filled.

use anyhow::{Context, Result, ensure};
use tollgate_testkit::{HostAuth, Postgres, PostgresOptions, PostgresVersion};

use super::{PASSWORD, SCRAM_USER, USER};

/// `pgbench -i -s`: 100,000 accounts each.
const SCALE: &str = "5";

/// Rows of the large result, about a kilobyte each: 104 MB on the wire.
const LARGE: &str = "CREATE TABLE large AS SELECT id, repeat('x', 1024) AS v FROM generate_series(1, 100000) AS id; \
     GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC; VACUUM ANALYZE large";

/// Starts a server that trusts everybody, so that what systems pay for logging in to it does not count.
pub(super) fn start() -> Result<Postgres> {
    let options = PostgresOptions::new(PostgresVersion::newest()?)
        .auth(HostAuth::Trust)
        .max_connections(600)
        .setting("shared_buffers", "256MB")
        // No checkpoint in the middle of a measurement.
        .setting("checkpoint_timeout", "1h")
        .setting("max_wal_size", "4GB");
    let postgres = Postgres::start_with(options)?;
    postgres.user_create(USER, PASSWORD)?;
    postgres.user_create(SCRAM_USER, PASSWORD)?;
    postgres.database_create("bench", USER)?;
    let output = std::process::Command::new(postgres.program("pgbench"))
        .args(["-i", "-q", "-s", SCALE, "-h", "127.0.0.1", "-U", USER])
        .args(["-p", &postgres.port().to_string(), "bench"])
        .output()
        .context("running pgbench")?;
    ensure!(
        output.status.success(),
        "pgbench -i: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    for sql in LARGE.split("; ") {
        postgres.superuser_sql("bench", sql)?;
    }
    for number in 0..32 {
        let sql = format!("CREATE SCHEMA s{number} AUTHORIZATION {USER}");
        postgres.superuser_sql("bench", &sql)?;
    }
    Ok(postgres)
}
