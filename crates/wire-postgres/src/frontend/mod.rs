//! What a client says: readers that borrow from the body, and builders for the proxy's own requests.

mod read;
mod write;

pub use read::{
    Bind, Close, Describe, Execute, ObjectKind, Parse, PasswordMessage, Query, SaslInitialResponse,
};
pub use write::{
    bind, close, copy_fail, describe, execute, flush, parse, password, query,
    sasl_initial_response, sasl_response, sync, terminate,
};

#[cfg(test)]
mod tests;
