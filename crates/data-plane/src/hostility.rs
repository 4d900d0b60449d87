//! How servers of tests behave that lie, stall or talk rubbish, once they have said what they have to say.

use std::time::Duration;

use bytes::BytesMut;

use crate::stream::Stream;

/// What such a server does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It closes the connection.
    Close,
    /// It says nothing more.
    Stall,
    /// The same, and the other side is to have had enough of it soon.
    Outlast,
}

impl Then {
    /// Does it.
    pub(crate) async fn after(self, stream: &mut Stream) {
        match self {
            Self::Close => {}
            // Until the other side has had enough.
            Self::Stall | Self::Outlast => {
                while stream.read_some(&mut BytesMut::new()).await.unwrap_or(0) > 0 {}
            }
        }
    }

    /// For how long the other side may try. What is refused for another reason must not meet the deadline, however
    /// busy the machine is.
    pub(crate) fn deadline(self) -> Duration {
        match self {
            Self::Close | Self::Stall => Duration::from_mins(1),
            Self::Outlast => Duration::from_millis(300),
        }
    }
}
