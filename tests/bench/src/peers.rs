//! The proxies we compare with, taken when they are installed, each with its own configuration and folder.

mod haproxy;
mod pgbouncer;
mod router;

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tollgate_testkit::{Account, ClientTls, Ended, Guarded, Ports, Signal, tools_dir};

use crate::{
    door::{Door, Entry, Tls},
    process::Process,
    stage::{Behind, Held, Instance, PASSWORD, POOL, USER},
    system::System,
};

/// How long a peer may take to listen.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a peer is started with.
struct Recipe {
    arguments: Vec<String>,
    /// Doors without their process, which does not live yet.
    doors: Vec<(Entry, Door)>,
}

/// What a recipe is made of.
struct Place<'a> {
    behind: &'a Behind<'a>,
    folder: &'a Path,
    port: u16,
}

/// Whether `system` can be started here.
pub(crate) fn is_installed(system: System) -> bool {
    program(system).is_some()
}

/// Starts a peer in front of PostgreSQL.
pub(crate) fn start(system: System, behind: &Behind<'_>) -> Result<Instance> {
    launch(system, behind, |place| match system {
        System::PgBouncer => pgbouncer::recipe(place, &version(system)),
        System::HaProxy => haproxy::recipe(place),
        System::Floor => Ok(floor(place)),
        System::Direct | System::Tollgate | System::Router => {
            bail!("{} is no peer for PostgreSQL", system.name())
        }
    })
}

/// Starts a peer in front of MySQL.
pub(crate) fn start_for_mysql(system: System, behind: &Behind<'_>) -> Result<Instance> {
    launch(system, behind, |place| match system {
        System::HaProxy => haproxy::recipe_for_mysql(place),
        System::Router => router::recipe(place),
        System::Direct | System::Tollgate | System::PgBouncer | System::Floor => {
            bail!("{} is no peer for MySQL", system.name())
        }
    })
}

/// The first line of what a peer says about its version.
pub(crate) fn version(system: System) -> String {
    let argument = match system {
        System::HaProxy => "-v",
        System::PgBouncer | System::Router => "--version",
        System::Direct | System::Tollgate | System::Floor => return String::new(),
    };
    let output = command(system).and_then(|mut command| command.arg(argument).output().ok());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default()
        .split(" - ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// A folder of the tools first, which may hold newer ones than the system, then the search path.
fn program(system: System) -> Option<PathBuf> {
    match system {
        System::Direct | System::Tollgate => return Some(PathBuf::new()),
        System::Floor => return Some(env::current_exe().ok()?.with_file_name("floor")),
        System::PgBouncer | System::HaProxy | System::Router => {}
    }
    let tree = unpacked();
    let mut folders = vec![tree.join("sbin"), tree.join("bin")];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    // Debian keeps these where an ordinary account does not look.
    folders.push(PathBuf::from("/usr/sbin"));
    folders
        .into_iter()
        .map(|folder| folder.join(system.name()))
        .find(|path| path.is_file())
}

/// A peer's program with what it needs to run.
fn command(system: System) -> Option<Command> {
    let mut command = Command::new(program(system)?);
    if system == System::Router
        && let Some(libraries) = router::libraries(&unpacked().join("lib"))
    {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    Some(command)
}

/// Where `cargo xtask bench --install-peers` unpacks them (`crates/xtask/src/install/peers.rs`).
fn unpacked() -> PathBuf {
    tools_dir().join("peers/tree/usr")
}

fn launch(
    system: System,
    behind: &Behind<'_>,
    recipe: impl FnOnce(&Place<'_>) -> Result<Recipe>,
) -> Result<Instance> {
    let account = Account::unprivileged()?;
    let folder = tempfile::Builder::new()
        .prefix("tollgate-peer-")
        .tempdir()
        .context("making a folder for a peer")?;
    let port = Ports::reserve(1)?;
    let mut recipe = recipe(&Place {
        behind,
        folder: folder.path(),
        port: port.first(),
    })?;
    account.own(folder.path())?;
    for entry in fs::read_dir(folder.path())?.flatten() {
        account.own(&entry.path())?;
    }
    let log_path = folder.path().join("log");
    let log = fs::File::create(&log_path).context("making a peer's log")?;
    let mut command = command(system).context("not installed")?;
    command
        .args(&recipe.arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    // The floor lies in the target folder, where no other account may look.
    if system != System::Floor {
        account.apply(&mut command, folder.path());
    }
    let child = command.spawn().context("starting a peer")?;
    let mut process = Guarded::new(child, Signal::KILL, Duration::from_secs(5));
    wait_until_listening(&mut process, port.first())
        .with_context(|| fs::read_to_string(&log_path).unwrap_or_default())?;
    for (_, door) in &mut recipe.doors {
        door.process = Some(Process(process.id()));
    }
    let held = Held::Peer {
        process,
        _port: port,
        _folder: folder,
    };
    Ok(Instance::new(system, recipe.doors, held))
}

fn wait_until_listening(process: &mut Guarded, port: u16) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Ended::Exited(code) = process.wait(Duration::ZERO)? {
            bail!("it ended with {code:?}");
        }
        if Instant::now() > deadline {
            bail!("it does not listen");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn floor(place: &Place<'_>) -> Recipe {
    let words = [
        place.port.to_string(),
        place.behind.server_port.to_string(),
        POOL.to_string(),
        USER.to_owned(),
        "bench".to_owned(),
    ];
    Recipe {
        arguments: words.to_vec(),
        doors: vec![(
            Entry::Cheap(Tls::Off),
            place.door(System::Floor, USER, None),
        )],
    }
}

impl Place<'_> {
    /// Writes a file into the peer's folder and returns its path.
    fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// A door at this place.
    fn door(&self, system: System, user: &str, tls: Option<ClientTls>) -> Door {
        Door {
            system,
            port: self.port,
            user: user.to_owned(),
            password: PASSWORD.to_owned(),
            tls,
            process: None,
        }
    }
}
