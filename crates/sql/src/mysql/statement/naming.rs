//! The names of temporary tables, dropped tables and procedures.

use super::{Calls, Naming, Owner, Stage, Statement, Token};
use crate::mysql::objects::{Named, Part};
use crate::mysql::{EffectSet, RoutineName, Span, TableName, TableUse};

impl Statement {
    pub(super) fn naming_starts(&mut self, owner: Owner) -> Stage {
        self.naming = Naming::START;
        Stage::Naming(owner)
    }

    /// A token where a name is waited for, or behind it.
    pub(super) fn naming(&mut self, token: Token<'_>, span: Span, owner: Owner) -> Stage {
        let begins = matches!(self.naming, Naming::Expected(None));
        // These words are reserved: as names they are quoted.
        if begins && matches!(token.keyword(), b"if" | b"not" | b"exists") {
            return Stage::Naming(owner);
        }
        let is_dot = token.is_punct(b'.');
        match self.naming.token(token.identifier(), span, is_dot) {
            Named::Taken => Stage::Naming(owner),
            Named::Complete(schema, part) => {
                self.named(owner, schema, part);
                self.behind_name(owner, token)
            }
            Named::Not => {
                self.unnamed(owner);
                Stage::Body
            }
        }
    }

    fn behind_name(&mut self, owner: Owner, token: Token<'_>) -> Stage {
        match owner {
            Owner::DroppedTable if token.is_punct(b',') => self.naming_starts(owner),
            Owner::DroppedTable => Stage::Body,
            Owner::NewTable => {
                if matches!(token.keyword(), b"select" | b"values" | b"with") {
                    self.calls = Calls::Count;
                }
                Stage::Created
            }
            Owner::Procedure => Stage::Call,
        }
    }

    /// The statement is over, perhaps right behind a name.
    pub(super) fn naming_ends(&mut self) {
        match (self.stage, self.naming) {
            (Stage::Naming(owner), Naming::Named(schema, part)) => self.named(owner, schema, part),
            (Stage::Naming(owner), Naming::Expected(_)) => self.unnamed(owner),
            _ => {}
        }
    }

    fn named(&mut self, owner: Owner, schema: Option<Part>, part: Part) {
        let schema = schema.map(|schema| schema.span);
        let table = |used| TableName {
            used,
            schema,
            name: part.span,
        };
        match owner {
            Owner::NewTable => self.objects.table(table(TableUse::TemporaryCreated)),
            Owner::DroppedTable => self.objects.table(table(TableUse::Dropped)),
            Owner::Procedure => {
                let name = part.name;
                let routine = RoutineName { schema, name };
                self.objects.routine(routine, EffectSet::CALL);
            }
        }
    }

    fn unnamed(&mut self, owner: Owner) {
        self.objects.unnamed.insert(match owner {
            Owner::NewTable => EffectSet::TEMPORARY_CREATE,
            Owner::DroppedTable => EffectSet::DROP_TABLE,
            Owner::Procedure => EffectSet::CALL,
        });
    }
}
