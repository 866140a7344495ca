//! Rows as a VALUES clause, every cell bound by itself: SQLite reads a cell faster than it parses one.
//!
//! The JSON text of [`super::sqlite`] is parsed again for every cell; at nine cells a row that was half of an
//! append. A statement's text depends on the number of rows here, so rows come in portions of powers of two:
//! ten texts, each prepared once.

use sea_orm::Value;
use sqlx::Arguments as _;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;

use super::{Column, insert};

/// The cells of some columns, handed out row by row.
pub(super) struct Cells {
    names: Vec<&'static str>,
    columns: Vec<Cursor>,
    left: usize,
}

enum Cursor {
    Int(std::vec::IntoIter<i64>),
    OptInt(std::vec::IntoIter<Option<i64>>),
    Text(std::vec::IntoIter<String>),
    OptText(std::vec::IntoIter<Option<String>>),
    Bytes(std::vec::IntoIter<Vec<u8>>),
    OptBytes(std::vec::IntoIter<Option<Vec<u8>>>),
}

impl Cells {
    pub(super) fn new(columns: Vec<(&'static str, Column)>, rows: usize) -> Self {
        let (names, columns) = columns
            .into_iter()
            .map(|(name, column)| {
                let cursor = match column {
                    Column::Int(values) => Cursor::Int(values.into_iter()),
                    Column::OptInt(values) => Cursor::OptInt(values.into_iter()),
                    Column::Text(values) => Cursor::Text(values.into_iter()),
                    Column::OptText(values) => Cursor::OptText(values.into_iter()),
                    Column::Bytes(values) => Cursor::Bytes(values.into_iter()),
                    Column::OptBytes(values) => Cursor::OptBytes(values.into_iter()),
                };
                (name, cursor)
            })
            .unzip();
        Self { names, columns, left: rows }
    }

    /// How many rows the next portion has; 0 at the end.
    pub(super) fn portion(&self) -> usize {
        insert::portion(self.left)
    }

    /// The text that `{rows}` stands for. Its cells have no numbers: SQLite keeps the names of numbered ones
    /// in a list, and the driver looks each of them up, which made 512 rows cost the square of that.
    pub(super) fn table(&self) -> String {
        let selected = |column: &dyn Fn(usize) -> String| {
            let names = self.names.iter().enumerate();
            let selected = names.map(|(at, name)| format!("{} AS \"{name}\"", column(at)));
            selected.collect::<Vec<_>>().join(", ")
        };
        let rows = self.portion();
        if rows == 0 {
            return format!("(SELECT {} WHERE 0) AS rows", selected(&|_| "NULL".to_owned()));
        }
        let row = format!("({})", vec!["?"; self.names.len()].join(","));
        let values = vec![row; rows].join(",");
        let selected = selected(&|at| format!("column{}", at + 1));
        format!("(SELECT {selected} FROM (VALUES {values})) AS rows")
    }

    /// The values of the next portion, and moves past it.
    pub(super) fn take(&mut self, values: &mut Vec<Value>) {
        let rows = self.portion();
        values.reserve(rows * self.columns.len());
        for _ in 0..rows {
            values.extend(self.columns.iter_mut().map(|cursor| match cursor {
                Cursor::Int(cells) => cells.next().into(),
                Cursor::OptInt(cells) => cells.next().flatten().into(),
                Cursor::Text(cells) => cells.next().into(),
                Cursor::OptText(cells) => cells.next().flatten().into(),
                Cursor::Bytes(cells) => cells.next().into(),
                Cursor::OptBytes(cells) => cells.next().flatten().into(),
            }));
        }
        self.left -= rows;
    }

    /// Binds the next portion, and moves past it.
    pub(super) fn bind(&mut self, arguments: &mut SqliteArguments) -> Result<(), BoxDynError> {
        let rows = self.portion();
        for _ in 0..rows {
            for cursor in &mut self.columns {
                match cursor {
                    Cursor::Int(values) => arguments.add(values.next())?,
                    Cursor::OptInt(values) => arguments.add(values.next().flatten())?,
                    Cursor::Text(values) => arguments.add(values.next())?,
                    Cursor::OptText(values) => arguments.add(values.next().flatten())?,
                    Cursor::Bytes(values) => arguments.add(values.next())?,
                    Cursor::OptBytes(values) => arguments.add(values.next().flatten())?,
                }
            }
        }
        self.left -= rows;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_portions_of_powers_of_two() {
        let column = Column::Int((0..1_300).collect());
        let mut cells = Cells::new(vec![("n", column)], 1_300);
        let mut portions = Vec::new();
        while cells.portion() > 0 {
            portions.push(cells.portion());
            cells.left -= cells.portion();
        }
        assert_eq!(portions, [512, 512, 256, 16, 4]);
    }

    #[test]
    fn a_portion_is_a_table_of_its_columns() {
        let columns = vec![("a", Column::Int(vec![1, 2])), ("b", Column::Int(vec![3, 4]))];
        let text = r#"(SELECT column1 AS "a", column2 AS "b" FROM (VALUES (?,?),(?,?))) AS rows"#;
        assert_eq!(Cells::new(columns, 2).table(), text);
    }
}
