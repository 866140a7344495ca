//! Many new rows into one table, the fastest way each database has: COPY on PostgreSQL (an INSERT from
//! arrays when they are few), one INSERT with all values on SQLite.
//!
//! COPY writes pages of rows at a time, where an INSERT first makes a table of its arrays and then goes
//! row by row: batches of 500 events went from 48,000 to 70,000 a second with it, next to 100,000 of the
//! bare INSERT. But the driver ends a COPY with a small packet of its own and leaves Nagle's algorithm on:
//! after little data it waits 40 ms for an acknowledgement that comes at once after much.

use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// From so many rows on it is a COPY: with anything like an event in each they fill several packets.
pub(super) const COPY_ROWS_MIN: usize = 512;

/// Rows of one statement on SQLite at most. Ten columns of them stay well below its 32,766 bound values.
pub(super) const PORTION_MAX: usize = 512;

/// What a binary COPY begins with: a signature, no flags, no extension.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// The cells of one row, written in the order of the columns, each with the type its column has.
pub struct Row<'w>(To<'w>);

enum To<'w> {
    Copy(&'w mut Vec<u8>),
    Arrays(&'w mut Arrays),
    Values { arguments: &'w mut SqliteArguments, bound: &'w mut Result<(), BoxDynError> },
}

impl Row<'_> {
    /// A SMALLINT.
    pub fn small_int(&mut self, value: i16) -> &mut Self {
        match &mut self.0 {
            To::Copy(buffer) => cell(buffer, &value.to_be_bytes()),
            To::Arrays(arrays) => arrays.int(value.into()),
            To::Values { arguments, bound } => bind(bound, arguments.add(i64::from(value))),
        }
        self
    }

    /// A BIGINT.
    pub fn int(&mut self, value: i64) -> &mut Self {
        match &mut self.0 {
            To::Copy(buffer) => cell(buffer, &value.to_be_bytes()),
            To::Arrays(arrays) => arrays.int(value),
            To::Values { arguments, bound } => bind(bound, arguments.add(value)),
        }
        self
    }

    /// Text. PostgreSQL refuses U+0000 in it.
    pub fn text(&mut self, value: &str) -> &mut Self {
        match &mut self.0 {
            To::Copy(buffer) => cell(buffer, value.as_bytes()),
            To::Arrays(arrays) => arrays.text(value),
            To::Values { arguments, bound } => bind(bound, arguments.add(value.to_owned())),
        }
        self
    }

    /// Bytes.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        match &mut self.0 {
            To::Copy(buffer) => cell(buffer, value),
            To::Arrays(arrays) => arrays.bytes(Some(value)),
            To::Values { arguments, bound } => bind(bound, arguments.add(value.to_vec())),
        }
        self
    }

    /// Bytes, or NULL.
    pub fn opt_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match (value, &mut self.0) {
            (Some(value), _) => return self.bytes(value),
            (None, To::Arrays(arrays)) => arrays.bytes(None),
            (None, To::Copy(buffer)) => buffer.extend_from_slice(&(-1_i32).to_be_bytes()),
            (None, To::Values { arguments, bound }) => {
                bind(bound, arguments.add(None::<Vec<u8>>));
            }
        }
        self
    }
}

fn cell(buffer: &mut Vec<u8>, bytes: &[u8]) {
    let length = i32::try_from(bytes.len()).expect("a cell is far smaller than 2 GiB");
    buffer.extend_from_slice(&length.to_be_bytes());
    buffer.extend_from_slice(bytes);
}

fn bind(bound: &mut Result<(), BoxDynError>, added: Result<(), BoxDynError>) {
    if bound.is_ok() {
        *bound = added;
    }
}

