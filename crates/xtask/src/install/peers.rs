//! Other proxies, for measurements side by side: unpacked, so that no service starts and versions are new.

use anyhow::Result;

use super::unpacked::Recipe;

/// `tests/bench/src/peers.rs` looks into the same folder. Debian has the newest versions in its unstable suite.
const PEERS: Recipe<'_> = Recipe {
    folder: "peers",
    suite: "sid",
    packages: &["pgbouncer", "haproxy", "mysql-router"],
    programs: &[
        "usr/sbin/pgbouncer",
        "usr/sbin/haproxy",
        "usr/bin/mysqlrouter",
    ],
};

/// Unpacks them if they are missing.
pub(super) fn install() -> Result<()> {
    if PEERS.is_unpacked() {
        return Ok(());
    }
    PEERS.unpack()
}
