//! What is shown, in one or more media types.

use serde_json::{Map, Value};

use super::drawing::{DRAWING, Drawing};

/// The same thing in one or more media types, of which a front end takes the one that it shows best.
///
/// ```
/// use pipulate::MimeBundle;
///
/// let bundle = MimeBundle::new().html("<b>42</b>").text("42");
/// pipulate::display(&bundle);
/// assert_eq!(bundle.get("text/plain").unwrap(), "42");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MimeBundle(Map<String, Value>);

impl MimeBundle {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds plain text.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with("text/plain", text.into())
    }

    /// Adds HTML.
    #[must_use]
    pub fn html(self, html: impl Into<String>) -> Self {
        self.with("text/html", html.into())
    }

    /// Adds Markdown.
    #[must_use]
    pub fn markdown(self, markdown: impl Into<String>) -> Self {
        self.with("text/markdown", markdown.into())
    }

    /// Adds LaTeX.
    #[must_use]
    pub fn latex(self, latex: impl Into<String>) -> Self {
        self.with("text/latex", latex.into())
    }

    /// Adds a picture written as SVG.
    #[must_use]
    pub fn svg(self, svg: impl Into<String>) -> Self {
        self.with("image/svg+xml", svg.into())
    }

    /// Adds a PNG picture.
    #[must_use]
    pub fn png(self, png: impl AsRef<[u8]>) -> Self {
        self.with("image/png", crate::bytes::encode(png.as_ref()))
    }

    /// Adds JSON, which front ends show as a tree.
    #[must_use]
    pub fn json(self, json: Value) -> Self {
        self.with("application/json", json)
    }

    /// Adds content of any media type as Jupyter wants it: text, base64 of binary data, or a value where the type is one of JSON.
    #[must_use]
    pub fn with(mut self, media_type: impl Into<String>, content: impl Into<Value>) -> Self {
        self.0.insert(media_type.into(), content.into());
        self
    }

    /// The content of this media type.
    pub fn get(&self, media_type: &str) -> Option<&Value> {
        self.0.get(media_type)
    }

    /// Media types and their contents.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0
            .iter()
            .map(|(media_type, content)| (media_type.as_str(), content))
    }

    /// Media types and their contents.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A value, drawn by the kernel; `left_out` more elements are not in it.
    pub(super) fn of_json(json: Result<String, serde_json::Error>, left_out: usize) -> Self {
        match json {
            Ok(json) => {
                let text = match left_out {
                    0 => json.clone(),
                    _ => format!("{json}\n… {left_out} more"),
                };
                Self::new().text(text).drawn(&Drawing::Value { json, left_out })
            }
            Err(error) => Self::new().text(format!(
                "It cannot be shown, since it cannot be written as JSON: {error}."
            )),
        }
    }

    /// Adds what the kernel is to draw.
    pub(super) fn drawn(self, drawing: &Drawing) -> Self {
        match serde_json::to_value(drawing) {
            Ok(drawing) => self.with(DRAWING, drawing),
            // Then the text has to do.
            Err(_) => self,
        }
    }

    /// As text, for where there is nothing better.
    pub(super) fn to_text(&self) -> String {
        let text = ["text/plain", "text/markdown", "text/latex"]
            .iter()
            .find_map(|media_type| self.0.get(*media_type)?.as_str());
        match (text, self.0.get("application/json")) {
            (Some(text), _) => text.to_owned(),
            (None, Some(json)) => format!("{json:#}"),
            (None, None) => format!("<{}>", self.0.keys().cloned().collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_what_a_terminal_can_show() {
        for (bundle, expected) in [
            (MimeBundle::new().html("<b>x</b>").text("x"), "x"),
            (MimeBundle::new().html("<b>x</b>").markdown("**x**"), "**x**"),
            (MimeBundle::new().json(json!({"a": 1})), "{\n  \"a\": 1\n}"),
            (MimeBundle::new().png([1]).html("<b>"), "<image/png, text/html>"),
        ] {
            assert_eq!(bundle.to_text(), expected);
        }
    }
}
