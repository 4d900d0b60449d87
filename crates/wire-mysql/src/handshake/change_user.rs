//! `COM_CHANGE_USER`: a login on a connection that is logged in already.

use super::{Attributes, secret};
use crate::capabilities::Capabilities;
use crate::command::Command;
use crate::decode::{Cursor, DecodeError};
use crate::frame::Sequence;
use crate::output::{EncodeError, Out, no_zero_byte, packet, put_text};
use crate::secret::Secret;

/// Who the client wants to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeUser {
    /// The new user.
    pub user: Vec<u8>,
    /// The plugin's first data, for the challenge of the last login. Servers and we ask for a switch anyway.
    pub auth: Secret,
    /// The schema; empty for none.
    pub schema: Vec<u8>,
    /// The collation, both bytes; `None` when the client leaves it out.
    pub collation: Option<u16>,
    /// The plugin; empty when it is left out.
    pub plugin: Vec<u8>,
    /// What the client says about itself.
    pub attributes: Attributes,
}

impl ChangeUser {
    /// Reads the payload behind the command byte.
    ///
    /// # Errors
    /// [`DecodeError`] for malformed packets.
    pub fn parse(body: &[u8], capabilities: Capabilities) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let user = cursor.text("user")?.to_vec();
        let auth = if capabilities.contains(Capabilities::SECURE_CONNECTION) {
            let length = cursor.u8("length of authentication data")?;
            cursor.take(usize::from(length), "authentication data")?
        } else {
            cursor.text("authentication data")?
        };
        let schema = cursor.text_or_rest().to_vec();
        let mut change = Self {
            user,
            auth: secret(auth),
            schema,
            collation: None,
            plugin: Vec::new(),
            attributes: Attributes::default(),
        };
        // Everything from here on may be missing ("COM_CHANGE_USER": "if more data").
        if cursor.is_empty() {
            return Ok(change);
        }
        change.collation = Some(cursor.u16("collation")?);
        if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            change.plugin = cursor.text_or_rest().to_vec();
        }
        if capabilities.contains(Capabilities::CONNECT_ATTRS) && !cursor.is_empty() {
            change.attributes = Attributes::take(&mut cursor)?;
        }
        Ok(change)
    }

    /// Writes the command, in the form the capabilities ask for.
    ///
    /// # Errors
    /// [`EncodeError`] for zero bytes in names, and for more than 255 bytes of authentication data.
    pub fn write(
        &self,
        out: &mut impl Out,
        sequence: &mut Sequence,
        capabilities: Capabilities,
    ) -> Result<(), EncodeError> {
        no_zero_byte(&self.user, "user")?;
        no_zero_byte(&self.schema, "schema")?;
        no_zero_byte(&self.plugin, "authentication plugin")?;
        let auth = self.auth.expose();
        let length = u8::try_from(auth.len()).map_err(|_| EncodeError::TooLong {
            field: "authentication data",
            length: auth.len(),
            limit: usize::from(u8::MAX),
        })?;
        packet(out, sequence, |out| {
            out.put(&[Command::ChangeUser.code()]);
            put_text(out, &self.user);
            if capabilities.contains(Capabilities::SECURE_CONNECTION) {
                out.put(&[length]);
                out.put(auth);
            } else {
                put_text(out, auth);
            }
            put_text(out, &self.schema);
            let Some(collation) = self.collation else {
                return;
            };
            out.put(&collation.to_le_bytes());
            if capabilities.contains(Capabilities::PLUGIN_AUTH) {
                put_text(out, &self.plugin);
            }
            if capabilities.contains(Capabilities::CONNECT_ATTRS) {
                self.attributes.put(out);
            }
        });
        Ok(())
    }
}
