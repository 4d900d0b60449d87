//! A server's messages during a login or a small query: whole, one at a time, and of bounded size.

use bytes::{Bytes, BytesMut};
use tollgate_wire_postgres::frame::{self, Frame, MAX_LOGIN_MESSAGE};

use super::OpenErrorKind;
use crate::stream::Stream;

/// One message.
pub(super) struct Message {
    /// Its type byte.
    pub(super) tag: u8,
    /// What follows the length.
    pub(super) body: Bytes,
}

/// Reads messages from a stream. Bytes behind the last message read wait in `input`.
pub(super) struct Messages<'a> {
    /// For answers.
    pub(super) stream: &'a mut Stream,
    input: BytesMut,
}

impl<'a> Messages<'a> {
    /// Starts with nothing read.
    pub(super) fn new(stream: &'a mut Stream) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
        }
    }

    /// The next message. One larger than a login needs is refused before it is read.
    pub(super) async fn next(&mut self) -> Result<Message, OpenErrorKind> {
        loop {
            match frame::next(&self.input) {
                Frame::Complete(header) => {
                    let mut whole = self.input.split_to(header.total);
                    let body = whole.split_off(frame::HEADER_LEN).freeze();
                    return Ok(Message {
                        tag: header.tag,
                        body,
                    });
                }
                Frame::Incomplete(header) if header.total > MAX_LOGIN_MESSAGE => {
                    let length = header.total;
                    return Err(OpenErrorKind::Protocol(format!(
                        "a message of {length} bytes during the login; is this PostgreSQL?"
                    )));
                }
                Frame::Incomplete(_) | Frame::NeedHeader => {
                    if self.stream.read_some(&mut self.input).await? == 0 {
                        return Err(OpenErrorKind::Lost("the server closed it".to_owned()));
                    }
                }
                Frame::Invalid(error) => return Err(OpenErrorKind::Protocol(error.to_string())),
            }
        }
    }

    /// Ends the reading. Bytes nobody asked for mean that both sides disagree on where they are.
    pub(super) fn finish(self) -> Result<(), OpenErrorKind> {
        if self.input.is_empty() {
            return Ok(());
        }
        Err(OpenErrorKind::Protocol(
            "the server sent more than was asked for".to_owned(),
        ))
    }
}
