//! What a text names that outlives it: user variables, temporary tables, locks and stored code.

use tollgate_sql::mysql::{EffectSet, Span, Summary, TableUse};

/// Names and texts of the client's.
pub(super) type Bytes = Box<[u8]>;

/// A query of ours about things with names, and the names in its order.
pub(super) struct Inquiry {
    pub(super) sql: Vec<u8>,
    pub(super) names: Vec<Bytes>,
}

/// The names of one text, as the session knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Named {
    /// User variables that it writes, in lower case.
    pub(super) variables: Vec<Box<[u8]>>,
    /// Temporary tables that it makes and tables that it drops, in its order.
    pub(super) tables: Vec<(TableUse, TableKey)>,
    /// Locks that it takes, as they are spelled.
    pub(super) locks: Vec<Box<[u8]>>,
    /// Code that it calls.
    pub(super) routines: Vec<Routine>,
    /// Its effects on objects whose names are not here.
    pub(super) unnamed: EffectSet,
}

/// A schema and a table in it, spelled as they are: whether case counts is the server's business.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableKey {
    schema: Box<[u8]>,
    table: Box<[u8]>,
}

impl TableKey {
    /// Asks how the table was made. Of a temporary table and another one of its name, the temporary one answers.
    pub(super) fn question(&self) -> Vec<u8> {
        let mut sql = b"SHOW CREATE TABLE `".to_vec();
        sql.extend_from_slice(&self.schema);
        sql.extend_from_slice(b"`.`");
        sql.extend_from_slice(&self.table);
        sql.push(b'`');
        sql
    }
}

/// A stored routine: its name is in lower case, the schema's is as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Routine {
    pub(super) schema: Box<[u8]>,
    pub(super) name: Box<[u8]>,
    pub(super) called: Called,
}

/// How a routine is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Called {
    /// By the client: it may call it, so that it can see that it is there.
    Directly,
    /// By code, which may have more rights.
    ByCode,
}

impl Named {
    /// The names of `text`, which is read with `schema` as its default.
    pub(super) fn of(summary: &Summary, text: &[u8], schema: Option<&[u8]>, by: Called) -> Self {
        let objects = &summary.objects;
        let mut named = Self::of_variables(summary);
        named.unnamed.insert(objects.unnamed);
        // In a text that changes its default in between, only full names are certain.
        let moves = summary.effects.intersects(EffectSet::USE) && summary.statements > 1;
        let schema = schema.filter(|_| !moves);
        for table in &objects.tables {
            let own = table.schema.map(|span| identifier(text, span));
            match (
                own.unwrap_or_else(|| schema.map(Into::into)),
                identifier(text, table.name),
            ) {
                (Some(schema), Some(name)) => {
                    let table_key = TableKey {
                        schema,
                        table: name,
                    };
                    named.tables.push((table.used, table_key));
                }
                (None, _) | (_, None) => named.unnamed.insert(match table.used {
                    TableUse::TemporaryCreated => EffectSet::TEMPORARY_CREATE,
                    TableUse::Dropped => EffectSet::DROP_TABLE,
                }),
            }
        }
        for lock in &objects.locks {
            match plain_literal(text, *lock) {
                Some(name) => named.locks.push(name),
                None => named.unnamed.insert(EffectSet::NAMED_LOCK),
            }
        }
        for routine in &objects.routines {
            let own = routine.schema.map(|span| identifier(text, span));
            let name = routine.name.as_bytes();
            match own.unwrap_or_else(|| schema.map(Into::into)) {
                Some(schema) if is_plain(&schema) && is_plain(name) => {
                    named.routines.push(Routine {
                        schema,
                        name: name.into(),
                        called: by,
                    });
                }
                // Without a schema, only a loaded function can be meant.
                None if schema.is_none() && !moves => {}
                Some(_) | None => named.unnamed.insert(EffectSet::CALL),
            }
        }
        named
    }

