//! The client's command that is being answered: what it may do, and what has been heard so far.

use std::sync::Arc;

use tollgate_sql::mysql::{EffectSet, Scope, Summary};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::reply::{EofBridge, OkHead};

use super::book::{Blind, Reach};
use super::diagnostics::Signals;
use super::finding::Finds;
use super::named::{Bytes, Named};
use super::pins::UNSEEN;
use super::plain::{Clock, LockCall};
use super::spelling::Spelled;
use super::statements::Statement;
use super::unseen::Changing;

/// One command of the client's, from its first byte to the last of its reply.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) command: Command,
    /// The prepared statement it is about, by the client's number.
    pub(super) statement: Option<u32>,
    pub(super) about: About,
    pub(super) bridge: EofBridge,
    /// Of the client's next packet.
    pub(super) sequence: Sequence,
    /// The same, where the reply was begun here.
    pub(super) begun: Option<Sequence>,
    /// The text, where the server may ask for a file that it names.
    pub(super) file_text: Option<Vec<u8>>,
    pub(super) uploading: Uploading,
    /// The statement that is being prepared.
    pub(super) preparing: Option<Box<Statement>>,
    /// What of its text was replaced.
    pub(super) spelled: Vec<Spelled>,
    /// It changes code that others set off.
    pub(super) changing: Option<Changing>,
    pub(super) heard: Heard,
}

/// What is known of a command from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct About {
    pub(super) effects: EffectSet,
    /// Statements in the text.
    pub(super) statements: u32,
    /// The variables that a `SET session_track_..` names besides.
    pub(super) variables: Vec<Vec<u8>>,
    /// The statement that SQL `PREPARE` or `DEALLOCATE` names.
    pub(super) name: Option<Box<[u8]>>,
    pub(super) finds: Finds,
    /// The text without its data.
    pub(super) digest: Option<Box<str>>,
    /// What else it names; `None` for nothing.
    pub(super) named: Option<Arc<Named>>,
    /// User variables that it sets to literals and nothing more, so that they need not be asked for.
    pub(super) literals: Option<Arc<Literals>>,
    pub(super) plain: Plain,
    /// Code that it sets off.
    pub(super) reach: Option<Arc<Reach>>,
    /// The state of the book by which that was found.
    pub(super) judged: Option<u64>,
}

/// What a text does that does nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plain {
    /// Anything.
    Nothing,
    /// It releases all locks.
    AllLocksReleased,
    /// It takes or releases one lock.
    Lock(LockCall),
    /// It sets the clock.
    Clock(Clock),
    /// It prepares, or executes at once, a statement of which this is known.
    Prepared(Arc<About>),
    /// The same; its text is the value of this user variable.
    PreparedFrom(Bytes),
}

/// Names of user variables and the assignments that give them their values.
pub(super) type Literals = [(Bytes, Bytes)];

impl About {
    /// A command without SQL text.
    pub(super) const NOTHING: Self = Self {
        effects: EffectSet::NONE,
        statements: 1,
        variables: Vec::new(),
        name: None,
        finds: Finds::Nothing,
        digest: None,
        named: None,
        literals: None,
        plain: Plain::Nothing,
        reach: None,
        judged: None,
    };

    pub(super) fn of(summary: &Summary, digest: Option<Box<str>>) -> Self {
        let set = summary
            .effects
            .intersects(EffectSet::SESSION_TRACK.union(EffectSet::SET_SESSION));
        Self {
            effects: summary.effects,
            statements: summary.statements,
            variables: if set {
                let names = summary.variables.iter();
                let names = names.filter(|(_, scope)| *scope == Scope::Session);
                names.map(|(name, _)| name.to_vec()).collect()
            } else {
                Vec::new()
            },
            name: summary.name.as_ref().map(|name| name.as_bytes().into()),
            finds: Finds::Perhaps,
            digest,
            named: None,
            literals: None,
            plain: Plain::Nothing,
            reach: None,
            judged: None,
        }
    }

    /// The server does not understand the text either, so nothing of it has run. (Code that a statement runs may
    /// assemble a text that is not understood, after it has done other things.)
    pub(super) fn was_not_understood(&mut self) {
        if self.statements <= 1 && !self.effects.intersects(UNSEEN) {
            self.effects = self.effects.without(EffectSet::UNKNOWN);
            self.finds = Finds::Nothing;
        }
    }

    /// It was refused before anything of it ran.
    pub(super) fn was_refused(&mut self) {
        if self.statements <= 1 && !self.effects.intersects(UNSEEN) {
            self.finds = Finds::Nothing;
        }
    }

