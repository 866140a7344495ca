//! Rows.

macro_rules! entity {
    ($name:ident, $table:literal, { $($(#[$attr:meta])* $field:ident: $type:ty),* $(,)? }) => {
        pub(crate) mod $name {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(crate) struct Model { $($(#[$attr])* pub(crate) $field: $type),* }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(crate) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity!(log_head, "log_head", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    head: i64,
});

entity!(event, "event", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    workspace: i64,
    kind: i16,
    recorded_time: i64,
    occurred_time: i64,
    key_hash: Option<Vec<u8>>,
    body_hash: Vec<u8>,
    trace_context: Option<Vec<u8>>,
    record: Vec<u8>,
});

entity!(workspace, "workspace", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    workspace: i64,
    name: String,
    time_zone: String,
    currency: String,
    accept_unknown: bool,
    created_time: i64,
});

entity!(api_key, "api_key", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    key_id: i64,
    workspace: i64,
    name: String,
    scopes: i16,
    digest: Vec<u8>,
    created_time: i64,
    expires_time: Option<i64>,
    revoked_time: Option<i64>,
    last_used_time: Option<i64>,
});

entity!(workspace_limit, "workspace_limit", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    workspace: i64,
    rate_per_second: i64,
    rate_burst: i64,
    quota_soft: i64,
    quota_hard: i64,
    dimension_values: i64,
});

entity!(usage_cursor, "usage_cursor", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    seq: i64,
});

entity!(dimension_value, "dimension_value", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    workspace: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    dimension: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    digest: i64,
});

entity!(catalog_copy, "catalog_copy", {
    #[sea_orm(primary_key, auto_increment = false)]
    partition: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    change: Vec<u8>,
});
