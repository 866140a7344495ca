//! Rows of the tables that are read and written one at a time.

pub(super) mod share_link {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "share_link")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) share_link: i64,
        pub(crate) workspace: i64,
        pub(crate) token_hash: Vec<u8>,
        pub(crate) request_key: Vec<u8>,
        pub(crate) request_hash: Vec<u8>,
        #[sea_orm(column_type = "Text")]
        pub(crate) title: String,
        pub(crate) report: Vec<u8>,
        pub(crate) frozen: Option<Vec<u8>>,
        pub(crate) passcode_hash: Option<Vec<u8>>,
        pub(crate) suppress_small: bool,
        pub(crate) created_time: i64,
        pub(crate) expire_time: i64,
        pub(crate) revoked_time: Option<i64>,
        pub(crate) opens: i64,
        pub(crate) last_opened_time: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod share_attempt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "share_attempt")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) share_link: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempted_time: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempt: i64,
        #[sea_orm(column_type = "Text")]
        pub(crate) outcome: String,
        #[sea_orm(column_type = "Text")]
        pub(crate) reader_address: String,
        #[sea_orm(column_type = "Text")]
        pub(crate) reader_agent: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
