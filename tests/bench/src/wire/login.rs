//! Logging in: clear text (for tokens), md5, SCRAM-SHA-256, or no question at all.

use anyhow::{Context, Result, bail};
use postgres_protocol::authentication::{
    md5_hash,
    sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256},
};

use super::{Client, message};
use crate::door::Door;

/// The kinds of `Authentication` messages (PostgreSQL's documentation, "Message Formats").
const OK: u32 = 0;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;

/// Sends the startup packet and answers until the first `ReadyForQuery`.
pub(super) fn log_in(client: &mut Client, door: &Door) -> Result<()> {
    client.send(&startup(&door.user)?)?;
    loop {
        let (tag, body) = client.message()?;
        match tag {
            b'R' => answer(client, door, &body)?,
            b'E' => bail!("refused: {}", String::from_utf8_lossy(&body)),
            b'Z' => return Ok(()),
            _ => {}
        }
    }
}

fn startup(user: &str) -> Result<Vec<u8>> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for word in ["user", user, "database", "bench", ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4)?;
    Ok([&length.to_be_bytes()[..], &body].concat())
}

fn answer(client: &mut Client, door: &Door, body: &[u8]) -> Result<()> {
    let (kind, rest) = body.split_at_checked(4).context("a short message")?;
    let kind = u32::from_be_bytes(kind.try_into()?);
    let password = door.password.as_bytes();
    let reply = match kind {
        OK => return Ok(()),
        CLEARTEXT => [password, b"\0"].concat(),
        MD5 => {
            let salt = rest.try_into().context("a salt has four bytes")?;
            let hash = md5_hash(door.user.as_bytes(), password, salt);
            [hash.as_bytes(), b"\0"].concat()
        }
        SASL => return scram(client, password),
        other => bail!("authentication {other} is unknown here"),
    };
    client.send(&message(b'p', &reply))
}

fn scram(client: &mut Client, password: &[u8]) -> Result<()> {
    let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
    let first = scram.message();
    let length = u32::try_from(first.len())?.to_be_bytes();
    let hello = [SCRAM_SHA_256.as_bytes(), b"\0", &length, first].concat();
    client.send(&message(b'p', &hello))?;
    scram.update(&challenge(client)?)?;
    client.send(&message(b'p', scram.message()))?;
    scram.finish(&challenge(client)?)?;
    Ok(())
}

/// What the server says next, without the kind.
fn challenge(client: &mut Client) -> Result<Vec<u8>> {
    let (tag, body) = client.message()?;
    if tag != b'R' {
        bail!("refused: {}", String::from_utf8_lossy(&body));
    }
    Ok(body.get(4..).unwrap_or_default().to_vec())
}
