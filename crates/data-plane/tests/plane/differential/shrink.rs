//! Makes a conversation that fails as short as it can be while it still fails.

use std::time::{Duration, Instant};

use super::generator;
use super::notation::tokens;

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
    // A batch begins where a token says so.
    let mut words = split(&batches);
    let mut size = words.len().div_ceil(2);
    while size > 0 {
        let mut removed = false;
        let mut start = 0;
        while start < words.len() && started.elapsed() < SHRINK_FOR {
            let mut shorter = words.clone();
            shorter.drain(start..(start + size).min(words.len()));
            let candidate = join(&shorter);
            match fails(&candidate).await {
                Some(why) => {
                    words = shorter;
                    error = Some(why);
                    removed = true;
                }
                None => start += size,
            }
        }
        if started.elapsed() >= SHRINK_FOR {
            break;
        }
        size = match size {
            1 if removed => 1,
            _ => size / 2,
        };
    }
    Shrunk {
        batches: join(&words),
        error,
    }
}

/// A token, or the end of a batch.
#[derive(Clone)]
enum Word {
    Token(String),
    End,
}

fn split(batches: &[String]) -> Vec<Word> {
    let mut words = Vec::new();
    for batch in batches {
        words.extend(
            tokens(batch)
                .into_iter()
                .map(|token| Word::Token(token.to_owned())),
        );
        words.push(Word::End);
    }
    words
}

fn join(words: &[Word]) -> Vec<String> {
    let mut batches = vec![Vec::new()];
    for word in words {
        match word {
            Word::Token(token) => batches
                .last_mut()
                .expect("there is one")
                .push(token.clone()),
            Word::End => batches.push(Vec::new()),
        }
    }
    batches.retain(|batch| !batch.is_empty());
    generator::made_safe(batches)
}

#[tokio::test]
async fn only_what_matters_is_left() {
    let long = (0..40).map(|number| format!("Q(select {number}) S() H()"));
    let long: Vec<String> = long.collect();
    let both = async |batches: &[String]| {
        let text = batches.join(" ");
        (text.contains("select 7)") && text.contains("select 31)")).then(|| "both".to_owned())
    };
    let short = shrink(long, both).await;
    assert_eq!(short.batches.join(" "), "Q(select 7) Q(select 31)");
}
