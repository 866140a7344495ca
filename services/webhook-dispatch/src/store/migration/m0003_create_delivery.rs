//! Deliveries. Pending ones are those with a due time: the table itself holds every writer to that.

use sea_orm_migration::prelude::*;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "webhook_0003_create_delivery"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let pending = Expr::col("state").eq("pending");
        let settled = Expr::col("state").is_in(["succeeded", "dead"]);
        let due = Expr::col("due_time").is_not_null().and(Expr::col("settled_time").is_null());
        let done = Expr::col("due_time").is_null().and(Expr::col("settled_time").is_not_null());
        let table = Table::create()
            .table("delivery")
            .col(ColumnDef::new("partition").small_integer().not_null())
            .col(ColumnDef::new("endpoint").big_integer().not_null())
            .col(ColumnDef::new("seq").big_integer().not_null())
            .col(ColumnDef::new("workspace").big_integer().not_null())
            .col(ColumnDef::new("event_type").text().not_null())
            .col(ColumnDef::new("state").text().not_null())
            .col(ColumnDef::new("attempts").integer().not_null())
            .col(ColumnDef::new("due_time").big_integer().null())
            .col(ColumnDef::new("created_time").big_integer().not_null())
            .col(ColumnDef::new("settled_time").big_integer().null())
            .col(ColumnDef::new("body").binary().null())
            .col(ColumnDef::new("event_trace").binary().null())
            .col(ColumnDef::new("attempt_trace").binary().null())
            .primary_key(Index::create().col("partition").col("endpoint").col("seq"))
            .check(pending.and(due).or(settled.and(done)))
            .to_owned();
        manager.create_table(table).await
    }
}
