//! The last snapshot on disk, sealed: with it connections work before the metadata store answers.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tollgate_secrets::{SealedBlob, Sealer};
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

    /// The snapshot last written; `None` when there is none or it cannot be used, which is logged.
    pub(crate) fn read(&self) -> Option<Snapshot> {
        match self.try_read() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(snapshot.file = %self.path.display(), "snapshot on disk is not used: {error:#}");
                None
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
