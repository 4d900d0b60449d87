//! What a text does to the names of prepared statements: read off the text, counted off by the tags of those
//! of its statements that ran.

use tollgate_sql::{Deed, Naming, Summary};

use crate::postgres::queue::{Meaning, NameChange, Statements};

/// The changes in a text with this summary; `None` if there are none, or some cannot be told.
pub(in crate::postgres) fn changes(
    summary: &Summary,
    text: Option<&[u8]>,
) -> Option<Box<NameChange>> {
    let namings = summary.namings.all()?;
    if let [naming] = namings
        && summary.statements == 1
        && naming.deed != Deed::DeallocateAll
    {
        return Some(Box::new(change(naming, text)));
    }
    if namings
        .iter()
        .all(|naming| naming.deed == Deed::DeallocateAll)
    {
        return None;
    }
    let all = namings.iter().map(|naming| {
        let span = text.and_then(|text| text.get(naming.span.clone()));
        change(naming, span.map(<[u8]>::trim_ascii))
    });
    Some(Box::new(NameChange::Several(all.collect())))
}

fn change(naming: &Naming, text: Option<&[u8]>) -> NameChange {
    let name = naming.name.as_bytes().into();
    match naming.deed {
        Deed::Prepare => NameChange::Add {
            name,
            text: text.map(Into::into),
            reading: None,
        },
        Deed::Execute => NameChange::Use(name),
        Deed::Deallocate => NameChange::Remove(name),
        Deed::DeallocateAll => NameChange::RemoveAll,
    }
}

impl NameChange {
    /// True if a statement that makes this change is answered with this tag.
    fn is_tagged(&self, tag: &[u8]) -> bool {
        match self {
            Self::Add { .. } => tag == b"PREPARE",
            Self::Remove(_) => tag == b"DEALLOCATE",
            Self::RemoveAll => matches!(tag, b"DEALLOCATE ALL" | b"DISCARD ALL"),
            Self::Use(_) | Self::Several(_) => false,
        }
    }

    /// True if the text only runs statements by their names.
    fn only_runs(&self) -> bool {
        match self {
            Self::Use(_) => true,
            Self::Several(all) => all.iter().all(Self::only_runs),
            Self::Add { .. } | Self::Remove(_) | Self::RemoveAll => false,
        }
    }
}

impl Meaning {
    /// The change that a statement of the text has made, which was answered with this tag. `None` if there is
    /// none or it is not known. `statements` says how many are answered in one.
    pub(in crate::postgres) fn take_change(
        &mut self,
        tag: &[u8],
        statements: Statements,
    ) -> Option<NameChange> {
        if let Some(NameChange::Several(all)) = self.name.as_deref_mut() {
            let next = all
                .iter()
                .position(|change| !matches!(change, NameChange::Use(_)))?;
            let fits = all.get(next).is_some_and(|change| change.is_tagged(tag));
            return fits.then(|| all.remove(next));
        }
        match statements {
            Statements::One => self.name.take().map(|change| *change),
            Statements::None | Statements::Many => None,
        }
    }

    /// True if a text that has failed may have made a change all the same, which its commit undid too late.
    pub(in crate::postgres) fn leaves_changes_open(&self) -> bool {
        match self.name.as_deref() {
            Some(several @ NameChange::Several(_)) => !several.only_runs(),
            Some(
                NameChange::Add { .. }
                | NameChange::Remove(_)
                | NameChange::Use(_)
                | NameChange::RemoveAll,
            )
            | None => false,
        }
    }
}
