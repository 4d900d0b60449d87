//! What a text says of prepared statements by their names, in order: which it makes, runs and drops.

use std::ops::Range;

use crate::Name;

/// More of them than this are not kept.
const MAX_NAMINGS: usize = 64;

/// One mention of a prepared statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// What becomes of it.
    pub deed: Deed,
    /// Its name; empty for `DEALLOCATE ALL`.
    pub name: Name,
    /// Where in the text the statement is that says so: bytes from the end of the one before it up to its
    /// semicolon, white space and comments included.
    pub span: Range<usize>,
}

/// What a text does with a prepared statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// `PREPARE name`.
    Prepare,
    /// `EXECUTE name`, also below `EXPLAIN` and `CREATE TABLE .. AS`. There may be mentions among these that
    /// are none, for a column may have that name as well.
    Execute,
    /// `DEALLOCATE name`.
    Deallocate,
    /// `DEALLOCATE ALL` or `DISCARD ALL`.
    DeallocateAll,
}

/// The mentions of a text, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namings {
    list: Vec<Naming>,
    lost: Lost,
}

/// Whether mentions are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Lost {
    #[default]
    None,
    Some,
}

impl Namings {
    /// All of them; `None` if the text may name statements in ways that cannot be listed: in the body of a
    /// `DO`, by a name that is too long, or too often.
    pub fn all(&self) -> Option<&[Naming]> {
        match self.lost {
            Lost::None => Some(&self.list),
            Lost::Some => None,
        }
    }

    /// Some are not in the list.
    pub(crate) fn lose(&mut self) {
        self.lost = Lost::Some;
    }

    pub(crate) fn add(&mut self, deed: Deed, name: Option<Name>, start: usize) {
        let name = match deed {
            Deed::DeallocateAll => Some(Name::EMPTY),
            Deed::Prepare | Deed::Execute | Deed::Deallocate => {
                name.filter(|name| name.is_whole() && !name.as_bytes().is_empty())
            }
        };
        match name {
            Some(name) if self.list.len() < MAX_NAMINGS => self.list.push(Naming {
                deed,
                name,
                span: start..start,
            }),
            Some(_) | None => self.lose(),
        }
    }

    /// The statement that starts there ends here.
    pub(crate) fn statement_ends(&mut self, start: usize, end: usize) {
        let of_statement = |naming: &&mut Naming| naming.span.start >= start;
        for naming in self.list.iter_mut().rev().take_while(of_statement) {
            naming.span.end = end;
        }
    }

    /// The name, if the text names one statement once.
    pub(crate) fn only(&self) -> Option<Name> {
        match self.all()? {
            [one] if one.deed != Deed::DeallocateAll => Some(one.name),
            _ => None,
        }
    }
}
