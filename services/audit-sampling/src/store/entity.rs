//! The rows.

pub(super) mod sample {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sample")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        /// Of the event in the ledger.
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) seq: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) plan_id: String,
        pub(crate) plan_version: i64,
        pub(crate) workspace: i64,
        pub(crate) period_time: i64,
        pub(crate) stratum: String,
        pub(crate) probability_millionths: i32,
        pub(crate) state: String,
        pub(crate) agent_id: String,
        pub(crate) task_type: String,
        pub(crate) outcome: String,
        pub(crate) ticket_id: String,
        pub(crate) intent: String,
        pub(crate) channel: String,
        pub(crate) language: String,
        pub(crate) occurred_time: i64,
        pub(crate) recorded_time: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod stratum_count {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "stratum_count")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) workspace: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) plan_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) period_time: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) stratum: String,
        pub(crate) considered: i64,
        pub(crate) drawn: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod install_secret {
    use sea_orm::entity::prelude::*;

    /// One row, in partition 0.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "install_secret")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        pub(crate) secret: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
