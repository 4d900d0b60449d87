//! The data folder: made on first start, private to the user, holding keys and certificates.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The data folder, open for use.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// Proof that no other process serves from the folder; dropping it, or dying, lets the next one in.
#[derive(Debug)]
pub(crate) struct DataDirLock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Files that show that a folder is a data folder already.
const OWN_FILES: [&str; 4] = ["master.key", "credentials", "metadata.db", "ca.key"];

impl DataDir {
    /// Opens the folder, making it (mode 0700) when it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the data directory {}", path.display()))?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot open the data directory {}", path.display()))?;
        close_to_others(&path)?;
        Ok(Self(path))
    }

    /// Keeps other processes from serving from this folder: two would overwrite each other's snapshot and
    /// fight over the same ports.
    pub(crate) fn lock(&self) -> Result<DataDirLock> {
        let path = self.file("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirLock(file)),
            Err(TryLockError::WouldBlock) => bail!(
                "the data directory {} is in use by another running tollgate; stop that one first, or give this one a data-dir of its own",
                self.0.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// Takes a folder of ours, or an empty one, away from other users. A folder with somebody else's files is left
/// as it is: it was hardly meant, and closing it could break what lives there.
fn close_to_others(path: &Path) -> Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o7777;
    let is_open = mode & 0o077 != 0;
    if !is_open {
        return Ok(());
    }
    let is_own = OWN_FILES.iter().any(|name| path.join(name).exists());
    if !is_own && let Some(stranger) = stranger(path)? {
        bail!(
            "the data directory {} has mode {mode:04o} and holds other files, `{stranger}` for one; keys will be kept in it: give data-dir a folder of its own, or run `chmod 700 {}` if this is it",
            path.display(),
            path.display()
        );
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).with_context(|| {
        format!(
            "the data directory {} is open to others and cannot be closed",
            path.display()
        )
    })
}

/// A file in the folder that a fresh volume does not have.
fn stranger(path: &Path) -> Result<Option<String>> {
    let entries = fs::read_dir(path)
        .with_context(|| format!("cannot read the data directory {}", path.display()))?;
    for entry in entries {
        let name = entry?.file_name();
        if name != "lost+found" {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Reads a file that holds a secret. One that others may read is refused: its secret is spent.
pub(crate) fn read_secret(path: &Path) -> Result<Option<Vec<u8>>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!(
            "{} has mode {mode:04o}: others can read it. Run `chmod 600 {}` if nobody has, else replace what is in it",
            path.display(),
            path.display()
        );
    }
    Ok(Some(fs::read(path).with_context(|| {
        format!("cannot read {}", path.display())
    })?))
}

/// Writes a file so that after a crash it is either whole or as it was before, with this mode.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let write = || -> std::io::Result<()> {
        // A leftover of a crash may have another mode.
        if let Err(error) = fs::remove_file(&temporary)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_its_secrets_are_private() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("data")).unwrap();
        let path = dir.file("secret");
        write_whole(&path, b"x", 0o600).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read_secret(&path).unwrap().unwrap(), b"x");
    }

    #[test]
    fn a_folder_is_served_from_once_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("data")).unwrap();
        let first = dir.lock().unwrap();
        let error = dir.lock().unwrap_err().to_string();
        assert!(error.contains("another running tollgate"), "{error}");
        drop(first);
        dir.lock().unwrap();
    }

    #[test]
    fn an_open_folder_is_closed_only_when_it_is_ours_or_empty() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("shared");
        let open_to_all = || fs::set_permissions(&path, fs::Permissions::from_mode(0o755));
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        fs::create_dir(&path).unwrap();
        open_to_all().unwrap();
        fs::create_dir(path.join("lost+found")).unwrap();
        DataDir::open(&path).unwrap();
        assert_eq!(mode(), 0o700);
        open_to_all().unwrap();
        fs::write(path.join("passwd"), "").unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("passwd") && error.contains("chmod 700"),
            "{error}"
        );
        assert_eq!(mode(), 0o755);
        fs::write(path.join("master.key"), "").unwrap();
        DataDir::open(&path).unwrap();
        assert_eq!(mode(), 0o700);
    }

    #[test]
    fn a_secret_others_can_read_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("key");
        write_whole(&path, b"x", 0o644).unwrap();
        let error = read_secret(&path).unwrap_err().to_string();
        assert!(error.contains("0644"), "{error}");
    }

    #[test]
    fn a_missing_secret_is_not_an_error() {
        assert!(
            read_secret(Path::new("/nonexistent/key"))
                .unwrap()
                .is_none()
        );
    }
}
