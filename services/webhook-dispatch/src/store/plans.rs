//! How SQLite goes about the statements that a backlog could slow down. It has no statistics to go by, and
//! has chosen to walk the whole backlog once for each row that was asked for; so the plan is tested.

use kernel::{Partition, Timestamp};
use sea_orm::{ConnectionTrait as _, Statement};

use super::{Migrator, Settlement, agenda, bulk};
use crate::domain::{Delivery, DeliveryId, EndpointId};

const NOW: Timestamp = Timestamp::from_micros(1_770_022_800_000_000);

/// The steps, each a line, in the order of their loops.
async fn plan(statement: Statement) -> Vec<String> {
    let db = testkit::sqlite::<Migrator>(crate::NAME).await;
    let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let explain = Statement { sql, ..statement };
    let lines = db.db.reader().query_all_raw(explain).await.unwrap();
    lines.iter().map(|line| line.try_get("", "detail").unwrap()).collect()
}

/// Every look at `delivery` goes down an index as far as `columns`.
#[track_caller]
fn assert_goes_down(plan: &[String], columns: &[&str]) {
    let looks: Vec<&String> = plan.iter().filter(|line| line.contains(" delivery")).collect();
    assert_eq!(looks.len(), columns.len(), "{plan:#?}");
    for (look, columns) in looks.iter().zip(columns) {
        let found = look.rsplit_once('(').map(|(_, found)| found.trim_end_matches(')'));
        assert_eq!(found, Some(*columns), "{plan:#?}");
    }
}

fn some(count: i64) -> Vec<DeliveryId> {
    (1..=count).map(|n| DeliveryId { endpoint: EndpointId::new(n).unwrap(), seq: n }).collect()
}

fn partition() -> Partition {
    Partition::new(5).unwrap()
}

#[tokio::test]
async fn claiming_and_settling_look_up_each_delivery_by_its_id() {
    let wanted: Vec<_> = some(3).into_iter().map(|id| (id, NOW)).collect();
    let state = Delivery::new(NOW);
    let settled: Vec<Settlement> = some(3)
        .into_iter()
        .map(|id| Settlement { id, claimed: NOW, state, answer: None })
        .collect();
    for statement in [
        bulk::claim(db::Backend::Sqlite, partition(), &wanted, NOW),
        bulk::update_settled(db::Backend::Sqlite, partition(), &settled),
    ] {
        let plan = plan(statement).await;
        assert!(plan[0].contains("json_each"), "the rows come first: {plan:#?}");
        let look = plan.iter().find(|line| line.contains(" delivery")).unwrap();
        assert!(look.contains("endpoint=? AND ") && look.contains("seq=?"), "{plan:#?}");
    }
}

#[tokio::test]
async fn finding_what_is_due_goes_down_an_index_every_time() {
    let partitions = agenda::partitions_statement(db::Backend::Sqlite, NOW);
    assert_goes_down(&plan(partitions).await, &["partition=? AND due_time<?"]);
    let endpoints = agenda::endpoints_statement(db::Backend::Sqlite, partition(), NOW);
    let one = "partition=? AND endpoint=? AND due_time<?";
    assert_goes_down(&plan(endpoints).await, &["partition=?", "partition=? AND endpoint>?", one]);
    let of: Vec<_> = some(2).into_iter().map(|id| (id.endpoint, 7)).collect();
    let due = agenda::due_statement(db::Backend::Sqlite, partition(), NOW, &of).unwrap();
    let plan = plan(due).await;
    assert_goes_down(&plan, &[one, one]);
    assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "nothing is sorted: {plan:#?}");
}
