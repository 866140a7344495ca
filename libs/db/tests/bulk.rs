//! Rows in one statement mean the same on both databases.

#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;

mod suite {
    use db::Db;
    use db::bulk::Rows;
    use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};

    const INSERT: &str = "INSERT INTO event ({columns}) SELECT {columns} FROM {rows} WHERE true";

    /// Every kind of column, with what is hard about it: quotes, other scripts, astral characters,
    /// NULLs, empty bytes, all bytes, the ends of an i64.
    fn rows(count: usize) -> Rows {
        let number = |row: usize| row as i64;
        let texts =
            ["plain", "", "it's \"quoted\" \\ back", "Grüße, 東京, עברית", "🧾\u{10ffff}", "12"];
        let text = |row: usize| texts[row % texts.len()].to_owned();
        let weights = [Some(i64::MIN), Some(i64::MAX), None, Some(0), Some(-1)];
        let bytes = |row: usize| (0..row % 300).map(|byte| byte as u8).collect::<Vec<u8>>();
        Rows::new()
            .int("partition", (0..count).map(|row| number(row % 64)).collect())
            .int("seq", (0..count).map(number).collect())
            .text("agent", (0..count).map(text).collect())
            .opt_text("note", (0..count).map(|row| (row % 3 > 0).then(|| text(row))).collect())
            .opt_int("weight", (0..count).map(|row| weights[row % weights.len()]).collect())
            .bytes("body", (0..count).map(bytes).collect())
            .opt_bytes(
                "dedupe_key",
                (0..count).map(|row| (row % 2 > 0).then(|| bytes(row))).collect(),
            )
    }

    async fn write(db: &Db, rows: Rows, template: &'static str) -> u64 {
        let statement = rows.statement(db.backend(), template);
        let written = db.write(|txn| {
            Box::pin(async move {
                let result = txn.execute_raw(statement).await?;
                Ok::<_, db::Error>(result.rows_affected())
            })
        });
        written.await.unwrap()
    }

    /// The same by the driver's own road.
    async fn write_rows(db: &Db, rows: Rows, template: &'static str) -> u64 {
        let written =
            db.write_rows(move |txn| Box::pin(async move { txn.execute(rows, template).await }));
        let written: Result<_, db::Error> = written.await;
        written.unwrap()
    }

    async fn read(db: &Db, sql: &str) -> Vec<QueryResult> {
        db.reader().query_all_raw(Statement::from_string(db.backend(), sql)).await.unwrap()
    }

    type Row = (i16, i64, String, Option<String>, Option<i64>, Vec<u8>, Option<Vec<u8>>);

    fn row(found: &QueryResult) -> Row {
        let all = || -> Result<Row, DbErr> {
            Ok((
                found.try_get("", "partition")?,
                found.try_get("", "seq")?,
                found.try_get("", "agent")?,
                found.try_get("", "note")?,
                found.try_get("", "weight")?,
                found.try_get("", "body")?,
                found.try_get("", "dedupe_key")?,
            ))
        };
        all().unwrap()
    }

    async fn keeps(db: Db, count: usize) {
        assert_eq!(write(&db, rows(count), INSERT).await, count as u64);
        holds(&db, count).await;
    }

    async fn holds(db: &Db, count: usize) {
        let found = read(db, "SELECT * FROM event ORDER BY seq").await;
        assert_eq!(found.len(), count);
        let texts =
            ["plain", "", "it's \"quoted\" \\ back", "Grüße, 東京, עברית", "🧾\u{10ffff}", "12"];
        let weights = [Some(i64::MIN), Some(i64::MAX), None, Some(0), Some(-1)];
        for (at, found) in found.iter().enumerate() {
            let text = texts[at % texts.len()].to_owned();
            let bytes: Vec<u8> = (0..at % 300).map(|byte| byte as u8).collect();
            let expected = (
                (at % 64) as i16,
                at as i64,
                text.clone(),
                (at % 3 > 0).then_some(text),
                weights[at % weights.len()],
                bytes.clone(),
                (at % 2 > 0).then_some(bytes),
            );
            assert_eq!(row(found), expected);
        }
    }

    pub(crate) async fn no_rows_touch_nothing(db: Db) {
        keeps(db, 0).await;
    }

    pub(crate) async fn one_row_is_kept_exactly(db: Db) {
        keeps(db, 1).await;
    }

    pub(crate) async fn five_thousand_rows_are_kept_exactly(db: Db) {
        keeps(db, 5_000).await;
    }

    pub(crate) async fn several_statements_keep_rows_exactly(db: Db) {
        // More than one portion, and odd ones at the end.
        let statements = rows(1_303).statements(db.backend(), INSERT);
        let written = db.write(|txn| {
            Box::pin(async move {
                let mut written = 0;
                for statement in statements {
                    written += txn.execute_raw(statement).await?.rows_affected();
                }
                Ok::<_, db::Error>(written)
            })
        });
        assert_eq!(written.await.unwrap(), 1_303);
        holds(&db, 1_303).await;
    }

    pub(crate) async fn several_statements_bind_what_all_rows_share(db: Db) {
        write(&db, rows(1_000), INSERT).await;
        let wanted = Rows::new()
            .int("partition", (0..700).map(|n| n % 64).collect())
            .int("seq", (0..700).collect())
            .bind(3_i64);
        let sql = "SELECT event.seq + {0} AS moved FROM {rows} JOIN event \
                   ON event.partition = rows.partition AND event.seq = rows.seq";
        let mut moved = Vec::new();
        for find in wanted.statements(db.backend(), sql) {
            for row in db.reader().query_all_raw(find).await.unwrap() {
                moved.push(row.try_get::<i64>("", "moved").unwrap());
            }
        }
        moved.sort_unstable();
        assert_eq!(moved, (3..703).collect::<Vec<_>>());
    }

    pub(crate) async fn the_drivers_own_road_touches_nothing_for_no_rows(db: Db) {
        assert_eq!(write_rows(&db, rows(0), INSERT).await, 0);
        holds(&db, 0).await;
    }

    pub(crate) async fn the_drivers_own_road_keeps_rows_exactly(db: Db) {
        // More than one portion, and odd ones at the end.
        assert_eq!(write_rows(&db, rows(1_303), INSERT).await, 1_303);
        holds(&db, 1_303).await;
    }

    pub(crate) async fn the_drivers_own_road_finds_rows_by_number_and_bytes(db: Db) {
        write_rows(&db, rows(1_000), INSERT).await;
        let wanted = Rows::new()
            .int("partition", (0..700).map(|n| n % 64).collect())
            .int("seq", (0..700).collect())
            .opt_bytes(
                "dedupe_key",
                (0..700).map(|n| (n == 5).then(|| vec![0, 1, 2, 3, 4])).collect(),
            )
            .bind(3_i64);
        let found = db.write_rows(move |txn| {
            Box::pin(async move {
                let sql = "SELECT event.partition, event.seq + {0}, event.dedupe_key FROM {rows} \
                           JOIN event ON event.partition = rows.partition AND event.seq = rows.seq \
                           AND event.dedupe_key = rows.dedupe_key";
                txn.fetch::<(i16, i64, Vec<u8>)>(wanted, sql).await
            })
        });
        let found: Result<_, db::Error> = found.await;
        assert_eq!(found.unwrap(), [(5, 8, vec![0, 1, 2, 3, 4])]);
    }

    pub(crate) async fn new_rows_are_kept_exactly_or_not_at_all(db: Db) {
        let insert = async |seqs: std::ops::Range<i64>| -> Result<(), db::Error> {
            db.write_rows(move |txn| {
                Box::pin(async move {
                    let columns = ["partition", "seq", "agent", "weight", "body", "dedupe_key"];
                    let seqs: Vec<i64> = seqs.collect();
                    txn.insert("event", &columns, seqs.iter(), |row, seq| {
                        let bytes = vec![7; (*seq % 300) as usize];
                        row.small_int((*seq % 64) as i16)
                            .int(*seq)
                            .text("Grüße")
                            .int(i64::MIN + *seq)
                            .bytes(&bytes)
                            .opt_bytes((*seq % 2 > 0).then_some(&bytes));
                    })
                    .await
                })
            })
            .await
        };
        insert(0..0).await.unwrap();
        // Few rows and many go different ways.
        insert(0..100).await.unwrap();
        insert(100..1_303).await.unwrap();
        assert!(matches!(insert(99..101).await, Err(db::Error::Conflict(_))));
        assert!(matches!(insert(1_302..1_400).await, Err(db::Error::Conflict(_))));
        let found = read(&db, "SELECT * FROM event ORDER BY seq").await;
        assert_eq!(found.len(), 1_303);
        for (seq, found) in found.iter().enumerate() {
            let (bytes, seq) = (vec![7; seq % 300], seq as i64);
            let odd = (seq % 2 > 0).then(|| bytes.clone());
            let (partition, its_seq, agent, _, weight, body, dedupe) = row(found);
            assert_eq!(agent, "Grüße");
            assert_eq!((i64::from(partition), its_seq), (seq % 64, seq));
            assert_eq!((weight, body, dedupe), (Some(i64::MIN + seq), bytes, odd));
        }
    }

    pub(crate) async fn a_failure_that_is_passed_over_commits_nothing(db: Db) {
        let outcome = db.write_rows(|txn| {
            Box::pin(async move {
                txn.execute(rows(3), INSERT).await?;
                // The same keys again.
                assert!(matches!(txn.execute(rows(3), INSERT).await, Err(db::Error::Conflict(_))));
                Ok::<_, db::Error>(())
            })
        });
        assert!(outcome.await.is_err());
        holds(&db, 0).await;
    }

    pub(crate) async fn rows_whose_bytes_are_all_empty_are_not_null(db: Db) {
        let rows = Rows::new()
            .int("partition", vec![1, 1])
            .int("seq", vec![1, 2])
            .text("agent", vec!["a".into(), "b".into()])
            .bytes("body", vec![Vec::new(), Vec::new()])
            .opt_bytes("dedupe_key", vec![Some(Vec::new()), None]);
        write(&db, rows, INSERT).await;
        let found = read(&db, "SELECT * FROM event ORDER BY seq").await;
        assert_eq!(row(&found[0]).5, Vec::<u8>::new());
        assert_eq!(row(&found[0]).6, Some(Vec::new()));
        assert_eq!(row(&found[1]).6, None);
    }

    pub(crate) async fn an_upsert_adds_to_what_is_there(db: Db) {
        let rows = |weight: i64| {
            Rows::new()
                .int("partition", vec![3, 4])
                .int("seq", vec![weight, weight * 10])
                .bind(100_i64)
        };
        let upsert = "INSERT INTO head ({columns}) SELECT {columns} FROM {rows} WHERE true \
                      ON CONFLICT (partition) DO UPDATE SET seq = head.seq + excluded.seq + {0}";
        write(&db, rows(1), upsert).await;
        write(&db, rows(2), upsert).await;
        let found = read(&db, "SELECT partition, seq FROM head ORDER BY partition").await;
        let seqs: Vec<i64> = found.iter().map(|row| row.try_get("", "seq").unwrap()).collect();
        assert_eq!(seqs, [1 + 2 + 100, 10 + 20 + 100]);
    }

    pub(crate) async fn an_update_takes_its_values_from_the_rows(db: Db) {
        write(&db, rows(100), INSERT).await;
        let changes = Rows::new()
            .int("partition", vec![7, 8, 9])
            .int("seq", vec![7, 8, 1_000])
            .opt_text("note", vec![Some("changed".into()), None, Some("nobody".into())]);
        let changed = write(
            &db,
            changes,
            "UPDATE event SET note = rows.note FROM {rows} \
             WHERE event.partition = rows.partition AND event.seq = rows.seq",
        );
        assert_eq!(changed.await, 2);
        let found = read(&db, "SELECT * FROM event WHERE seq IN (7, 8) ORDER BY seq").await;
        assert_eq!(row(&found[0]).3.as_deref(), Some("changed"));
        assert_eq!(row(&found[1]).3, None);
    }

    pub(crate) async fn a_join_finds_rows_by_number_text_and_bytes(db: Db) {
        write(&db, rows(1_000), INSERT).await;
        let wanted = Rows::new()
            .int("partition", vec![5, 64, 1])
            .int("seq", vec![5, 5, 1])
            .bytes("dedupe_key", vec![vec![0, 1, 2, 3, 4], vec![0, 1, 2, 3, 4], vec![9]])
            .bind("12")
            .statement(
                db.backend(),
                "SELECT event.seq AS seq, rows.partition AS wanted FROM {rows} \
                 JOIN event ON event.partition = rows.partition AND event.seq = rows.seq \
                 AND event.dedupe_key = rows.dedupe_key WHERE event.agent = {0}",
            );
        let found = db.reader().query_all_raw(wanted).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].try_get::<i64>("", "seq").unwrap(), 5);
        assert_eq!(found[0].try_get::<i64>("", "wanted").unwrap(), 5);
    }

    pub(crate) async fn the_head_row_can_give_the_partition(db: Db) {
        // The form that a PostgreSQL distributed by partition runs as one task.
        write(
            &db,
            Rows::new().int("partition", vec![6]).int("seq", vec![40]),
            "INSERT INTO head ({columns}) SELECT {columns} FROM {rows} WHERE true",
        )
        .await;
        let rows = Rows::new()
            .int("offset_in_batch", vec![1, 2])
            .text("agent", vec!["a".into(), "b".into()])
            .bytes("body", vec![vec![1], vec![2]])
            .bind(6_i64);
        let written = write(
            &db,
            rows,
            "INSERT INTO event (partition, seq, agent, body) \
             SELECT head.partition, head.seq + rows.offset_in_batch, rows.agent, rows.body \
             FROM head CROSS JOIN {rows} WHERE head.partition = {0}",
        );
        assert_eq!(written.await, 2);
        let found = read(&db, "SELECT seq FROM event WHERE partition = 6 ORDER BY seq").await;
        assert_eq!(found[1].try_get::<i64>("", "seq").unwrap(), 42);
    }
}

testkit::store_suite! {
    suite: crate::suite,
    migrator: crate::schema::Migrator,
    backends: [sqlite, postgres],
    cases: [
        no_rows_touch_nothing,
        one_row_is_kept_exactly,
        five_thousand_rows_are_kept_exactly,
        the_drivers_own_road_touches_nothing_for_no_rows,
        several_statements_bind_what_all_rows_share,
        several_statements_keep_rows_exactly,
        the_drivers_own_road_keeps_rows_exactly,
        the_drivers_own_road_finds_rows_by_number_and_bytes,
        new_rows_are_kept_exactly_or_not_at_all,
        a_failure_that_is_passed_over_commits_nothing,
        rows_whose_bytes_are_all_empty_are_not_null,
        an_upsert_adds_to_what_is_there,
        an_update_takes_its_values_from_the_rows,
        a_join_finds_rows_by_number_text_and_bytes,
        the_head_row_can_give_the_partition,
    ],
}
