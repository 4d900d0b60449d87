//! What stored code does, per database of a target: the books that all shards and connections share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tollgate_pool::Millis;
use tollgate_session::postgres::RoutineBook;

/// How long a book is relied upon before one connection asks whether routines were changed past the proxy.
const MAX_AGE: Millis = Millis::from_secs(30);

/// The books of one target. Locked when a connection is opened and every [`MAX_AGE`].
#[derive(Default)]
pub(crate) struct RoutineBooks {
    books: Mutex<HashMap<String, Arc<RoutineBook>>>,
    /// When they were last marked as old, in milliseconds of the shards' clock.
    marked_at: AtomicU64,
}

impl RoutineBooks {
    /// The book of a database.
    pub(crate) fn of(&self, database: &str) -> Arc<RoutineBook> {
        let mut books = self.books.lock();
        if let Some(book) = books.get(database) {
            return Arc::clone(book);
        }
        let book = Arc::new(RoutineBook::new());
        books.insert(database.to_owned(), Arc::clone(&book));
        book
    }

    /// Marks the books as old when they are, and drops those of databases without connections. For every
    /// shard to call, every tick.
    pub(crate) fn tick(&self, now: Millis) {
        let marked_at = self.marked_at.load(Ordering::Relaxed);
        if now.as_u64() < marked_at.saturating_add(MAX_AGE.as_u64()) {
            return;
        }
        let first = self.marked_at.compare_exchange(
            marked_at,
            now.as_u64(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if first.is_ok() {
            let mut books = self.books.lock();
            books.retain(|_, book| Arc::strong_count(book) > 1);
            books.values().for_each(|book| book.mark_old());
        }
    }

    /// The target is another server now.
    pub(crate) fn forget(&self) {
        self.books.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_one_book_while_it_is_used() {
        let books = RoutineBooks::default();
        let book = books.of("orders");
        assert!(Arc::ptr_eq(&book, &books.of("orders")));
        assert!(!Arc::ptr_eq(&book, &books.of("other")));
        books.tick(Millis::from_secs(31));
        assert_eq!(books.books.lock().len(), 1, "nobody has the other one");
        assert!(Arc::ptr_eq(&book, &books.of("orders")));
        books.forget();
        assert!(!Arc::ptr_eq(&book, &books.of("orders")));
    }
}
