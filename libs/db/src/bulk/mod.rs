//! Many rows in one statement, with a handful of bound values however many the rows are.
//!
//! PostgreSQL gets one array a column and `unnest`s them. SQLite gets one JSON text for all rows
//! and one BLOB that holds all bytes end to end, cut out by offset and length. Either way the text
//! of the statement does not depend on the number of rows, so it is prepared once, and no limit on
//! bound values is near.
//!
//! ```
//! # use db::{Backend, bulk::Rows};
//! let statement = Rows::new()
//!     .int("partition", vec![7, 7])
//!     .text("agent", vec!["ada".into(), "bob".into()])
//!     .bind(1_700_000_000_000_000_i64)
//!     .statement(
//!         Backend::Postgres,
//!         "INSERT INTO seen ({columns}, seen_time) SELECT {columns}, {0} FROM {rows} WHERE true \
//!          ON CONFLICT (partition, agent) DO UPDATE SET seen_time = excluded.seen_time",
//!     );
//! # assert!(statement.sql.contains("unnest($1::bigint[], $2::text[])"));
//! ```
//!
//! In the template `{rows}` stands for the rows as a table named `rows`, `{columns}` for their
//! columns in order (add `rows.` by hand where a name is ambiguous), `{0}`, `{1}`… for the extra
//! binds. Write `WHERE true` before `ON CONFLICT`: SQLite takes `SELECT … FROM x ON` for a join
//! otherwise.

mod insert;
mod postgres;
mod sqlite;
mod template;
mod transaction;
mod values;

use sea_orm::{DbBackend, Statement, Value};

pub use insert::Row;
pub use transaction::Transaction;

/// The rows of one statement, column by column. All columns have the same number of rows; none is
/// a valid number.
#[derive(Debug, Default)]
pub struct Rows {
    columns: Vec<(&'static str, Column)>,
    binds: Vec<Value>,
}

#[derive(Debug)]
enum Column {
    Int(Vec<i64>),
    OptInt(Vec<Option<i64>>),
    Text(Vec<String>),
    OptText(Vec<Option<String>>),
    Bytes(Vec<Vec<u8>>),
    OptBytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Int(values) => values.len(),
            Self::OptInt(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::OptText(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::OptBytes(values) => values.len(),
        }
    }
}

impl Rows {
    /// No columns yet; a statement needs at least one.
    pub fn new() -> Self {
        Self::default()
    }

    /// A column of integers (BIGINT; narrower columns take them too).
    pub fn int(self, name: &'static str, values: Vec<i64>) -> Self {
        self.with(name, Column::Int(values))
    }

    /// A column of integers or NULL.
    pub fn opt_int(self, name: &'static str, values: Vec<Option<i64>>) -> Self {
        self.with(name, Column::OptInt(values))
    }

    /// A column of text. PostgreSQL refuses U+0000 in text.
    pub fn text(self, name: &'static str, values: Vec<String>) -> Self {
        self.with(name, Column::Text(values))
    }

    /// A column of text or NULL.
    pub fn opt_text(self, name: &'static str, values: Vec<Option<String>>) -> Self {
        self.with(name, Column::OptText(values))
    }

    /// A column of bytes.
    pub fn bytes(self, name: &'static str, values: Vec<Vec<u8>>) -> Self {
        self.with(name, Column::Bytes(values))
    }

    /// A column of bytes or NULL; empty bytes are not NULL.
    pub fn opt_bytes(self, name: &'static str, values: Vec<Option<Vec<u8>>>) -> Self {
        self.with(name, Column::OptBytes(values))
    }

    /// An extra value, the same for all rows: the first is `{0}` in the template, the next `{1}`.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.binds.push(value.into());
        self
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// True when there are no rows. The statement is valid then, and touches nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The finished statement.
    ///
    /// # Panics
    /// When there is no column, a column's length differs from the first's, or the template has a
    /// placeholder that stands for nothing: mistakes in the code, not in the data.
    pub fn statement(self, backend: DbBackend, template: &str) -> Statement {
        let rows = self.check();
        let Self { columns, binds } = self;
        let names = list(&columns);
        let (source, mut values) = match backend {
            DbBackend::Postgres => postgres::source(columns),
            _ => sqlite::source(&columns, rows),
        };
        let sql = fill(backend, template, (&names, &source), (values.len(), binds.len()));
        values.extend(binds);
        Statement::from_sql_and_values(backend, sql, values)
    }

    /// The same for many rows: several statements on SQLite, of 512 rows at most with every cell bound by
    /// itself. It reads a cell faster than it parses one, and prepares such a text longer.
    ///
    /// # Panics
    /// As [`Rows::statement`] does.
    pub fn statements(self, backend: DbBackend, template: &str) -> Vec<Statement> {
        let rows = self.check();
        if backend == DbBackend::Postgres {
            return vec![self.statement(backend, template)];
        }
        let Self { columns, binds } = self;
        let (names, mut cells) = (list(&columns), values::Cells::new(columns, rows));
        let mut statements = Vec::with_capacity(rows / insert::PORTION_MAX + 10);
        while cells.portion() > 0 {
            let mut bound = Vec::new();
            // Values without numbers are bound in the order in which the text asks for them.
            let sql = template::fill(template, |placeholder| match placeholder {
                "rows" => {
                    let table = cells.table();
                    cells.take(&mut bound);
                    Some(table)
                }
                "columns" => Some(names.clone()),
                number => {
                    bound.push(binds.get(number.parse::<usize>().ok()?)?.clone());
                    Some("?".to_owned())
                }
            });
            statements.push(Statement::from_sql_and_values(backend, sql, bound));
        }
        statements
    }

    /// The number of rows of a statement that can be made.
    fn check(&self) -> usize {
        let rows = self.len();
        assert!(!self.columns.is_empty(), "a statement over rows needs a column");
        for (name, column) in &self.columns {
            assert_eq!(column.len(), rows, "column {name} has another number of rows");
        }
        rows
    }

    fn with(mut self, name: &'static str, column: Column) -> Self {
        self.columns.push((name, column));
        self
    }
}

/// The template with the rows in it; `extra` values are bound behind `before` others.
fn fill(
    backend: DbBackend,
    template: &str,
    (columns, source): (&str, &str),
    (before, extra): (usize, usize),
) -> String {
    let sign = if backend == DbBackend::Postgres { '$' } else { '?' };
    template::fill(template, |placeholder| match placeholder {
        "rows" => Some(source.to_owned()),
        "columns" => Some(columns.to_owned()),
        number => {
            let at: usize = number.parse().ok()?;
            (at < extra).then(|| format!("{sign}{}", before + at + 1))
        }
    })
}

fn list(columns: &[(&'static str, Column)]) -> String {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    names.join(", ")
}
