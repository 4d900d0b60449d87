//! Where tools that are installed for tests live: outside the clone, shared by every checkout.

use std::path::PathBuf;

/// The folder that `cargo xtask test` fills and that tests look into.
///
/// `TOLLGATE_TOOLS_DIR` names it outright. Otherwise it is `tollgate/tools` in the user's cache
/// folder; for root it is in `/var/cache`, because database servers refuse to run as root and the
/// account they run as cannot look into root's home.
pub fn tools_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("TOLLGATE_TOOLS_DIR") {
        return PathBuf::from(dir);
    }
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/cache/tollgate/tools");
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    cache.join("tollgate/tools")
}
