//! Data folders of servers that are initialised once and copied for every server after that.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::UNIX_EPOCH,
};

use anyhow::{Context, Result, ensure};

use crate::{account::Account, tools::tools_dir};

/// What a data folder is initialised from and how its template is found again.
pub(crate) struct Template<'a> {
    /// Which server, and anything else that makes templates differ, for the folder's name.
    pub(crate) name: &'a str,
    /// The server program: another build gets another template.
    pub(crate) program: &'a Path,
    /// A file that every initialised folder has.
    pub(crate) marker: &'a str,
    /// The folder of the server that asks; it is thrown away with it.
    pub(crate) folder: &'a Path,
}

impl Template<'_> {
    /// Fills `data`: by a copy of the template, or by `init` when the tools folder cannot be written.
    pub(crate) fn fill(&self, data: &Path, init: impl Fn(&Path) -> Result<()>) -> Result<()> {
        match self.find_or_make(&init) {
            Some(template) => copy(&template, data),
            None => init(data),
        }
    }

    /// The template, made on first use.
    ///
    /// To initialise takes seconds on a small machine, a copy takes a tenth of one. The folder gets its
    /// name by a rename, so that two test processes may race and a crash leaves nothing half made.
    fn find_or_make(&self, init: impl Fn(&Path) -> Result<()>) -> Option<PathBuf> {
        let home = tools_dir().join("templates");
        let template = home.join(format!("{}-{}", self.name, build_id(self.program)?));
        if template.join(self.marker).is_file() {
            return Some(template);
        }
        fs::create_dir_all(&home).ok()?;
        let scratch = self.folder.join("template");
        init(&scratch).ok()?;
        let unique = self.folder.file_name()?.to_string_lossy();
        let staged = home.join(format!(".staged-{unique}"));
        copy(&scratch, &staged).ok()?;
        let _ = fs::remove_dir_all(&scratch);
        if fs::rename(&staged, &template).is_err() {
            // Somebody else was quicker; theirs is as good.
            let _ = fs::remove_dir_all(&staged);
        }
        template.join(self.marker).is_file().then_some(template)
    }
}

/// Length and time of the server program.
fn build_id(program: &Path) -> Option<String> {
    let meta = fs::metadata(program).ok()?;
    let changed = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}-{}", meta.len(), changed.as_secs()))
}

/// `cp -a` keeps owner, modes and links, and clones blocks where the file system can. Where it cannot,
/// blocks of zeros become holes: they are more than half of a fresh data folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp")
        .args(["-a", "--reflink=auto", "--sparse=always"])
        .arg(from)
        .arg(to)
        .output()
        .context("running cp")?;
    ensure!(
        output.status.success(),
        "cp: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Writes a file that belongs to the server's account, with these permission bits.
pub(crate) fn write_owned(path: &Path, text: &str, mode: u32, account: Account) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("setting the mode of {}", path.display()))?;
    account.own(path)
}
