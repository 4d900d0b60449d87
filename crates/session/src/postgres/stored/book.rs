//! What all connections to one database share about its routines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tollgate_sql::Routines;

/// The routines of one database of one server, as its catalogue last told. Shared by all connections to it,
/// on all threads; a look at it costs one atomic load while nothing is new.
#[derive(Debug)]
pub struct RoutineBook {
    /// Rises with everything that happens to the contents.
    news: AtomicU64,
    contents: Mutex<Contents>,
}

#[derive(Debug)]
struct Contents {
    routines: Arc<Routines>,
    /// What the server said its catalogue looks like.
    fingerprint: Box<[u8]>,
    /// Counts the changes that were noticed, the first reading included.
    marked: u64,
    /// How many of them the contents cover.
    covered: u64,
    age: Age,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Young,
    /// Somebody should ask whether anything has changed.
    Old,
}

/// What the book has to say.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) news: u64,
    pub(super) routines: Arc<Routines>,
    /// The catalogue must be asked before the contents are relied upon.
    pub(super) ask: Option<Ask>,
}

/// What to ask the catalogue.
#[derive(Debug)]
pub(super) struct Ask {
    /// The answer covers that many changes.
    pub(super) covers: u64,
    /// Nothing has changed if it still looks like this.
    pub(super) fingerprint: Box<[u8]>,
}

impl RoutineBook {
    /// A book that nobody has written in yet.
    pub fn new() -> Self {
        Self {
            news: AtomicU64::new(1),
            contents: Mutex::new(Contents {
                routines: Arc::new(Routines::default()),
                fingerprint: Box::default(),
                marked: 1,
                covered: 0,
                age: Age::Young,
            }),
        }
    }

    /// Time has passed: one connection, the next that is used, asks whether anything has changed. Call it
    /// every now and then, for what is changed past the proxy.
    pub fn mark_old(&self) {
        self.contents.lock().age = Age::Old;
        self.is_new();
    }

    /// The routines may have changed: no connection is used before the catalogue is read again.
    pub(super) fn mark_changed(&self) {
        let mut contents = self.contents.lock();
        contents.marked = contents.marked.saturating_add(1);
        drop(contents);
        self.is_new();
    }

    /// A number that differs whenever there is something new.
    #[inline]
    pub(super) fn news(&self) -> u64 {
        self.news.load(Ordering::Acquire)
    }

    /// The contents, and whether the caller has to ask the server.
    pub(super) fn look(&self) -> Look {
        let news = self.news();
        let mut contents = self.contents.lock();
        let outdated = contents.covered < contents.marked;
        let asks = outdated || contents.age == Age::Old;
        contents.age = Age::Young;
        Look {
            news,
            routines: Arc::clone(&contents.routines),
            ask: asks.then(|| Ask {
                covers: contents.marked,
                fingerprint: contents.fingerprint.clone(),
            }),
        }
    }

    /// The routines.
    pub(super) fn contents(&self) -> Arc<Routines> {
        Arc::clone(&self.contents.lock().routines)
    }

    /// The catalogue is as it was.
    pub(super) fn is_unchanged(&self, covers: u64) {
        let mut contents = self.contents.lock();
        contents.covered = contents.covered.max(covers);
    }

    /// The catalogue was read.
    pub(super) fn write(&self, covers: u64, fingerprint: Box<[u8]>, routines: Routines) {
        let mut contents = self.contents.lock();
        if covers < contents.covered {
            return;
        }
        contents.covered = covers;
        contents.fingerprint = fingerprint;
        if *contents.routines == routines {
            return;
        }
        contents.routines = Arc::new(routines);
        drop(contents);
        self.is_new();
    }

    fn is_new(&self) {
        self.news.fetch_add(1, Ordering::AcqRel);
    }
}

impl Default for RoutineBook {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_asks_until_it_is_read() {
        let book = RoutineBook::new();
        let first = book.look().ask.unwrap();
        assert!(book.look().ask.is_some());
        book.write(first.covers, b"x"[..].into(), Routines::unread());
        let look = book.look();
        assert!(look.ask.is_none());
        assert_eq!(*look.routines, Routines::unread());
    }

    #[test]
    fn one_asks_when_it_is_old() {
        let book = RoutineBook::new();
        let ask = book.look().ask.unwrap();
        book.write(ask.covers, b"x"[..].into(), Routines::default());
        let news = book.news();
        book.mark_old();
        assert_ne!(book.news(), news);
        let ask = book.look().ask.unwrap();
        assert_eq!(*ask.fingerprint, *b"x");
        assert!(book.look().ask.is_none());
        let news = book.news();
        book.is_unchanged(ask.covers);
        assert_eq!(book.news(), news, "what is as it was is no news");
    }

    #[test]
    fn an_answer_from_before_a_change_does_not_cover_it() {
        let book = RoutineBook::new();
        let ask = book.look().ask.unwrap();
        book.mark_changed();
        book.write(ask.covers, b"x"[..].into(), Routines::default());
        let later = book.look().ask.unwrap();
        assert!(later.covers > ask.covers);
        book.is_unchanged(later.covers);
        assert!(book.look().ask.is_none());
        book.write(ask.covers, b"y"[..].into(), Routines::unread());
        assert_eq!(
            *book.look().routines,
            Routines::default(),
            "it came too late"
        );
    }
}
