//! Security groups and their rules, and the default group, which lets everybody in.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, MigrationTrait, Query, SchemaManager, Table,
    async_trait,
};

use crate::column::{flag, key, number, refers, text, unique};

/// See the file's first line.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The default group has this id in every installation; it must never change.
const DEFAULT_GROUP: &str = "sg-0defa017000000000";

/// Ids, directions and sources of the rules that the default group has in the beginning.
const DEFAULT_RULES: [(&str, &str, &str); 4] = [
    ("sgr-0defa017000000001", "ingress", "0.0.0.0/0"),
    ("sgr-0defa017000000002", "ingress", "::/0"),
    ("sgr-0defa017000000003", "egress", "0.0.0.0/0"),
    ("sgr-0defa017000000004", "egress", "::/0"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let groups = Table::create()
            .table("security_groups")
            .col(key(manager, "id").primary_key())
            .col(key(manager, "name"))
            .col(text("description"))
            .col(flag("is_default"))
            .col(number("created_at"))
            .take();
        manager.create_table(groups).await?;
        let names = unique("security_groups_name", "security_groups", ["name"]);
        manager.create_index(names).await?;
        let rules = Table::create()
            .table("security_group_rules")
            .col(key(manager, "id").primary_key())
            .col(key(manager, "group_id"))
            .col(key(manager, "traffic"))
            .col(key(manager, "protocol"))
            .col(number("from_port"))
            .col(number("to_port"))
            .col(key(manager, "source"))
            .col(text("description"))
            .foreign_key(&mut refers(
                "group_id",
                "security_groups",
                ForeignKeyAction::Cascade,
            ))
            .take();
        manager.create_table(rules).await?;
        let once = unique(
            "security_group_rules_once",
            "security_group_rules",
            [
                "group_id",
                "traffic",
                "protocol",
                "from_port",
                "to_port",
                "source",
            ],
        );
        manager.create_index(once).await?;
        default_group(manager).await
    }
}

async fn default_group(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let group = Query::insert()
        .into_table("security_groups")
        .columns(["id", "name", "description", "is_default", "created_at"])
        .values_panic([
            DEFAULT_GROUP.into(),
            "default".into(),
            "default VPC security group".into(),
            true.into(),
            0_i64.into(),
        ])
        .take();
    manager.execute(group).await?;
    let mut rules = Query::insert();
    rules.into_table("security_group_rules").columns([
        "id",
        "group_id",
        "traffic",
        "protocol",
        "from_port",
        "to_port",
        "source",
        "description",
    ]);
    for (id, traffic, source) in DEFAULT_RULES {
        rules.values_panic([
            id.into(),
            DEFAULT_GROUP.into(),
            traffic.into(),
            "-1".into(),
            (-1_i64).into(),
            (-1_i64).into(),
            source.into(),
            "".into(),
        ]);
    }
    manager.execute(rules).await
}