    /// Whether code of the database may have run.
    pub(super) fn signals(&self) -> Signals {
        let code = UNSEEN.union(EffectSet::ROUTINE).union(EffectSet::UNKNOWN);
        let sets_off = self
            .reach
            .as_ref()
            .is_some_and(|reach| reach.blind == Blind::Yes || !reach.codes.is_empty());
        if sets_off || self.effects.intersects(code) {
            Signals::Possible
        } else {
            Signals::None
        }
    }

    /// There is no statement of the name that it executes, so that nothing has run.
    pub(super) fn found_no_statement(&mut self) {
        if self.statements <= 1 {
            self.effects = self.effects.without(EffectSet::EXECUTE);
            self.finds = Finds::Nothing;
        }
    }

    /// What it executes is known.
    pub(super) fn executes(&mut self, inner: &Self) {
        let unseen = EffectSet::EXECUTE.union(EffectSet::EXECUTE_IMMEDIATE);
        self.effects = self.effects.without(unseen).union(inner.effects);
        self.finds = inner.finds;
        self.variables.extend(inner.variables.iter().cloned());
        self.judged = self.judged.filter(|_| self.judged == inner.judged);
        let mut reach = self.reach.as_deref().cloned().unwrap_or_default();
        if let Some(inner) = &inner.reach {
            reach.union(inner);
        }
        self.reach = (reach != Reach::default()).then(|| Arc::new(reach));
        let mut named = self.named.as_deref().cloned().unwrap_or_default();
        if let Some(inner) = &inner.named {
            named.add(inner);
        }
        self.named = (!named.is_empty()).then(|| Arc::new(named));
    }

    /// The same with what the text names.
    pub(super) fn with(mut self, named: Named) -> Self {
        self.named = (!named.is_empty()).then(|| Arc::new(named));
        self
    }
}

/// Whether the client sends a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uploading {
    No,
    Yes,
}

/// What the server has said in answer so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Rows of the result that is under way, or was last.
    pub(super) rows: u64,
    pub(super) outcome: Outcome,
    /// The number of the error that it ended with.
    pub(super) error: u16,
    /// Its SQLSTATE.
    pub(super) sqlstate: Option<[u8; 5]>,
    /// Rows that an `UPDATE` has matched, if that was said.
    pub(super) matched: u64,
    /// Warnings that the reply to a prepare told of.
    pub(super) warnings: u16,
    /// Whether a result reported an insert id.
    pub(super) insert_id: u64,
    /// Whether state changed in a way that no other report explains.
    pub(super) state_change: StateChange,
    /// The last row, if it tells what became of a lock.
    pub(super) row: Vec<u8>,
    /// Names of variables that were reported, if the text sets any.
    pub(super) reported: Vec<Box<[u8]>>,
}

/// How a reply ended.
#[derive(Debug, Clone, Default)]
pub(super) enum Outcome {
    /// It has not.
    #[default]
    Unknown,
    /// By an OK or EOF.
    Done { head: OkHead, rows: Option<u64> },
    /// By an error.
    Failed,
}

/// Whether the server said that state has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum StateChange {
    #[default]
    None,
    Reported,
}

impl Exchange {
    /// Whether the one value of the one row was 1; `None` if there was none or it was something else. What failed has
    /// taken and released nothing.
    pub(super) fn one_value(&self) -> Option<bool> {
        let rows = match &self.heard.outcome {
            Outcome::Done { rows, .. } => *rows,
            Outcome::Failed => return Some(false),
            Outcome::Unknown => None,
        };
        if rows != Some(1) {
            return None;
        }
        match (self.command, self.heard.row.as_slice()) {
            (Command::Query, b"\x011") => Some(true),
            // Zero, and NULL.
            (Command::Query, b"\x010" | [0xfb]) | (Command::StmtExecute, [0, 4]) => Some(false),
            // The mark, which columns are NULL, and a number.
            (Command::StmtExecute, [0, 0, first, rest @ ..])
                if rest.iter().all(|byte| *byte == 0) =>
            {
                match first {
                    0 => Some(false),
                    1 => Some(true),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A command whose last packet had the number `last`.
    pub(super) fn new(command: Command, about: About, last: u8) -> Self {
        let mut sequence = Sequence::after(last);
        sequence.take();
        Self {
            command,
            statement: None,
            about,
            bridge: EofBridge::new(Capabilities::EMPTY, Capabilities::EMPTY),
            sequence,
            begun: None,
            file_text: None,
            uploading: Uploading::No,
            preparing: None,
            spelled: Vec::new(),
            changing: None,
            heard: Heard::default(),
        }
    }
}
