//! The last snapshot on disk, sealed: with it connections work before the metadata store answers.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tollgate_secrets::{SealError, SealedBlob, Sealer};
use tollgate_types::{SNAPSHOT_FORMAT, Snapshot};

use crate::data_dir::{read_secret, write_whole};
use crate::random;

/// What the seal is bound to.
const CONTEXT: [&str; 2] = ["snapshot", "data-plane"];

/// The file and its writer.
pub(crate) struct SnapshotFile {
    newest: watch::Sender<Option<Arc<Snapshot>>>,
}

/// What is needed to read and write the file.
#[derive(Clone)]
pub(crate) struct SealedFile {
    path: PathBuf,
    sealer: Arc<Sealer>,
}

impl SealedFile {
    /// The file at `path`.
    pub(crate) fn new(path: PathBuf, sealer: Arc<Sealer>) -> Self {
        Self { path, sealer }
    }

    /// The snapshot last written; `None` when there is none or it is damaged, which is logged.
    ///
    /// # Errors
    /// Fails when it is sealed under another master key: with the wrong key no secret can be read, and going
    /// on would overwrite the snapshot that the right key opens.
    pub(crate) fn read(&self) -> Result<Option<Snapshot>> {
        match self.try_read() {
            Ok(snapshot) => Ok(snapshot),
            Err(error) if is_wrong_key(&error) => Err(error.context(format!(
                "this is the wrong master key for {0}: give the right one with master-key-file or TOLLGATE_MASTER_KEY; if it is lost, move {0} away, then set every secret and make every access key anew",
                self.path.display()
            ))),
            Err(error) => {
                tracing::warn!(snapshot.file = %self.path.display(), "snapshot on disk is not used: {error:#}");
                Ok(None)
            }
        }
    }

    fn try_read(&self) -> Result<Option<Snapshot>> {
        let Some(bytes) = read_secret(&self.path)? else {
            return Ok(None);
        };
        let blob = SealedBlob::from_bytes(bytes);
        let open = self
            .sealer
            .open(&CONTEXT, &blob)
            .context("it cannot be unsealed")?;
        let snapshot: Snapshot = serde_json::from_slice(&open).context("it does not parse")?;
        anyhow::ensure!(
            snapshot.format == SNAPSHOT_FORMAT,
            "it has format {}, this version reads {SNAPSHOT_FORMAT}",
            snapshot.format
        );
        Ok(Some(snapshot))
    }

    fn write(&self, snapshot: &Snapshot) -> Result<()> {
        let text =
            zeroize::Zeroizing::new(serde_json::to_vec(snapshot).context("it does not serialise")?);
        let sealed = self
            .sealer
            .seal(&CONTEXT, &text, &random::bytes())
            .context("it cannot be sealed")?;
        write_whole(&self.path, sealed.as_bytes(), 0o600)
    }
}

fn is_wrong_key(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SealError::WrongKey { .. }))
}

impl SnapshotFile {
    /// Starts the writer. It ends with the last handle.
    pub(crate) fn start(file: SealedFile) -> Self {
        let (newest, mut changes) = watch::channel::<Option<Arc<Snapshot>>>(None);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(snapshot) = changes.borrow_and_update().clone() else {
                    continue;
                };
                let file = file.clone();
                let written = tokio::task::spawn_blocking(move || file.write(&snapshot)).await;
                match written {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::error!("snapshot could not be written to disk: {error:#}");
                    }
                    Err(error) => tracing::error!(%error, "snapshot writer failed"),
                }
            }
        });
        Self { newest }
    }

    /// Writes `snapshot` soon; one that is overtaken by a newer one may be left out.
    pub(crate) fn write_later(&self, snapshot: Arc<Snapshot>) {
        self.newest.send_replace(Some(snapshot));
    }
}

#[cfg(test)]
mod tests {
    use tollgate_secrets::MasterKey;

    use super::*;

    #[test]
    fn a_damaged_snapshot_is_passed_over_and_a_wrong_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.sealed");
        let file = |key: u8| {
            let sealer = Arc::new(Sealer::new(MasterKey::generate(&[key; 32])));
            SealedFile::new(path.clone(), sealer)
        };
        assert_eq!(file(1).read().unwrap(), None);
        let opener = file(1).sealer;
        let blob = opener
            .seal(&CONTEXT, b"not a snapshot", &random::bytes())
            .unwrap();
        write_whole(&path, blob.as_bytes(), 0o600).unwrap();
        assert_eq!(file(1).read().unwrap(), None);
        let error = format!("{:#}", file(2).read().unwrap_err());
        for words in ["wrong master key", "snapshot.sealed", "TOLLGATE_MASTER_KEY"] {
            assert!(error.contains(words), "{error}");
        }
        write_whole(&path, b"rubbish", 0o600).unwrap();
        assert_eq!(file(2).read().unwrap(), None);
    }
}
