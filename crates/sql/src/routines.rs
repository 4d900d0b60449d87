//! What the functions and procedures of one database may do to the session that runs them.
//!
//! A text names what it calls, and triggers, defaults, views, policies, operators and the like call without
//! being named. [`Reading`] takes in the bodies that may matter, and those that call them, until no new
//! ones come; [`Routines`] then answers for a text which effects and settings its stored code may add.
//!
//! What a body executes that cannot be proven harmless (a parameter, a column of a table) can be anything: the
//! routine counts as one that makes a setting of unknown name, however it is reached. Code in C and settings
//! that last until the end of the transaction do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calls::key;
use crate::proof::{self, Owner};
use crate::scanner::Keeps;
use crate::statement::Strings;
use crate::{Calls, EffectSet, Scanner, StringStyle, TouchedSettings};

/// Routines to read; a database with more that matter is not read.
const MAX_ROUTINES: usize = 4096;

/// Bytes of bodies to read; see above.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What a body may do that outlasts its transaction, or that must be known while it lasts.
pub(crate) const LASTING: EffectSet = EffectSet::SETTING
    .union(EffectSet::SETTING_UNKNOWN)
    .union(EffectSet::RESET_ALL)
    .union(EffectSet::PREPARE)
    .union(EffectSet::DEALLOCATE)
    .union(EffectSet::DEALLOCATE_ALL)
    .union(EffectSet::LISTEN)
    .union(EffectSet::UNLISTEN)
    .union(EffectSet::UNLISTEN_ALL)
    .union(EffectSet::TEMP_OBJECT)
    .union(EffectSet::HOLD_CURSOR)
    .union(EffectSet::LOAD)
    .union(EffectSet::ADVISORY_LOCK)
    .union(EffectSet::ADVISORY_UNLOCK)
    .union(EffectSet::SEED)
    .union(EffectSet::SEQUENCE_READ)
    .union(EffectSet::STATEMENTS_VIEW)
    .union(EffectSet::UNKNOWN)
    .union(EffectSet::UNREAD_CODE);

/// What a body does that nobody can follow.
const UNFOLLOWED: EffectSet = EffectSet::SETTING_UNKNOWN
    .union(EffectSet::UNREAD_CODE)
    .union(EffectSet::UNKNOWN)
    .union(EffectSet::LOAD)
    .union(EffectSet::SEED);

/// Who is to blame when the catalogue could not be read.
const NOT_READ: &str = "catalogue could not be read";

/// Any of these, found in a language that is not read, may be a setting of any name.
const SETS: EffectSet = EffectSet::SETTING
    .union(EffectSet::SETTING_UNKNOWN)
    .union(EffectSet::LOCAL_SETTING)
    .union(EffectSet::LOCAL_SETTING_UNKNOWN);

/// What stored code may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conduct {
    /// Effects, `ROUTINE` among them.
    pub effects: EffectSet,
    /// Settings it may change for longer than its transaction.
    pub settings: TouchedSettings,
    /// The first routine, or other object of the catalogue, whose code does what cannot be followed.
    /// A thin pointer, because every session has one.
    pub culprit: Option<Arc<String>>,
}

impl Conduct {
    fn is_harmless(&self) -> bool {
        self.effects.is_empty() && self.settings.is_empty()
    }

    /// It executes texts that it puts together: any routine may be called in them.
    fn may_call_any(&mut self, settings: &TouchedSettings) {
        if !settings.is_empty() {
            self.effects.insert(EffectSet::SETTING);
            let _all_fit = self.settings.add(settings);
        }
    }

    fn add(&mut self, other: &Self) {
        self.effects.insert(other.effects);
        if self.culprit.is_none() {
            self.culprit.clone_from(&other.culprit);
        }
        if !self.settings.add(&other.settings) {
            self.effects
                .insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
        }
    }
}

/// How code comes to run a routine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// By a call that names it.
    ByName,
    /// Also by a trigger, a default, a view, an operator or whatever else a query may involve.
    Anywhere,
}

/// One routine as the catalogue of the server has it.
#[derive(Debug, Clone, Copy)]
pub struct Routine<'a> {
    /// Its name without the schema, or what else the catalogue has with code in it.
    pub name: &'a [u8],
    /// The name of its language.
    pub language: &'a [u8],
    /// Its code; `None` if there is too much of it.
    pub body: Option<&'a [u8]>,
    /// How it is reached.
    pub reach: Reach,
}

/// What the routines of a database may do. Those that are not in it do nothing that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routines {
    by_key: BTreeMap<u64, Conduct>,
    anywhere: Conduct,
    /// Every setting that any of them names.
    settings: TouchedSettings,
    extent: Extent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Extent {
    #[default]
    Read,
    /// Nobody knows what they do.
    Unread,
}

impl Routines {
    /// Those of a database whose catalogue could not be read: any of them may change any setting.
    pub fn unread() -> Self {
        Self {
            extent: Extent::Unread,
            ..Self::default()
        }
    }

    /// True when no stored code does anything that lasts.
    pub fn are_harmless(&self) -> bool {
        self.extent == Extent::Read && self.by_key.is_empty() && self.anywhere.is_harmless()
    }

