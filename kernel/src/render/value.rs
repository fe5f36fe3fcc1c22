//! One stored value, as a person wants to see it: an array of objects as a table, what is nested as a tree, the rest as
//! JSON.

use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{Level, Shape, compact, holds_bytes, is_number, pretty, shape, string};
use super::table::{Entry, Table};
use super::text::count;
use super::tree::tree;
use super::{html, plain};
use crate::outputs::MimeBundle;

/// The largest value that goes along as data, in bytes of JSON: it is kept in the notebook's file.
const DATA: usize = 256 * 1024;
/// How many columns a table has at most.
const COLUMNS: usize = 24;

/// A value from its JSON text.
pub fn value(json: &str) -> MimeBundle {
    beginning(json, 0)
}

/// A value from the JSON text of its beginning: an array that has `left_out` more elements.
pub(super) fn beginning(json: &str, left_out: usize) -> MimeBundle {
    match shape(json) {
        Shape::Array(level) if level.all_objects => match table(&level, left_out) {
            Some(table) => {
                let mut bundle = html(table.to_text(), table.to_html());
                // JupyterLab shows `application/json` rather than HTML, and has no table for it: the data goes by the
                // type that says it is one.
                if let Some(data) = data(json).filter(|_| left_out == 0) {
                    bundle.insert("application/vnd.dataresource+json".to_owned(), resource(&data, &table));
                }
                bundle
            }
            None => nested(json, left_out),
        },
        Shape::Array(_) | Shape::Object(_) => nested(json, left_out),
        // Without `application/json`: JupyterLab would show 0, "", false and null all as `{}`.
        Shape::Scalar(_) | Shape::Bytes(_) => plain(pretty(json)),
    }
}

fn nested(json: &str, left_out: usize) -> MimeBundle {
    if left_out > 0 {
        let note = format!("… {}", count(left_out, "more element"));
        let mut tree = tree(json);
        tree.leaf("div", &[("style", "opacity: 0.7")], &note);
        return html(format!("{}\n{note}", pretty(json)), tree);
    }
    let mut bundle = html(pretty(json), tree(json));
    if let Some(data) = data(json) {
        bundle.insert("application/json".to_owned(), data);
    }
    bundle
}

/// The value for programs, unless it is too large to go along or holds binary data, which is never shown as text.
fn data(json: &str) -> Option<Value> {
    (json.len() <= DATA && !holds_bytes(json))
        .then(|| serde_json::from_str(json).ok())
        .flatten()
}

/// Data as a "tabular data resource" (specs.frictionlessdata.io).
fn resource(data: &Value, table: &Table) -> Value {
    let fields: Vec<Value> = table
        .titles()
        .map(|title| serde_json::json!({ "name": title, "type": "any" }))
        .collect();
    serde_json::json!({ "schema": { "fields": fields }, "data": data })
}

/// An array of objects as a table, columns in the order in which their keys first appear.
fn table(rows: &Level<&RawValue>, left_out: usize) -> Option<Table> {
    let rows_shown: Vec<Level<(String, &RawValue)>> = rows
        .shown
        .iter()
        .filter_map(|row| match shape(row.get()) {
            Shape::Object(members) => Some(members),
            _ => None,
        })
        .collect();
    let mut columns: Vec<&str> = Vec::new();
    for (key, _) in rows_shown.iter().flat_map(|row| &row.shown) {
        if !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    // Binary values are objects as well, and an object without members has nothing to show.
    if columns.is_empty() || rows_shown.len() < rows.shown.len() {
        return None;
    }
    let columns_left_out = columns.len().saturating_sub(COLUMNS);
    columns.truncate(COLUMNS);
    let get = |row: &Level<(String, &'_ RawValue)>, key: &str| {
        row.shown
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.get().to_owned())
    };
    let mut table = Table::new();
    for key in &columns {
        let values: Vec<String> = rows_shown.iter().filter_map(|row| get(row, key)).collect();
        let numbers = values.iter().any(|value| is_number(value))
            && values.iter().all(|value| is_number(value) || value == "null");
        table = if numbers {
            table.number(*key)
        } else {
            table.column(*key)
        };
    }
    for row in &rows_shown {
        table.row(
            columns
                .iter()
                .map(|key| get(row, key).map_or_else(Entry::default, |value| entry(&value))),
        );
    }
    table.leave_out(rows.left_out() + left_out);
    if columns_left_out > 0 {
        table.note(format!("… {}", count(columns_left_out, "more column")));
    }
    Some(table)
}

fn entry(value: &str) -> Entry {
    match shape(value) {
        Shape::Scalar("null") => Entry::faint("null"),
        Shape::Scalar(scalar) => string(scalar).map_or_else(|| scalar.into(), Entry::from),
        _ => Entry::code(compact(value, 200)),
    }
}
