//! How long the session machine takes for a transaction, with and without another client's settings on its connection.

#[path = "../../../tests/bench/paths/src/difference.rs"]
mod difference;
#[path = "../../../tests/bench/paths/src/transaction.rs"]
mod transaction;

use criterion::{Criterion, criterion_group, criterion_main};

fn benchmarks(criterion: &mut Criterion) {
    criterion.bench_function("one simple transaction", |bencher| {
        bencher.iter(transaction::prepare());
    });
    criterion.bench_function("the same after a difference of settings", |bencher| {
        bencher.iter(difference::prepare());
    });
}

criterion_group!(all, benchmarks);
criterion_main!(all);
