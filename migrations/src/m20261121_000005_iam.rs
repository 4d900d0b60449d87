//! What the AWS-compatible IAM needs besides: paths, inline policies, OIDC providers, and the
//! AWS-managed policies.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, MigrationTrait, Query, SchemaManager, Table, async_trait,
};

use crate::aws_managed::{POLICIES, PREFIX};
use crate::column::{key, number, primary, text};

/// When AWS-managed policies say they were made: 2026-01-01.
const MADE_AT: i64 = 1_767_225_600;

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["iam_users", "iam_groups", "iam_roles", "iam_policies"] {
            paths(manager, table).await?;
        }
        inline_policies(manager).await?;
        oidc_providers(manager).await?;
        aws_managed(manager).await
    }
}

async fn paths(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    let mut path = key(manager, "path");
    path.default("/");
    let table = Table::alter().table(name).add_column(path).take();
    manager.alter_table(table).await
}

/// A principal is a user, a group or a role, so no foreign key can guard them; the store keeps principals that
/// have some.
async fn inline_policies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_inline_policies")
        .col(key(manager, "principal_kind"))
        .col(key(manager, "principal_id"))
        .col(key(manager, "name"))
        .col(text("document"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .primary_key(&mut primary(["principal_kind", "principal_id", "name"]))
        .take();
    manager.create_table(table).await
}

async fn oidc_providers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("oidc_providers")
        .col(key(manager, "url").primary_key())
        .col(text("client_ids"))
        .col(text("thumbprints"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .take();
    manager.create_table(table).await
}

/// They are rows like others, so that attachments, boundaries and the evaluator treat them alike.
async fn aws_managed(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut policies = Query::insert();
    policies.into_table("iam_policies").columns([
        "id",
        "name",
        "path",
        "description",
        "next_version",
        "generation",
        "created_at",
        "updated_at",
    ]);
    let mut versions = Query::insert();
    versions.into_table("iam_policy_versions").columns([
        "policy_id",
        "version",
        "document",
        "is_default",
        "created_at",
    ]);
    for policy in POLICIES {
        policies.values_panic([
            policy.id.into(),
            format!("{PREFIX}{}", policy.name).into(),
            "/".into(),
            policy.description.into(),
            2.into(),
            1.into(),
            MADE_AT.into(),
            MADE_AT.into(),
        ]);
        versions.values_panic([
            policy.id.into(),
            1.into(),
            policy.document.into(),
            true.into(),
            MADE_AT.into(),
        ]);
    }
    manager.execute(policies).await?;
    manager.execute(versions).await
}
