//! The names of the settings that a text touches.

use crate::Name;

/// More names than this are not kept; a text that has more is marked `EffectSet::SETTING_UNKNOWN`.
const MAX_NAMES: usize = 64;

/// The settings that a text may change for longer than its transaction, in lower case and in the order in
/// which the text first names them. Custom settings (`a.b`) are among them even if they are set for the
/// transaction only, because they go on to exist when it is over.
///
/// `RESET ALL` and `DISCARD ALL` name no setting; see `EffectSet::RESET_ALL`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TouchedSettings {
    touches: Vec<Touch>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Touch {
    name: Name,
    last: LastTouch,
}

/// What the last mention of a setting in a text asked for. A hint of what to expect and not a promise:
/// the statement may fail, be rolled back, or reset to something else than the session began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastTouch {
    /// A value of its own.
    Set,
    /// The default: `RESET name`, `SET name TO DEFAULT`, `SET TIME ZONE LOCAL`.
    Reset,
}

/// Whether a name is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Yes,
    /// There are too many already.
    No,
}

impl TouchedSettings {
    /// True when the text touches no setting whose name is known.
    pub fn is_empty(&self) -> bool {
        self.touches.is_empty()
    }

    /// The names, each once.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.touches.iter().map(|touch| touch.name.as_bytes())
    }

    /// The names, each once, and what the last mention of each asked for.
    pub fn with_last(&self) -> impl Iterator<Item = (&[u8], LastTouch)> {
        self.touches
            .iter()
            .map(|touch| (touch.name.as_bytes(), touch.last))
    }

    /// Adds those of `other` as set by something that may run or not. True when all have room.
    #[must_use]
    pub fn add(&mut self, other: &Self) -> bool {
        let mut kept = true;
        for touch in &other.touches {
            kept &= self.touch(&touch.name, LastTouch::Set) == Kept::Yes;
        }
        kept
    }

    pub(crate) fn touch(&mut self, name: &Name, last: LastTouch) -> Kept {
        if let Some(touch) = self.touches.iter_mut().find(|touch| touch.name == *name) {
            touch.last = last;
            return Kept::Yes;
        }
        if self.touches.len() >= MAX_NAMES {
            return Kept::No;
        }
        self.touches.push(Touch { name: *name, last });
        Kept::Yes
    }
}

impl std::fmt::Debug for TouchedSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let touches = self.touches.iter().map(|touch| (touch.name, touch.last));
        f.debug_map().entries(touches).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_first_place_and_its_last_touch() {
        let mut settings = TouchedSettings::default();
        assert!(settings.is_empty());
        for (name, last) in [
            ("b", LastTouch::Set),
            ("a", LastTouch::Reset),
            ("b", LastTouch::Reset),
        ] {
            let _kept = settings.touch(&Name::from_bytes(name.as_bytes()), last);
        }
        assert!(settings.iter().eq([b"b", b"a"]));
        let last = settings.with_last().map(|(_, last)| last);
        assert!(last.eq([LastTouch::Reset, LastTouch::Reset]));
    }

    #[test]
    fn one_name_too_many_is_refused() {
        let mut settings = TouchedSettings::default();
        for at in 0..70_u8 {
            let kept = settings.touch(&Name::from_bytes(&[b'a' + at]), LastTouch::Set);
            assert_eq!(kept == Kept::Yes, at < 64, "{at}");
        }
        assert_eq!(settings.iter().count(), 64);
        let again = settings.touch(&Name::from_bytes(b"a"), LastTouch::Reset);
        assert!(again == Kept::Yes, "a name that is there needs no room");
    }
}
