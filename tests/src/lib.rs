//! Acceptance tests: real drivers and real databases against the real program, one test binary.
#![cfg(test)]

mod cancel;
mod certificates;
mod compatibility;
mod demo;
mod drivers;
mod hostile_bytes;
mod isolation;
mod lifecycle;
mod live_changes;
mod memory;
mod mysql_sessions;
mod mysql_targets;
mod operator_walk;
mod outages;
mod password_logins;
mod pins;
mod pooling;
mod readme;
mod refusals;
mod secrets_stay_secret;
mod support;
mod telemetry;
mod tokens;
mod tokio_postgres_driver;
