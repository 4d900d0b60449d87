//! The kinds of requests: by what they are answered, and whose they are.

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Parse of a named statement: `1`.
    Parse,
    /// Parse of the unnamed statement: `1`.
    UnnamedParse,
    /// Our own Parse of the client's unnamed statement: `1`, swallowed.
    InjectedParse,
    /// `2`.
    Bind,
    /// `t`, then as `DescribeColumns`.
    DescribeStatement,
    /// Describe of a portal, or of a statement after its `t`: `T` or `n`.
    DescribeColumns,
    /// `C`, `I` or `s` after any number of rows, or a COPY.
    Execute,
    /// `3`.
    Close,
    /// Close of the unnamed statement: `3`.
    UnnamedClose,
    /// Our own Close of the unnamed statement: `3`, swallowed.
    InjectedClose,
    /// Our own Parse of a statement with a name: `1`, swallowed.
    Make,
    /// Our own Describe of a statement: `t`, then as `LearnColumns`, swallowed.
    Learn,
    /// Our own Describe after its `t`: `T` or `n`, swallowed.
    LearnColumns,
    /// Our own Close of a statement or portal with a name: `3`, swallowed.
    Drop,
    /// Our own Bind: `2`, swallowed.
    OwnBind,
    /// Our own Execute of a `PREPARE`: `C`, swallowed.
    OwnExecute,
    /// Our own Sync behind messages of our own: `Z`, swallowed.
    OwnSync,
    /// `Z`.
    Sync,
    /// Any results, then `Z`.
    Query,
    /// `V`, then `Z`.
    FunctionCall,
    /// Our own Query that gives the connection the client's settings: like a Query's, swallowed.
    Replay,
    /// Our own Query that asks what the session has: one row, then `C` and `Z`, swallowed.
    Inspection,
    /// Our own Query about the routines of the database: rows, then `C` and `Z`, swallowed.
    Catalogue,
    /// No reply: marks where the client ended its COPY data, for a COPY the server has not begun yet.
    CopyEnd,
}

impl Kind {
    /// True for requests of the extended protocol, whose failure makes the server skip to the next Sync.
    pub(crate) fn is_extended(self) -> bool {
        match self {
            Self::Parse
            | Self::UnnamedParse
            | Self::InjectedParse
            | Self::Bind
            | Self::DescribeStatement
            | Self::DescribeColumns
            | Self::Execute
            | Self::Close
            | Self::UnnamedClose
            | Self::InjectedClose
            | Self::Make
            | Self::Learn
            | Self::LearnColumns
            | Self::Drop
            | Self::OwnBind
            | Self::OwnExecute => true,
            Self::Sync
            | Self::OwnSync
            | Self::Query
            | Self::FunctionCall
            | Self::Replay
            | Self::Inspection
            | Self::Catalogue
            | Self::CopyEnd => false,
        }
    }
}

impl Kind {
    /// True for messages of our own about statements with names.
    pub(crate) fn is_work(self) -> bool {
        matches!(
            self,
            Self::Make
                | Self::Learn
                | Self::LearnColumns
                | Self::Drop
                | Self::OwnBind
                | Self::OwnExecute
                | Self::OwnSync
        )
    }

    /// True for requests of our own, which the client knows nothing of.
    pub(crate) fn is_own(self) -> bool {
        match self {
            Self::InjectedParse
            | Self::InjectedClose
            | Self::Replay
            | Self::Inspection
            | Self::Catalogue
            | Self::Make
            | Self::Learn
            | Self::LearnColumns
            | Self::Drop
            | Self::OwnBind
            | Self::OwnExecute
            | Self::OwnSync => true,
            Self::Parse
            | Self::UnnamedParse
            | Self::Bind
            | Self::DescribeStatement
            | Self::DescribeColumns
            | Self::Execute
            | Self::Close
            | Self::UnnamedClose
            | Self::Sync
            | Self::Query
            | Self::FunctionCall
            | Self::CopyEnd => false,
        }
    }
}
