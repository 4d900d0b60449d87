//! The little grammar over tokens: which statement this is, and what it may do to the session.

use operand::Operands;
use setting::Setting;

use super::objects::{Naming, Objects};
use super::question::Questions;
use super::summary::Kept;
use super::{
    ConnectionIdCall, EffectSet, Kill, KillTarget, Server, Span, Summary, TouchedVariables,
    UserVariables,
};
use crate::Name;

mod lead;
mod naming;
mod operand;
mod setting;
mod step;

/// One token of a statement, without white space and comments.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    /// An unquoted word in lower case, which may begin with digits.
    Word(&'a Name),
    /// A quoted identifier in lower case.
    Identifier(&'a Name),
    /// A string literal.
    Text,
    /// Digits, and their value if it is one of 64 bits.
    Number(Option<u64>),
    /// `@name`, in lower case.
    UserVariable(&'a Name),
    /// `@@`
    SystemVariable,
    /// Any other single byte.
    Punct(u8),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of the statement seen yet.
    Lead,
    /// Where a statement may start, or an expression go on: behind `THEN` and its like.
    Branch,
    /// Behind a word that leads no statement: a label if `:` follows.
    Label(Unlabelled),
    /// Behind `BEGIN`.
    Begin,
    /// Behind `START`.
    Start,
    /// The options of `START TRANSACTION`.
    StartTransaction,
    /// Behind `COMMIT`.
    Commit,
    /// Behind `ROLLBACK`.
    Rollback,
    /// Behind `EXPLAIN` or `ANALYZE`.
    Explain,
    Set,
    Xa,
    Create(Lifetime),
    /// A name comes next, perhaps behind words of its statement.
    Naming(Owner),
    /// The rest of that; it may have a `SELECT`.
    Created,
    Drop(Lifetime),
    Alter,
    /// The rest of that.
    Altering,
    Lock,
    Unlock,
    Flush,
    Backup,
    BackingUp,
    /// Behind `HANDLER`: the table's name comes next.
    Handler,
    HandlerNamed,
    Prepare,
    Execute,
    /// Behind the name: `USING` variables, which a `CALL` may write.
    Executed,
    Deallocate,
    DeallocateName,
    Load,
    Loading,
    Call,
    Diagnostics,
    Show,
    Kill(KillTarget),
    /// Behind the number: nothing may follow.
    Killed,
    Reset,
    With,
    /// The head of `IF`, `CASE`, `WHILE` …: statements follow some of its words.
    Block,
    /// The rest does not matter.
    Body,
}

/// What a word that leads no statement is, if it is no label.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unlabelled {
    Statement,
    Expression,
}

/// Whether the text has had statements with statements in them: its expressions may have `THEN` and `ELSE`
/// in places where a statement has them too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blocks {
    None,
    Some,
}

/// Whose name is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// A temporary table that is created.
    NewTable,
    /// A table that is dropped.
    DroppedTable,
    /// A procedure that is called.
    Procedure,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lifetime {
    Lasting,
    Temporary,
}

/// Whether calls of functions that are not the server's count: in definitions, names with a `(` behind them
/// are tables, columns and types.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    Count,
    Ignore,
}

/// Whether the statements are those of the text or of a routine it defines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Routine,
}

/// Whether the server will read what comes next in another mode than the one we were given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Given,
    /// The statement we are in changes it.
    Changing,
    Changed,
}

/// The few words whose successors matter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Other,
    For,
    In,
    Next,
    No,
    Previous,
    Read,
}

/// Whether the token is a word that means something wherever it stands. Most words of a text do not, and are
/// looked at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    No,
    Yes,
}

/// Reads the tokens of one statement after the other and adds up what they may do.
pub(super) struct Statement {
    server: Server,
    stage: Stage,
    before: Before,
    telling: Telling,
    place: Place,
    blocks: Blocks,
    calls: Calls,
    reading: Reading,
    depth: u32,
    has_tokens: bool,
    operands: Operands,
    setting: Setting,
    naming: Naming,
    objects: Objects,
    questions: Questions,
    count: u32,
    effects: EffectSet,
    name: Option<Name>,
    variables: TouchedVariables,
    user_variables: UserVariables,
    kill: Option<Kill>,
    connection_ids: Vec<ConnectionIdCall>,
}

