//! How far something has come.

use super::html::Html;
use crate::outputs::MimeBundle;

/// A bar as HTML; its text goes along with it already.
pub(super) fn progress(label: &str, done: usize, total: Option<usize>, note: &str) -> MimeBundle {
    let mut html = Html::new();
    html.element("div", &[], |html| {
        if !label.is_empty() {
            html.leaf("span", &[], label).text(" ");
        }
        if let Some(total) = total {
            // One that has nothing to do is done.
            let (max, value) = if total == 0 { (1, 1) } else { (total, done.min(total)) };
            let attributes = [
                ("max", &*max.to_string()),
                ("value", &*value.to_string()),
                ("style", "width: 16em; vertical-align: middle"),
            ];
            html.element("progress", &attributes, |_| {}).text(" ");
        }
        html.leaf("span", &[("style", "opacity: 0.8")], note);
    });
    MimeBundle::from_iter([("text/html".to_owned(), html.into_string().into())])
}
