//! Why a client keeps its server connection between transactions: a closed list.

/// One reason to keep a server connection. RDS Proxy calls the effect "pinning".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PinReason {
    /// A setting was changed whose name or value cannot be known, so it cannot move.
    SessionSetting,
    /// A prepared statement exists that cannot be made again elsewhere: too large, or its text was not kept.
    PreparedStatement,
    /// A temporary table, view, sequence or other object exists.
    TemporaryObject,
    /// A cursor that survives its transaction is open.
    HoldCursor,
    /// An advisory lock of the session is held.
    AdvisoryLock,
    /// The session listens for notifications.
    Listen,
    /// A library was loaded into the server process.
    LoadedLibrary,
    /// The random generator was seeded.
    RandomSeed,
    /// A sequence was used by a session that asks what sequences gave last.
    Sequence,
    /// A COPY failed at a moment that leaves the number of replies to come unknown.
    CopyInDoubt,
    /// The unnamed statement is too large to be made again on another connection.
    UnnamedStatement,
    /// Procedural code that names session state was run.
    ProceduralBody,
    /// A user variable was written whose value is not known (MySQL).
    UserVariable,
    /// Tables, or the whole server, are locked (MySQL).
    LockedTables,
    /// A table is open by `HANDLER` (MySQL).
    Handler,
    /// Something was used that no reset is known to undo.
    Unknown,
}

impl PinReason {
    /// Every reason.
    pub const ALL: [Self; 16] = [
        Self::SessionSetting,
        Self::PreparedStatement,
        Self::TemporaryObject,
        Self::HoldCursor,
        Self::AdvisoryLock,
        Self::Listen,
        Self::LoadedLibrary,
        Self::RandomSeed,
        Self::Sequence,
        Self::CopyInDoubt,
        Self::UnnamedStatement,
        Self::ProceduralBody,
        Self::UserVariable,
        Self::LockedTables,
        Self::Handler,
        Self::Unknown,
    ];

    /// The name in metrics, the audit log and the sessions view.
    pub fn code(self) -> &'static str {
        match self {
            Self::SessionSetting => "SESSION_SETTING",
            Self::PreparedStatement => "PREPARED_STATEMENT",
            Self::TemporaryObject => "TEMPORARY_OBJECT",
            Self::HoldCursor => "HOLD_CURSOR",
            Self::AdvisoryLock => "ADVISORY_LOCK",
            Self::Listen => "LISTEN",
            Self::LoadedLibrary => "LOADED_LIBRARY",
            Self::RandomSeed => "RANDOM_SEED",
            Self::Sequence => "SEQUENCE",
            Self::CopyInDoubt => "COPY_IN_DOUBT",
            Self::UnnamedStatement => "UNNAMED_STATEMENT",
            Self::ProceduralBody => "PROCEDURAL_BODY",
            Self::UserVariable => "USER_VARIABLE",
            Self::LockedTables => "LOCKED_TABLES",
            Self::Handler => "HANDLER",
            Self::Unknown => "UNKNOWN",
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::SessionSetting => 1,
            Self::PreparedStatement => 1 << 1,
            Self::TemporaryObject => 1 << 2,
            Self::HoldCursor => 1 << 3,
            Self::AdvisoryLock => 1 << 4,
            Self::Listen => 1 << 5,
            Self::LoadedLibrary => 1 << 6,
            Self::RandomSeed => 1 << 7,
            Self::Sequence => 1 << 8,
            Self::CopyInDoubt => 1 << 9,
            Self::UnnamedStatement => 1 << 10,
            Self::ProceduralBody => 1 << 11,
            Self::UserVariable => 1 << 12,
            Self::LockedTables => 1 << 13,
            Self::Handler => 1 << 14,
            Self::Unknown => 1 << 15,
        }
    }
}

impl std::fmt::Display for PinReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// A set of reasons.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PinSet(u16);

impl PinSet {
    /// No reason.
    pub const NONE: Self = Self(0);

    /// Reasons that `DISCARD ALL` does not end: only the end of the connection does.
    pub const LASTING: Self = Self(
        PinReason::LoadedLibrary.bit()
            | PinReason::RandomSeed.bit()
            | PinReason::CopyInDoubt.bit()
            | PinReason::Unknown.bit(),
    );

    /// True when there is no reason.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when `reason` is in the set.
    pub fn contains(self, reason: PinReason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// True when the sets have a reason in common.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The reasons of both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The reasons of this set that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The reasons both sets have.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Adds a reason.
    pub fn insert(&mut self, reason: PinReason) {
        self.0 |= reason.bit();
    }

    /// Takes a reason out.
    pub fn remove(&mut self, reason: PinReason) {
        self.0 &= !reason.bit();
    }

    /// The reasons, in the order of `PinReason::ALL`.
    pub fn iter(self) -> impl Iterator<Item = PinReason> {
        PinReason::ALL
            .into_iter()
            .filter(move |reason| self.contains(*reason))
    }
}

impl FromIterator<PinReason> for PinSet {
    fn from_iter<I: IntoIterator<Item = PinReason>>(reasons: I) -> Self {
        reasons.into_iter().fold(Self::NONE, |mut set, reason| {
            set.insert(reason);
            set
        })
    }
}

impl std::fmt::Debug for PinSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.iter().map(PinReason::code))
            .finish()
    }
}

/// A pin began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinChange {
    /// The reason now holds.
    Pinned {
        /// The reason.
        reason: PinReason,
        /// The statement that caused it, without its literals; `None` where no single one is known.
        digest: Option<Box<str>>,
        /// The stored code that caused it, by its name in the catalogue; `None` where none is known to have.
        detail: Option<Box<str>>,
    },
    /// The reason no longer holds.
    Unpinned(PinReason),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_its_own() {
        let mut seen = PinSet::NONE;
        for reason in PinReason::ALL {
            assert!(!seen.contains(reason), "{reason} twice");
            seen.insert(reason);
        }
        assert_eq!(seen.iter().count(), PinReason::ALL.len());
    }

    #[test]
    fn a_reason_taken_out_is_gone() {
        let mut set: PinSet = [PinReason::Listen, PinReason::Unknown]
            .into_iter()
            .collect();
        set.remove(PinReason::Listen);
        assert_eq!(set.iter().collect::<Vec<_>>(), [PinReason::Unknown]);
    }
}
