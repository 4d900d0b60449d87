//! Identity: users, groups, roles, access keys, versioned policies and who has which.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, MigrationTrait, SchemaManager, Table, async_trait,
};

use crate::column::{flag, key, key_null, lookup, number, number_null, primary, refers, text};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        policies(manager).await?;
        users(manager).await?;
        groups(manager).await?;
        roles(manager).await?;
        access_keys(manager).await?;
        attachments(manager).await
    }
}

async fn policies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_policies")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(text("description"))
        .col(number("next_version"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .take();
    manager.create_table(table).await?;
    let versions = Table::create()
        .table("iam_policy_versions")
        .col(key(manager, "policy_id"))
        .col(number("version"))
        .col(text("document"))
        .col(flag("is_default"))
        .col(number("created_at"))
        .primary_key(&mut primary(["policy_id", "version"]))
        .foreign_key(&mut refers(
            "policy_id",
            "iam_policies",
            ForeignKeyAction::Cascade,
        ))
        .take();
    manager.create_table(versions).await
}

async fn users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_users")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(key_null(manager, "boundary_policy_id"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .foreign_key(&mut refers(
            "boundary_policy_id",
            "iam_policies",
            ForeignKeyAction::Restrict,
        ))
        .take();
    manager.create_table(table).await
}

async fn groups(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_groups")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .take();
    manager.create_table(table).await?;
    let members = Table::create()
        .table("iam_group_members")
        .col(key(manager, "group_id"))
        .col(key(manager, "user_id"))
        .col(number("created_at"))
        .primary_key(&mut primary(["group_id", "user_id"]))
        .foreign_key(&mut refers(
            "group_id",
            "iam_groups",
            ForeignKeyAction::Restrict,
        ))
        .foreign_key(&mut refers(
            "user_id",
            "iam_users",
            ForeignKeyAction::Restrict,
        ))
        .take();
    manager.create_table(members).await?;
    let by_user = lookup("iam_group_members_user", "iam_group_members", ["user_id"]);
    manager.create_index(by_user).await
}

async fn roles(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_roles")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "name").unique_key())
        .col(text("description"))
        .col(text("trust_policy"))
        .col(number("max_session_duration"))
        .col(key_null(manager, "boundary_policy_id"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .foreign_key(&mut refers(
            "boundary_policy_id",
            "iam_policies",
            ForeignKeyAction::Restrict,
        ))
        .take();
    manager.create_table(table).await
}

async fn access_keys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_access_keys")
        .col(key(manager, "id").primary_key())
        .col(key(manager, "user_id"))
        .col(text("sealed_secret"))
        .col(flag("active"))
        .col(number("generation"))
        .col(number("created_at"))
        .col(number("updated_at"))
        .col(number_null("last_used_at"))
        .foreign_key(&mut refers(
            "user_id",
            "iam_users",
            ForeignKeyAction::Restrict,
        ))
        .take();
    manager.create_table(table).await?;
    let by_user = lookup("iam_access_keys_user", "iam_access_keys", ["user_id"]);
    manager.create_index(by_user).await
}

/// A principal is a user, a group or a role; only the policy's side can be guarded by a foreign key.
async fn attachments(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("iam_attachments")
        .col(key(manager, "principal_kind"))
        .col(key(manager, "principal_id"))
        .col(key(manager, "policy_id"))
        .col(number("created_at"))
        .primary_key(&mut primary([
            "principal_kind",
            "principal_id",
            "policy_id",
        ]))
        .foreign_key(&mut refers(
            "policy_id",
            "iam_policies",
            ForeignKeyAction::Restrict,
        ))
        .take();
    manager.create_table(table).await?;
    let by_policy = lookup("iam_attachments_policy", "iam_attachments", ["policy_id"]);
    manager.create_index(by_policy).await
}
