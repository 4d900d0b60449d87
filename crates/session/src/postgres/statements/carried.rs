//! The prepared statements a server connection has, whoever's they are, and what they are called there.

use std::collections::BTreeMap;

use super::judged::{Judged, Judgement, StoodIn};
use super::names::Named;
use super::refused;
use super::wire::ServerName;

/// Statements to keep on one connection; the one that was used longest ago makes room.
pub(crate) const MAX_CARRIED: usize = 250;

/// Closes to send along with one message.
const CLOSES_AT_ONCE: usize = 16;

/// No statement ever has this number: what is sent under it fails with 26000.
pub(crate) const NOWHERE: u32 = 0;

/// The number of an empty statement that stands where a Parse must not succeed.
pub(crate) const DOORMAT: u32 = 1;

/// No statement has this id. What has it is closed before the name is used.
pub(crate) const NOBODYS: u64 = u64::MAX;

/// Nor this one: a statement that fails when it is planned, with words of `Carried`'s.
pub(crate) const STALE: u64 = u64::MAX - 1;

/// What one connection has. Changed when the server has answered, not when it is asked.
#[derive(Debug)]
pub(crate) struct Carried {
    /// Part of every name of ours, from the first session that used the connection.
    prefix: Option<ServerName>,
    by_id: BTreeMap<u64, Slot>,
    next: u32,
    clock: u64,
    segment_began: u64,
    /// Numbers to close at the next opportunity.
    leftovers: Vec<u32>,
    doormat: Doormat,
    /// Statements under names of clients, and which ones they are.
    own: BTreeMap<Box<[u8]>, u64>,
    /// Whether one of those names had other letters than ASCII's. Which name its bytes are is a matter of the encoding
    /// at that moment: under another one it can be neither dropped nor told from others.
    is_lettered: bool,
    /// What was found when statements under names of clients were made for the request at hand.
    judged: Judged,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    number: u32,
    used: u64,
}

/// Whether the connection has the empty statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doormat {
    Missing,
    /// Nobody knows; it is closed before it is made.
    Distrusted,
    /// On its way, in this segment of the client's.
    Sent(u64),
    There,
}

impl Carried {
    pub(crate) const fn new() -> Self {
        Self {
            prefix: None,
            by_id: BTreeMap::new(),
            next: DOORMAT,
            clock: 0,
            segment_began: 0,
            leftovers: Vec::new(),
            doormat: Doormat::Missing,
            own: BTreeMap::new(),
            is_lettered: false,
            judged: Judged::new(),
        }
    }

    /// Names of ours have this key, unless there are some already.
    pub(crate) fn adopt_key(&mut self, key: u64) {
        self.prefix.get_or_insert_with(|| ServerName::prefix(key));
    }

    /// The name with this number.
    pub(crate) fn name(&self, number: u32) -> ServerName {
        self.prefix().numbered(number)
    }

    /// A number that was never used on this connection.
    pub(crate) fn fresh_number(&mut self) -> u32 {
        self.next = self.next.saturating_add(1);
        self.next
    }

    /// The number of a statement the connection has, which is used now.
    pub(crate) fn used(&mut self, id: u64) -> Option<u32> {
        self.clock = self.clock.saturating_add(1);
        let slot = self.by_id.get_mut(&id)?;
        slot.used = self.clock;
        Some(slot.number)
    }

    /// The connection has the statement under this number; an older number is left over.
    pub(crate) fn has(&mut self, id: u64, number: u32) {
        self.clock = self.clock.saturating_add(1);
        let slot = Slot {
            number,
            used: self.clock,
        };
        if let Some(older) = self.by_id.insert(id, slot)
            && older.number != number
        {
            self.leftovers.push(older.number);
        }
    }

    /// The connection may have a statement of this number that nobody will use.
    pub(crate) fn is_left_over(&mut self, number: u32) {
        self.leftovers.push(number);
    }

    /// What is used from now on belongs to another segment.
    pub(crate) fn segment_ends(&mut self) {
        self.segment_began = self.clock;
        self.judged.request_ends();
    }

    /// What was found of this statement for the request at hand.
    pub(crate) fn judgement_of(&self, named: &Named) -> Option<&Judgement> {
        self.judged.of(named)
    }

    /// What was made under this name is not the statement with this id, or nothing was made.
    pub(crate) fn judge(&mut self, name: &[u8], id: u64, judgement: Judgement) {
        if let Some(own) = self.own.get_mut(name) {
            *own = NOBODYS;
        }
        self.judged.add(name, id, judgement);
    }

    /// An attempt to make a statement failed with an error that has this body.
    pub(crate) fn hears_refusal(&mut self, body: &[u8]) {
        self.judged.refused.hears(body);
    }

    /// True if a text may have run what stands for a statement.
    pub(crate) fn may_stand_in(&self) -> bool {
        self.judged.stands_in
    }

    /// Words for what stands for a statement with another result.
    pub(crate) fn stale_words(&self) -> Vec<u8> {
        refused::words(&self.prefix(), b"")
    }

    /// Words for what stands for the statement of this name, which could not be made.
    pub(crate) fn refused_words(&self, name: &[u8]) -> Vec<u8> {
        refused::words(&self.prefix(), name)
    }

