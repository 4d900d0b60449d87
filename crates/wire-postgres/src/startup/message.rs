//! The startup message: who wants which database, and every setting it asks for.

use crate::backend::{PROTOCOL_MAJOR, PROTOCOL_MINOR_NEWEST};
use crate::decode::Cursor;

use super::error::StartupError;
use super::options;

/// Names that start like this are protocol options, not settings (protocol manual, `StartupMessage`).
const PROTOCOL_OPTION_PREFIX: &str = "_pq_.";

/// A client's request for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartupMessage {
    /// Major protocol version; always 3.
    pub major: u16,
    /// Minor version asked for; may be newer than ours.
    pub minor: u16,
    /// The role to log in as; never empty.
    pub user: String,
    /// The database; the user's name if the client named none.
    pub database: String,
    /// `replication` as it came; see [`StartupMessage::replication_mode`].
    pub replication: Option<String>,
    /// Every other setting in the order PostgreSQL applies them, so a later one overrides an earlier
    /// one: first those in `options`, then the packet's own (`postinit.c`, `process_startup_options`).
    /// Dashes in names from `options` are underscores here, as PostgreSQL reads them.
    pub params: Vec<(String, String)>,
    /// Names of protocol options (`_pq_.`); we know none of them.
    pub unknown_protocol_options: Vec<String>,
    /// Bytes the whole packet took on the wire.
    pub wire_len: usize,
}

/// What a client is told when it asked for more than we speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiation {
    /// The minor version to go on with: ours, or the client's if that is older.
    pub newest_minor: u16,
    /// The protocol options we do not know.
    pub unknown_options: Vec<String>,
}

/// What kind of session `replication` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// An ordinary session.
    Off,
    /// Physical replication, bound to no database.
    Physical,
    /// Logical replication, bound to a database.
    Logical,
}

impl StartupMessage {
    /// Reads what follows the version number. `packet_len` is the packet without its length field.
    pub(super) fn read(
        version: u32,
        cursor: Cursor<'_>,
        packet_len: usize,
    ) -> Result<Self, StartupError> {
        let [a, b, c, d] = version.to_be_bytes();
        let (major, minor) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if major != PROTOCOL_MAJOR {
            return Err(StartupError::Version { major, minor });
        }
        let mut pairs = Pairs::default();
        pairs.read(cursor)?;
        let user = pairs
            .user
            .filter(|user| !user.is_empty())
            .ok_or(StartupError::NoUser)?;
        let database = pairs
            .database
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| user.clone());
        let mut params = options::parse(pairs.options.as_deref().unwrap_or_default())?;
        params.append(&mut pairs.params);
        Ok(Self {
            major,
            minor,
            user,
            database,
            replication: pairs.replication,
            params,
            unknown_protocol_options: pairs.protocol_options,
            wire_len: packet_len.saturating_add(4),
        })
    }

    /// The answer to send before authentication, if one is due: the client asked for a newer minor
    /// version or an unknown option. Send it once.
    pub fn negotiation(&self) -> Option<Negotiation> {
        let due = self.minor > PROTOCOL_MINOR_NEWEST || !self.unknown_protocol_options.is_empty();
        due.then(|| Negotiation {
            newest_minor: self.negotiated_minor(),
            unknown_options: self.unknown_protocol_options.clone(),
        })
    }

    /// The minor version both sides speak. Below 2, cancel secrets have exactly 4 bytes.
    pub fn negotiated_minor(&self) -> u16 {
        self.minor.min(PROTOCOL_MINOR_NEWEST)
    }

    /// What `replication` asks for. PostgreSQL accepts `database` and the spellings of a boolean,
    /// shortened as long as they are unique (`bool.c`, `parse_bool_with_len`).
    pub fn replication_mode(&self) -> Result<Replication, StartupError> {
        match self.replication.as_deref() {
            None => Ok(Replication::Off),
            Some("database") => Ok(Replication::Logical),
            Some(value) => match boolean(value) {
                Some(Switch::On) => Ok(Replication::Physical),
                Some(Switch::Off) => Ok(Replication::Off),
                None => Err(StartupError::Replication {
                    value: value.to_owned(),
                }),
            },
        }
    }

    /// The value PostgreSQL ends up with for a setting: the last one given. Names compare without case.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut newest_first = self.params.iter().rev();
        newest_first
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

enum Switch {
    On,
    Off,
}

fn boolean(value: &str) -> Option<Switch> {
    let value = value.to_ascii_lowercase();
    let shortens = |word: &str| !value.is_empty() && word.starts_with(&value);
    // "o" alone could be either "on" or "off".
    if value == "1" || value == "on" || shortens("true") || shortens("yes") {
        Some(Switch::On)
    } else if value == "0"
        || shortens("false")
        || shortens("no")
        || (value != "o" && shortens("off"))
    {
        Some(Switch::Off)
    } else {
        None
    }
}

/// The packet's pairs, sorted by what they are for. Of a repeated name the last one counts.
#[derive(Default)]
struct Pairs {
    user: Option<String>,
    database: Option<String>,
    options: Option<String>,
    replication: Option<String>,
    params: Vec<(String, String)>,
    protocol_options: Vec<String>,
}

impl Pairs {
    fn read(&mut self, mut cursor: Cursor<'_>) -> Result<(), StartupError> {
        loop {
            let name = cursor
                .text("parameter name")
                .map_err(|_| StartupError::Layout)?;
            if name.is_empty() {
                return cursor.end().map_err(|_| StartupError::Layout);
            }
            let value = cursor
                .text("parameter value")
                .map_err(|_| StartupError::Layout)?;
            let lossy = || StartupError::NotUtf8 {
                name: String::from_utf8_lossy(name).into_owned(),
            };
            let name = std::str::from_utf8(name).map_err(|_| lossy())?;
            let value = std::str::from_utf8(value).map_err(|_| lossy())?;
            self.add(name, value.to_owned());
        }
    }

    fn add(&mut self, name: &str, value: String) {
        match name {
            "user" => self.user = Some(value),
            "database" => self.database = Some(value),
            "options" => self.options = Some(value),
            "replication" => self.replication = Some(value),
            _ if name.starts_with(PROTOCOL_OPTION_PREFIX) => {
                self.protocol_options.push(name.to_owned());
            }
            _ => self.params.push((name.to_owned(), value)),
        }
    }
}
