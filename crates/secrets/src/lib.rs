//! Sealed secrets: envelope encryption under a master key that never leaves the process.

mod blob;
mod error;
mod master_key;
mod sealer;

pub use blob::SealedBlob;
pub use error::{MasterKeyError, SealError};
pub use master_key::{KeyId, MasterKey};
pub use sealer::{SEAL_RANDOM_LEN, Sealer};
