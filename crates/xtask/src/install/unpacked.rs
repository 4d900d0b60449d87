//! What the distribution does not have (database servers, drivers): unpacked from another Debian
//! suite beside the system, not installed into it.
//!
//! Apt resolves the whole library closure against an empty package status and downloads it; the
//! packages are unpacked into one tree, and patchelf makes the programs use the tree's own loader and
//! libraries. Nothing of the host changes, and no rights are needed.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{step, workspace};

/// A server that is unpacked with every library it needs.
pub(super) struct Recipe<'a> {
    /// Its folder inside the tools folder.
    pub(super) folder: &'a str,
    /// The Debian suite that carries it.
    pub(super) suite: &'a str,
    /// The packages that somebody would ask for; what they depend on comes with them.
    pub(super) packages: &'a [&'a str],
    /// Programs, and folders full of programs, that must run; seen from the tree's root.
    pub(super) programs: &'a [&'a str],
}

impl Recipe<'_> {
    /// Unpacks it, in place of whatever is in its folder.
    pub(super) fn unpack(&self) -> Result<()> {
        let prefix = self.prefix();
        made_anew(&prefix, || {
            download(&prefix, self.suite, self.packages)?;
            unpack(&prefix)?;
            use_own_libraries(&prefix.join("tree"), self.programs)?;
            fs::write(prefix.join(STAMP), self.label()).context("noting what was unpacked")
        })
    }

    /// Whether exactly this was unpacked, to the end.
    pub(super) fn is_unpacked(&self) -> bool {
        fs::read_to_string(self.prefix().join(STAMP)).is_ok_and(|text| text == self.label())
    }

    /// Where it lies, laid out as below `/`.
    pub(super) fn tree(&self) -> PathBuf {
        self.prefix().join("tree")
    }

    fn prefix(&self) -> PathBuf {
        workspace::tools_dir().join(self.folder)
    }

    fn label(&self) -> String {
        format!("{}\n{}\n", self.suite, self.packages.join("\n"))
    }
}

/// The file that tells what a finished folder was made of.
const STAMP: &str = ".installed";

/// Where the programs of a PostgreSQL version are once it is unpacked.
pub(super) fn postgres_bin_dir(major: u32) -> PathBuf {
    workspace::tools_dir().join(format!(
        "postgresql-{major}/tree/usr/lib/postgresql/{major}/bin"
    ))
}

/// Unpacks a PostgreSQL version.
pub(super) fn postgres(major: u32) -> Result<()> {
    let package = format!("postgresql-{major}");
    Recipe {
        folder: &package,
        suite: if major == 15 { "bookworm" } else { "sid" },
        packages: &[&package],
        programs: &[&format!("usr/lib/postgresql/{major}/bin")],
    }
    .unpack()
}

/// Unpacks packages whose programs need no library but the C library, or are no programs at all.
pub(super) fn packages(prefix: &Path, suite: &str, packages: &[&str]) -> Result<()> {
    made_anew(prefix, || {
        download(prefix, suite, packages)?;
        unpack(prefix)
    })
}

/// Fills a folder that must not stay when that fails.
///
/// The programs in it carry absolute paths, so it cannot be built aside and renamed at the end.
fn made_anew(prefix: &Path, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    if prefix.exists() {
        fs::remove_dir_all(prefix).context("removing what was half unpacked")?;
    }
    let outcome = fill();
    if outcome.is_err() {
        let _ = fs::remove_dir_all(prefix);
    }
    outcome
}

/// The Debian mirror that apt already uses.
fn mirror() -> Result<String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(ORIGIN) $(REPO_URI)"])
        .output()
        .context("asking apt for its mirror")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text
        .lines()
        .filter_map(|line| line.strip_prefix("Debian "))
        .find(|uri| !uri.contains("security"));
    match found {
        Some(uri) => Ok(uri.to_owned()),
        None => bail!("apt uses no Debian mirror"),
    }
}

