//! Outputs of a step, each by the media type that a page shows best.

use askama::Template;
use pipulate::display::{DRAWING, Drawing};
use serde_json::{Map, Value};

use super::markup::{description, html_of_step, picture_of, picture_of_svg};
use super::value::{ValueView, value};
use crate::outputs::{Output, Outputs, Stream};

/// The outputs of a step as markup.
#[derive(Template)]
#[template(path = "outputs.html")]
pub(crate) struct OutputsView {
    list: Vec<OutputView>,
    left_out: Option<String>,
}

enum OutputView {
    Text {
        is_error: bool,
        text: String,
    },
    /// Cleaned.
    Markup(String),
    Picture {
        source: String,
        alternative: String,
    },
    Value(ValueView),
    Progress {
        label: String,
        done: usize,
        total: Option<usize>,
        note: String,
    },
}

/// What is shown of them.
pub(crate) fn outputs(outputs: &Outputs) -> OutputsView {
    let mut left_out = Vec::new();
    if outputs.text_left_out > 0 {
        left_out.push(super::count(outputs.text_left_out, "more byte"));
    }
    if outputs.displays_left_out > 0 {
        left_out.push(super::count(outputs.displays_left_out, "more output"));
    }
    OutputsView {
        list: outputs.list.iter().map(output).collect(),
        left_out: (!left_out.is_empty()).then(|| format!("… {} left out", left_out.join(" and "))),
    }
}

fn output(output: &Output) -> OutputView {
    match output {
        Output::Text { stream, text } => OutputView::Text {
            is_error: *stream == Stream::Stderr,
            text: without_colours(text),
        },
        Output::Display { data, .. } => display(data),
    }
}

fn display(data: &Map<String, Value>) -> OutputView {
    let text = |media_type: &str| data.get(media_type).and_then(Value::as_str);
    let drawing = data
        .get(DRAWING)
        .and_then(|drawing| serde_json::from_value(drawing.clone()).ok());
    match drawing {
        Some(Drawing::Value { json, left_out }) => return OutputView::Value(value(&json, left_out)),
        Some(Drawing::Progress {
            label,
            done,
            total,
            note,
        }) => {
            return OutputView::Progress {
                label,
                done,
                total,
                note,
            };
        }
        _ => {}
    }
    if let Some(html) = text("text/html") {
        return OutputView::Markup(html_of_step(html));
    }
    let alternative = text("text/plain").unwrap_or("Picture").to_owned();
    if let Some(svg) = text("image/svg+xml") {
        let source = picture_of_svg(svg);
        return OutputView::Picture { source, alternative };
    }
    let picture = data
        .iter()
        .find_map(|(media_type, content)| picture_of(media_type, content.as_str()?));
    if let Some(source) = picture {
        return OutputView::Picture { source, alternative };
    }
    if let Some(markdown) = text("text/markdown") {
        return OutputView::Markup(description(markdown));
    }
    if let Some(json) = data.get("application/json") {
        return OutputView::Value(value(&json.to_string(), 0));
    }
    let plain = text("text/plain").or_else(|| text("text/latex"));
    OutputView::Text {
        is_error: false,
        text: plain.map_or_else(
            || format!("<{}>", data.keys().cloned().collect::<Vec<_>>().join(", ")),
            str::to_owned,
        ),
    }
}

/// Terminals take colours as escape sequences; a page would show them as noise. A carriage return begins the line again.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' if characters.peek() == Some(&'[') => {
                characters.next();
                for end in characters.by_ref() {
                    if ('@'..='~').contains(&end) {
                        break;
                    }
                }
            }
            '\r' if characters.peek() != Some(&'\n') => {
                let line = plain.rfind('\n').map_or(0, |end| end + 1);
                plain.truncate(line);
            }
            '\r' => {}
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn markup(data: &Value) -> String {
        let mut shown = Outputs::default();
        shown.display(data.as_object().unwrap().clone(), None, false);
        outputs(&shown).render().unwrap()
    }

    #[test]
    fn each_kind_is_shown_as_what_it_is() {
        let drawing = |drawing: &Drawing| json!({ DRAWING: drawing, "text/plain": "x" });
        let progress = Drawing::Progress {
            label: "<Load>".into(),
            done: 3,
            total: Some(4),
            note: "3 of 4".into(),
        };
        let html = markup(&drawing(&progress));
        assert!(
            html.contains("<progress") && html.contains("value=\"3\"") && !html.contains("<Load>"),
            "{html}"
        );
        let rows = Drawing::Value {
            json: r#"[{"a": 1}]"#.to_owned(),
            left_out: 2,
        };
        assert!(markup(&drawing(&rows)).contains("… 2 more rows"));
        assert!(markup(&json!({"image/svg+xml": "<svg/>"})).contains("data:image/svg+xml;base64,"));
        assert!(markup(&json!({"image/png": "iVBO\nRw=="})).contains("data:image/png;base64,iVBORw=="));
        assert!(markup(&json!({"text/markdown": "*b*"})).contains("<em>b</em>"));
        assert!(markup(&json!({"application/json": {"a": [1]}})).contains("<details"));
        assert!(markup(&json!({"text/html": "<b>x</b>", "text/plain": "x"})).contains("<b>x</b>"));
        assert!(markup(&json!({"text/plain": "<b>"})).contains("&#60;b&#62;"));
    }

    #[test]
    fn text_is_what_a_terminal_would_show() {
        assert_eq!(without_colours("\u{1b}[31mred\u{1b}[0m\n"), "red\n");
        assert_eq!(without_colours("a\n10 %\r20 %\r\nb"), "a\n20 %\nb");
    }
}
