//! Code that a text runs and does not show: stored routines are read from the catalogue, and count as if their
//! statements stood in the text.
//!
//! A body is shown to whoever defined it or may see all of them (`SHOW_ROUTINE`, or `SELECT` on everything); code that
//! cannot be read ties. Triggers and views are not read here: what they set is reported by the server, but for
//! `SELECT .. INTO @v` and locks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_sql::mysql::{Charset, EffectSet, Mode, Server, classify};

use super::book::{Blind, Book, Code, Draft, Judged, Page, WRITES};
use super::named::{Called, Named, Routine};
use super::rows::text_row;

/// Longest body that is read, in bytes.
const MAX_BODY: &[u8] = b"65536";

/// Routines that one statement may reach; beyond that it is not known what it ran.
const MAX_REACHED: usize = 64;

/// Routines that are remembered with a server connection.
const MAX_KNOWN: usize = 128;

/// After so many uses a routine is read again: somebody else may have changed it, not by way of the proxy.
const MAX_USES: u8 = 64;

/// The book is read again after so many commands on one server connection.
const BOOK_USES: u16 = 1000;

/// The same for one that could not be read.
const BLIND_USES: u16 = 16;

/// Tells all connections to the same server that one of their clients may have changed stored code.
///
/// Make one for each target and give it to every [`ServerState`](super::ServerState) of it. A connection without one
/// reads code each time it runs.
#[derive(Debug, Clone, Default)]
pub struct CodeWatch(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    /// Changes that may have been to stored code.
    code: AtomicU64,
    /// Changes that may have been to code that texts set off without naming it.
    book: AtomicU64,
    /// Such changes that are under way.
    changing: AtomicU64,
}

impl CodeWatch {
    fn epoch(&self) -> u64 {
        self.0.code.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.0.code.fetch_add(1, Ordering::AcqRel);
    }

    fn book_epoch(&self) -> u64 {
        self.0.book.load(Ordering::Acquire)
    }

    fn book_changes(&self) -> Changing {
        self.0.changing.fetch_add(1, Ordering::AcqRel);
        Changing(self.clone())
    }
}

/// A change of code is under way, until this is dropped.
#[derive(Debug)]
pub(super) struct Changing(CodeWatch);

impl Drop for Changing {
    fn drop(&mut self) {
        let counters = &self.0.0;
        counters.book.fetch_add(1, Ordering::AcqRel);
        counters.changing.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is said of bodies and not of what runs.
const FORM: EffectSet = EffectSet::COMPOUND
    .union(EffectSet::BEGIN)
    .union(EffectSet::ROUTINE)
    .union(EffectSet::CALL)
    .union(EffectSet::UNKNOWN_FUNCTION);

/// What a routine does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// There is none that the user can see.
    Missing,
    /// It is there, and its text is not shown or too long.
    Hidden,
    Shown {
        effects: EffectSet,
        named: Box<Named>,
        /// Whether it may set off what was not read.
        blind: Blind,
    },
}

/// Bodies by routine, as one server connection has read them.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    known: BTreeMap<Key, (Body, u8)>,
    watch: Option<CodeWatch>,
    /// Of the watch, when the bodies were read.
    epoch: u64,
    pub(super) book: Option<Arc<Book>>,
    draft: Draft,
    /// Of the watch, when the book was asked for.
    book_epoch: u64,
    /// Commands until the book is read again: somebody else may have changed it, not by way of the proxy.
    book_uses: u16,
}

/// Schema and name in lower case: whether case counts is the server's business, and what it tells of more than
/// one routine counts together.
type Key = (Box<[u8]>, Box<[u8]>);

fn key_of(schema: &[u8], name: &[u8]) -> Key {
    let lower = |text: &[u8]| text.to_ascii_lowercase().into();
    (lower(schema), lower(name))
}

impl Bodies {
    pub(super) fn watch(&mut self, watch: &CodeWatch) {
        self.watch = Some(watch.clone());
    }

    /// Code that was read before now may have changed.
    pub(super) fn renew(&mut self) {
        let epoch = self.watch.as_ref().map_or(self.epoch, CodeWatch::epoch);
        if epoch != self.epoch {
            self.known.clear();
        }
        self.epoch = epoch;
    }

    /// Nobody uses the connection for now: without a watch, nothing that was read holds until somebody does.
    pub(super) fn rest(&mut self) {
        if self.watch.is_none() {
            self.known.clear();
            self.book = None;
        }
    }