impl Statement {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            stage: Stage::Lead,
            before: Before::Other,
            telling: Telling::No,
            place: Place::Text,
            blocks: Blocks::None,
            calls: Calls::Ignore,
            reading: Reading::Given,
            depth: 0,
            has_tokens: false,
            operands: Operands::NONE,
            setting: Setting::NONE,
            naming: Naming::START,
            objects: Objects::default(),
            questions: Questions::default(),
            count: 0,
            effects: EffectSet::NONE,
            name: None,
            variables: TouchedVariables::default(),
            user_variables: UserVariables::default(),
            kill: None,
            connection_ids: Vec::new(),
        }
    }

    pub(super) fn summary(self) -> Summary {
        let count = self.count;
        let whole = |name: &Name| count == 1 && name.is_whole() && !name.as_bytes().is_empty();
        Summary {
            statements: count,
            effects: self.effects,
            name: self.name.filter(whole),
            variables: self.variables,
            user_variables: self.user_variables,
            kill: self
                .kill
                .filter(|_| !self.effects.intersects(EffectSet::KILL_UNKNOWN)),
            connection_ids: self.connection_ids,
            objects: self.objects,
            questions: self.questions.listed,
            unlisted_questions: self.questions.unlisted,
        }
    }

    pub(super) fn add(&mut self, effects: EffectSet) {
        self.effects.insert(effects);
    }

    /// True when an earlier statement of the text changes the mode that this one is read in.
    pub(super) fn is_read_in_another_mode(&self) -> bool {
        self.reading == Reading::Changed
    }

    /// `;` or the end of the text.
    pub(super) fn end(&mut self) {
        if self.has_tokens {
            self.operands_end();
            self.setting_ends();
            self.naming_ends();
            self.stage_ends();
            self.count = self.count.saturating_add(1);
        }
        if self.reading == Reading::Changing {
            self.reading = Reading::Changed;
        }
        self.stage = Stage::Lead;
        self.before = Before::Other;
        self.calls = Calls::Ignore;
        self.depth = 0;
        self.has_tokens = false;
        self.operands = Operands::NONE;
        self.setting = Setting::NONE;
        self.naming = Naming::START;
    }

    /// What a statement is that stops here.
    fn stage_ends(&mut self) {
        match self.stage {
            Stage::Begin => self.add(EffectSet::BEGIN),
            Stage::Rollback => self.add(EffectSet::ROLLBACK),
            Stage::Label(Unlabelled::Statement) => self.add(EffectSet::UNKNOWN),
            Stage::Create(Lifetime::Lasting) | Stage::Drop(Lifetime::Lasting) => {
                self.add(EffectSet::IMPLICIT_COMMIT);
            }
            Stage::Kill(_) => self.add(EffectSet::KILL_UNKNOWN),
            Stage::Lead
            | Stage::Branch
            | Stage::Label(Unlabelled::Expression)
            | Stage::Start
            | Stage::StartTransaction
            | Stage::Commit
            | Stage::Explain
            | Stage::Set
            | Stage::Xa
            | Stage::Create(Lifetime::Temporary)
            | Stage::Drop(Lifetime::Temporary)
            | Stage::Naming(_)
            | Stage::Created
            | Stage::Alter
            | Stage::Altering
            | Stage::Lock
            | Stage::Unlock
            | Stage::Flush
            | Stage::Backup
            | Stage::BackingUp
            | Stage::Handler
            | Stage::HandlerNamed
            | Stage::Prepare
            | Stage::Execute
            | Stage::Executed
            | Stage::Deallocate
            | Stage::DeallocateName
            | Stage::Load
            | Stage::Loading
            | Stage::Call
            | Stage::Diagnostics
            | Stage::Show
            | Stage::Killed
            | Stage::Reset
            | Stage::With
            | Stage::Block
            | Stage::Body => {}
        }
    }

    pub(super) fn token(&mut self, token: Token<'_>, span: Span) {
        self.has_tokens = true;
        match token {
            Token::Punct(b'(') => self.depth = self.depth.saturating_add(1),
            Token::Punct(b')') => self.depth = self.depth.saturating_sub(1),
            Token::Word(_)
            | Token::Identifier(_)
            | Token::Text
            | Token::Number(_)
            | Token::UserVariable(_)
            | Token::SystemVariable
            | Token::Punct(_) => {}
        }
        self.telling = Telling::of(token.name());
        // A `SET` knows which variables it writes; everything else is an operand.
        if self.stage != Stage::Set || !self.setting_takes(token) {
            self.operand(token, span);
            self.anywhere(token);
        }
        self.advance(token, span);
        self.before = match self.telling {
            Telling::No => Before::Other,
            Telling::Yes => Before::of(token.keyword()),
        };
    }

    /// Words that mean the same in every statement.
    fn anywhere(&mut self, token: Token<'_>) {
        if self.telling == Telling::No {
            return;
        }
        let effects = match (self.before, token.name()) {
            (_, b"sql_calc_found_rows") => EffectSet::CALC_FOUND_ROWS,
            (_, b"processlist") => EffectSet::PROCESSLIST,
            (Before::For, b"update" | b"share") | (Before::In, b"share") => EffectSet::LOCKING_READ,
            (Before::Next, b"value") | (_, b"nextval") => EffectSet::SEQUENCE,
            (Before::Previous, b"value") | (_, b"currval") => EffectSet::SEQUENCE_READ,
            _ => return,
        };
        self.add(effects);
    }

    fn user_variable_written(&mut self, name: Name, write: super::Write) {
        self.add(match write {
            super::Write::Set => EffectSet::USER_VARIABLE_SET,
            super::Write::Other => EffectSet::USER_VARIABLE_WRITE,
        });
        if self.user_variables.write(name, write) == Kept::No {
            self.add(EffectSet::USER_VARIABLE_UNKNOWN);
        }
    }
}

