//! Makes a conversation that fails as short as it can be while it still fails.

use std::time::{Duration, Instant};

use crate::differential::notation::tokens;

/// How long to try.
const SHRINK_FOR: Duration = Duration::from_secs(45);

/// What is left.
pub(super) struct Shrunk {
    pub(super) batches: Vec<String>,
    /// Why it fails; `None` when it did not fail again.
    pub(super) error: Option<String>,
}

/// Leaves out ever smaller parts as long as `fails` says that the rest fails, within bounded time.
pub(super) async fn shrink(
    batches: Vec<String>,
    mut fails: impl AsyncFnMut(&[String]) -> Option<String>,
) -> Shrunk {
    let started = Instant::now();
    let mut error = fails(&batches).await;
    if error.is_none() {
        return Shrunk { batches, error };
    }
    let mut commands: Vec<(usize, String)> = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        commands.extend(tokens(batch).into_iter().map(|it| (at, it.to_owned())));
    }
    let mut size = commands.len().div_ceil(2);
    while size > 0 && started.elapsed() < SHRINK_FOR {
        let mut removed = false;
        let mut start = 0;
        while start < commands.len() && started.elapsed() < SHRINK_FOR {
            let mut shorter = commands.clone();
            shorter.drain(start..(start + size).min(commands.len()));
            match fails(&together(&shorter)).await {
                Some(why) => {
                    commands = shorter;
                    error = Some(why);
                    removed = true;
                }
                None => start += size,
            }
        }
        size = match size {
            1 if removed => 1,
            _ => size / 2,
        };
    }
    Shrunk {
        batches: together(&commands),
        error,
    }
}

/// The commands in their batches.
fn together(commands: &[(usize, String)]) -> Vec<String> {
    commands
        .chunk_by(|(a, _), (b, _)| a == b)
        .map(|batch| {
            let words: Vec<&str> = batch.iter().map(|(_, word)| word.as_str()).collect();
            words.join(" ")
        })
        .collect()
}

#[tokio::test]
async fn only_what_matters_is_left() {
    let long = (0..40).map(|number| format!("Q(select {number}) PING()"));
    let long: Vec<String> = long.collect();
    let both = async |batches: &[String]| {
        let text = batches.join(" ");
        (text.contains("select 7)") && text.contains("select 31)")).then(|| "both".to_owned())
    };
    let short = shrink(long, both).await;
    assert_eq!(short.batches, ["Q(select 7)", "Q(select 31)"]);
}
