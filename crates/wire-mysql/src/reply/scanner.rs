//! Where a reply ends: follows a server's packets from their headers and first bytes, without reading rows.

use super::end::{Form, OkHead};
use super::error::ERR;
use super::part::{
    Definitions, Metadata, Part, Prepared, ReplyError, ReplyKind, Seen, Then, Upload,
};
use super::state::{After, Group, Rows, State};
use crate::capabilities::Capabilities;
use crate::decode::Cursor;
use crate::error_code::PROGRESS_REPORT;
use crate::frame::{Header, MAX_PAYLOAD, Piece, Pieces};
use crate::status::StatusFlags;

/// The scanner never asks for more than this many bytes of a payload: an OK packet has one byte of header, two
/// numbers of at most nine, and two of two; the longest PREPARE OK has 13.
pub const PEEK: usize = 23;

/// First byte of a request for a local file, where a result may begin.
const LOCAL_INFILE: u8 = 0xfb;
/// First byte of OK, PREPARE OK and a binary row.
const ZERO: u8 = 0x00;
/// What the EOF behind the definitions of output parameters says.
const OUT_PARAMETERS: StatusFlags =
    StatusFlags::PS_OUT_PARAMS.with(StatusFlags::MORE_RESULTS_EXISTS);

/// Follows the reply to one command. It costs a few bytes and never allocates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyScanner {
    capabilities: Capabilities,
    rows: Rows,
    state: State,
    pieces: Pieces,
}

impl ReplyScanner {
    /// For a command that is answered with `kind`, on a connection with these capabilities.
    pub fn new(kind: ReplyKind, capabilities: Capabilities) -> Self {
        let (state, rows) = match kind {
            ReplyKind::None => (State::Done, Rows::Text),
            ReplyKind::Single => (State::Single, Rows::Text),
            ReplyKind::TextResults => (State::Result, Rows::Text),
            ReplyKind::BinaryResults => (State::Result, Rows::Binary),
            ReplyKind::Fields => (State::Fields, Rows::Text),
            ReplyKind::Text => (State::Text, Rows::Text),
            ReplyKind::Prepared => (State::Prepare, Rows::Text),
            ReplyKind::CursorRows => (State::Rows, Rows::Cursor),
            ReplyKind::Login => (State::Login, Rows::Text),
            ReplyKind::Stream => (State::Stream, Rows::Text),
        };
        Self {
            capabilities,
            rows,
            state,
            pieces: Pieces::default(),
        }
    }

    /// Whether the whole reply has been seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Looks at the next packet of the server: its header and what has arrived of its payload. `None`, with
    /// nothing changed, when it takes more of the payload; [`PEEK`] bytes (or all, if fewer) always
    /// suffice, and one byte does for rows and definitions.
    ///
    /// # Errors
    /// [`ReplyError`] when no server answers like this.
    #[inline]
    pub fn packet(&mut self, header: Header, payload: &[u8]) -> Result<Option<Seen>, ReplyError> {
        let mut pieces = self.pieces;
        // Headers are all that is kept, so that the size of a payload needs no limit here.
        let piece = pieces.next(header, usize::MAX).unwrap_or(Piece::Whole);
        if !piece.begins() {
            self.pieces = pieces;
            return Ok(Some(self.seen(Part::Continued)));
        }
        let payload = payload.get(..header.payload_len()).unwrap_or(payload);
        let Some(&first) = payload.first() else {
            return match header.length {
                0 => Err(self.unexpected(0, header)),
                _ => Ok(None),
            };
        };
        let seen = if matches!(self.state, State::Rows | State::OutParameters) && first < 0xfe {
            self.row(first, header)
        } else if payload.len() < self.needed(first, header) {
            return Ok(None);
        } else {
            self.begin(first, header, payload)
        }?;
        self.pieces = pieces;
        // Rows, texts and streams may be longer than a packet; a reply that ends with a full one does not
        // exist, so whatever else is full is no packet of the protocol.
        if header.is_full() && !matches!(seen.part, Part::Row | Part::Stream) {
            Err(self.unexpected(first, header))
        } else {
            Ok(Some(seen))
        }
    }

