//! Transcripts of what PostgreSQL 15 was observed to answer, and properties against a simulated server.

mod boundaries;
mod copy;
mod defaults;
mod isolation;
mod messages;
mod named_in_sql;
mod pinning;
mod reading;
mod requests;
mod rig;
mod settings;
mod simulation;
mod simulator;
mod statements;
mod stored;
