//! A value: rows as a table, what is nested as a tree that folds, the rest as text.

use askama::Template;
use serde_json::value::RawValue;

use super::json::{Level, Shape, cut, is_number, shape, string};
use super::markup::picture;

/// How many columns a table has at most.
const COLUMNS: usize = 24;
/// How many elements and members of a tree are shown in all.
const NODES: usize = 2000;
/// Levels that are unfolded at first, where they are not long.
const OPEN: usize = 2;
const OPEN_ITEMS: usize = 20;
/// Scalars in an array that take no more columns stand on one line.
const ONE_LINE: usize = 72;

/// A value as markup.
#[derive(Template)]
#[template(path = "value.html")]
pub(crate) enum ValueView {
    /// A string, or what is not worth more.
    Text(String),
    /// A number, `true`, `null`.
    Code(String),
    /// Binary data that is a picture.
    Picture {
        source: String,
        described: String,
    },
    Table(Table),
    Tree(Node),
}

/// Rows of objects.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    note: Option<String>,
}

struct Column {
    title: String,
    is_number: bool,
}

struct Cell {
    text: String,
    is_number: bool,
    is_code: bool,
}

/// An element or member of a nested value.
#[derive(Template)]
#[template(path = "node.html")]
pub(crate) struct Node {
    label: Option<String>,
    content: Content,
}

enum Content {
    Leaf(String),
    Branch {
        summary: String,
        is_open: bool,
        nodes: Vec<Node>,
        left_out: Option<String>,
    },
}

/// A value from its JSON text; `left_out` more elements are not in it.
pub(crate) fn value(json: &str, left_out: usize) -> ValueView {
    match shape(json) {
        Shape::Scalar(scalar) => match string(scalar) {
            Some(text) => ValueView::Text(cut(&text)),
            None => ValueView::Code(cut(scalar)),
        },
        Shape::Bytes(described) => match serde_json::from_str::<pipulate::Bytes>(json)
            .ok()
            .and_then(|bytes| picture(&bytes))
        {
            Some(source) => ValueView::Picture { source, described },
            None => ValueView::Text(described),
        },
        Shape::Array(level) => match table(&level, left_out) {
            Some(table) => ValueView::Table(table),
            None => tree(json, left_out),
        },
        Shape::Object(_) => tree(json, left_out),
    }
}

/// A value on one line, cut after so many characters.
pub(crate) fn one_line(json: &str, limit: usize) -> String {
    let text = match shape(json) {
        Shape::Scalar(scalar) => string(scalar).unwrap_or_else(|| scalar.to_owned()),
        Shape::Bytes(described) => described,
        Shape::Array(level) if level.total > 0 && json.len() > limit => super::count(level.total as u64, "element"),
        Shape::Object(level) if level.total > 0 && json.len() > limit => super::count(level.total as u64, "member"),
        Shape::Array(_) | Shape::Object(_) => json.to_owned(),
    };
    let mut line: String = text
        .chars()
        .take(limit + 1)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if line.chars().count() > limit {
        line.pop();
        line.push('…');
    }
    line
}

