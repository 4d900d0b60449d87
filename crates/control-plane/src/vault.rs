//! Sealing and opening: secrets at rest, kept answers and page tokens, each bound to its place.

use std::sync::Arc;

use tollgate_secrets::{SEAL_RANDOM_LEN, SealError, SealedBlob, Sealer};
use zeroize::Zeroizing;

use crate::ports::Random;
use crate::problem::Problem;

/// Where a sealed value belongs; it opens nowhere else.
pub(crate) type Place = [String; 3];

/// The installation's sealer with its source of randomness.
#[derive(Clone)]
pub(crate) struct Vault {
    sealer: Arc<Sealer>,
    random: Random,
}

impl Vault {
    pub(crate) fn new(sealer: Arc<Sealer>, random: Random) -> Self {
        Self { sealer, random }
    }

    /// Seals bytes for one place.
    pub(crate) fn seal(&self, place: &Place, plaintext: &[u8]) -> Result<SealedBlob, Problem> {
        let mut random = Zeroizing::new([0; SEAL_RANDOM_LEN]);
        (self.random)(random.as_mut());
        let sealed = self
            .sealer
            .seal(&place.each_ref().map(String::as_str), plaintext, &random);
        sealed.map_err(|error| Problem::internal(&error))
    }

    /// Opens what a caller handed in, who may have altered it: the error is the caller's.
    pub(crate) fn try_open(
        &self,
        place: &Place,
        sealed: &SealedBlob,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.sealer
            .open(&place.each_ref().map(String::as_str), sealed)
    }

    /// Seals bytes for a text column.
    pub(crate) fn seal_text(&self, place: &Place, plaintext: &[u8]) -> Result<String, Problem> {
        Ok(self.seal(place, plaintext)?.to_text())
    }

    /// Opens a text column of ours.
    pub(crate) fn open_text(
        &self,
        place: &Place,
        text: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let [table, row, _] = place;
        let opened = text
            .parse::<SealedBlob>()
            .and_then(|sealed| self.try_open(place, &sealed));
        opened
            .map_err(|error| Problem::internal(&format!("sealed value in {table} {row}: {error}")))
    }
}
