//! What statements may have changed since the server was last asked, and what to ask it therefore.
//!
//! A text only tells that something may have changed. What really has, after commits, rollbacks,
//! savepoints and statements that failed, the server says when it is asked between two transactions.

use tollgate_sql::{EffectSet, LastTouch, TouchedSettings};

use super::parameters::Parameters;
use super::settings::{Facts, Listing, Settings, is_of_reading};

/// Command tags of statements that may commit what was done before them, so that a later error no longer
/// undoes it. Source: callers of `PreventInTransactionBlock`, and procedural code.
const COMMITS_ON_ITS_OWN: [&[u8]; 9] = [
    b"VACUUM",
    b"REINDEX",
    b"CLUSTER",
    b"CREATE INDEX",
    b"DROP INDEX",
    b"ALTER TABLE",
    b"CALL",
    b"DO",
    b"ALTER SYSTEM",
];

/// Settings that `RESET ALL` leaves alone. Source: PostgreSQL 15 `guc.c`, `GUC_NO_RESET_ALL`.
const NOT_RESET: [&[u8]; 2] = [ROLE, b"session_authorization"];

/// Never among those that `pg_settings` lists.
pub(super) const ROLE: &[u8] = b"role";

/// What a session that acts as itself says its role is.
pub(super) const NO_ROLE: &[u8] = b"none";

/// Changes whose outcome is not known yet.
#[derive(Debug)]
pub(crate) struct Pending {
    open: Open,
    ask: Ask,
}

/// Of the transaction that is open.
#[derive(Debug)]
struct Open {
    settings: Vec<Touched>,
    named: Named,
    scope: Scope,
    facts: Facts,
    listing: Listing,
    unknown: Unknown,
    alteration: Alteration,
    /// The same of settings that decide how texts are read.
    reading: Alteration,
    defaults: DefaultsOfServer,
    ending: Ending,
    certainty: Certainty,
    commits: Commits,
}

/// Of transactions that are over.
#[derive(Debug)]
struct Ask {
    names: Vec<Box<[u8]>>,
    facts: Facts,
    listing: Listing,
}

#[derive(Debug)]
struct Touched {
    name: Box<[u8]>,
    last: LastTouch,
}

/// Who names the settings that were touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// Nobody, or stored code that may not have run.
    ByCode,
    ByText,
}

/// Which settings were touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Named,
    /// All were reset before those that are named.
    AllReset,
    /// All were reset, and the named ones too, `role` included.
    Discarded,
}

/// Whether a setting was made under a name that is not known, since all were last reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    None,
    Some,
}

/// Whether some setting may have been changed, for the transaction or for longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alteration {
    None,
    Some,
}

/// Whether the server's defaults may have been changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DefaultsOfServer {
    Untouched,
    Touched,
}

/// Effects that may change a setting, for the transaction or for longer.
const ALTERING: EffectSet = EffectSet::SETTING.union(ALTERING_ANY);

/// The same where nobody says which.
const ALTERING_ANY: EffectSet = EffectSet::SETTING_UNKNOWN
    .union(EffectSet::LOCAL_SETTING)
    .union(EffectSet::LOCAL_SETTING_UNKNOWN)
    .union(EffectSet::RESET_ALL)
    .union(EffectSet::PROCEDURE);

/// Code runs of which nobody knows which of its statements do.
const CODE: EffectSet = EffectSet::PROCEDURE.union(EffectSet::ROUTINE);

/// How the open transaction ends if the server next says it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Commit,
    Rollback,
}

/// Whether what was done is what remains, if the transaction commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Certain,
    /// Something was rolled back, or may have been, that was not all.
    Doubtful,
}

/// Whether something was committed before the transaction's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commits {
    None,
    Some,
}

impl Open {
    const NOTHING: Self = Self {
        settings: Vec::new(),
        named: Named::ByCode,
        scope: Scope::Named,
        facts: Facts::NONE,
        listing: Listing::No,
        unknown: Unknown::None,
        alteration: Alteration::None,
        reading: Alteration::None,
        defaults: DefaultsOfServer::Untouched,
        ending: Ending::Commit,
        certainty: Certainty::Certain,
        commits: Commits::None,
    };

