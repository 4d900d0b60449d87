//! Schemas of values whose types live in other crates: closed lists of words, and maps.

use tollgate_types::ClientPasswordAuth;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type,
};

fn words(words: &[&str]) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        ))
        .build()
}

pub(super) fn engine() -> Schema {
    words(&["postgres", "mysql", "mariadb"]).into()
}

pub(super) fn engine_family() -> Schema {
    words(&["POSTGRESQL", "MYSQL"]).into()
}

pub(super) fn tls_mode() -> Schema {
    words(&["disable", "prefer", "require", "verify-ca", "verify-full"]).into()
}

pub(super) fn iam_auth() -> Schema {
    words(&["DISABLED", "REQUIRED"]).into()
}

pub(super) fn client_password_auth() -> Schema {
    words(&ClientPasswordAuth::ALL.map(ClientPasswordAuth::as_str)).into()
}

pub(super) fn proxy_status() -> Schema {
    words(&[
        "creating",
        "available",
        "modifying",
        "deleting",
        "incompatible-network",
        "insufficient-resource-limits",
    ])
    .into()
}

pub(super) fn condition_type() -> Schema {
    words(&[
        "Programmed",
        "Listening",
        "SecretsResolved",
        "TargetsAvailable",
        "Available",
    ])
    .into()
}

pub(super) fn condition_status() -> Schema {
    words(&["True", "False", "Unknown"]).into()
}

pub(super) fn target_role() -> Schema {
    words(&["READ_WRITE", "READ_ONLY"]).into()
}

pub(super) fn health_state() -> Schema {
    words(&["REGISTERING", "AVAILABLE", "UNAVAILABLE"]).into()
}

pub(super) fn health_reason() -> Schema {
    words(&[
        "UNREACHABLE",
        "CONNECTION_FAILED",
        "AUTH_FAILURE",
        "PENDING_PROXY_CAPACITY",
        "INVALID_REPLICATION_STATE",
    ])
    .into()
}

pub(super) fn probe_step() -> Schema {
    words(&["dns", "tcp", "tls", "auth", "role"]).into()
}

pub(super) fn check_outcome() -> Schema {
    words(&["ok", "failed", "skipped"]).into()
}

pub(super) fn session_state() -> Schema {
    words(&["idle", "waiting", "active", "inTransaction", "pinned"]).into()
}

pub(super) fn auth_outcome() -> Schema {
    words(&["allow", "deny"]).into()
}

pub(super) fn decision() -> Schema {
    words(&["ALLOW", "EXPLICIT_DENY", "IMPLICIT_DENY"]).into()
}

pub(super) fn pinning_filters() -> Schema {
    ArrayBuilder::new()
        .items(words(&["EXCLUDE_VARIABLE_SETS"]))
        .build()
        .into()
}

/// An IAM policy document; its grammar is checked on write and reported by pointer.
pub(super) fn document() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .description(Some("IAM policy JSON"))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
        .into()
}

/// Condition keys and their values, each a text, number, boolean, or list of texts.
pub(super) fn context() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .description(Some("Condition keys and their values"))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
        .into()
}

/// Tags: up to 50, keys of 1 to 128 characters, values of up to 256.
pub(super) fn tags() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::Object))
        .additional_properties(Some(
            ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::String))
                .max_length(Some(256)),
        ))
        .build()
        .into()
}
