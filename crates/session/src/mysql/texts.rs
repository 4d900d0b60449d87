//! What texts mean, which the sessions of one thread say again and again.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use tollgate_sql::MySqlMemo;
use tollgate_sql::mysql::{Mode, Summary};

use super::finding::Finds;

/// The texts that the sessions of one thread have read. Cheap to clone; all clones are one table.
#[derive(Clone, Default)]
pub struct TextTable(Rc<RefCell<MySqlMemo<Finds>>>);

/// What a complete text says.
pub(super) struct Text {
    pub(super) summary: Summary,
    pub(super) finds: Finds,
}

impl TextTable {
    /// Reads a text, or remembers what it says.
    pub(super) fn read(&self, mode: Mode, text: &[u8]) -> Text {
        let mut memo = self.0.borrow_mut();
        let finds = |summary: &Summary| Finds::of(mode.server, summary, text);
        let (summary, finds) = memo.read(mode, text, finds);
        Text { summary, finds }
    }
}

impl fmt::Debug for TextTable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TextTable").finish_non_exhaustive()
    }
}
