//! Databases: between the request and the store.

use tollgate_store::{DatabaseRow, DatabaseUpdate, NewDatabase};
use tollgate_types::{Arn, TargetTls};

pub(crate) use super::database_spec::DatabaseSpec;
use super::fresh;
use crate::http::views::database::{CreateDatabase, Database, Tls};
use crate::ports::Random;
use crate::time::rfc3339;

/// A new row.
pub(crate) fn new(random: &Random, spec: DatabaseSpec) -> NewDatabase {
    let DatabaseSpec {
        name,
        engine,
        host,
        port,
        tls,
        tags,
    } = spec;
    NewDatabase {
        id: fresh::row_id(random, "db-"),
        name,
        engine,
        host,
        port,
        tls,
        tags,
    }
}

/// A changed row.
pub(crate) fn update(spec: DatabaseSpec) -> DatabaseUpdate {
    DatabaseUpdate {
        host: spec.host,
        port: spec.port,
        tls: spec.tls,
    }
}

/// What a patch is merged into.
pub(crate) fn writable(row: &DatabaseRow) -> CreateDatabase {
    CreateDatabase {
        name: Some(row.name.clone()),
        engine: Some(row.engine),
        host: Some(row.host.clone()),
        port: Some(row.port),
        tls: Some(tls(row.tls.clone())),
        tags: None,
    }
}

/// What a caller sees.
pub(crate) fn view(row: DatabaseRow, arn: &Arn) -> Database {
    Database {
        arn: arn.rds("db", &row.name),
        name: row.name,
        engine: row.engine,
        host: row.host,
        port: row.port,
        tls: tls(row.tls),
        generation: row.generation,
        created_at: rfc3339(row.created_at),
        updated_at: rfc3339(row.updated_at),
        tags: row.tags,
    }
}

fn tls(tls: TargetTls) -> Tls {
    Tls {
        mode: Some(tls.mode),
        ca_pem: tls.ca_pem,
    }
}
