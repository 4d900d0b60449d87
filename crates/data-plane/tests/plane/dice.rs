//! Repeatable chance for tests.

/// A generator that gives the same sequence for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.roll() % bound).unwrap_or(0)
    }

    /// True once in `count` times.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len());
        &from[at]
    }
}

/// The seed of the gate: the same choices in every run, so that a failure is the change's.
const GATE: u64 = 20_261_121;

/// The gate's seed, or the one that `TOLLGATE_SEED` names; `TOLLGATE_SEED=new` tries one never tried before.
pub(crate) fn seed() -> u64 {
    match std::env::var("TOLLGATE_SEED").as_deref() {
        Ok("new") => u64::try_from(chrono::Utc::now().timestamp_micros()).unwrap_or(GATE),
        Ok(named) => named.parse().unwrap_or(GATE),
        Err(_) => GATE,
    }
}
