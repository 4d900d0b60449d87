//! How long a login by token takes once its key is known: verification, then policies.

#[path = "../../../tests/bench/paths/src/policy.rs"]
mod policy;
#[path = "../../../tests/bench/paths/src/token.rs"]
mod token;

use criterion::{Criterion, criterion_group, criterion_main};

fn benchmarks(criterion: &mut Criterion) {
    criterion.bench_function("verify a token", |bencher| bencher.iter(token::prepare()));
    criterion.bench_function("evaluate three policies", |bencher| {
        bencher.iter(policy::prepare());
    });
}

criterion_group!(all, benchmarks);
criterion_main!(all);