    /// Looks at the next packet of the client while it sends the file that the server asked for.
    ///
    /// # Errors
    /// [`ReplyError::Unexpected`] when no file was asked for.
    pub fn upload(&mut self, header: Header) -> Result<Upload, ReplyError> {
        if !matches!(self.state, State::Upload | State::UploadRefused) {
            return Err(self.unexpected(0, header));
        }
        let piece = self.pieces.next(header, usize::MAX).unwrap_or(Piece::Whole);
        // An empty packet behind a full one only ends that payload; the file ends with an empty payload.
        if piece != Piece::Whole || header.length != 0 {
            return Ok(Upload::Goes);
        }
        if self.state == State::UploadRefused {
            self.state = State::Done;
            return Ok(Upload::Refused);
        }
        self.state = State::UploadEnd;
        Ok(Upload::Finished)
    }

    /// How many bytes of this packet decide what it is.
    fn needed(&self, first: u8, header: Header) -> usize {
        let decisive = match self.state {
            State::Definitions(_) | State::Text | State::Stream if first != ERR => 1,
            State::Login if first != ERR && first != ZERO => 1,
            State::Rows | State::OutParameters if header.is_full() => 1,
            State::Result
            | State::Single
            | State::Text
            | State::Prepare
            | State::Fields
            | State::Definitions(_)
            | State::GroupEnd(_)
            | State::Rows
            | State::OutParameters
            | State::Upload
            | State::UploadRefused
            | State::UploadEnd
            | State::Login
            | State::Stream
            | State::Done => PEEK,
        };
        header.payload_len().min(decisive)
    }

    #[inline]
    fn row(&self, first: u8, header: Header) -> Result<Seen, ReplyError> {
        match self.rows {
            Rows::Text => Ok(self.seen(Part::Row)),
            Rows::Binary | Rows::Cursor if first == ZERO => Ok(self.seen(Part::Row)),
            Rows::Binary | Rows::Cursor => Err(self.unexpected(first, header)),
        }
    }

    fn begin(&mut self, first: u8, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        if first == ERR && self.state != State::Done {
            return self.error(header, payload);
        }
        match self.state {
            State::Result => self.result(first, header, payload),
            State::Single | State::UploadEnd => self.end(first, header, payload),
            State::Rows | State::OutParameters => self.rows_end(first, header, payload),
            State::Prepare => self.prepare(first, header, payload),
            State::Fields if first == 0xfe => self.end(first, header, payload),
            State::Fields => Ok(self.seen(Part::Definition {
                of: Definitions::Fields,
                left: 0,
            })),
            State::Definitions(_) if matches!(first, ZERO | LOCAL_INFILE | 0xfe) => {
                Err(self.unexpected(first, header))
            }
            State::Definitions(group) => Ok(self.definition(group)),
            State::GroupEnd(group) => self.group_end(group, first, header, payload),
            State::Text => Ok(self.finish(Part::Text)),
            State::Login => {
                // OK ends it; everything else is between the two machines.
                match first {
                    ZERO => self.end(first, header, payload),
                    _ => Ok(self.seen(Part::Login)),
                }
            }
            State::Stream => Ok(self.seen(Part::Stream)),
            State::Upload | State::UploadRefused => Err(self.unexpected(first, header)),
            State::Done => Err(ReplyError::AfterEnd {
                length: header.length,
            }),
        }
    }

