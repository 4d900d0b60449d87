//! Where the scanner stands in a reply.

use super::part::Definitions;

/// What the definitions that are being read are followed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Rows,
    /// A prepared statement's columns, this many.
    Columns(u16),
    /// A prepared statement's columns, which are left out.
    OmittedColumns,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) of: Definitions,
    pub(super) left: u16,
    pub(super) after: After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A result begins, or the only packet is to come.
    Result,
    Single,
    Text,
    Prepare,
    Fields,
    Definitions(Group),
    /// The EOF behind definitions.
    GroupEnd(Group),
    Rows,
    /// Rows of output parameters, whose end says nothing of what follows.
    OutParameters,
    Upload,
    /// The server has sent its error before the client finished.
    UploadRefused,
    /// The client has sent its file; OK or ERR is to come.
    UploadEnd,
    Login,
    Stream,
    Done,
}

/// How the rows of a reply are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    Text,
    Binary,
    /// Binary, and the reply ends with them.
    Cursor,
}

impl State {
    /// Where that is, for an error.
    pub(super) fn place(&self) -> &'static str {
        match self {
            State::Result => "where a result begins",
            State::Single => "in place of OK",
            State::Text => "in place of a text",
            State::Prepare => "in place of the answer to a prepare",
            State::Fields | State::Definitions(_) => "among column definitions",
            State::GroupEnd(_) => "in place of the EOF behind column definitions",
            State::Rows | State::OutParameters => "among rows",
            State::Upload | State::UploadRefused => "while a file is sent",
            State::UploadEnd => "in place of OK after a file was sent",
            State::Login => "in a login",
            State::Stream => "in a stream",
            State::Done => "after the reply",
        }
    }
}
