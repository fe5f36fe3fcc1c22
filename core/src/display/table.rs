//! Rows of data.

use serde::Serialize;

use super::{MimeBundle, Show};

/// How many rows go to the kernel. It shows fewer.
const ROWS: usize = 1000;

/// Rows, to be shown as a table. The columns are the fields of a row, in the order in which serde writes them.
#[derive(Clone, Debug)]
pub struct Table(MimeBundle);

/// Shows rows as a table: as the last expression of a cell, or by [`display`](super::display).
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Order { item: &'static str, pieces: u32 }
///
/// let orders = [Order { item: "Tea", pieces: 2 }, Order { item: "Milk", pieces: 1 }];
/// pipulate::display(&pipulate::table(&orders));
/// ```
pub fn table<T: Serialize>(rows: &[T]) -> Table {
    let shown = &rows[..rows.len().min(ROWS)];
    let lines: Result<Vec<String>, _> = shown.iter().map(serde_json::to_string).collect();
    let json = lines.map(|lines| format!("[{}]", lines.join(",\n ")));
    Table(MimeBundle::of_json(json, rows.len() - shown.len()))
}

impl Show for Table {
    fn mime_bundle(&self) -> MimeBundle {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    struct Row {
        z: u8,
        a: &'static str,
    }

    #[test]
    fn a_row_is_a_line_and_its_fields_keep_their_order() {
        let text = |rows: &[Row]| table(rows).0.to_text();
        assert_eq!(
            text(&[Row { z: 1, a: "x" }, Row { z: 2, a: "y" }]),
            "[{\"z\":1,\"a\":\"x\"},\n {\"z\":2,\"a\":\"y\"}]"
        );
        assert_eq!(text(&[]), "[]");
    }

    #[test]
    fn rows_that_are_too_many_are_counted() {
        let bundle = table(&[0; ROWS + 7]).0;
        assert_eq!(bundle.get(super::super::DRAWING).unwrap()["value"]["left_out"], 7);
        assert!(bundle.to_text().ends_with("… 7 more"));
    }

    #[test]
    fn rows_that_are_no_json_are_an_explanation() {
        let text = table(&[BTreeMap::from([((1, 2), 3)])]).0.to_text();
        assert!(text.contains("cannot be written as JSON"), "{text}");
    }
}
