//! Rows of the lease and cursor tables.

pub(crate) mod partition {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tail_partition")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        /// Last seq whose effects are in this database.
        pub(crate) seq: i64,
        /// Grows with every change of holder: the fencing token.
        pub(crate) epoch: i64,
        pub(crate) holder: Option<i64>,
        pub(crate) expires_time: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod member {
    use sea_orm::entity::prelude::*;

    /// A replica that is alive. All rows share partition 0: they are few and are read together.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tail_member")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) partition: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) holder: i64,
        pub(crate) expires_time: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
