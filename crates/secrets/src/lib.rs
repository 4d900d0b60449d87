//! Secrets: sealed here under a master key that never leaves the process, or fetched from an AWS Secrets Manager.

mod blob;
mod error;
mod external;
mod master_key;
mod sealer;

pub use blob::SealedBlob;
pub use error::{MasterKeyError, SealError};
pub use external::{AwsSecrets, ExternalSettings, ExternalState, ExternalValues};
pub use master_key::{KeyId, MasterKey};
pub use sealer::{SEAL_RANDOM_LEN, Sealer};
