//! Path `headers`: the reply to a query of ten rows, message by message.

use tollgate_wire_postgres::frame::{self, Frame};

/// Walks over one reply per call; returns the number of messages.
pub(crate) fn prepare() -> impl FnMut() -> usize {
    let mut reply = message(b'T', &[0; 28]);
    for _ in 0..10 {
        reply.extend(message(b'D', &[7; 90]));
    }
    reply.extend(message(b'C', b"SELECT 10\0"));
    reply.extend(message(b'Z', b"I"));
    move || {
        let mut rest = std::hint::black_box(reply.as_slice());
        let mut messages = 0;
        while let Frame::Complete(header) = frame::next(rest) {
            rest = rest.get(header.total..).unwrap_or_default();
            messages += 1;
        }
        messages
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[tag][..], &length.to_be_bytes(), body].concat()
}
