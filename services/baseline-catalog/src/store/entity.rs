//! The rows.

pub(super) mod change {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "change")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) seq: i64,
        pub(crate) workspace: i64,
        pub(crate) kind: String,
        pub(crate) subject: String,
        pub(crate) number: i64,
        pub(crate) effective_time: i64,
        pub(crate) recorded_time: i64,
        pub(crate) actor: String,
        pub(crate) reason: String,
        pub(crate) request_id: Option<String>,
        pub(crate) request_hash: Option<Vec<u8>>,
        /// JSON, stored and never queried.
        pub(crate) body: String,
        /// On the first row of a write: how many it made.
        pub(crate) batch: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "change_head")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        /// Seq of the last change; the row is missing before the first.
        pub(crate) head: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
