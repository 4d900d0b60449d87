//! Texts that were read before need not be read again: programs say the same few things all day, with other
//! numbers in them.
//!
//! Two texts that differ in the digits of their numbers only are the same tokens, so what is known of one is
//! known of the other. That holds where it can be seen at a glance that a digit belongs to a number: a text
//! in which it cannot is remembered as it is.

mod form;
mod mysql;
mod postgres;

use std::ops::Range;

use form::{Cut, Form};
pub use mysql::MySqlMemo;
pub use postgres::Memo;

/// Longest text to remember, in bytes.
const MAX_TEXT: usize = 2048;

/// Texts to remember; a power of two.
const SLOTS: usize = 1024;

/// Things known of texts by their form, and by `M`, which is how they are read. Needs about as much memory as the
/// texts, and none before the first.
struct Forms<M, K> {
    slots: Vec<Slot<M, K>>,
    /// Where the numbers of the text at hand are.
    numbers: Vec<Range<usize>>,
}

/// The texts with a hash that ends like this one's: the last of them, or its hash if it was seen once.
struct Slot<M, K> {
    hash: u64,
    known: Option<Box<Known<M, K>>>,
}

struct Known<M, K> {
    form: Box<[u8]>,
    mode: M,
    what: K,
}

/// What a look at a form gives.
enum Found<'a, M, K> {
    Known(&'a K),
    /// It has to be read; what comes of it can be kept here.
    New(Place<'a, M, K>),
    /// It has to be read, and is seen for the first time, or is too long: not worth a copy.
    Passing,
}

/// Where something new can be kept.
struct Place<'a, M, K> {
    known: &'a mut Option<Box<Known<M, K>>>,
    form: Form<'a>,
    mode: M,
}

impl<M: Copy + Eq, K> Forms<M, K> {
    /// Knows nothing yet.
    const fn new() -> Self {
        Self {
            slots: Vec::new(),
            numbers: Vec::new(),
        }
    }

    fn find<'a, C: Cut>(&'a mut self, mode: M, sql: &'a [u8]) -> Found<'a, M, K> {
        if sql.len() > MAX_TEXT {
            return Found::Passing;
        }
        let form = Form::of::<C>(sql, &mut self.numbers);
        let hash = form.hash();
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || Slot {
                hash: 0,
                known: None,
            });
        }
        let at = usize::try_from(hash).unwrap_or(usize::MAX) & SLOTS.saturating_sub(1);
        let Some(slot) = self.slots.get_mut(at) else {
            return Found::Passing;
        };
        if slot.hash != hash {
            slot.hash = hash;
            slot.known = None;
            return Found::Passing;
        }
        let is_it = |known: &Known<M, K>| known.mode == mode && form.is(&known.form);
        let is_known = slot.known.as_deref().is_some_and(is_it);
        if is_known {
            let known = slot.known.as_deref();
            return known.map_or(Found::Passing, |known| Found::Known(&known.what));
        }
        Found::New(Place {
            known: &mut slot.known,
            form,
            mode,
        })
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        let known = self.slots.iter().filter(|slot| slot.known.is_some());
        known.count()
    }
}

impl<M, K> Place<'_, M, K> {
    /// Keeps what can be said of all texts of this form; `None` for nothing.
    fn keep(self, what: Option<K>) {
        *self.known = what.map(|what| {
            Box::new(Known {
                form: self.form.written(),
                mode: self.mode,
                what,
            })
        });
    }
}
