//! The master key that seals secrets: from the environment, from a file, or made on first start.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tollgate_secrets::MasterKey;
use zeroize::Zeroizing;

use crate::data_dir::DataDir;
use crate::random;

/// The environment variable that may hold the key itself.
const VARIABLE: &str = "TOLLGATE_MASTER_KEY";

/// The master key of this installation. One that is lost is not replaced: nothing sealed under it could be
/// read again, and the snapshot that still serves would be overwritten.
pub(crate) fn load_or_make(path: &Path, dir: &DataDir) -> Result<MasterKey> {
    if let Ok(text) = std::env::var(VARIABLE) {
        let text = Zeroizing::new(text);
        return MasterKey::from_text(&text).with_context(|| format!("{VARIABLE} is not usable"));
    }
    let is_there = path
        .try_exists()
        .with_context(|| format!("cannot read the master key {}", path.display()))?;
    if is_there {
        return MasterKey::read(path)
            .with_context(|| format!("the master key {} is not usable", path.display()));
    }
    if let Some(sealed) = sealed(dir) {
        bail!(
            "the master key {} is missing, but {} was sealed under it: restore the file, name another one with master-key-file, or set {VARIABLE}; if the key is lost, move {} away to start anew",
            path.display(),
            sealed.display(),
            sealed.display()
        );
    }
    let key = MasterKey::generate(&random::bytes());
    key.write_new(path)
        .with_context(|| format!("cannot write the master key {}", path.display()))?;
    tracing::info!(file = %path.display(), "made a master key; without it no secret in the metadata database can be read");
    Ok(key)
}

/// A file in the data folder that only the master key opens.
fn sealed(dir: &DataDir) -> Option<PathBuf> {
    ["metadata.db", "snapshot.sealed"]
        .into_iter()
        .map(|name| dir.file(name))
        .find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_never_in_place_of_a_lost_one() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("data")).unwrap();
        let path = dir.file("master.key");
        load_or_make(&path, &dir).unwrap();
        let text = std::fs::read(&path).unwrap();
        load_or_make(&path, &dir).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), text);
        std::fs::remove_file(&path).unwrap();
        for name in ["snapshot.sealed", "metadata.db"] {
            std::fs::write(dir.file(name), "sealed").unwrap();
            let error = load_or_make(&path, &dir).unwrap_err().to_string();
            assert!(error.contains("master.key is missing"), "{error}");
            assert!(error.contains(name), "{error}");
            assert!(!path.exists());
        }
    }
}
