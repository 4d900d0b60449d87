//! The master key that seals secrets: from the environment, from a file, or made on first start.

use anyhow::{Context, Result};
use tollgate_secrets::MasterKey;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::data_dir::{read_secret, write_whole};
use crate::random;

/// The environment variable that may hold the key itself.
const VARIABLE: &str = "TOLLGATE_MASTER_KEY";

/// The master key of this installation.
pub(crate) fn load_or_make(config: &Config) -> Result<MasterKey> {
    if let Ok(text) = std::env::var(VARIABLE) {
        let text = Zeroizing::new(text);
        return MasterKey::parse(&text).with_context(|| format!("{VARIABLE} is not a master key"));
    }
    let path = &config.master_key_file;
    if let Some(bytes) = read_secret(path)? {
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes)
            .with_context(|| format!("{} is not text", path.display()))?;
        return MasterKey::parse(text.trim())
            .with_context(|| format!("{} is not a master key", path.display()));
    }
    let key = MasterKey::from_bytes(random::bytes());
    write_whole(
        path,
        format!("{}\n", key.to_text().as_str()).as_bytes(),
        0o600,
    )?;
    tracing::info!(file = %path.display(), "made a master key; without it no secret in the metadata database can be read");
    Ok(key)
}
