//! `SET` and `RESET`: which setting they change, and for how long.
//!
//! Source of the grammar: PostgreSQL 15 `src/backend/parser/gram.y`, `VariableSetStmt` and
//! `VariableResetStmt`. Most of its keywords may be names of settings too; what follows them tells.

use super::{Scope, Statement, Token};
use crate::touched::Kept;
use crate::{EffectSet, LastTouch, Name};

/// How far a `SET` or `RESET` has been read.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    verb: Verb,
    reach: Reach,
    place: Place,
    name: Name,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Set,
    Reset,
}

/// How long a setting lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Session,
    Transaction,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A name or a keyword comes next.
    Start,
    /// Behind a name, or a keyword that may still be one.
    Named(Head),
    /// Behind a dot within a name.
    Dot,
    /// The value comes next.
    Value,
    /// The value of `TIME ZONE` comes next.
    Zone,
    /// The rest does not matter.
    Done,
}

/// Keywords that lead a form of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    None,
    Local,
    Session,
    Transaction,
    Constraints,
    Time,
    Names,
    Schema,
    Role,
    Xml,
}

impl Setting {
    pub(super) const NONE: Self = Self {
        verb: Verb::Set,
        reach: Reach::Session,
        place: Place::Done,
        name: Name::EMPTY,
    };
}

impl Reach {
    /// The effects of a setting without a name.
    pub(super) fn unknown(self) -> EffectSet {
        match self {
            Self::Session => EffectSet::SETTING | EffectSet::SETTING_UNKNOWN,
            Self::Transaction => EffectSet::LOCAL_SETTING | EffectSet::LOCAL_SETTING_UNKNOWN,
        }
    }
}

impl Head {
    fn of(token: Token<'_>) -> Self {
        match token.keyword() {
            b"local" => Self::Local,
            b"session" => Self::Session,
            b"transaction" => Self::Transaction,
            b"constraints" => Self::Constraints,
            b"time" => Self::Time,
            b"names" => Self::Names,
            b"schema" => Self::Schema,
            b"role" => Self::Role,
            b"xml" => Self::Xml,
            _ => Self::None,
        }
    }
}

impl Statement {
    pub(super) fn setting_starts(&mut self, verb: Verb) {
        self.setting = Setting {
            verb,
            reach: Reach::Session,
            place: Place::Start,
            name: Name::EMPTY,
        };
    }

    pub(super) fn setting_token(&mut self, token: Token<'_>) {
        match self.setting.place {
            Place::Start => self.setting_name(token),
            Place::Named(head) => self.setting_named(head, token),
            Place::Dot => match token.name() {
                Some(name) => {
                    self.setting.name.push_lower(&name);
                    self.setting.place = Place::Named(Head::None);
                }
                None => self.setting_unclear(),
            },
            Place::Value => self.setting_value(token),
            Place::Zone => match token.keyword() {
                b"default" | b"local" => self.setting_known(LastTouch::Reset),
                _ => self.setting_known(LastTouch::Set),
            },
            Place::Done => {}
        }
    }

    /// The statement is over.
    pub(super) fn setting_ends(&mut self) {
        match (self.setting.place, self.setting.verb) {
            (Place::Done, _) => {}
            (Place::Start, _) => {
                // A syntax error, unless a body puts the statement together from pieces.
                if self.scope != Scope::Text {
                    self.setting_unclear();
                }
            }
            (Place::Named(_), Verb::Reset) => self.setting_known(LastTouch::Reset),
            (Place::Named(Head::Names), Verb::Set) => {
                self.setting_is(b"client_encoding");
                self.setting_known(LastTouch::Reset);
            }
            (Place::Named(Head::Local), Verb::Set) => {
                self.setting.reach = Reach::Transaction;
                self.setting_unclear();
            }
            (Place::Named(_) | Place::Dot, _) => self.setting_unclear(),
            (Place::Value | Place::Zone, _) => self.setting_known(LastTouch::Set),
        }
    }

    /// The string that the statement is in is over, and another one may go on with the name.
    pub(super) fn setting_piece_ends(&mut self) {
        if self.setting.verb == Verb::Reset && matches!(self.setting.place, Place::Named(_)) {
            self.setting_unclear();
        }
    }

    fn setting_name(&mut self, token: Token<'_>) {
        let Some(name) = token.name() else {
            self.setting_unclear();
            return;
        };
        if self.setting.verb == Verb::Reset && token.keyword() == b"all" {
            self.add(EffectSet::SETTING | EffectSet::RESET_ALL);
            self.setting.place = Place::Done;
            return;
        }
        self.setting.name.clear();
        self.setting.name.push_lower(&name);
        self.setting.place = Place::Named(Head::of(token));
    }

    fn setting_named(&mut self, head: Head, token: Token<'_>) {
        match (token, self.setting.verb) {
            (Token::Punct(b'.'), _) => {
                self.setting.name.push(b'.');
                self.setting.place = Place::Dot;
            }
            (Token::Punct(b'='), Verb::Set) => self.setting.place = Place::Value,
            (Token::Word(word), Verb::Set) if word.as_bytes() == b"to" => {
                self.setting.place = Place::Value;
            }
            // `FROM CURRENT` makes a value of the transaction one of the session.
            (Token::Word(word), Verb::Set) if word.as_bytes() == b"from" => {
                self.setting_known(LastTouch::Set);
            }
            (Token::Punct(_) | Token::Number, _) => self.setting_unclear(),
            (
                Token::Word(_) | Token::Identifier(_) | Token::UnicodeIdentifier(_) | Token::Text,
                Verb::Set,
            ) => self.set_form(head, token),
            (
                Token::Word(_) | Token::Identifier(_) | Token::UnicodeIdentifier(_) | Token::Text,
                Verb::Reset,
            ) => self.reset_form(head, token),
        }
    }

