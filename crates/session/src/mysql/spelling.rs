//! Names of columns that are named after their own text: where a part of that was replaced, the client is told what it
//! wrote.

use tollgate_sql::mysql::Placement;
use tollgate_wire_mysql::output::put_lenenc_bytes;

use super::answers;
use super::exchange::Exchange;
use super::questions::Replacement;
use crate::Effects;

/// Strings of a column definition in front of the column's name (`ColumnDefinition41`): catalogue, schema, table, and the
/// table's own name.
const BEFORE_NAME: usize = 4;

/// A part of a text that went to the server in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spelled {
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl Spelled {
    /// Of a text and what takes the places of its parts. Whole columns get their names in the text itself.
    pub(super) fn of(text: &[u8], replacements: &[Replacement]) -> Vec<Self> {
        let inner = replacements
            .iter()
            .filter(|replacement| replacement.placement == Placement::Inner);
        inner
            .filter_map(|replacement| {
                let start = usize::try_from(replacement.span.start).ok()?;
                let end = usize::try_from(replacement.span.end).ok()?;
                Some(Self {
                    ours: replacement.text.clone(),
                    theirs: text.get(start..end)?.to_vec(),
                })
            })
            .collect()
    }
}

impl Exchange {
    /// Writes a column definition with the name that the client's text gives it; `None` if that is the name it has.
    pub(super) fn rename(&mut self, definition: &[u8], out: &mut Effects) -> Option<()> {
        let renamed = self.respelled(definition)?;
        answers::raw(out, &mut self.sequence, &renamed);
        Some(())
    }

    /// A column definition with the name that the client's text gives it; `None` if that is the name it has.
    fn respelled(&self, definition: &[u8]) -> Option<Vec<u8>> {
        if self.spelled.is_empty() {
            return None;
        }
        let mut rest = definition;
        for _ in 0..BEFORE_NAME {
            rest = string(rest)?.1;
        }
        let (name, behind) = string(rest)?;
        let mut renamed = name.to_vec();
        let mut from = 0_usize;
        // In the order of the text, since answers to different questions may look alike.
        for spelled in &self.spelled {
            let tail = renamed.get(from..).unwrap_or_default();
            let Some(at) = memchr::memmem::find(tail, &spelled.ours) else {
                continue;
            };
            let at = from.saturating_add(at);
            let end = at.saturating_add(spelled.ours.len());
            renamed.splice(at..end, spelled.theirs.iter().copied());
            from = at.saturating_add(spelled.theirs.len());
        }
        if renamed == name {
            return None;
        }
        let before = definition.len().saturating_sub(rest.len());
        let mut changed = definition.get(..before)?.to_vec();
        put_lenenc_bytes(&mut changed, &renamed);
        changed.extend_from_slice(behind);
        Some(changed)
    }
}

/// A string with its length in front, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (length, rest) = match first {
        0xfc => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        0xfb | 0xfd..=0xff => return None,
        small => (usize::from(small), rest),
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use tollgate_sql::mysql::Span;
    use tollgate_wire_mysql::command::Command;

    use super::super::exchange::About;
    use super::*;

    fn replacement(start: u64, end: u64, text: &str) -> Replacement {
        Replacement {
            span: Span { start, end },
            placement: Placement::Inner,
            text: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_column_is_called_what_the_client_wrote() {
        let text = b"SELECT f()*0, g()+1";
        let replacements = [replacement(7, 10, "5"), replacement(14, 17, "5")];
        let mut exchange = Exchange::new(Command::Query, About::NOTHING, 0);
        exchange.spelled = Spelled::of(text, &replacements);
        let definition = |name: &str| {
            let mut bytes = b"\x03def\0\0\0".to_vec();
            put_lenenc_bytes(&mut bytes, name.as_bytes());
            bytes.extend(b"\0\x0cxx");
            bytes
        };
        assert_eq!(
            exchange.respelled(&definition("5*0")),
            Some(definition("f()*0"))
        );
        assert_eq!(exchange.respelled(&definition("a")), None);
        assert_eq!(exchange.respelled(b"\x03de"), None);
    }
}
