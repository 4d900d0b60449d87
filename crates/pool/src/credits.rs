//! The target's limit, shared by the pools of all shards, and the board on which shards that got no
//! credit say so.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use crate::Millis;

/// Number of a shard, from zero; the same in every pool and in [`Credits::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(usize);

impl Shard {
    /// The shard with this number.
    pub const fn new(number: usize) -> Self {
        Self(number)
    }

    /// The shard's number.
    pub const fn number(self) -> usize {
        self.0
    }
}

/// Nothing is posted.
const NO_POST: u64 = u64::MAX;

/// What one shard has posted. The two words are not read together; a reader that sees a mixture
/// offers a connection where a slightly different one was wanted, and the receiver copes.
#[derive(Debug)]
struct Post {
    /// Since when the shard's oldest unserved waiter waits, or [`NO_POST`].
    since: AtomicU64,
    /// Fingerprint of the key that the waiter wants; the lowest bit is set for
    /// [`Help::ThisKeyOnly`].
    key: AtomicU64,
}

/// The bit of a posted key that restricts the help.
const THIS_KEY_ONLY: u64 = 1;

/// What would help a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Help {
    /// Any connection or a credit: it would open one of its own.
    AnyConnection,
    /// Only a connection of the very key: openings fail for the time being, for instance because
    /// the role has as many connections as it may have.
    ThisKeyOnly,
}

/// What a shard lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Since when its waiter waits.
    pub(crate) since: Millis,
    /// See [`fingerprint`].
    pub(crate) key: u64,
    pub(crate) help: Help,
}

/// A shard other than ours that is in need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Distress {
    pub(crate) shard: Shard,
    pub(crate) need: Need,
}

impl Distress {
    /// Whether the waiter waits for more than `margin` longer than one that waits since `ours`.
    pub(crate) fn outwaits(&self, ours: Millis, margin: Millis) -> bool {
        self.need.since.saturating_add(margin) < ours
    }

    /// Whether a connection of this key helps.
    pub(crate) fn is_helped_by(&self, key: u64) -> bool {
        self.need.help == Help::AnyConnection || self.need.key == key
    }

    /// Whether a credit helps.
    pub(crate) fn is_helped_by_credit(&self) -> bool {
        self.need.help == Help::AnyConnection
    }
}

/// A number that is equal on all shards for equal keys, and almost never otherwise.
pub(crate) fn fingerprint(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish() & !THIS_KEY_ONLY
}

/// How many server connections a target may have, and how many are open or being opened.
///
/// Lock-free. Sequentially consistent throughout, because "freed a credit, then looked at the board"
/// on one shard and "posted, then looked for a credit" on another must not both miss; none of this
/// is touched when an idle connection is lent, and only one word is read when it returns.
#[derive(Debug)]
pub struct Credits {
    limit: AtomicU32,
    in_use: AtomicU32,
    /// Of those, the ones pinned to a client, on all shards.
    pinned: AtomicU32,
    /// How many posts are up: lets a shard skip the board with one read.
    distressed: AtomicU32,
    board: Box<[Post]>,
}

impl Credits {
    /// Credits for one target whose pools run on `shards` shards.
    pub fn new(limit: u32, shards: usize) -> Arc<Self> {
        let post = || Post {
            since: AtomicU64::new(NO_POST),
            key: AtomicU64::new(0),
        };
        Arc::new(Self {
            limit: AtomicU32::new(limit),
            in_use: AtomicU32::new(0),
            pinned: AtomicU32::new(0),
            distressed: AtomicU32::new(0),
            board: std::iter::repeat_with(post).take(shards).collect(),
        })
    }

    /// The right to have one server connection, if one is left.
    pub fn try_take(self: &Arc<Self>) -> Option<Credit> {
        self.in_use
            .fetch_update(SeqCst, SeqCst, |n| {
                if n < self.limit() {
                    n.checked_add(1)
                } else {
                    None
                }
            })
            .ok()?;
        Some(Credit {
            credits: Arc::clone(self),
        })
    }

    /// The most server connections that may exist.
    pub fn limit(&self) -> u32 {
        self.limit.load(SeqCst)
    }

    /// Changes the limit. Below [`Credits::in_use`] the pools close connections as they become free
    /// until the limit holds.
    pub fn set_limit(&self, limit: u32) {
        self.limit.store(limit, SeqCst);
    }

    /// Server connections that are open or being opened, on all shards.
    pub fn in_use(&self) -> u32 {
        self.in_use.load(SeqCst)
    }

    /// Server connections that are pinned to a client, on all shards.
    pub(crate) fn pinned(&self) -> u32 {
        self.pinned.load(SeqCst)
    }

    /// A shard has one more that is pinned.
    pub(crate) fn pin(&self) {
        self.pinned.fetch_add(1, SeqCst);
    }

    /// A shard has `count` fewer that are pinned.
    pub(crate) fn unpin(&self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        // Every one was counted by `pin`.
        self.pinned.fetch_sub(count, SeqCst);
    }

    /// Whether there are more connections than allowed. Two shards may see the same surplus and both
    /// close one; the second is opened again when somebody needs it.
    pub(crate) fn over_limit(&self) -> bool {
        self.in_use() > self.limit()
    }

    /// Whether a credit is left at this moment.
    pub(crate) fn has_free(&self) -> bool {
        self.in_use() < self.limit()
    }