    /// True when the book must be read before the next text runs.
    pub(super) fn needs_book(&self) -> bool {
        self.book.is_none() || self.book_uses == 0 || self.book_epoch != self.book_now()
    }

    fn book_now(&self) -> u64 {
        self.watch.as_ref().map_or(0, CodeWatch::book_epoch)
    }

    pub(super) fn use_book(&mut self) {
        self.book_uses = self.book_uses.saturating_sub(1);
    }

    /// The questions for the book are on their way.
    pub(super) fn book_asked(&mut self) {
        self.book_epoch = self.book_now();
    }

    /// When a text was judged by the book; `None` while that is being changed, or has been.
    pub(super) fn judged_at(&self) -> Option<u64> {
        let changing = self
            .watch
            .as_ref()
            .is_some_and(|watch| watch.0.changing.load(Ordering::Acquire) > 0);
        (!changing && self.book_epoch == self.book_now()).then_some(self.book_epoch)
    }

    /// A text of the client is about to change code that others set off.
    pub(super) fn book_changes(&mut self) -> Option<Changing> {
        if self.watch.is_none() {
            self.book_uses = 0;
        }
        self.watch.as_ref().map(CodeWatch::book_changes)
    }

    /// One of the answers for the book: the packets, the last left out, or nothing if it was refused.
    pub(super) fn book_told(&mut self, server: Server, page: Page, told: Option<&[Vec<u8>]>) {
        match page {
            Page::Grants => self.draft.grants_told(told),
            Page::Triggers => self.draft.triggers_told(told),
            Page::Views => {
                let book = std::mem::take(&mut self.draft).finish(server, told);
                self.book_uses = if book.is_blind() {
                    BLIND_USES
                } else {
                    BOOK_USES
                };
                self.book = Some(Arc::new(book));
                // What routines set off was judged by the last one.
                self.known.clear();
            }
        }
    }

    /// A client may have changed stored code.
    pub(super) fn changed(&mut self) {
        self.known.clear();
        if let Some(watch) = &self.watch {
            watch.changed();
        }
    }

    fn use_of(&mut self, routine: &Routine) -> Option<Body> {
        let key = key_of(&routine.schema, &routine.name);
        let (body, uses) = self.known.get_mut(&key)?;
        let found = body.clone();
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            self.known.remove(&key);
        }
        Some(found)
    }

    /// The packets of the answer to `question`, the last left out. A routine that it does not tell is missing.
    pub(super) fn told(&mut self, server: Server, asked: &[Routine], packets: &[Vec<u8>]) {
        if self.known.len().saturating_add(asked.len()) > MAX_KNOWN {
            self.known.clear();
        }
        let uses = if self.watch.is_some() { MAX_USES } else { 1 };
        for routine in asked {
            let key = key_of(&routine.schema, &routine.name);
            self.known.insert(key, (Body::Missing, uses));
        }
        // A count and four definitions come first.
        for row in packets.iter().skip(COLUMNS.saturating_add(1)) {
            let Some(row) = text_row(row) else { continue };
            let [Some(schema), Some(name), Some(sql_mode), text] = row.as_slice() else {
                continue;
            };
            let body = match text {
                Some(text) => shown(server, (sql_mode, text), schema, self.book.as_deref()),
                None => Body::Hidden,
            };
            let key = key_of(schema, name);
            if let Some((known, _)) = self.known.get_mut(&key) {
                // A procedure and a function may have the same name.
                *known = merged(std::mem::replace(known, Body::Missing), body);
            }
        }
    }

    /// The question failed: what the routines do is not known.
    pub(super) fn not_told(&mut self, asked: &[Routine]) {
        for routine in asked {
            let key = key_of(&routine.schema, &routine.name);
            self.known.insert(key, (Body::Hidden, 1));
        }
    }
}

fn shown(
    server: Server,
    (sql_mode, text): (&[u8], &[u8]),
    schema: &[u8],
    book: Option<&Book>,
) -> Body {
    let mode = Mode {
        server,
        charset: Charset::Utf8,
        ..Mode::default()
    };
    let mode = mode.with_sql_mode(sql_mode);
    let summary = classify(mode, text);
    let mut named = Named::of(&summary, text, Some(schema), Called::ByCode);
    let mut effects = summary.effects.without(FORM);
    // What a body drops may have been made again since.
    named
        .tables
        .retain(|(used, _)| *used == tollgate_sql::mysql::TableUse::TemporaryCreated);
    let judged = Judged {
        text,
        mode,
        effects: summary.effects,
        schema: Some(schema),
    };
    let mut blind = Blind::No;
    match book {
        Some(book) => {
            let reach = book.reach(judged).unwrap_or_default();
            blind = reach.blind;
            for code in &reach.codes {
                effects.insert(code.effects);
                named.add(&code.named);
            }
        }
        None if effects.intersects(WRITES) => blind = Blind::Yes,
        None => {}
    }
    Body::Shown {
        effects,
        named: Box::new(named),
        blind,
    }
}