    fn is_nothing(&self) -> bool {
        self.settings.is_empty()
            && self.scope == Scope::Named
            && self.facts.is_empty()
            && self.listing == Listing::No
            && self.defaults == DefaultsOfServer::Untouched
    }

    fn touch(&mut self, name: &[u8], last: LastTouch) {
        match self.settings.iter_mut().find(|known| *known.name == *name) {
            Some(known) => known.last = last,
            None => self.settings.push(Touched {
                name: name.into(),
                last,
            }),
        }
    }
}

impl Pending {
    pub(crate) const fn new() -> Self {
        Self {
            open: Open::NOTHING,
            ask: Ask {
                names: Vec::new(),
                facts: Facts::NONE,
                listing: Listing::No,
            },
        }
    }

    /// True when the server has to be asked before the connection may go.
    pub(crate) fn is_open(&self) -> bool {
        !self.ask.facts.is_empty() || !self.ask.names.is_empty() || self.ask.listing != Listing::No
    }

    /// True when nothing is pending, in any transaction.
    pub(crate) fn is_nothing(&self) -> bool {
        !self.is_open() && self.open.is_nothing()
    }

    /// True when settings are as they were when nothing was open, and those are known.
    pub(crate) fn leaves_settings_alone(&self) -> bool {
        self.open.alteration == Alteration::None
            && self.ask.names.is_empty()
            && self.ask.listing == Listing::No
    }

    /// The same for settings that decide how texts are read.
    pub(crate) fn leaves_reading_alone(&self) -> bool {
        self.open.reading == Alteration::None
            && self.ask.names.is_empty()
            && self.ask.listing == Listing::No
    }

    /// True when more than settings is in question.
    pub(crate) fn suspects_facts(&self) -> bool {
        !self.ask.facts.is_empty() || !self.open.facts.is_empty()
    }

    /// True when the open transaction, if it is over now, has reset all settings, and none was made since
    /// under a name that is not known.
    pub(crate) fn has_reset_all(&self) -> bool {
        self.open.scope == Scope::AllReset
            && self.open.unknown == Unknown::None
            && self.open.ending == Ending::Commit
            && self.open.certainty == Certainty::Certain
    }

    /// True when texts of the open transaction touch settings. Whether stored code did, only the answer of
    /// the server tells.
    pub(crate) fn touches_settings(&self) -> bool {
        self.open.named == Named::ByText || self.open.scope != Scope::Named
    }

    /// True when a text of the open transaction, if it is over now, has set this one, and nothing behind it has
    /// reset it.
    pub(crate) fn sets(&self, key: &[u8]) -> bool {
        let mut settings = self.open.settings.iter();
        !self.is_undone()
            && settings.any(|known| *known.name == *key && known.last == LastTouch::Set)
    }

    /// True when the open transaction, if it is over now, has set a role or may have.
    pub(crate) fn may_set_role(&self) -> bool {
        let mut settings = self.open.settings.iter();
        let role = settings.find(|known| *known.name == *ROLE);
        let exact = self.open.ending == Ending::Commit && self.open.certainty == Certainty::Certain;
        // What was reset last may be what was rolled back, or never done.
        role.is_some_and(|role| role.last == LastTouch::Set || !exact) && !self.is_undone()
    }

    /// True when the open transaction, if it is over now, may have changed what sessions begin with.
    pub(crate) fn changes_defaults(&self) -> bool {
        self.open.defaults == DefaultsOfServer::Touched && !self.is_undone()
    }

    /// True when the open transaction, if it is over now, has left everything as it was.
    fn is_undone(&self) -> bool {
        self.open.ending == Ending::Rollback && self.open.commits == Commits::None
    }

