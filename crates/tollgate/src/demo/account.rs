//! The account that throw-away servers run under: our own, or another one when that is root.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Who runs the servers.
#[derive(Debug, Clone)]
pub(super) enum Account {
    /// We ourselves.
    Own,
    /// Somebody else, because servers refuse to run as root.
    Other {
        /// Number of the user.
        uid: String,
        /// Number of the group.
        gid: String,
    },
}

impl Account {
    /// When we are root the first of `names` that the machine knows, or `nobody`; else ourselves.
    pub(super) fn unprivileged(names: &[&str]) -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        if uids.and_then(|uids| uids.split_whitespace().nth(1)) != Some("0") {
            return Ok(Self::Own);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("cannot read the accounts")?;
        let numbers = |name: &str| {
            let line = accounts
                .lines()
                .find(|line| line.starts_with(&format!("{name}:")))?;
            let mut fields = line.split(':').skip(2);
            Some(Self::Other {
                uid: fields.next()?.to_owned(),
                gid: fields.next()?.to_owned(),
            })
        };
        let mut wanted = names.iter().chain(&["nobody"]);
        wanted.find_map(|name| numbers(name)).with_context(|| {
            format!(
                "servers do not run as root, and there is no account `{}` or `nobody`",
                names.join("`, `")
            )
        })
    }

    /// Makes `folder` inside `parent` for a server, readable by nobody else.
    pub(super) fn folder(&self, parent: &Path, folder: &Path) -> Result<()> {
        fs::create_dir(folder).context("cannot make a folder for a server")?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        match self {
            Self::Own => Ok(()),
            Self::Other { .. } => {
                // The server runs under another account and has to reach its folder.
                fs::set_permissions(parent, fs::Permissions::from_mode(0o711))?;
                self.give(folder)
            }
        }
    }

    /// Hands a file or folder over.
    pub(super) fn give(&self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => run(
                Command::new("chown").arg(format!("{uid}:{gid}")).arg(path),
                "chown",
            ),
        }
    }

    /// A program about to run under the account, with errors to be read.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Other { uid, gid } => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", uid, "--regid", gid, "--clear-groups", "--"]);
                command.arg(program);
                command
            }
        };
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }
}

/// Runs a command to its end; what it says is the error when it fails.
pub(super) fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {what}"))?;
    if !output.status.success() {
        bail!(
            "{what} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
