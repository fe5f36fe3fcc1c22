//! What magics show, as MIME bundles. `text/plain` is always there, `text/html` where a person would rather look.
//!
//! HTML is made here and nowhere else in the kernel; it carries no script and takes its colours from the page, so that it looks
//! right in light and dark themes.

use serde_json::{Map, Value};

use crate::outputs::MimeBundle;

mod chain;
mod drawn;
mod html;
pub mod json;
mod progress;
mod table;
pub mod text;
mod tree;
mod value;

pub use chain::{Chain, Link, Tone};
pub use drawn::drawn;
pub use html::Html;
pub use table::{Entry, Table};
pub use value::value;

/// What goes along with a bundle: JupyterLab shows JSON folded unless it is told otherwise.
pub fn metadata(bundle: &MimeBundle) -> Map<String, Value> {
    let json = bundle.contains_key("application/json");
    json.then(|| ("application/json".to_owned(), serde_json::json!({ "expanded": true })))
        .into_iter()
        .collect()
}

/// Text alone.
pub fn plain(text: impl Into<String>) -> MimeBundle {
    MimeBundle::from_iter([("text/plain".to_owned(), Value::String(text.into()))])
}

/// Text, and the same as HTML.
pub fn html(text: impl Into<String>, html: Html) -> MimeBundle {
    with(plain(text), "text/html", html.into_string())
}

/// Text that is folded away behind its first words, where a front end can do that.
pub fn folded(summary: &str, text: &str) -> MimeBundle {
    let mut folded = Html::new();
    folded.element("details", &[("style", "opacity: 0.7")], |html| {
        html.leaf("summary", &[], summary).leaf("pre", &[], text);
    });
    html(text, folded)
}

/// Text, and the same as Markdown.
pub fn markdown(text: impl Into<String>, markdown: impl Into<String>) -> MimeBundle {
    with(plain(text), "text/markdown", markdown.into())
}

/// A table.
pub fn table(table: &Table) -> MimeBundle {
    html(table.to_text(), table.to_html())
}

fn with(mut bundle: MimeBundle, media_type: &str, content: String) -> MimeBundle {
    bundle.insert(media_type.to_owned(), Value::String(content));
    bundle
}
