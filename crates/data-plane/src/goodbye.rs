//! Closing a client connection so that its last message arrives.

use std::time::Duration;

use bytes::BytesMut;

use crate::stream::Stream;

/// Time the client has to read and close.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes of the client thrown away meanwhile: a client in the middle of a large COPY sends on until it reads.
const DRAIN: usize = 256 * 1024 * 1024;

/// Says goodbye and waits for the client's. Closing a socket with unread bytes in it would send a reset,
/// and a reset can overtake the message that explains the end.
pub(crate) async fn close(mut stream: Stream) {
    stream.shutdown();
    let drain = async {
        let mut thrown_away = 0;
        let mut buffer = BytesMut::with_capacity(4096);
        while thrown_away < DRAIN {
            match stream.read_some(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    thrown_away += count;
                    buffer.clear();
                }
            }
        }
    };
    // Whoever does not close in time is closed.
    let _ = tokio::time::timeout(LINGER, drain).await;
}