fn download(prefix: &Path, suite: &str, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let mirror =
        mirror().with_context(|| format!("please install from Debian {suite}: {names}"))?;
    for folder in ["apt/lists/partial", "apt/archives/partial", "tree"] {
        fs::create_dir_all(prefix.join(folder)).context("making folders for apt")?;
    }
    fs::write(prefix.join("apt/status"), "").context("writing an empty package status")?;
    let sources = format!(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {suite} main\n"
    );
    fs::write(prefix.join("apt/sources.list"), sources).context("writing sources.list")?;
    let configuration = prefix.join("apt/apt.conf");
    fs::write(&configuration, apt_conf(prefix)).context("writing apt.conf")?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("APT_CONFIG", &configuration)
            .arg("--quiet=2")
            .args(arguments);
        command
    };
    step::run_networked("reading the lists of another suite", || apt(&["update"]))?;
    step::run_networked(&format!("downloading {names} with all they need"), || {
        let mut command = apt(&["install", "--yes", "--download-only"]);
        command.args(packages);
        command
    })
}

/// Everything apt touches is inside `prefix`. A mirror's snapshot may be older than its `Valid-Until`;
/// the signature is still checked.
fn apt_conf(prefix: &Path) -> String {
    let base = prefix.join("apt");
    let base = base.display();
    format!(
        "Dir::Etc::SourceList \"{base}/sources.list\";\n\
         Dir::Etc::SourceParts \"/dev/null\";\n\
         Dir::State \"{base}\";\n\
         Dir::State::Lists \"{base}/lists\";\n\
         Dir::State::status \"{base}/status\";\n\
         Dir::Cache \"{base}\";\n\
         Dir::Cache::Archives \"{base}/archives\";\n\
         Acquire::Check-Valid-Until \"false\";\n\
         Acquire::Languages \"none\";\n\
         APT::Sandbox::User \"\";\n\
         APT::Install-Recommends \"false\";\n"
    )
}

fn unpack(prefix: &Path) -> Result<()> {
    step::say("unpacking");
    let tree = prefix.join("tree");
    for archive in files_in(&prefix.join("apt/archives"))? {
        if archive.extension().is_some_and(|ext| ext == "deb") {
            let status = Command::new("dpkg")
                .arg("-x")
                .arg(&archive)
                .arg(&tree)
                .status();
            ensure!(
                status?.success(),
                "dpkg could not unpack {}",
                archive.display()
            );
        }
    }
    // The archives were only a means: three quarters of the space.
    fs::remove_dir_all(prefix.join("apt")).context("removing the downloaded packages")
}

/// Makes the unpacked programs independent of the host's libraries.
///
/// Plug-ins that a program loads find their libraries by the program's own list.
fn use_own_libraries(tree: &Path, programs: &[&str]) -> Result<()> {
    // Suites before the merge of /lib into /usr/lib have libraries in both.
    let lib_folders = [tree.join("lib"), tree.join("usr/lib")];
    let libc = lib_folders
        .iter()
        .find_map(|folder| find(folder, "libc.so.6"))
        .context("no C library was unpacked")?;
    let core = libc.parent().context("a file has a folder")?;
    let triplet = core
        .file_name()
        .context("libraries lie in a folder of their architecture")?;
    let libraries: Vec<PathBuf> = lib_folders
        .iter()
        .map(|folder| folder.join(triplet))
        .collect();
    let loader = files_in(core)?
        .into_iter()
        .find(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"))
        })
        .context("no program loader was unpacked")?;
    let libraries = env::join_paths(libraries).context("naming the library folders")?;
    for named in programs {
        let path = tree.join(named);
        let all = if path.is_dir() {
            files_in(&path)?
        } else {
            vec![path]
        };
        for program in all {
            relocate(&program, &loader, &libraries)?;
        }
    }
    Ok(())
}

/// Makes one program use the tree's loader and libraries; scripts are left alone.
fn relocate(program: &Path, loader: &Path, libraries: &OsStr) -> Result<()> {
    let mut magic = [0_u8; 4];
    let mut file =
        fs::File::open(program).with_context(|| format!("opening {}", program.display()))?;
    if std::io::Read::read_exact(&mut file, &mut magic).is_err() || magic != *b"\x7fELF" {
        return Ok(());
    }
    let status = Command::new("patchelf")
        .arg("--set-interpreter")
        .arg(loader)
        .args(["--force-rpath", "--set-rpath"])
        .arg(libraries)
        .arg(program)
        .status()
        .context("running patchelf")?;
    ensure!(status.success(), "patchelf failed on {}", program.display());
    Ok(())
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    entries
        .map(|entry| Ok(entry?.path()))
        .filter(|path: &Result<PathBuf>| path.as_ref().map_or(true, |path| path.is_file()))
        .collect()
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|found| found == name) {
            return Some(path);
        }
    }
    None
}