    fn error(&mut self, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        let mut cursor = Cursor::new(payload);
        cursor.u8("header")?;
        let code = cursor.u16("error code")?;
        if code == PROGRESS_REPORT {
            let asked = self.capabilities.contains(Capabilities::MARIADB_PROGRESS);
            return if asked {
                Ok(self.seen(Part::Progress))
            } else {
                Err(self.unexpected(ERR, header))
            };
        }
        match self.state {
            // The client does not know yet and will send its file to the end.
            State::Upload => {
                self.state = State::UploadRefused;
                Ok(Seen {
                    part: Part::Error { code },
                    then: Then::Client,
                })
            }
            State::UploadRefused => Err(self.unexpected(ERR, header)),
            State::Result
            | State::Single
            | State::Text
            | State::Prepare
            | State::Fields
            | State::Definitions(_)
            | State::GroupEnd(_)
            | State::Rows
            | State::OutParameters
            | State::UploadEnd
            | State::Login
            | State::Stream
            | State::Done => Ok(self.finish(Part::Error { code })),
        }
    }

    fn result(&mut self, first: u8, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        match first {
            ZERO => self.end(first, header, payload),
            LOCAL_INFILE => {
                self.state = State::Upload;
                Ok(Seen {
                    part: Part::FileRequest,
                    then: Then::Client,
                })
            }
            0xfe => Err(self.unexpected(first, header)),
            _ => self.columns(first, header, payload),
        }
    }

    fn columns(&mut self, first: u8, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        let mut cursor = Cursor::new(payload);
        let count = cursor.lenenc("column count")?;
        let count = u16::try_from(count).map_err(|_| self.unexpected(first, header))?;
        let metadata = if self.capabilities.may_omit_metadata() && !cursor.is_empty() {
            Metadata::of(cursor.u8("metadata flag")?)?
        } else {
            Metadata::Follows
        };
        if !cursor.is_empty() {
            return Err(self.unexpected(first, header));
        }
        let group = Group {
            of: Definitions::Columns,
            left: count,
            after: After::Rows,
        };
        self.state = match metadata {
            Metadata::Follows => State::Definitions(group),
            Metadata::Omitted => self.behind(group),
        };
        Ok(self.seen(Part::Columns { count, metadata }))
    }

    fn definition(&mut self, group: Group) -> Seen {
        let left = group.left.saturating_sub(1);
        let group = Group { left, ..group };
        self.state = match left {
            0 => self.behind(group),
            _ => State::Definitions(group),
        };
        self.seen(Part::Definition { of: group.of, left })
    }

    /// What follows the last definition of a group.
    fn behind(&self, group: Group) -> State {
        if self.capabilities.contains(Capabilities::DEPRECATE_EOF) {
            self.follow(group.after)
        } else {
            State::GroupEnd(group)
        }
    }

    fn follow(&self, after: After) -> State {
        match after {
            After::Rows => State::Rows,
            After::Columns(left) => State::Definitions(Group {
                of: Definitions::PreparedColumns,
                left,
                after: After::Nothing,
            }),
            // Without DEPRECATE_EOF the EOF comes even where nothing is in front of it.
            After::OmittedColumns => self.behind(Group {
                of: Definitions::PreparedColumns,
                left: 0,
                after: After::Nothing,
            }),
            After::Nothing => State::Done,
        }
    }

    fn group_end(
        &mut self,
        group: Group,
        first: u8,
        header: Header,
        payload: &[u8],
    ) -> Result<Seen, ReplyError> {
        let (_, head) = self.head(first, header, payload, Allowed::EofOnly)?;
        let cursor = head.status.contains(StatusFlags::CURSOR_EXISTS);
        self.state = match group.after {
            // The rows stay on the server, so that there is no second EOF.
            After::Rows if cursor => Self::behind_result(head),
            // Servers give these two flags with the first EOF only (`cli_read_binary_rows` copies them).
            After::Rows if head.status.contains(OUT_PARAMETERS) => State::OutParameters,
            After::Rows | After::Columns(_) | After::OmittedColumns | After::Nothing => {
                self.follow(group.after)
            }
        };
        Ok(self.seen(Part::DefinitionsEnd { of: group.of, head }))
    }

