//! Acceptance tests: real drivers and real databases against the real program, one test binary.
#![cfg(test)]

mod aws_ec2;
mod aws_iam;
mod aws_rds;
mod aws_sdk_rust;
mod aws_secretsmanager;
mod aws_walk;
mod cancel;
mod certificates;
mod compatibility;
mod demo;
mod drivers;
mod external_secrets;
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
mod temporary_credentials;
mod terraform;
mod tokens;
mod tokio_postgres_driver;