    /// Posts or takes down what a shard lacks. Only the shard itself posts; others may only claim.
    pub(crate) fn post(&self, shard: Shard, need: Option<Need>) {
        let Some(post) = self.board.get(shard.0) else {
            return;
        };
        let value = need.map_or(NO_POST, |need| {
            post.key.store(posted_key(need), SeqCst);
            // A time that cannot be told from "nothing" is moved one millisecond back.
            need.since.as_u64().min(NO_POST.saturating_sub(1))
        });
        let before = post.since.swap(value, SeqCst);
        if before == NO_POST && value != NO_POST {
            self.distressed.fetch_add(1, SeqCst);
        } else if before != NO_POST && value == NO_POST {
            self.distressed.fetch_sub(1, SeqCst);
        }
    }

    /// The shard other than `me` whose waiter waits longest, among those that the caller can help.
    pub(crate) fn longest_distress(
        &self,
        me: Shard,
        can_help: impl Fn(&Distress) -> bool,
    ) -> Option<Distress> {
        if self.distressed.load(SeqCst) == 0 {
            return None;
        }
        let posts = self.board.iter().enumerate();
        let others = posts.filter(|(number, _)| *number != me.0);
        others
            .filter_map(|(number, post)| Some((Shard(number), read(post)?)))
            .map(|(shard, need)| Distress { shard, need })
            .filter(can_help)
            .min_by_key(|distress| distress.need.since)
    }

    /// Answers a distress: one caller wins and helps, so that one post brings one connection and not
    /// one from every shard. The shard posts again when it is still in need.
    pub(crate) fn claim(&self, distress: Distress) -> Claimed {
        let Some(post) = self.board.get(distress.shard.0) else {
            return Claimed::BySomebodyElse;
        };
        let since = distress.need.since.as_u64();
        match post.since.compare_exchange(since, NO_POST, SeqCst, SeqCst) {
            Ok(_) => {
                self.distressed.fetch_sub(1, SeqCst);
                Claimed::ByUs
            }
            Err(_) => Claimed::BySomebodyElse,
        }
    }
}

fn posted_key(need: Need) -> u64 {
    match need.help {
        Help::AnyConnection => need.key & !THIS_KEY_ONLY,
        Help::ThisKeyOnly => need.key | THIS_KEY_ONLY,
    }
}

fn read(post: &Post) -> Option<Need> {
    let since = post.since.load(SeqCst);
    let key = post.key.load(SeqCst);
    let help = if key & THIS_KEY_ONLY == 0 {
        Help::AnyConnection
    } else {
        Help::ThisKeyOnly
    };
    (since != NO_POST).then_some(Need {
        since: Millis::new(since),
        key: key & !THIS_KEY_ONLY,
        help,
    })
}

/// Who answers a distress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claimed {
    ByUs,
    BySomebodyElse,
}

/// The right to have one server connection. Dropping it gives the right back, exactly once.
#[derive(Debug)]
#[must_use = "dropping a credit gives it back"]
pub struct Credit {
    credits: Arc<Credits>,
}

impl Drop for Credit {
    fn drop(&mut self) {
        // Cannot wrap: every credit was counted when it was taken and is dropped once.
        self.credits.in_use.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_hands_out_more_than_the_limit() {
        let credits = Credits::new(2, 1);
        let first = credits.try_take();
        let second = credits.try_take();
        assert!(first.is_some() && second.is_some());
        assert!(credits.try_take().is_none());
        drop(first);
        assert_eq!(credits.in_use(), 1);
        assert!(credits.try_take().is_some());
    }

    #[test]
    fn a_lower_limit_takes_nothing_away_but_gives_nothing_out() {
        let credits = Credits::new(2, 1);
        let held = (credits.try_take(), credits.try_take());
        credits.set_limit(1);
        assert_eq!(credits.in_use(), 2);
        assert!(credits.over_limit());
        drop(held.0);
        assert!(credits.try_take().is_none());
        drop(held.1);
        assert!(credits.try_take().is_some());
    }

    #[test]
    fn threads_together_stay_within_the_limit() {
        let credits = Credits::new(7, 4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let credit = credits.try_take();
                        assert!(credits.in_use() <= 7);
                        drop(credit);
                    }
                });
            }
        });
        assert_eq!(credits.in_use(), 0);
    }

    fn need(since: u64, key: u64, help: Help) -> Need {
        let since = Millis::new(since);
        Need { since, key, help }
    }

    #[test]
    fn the_longest_distress_of_others_is_found_and_claimed_once() {
        let credits = Credits::new(1, 3);
        let longest = || credits.longest_distress(Shard(0), |_| true);
        assert_eq!(longest(), None);
        credits.post(Shard(0), Some(need(1, 10, Help::AnyConnection)));
        credits.post(Shard(1), Some(need(5, 20, Help::AnyConnection)));
        credits.post(Shard(2), Some(need(4, 30, Help::ThisKeyOnly)));
        let found = longest().expect("two others have posted");
        assert_eq!(found.shard, Shard(2));
        assert_eq!(found.need, need(4, 30, Help::ThisKeyOnly));
        assert_eq!(credits.claim(found), Claimed::ByUs);
        assert_eq!(credits.claim(found), Claimed::BySomebodyElse);
        credits.post(Shard(1), None);
        assert_eq!(longest(), None);
        credits.post(Shard(0), None);
        assert_eq!(credits.distressed.load(SeqCst), 0);
    }

    #[test]
    fn a_distress_that_the_caller_cannot_help_hides_no_other() {
        let credits = Credits::new(1, 3);
        credits.post(Shard(1), Some(need(1, 10, Help::ThisKeyOnly)));
        credits.post(Shard(2), Some(need(2, 20, Help::AnyConnection)));
        let for_credit = credits.longest_distress(Shard(0), Distress::is_helped_by_credit);
        assert_eq!(for_credit.map(|distress| distress.shard), Some(Shard(2)));
        let for_key = credits.longest_distress(Shard(0), |distress| distress.is_helped_by(10));
        assert_eq!(for_key.map(|distress| distress.shard), Some(Shard(1)));
    }
}
