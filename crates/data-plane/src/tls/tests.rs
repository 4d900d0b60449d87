//! TLS policies of both sides against each other.
