//! Climbing to real servers.