fn table(rows: &Level<&RawValue>, left_out: usize) -> Option<Table> {
    let shown: Vec<Level<(String, &RawValue)>> = rows
        .shown
        .iter()
        .map(|row| match shape(row.get()) {
            Shape::Object(members) => Some(members),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let mut titles: Vec<&str> = Vec::new();
    for (key, _) in shown.iter().flat_map(|row| &row.shown) {
        if !titles.contains(&key.as_str()) {
            titles.push(key);
        }
    }
    if titles.is_empty() {
        return None;
    }
    let columns_left_out = titles.len().saturating_sub(COLUMNS);
    titles.truncate(COLUMNS);
    let get = |row: &Level<(String, &RawValue)>, key: &str| {
        let member = row.shown.iter().find(|(name, _)| name == key);
        member.map(|(_, value)| value.get().to_owned())
    };
    let columns: Vec<Column> = titles
        .iter()
        .map(|title| {
            let values: Vec<String> = shown.iter().filter_map(|row| get(row, title)).collect();
            let is_number = values.iter().any(|value| is_number(value))
                && values.iter().all(|value| is_number(value) || value == "null");
            Column {
                title: (*title).to_owned(),
                is_number,
            }
        })
        .collect();
    let rows_shown = shown.iter().map(|row| {
        let cells = columns.iter().map(|column| {
            let value = get(row, &column.title).unwrap_or_default();
            let is_code = value.starts_with(['[', '{']) || value == "null";
            Cell {
                text: one_line(&value, 200),
                is_number: column.is_number,
                is_code,
            }
        });
        cells.collect()
    });
    let mut notes = Vec::new();
    let more = rows.left_out() + left_out;
    if more > 0 {
        notes.push(format!("… {}", super::count(more as u64, "more row")));
    }
    if columns_left_out > 0 {
        notes.push(format!("… {}", super::count(columns_left_out as u64, "more column")));
    }
    Some(Table {
        rows: rows_shown.collect(),
        columns,
        note: (!notes.is_empty()).then(|| notes.join(", ")),
    })
}

fn tree(json: &str, left_out: usize) -> ValueView {
    let mut nodes = NODES;
    let mut node = node(None, json, 0, &mut nodes);
    if left_out > 0
        && let Content::Branch { left_out: note, .. } = &mut node.content
    {
        *note = Some(format!("… {}", super::count(left_out as u64, "more element")));
    }
    ValueView::Tree(node)
}

fn node(label: Option<String>, json: &str, depth: usize, room: &mut usize) -> Node {
    *room = room.saturating_sub(1);
    let content = match shape(json) {
        Shape::Scalar(scalar) => {
            let text = string(scalar).filter(|text| text.contains('\n'));
            Content::Leaf(cut(&text.unwrap_or_else(|| scalar.to_owned())))
        }
        Shape::Bytes(described) => Content::Leaf(described),
        Shape::Array(level) if level.total == 0 => Content::Leaf("[ ]".to_owned()),
        Shape::Object(level) if level.total == 0 => Content::Leaf("{ }".to_owned()),
        Shape::Array(level) if is_short(&level, json) => Content::Leaf(json.replace(',', ", ").replace(",  ", ", ")),
        Shape::Array(level) => {
            let items = level.shown.iter().enumerate();
            let items = items.map(|(index, element)| (index.to_string(), element.get()));
            branch(
                format!("[ ] {}", super::count(level.total as u64, "element")),
                level.total,
                items,
                depth,
                room,
            )
        }
        Shape::Object(level) => {
            let items = level.shown.iter().map(|(key, member)| (key.clone(), member.get()));
            branch(
                format!("{{ }} {}", super::count(level.total as u64, "member")),
                level.total,
                items,
                depth,
                room,
            )
        }
    };
    Node { label, content }
}

fn branch<'a>(
    summary: String,
    total: usize,
    items: impl Iterator<Item = (String, &'a str)>,
    depth: usize,
    room: &mut usize,
) -> Content {
    let mut nodes = Vec::new();
    for (label, json) in items {
        if *room == 0 {
            break;
        }
        nodes.push(node(Some(label), json, depth + 1, room));
    }
    let left_out = total - nodes.len();
    Content::Branch {
        summary,
        is_open: depth < OPEN && total <= OPEN_ITEMS,
        nodes,
        left_out: (left_out > 0).then(|| format!("… {}", super::count(left_out as u64, "more"))),
    }
}

fn is_short(level: &Level<&RawValue>, json: &str) -> bool {
    let is_plain = |element: &&RawValue| {
        let text = element.get();
        !text.starts_with(['[', '{', '"'])
    };
    json.len() <= ONE_LINE && level.shown.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markup(json: &str) -> String {
        value(json, 0).render().unwrap()
    }

    #[test]
    fn values_are_escaped_wherever_they_stand() {
        let evil = r#""<script>alert(1)</script>""#;
        for json in [
            evil.to_owned(),
            format!("[{evil}, {{{evil}: 1}}]"),
            format!("[{{{evil}: {evil}}}]"),
            format!("{{{evil}: {{{evil}: [{evil}]}}}}"),
        ] {
            let html = markup(&json);
            assert!(!html.contains("<script"), "{html}");
            assert!(html.contains("script&"), "{html}");
        }
    }

    #[test]
    fn rows_are_a_table_and_long_ones_are_cut() {
        let html = markup(r#"[{"z": 1, "a": "x"}, {"z": 123456789012345678901234567890}]"#);
        assert!(html.contains("<table"), "{html}");
        assert!(html.find(">z<").unwrap() < html.find(">a<").unwrap());
        assert!(html.contains("123456789012345678901234567890"));
        let many = format!("[{}]", vec![r#"{"a":1}"#; 150].join(","));
        assert!(markup(&many).contains("… 50 more rows"));
        assert!(markup("[1,2,3]").contains("[1, 2, 3]"));
        assert!(
            markup(&format!("[{}]", vec![many; 200].join(",")))
                .matches("<details")
                .count()
                <= NODES
        );
    }

    #[test]
    fn empty_values_are_seen() {
        for (json, expected) in [
            ("0", "0"),
            ("false", "false"),
            ("null", "null"),
            ("[]", "[ ]"),
            ("{}", "{ }"),
        ] {
            assert!(markup(json).contains(expected), "{json}");
        }
        assert!(markup("\"\"").contains("empty text"));
        assert_eq!(one_line("\"a\\nb\"", 10), "a b");
        assert_eq!(one_line("[1,2,3,4,5,6]", 5), "6 ele…");
    }

    #[test]
    fn a_picture_is_shown_and_other_data_named() {
        let png = r#"{"base64":"iVBORw==","media_type":"image/png"}"#;
        assert!(
            markup(png).contains("src=\"data:image/png;base64,iVBORw==\""),
            "{}",
            markup(png)
        );
        let other = r#"{"base64":"iVBORw==","media_type":"text/html"}"#;
        assert!(markup(other).contains("4 bytes of text/html"));
    }
}