/// The statement and the data of a COPY.
pub(super) fn copy<R>(
    (table, columns): (&str, &[&str]),
    rows: impl Iterator<Item = R>,
    write: impl Fn(&mut Row<'_>, R),
) -> (String, Vec<u8>) {
    let sql = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", columns.join(", "));
    let fields = i16::try_from(columns.len()).expect("a table has few columns");
    let mut buffer = COPY_HEADER.to_vec();
    for row in rows {
        buffer.extend_from_slice(&fields.to_be_bytes());
        write(&mut Row(To::Copy(&mut buffer)), row);
    }
    buffer.extend_from_slice(&COPY_TRAILER);
    (sql, buffer)
}

/// The INSERT from one array a column, and the arrays.
pub(super) fn arrays<R>(
    (table, columns): (&str, &[&str]),
    rows: impl Iterator<Item = R>,
    write: impl Fn(&mut Row<'_>, R),
) -> Result<(String, PgArguments), BoxDynError> {
    let mut arrays = Arrays::default();
    for row in rows {
        arrays.at = 0;
        write(&mut Row(To::Arrays(&mut arrays)), row);
    }
    let mut arguments = PgArguments::default();
    let mut unnested = Vec::with_capacity(columns.len());
    for (at, array) in arrays.columns.into_iter().enumerate() {
        let kind = match array {
            Array::Int(values) => arguments.add(values).map(|()| "bigint"),
            Array::Text(values) => arguments.add(values).map(|()| "text"),
            Array::Bytes(values) => arguments.add(values).map(|()| "bytea"),
        };
        unnested.push(format!("${}::{}[]", at + 1, kind?));
    }
    let (columns, unnested) = (columns.join(", "), unnested.join(", "));
    let sql = format!("INSERT INTO {table} ({columns}) SELECT * FROM unnest({unnested})");
    Ok((sql, arguments))
}

/// Cells column by column.
#[derive(Default)]
struct Arrays {
    columns: Vec<Array>,
    /// The column of the next cell.
    at: usize,
}

enum Array {
    Int(Vec<i64>),
    Text(Vec<String>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Arrays {
    fn next(&mut self, empty: Array) -> &mut Array {
        if self.at == self.columns.len() {
            self.columns.push(empty);
        }
        self.at += 1;
        &mut self.columns[self.at - 1]
    }

    fn int(&mut self, value: i64) {
        match self.next(Array::Int(Vec::new())) {
            Array::Int(values) => values.push(value),
            _ => unreachable!("a column has one type"),
        }
    }

    fn text(&mut self, value: &str) {
        match self.next(Array::Text(Vec::new())) {
            Array::Text(values) => values.push(value.to_owned()),
            _ => unreachable!("a column has one type"),
        }
    }

    fn bytes(&mut self, value: Option<&[u8]>) {
        match self.next(Array::Bytes(Vec::new())) {
            Array::Bytes(values) => values.push(value.map(<[u8]>::to_vec)),
            _ => unreachable!("a column has one type"),
        }
    }
}

/// The INSERT of so many rows.
///
/// OR FAIL leaves the rows before a refused one, where SQLite would otherwise take the whole statement back
/// and keeps a journal of its own to be able to: 5 % of a batch of events. The transaction is rolled back
/// after any error all the same.
pub(super) fn insert(table: &str, columns: &[&str], rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    let (columns, rows) = (columns.join(", "), vec![row; rows].join(","));
    format!("INSERT OR FAIL INTO {table} ({columns}) VALUES {rows}")
}

/// Its values, of the next `rows`.
pub(super) fn values<R>(
    rows: impl Iterator<Item = R>,
    write: impl Fn(&mut Row<'_>, R),
) -> Result<SqliteArguments, BoxDynError> {
    let (mut arguments, mut bound) = (SqliteArguments::default(), Ok(()));
    for row in rows {
        write(&mut Row(To::Values { arguments: &mut arguments, bound: &mut bound }), row);
    }
    bound.map(|()| arguments)
}

/// How many of `left` rows the next statement takes: powers of two, so that there are ten texts to prepare.
pub(super) fn portion(left: usize) -> usize {
    let fits = left.min(PORTION_MAX);
    if fits == 0 { 0 } else { 1 << fits.ilog2() }
}