impl Telling {
    #[inline]
    fn of(word: &[u8]) -> Self {
        let telling = match word.first() {
            Some(b'a') => matches!(word, b"as" | b"all"),
            Some(b'c') => matches!(word, b"call" | b"currval"),
            Some(b'd') => matches!(word, b"distinct" | b"delayed"),
            Some(b'f') => matches!(word, b"from" | b"for"),
            Some(b'g') => word == b"group",
            Some(b'h') => matches!(word, b"having" | b"high_priority"),
            Some(b'i') => matches!(word, b"in" | b"into" | b"insert" | b"ignore"),
            Some(b'l') => matches!(word, b"limit" | b"lock" | b"low_priority"),
            Some(b'n') => matches!(word, b"no" | b"next" | b"nextval"),
            Some(b'o') => word == b"order",
            Some(b'p') => matches!(word, b"previous" | b"procedure" | b"processlist"),
            Some(b'r') => matches!(word, b"read" | b"replace" | b"recursive"),
            Some(b's') => matches!(word, b"select" | b"share" | b"sql_calc_found_rows"),
            Some(b't') => word == b"table",
            Some(b'u') => word == b"update",
            Some(b'v') => word == b"value",
            Some(b'w') => matches!(word, b"where" | b"with" | b"window"),
            _ => false,
        };
        if telling { Self::Yes } else { Self::No }
    }
}

impl Before {
    fn of(word: &[u8]) -> Self {
        match word {
            b"for" => Self::For,
            b"in" => Self::In,
            b"next" => Self::Next,
            b"no" => Self::No,
            b"previous" => Self::Previous,
            b"read" => Self::Read,
            _ => Self::Other,
        }
    }
}

impl Token<'_> {
    /// The word, if it may be a keyword; nothing otherwise.
    fn keyword(&self) -> &[u8] {
        match self {
            Token::Word(name) => name.as_bytes(),
            Token::Identifier(_)
            | Token::Text
            | Token::Number(_)
            | Token::UserVariable(_)
            | Token::SystemVariable
            | Token::Punct(_) => &[],
        }
    }

    /// The word or the quoted identifier; nothing otherwise.
    fn name(&self) -> &[u8] {
        match self {
            Token::Word(name) | Token::Identifier(name) => name.as_bytes(),
            Token::Text
            | Token::Number(_)
            | Token::UserVariable(_)
            | Token::SystemVariable
            | Token::Punct(_) => &[],
        }
    }

    fn identifier(&self) -> Option<Name> {
        match self {
            Token::Word(name) | Token::Identifier(name) => Some(**name),
            Token::Text
            | Token::Number(_)
            | Token::UserVariable(_)
            | Token::SystemVariable
            | Token::Punct(_) => None,
        }
    }

    fn is_punct(&self, byte: u8) -> bool {
        matches!(self, Token::Punct(found) if *found == byte)
    }
}
