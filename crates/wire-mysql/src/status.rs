//! What a server says about the session after each result: the status flags.

use crate::bits::bit_set;

/// Status flags of OK and EOF packets (`mysql_com.h`, `SERVER_…`). ERR packets carry none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StatusFlags(u16);

bit_set! { StatusFlags, u16,
    /// A transaction is open.
    IN_TRANS = 0x0001;
    /// `autocommit` is on.
    AUTOCOMMIT = 0x0002;
    /// Another result follows this one.
    MORE_RESULTS_EXISTS = 0x0008;
    /// The query used no good index.
    NO_GOOD_INDEX_USED = 0x0010;
    /// The query used no index.
    NO_INDEX_USED = 0x0020;
    /// A cursor is open; rows come by `COM_STMT_FETCH`.
    CURSOR_EXISTS = 0x0040;
    /// The cursor has given its last row.
    LAST_ROW_SENT = 0x0080;
    /// The current schema was dropped.
    DB_DROPPED = 0x0100;
    /// Backslashes are ordinary characters in strings.
    NO_BACKSLASH_ESCAPES = 0x0200;
    /// The columns of a prepared statement are no longer what they were.
    METADATA_CHANGED = 0x0400;
    /// The query was slow.
    QUERY_WAS_SLOW = 0x0800;
    /// This result is the set of output parameters of a procedure.
    PS_OUT_PARAMS = 0x1000;
    /// The open transaction is read only.
    IN_TRANS_READONLY = 0x2000;
    /// This OK packet carries changes of session state.
    SESSION_STATE_CHANGED = 0x4000;
    /// MariaDB: `ANSI_QUOTES` is in `sql_mode`.
    ANSI_QUOTES = 0x8000;
}

impl StatusFlags {
    /// From the two bytes of a packet.
    pub const fn from_wire(bits: u16) -> Self {
        Self(bits)
    }

    /// The two bytes of a packet.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_flags() {
        assert_eq!(
            format!("{:?}", StatusFlags::from_wire(3)),
            "[IN_TRANS, AUTOCOMMIT]"
        );
        assert_eq!(StatusFlags::from_wire(0x4002).bits(), 0x4002);
    }
}
