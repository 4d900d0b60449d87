//! How long it takes to find the messages in a reply.

#[path = "../../../tests/bench/paths/src/headers.rs"]
mod headers;

use criterion::{Criterion, criterion_group, criterion_main};

fn benchmarks(criterion: &mut Criterion) {
    criterion.bench_function("headers of 13 messages", |bencher| {
        bencher.iter(headers::prepare());
    });
}

criterion_group!(all, benchmarks);
criterion_main!(all);