    /// What stored code may add to what a text with these calls does itself.
    pub fn conduct(&self, calls: &Calls) -> Option<Conduct> {
        if calls.is_nothing() || self.are_harmless() {
            return None;
        }
        let mut conduct = self.anywhere.clone();
        if self.extent == Extent::Unread {
            // Nobody knows which custom settings there are to ask for.
            conduct.add(&Conduct {
                culprit: Some(Arc::new(NOT_READ.to_owned())),
                ..unknown_setting()
            });
        }
        if calls.is_anything() {
            self.by_key.values().for_each(|one| conduct.add(one));
        }
        for called in calls.keys() {
            if let Some(one) = self.by_key.get(called) {
                conduct.add(one);
            }
        }
        if conduct.is_harmless() {
            return None;
        }
        conduct.effects.insert(EffectSet::ROUTINE);
        Some(conduct)
    }

    /// What code may do that no text has to call, as triggers and defaults are run.
    pub fn effects_anywhere(&self) -> EffectSet {
        self.anywhere.effects
    }

    /// The settings that code may set which calls any of them. Names beyond those that can be kept are not
    /// among them.
    pub fn settings(&self) -> &TouchedSettings {
        &self.settings
    }
}

/// Takes in routines until those that matter are all there.
#[derive(Debug, Default)]
pub struct Reading {
    found: Vec<Found>,
    bytes: usize,
    /// Names whose callers have been asked for.
    asked: BTreeSet<Box<[u8]>>,
    extent: Extent,
}

#[derive(Debug)]
struct Found {
    name: Box<[u8]>,
    key: u64,
    conduct: Conduct,
    calls: Calls,
    reach: Reach,
}

impl Reading {
    /// Nothing is read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one more. It need not be harmful, nor new.
    pub fn add(&mut self, routine: &Routine<'_>) {
        let length = routine.body.map_or(0, <[u8]>::len);
        self.bytes = self.bytes.saturating_add(length);
        if self.found.len() >= MAX_ROUTINES || self.bytes > MAX_BYTES {
            self.extent = Extent::Unread;
        }
        if self.extent == Extent::Unread {
            return;
        }
        let (mut conduct, calls) = match routine.body {
            Some(body) => read(routine.language, body),
            None => (unknown(), Calls::NOTHING),
        };
        if conduct.effects.intersects(UNFOLLOWED) {
            conduct.culprit = Some(Arc::new(String::from_utf8_lossy(routine.name).into_owned()));
        }
        let name = routine.name.to_ascii_lowercase();
        let reach = if is_comparable(&name) {
            routine.reach
        } else {
            // How a text spells it depends on encodings, or on the string that it stands in.
            Reach::Anywhere
        };
        self.found.push(Found {
            key: key(&name),
            name: name.into(),
            conduct,
            calls,
            reach,
        });
    }

    /// The names, in lower case and of ASCII letters and marks, of routines that matter and whose callers are
    /// to be added now. They begin and end with a letter, a digit or an underscore. Each is named once; none:
    /// all is there.
    pub fn callers_wanted(&mut self) -> Vec<Box<[u8]>> {
        self.spread();
        let mut wanted = BTreeSet::new();
        for found in &self.found {
            let matters = !found.conduct.is_harmless() && found.reach == Reach::ByName;
            if matters && !self.asked.contains(&found.name) {
                wanted.insert(found.name.clone());
            }
        }
        self.asked.extend(wanted.iter().cloned());
        if self.extent == Extent::Unread {
            return Vec::new();
        }
        wanted.into_iter().collect()
    }

    /// What was read.
    pub fn finish(mut self) -> Routines {
        if self.extent == Extent::Unread {
            return Routines::unread();
        }
        self.spread();
        let mut routines = Routines::default();
        for found in self.found.iter().filter(|one| !one.conduct.is_harmless()) {
            match found.reach {
                Reach::ByName => {}
                Reach::Anywhere => routines.anywhere.add(&found.conduct),
            }
            routines
                .by_key
                .entry(found.key)
                .or_default()
                .add(&found.conduct);
        }
        for found in &self.found {
            let _all_fit = routines.settings.add(&found.conduct.settings);
        }
        for conduct in routines.by_key.values_mut() {
            if conduct.effects.intersects(EffectSet::UNREAD_CODE) {
                conduct.add(&unknown_setting());
            }
            if conduct.effects.intersects(EffectSet::PROCEDURE) {
                conduct.may_call_any(&routines.settings);
            }
        }
        let anywhere = &mut routines.anywhere;
        if anywhere.effects.intersects(EffectSet::UNREAD_CODE) {
            anywhere.add(&unknown_setting());
        }
        if anywhere.effects.intersects(EffectSet::PROCEDURE) {
            anywhere.may_call_any(&routines.settings);
        }
        routines
    }

