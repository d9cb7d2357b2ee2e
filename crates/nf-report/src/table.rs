//! Cells in rows.

use crate::escape::{markdown, printable};
use std::fmt::Write;

/// Cells in rows; the first row is the head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Vec<String>>,
}

/// Characters from which on a cell holds sentences, not a name or a number.
const PROSE_CHARS: usize = 32;

impl Table {
    /// For every column but the first whether it holds sentences: such columns are set to the left,
    /// and wrapped where the medium wraps.
    pub(crate) fn prose(&self) -> Vec<bool> {
        let is_long = |row: &Vec<String>, column: usize| {
            // A row of numbers is none, and is not to be wrapped.
            let is_prose =
                |cell: &String| cell.chars().count() >= PROSE_CHARS && cell.chars().any(char::is_alphabetic);
            row.get(column).is_some_and(is_prose)
        };
        let columns = self.rows.first().map_or(0, Vec::len);
        (0..columns)
            .map(|column| column > 0 && self.rows.iter().skip(1).any(|row| is_long(row, column)))
            .collect()
    }

    /// Columns of equal width, the first and those of sentences to the left, the others to the
    /// right.
    pub(crate) fn aligned(&self) -> String {
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
        let (mut text, prose) = (String::new(), self.prose());
        for row in &rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(line, "{cell:<width$}"),
                    column if prose[column] => write!(line, "  {cell:<width$}"),
                    _ => write!(line, "  {cell:>width$}"),
                };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// A Markdown table, the first column and those of sentences to the left, the others to the
    /// right.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
            if index == 0 {
                let lines = self.prose().into_iter().enumerate();
                let lines: Vec<&str> =
                    lines.map(|(n, prose)| if n == 0 || prose { "---" } else { "---:" }).collect();
                let _ = writeln!(text, "|{}|", lines.join("|"));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_stand_to_the_left_and_numbers_to_the_right() {
        let words = "what this estimate assumes of the frame";
        let rows = [["codec", "bits/pixel", "remark"], ["floor", "4.5", words], ["rice", "10.25", ""]];
        let table = Table { rows: rows.map(|row| row.map(str::to_owned).to_vec()).to_vec() };
        assert_eq!(table.prose(), [false, false, true]);
        let numbers = Table { rows: vec![vec!["a".into(); 2], vec!["b".into(), "-0.123 ".repeat(8)]] };
        assert_eq!(numbers.prose(), [false, false], "numbers are not wrapped");
        assert!(table.markdown().contains("|---|---:|---|"), "{}", table.markdown());
        assert!(table.aligned().contains(&format!("floor         4.5  {words}")), "{}", table.aligned());
    }
}
