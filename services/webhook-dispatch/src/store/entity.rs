//! Rows, as the tables hold them. Times are microseconds UTC.

pub(super) mod endpoint {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "endpoint")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) endpoint: i64,
        pub(crate) workspace: i64,
        pub(crate) url: String,
        pub(crate) description: String,
        /// Names, a space between them.
        pub(crate) event_types: String,
        /// The one-line form.
        pub(crate) filter: String,
        pub(crate) include_traceparent: bool,
        pub(crate) secret: Vec<u8>,
        pub(crate) after_seq: i64,
        pub(crate) state: String,
        pub(crate) request_key: Option<Vec<u8>>,
        pub(crate) request_hash: Option<Vec<u8>>,
        pub(crate) created_time: i64,
        pub(crate) updated_time: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod roster {
    use sea_orm::entity::prelude::*;

    /// The version of a partition's endpoints; no row is version 0.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "roster")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        pub(crate) version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod delivery {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "delivery")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) endpoint: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) seq: i64,
        pub(crate) workspace: i64,
        pub(crate) event_type: String,
        pub(crate) state: String,
        pub(crate) attempts: i32,
        /// Only while pending: when the next attempt is due, or the one under way counts as lost.
        pub(crate) due_time: Option<i64>,
        pub(crate) created_time: i64,
        pub(crate) settled_time: Option<i64>,
        /// Until it has arrived.
        pub(crate) body: Option<Vec<u8>>,
        pub(crate) event_trace: Option<Vec<u8>>,
        pub(crate) attempt_trace: Option<Vec<u8>>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod attempt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "attempt")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) endpoint: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) seq: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) number: i32,
        pub(crate) verdict: String,
        pub(crate) http_status: Option<i32>,
        pub(crate) response: String,
        pub(crate) error: String,
        pub(crate) started_time: i64,
        pub(crate) took_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