fn merged(one: Body, other: Body) -> Body {
    match (one, other) {
        (Body::Missing, body) | (body, Body::Missing) => body,
        (Body::Hidden, _) | (_, Body::Hidden) => Body::Hidden,
        (
            Body::Shown {
                mut effects,
                mut named,
                mut blind,
            },
            Body::Shown {
                effects: more,
                named: other,
                blind: too,
            },
        ) => {
            effects.insert(more);
            named.add(&other);
            if too == Blind::Yes {
                blind = too;
            }
            Body::Shown {
                effects,
                named,
                blind,
            }
        }
    }
}

/// Columns of the question.
const COLUMNS: usize = 4;

/// Asks for the bodies of `routines`. Names of routines are compared without case, as the catalogue does.
pub(super) fn question(routines: &[Routine]) -> Vec<u8> {
    let mut sql =
        b"SELECT CAST(ROUTINE_SCHEMA AS BINARY),CAST(LOWER(ROUTINE_NAME) AS BINARY),SQL_MODE,\
CAST(IF(LENGTH(ROUTINE_DEFINITION)>"
            .to_vec();
    sql.extend_from_slice(MAX_BODY);
    sql.extend_from_slice(
        b",NULL,CONVERT(ROUTINE_DEFINITION USING utf8mb4)) AS BINARY) \
FROM information_schema.ROUTINES WHERE ",
    );
    for (at, routine) in routines.iter().enumerate() {
        sql.extend_from_slice(if at == 0 { b"" } else { b" OR " });
        sql.extend_from_slice(b"ROUTINE_SCHEMA='");
        sql.extend_from_slice(&routine.schema);
        sql.extend_from_slice(b"' AND ROUTINE_NAME='");
        sql.extend_from_slice(&routine.name);
        sql.push(b'\'');
    }
    sql.extend_from_slice(b" LIMIT 1000");
    sql
}

/// Code that has run since it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    waiting: Vec<Routine>,
    reached: BTreeSet<Routine>,
    /// What the routines read so far may have done.
    found: Found,
    /// What the texts themselves may have done.
    beside: EffectSet,
    reported: Reported,
}

/// Whether the server said that state has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reported {
    #[default]
    Nothing,
    Change,
}

/// What code may have done, when all of it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub(super) effects: EffectSet,
    pub(super) named: Named,
    /// Some of it could not be read.
    pub(super) hidden: Hidden,
    /// Some of it may set off what was not read.
    pub(super) blind: Blind,
    /// What the texts that called it may have done themselves.
    pub(super) beside: EffectSet,
    pub(super) reported: Reported,
}

/// Whether some code could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hidden {
    #[default]
    None,
    Some,
}

impl Unseen {
    /// A text has run that calls these.
    pub(super) fn ran(&mut self, routines: &[Routine], beside: EffectSet, reported: Reported) {
        self.waiting.extend(routines.iter().cloned());
        self.beside.insert(beside);
        if reported == Reported::Change {
            self.reported = reported;
        }
    }

