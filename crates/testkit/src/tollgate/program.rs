//! Finding (or building) the `tollgate` program, and asking it whether it lives.

use std::{
    env, fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};

/// The program that belongs to the sources of this workspace.
///
/// `TOLLGATE_BINARY` names it outright. Otherwise it lies beside the folder of the running test
/// program; when it is missing there or older than any source file, cargo builds it first.
pub fn tollgate_program() -> Result<PathBuf> {
    if let Some(path) = env::var_os("TOLLGATE_BINARY") {
        return Ok(PathBuf::from(path));
    }
    let test_program = env::current_exe().context("finding the test program")?;
    let profile_dir = test_program
        .parent()
        .and_then(Path::parent)
        .context("the test program lies in no target folder")?;
    let program = profile_dir.join("tollgate");
    if is_current(&program) {
        return Ok(program);
    }
    let target_dir = profile_dir.parent().context("no target folder")?;
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "tollgate", "--target-dir"])
        .arg(target_dir)
        .current_dir(workspace())
        .status()
        .context("running cargo")?;
    ensure!(status.success(), "cargo could not build tollgate");
    Ok(program)
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn is_current(program: &Path) -> bool {
    let Ok(built) = fs::metadata(program).and_then(|meta| meta.modified()) else {
        return false;
    };
    let root = workspace();
    ["crates", "migrations"]
        .iter()
        .all(|folder| !any_newer(&root.join(folder), built))
}

/// Whether a source file below `folder` changed after `built`. Tests and this crate do not count:
/// they are no part of the program.
fn any_newer(folder: &Path, built: SystemTime) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            return name != "testkit"
                && name != "xtask"
                && name != "tests"
                && any_newer(&path, built);
        }
        let source = path
            .extension()
            .is_some_and(|ext| ext == "rs" || ext == "toml");
        source
            && entry
                .metadata()
                .and_then(|meta| meta.modified())
                .is_ok_and(|time| time > built)
    })
}

/// Whether `GET /livez` on this loopback port is answered with 200. A few lines of HTTP by hand, so
/// that a start can be awaited without an asynchronous runtime.
pub(super) fn is_live(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