    /// A statement was run, to its end or not.
    pub(crate) fn tried(&mut self, effects: EffectSet, touched: Option<&TouchedSettings>) {
        if effects.intersects(EffectSet::PROCEDURE) {
            self.open.listing = Listing::BuiltIn;
        }
        if effects.intersects(ALTERING) {
            self.open.alteration = Alteration::Some;
            if may_change_reading(effects, touched) {
                self.open.reading = Alteration::Some;
            }
        }
        if effects.intersects(EffectSet::DEFAULTS) {
            self.open.defaults = DefaultsOfServer::Touched;
        }
        // Which of the statements that it may execute a text has executed is not looked up.
        let executes = effects.intersects(EffectSet::EXECUTE) && effects.intersects(ALTERING);
        if executes || effects.intersects(EffectSet::ROLLBACK_TO.union(CODE)) {
            self.open.certainty = Certainty::Doubtful;
        }
        if effects.intersects(EffectSet::RESET_ALL) {
            for known in &mut self.open.settings {
                if !NOT_RESET.contains(&&*known.name) {
                    known.last = LastTouch::Reset;
                }
            }
            if self.open.scope == Scope::Named {
                self.open.scope = Scope::AllReset;
            }
            self.open.unknown = Unknown::None;
        }
        if effects.intersects(EffectSet::SETTING_UNKNOWN) {
            self.open.unknown = Unknown::Some;
        }
        for (name, last) in touched.into_iter().flat_map(TouchedSettings::with_last) {
            self.open.touch(name, last);
            if !effects.intersects(EffectSet::ROUTINE) {
                self.open.named = Named::ByText;
            }
        }
    }

