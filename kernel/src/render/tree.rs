//! A nested value as HTML that folds, without a script: `<details>`.

use pipulate::json::DEEPEST;

use super::html::Html;
use super::json::{Level, Shape, compact, cut, shape, string};
use super::text::count;

/// Levels that are unfolded at first.
const OPEN: usize = 2;
/// A level with more than this is folded at first.
const OPEN_ITEMS: usize = 20;
/// Scalars in an array that take no more columns stand on one line.
const ONE_LINE: usize = 72;
/// How many elements and members are shown in all.
const NODES: usize = 2000;

/// A value as a tree; a scalar as its text.
pub(super) fn tree(value: &str) -> Html {
    let mut html = Html::new();
    write(value, &mut html);
    html
}

/// Writes a value as a tree.
fn write(value: &str, html: &mut Html) {
    let mut nodes = 0;
    html.element(
        "div",
        &[(
            "style",
            "font-family: var(--jp-code-font-family, monospace); line-height: 1.4",
        )],
        |html| {
            Tree {
                html,
                nodes: &mut nodes,
            }
            .node(None, value, 0);
        },
    );
}

struct Tree<'a> {
    html: &'a mut Html,
    nodes: &'a mut usize,
}

impl Tree<'_> {
    fn node(&mut self, label: Option<&str>, value: &str, depth: usize) {
        *self.nodes += 1;
        match shape(value) {
            Shape::Array(level) if is_short(&level, value) => self.leaf(label, &compact(value, ONE_LINE)),
            Shape::Array(level) if level.total > 0 && depth <= DEEPEST => {
                let summary = format!("[ ] {}", count(level.total, "element"));
                let items = level
                    .shown
                    .iter()
                    .enumerate()
                    .map(|(index, element)| (index.to_string(), element.get()));
                self.branch(label, &summary, level.total, items, depth);
            }
            Shape::Object(level) if level.total > 0 && depth <= DEEPEST => {
                let summary = format!("{{ }} {}", count(level.total, "member"));
                let items = level.shown.iter().map(|(key, member)| (key.clone(), member.get()));
                self.branch(label, &summary, level.total, items, depth);
            }
            Shape::Array(_) => self.leaf(label, "[ ]"),
            Shape::Object(_) => self.leaf(label, "{ }"),
            Shape::Bytes(described) => self.leaf(label, &described),
            Shape::Scalar(scalar) => self.leaf(label, &cut(scalar)),
        }
    }

    fn branch<'v>(
        &mut self,
        label: Option<&str>,
        summary: &str,
        total: usize,
        items: impl Iterator<Item = (String, &'v str)>,
        depth: usize,
    ) {
        let nodes = &mut *self.nodes;
        let is_open = depth < OPEN && total <= OPEN_ITEMS;
        let attributes: &[_] = if is_open { &[("open", "open")] } else { &[] };
        self.html.element("details", attributes, |html| {
            html.element("summary", &[("style", "cursor: pointer")], |html| {
                write_label(label, html);
                html.leaf("span", &[("style", "opacity: 0.6")], summary);
            });
            html.element("div", &[("style", "margin-left: 1.4em")], |html| {
                let mut shown = 0;
                for (label, value) in items {
                    if *nodes >= NODES {
                        break;
                    }
                    Tree { html, nodes }.node(Some(&label), value, depth + 1);
                    shown += 1;
                }
                if shown < total {
                    let left_out = format!("… {} more", super::text::thousands((total - shown) as u64));
                    html.leaf("div", &[("style", "opacity: 0.6")], &left_out);
                }
            });
        });
        self.html.line_end();
    }

    fn leaf(&mut self, label: Option<&str>, value: &str) {
        self.html.element(
            "div",
            &[("style", "white-space: pre-wrap; overflow-wrap: anywhere")],
            |html| {
                write_label(label, html);
                // Strings keep their line ends, so that text reads as text.
                let shown = string(value).filter(|text| text.contains('\n'));
                html.text(shown.as_deref().unwrap_or(value));
            },
        );
        self.html.line_end();
    }
}

/// Whether an array holds scalars alone, and few.
fn is_short(level: &Level<&serde_json::value::RawValue>, value: &str) -> bool {
    level.total > 0
        && value.len() <= ONE_LINE
        && level
            .shown
            .iter()
            .all(|element| matches!(shape(element.get()), Shape::Scalar(_)))
}

fn write_label(label: Option<&str>, html: &mut Html) {
    if let Some(label) = label {
        html.leaf("b", &[("style", "font-weight: 600")], label).text(": ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_escaped() {
        let evil = r#"{"<script>alert(1)</script>":["<img src=x onerror=alert(2)>",{"a":"</div><script>"}]}"#;
        let html = tree(evil).into_string();
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }

    #[test]
    fn large_values_are_cut_with_a_count() {
        let row = format!("[{}]", vec!["0"; 150].join(","));
        let value = format!("[{}]", vec![row; 150].join(","));
        let html = tree(&value).into_string();
        assert!(html.matches("<div").count() < 2 * NODES);
        assert!(html.contains("… 50 more"));
    }
}
