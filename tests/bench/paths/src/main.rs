//! `paths NAME COUNT`: walks one of the hot paths so many times, for a counter of instructions to watch.
//!
//! The same files are the benchmarks of the crates that own the code (`benches/`).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its terminal"
)]

mod difference;
mod headers;
mod policy;
mod token;
mod tokenizer;
mod transaction;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (name, count) = (words.next(), words.next());
    let count: Option<u32> = count.and_then(|word| word.parse().ok());
    let walked = match (name.as_deref(), count) {
        (Some("headers"), Some(count)) => walk(headers::prepare(), count),
        (Some("tokenizer"), Some(count)) => walk(tokenizer::prepare(), count),
        (Some("transaction"), Some(count)) => walk(transaction::prepare(), count),
        (Some("difference"), Some(count)) => walk(difference::prepare(), count),
        (Some("token"), Some(count)) => walk(token::prepare(), count),
        (Some("policy"), Some(count)) => walk(policy::prepare(), count),
        _ => {
            eprintln!("usage: paths headers|tokenizer|transaction|difference|token|policy COUNT");
            return ExitCode::FAILURE;
        }
    };
    println!("{walked}");
    ExitCode::SUCCESS
}

/// The sum of what every step returned; a step that returned nothing went wrong, and the walk ends there.
fn walk(mut step: impl FnMut() -> usize, count: u32) -> usize {
    let steps = (0..count).map(|_| step());
    steps.take_while(|result| *result > 0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_goes_on_and_on() {
        assert_eq!(walk(headers::prepare(), 5), 5 * 13);
        assert_eq!(walk(tokenizer::prepare(), 5), 5);
        assert_eq!(walk(transaction::prepare(), 5), 5);
        assert_eq!(walk(difference::prepare(), 5), 5);
        assert_eq!(walk(token::prepare(), 5), 5);
        assert_eq!(walk(policy::prepare(), 5), 5);
    }
}
