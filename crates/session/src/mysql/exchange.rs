//! The client's command that is being answered: what it may do, and what has been heard so far.

use std::sync::Arc;

use tollgate_sql::mysql::{EffectSet, Scope, Summary};
use tollgate_wire_mysql::capabilities::Capabilities;
use tollgate_wire_mysql::command::Command;
use tollgate_wire_mysql::frame::Sequence;
use tollgate_wire_mysql::reply::{EofBridge, OkHead};

use super::named::{Bytes, Named};
use super::pins::UNSEEN;
use super::statements::Statement;

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
    /// The text, where the server may ask for a file that it names.
    pub(super) file_text: Option<Vec<u8>>,
    pub(super) uploading: Uploading,
    /// The statement that is being prepared.
    pub(super) preparing: Option<Box<Statement>>,
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
    /// The text without its data.
    pub(super) digest: Option<Box<str>>,
    /// What else it names; `None` for nothing.
    pub(super) named: Option<Arc<Named>>,
    /// User variables that it sets to literals and nothing more, so that they need not be asked for.
    pub(super) literals: Option<Arc<Literals>>,
    pub(super) releases_all: Releases,
}

/// Whether a text does nothing but release all locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Releases {
    Nothing,
    AllLocks,
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
        digest: None,
        named: None,
        literals: None,
        releases_all: Releases::Nothing,
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
            digest,
            named: None,
            literals: None,
            releases_all: Releases::Nothing,
        }
    }

    /// The server does not understand the text either, so nothing of it has run. (Code that a statement runs may
    /// assemble a text that is not understood, after it has done other things.)
    pub(super) fn was_not_understood(&mut self) {
        if self.statements <= 1 && !self.effects.intersects(UNSEEN) {
            self.effects = self.effects.without(EffectSet::UNKNOWN);
        }
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
    /// Whether a result reported an insert id.
    pub(super) insert_id: u64,
    /// Whether state changed in a way that no other report explains.
    pub(super) state_change: StateChange,
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
            file_text: None,
            uploading: Uploading::No,
            preparing: None,
            heard: Heard::default(),
        }
    }
}