    fn rows_end(&mut self, first: u8, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        if header.is_full() && self.rows == Rows::Text {
            return Ok(self.seen(Part::Row));
        }
        let (form, mut head) = self.head(first, header, payload, Allowed::EofLike)?;
        if self.state == State::OutParameters {
            head.status = head.status | OUT_PARAMETERS;
        }
        self.state = match self.rows {
            Rows::Text | Rows::Binary => Self::behind_result(head),
            Rows::Cursor => State::Done,
        };
        Ok(self.seen(Part::End { form, head }))
    }

    /// A single OK, or EOF where a command is answered with one.
    fn end(&mut self, first: u8, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        let allowed = if self.state == State::Single {
            Allowed::Any
        } else if self.state == State::Fields {
            Allowed::EofLike
        } else {
            Allowed::OkOnly
        };
        let (form, head) = self.head(first, header, payload, allowed)?;
        self.state = if matches!(self.state, State::Result | State::UploadEnd) {
            Self::behind_result(head)
        } else {
            State::Done
        };
        Ok(self.seen(Part::End { form, head }))
    }

    fn behind_result(head: OkHead) -> State {
        if head.status.contains(StatusFlags::MORE_RESULTS_EXISTS) {
            State::Result
        } else {
            State::Done
        }
    }

    fn head(
        &self,
        first: u8,
        header: Header,
        payload: &[u8],
        allowed: Allowed,
    ) -> Result<(Form, OkHead), ReplyError> {
        let form = Form::of(first, header.payload_len(), self.capabilities)
            .filter(|form| allowed.allows(*form))
            .ok_or_else(|| self.unexpected(first, header))?;
        let head = OkHead::read(&mut Cursor::new(payload), form)?;
        Ok((form, head))
    }

    fn prepare(&mut self, first: u8, header: Header, payload: &[u8]) -> Result<Seen, ReplyError> {
        if first != ZERO {
            return Err(self.unexpected(first, header));
        }
        let prepared = Prepared::read(payload, self.capabilities)?;
        let columns = match (prepared.columns, prepared.metadata) {
            (0, _) => After::Nothing,
            (count, Metadata::Follows) => After::Columns(count),
            (_, Metadata::Omitted) => After::OmittedColumns,
        };
        let parameters = Group {
            of: Definitions::Parameters,
            left: prepared.parameters,
            after: columns,
        };
        self.state = match (prepared.metadata, prepared.parameters) {
            (_, 0) => self.follow(columns),
            (Metadata::Follows, _) => State::Definitions(parameters),
            (Metadata::Omitted, _) => self.behind(parameters),
        };
        Ok(self.seen(Part::Prepared(prepared)))
    }

    fn finish(&mut self, part: Part) -> Seen {
        self.state = State::Done;
        self.seen(part)
    }

    #[inline]
    fn seen(&self, part: Part) -> Seen {
        let then = match self.state {
            State::Done => Then::End,
            State::Upload | State::UploadRefused => Then::Client,
            State::Result
            | State::Single
            | State::Text
            | State::Prepare
            | State::Fields
            | State::Definitions(_)
            | State::GroupEnd(_)
            | State::Rows
            | State::OutParameters
            | State::UploadEnd
            | State::Login
            | State::Stream => Then::More,
        };
        Seen { part, then }
    }

    #[cold]
    fn unexpected(&self, first: u8, header: Header) -> ReplyError {
        ReplyError::Unexpected {
            first,
            length: header.length.min(MAX_PAYLOAD),
            place: self.state.place(),
        }
    }
}

/// Which packets may end something.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    OkOnly,
    EofOnly,
    EofLike,
    Any,
}

impl Allowed {
    fn allows(self, form: Form) -> bool {
        match self {
            Self::OkOnly => form == Form::Ok,
            Self::EofOnly => form == Form::Eof,
            Self::EofLike => form != Form::Ok,
            Self::Any => true,
        }
    }
}