    /// A text has run that sets this off.
    pub(super) fn set_off(&mut self, code: &Code) {
        self.found.effects.insert(code.effects);
        self.found.named.add(&code.named);
        self.waiting.extend(code.named.routines.iter().cloned());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.reached.is_empty() && self.found == Found::default()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Looks at what is known; answers the routines that are to be asked for, or nothing when all of them were
    /// looked at.
    pub(super) fn look(&mut self, bodies: &mut Bodies) -> Vec<Routine> {
        let mut asking = Vec::new();
        while let Some(routine) = self.waiting.pop() {
            if self.reached.contains(&routine) || asking.contains(&routine) {
                continue;
            }
            if self.reached.len().saturating_add(asking.len()) >= MAX_REACHED {
                self.found.hidden = Hidden::Some;
                break;
            }
            match bodies.use_of(&routine) {
                Some(body) => self.reach(routine, body),
                None => asking.push(routine),
            }
        }
        self.waiting.extend(asking.iter().cloned());
        asking
    }

    fn reach(&mut self, routine: Routine, body: Body) {
        match body {
            // What the client calls and cannot see is a loaded function, or one of a later server.
            Body::Missing if routine.called == Called::Directly => {}
            Body::Missing | Body::Hidden => self.found.hidden = Hidden::Some,
            Body::Shown {
                effects,
                named,
                blind,
            } => {
                if blind == Blind::Yes {
                    self.found.blind = blind;
                }
                self.found.effects.insert(effects);
                let nested = named.routines.iter();
                self.waiting.extend(nested.cloned());
                self.found.named.add(&named);
            }
        }
        self.reached.insert(routine);
    }

    /// Everything was looked at.
    pub(super) fn conclude(&mut self) -> Found {
        let all = std::mem::take(self);
        Found {
            beside: all.beside,
            reported: all.reported,
            ..all.found
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routine(name: &str, called: Called) -> Routine {
        Routine {
            schema: b"a".as_slice().into(),
            name: name.as_bytes().into(),
            called,
        }
    }

    fn row(cells: &[Option<&str>]) -> Vec<u8> {
        let mut row = Vec::new();
        for cell in cells {
            match cell {
                None => row.push(0xfb),
                Some(text) => {
                    row.push(u8::try_from(text.len()).expect("short"));
                    row.extend_from_slice(text.as_bytes());
                }
            }
        }
        row
    }

    fn answer(rows: &[&[Option<&str>]]) -> Vec<Vec<u8>> {
        let mut packets = vec![Vec::new(); 5];
        packets.extend(rows.iter().map(|cells| row(cells)));
        packets
    }

    const SERVER: Server = Server::MySql { version: 90_700 };

    #[test]
    fn code_is_followed_to_its_end() {
        let mut bodies = Bodies::default();
        let mut unseen = Unseen::default();
        unseen.ran(
            &[routine("p", Called::Directly)],
            EffectSet::CALL,
            Reported::Nothing,
        );
        let asking = unseen.look(&mut bodies);
        assert_eq!(asking, [routine("p", Called::Directly)]);
        let p = answer(&[&[Some("a"), Some("p"), Some(""), Some("BEGIN CALL q(); END")]]);
        bodies.told(SERVER, &asking, &p);
        let asking = unseen.look(&mut bodies);
        assert_eq!(asking, [routine("q", Called::ByCode)]);
        let q = answer(&[&[Some("a"), Some("q"), Some(""), Some("SELECT 1 INTO @Leak")]]);
        bodies.told(SERVER, &asking, &q);
        assert!(unseen.look(&mut bodies).is_empty());
        let found = unseen.conclude();
        assert_eq!(found.effects, EffectSet::USER_VARIABLE_WRITE);
        assert_eq!(&*found.named.variables[0], b"leak");
        assert_eq!(found.hidden, Hidden::None);
        assert!(unseen.is_empty());
    }

    #[test]
    fn what_is_not_shown_is_said() {
        let mut bodies = Bodies::default();
        for (name, called, row, hidden) in [
            ("f", Called::Directly, None, Hidden::None),
            ("g", Called::ByCode, None, Hidden::Some),
            (
                "h",
                Called::Directly,
                Some([Some("a"), Some("h"), Some(""), None]),
                Hidden::Some,
            ),
        ] {
            let mut unseen = Unseen::default();
            unseen.ran(&[routine(name, called)], EffectSet::CALL, Reported::Nothing);
            let asking = unseen.look(&mut bodies);
            let rows: Vec<&[Option<&str>]> = row.iter().map(|row| &row[..]).collect();
            bodies.told(SERVER, &asking, &answer(&rows));
            assert!(unseen.look(&mut bodies).is_empty());
            assert_eq!(unseen.conclude().hidden, hidden, "{name}");
        }
    }

    #[test]
    fn a_routine_is_read_again_after_a_while() {
        let p = routine("p", Called::Directly);
        let uses = |bodies: &mut Bodies| {
            (0..=MAX_USES)
                .filter(|_| bodies.use_of(&p).is_some())
                .count()
        };
        let mut bodies = Bodies::default();
        bodies.told(SERVER, std::slice::from_ref(&p), &answer(&[]));
        bodies.renew();
        assert_eq!(uses(&mut bodies), 1, "nobody tells of changes");
        let watch = CodeWatch::default();
        bodies.watch(&watch);
        bodies.told(SERVER, std::slice::from_ref(&p), &answer(&[]));
        assert_eq!(uses(&mut bodies), usize::from(MAX_USES));
        bodies.told(SERVER, std::slice::from_ref(&p), &answer(&[]));
        watch.changed();
        bodies.renew();
        assert_eq!(uses(&mut bodies), 0, "it may have changed");
    }
}
