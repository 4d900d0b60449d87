//! Where things are: the clone, cargo, the target folder, the tools outside the clone.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the clone.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A cargo command in the root of the clone.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The program that `cargo build` makes.
pub(crate) fn tollgate() -> PathBuf {
    target_dir().join("debug").join("tollgate")
}

/// The folder for tools that tests need; `crates/testkit/src/tools.rs` looks into the same one.
pub(crate) fn tools_dir() -> PathBuf {
    if let Some(dir) = env::var_os("TOLLGATE_TOOLS_DIR") {
        return PathBuf::from(dir);
    }
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/cache/tollgate/tools");
    }
    let cache = env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    cache.join("tollgate/tools")
}
