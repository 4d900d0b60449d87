//! What the queries do on real servers.
