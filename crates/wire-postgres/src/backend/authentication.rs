//! What the server asks for during a login (message `R`).

use crate::decode::{Cursor, DecodeError, utf8};

// Codes: PostgreSQL `src/include/libpq/protocol.h`, AUTH_REQ_*.
pub(super) const OK: u32 = 0;
pub(super) const CLEARTEXT_PASSWORD: u32 = 3;
pub(super) const MD5_PASSWORD: u32 = 5;
pub(super) const SASL: u32 = 10;
pub(super) const SASL_CONTINUE: u32 = 11;
pub(super) const SASL_FINAL: u32 = 12;

/// Most SASL mechanisms read from one offer; PostgreSQL 18 knows three.
const MAX_MECHANISMS: usize = 32;

/// One step of a login, as the server asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// Nothing more is asked.
    Ok,
    /// The password, in the clear.
    CleartextPassword,
    /// An md5 answer.
    Md5Password {
        /// The four random bytes to answer.
        salt: [u8; 4],
    },
    /// A SASL login by one of these mechanisms, in the server's order of preference.
    Sasl {
        /// Their names.
        mechanisms: Vec<&'a str>,
    },
    /// The server's next SASL message.
    SaslContinue(&'a [u8]),
    /// The server's last SASL message.
    SaslFinal(&'a [u8]),
    /// A method we do not speak (Kerberos, GSS, SSPI, …).
    Unsupported(u32),
}

impl<'a> Authentication<'a> {
    /// Reads the body of an `R` message.
    pub fn parse(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let step = match cursor.u32("authentication code")? {
            OK => Self::Ok,
            CLEARTEXT_PASSWORD => Self::CleartextPassword,
            MD5_PASSWORD => Self::Md5Password {
                salt: cursor.array("md5 salt")?,
            },
            SASL => return Self::parse_mechanisms(cursor),
            SASL_CONTINUE => return Ok(Self::SaslContinue(cursor.rest())),
            SASL_FINAL => return Ok(Self::SaslFinal(cursor.rest())),
            other => return Ok(Self::Unsupported(other)),
        };
        cursor.end()?;
        Ok(step)
    }

    fn parse_mechanisms(mut cursor: Cursor<'a>) -> Result<Self, DecodeError> {
        const FIELD: &str = "SASL mechanism";
        let mut mechanisms = Vec::new();
        loop {
            let name = cursor.text(FIELD)?;
            if name.is_empty() {
                cursor.end()?;
                return Ok(Self::Sasl { mechanisms });
            }
            if mechanisms.len() >= MAX_MECHANISMS {
                let value = i64::try_from(mechanisms.len()).unwrap_or(i64::MAX);
                return Err(DecodeError::Value {
                    field: "number of SASL mechanisms",
                    value,
                });
            }
            mechanisms.push(utf8(name, FIELD)?);
        }
    }
}
