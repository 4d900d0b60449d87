//! The tables of answers kept under idempotency keys and of auth decisions, as sea-orm sees them.

/// `idempotency`.
pub(crate) mod idempotency {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub principal: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub operation: String,
        pub request_hash: String,
        pub status: i64,
        pub body: String,
        pub etag: Option<String>,
        pub location: Option<String>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// `audit_decisions`.
pub(crate) mod audit_decisions {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_decisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub correlation_id: String,
        pub time_ms: i64,
        pub proxy_name: String,
        pub outcome: String,
        pub decision: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
