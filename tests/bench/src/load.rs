//! Load generators that others wrote and everybody knows.

pub(crate) mod pgbench;
pub(crate) mod sysbench;

/// How many transactions a load generator counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    /// All of them.
    pub(crate) transactions: u64,
    /// Per second.
    pub(crate) per_second: f64,
}
