//! Reading a client's messages without copying: each struct borrows from the body it was read from.

use crate::decode::{Cursor, DecodeError, utf8};

/// `Q`: run the statements in one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// The text, in the session's encoding.
    pub sql: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads the body of a `Q` message.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let sql = cursor.text("query text")?;
        cursor.end()?;
        Ok(Self { sql })
    }
}

/// `P`: prepare a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name; empty for the unnamed one.
    pub name: &'a [u8],
    /// The text, in the session's encoding.
    pub sql: &'a [u8],
    /// The declared parameter types: big-endian object ids, four bytes each, without their count.
    pub param_types: &'a [u8],
}

impl<'a> Parse<'a> {
    /// Reads the body of a `P` message.
    #[allow(
        clippy::self_named_constructors,
        reason = "every reader is called parse"
    )]
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let name = cursor.text("statement name")?;
        let sql = cursor.text("statement text")?;
        let count = usize::from(cursor.u16("number of parameter types")?);
        let param_types = cursor.take(count.saturating_mul(4), "parameter types")?;
        cursor.end()?;
        Ok(Self {
            name,
            sql,
            param_types,
        })
    }
}

/// `B`: bind values to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal to make; empty for the unnamed one.
    pub portal: &'a [u8],
    /// The statement to bind.
    pub statement: &'a [u8],
    /// Formats and values, unread: a proxy passes them on as they are and the server checks them.
    pub rest: &'a [u8],
}

impl<'a> Bind<'a> {
    /// Reads the two names of a `B` message. A body that has arrived in part is enough once both zero
    /// bytes are there; `rest` then is what has arrived.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let portal = cursor.text("portal name")?;
        let statement = cursor.text("statement name")?;
        Ok(Self {
            portal,
            statement,
            rest: cursor.rest(),
        })
    }
}

/// What Describe and Close speak about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `S`: a prepared statement.
    Statement,
    /// `P`: a portal.
    Portal,
}

impl ObjectKind {
    /// The byte on the wire.
    pub fn byte(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        match cursor.u8("object kind")? {
            b'S' => Ok(Self::Statement),
            b'P' => Ok(Self::Portal),
            other => Err(DecodeError::Value {
                field: "object kind",
                value: i64::from(other),
            }),
        }
    }
}

/// `D`: describe a statement or portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Describe<'a> {
    /// Which kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: &'a [u8],
}

impl<'a> Describe<'a> {
    /// Reads the body of a `D` message.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, name) = kind_and_name(body)?;
        Ok(Self { kind, name })
    }
}

/// `C`: close a statement or portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close<'a> {
    /// Which kind.
    pub kind: ObjectKind,
    /// Its name.
    pub name: &'a [u8],
}

impl<'a> Close<'a> {
    /// Reads the body of a `C` message.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let (kind, name) = kind_and_name(body)?;
        Ok(Self { kind, name })
    }
}

fn kind_and_name(body: &[u8]) -> Result<(ObjectKind, &[u8]), DecodeError> {
    let mut cursor = Cursor::new(body);
    let kind = ObjectKind::read(&mut cursor)?;
    let name = cursor.text("object name")?;
    cursor.end()?;
    Ok((kind, name))
}

/// `E`: run a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The portal.
    pub portal: &'a [u8],
    /// Rows after which it is suspended; zero or less for no limit (`postgres.c`, `exec_execute_message`).
    pub max_rows: i32,
}

impl<'a> Execute<'a> {
    /// Reads the body of an `E` message.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let portal = cursor.text("portal name")?;
        let max_rows = cursor.i32("row limit")?;
        cursor.end()?;
        Ok(Self { portal, max_rows })
    }
}

/// `p` in answer to a request for a cleartext or md5 password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordMessage<'a> {
    /// The password or token, without its zero byte. May be empty.
    pub bytes: &'a [u8],
}

impl<'a> PasswordMessage<'a> {
    /// Reads the body of a `p` message. A zero byte inside is malformed, as in PostgreSQL
    /// (`auth.c`, `recv_password_packet`: "invalid password packet size").
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let bytes = cursor.text("password")?;
        cursor.end()?;
        Ok(Self { bytes })
    }
}

impl std::fmt::Debug for PasswordMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordMessage([redacted])")
    }
}

/// `p` in answer to an offer of SASL mechanisms. Later SASL answers are the bare body of a `p` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// The mechanism the client chose.
    pub mechanism: &'a str,
    /// Its first message; `None` if it sends none yet.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Reads the body of the first `p` message of a SASL login.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let mechanism = utf8(cursor.text("SASL mechanism")?, "SASL mechanism")?;
        let data = cursor.counted("SASL data")?;
        cursor.end()?;
        Ok(Self { mechanism, data })
    }
}
