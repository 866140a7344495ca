mod schema;
use std::time::Instant;
use sea_orm::{ConnectionTrait, Statement, DbBackend, TransactionTrait};
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measure() {
    let fresh = testkit::postgres::<schema::Migrator>("m").await;
    let st = || Statement::from_string(DbBackend::Postgres, "SELECT 1 AS n");
    let o: sqlx::postgres::PgConnectOptions = fresh.settings().url.parse().unwrap();
    let naive = sea_orm::SqlxPostgresConnector::from_sqlx_postgres_pool(sqlx::postgres::PgPoolOptions::new().max_connections(4).connect_with(o.options([("search_path","m")])).await.unwrap());
    for round in 0..3 {
        for (name, c) in [("hook", fresh.db.reader()), ("ping", &naive)] {
            let t = Instant::now();
            for _ in 0..3000 { c.query_one_raw(st()).await.unwrap(); }
            println!("{round} read {name}: {:?}", t.elapsed() / 3000);
        }
        let t = Instant::now();
        for i in 0..400 { let sql = format!("INSERT INTO event (partition, seq, agent, body) VALUES (1,{},'','')", round*1000+i);
            fresh.db.write(|txn| Box::pin(async move { txn.execute_unprepared(&sql).await?; Ok::<_, db::Error>(()) })).await.unwrap(); }
        println!("{round} write ours: {:?}", t.elapsed() / 400);
        let t = Instant::now();
        for i in 0..400 { let sql = format!("INSERT INTO event (partition, seq, agent, body) VALUES (2,{},'','')", round*1000+i);
            let txn = naive.begin().await.unwrap(); txn.execute_unprepared(&sql).await.unwrap(); txn.commit().await.unwrap(); }
        println!("{round} write naive: {:?}", t.elapsed() / 400);
        let t = Instant::now();
        for _ in 0..1000 { fresh.db.write(|txn| Box::pin(async move { txn.execute_unprepared("SELECT 1").await?; Ok::<_, db::Error>(()) })).await.unwrap(); }
        println!("{round} txn without fsync ours: {:?}", t.elapsed() / 1000);
        let t = Instant::now();
        for _ in 0..1000 { let txn = naive.begin().await.unwrap(); txn.execute_unprepared("SELECT 1").await.unwrap(); txn.commit().await.unwrap(); }
        println!("{round} txn without fsync naive: {:?}", t.elapsed() / 1000);
    }
    for b in ["pg","sqlite"] {
      let f = if b=="pg" { testkit::postgres::<schema::Migrator>("m").await } else { testkit::sqlite::<schema::Migrator>("m").await };
      for n in [500usize, 5000] { 
        for r in 0..3 {
        let base = (r*100000 + n*1000) as i64;
        let rows = db::bulk::Rows::new().int("partition", vec![r as i64; n]).int("seq", (0..n as i64).map(|i| base+i).collect())
          .text("agent", (0..n).map(|i| format!("agent-{i}")).collect()).bytes("body", (0..n).map(|i| vec![i as u8; 200]).collect())
          .opt_bytes("dedupe_key", (0..n).map(|i| Some(vec![i as u8; 16])).collect());
        let be = f.db.backend();
        let t0 = Instant::now();
        let s = rows.statement(be, "INSERT INTO event ({columns}) SELECT {columns} FROM {rows} WHERE true");
        let built = t0.elapsed();
        f.db.write(move |txn| Box::pin(async move { txn.execute_raw(s).await?; Ok::<_, db::Error>(()) })).await.unwrap();
        println!("{b} bulk {n}: build {built:?} total {:?}", t0.elapsed());
      }}
      let t = Instant::now(); drop(f); println!("{b} drop {:?}", t.elapsed());
      let t = Instant::now(); let f = if b=="pg" { testkit::postgres::<schema::Migrator>("m").await } else { testkit::sqlite::<schema::Migrator>("m").await }; println!("{b} make {:?}", t.elapsed()); drop(f);
    }
}
