//! The data plane alone, in front of a real PostgreSQL: snapshots in, sessions through, reports out.

mod changes;
mod databases;
mod defaults;
mod dice;
mod differential;
mod fixture;
mod isolation;
mod limits;
mod mysql;
mod pins;
mod prepared;
mod raw;
mod roles;
mod rubbish;
mod security_groups;
mod sequences;
mod sessions;
mod statement_names;
mod stored_code;
mod unknown_code;
mod upkeep;
