//! Messages of the login phase over a client's stream: one bounded message at a time.

use bytes::{Buf, BytesMut};
use tollgate_wire_postgres::frame::{self, Frame, MAX_LOGIN_MESSAGE};
use tollgate_wire_postgres::tag;
use zeroize::{Zeroize, Zeroizing};

use crate::handshake::Login;
use crate::stream::Stream;

/// What came where a password message was expected.
pub(crate) enum Answer {
    /// The message's body.
    Message(Zeroizing<Vec<u8>>),
    /// The client closed.
    Closed,
    /// Another message or rubbish.
    Unexpected(String),
}

/// The client's stream and what was read ahead.
pub(crate) struct LoginStream<'a> {
    stream: &'a mut Stream,
    input: &'a mut BytesMut,
    unsent: &'a mut Vec<u8>,
    mock_key: &'a [u8; 32],
}

impl<'a> LoginStream<'a> {
    /// Wraps the connection for the time of the login. `mock_key` makes the verifiers of unknown users.
    pub(crate) fn new(login: &'a mut Login, mock_key: &'a [u8; 32]) -> Self {
        Self {
            stream: &mut login.stream,
            input: &mut login.rest,
            unsent: &mut login.unsent,
            mock_key,
        }
    }

    /// Key for the verifiers of users nobody knows.
    pub(crate) fn mock_key(&self) -> &[u8; 32] {
        self.mock_key
    }

    /// Sends whole messages.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Leaves whole messages to be sent with the next ones: to send them alone would wake the client for nothing.
    pub(crate) fn send_later(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
    }

    /// The next message, which must be a password message. What held it is wiped.
    pub(crate) async fn password_message(&mut self) -> std::io::Result<Answer> {
        loop {
            match frame::next(self.input) {
                Frame::Complete(header) | Frame::Incomplete(header)
                    if header.tag != tag::frontend::PASSWORD =>
                {
                    return Ok(Answer::Unexpected(format!(
                        "expected a password message, got type 0x{:02x}",
                        header.tag
                    )));
                }
                Frame::Complete(header) => {
                    let message = Zeroizing::new(
                        self.input.get(5..header.total).unwrap_or_default().to_vec(),
                    );
                    if let Some(sent) = self.input.get_mut(..header.total) {
                        sent.zeroize();
                    }
                    self.input.advance(header.total.min(self.input.len()));
                    return Ok(Answer::Message(message));
                }
                Frame::Incomplete(header) if header.total > MAX_LOGIN_MESSAGE => {
                    return Ok(Answer::Unexpected(format!(
                        "password message of {} bytes is longer than {MAX_LOGIN_MESSAGE}",
                        header.total
                    )));
                }
                Frame::Incomplete(_) | Frame::NeedHeader => {
                    if self.stream.read_some(self.input).await? == 0 {
                        return Ok(Answer::Closed);
                    }
                }
                Frame::Invalid(error) => return Ok(Answer::Unexpected(error.to_string())),
            }
        }
    }
}
