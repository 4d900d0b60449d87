//! How long it takes to read what a statement may do.

#[path = "../../../tests/bench/paths/src/tokenizer.rs"]
mod tokenizer;

use criterion::{Criterion, criterion_group, criterion_main};

fn benchmarks(criterion: &mut Criterion) {
    criterion.bench_function("a select of 220 bytes", |bencher| {
        bencher.iter(tokenizer::prepare());
    });
}

criterion_group!(all, benchmarks);
criterion_main!(all);