    /// Whoever calls a routine does what it does.
    fn spread(&mut self) {
        let mut changed = self.extent == Extent::Read;
        while changed {
            changed = false;
            let mut by_key: BTreeMap<u64, Conduct> = BTreeMap::new();
            for found in self.found.iter().filter(|one| !one.conduct.is_harmless()) {
                by_key.entry(found.key).or_default().add(&found.conduct);
            }
            for found in &mut self.found {
                let mut conduct = found.conduct.clone();
                for called in found.calls.keys() {
                    if let Some(one) = by_key.get(called) {
                        conduct.add(one);
                    }
                }
                if found.calls.is_anything() {
                    conduct.effects.insert(EffectSet::UNREAD_CODE);
                }
                changed |= conduct != found.conduct;
                found.conduct = conduct;
            }
        }
    }
}

/// The code could not be read.
fn unknown() -> Conduct {
    Conduct {
        effects: EffectSet::UNREAD_CODE,
        ..Conduct::default()
    }
}

fn unknown_setting() -> Conduct {
    Conduct {
        effects: EffectSet::PROCEDURE | EffectSet::SETTING | EffectSet::SETTING_UNKNOWN,
        ..Conduct::default()
    }
}

/// True for names that every text spells alike: as they are, or in quotes with those within doubled.
fn is_comparable(name: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    // Those left out mean something in the strings of some language.
    let mark = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\' | b'$');
    let ends = [name.first(), name.last()];
    ends.into_iter().all(|end| end.is_some_and(letter)) && name.iter().all(mark)
}

/// What a body does itself, and what it calls. A string is read as standard ones are, and if that matters as
/// others, too: which of them it is depends on the session that runs it.
fn read(language: &[u8], body: &[u8]) -> (Conduct, Calls) {
    let (mut conduct, mut calls) = read_as(language, StringStyle::Standard, body);
    if conduct.effects.intersects(EffectSet::AMBIGUOUS_ESCAPE) {
        let (more, other_calls) = read_as(language, StringStyle::BackslashEscapes, body);
        conduct.add(&more);
        calls.add(&other_calls);
    }
    let mut effects = conduct.effects.intersection(LASTING);
    if effects.intersects(EffectSet::DEALLOCATE) {
        effects = effects.without(EffectSet::DEALLOCATE) | EffectSet::DEALLOCATE_ALL;
    }
    if effects.intersects(EffectSet::RESET_ALL) {
        effects.insert(EffectSet::PROCEDURE);
    }
    if conduct.effects.intersects(EffectSet::ASSEMBLED_CODE) {
        effects.insert(EffectSet::PROCEDURE);
    }
    let pins = EffectSet::SETTING_UNKNOWN | EffectSet::PREPARE;
    if effects.intersects(pins) {
        effects.insert(conduct.effects.intersection(EffectSet::PROCEDURE_STATE));
    }
    conduct.effects = effects;
    (conduct, calls)
}

fn read_as(language: &[u8], style: StringStyle, body: &[u8]) -> (Conduct, Calls) {
    let (mut conduct, mut calls) = match language {
        b"sql" => read_words(style, Strings::Data, (Keeps::Calls, body)),
        b"plpgsql" => read_words(style, Strings::Data, (Keeps::Nothing, body)),
        _ => return read_foreign(style, body),
    };
    if language == b"sql" {
        if conduct.effects.intersects(EffectSet::EXECUTE) {
            // A statement that the session has prepared.
            conduct.effects.insert(EffectSet::UNREAD_CODE);
        }
        return (conduct, calls);
    }
    let findings = proof::of_body(style, body, Owner::Routine, 0);
    conduct.add(&Conduct {
        effects: findings.effects,
        settings: findings.settings,
        culprit: None,
    });
    calls.add(&findings.calls);
    let executes = proof::executes(body);
    if executes {
        conduct.effects.insert(EffectSet::ASSEMBLED_CODE);
    }
    if executes && conduct.effects.intersects(EffectSet::UNREAD_CODE) {
        // What its strings say is worth a question all the same.
        let (more, other_calls) = read_words(style, Strings::Code, (Keeps::Nothing, body));
        conduct.add(&more);
        calls.add(&other_calls);
    }
    (conduct, calls)
}

fn read_words(
    style: StringStyle,
    strings: Strings,
    (keeps, body): (Keeps, &[u8]),
) -> (Conduct, Calls) {
    let mut scanner = Scanner::of_body(style, strings, keeps);
    scanner.feed(body);
    let summary = scanner.finish();
    let conduct = Conduct {
        effects: summary.effects,
        settings: summary.settings,
        culprit: None,
    };
    (conduct, summary.calls)
}

/// A body in a language whose strings and comments cannot be told from its code.
fn read_foreign(style: StringStyle, body: &[u8]) -> (Conduct, Calls) {
    let mut scanner = Scanner::of_body(style, Strings::Data, Keeps::Nothing);
    scanner.foreign_body(body);
    let summary = scanner.finish();
    let mut effects = summary.effects;
    if effects.intersects(SETS) {
        effects.insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
    }
    let conduct = Conduct {
        effects,
        settings: summary.settings,
        culprit: None,
    };
    (conduct, summary.calls)
}

#[cfg(test)]
mod tests;
