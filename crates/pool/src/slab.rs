//! Storage with stable numbers: an id is never mistaken for a later occupant of its place.

/// Names one entry of a [`Slab`] for as long as that entry lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlabId {
    slot: usize,
    /// How often the slot was used before, so that an id kept for too long finds nothing.
    turn: u32,
}

#[derive(Debug)]
struct Slot<T> {
    turn: u32,
    entry: Option<T>,
}

/// A growing table that reuses the places of removed entries and so stops allocating once it has
/// reached its working size.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    vacant: Vec<usize>,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Vec::new(),
            vacant: Vec::new(),
            len: 0,
        }
    }

    pub(crate) fn insert(&mut self, entry: T) -> SlabId {
        self.len = self.len.saturating_add(1);
        if let Some(slot) = self.vacant.pop()
            && let Some(place) = self.slots.get_mut(slot)
        {
            place.entry = Some(entry);
            return SlabId {
                slot,
                turn: place.turn,
            };
        }
        let slot = self.slots.len();
        self.slots.push(Slot {
            turn: 0,
            entry: Some(entry),
        });
        SlabId { slot, turn: 0 }
    }

    pub(crate) fn get(&self, id: SlabId) -> Option<&T> {
        let place = self.slots.get(id.slot)?;
        if place.turn == id.turn {
            place.entry.as_ref()
        } else {
            None
        }
    }

    pub(crate) fn get_mut(&mut self, id: SlabId) -> Option<&mut T> {
        let place = self.slots.get_mut(id.slot)?;
        if place.turn == id.turn {
            place.entry.as_mut()
        } else {
            None
        }
    }

    pub(crate) fn remove(&mut self, id: SlabId) -> Option<T> {
        let place = self.slots.get_mut(id.slot)?;
        if place.turn != id.turn {
            return None;
        }
        let entry = place.entry.take()?;
        place.turn = place.turn.wrapping_add(1);
        self.vacant.push(id.slot);
        self.len = self.len.saturating_sub(1);
        Some(entry)
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The number of places, for walking with [`Slab::id_at`] while entries come and go.
    pub(crate) fn places(&self) -> usize {
        self.slots.len()
    }

    /// Who lives at this place now.
    pub(crate) fn id_at(&self, slot: usize) -> Option<SlabId> {
        let place = self.slots.get(slot)?;
        place.entry.as_ref()?;
        Some(SlabId {
            slot,
            turn: place.turn,
        })
    }

    /// All entries, to be changed in place.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots
            .iter_mut()
            .filter_map(|place| place.entry.as_mut())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlabId, &T)> {
        self.slots.iter().enumerate().filter_map(|(slot, place)| {
            let entry = place.entry.as_ref()?;
            Some((
                SlabId {
                    slot,
                    turn: place.turn,
                },
                entry,
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_id_does_not_find_the_next_occupant() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_eq!(slab.places(), 1);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&'b'));
        assert_eq!(slab.len(), 1);
    }
}
