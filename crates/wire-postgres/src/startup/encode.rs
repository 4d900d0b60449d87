//! Writing the first packet of a connection to a server.

use crate::backend::PROTOCOL_MAJOR;
use crate::output::{EncodeError, Out, counted, no_zero_byte, put_text};
use crate::secret::CancelSecret;

use super::{CANCEL_REQUEST_CODE, GSSENC_REQUEST_CODE, MAX_FIRST_PACKET, SSL_REQUEST_CODE};

/// Asks for TLS. The server answers one byte: `S`, `N`, or the `E` of an error from before TLS existed.
pub fn encode_ssl_request(out: &mut impl Out) {
    counted(out, |out| out.put(&SSL_REQUEST_CODE.to_be_bytes()));
}

/// Asks for GSS encryption. The server answers one byte: `G` or `N`.
pub fn encode_gssenc_request(out: &mut impl Out) {
    counted(out, |out| out.put(&GSSENC_REQUEST_CODE.to_be_bytes()));
}

/// Asks to cancel what the session with this key is doing. The server answers nothing and closes.
pub fn encode_cancel(out: &mut impl Out, process_id: i32, secret: &CancelSecret) {
    counted(out, |out| {
        out.put(&CANCEL_REQUEST_CODE.to_be_bytes());
        out.put(&process_id.to_be_bytes());
        out.put(secret.expose());
    });
}

/// Starts a session on protocol 3.`minor`, with settings in the given order.
///
/// The names `user` and `database` in `params` would override the arguments and are left out. A zero
/// byte anywhere is refused: it would let one value set another.
pub fn encode_startup<O, P, N, V>(
    out: &mut O,
    user: &str,
    database: &str,
    params: P,
    minor: u16,
) -> Result<(), EncodeError>
where
    O: Out,
    P: IntoIterator<Item = (N, V)>,
    N: AsRef<str>,
    V: AsRef<str>,
{
    if user.is_empty() {
        return Err(EncodeError::Empty { field: "user" });
    }
    let mut pairs = Vec::new();
    put_pair(&mut pairs, "user", user)?;
    if !database.is_empty() {
        put_pair(&mut pairs, "database", database)?;
    }
    for (name, value) in params {
        match name.as_ref() {
            "" => {
                return Err(EncodeError::Empty {
                    field: "parameter name",
                });
            }
            "user" | "database" => {}
            name => put_pair(&mut pairs, name, value.as_ref())?,
        }
    }
    let length = pairs.len().saturating_add(9);
    if length > MAX_FIRST_PACKET {
        return Err(EncodeError::TooLong {
            length,
            limit: MAX_FIRST_PACKET,
        });
    }
    counted(out, |out| {
        out.put(&PROTOCOL_MAJOR.to_be_bytes());
        out.put(&minor.to_be_bytes());
        out.put(&pairs);
        out.put(&[0]);
    });
    Ok(())
}

fn put_pair(out: &mut Vec<u8>, name: &str, value: &str) -> Result<(), EncodeError> {
    no_zero_byte(name.as_bytes(), "parameter name")?;
    no_zero_byte(value.as_bytes(), "parameter value")?;
    put_text(out, name.as_bytes());
    put_text(out, value.as_bytes());
    Ok(())
}