    /// What an error with this body stands for, if it has such words.
    pub(crate) fn stood_in(&self, body: &[u8]) -> Option<StoodIn<'_>> {
        self.judged.stood_in(&self.prefix(), body)
    }

    /// What the names of all that is ours start with.
    pub(crate) fn prefix(&self) -> ServerName {
        self.prefix.unwrap_or_else(|| ServerName::prefix(0))
    }

    /// Numbers to close now, for one more statement is about to come. What the segment at hand uses is
    /// not among them.
    pub(crate) fn make_room(&mut self) -> Vec<u32> {
        if self.by_id.len() >= MAX_CARRIED {
            let oldest = self
                .by_id
                .iter()
                .filter(|(_, slot)| slot.used <= self.segment_began)
                .min_by_key(|(_, slot)| slot.used)
                .map(|(id, _)| *id);
            if let Some(slot) = oldest.and_then(|id| self.by_id.remove(&id)) {
                self.leftovers.push(slot.number);
            }
        }
        let keep = self.leftovers.len().saturating_sub(CLOSES_AT_ONCE);
        self.leftovers.split_off(keep)
    }

    /// Takes every shared statement out: they are about to be closed.
    pub(crate) fn take_all(&mut self) -> Vec<u32> {
        let mut numbers = std::mem::take(&mut self.leftovers);
        numbers.extend(self.by_id.values().map(|slot| slot.number));
        self.by_id.clear();
        if self.may_have_doormat() {
            numbers.push(DOORMAT);
            self.doormat = Doormat::Missing;
        }
        numbers
    }

    /// True when there is anything `take_all` would take.
    pub(crate) fn has_any(&self) -> bool {
        !self.by_id.is_empty() || !self.leftovers.is_empty() || self.may_have_doormat()
    }

    fn may_have_doormat(&self) -> bool {
        matches!(self.doormat, Doormat::There | Doormat::Distrusted)
    }

    pub(crate) fn doormat(&self) -> Doormat {
        self.doormat
    }

    pub(crate) fn set_doormat(&mut self, doormat: Doormat) {
        self.doormat = doormat;
    }

    /// Which statement has this name of a client's on the connection.
    pub(crate) fn own(&self, name: &[u8]) -> Option<u64> {
        self.own.get(name).copied()
    }

    /// The names of clients on the connection, and which statements have them.
    pub(crate) fn owns(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.own.iter().map(|(name, id)| (&**name, *id))
    }

    /// True if nobody else must have the connection before all its statements are dropped at once.
    pub(crate) fn is_lettered(&self) -> bool {
        self.is_lettered
    }

    pub(crate) fn has_own(&mut self, name: Box<[u8]>, id: u64) {
        self.is_lettered |= !name.is_ascii();
        self.judged.stands_in |= id == STALE;
        self.own.insert(name, id);
    }

    pub(crate) fn has_own_no_more(&mut self, name: &[u8]) {
        self.own.remove(name);
    }

    /// Some statements under names of ours are gone that should be there: none is counted on any more, and
    /// all are closed by and by. Names of clients are another matter: they may still be there.
    pub(crate) fn distrust_shared(&mut self) {
        self.leftovers
            .extend(self.by_id.values().map(|slot| slot.number));
        self.by_id.clear();
    }

    /// Any statement may be gone, those under names of clients as well: whatever is needed is closed, which
    /// cannot fail, and made again.
    pub(crate) fn distrust_all(&mut self) {
        self.distrust_shared();
        for id in self.own.values_mut() {
            *id = NOBODYS;
        }
        if self.doormat == Doormat::There {
            self.doormat = Doormat::Distrusted;
        }
    }

    /// Every statement of the connection was dropped.
    pub(crate) fn forget_all(&mut self) {
        self.by_id.clear();
        self.leftovers.clear();
        self.own.clear();
        self.judged.stands_in = false;
        self.is_lettered = false;
        if self.may_have_doormat() {
            self.doormat = Doormat::Missing;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_used_longest_ago_makes_room() {
        let mut carried = Carried::new();
        for id in 0..250 {
            let number = carried.fresh_number();
            carried.has(id, number);
        }
        let first = carried.used(0);
        carried.segment_ends();
        let second = carried.by_id[&1].number;
        assert_eq!(carried.make_room(), [second]);
        assert_eq!(carried.used(1), None);
        assert_eq!(carried.used(0), first);
    }

    #[test]
    fn what_the_segment_uses_stays() {
        let mut carried = Carried::new();
        for id in 0..300 {
            let number = carried.fresh_number();
            carried.has(id, number);
            assert!(carried.make_room().is_empty());
        }
        carried.segment_ends();
        assert_eq!(carried.make_room().len(), 1);
    }

    #[test]
    fn a_number_is_never_used_twice() {
        let mut carried = Carried::new();
        let first = carried.fresh_number();
        carried.has(1, first);
        carried.forget_all();
        assert!(carried.fresh_number() > first);
    }

    #[test]
    fn the_newer_of_two_equal_statements_stays() {
        let mut carried = Carried::new();
        carried.has(7, 2);
        carried.has(7, 3);
        assert_eq!(carried.used(7), Some(3));
        assert_eq!(carried.make_room(), [2]);
    }
}