    /// Of a text that is too long to be kept.
    pub(super) fn of_long(summary: &Summary) -> Self {
        const KINDS: EffectSet = EffectSet::TEMPORARY_CREATE
            .union(EffectSet::NAMED_LOCK)
            .union(EffectSet::CALL)
            .union(EffectSet::UNKNOWN_FUNCTION);
        let mut named = Self::of_variables(summary);
        named.unnamed.insert(summary.effects.intersection(KINDS));
        named
    }

    fn of_variables(summary: &Summary) -> Self {
        let mut named = Self::default();
        for (name, _) in summary.user_variables.iter() {
            // Which letters beyond ASCII are the same is the server's business.
            if is_plain(name) {
                named.variables.push(name.into());
            } else {
                named.unnamed.insert(EffectSet::USER_VARIABLE_UNKNOWN);
            }
        }
        named
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The names of `other` as well.
    pub(super) fn add(&mut self, other: &Self) {
        self.variables.extend(other.variables.iter().cloned());
        self.tables.extend(other.tables.iter().cloned());
        self.locks.extend(other.locks.iter().cloned());
        self.routines.extend(other.routines.iter().cloned());
        self.unnamed.insert(other.unnamed);
    }
}

/// True for texts that mean the same in every character set and `sql_mode`, between quotes of any kind.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b"'\"`\\".contains(byte);
    text.iter().all(plain)
}

fn spelled(text: &[u8], span: Span) -> &[u8] {
    let start = usize::try_from(span.start).unwrap_or(usize::MAX);
    let end = usize::try_from(span.end).unwrap_or(usize::MAX);
    text.get(start..end).unwrap_or_default()
}

/// The name between its quotes, if it has some; `None` where what it is depends on a character set.
fn identifier(text: &[u8], span: Span) -> Option<Box<[u8]>> {
    let spelled = spelled(text, span);
    let name = match spelled {
        [b'`' | b'"', name @ .., b'`' | b'"'] => name,
        _ => spelled,
    };
    (!name.is_empty() && is_plain(name)).then(|| name.into())
}

fn plain_literal(text: &[u8], span: Span) -> Option<Box<[u8]>> {
    match spelled(text, span) {
        [b'\'' | b'"', name @ .., b'\'' | b'"'] if is_plain(name) => Some(name.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tollgate_sql::mysql::{Mode, classify};

    use super::*;

    fn named(text: &str) -> Named {
        let summary = classify(Mode::default(), text.as_bytes());
        Named::of(&summary, text.as_bytes(), Some(b"Db"), Called::Directly)
    }

    #[test]
    fn names_are_completed_and_keep_their_case() {
        let key = |schema: &str, table: &str| TableKey {
            schema: schema.as_bytes().into(),
            table: table.as_bytes().into(),
        };
        let found = named("CREATE TEMPORARY TABLE `Tt` (a INT)");
        assert_eq!(
            found.tables,
            [(TableUse::TemporaryCreated, key("Db", "Tt"))]
        );
        let found = named("DROP TABLE x.Y");
        assert_eq!(found.tables, [(TableUse::Dropped, key("x", "Y"))]);
        let found = named("USE x; CREATE TEMPORARY TABLE t (a INT)");
        assert_eq!(found.unnamed, EffectSet::TEMPORARY_CREATE);
        let found = named("CALL P(f(1))");
        assert_eq!(&*found.routines[0].name, b"p");
        assert_eq!(&*found.routines[0].schema, b"Db");
    }

    #[test]
    fn what_a_character_set_may_change_is_not_named() {
        assert_eq!(
            named("CREATE TEMPORARY TABLE é (a INT)").unnamed,
            EffectSet::TEMPORARY_CREATE
        );
        assert_eq!(
            named("SELECT GET_LOCK('a\\'b', 1)").unnamed,
            EffectSet::NAMED_LOCK
        );
        assert_eq!(
            named("SET @é = 1").unnamed,
            EffectSet::USER_VARIABLE_UNKNOWN
        );
        assert_eq!(&*named("SELECT GET_LOCK('A b', 1)").locks[0], b"A b");
    }
}