    /// `SET`, a keyword, and something that shows that it is no name.
    fn set_form(&mut self, head: Head, token: Token<'_>) {
        match (head, token.keyword()) {
            (Head::Session, b"authorization") => {
                self.setting_is(b"session_authorization");
                self.setting.place = Place::Value;
            }
            (Head::Session, b"characteristics") => self.characteristics(),
            (Head::Session, _) => self.setting_name(token),
            (Head::Local, _) => {
                self.setting.reach = Reach::Transaction;
                self.setting_name(token);
            }
            (Head::Transaction | Head::Constraints, _) => self.of_transaction(),
            (Head::Time, b"zone") => {
                self.setting_is(b"timezone");
                self.setting.place = Place::Zone;
            }
            (Head::Xml, b"option") => {
                self.setting_is(b"xmloption");
                self.setting.place = Place::Value;
            }
            (Head::Names, _) => {
                self.setting_is(b"client_encoding");
                self.setting_value(token);
            }
            (Head::Schema, _) => {
                self.setting_is(b"search_path");
                self.setting_value(token);
            }
            (Head::Role, _) => self.setting_value(token),
            (Head::None | Head::Time | Head::Xml, _) => self.setting_unclear(),
        }
    }

    /// `RESET`, a keyword, and something that shows that it is no name.
    fn reset_form(&mut self, head: Head, token: Token<'_>) {
        match (head, token.keyword()) {
            (Head::Session, b"authorization") => self.setting_is(b"session_authorization"),
            (Head::Time, b"zone") => self.setting_is(b"timezone"),
            (Head::Transaction, b"isolation") => {
                self.of_transaction();
                return;
            }
            _ => {
                self.setting_unclear();
                return;
            }
        }
        self.setting_known(LastTouch::Reset);
    }

    fn setting_value(&mut self, token: Token<'_>) {
        let last = match token.keyword() {
            b"default" => LastTouch::Reset,
            _ => LastTouch::Set,
        };
        self.setting_known(last);
    }

    fn setting_is(&mut self, name: &[u8]) {
        self.setting.name = Name::from_bytes(name);
    }

    fn setting_known(&mut self, last: LastTouch) {
        let name = self.setting.name;
        self.setting.place = Place::Done;
        self.touch(self.setting.reach, &name, last);
    }

    fn setting_unclear(&mut self) {
        self.setting.place = Place::Done;
        self.add(self.setting.reach.unknown());
    }

    fn of_transaction(&mut self) {
        self.setting.place = Place::Done;
        self.add(EffectSet::LOCAL_SETTING);
    }

    fn characteristics(&mut self) {
        for name in [
            &b"default_transaction_isolation"[..],
            b"default_transaction_read_only",
            b"default_transaction_deferrable",
        ] {
            self.setting_is(name);
            self.setting_known(LastTouch::Set);
        }
    }

    /// A setting, whose name is in lower case, is given a value or its default.
    pub(super) fn touch(&mut self, reach: Reach, name: &Name, last: LastTouch) {
        match name.as_bytes() {
            b"seed" => self.add(EffectSet::SEED),
            // Every transaction starts with the default; see PostgreSQL 15 `StartTransaction`.
            b"transaction_isolation" | b"transaction_read_only" | b"transaction_deferrable" => {
                self.add(EffectSet::LOCAL_SETTING);
            }
            b"session_authorization" => {
                self.touch_name(reach, name, last);
                // To choose somebody is to choose no role as well; to go back is to go back with both.
                self.touch_name(reach, &Name::from_bytes(b"role"), last);
            }
            // Names of old; source: PostgreSQL 16 `map_old_guc_names`.
            b"sort_mem" => self.touch_name(reach, &Name::from_bytes(b"work_mem"), last),
            b"vacuum_mem" => {
                self.touch_name(reach, &Name::from_bytes(b"maintenance_work_mem"), last);
            }
            // The former is the name up to PostgreSQL 15, the latter from 16 on.
            b"force_parallel_mode" | b"debug_parallel_query" => {
                self.touch_name(reach, &Name::from_bytes(b"force_parallel_mode"), last);
                self.touch_name(reach, &Name::from_bytes(b"debug_parallel_query"), last);
            }
            _ => self.touch_name(reach, name, last),
        }
    }

    fn touch_name(&mut self, reach: Reach, name: &Name, last: LastTouch) {
        let custom = name.as_bytes().contains(&b'.');
        match reach {
            Reach::Session => self.add(EffectSet::SETTING),
            Reach::Transaction => {
                self.add(EffectSet::LOCAL_SETTING);
                // That a name goes on to exist is not worth a question after every call of a routine.
                if (!custom && name.is_whole()) || self.home == Scope::Body {
                    return;
                }
            }
        }
        // How the server folds letters beyond ASCII depends on its encoding.
        let readable = name.is_whole() && !name.as_bytes().is_empty() && name.as_bytes().is_ascii();
        if !readable || self.settings.touch(name, last) == Kept::No {
            self.add(reach.unknown());
        }
    }
}
