//! Calls in code, and those of `set_config`: whose third argument tells how long a setting lasts and whose first
//! one names it.

use super::setting::Reach;
use super::{Stage, Statement};
use crate::{Calls, EffectSet, LastTouch, Name};

/// How far a call of `set_config` has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    None,
    Named,
    Arguments {
        depth: u32,
        commas: u32,
        last: Argument,
        first: First,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    Empty,
    True,
    /// A string literal that can be read.
    Literal,
    /// One with the start of a cast behind it.
    Cast,
    Other,
}

/// What is known of the first argument, once its comma has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// It is one literal, and `CalledName` has it.
    Told,
    Hidden,
}

/// The string literal at the place of the first argument.
#[derive(Clone, Copy)]
pub(super) struct CalledName {
    name: Name,
    spelling: Spelling,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// All of the literal is in the name.
    Plain,
    /// There is no literal, or it cannot be read without knowing how the server reads it.
    Hidden,
}

impl CalledName {
    pub(super) const NONE: Self = Self {
        name: Name::EMPTY,
        spelling: Spelling::Hidden,
    };
}

impl Statement {
    /// True where a string literal would be the name of the setting.
    pub(crate) fn wants_name(&self) -> bool {
        matches!(
            self.call,
            Call::Arguments {
                depth: 1,
                commas: 0,
                last: Argument::Empty,
                ..
            }
        )
    }

    /// Arguments follow this name, which stands in quotes and so is no word of the language.
    pub(crate) fn calls_quoted(&mut self, name: &Name) {
        if self.stage != Stage::Quiet {
            self.calls.call(name);
        }
    }

    /// Arguments follow a name that cannot be told.
    pub(crate) fn calls_anything(&mut self) {
        if self.stage != Stage::Quiet {
            self.calls.add(&Calls::ANYTHING);
        }
    }

    /// True among the arguments of a call that is followed.
    pub(crate) fn is_in_call(&self) -> bool {
        matches!(self.call, Call::Arguments { .. })
    }

    /// True when the literal that is the name has no letters yet.
    pub(crate) fn name_is_empty(&self) -> bool {
        self.called_name.name.as_bytes().is_empty()
    }

    /// The literal that is the name starts.
    pub(crate) fn name_starts(&mut self) {
        self.called_name.name.clear();
        self.called_name.spelling = Spelling::Plain;
    }

    /// More of the literal. No setting has a backslash in its name, so whether it escapes need not matter.
    pub(crate) fn name_goes_on(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\\' {
                self.called_name.spelling = Spelling::Hidden;
            }
            self.called_name.name.push(byte.to_ascii_lowercase());
        }
    }

    /// True if `type_name` ends a cast that leaves a literal what it is. The server writes them so itself.
    pub(super) fn call_casts(&mut self, type_name: &[u8]) -> bool {
        match &mut self.call {
            Call::Arguments {
                depth: 1,
                last: last @ Argument::Cast,
                ..
            } if type_name == b"text" => {
                *last = Argument::Literal;
                true
            }
            Call::None | Call::Named | Call::Arguments { .. } => false,
        }
    }

    /// A string literal is over.
    pub(crate) fn call_text(&mut self) {
        if self.call == Call::None {
            return;
        }
        let spelling = std::mem::replace(&mut self.called_name.spelling, Spelling::Hidden);
        self.call_argument(match spelling {
            Spelling::Plain => Argument::Literal,
            Spelling::Hidden => Argument::Other,
        });
    }

    /// `set_config` is named. A call inside the arguments of another is taken for the lasting kind and not
    /// followed; true if this one is.
    pub(super) fn call_named(&mut self) -> bool {
        if self.call != Call::None {
            self.add(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
        }
        let follows = !matches!(self.call, Call::Arguments { .. });
        if follows {
            self.call = Call::Named;
        }
        follows
    }

    #[inline]
    pub(super) fn call_argument(&mut self, argument: Argument) {
        match &mut self.call {
            Call::None => {}
            Call::Named => self.call_abandoned(),
            Call::Arguments { depth, last, .. } => {
                let whole = *depth == 1 && *last == Argument::Empty;
                *last = if whole { argument } else { Argument::Other };
            }
        }
    }

    #[inline]
    pub(super) fn call_punct(&mut self, byte: u8) {
        match (&mut self.call, byte) {
            (Call::None, _) => {}
            (Call::Named, b'(') => {
                self.call = Call::Arguments {
                    depth: 1,
                    commas: 0,
                    last: Argument::Empty,
                    first: First::Hidden,
                };
            }
            (Call::Named, _) => self.call_abandoned(),
            (Call::Arguments { depth, last, .. }, b'(') => {
                *depth = depth.saturating_add(1);
                *last = Argument::Other;
            }
            (Call::Arguments { depth: 1, .. }, b')') => self.call_ends(),
            (Call::Arguments { depth, .. }, b')') => *depth = depth.saturating_sub(1),
            (
                Call::Arguments {
                    depth: 1,
                    commas,
                    last,
                    first,
                },
                b',',
            ) => {
                if *commas == 0 && *last == Argument::Literal {
                    *first = First::Told;
                }
                *commas = commas.saturating_add(1);
                *last = Argument::Empty;
            }
            (
                Call::Arguments {
                    depth: 1,
                    last: last @ (Argument::Literal | Argument::Cast),
                    ..
                },
                b':',
            ) => *last = Argument::Cast,
            (Call::Arguments { last, .. }, _) => *last = Argument::Other,
        }
    }

    fn call_ends(&mut self) {
        let call = std::mem::replace(&mut self.call, Call::None);
        let Call::Arguments {
            commas,
            last,
            first,
            ..
        } = call
        else {
            return;
        };
        let reach = if commas == 2 && last == Argument::True {
            Reach::Transaction
        } else {
            Reach::Session
        };
        match first {
            First::Told => {
                let name = self.called_name.name;
                self.touch(reach, &name, LastTouch::Set);
            }
            First::Hidden => self.add(reach.unknown()),
        }
    }

    /// What was named `set_config` cannot be followed any further: it may have set anything.
    pub(crate) fn call_abandoned(&mut self) {
        if self.call != Call::None {
            self.call = Call::None;
            self.add(Reach::Session.unknown());
        }
    }
}
