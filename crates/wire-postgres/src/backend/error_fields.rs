//! The fields of an error or notice (messages `E` and `N`).

use crate::decode::{Cursor, DecodeError};
use crate::output::{Out, put_text};
use crate::sqlstate::SqlState;

// Field codes: protocol manual, "Error and Notice Message Fields".
const SEVERITY_LOCALIZED: u8 = b'S';
const SEVERITY: u8 = b'V';
const CODE: u8 = b'C';
const MESSAGE: u8 = b'M';
const DETAIL: u8 = b'D';
const HINT: u8 = b'H';

/// Most fields read from one message; the protocol defines 18.
const MAX_FIELDS: usize = 64;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The request failed, the session goes on.
    Error,
    /// The session is over.
    Fatal,
    /// The whole server restarts.
    Panic,
    /// Worth knowing and probably wrong.
    Warning,
    /// Worth knowing.
    Notice,
    /// For developers.
    Debug,
    /// Asked for by the client.
    Info,
    /// For the server's log.
    Log,
}

impl Severity {
    /// The word on the wire (the never translated one).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Log => "LOG",
        }
    }

    /// The severity for a word on the wire; `None` for a translated or unknown word.
    pub fn from_bytes(word: &[u8]) -> Option<Self> {
        match word {
            b"ERROR" => Some(Self::Error),
            b"FATAL" => Some(Self::Fatal),
            b"PANIC" => Some(Self::Panic),
            b"WARNING" => Some(Self::Warning),
            b"NOTICE" => Some(Self::Notice),
            b"DEBUG" => Some(Self::Debug),
            b"INFO" => Some(Self::Info),
            b"LOG" => Some(Self::Log),
            _ => None,
        }
    }

    /// Whether the server closes the connection after it.
    pub fn ends_session(self) -> bool {
        match self {
            Self::Fatal | Self::Panic => true,
            Self::Error | Self::Warning | Self::Notice | Self::Debug | Self::Info | Self::Log => {
                false
            }
        }
    }
}

/// An error or notice. Texts a server sends in another encoding are read lossily, so a message that is to
/// be passed on must be passed on as its original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFields {
    /// How bad it is.
    pub severity: Severity,
    /// The code drivers act on.
    pub sqlstate: SqlState,
    /// One line for people.
    pub message: String,
    /// More about this case.
    pub detail: Option<String>,
    /// What could be done.
    pub hint: Option<String>,
    /// Other fields by their one-byte code (position, table, source file, …), in order.
    pub others: Vec<(u8, String)>,
}

impl ErrorFields {
    /// A message of any severity.
    pub fn new(severity: Severity, sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self {
            severity,
            sqlstate,
            message: message.into(),
            detail: None,
            hint: None,
            others: Vec::new(),
        }
    }

    /// An error after which the session goes on.
    pub fn error(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, sqlstate, message)
    }

    /// An error after which the connection is closed.
    pub fn fatal(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self::new(Severity::Fatal, sqlstate, message)
    }

    /// Adds the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Reads the body of an `E` or `N` message.
    ///
    /// Any field may be missing (CVE-2026-6666 was a pooler that relied on one): severity then is ERROR,
    /// the code `XX000`, the message empty. Of a repeated field the last one counts.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = Self::error(SqlState::INTERNAL_ERROR, String::new());
        let mut untranslated = None;
        let mut cursor = Cursor::new(body);
        // A server that forgets the closing zero byte is still understood.
        while !cursor.is_empty() {
            let code = cursor.u8("field code")?;
            if code == 0 {
                cursor.end()?;
                break;
            }
            let value = cursor.text("field value")?;
            let text = || String::from_utf8_lossy(value).into_owned();
            match code {
                SEVERITY => untranslated = Severity::from_bytes(value),
                SEVERITY_LOCALIZED => {
                    fields.severity = Severity::from_bytes(value).unwrap_or(Severity::Error);
                }
                CODE => {
                    fields.sqlstate = SqlState::parse(value).unwrap_or(SqlState::INTERNAL_ERROR);
                }
                MESSAGE => fields.message = text(),
                DETAIL => fields.detail = Some(text()),
                HINT => fields.hint = Some(text()),
                _ if fields.others.len() < MAX_FIELDS => fields.others.push((code, text())),
                _ => {}
            }
        }
        fields.severity = untranslated.unwrap_or(fields.severity);
        Ok(fields)
    }

    pub(super) fn write(&self, out: &mut impl Out) {
        let severity = self.severity.as_str();
        let sqlstate = self.sqlstate;
        put_field(out, SEVERITY_LOCALIZED, severity);
        put_field(out, SEVERITY, severity);
        put_field(out, CODE, sqlstate.as_str());
        put_field(out, MESSAGE, &self.message);
        if let Some(detail) = &self.detail {
            put_field(out, DETAIL, detail);
        }
        if let Some(hint) = &self.hint {
            put_field(out, HINT, hint);
        }
        for (code, value) in self.others.iter().filter(|(code, _)| *code != 0) {
            put_field(out, *code, value);
        }
        out.put(&[0]);
    }
}

fn put_field(out: &mut impl Out, code: u8, value: &str) {
    out.put(&[code]);
    put_text(out, value.as_bytes());
}
