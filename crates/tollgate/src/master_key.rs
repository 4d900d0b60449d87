//! The master key that seals secrets: from the environment, from a file, or made on first start.

use std::path::Path;

use anyhow::{Context, Result};
use tollgate_secrets::MasterKey;
use zeroize::Zeroizing;

use crate::random;

/// The environment variable that may hold the key itself.
const VARIABLE: &str = "TOLLGATE_MASTER_KEY";

/// The master key of this installation.
pub(crate) fn load_or_make(path: &Path) -> Result<MasterKey> {
    if let Ok(text) = std::env::var(VARIABLE) {
        let text = Zeroizing::new(text);
        return MasterKey::from_text(&text).with_context(|| format!("{VARIABLE} is not usable"));
    }
    if path.exists() {
        return MasterKey::read(path)
            .with_context(|| format!("the master key {} is not usable", path.display()));
    }
    let key = MasterKey::generate(&random::bytes());
    key.write_new(path)
        .with_context(|| format!("cannot write the master key {}", path.display()))?;
    tracing::info!(file = %path.display(), "made a master key; without it no secret in the metadata database can be read");
    Ok(key)
}
