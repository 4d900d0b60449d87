//! Why a connection cannot start, in PostgreSQL's words where it has some.

use crate::backend::{PROTOCOL_MAJOR, PROTOCOL_MINOR_NEWEST};
use crate::sqlstate::SqlState;

use super::{EncryptionRequest, MAX_STARTUP_PACKET};

/// Why the first bytes of a connection are refused. `Display` is the text for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartupError {
    /// The length field is below 8 or above the limit. No PostgreSQL client wrote this.
    #[error("invalid length of startup packet: {length} (at most {MAX_STARTUP_PACKET} bytes)")]
    Length {
        /// The field, read as an unsigned number.
        length: u32,
    },
    /// Major version other than 3. Clients of version 1 and 2 need
    /// [`old_style_error`](crate::backend::old_style_error).
    #[error(
        "unsupported frontend protocol {major}.{minor}: server supports {PROTOCOL_MAJOR}.0 to \
         {PROTOCOL_MAJOR}.{PROTOCOL_MINOR_NEWEST}"
    )]
    Version {
        /// Major version asked for.
        major: u16,
        /// Minor version asked for.
        minor: u16,
    },
    /// The list of parameters is malformed.
    #[error("invalid startup packet layout: expected terminator as last byte")]
    Layout,
    /// No user, or an empty one.
    #[error("no PostgreSQL user name specified in startup packet")]
    NoUser,
    /// A text is not UTF-8, which is the only encoding accepted before a session has one.
    #[error("startup parameter \"{name}\" is not valid UTF-8")]
    NotUtf8 {
        /// Which parameter; lossy if the name itself is the problem.
        name: String,
    },
    /// A cancel request without process id, or with a secret of no or more than 256 bytes.
    #[error("invalid length of cancel request packet")]
    CancelLength,
    /// `replication` is neither a boolean nor `database`.
    #[error("invalid value for parameter \"replication\": \"{value}\"")]
    Replication {
        /// What came.
        value: String,
    },
    /// `options` holds a word that does not set a parameter.
    #[error("invalid command-line argument for server process: {word}")]
    Option {
        /// The word.
        word: String,
    },
    /// `options` names a parameter without a value; `word` has its dashes, as PostgreSQL shows it.
    #[error("{word} requires a value")]
    OptionValue {
        /// `-c name` or `--name`.
        word: String,
    },
    /// `options` sets a parameter with an empty name.
    #[error("unrecognized configuration parameter \"\"")]
    OptionName,
    /// Bytes arrived behind an encryption request before it was answered.
    #[error("received unencrypted data after {} request", request_name(*.request))]
    EarlyData {
        /// The request.
        request: EncryptionRequest,
    },
    /// The same encryption request came twice, or inside TLS. Raised by the connection's driver.
    #[error("unsupported frontend protocol: repeated {} request", request_name(*.request))]
    RepeatedRequest {
        /// The request.
        request: EncryptionRequest,
    },
}

fn request_name(request: EncryptionRequest) -> &'static str {
    match request {
        EncryptionRequest::Ssl => "SSL",
        EncryptionRequest::GssEnc => "GSSAPI encryption",
    }
}

impl StartupError {
    /// The code PostgreSQL gives this refusal.
    pub fn sqlstate(&self) -> SqlState {
        match self {
            Self::Length { .. }
            | Self::Layout
            | Self::NotUtf8 { .. }
            | Self::CancelLength
            | Self::EarlyData { .. }
            | Self::RepeatedRequest { .. } => SqlState::PROTOCOL_VIOLATION,
            Self::Version { .. } => SqlState::FEATURE_NOT_SUPPORTED,
            Self::NoUser => SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            Self::Replication { .. } => SqlState::INVALID_PARAMETER_VALUE,
            Self::Option { .. } | Self::OptionValue { .. } => SqlState::SYNTAX_ERROR,
            Self::OptionName => SqlState::UNDEFINED_OBJECT,
        }
    }

    /// Whether the client is so old that it only understands
    /// [`old_style_error`](crate::backend::old_style_error).
    pub fn wants_old_style(&self) -> bool {
        matches!(self, Self::Version { major, .. } if *major < PROTOCOL_MAJOR)
    }
}
