//! Opening connections to real and to hostile servers.