    /// These settings have to be asked for.
    pub(crate) fn ask_for<'a>(&mut self, names: impl Iterator<Item = &'a [u8]>) {
        for name in names {
            if !self.ask.names.iter().any(|asked| **asked == *name) {
                self.ask.names.push(name.into());
            }
        }
    }

    /// All settings are at their defaults, but for those that `RESET ALL` leaves alone; one of the two is
    /// reported.
    pub(crate) fn ask_for_what_is_not_reset(&mut self) {
        self.ask_for([ROLE].into_iter());
    }

    /// Facts about the session that a statement may have changed.
    pub(crate) fn suspect(&mut self, facts: Facts) {
        self.open.facts = self.open.facts.union(facts);
    }

    /// A request failed: what was done in its transaction is undone, up to the last savepoint.
    pub(crate) fn failed(&mut self, effects: EffectSet) {
        if effects.intersects(EffectSet::PROCEDURE) {
            self.committed();
        }
        self.open.ending = Ending::Rollback;
    }

    /// Of what was sent some ran and some did not.
    pub(crate) fn doubt(&mut self) {
        self.open.certainty = Certainty::Doubtful;
        self.open.commits = Commits::Some;
    }

    /// A statement ran and the server gave it this command tag.
    pub(crate) fn tagged(&mut self, tag: &[u8]) {
        self.open.ending = Ending::Commit;
        match tag {
            b"COMMIT" | b"PREPARE TRANSACTION" => self.committed(),
            b"ROLLBACK" => {
                // It may be ROLLBACK TO a savepoint; the end of the transaction will tell.
                self.open.ending = Ending::Rollback;
                self.open.certainty = Certainty::Doubtful;
            }
            b"DISCARD ALL" => {
                self.open.settings.clear();
                self.open.scope = Scope::Discarded;
                // It takes effect at once, whatever fails behind it.
                self.open.commits = Commits::Some;
                self.ask.names.clear();
                self.ask.facts = Facts::NONE;
                self.ask.listing = Listing::No;
                self.open.facts = Facts::NONE;
            }
            tag if COMMITS_ON_ITS_OWN.contains(&tag) => self.committed(),
            _ => {}
        }
    }

    /// The server is ready and a transaction is open.
    pub(crate) fn transaction_open(&mut self) {
        self.open.ending = Ending::Commit;
    }

    /// The server is ready and no transaction is open any more. Returns the settings as far as they are
    /// known without asking.
    pub(crate) fn transaction_over(
        &mut self,
        settings: &Settings,
        parameters: &Parameters,
    ) -> Option<Settings> {
        if self.open.is_nothing() {
            self.open = Open::NOTHING;
            return None;
        }
        let open = std::mem::replace(&mut self.open, Open::NOTHING);
        self.ask.facts = self.ask.facts.union(open.facts);
        if open.listing != Listing::No {
            // Code that nobody has read may have changed any setting, and committed that.
            self.ask.listing = open.listing;
            let unlisted = settings.iter().map(|(name, _)| name);
            let unlisted = unlisted.filter(|name| is_custom(name)).chain([ROLE]);
            self.ask_for(unlisted);
        }
        match (open.ending, open.commits, open.certainty) {
            (Ending::Commit, _, Certainty::Certain) => {
                Some(self.committed_exactly(&open, settings, parameters))
            }
            (Ending::Rollback, Commits::None, _) => {
                // Settings are as before; a custom setting exists from its first mention on.
                for touched in open.settings.iter().filter(|one| is_custom(&one.name)) {
                    self.ask_name(&touched.name, parameters);
                }
                None
            }
            (Ending::Commit, _, Certainty::Doubtful) | (Ending::Rollback, Commits::Some, _) => {
                let reset = open.scope != Scope::Named;
                for (name, _) in settings.iter().filter(|_| reset) {
                    self.ask_name(name, parameters);
                }
                for touched in &open.settings {
                    self.ask_name(&touched.name, parameters);
                }
                None
            }
        }
    }

    fn committed_exactly(
        &mut self,
        open: &Open,
        settings: &Settings,
        parameters: &Parameters,
    ) -> Settings {
        let mut known = match open.scope {
            Scope::Named => settings.clone(),
            Scope::Discarded => self.reset(settings, &[], parameters),
            Scope::AllReset => self.reset(settings, &NOT_RESET, parameters),
        };
        for touched in &open.settings {
            match touched.last {
                // What it goes back to may be a default of the role or the database, which nobody reports.
                LastTouch::Reset if is_custom(&touched.name) => {
                    self.ask_name(&touched.name, parameters);
                }
                LastTouch::Reset => known = known.changed([(&*touched.name, None)]),
                LastTouch::Set => match parameters.value(&touched.name) {
                    // Set to what it was: it is set all the same, and will not follow its default.
                    Some(value) => known = known.changed([(&*touched.name, Some(value))]),
                    None => self.ask_name(&touched.name, parameters),
                },
            }
        }
        known
    }

    /// The settings after all were reset but for some.
    fn reset(&mut self, settings: &Settings, kept: &[&[u8]], parameters: &Parameters) -> Settings {
        let names = settings.iter().map(|(name, _)| name);
        let names = names.filter(|name| !kept.contains(name));
        let (asked, gone): (Vec<_>, Vec<_>) = names.partition(|name| is_custom(name));
        for name in asked {
            self.ask_name(name, parameters);
        }
        settings.changed(gone.into_iter().map(|name| (name, None)))
    }

    /// What to ask now: the settings, the facts, and whether for a list of what is set.
    pub(crate) fn take(&mut self) -> (Vec<Box<[u8]>>, Facts, Listing) {
        (
            std::mem::take(&mut self.ask.names),
            std::mem::replace(&mut self.ask.facts, Facts::NONE),
            std::mem::replace(&mut self.ask.listing, Listing::No),
        )
    }

    fn ask_name(&mut self, name: &[u8], parameters: &Parameters) {
        let known = parameters.reports(name) || self.ask.names.iter().any(|asked| **asked == *name);
        if !known {
            self.ask.names.push(name.into());
        }
    }

    fn committed(&mut self) {
        if !self.open.is_nothing() {
            self.open.commits = Commits::Some;
        }
    }
}

/// True when a text with these effects may change how the next one is read.
pub(super) fn may_change_reading(effects: EffectSet, touched: Option<&TouchedSettings>) -> bool {
    let reads = |touched: &TouchedSettings| touched.is_empty() || touched.iter().any(is_of_reading);
    effects.intersects(ALTERING_ANY)
        || effects.intersects(EffectSet::SETTING) && touched.is_none_or(reads)
}

/// A setting that no module has defined comes into being when it is set, and stays.
pub(super) fn is_custom(name: &[u8]) -> bool {
    name.contains(&b'.')
}
