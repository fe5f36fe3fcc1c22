//! What code in cells leaves to the kernel to draw.

use pipulate::display::{DRAWING, Drawing};

use super::{progress, value};
use crate::outputs::MimeBundle;

/// A bundle as a front end gets it: what is to be drawn is drawn.
pub fn drawn(mut bundle: MimeBundle) -> MimeBundle {
    let Some(drawing) = bundle.remove(DRAWING) else {
        return bundle;
    };
    match serde_json::from_value(drawing) {
        Ok(Drawing::Value { json, left_out }) => bundle.extend(value::beginning(&json, left_out)),
        Ok(Drawing::Progress {
            label,
            done,
            total,
            note,
        }) => bundle.extend(progress::progress(&label, done, total, &note)),
        // Then the text has to do.
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "a drawing could not be read"),
    }
    bundle
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bundle(drawing: &Drawing) -> MimeBundle {
        let drawing = serde_json::to_value(drawing).unwrap();
        drawn(MimeBundle::from_iter([
            (DRAWING.to_owned(), drawing),
            ("text/plain".to_owned(), "plain".into()),
            ("text/latex".to_owned(), "$x$".into()),
        ]))
    }

    #[test]
    fn a_value_looks_as_a_stored_one_does() {
        let json = r#"[{"z": 1, "a": "<b>"}]"#.to_owned();
        let mut drawn = bundle(&Drawing::Value {
            json: json.clone(),
            left_out: 0,
        });
        assert_eq!(drawn.remove("text/latex"), Some("$x$".into()));
        assert_eq!(drawn, value::value(&json));
    }

    #[test]
    fn elements_that_are_not_there_are_counted() {
        for (json, note) in [(r#"[{"a": 1}]"#, "… 41 more rows"), ("[1]", "… 41 more elements")] {
            let drawn = bundle(&Drawing::Value {
                json: json.to_owned(),
                left_out: 41,
            });
            for media_type in ["text/plain", "text/html"] {
                let content = drawn[media_type].as_str().unwrap();
                assert_eq!(content.matches(note).count(), 1, "{content}");
            }
            // Half of the data would be taken for all of it.
            assert!(
                !drawn.keys().any(|media_type| media_type.ends_with("json")),
                "{drawn:?}"
            );
        }
    }

    #[test]
    fn a_bar_keeps_its_text_and_runs_no_script() {
        let drawing = |total| Drawing::Progress {
            label: "<script>".to_owned(),
            done: 3,
            total,
            note: "3 of 4 & more".to_owned(),
        };
        let drawn = bundle(&drawing(Some(4)));
        assert_eq!(drawn["text/plain"], "plain");
        let html = drawn["text/html"].as_str().unwrap();
        assert!(html.contains("<progress max=\"4\" value=\"3\""), "{html}");
        assert!(
            html.contains("3 of 4 &amp; more") && !html.contains("<script"),
            "{html}"
        );
        let html = bundle(&drawing(None))["text/html"].to_string();
        assert!(!html.contains("<progress"), "{html}");
    }

    #[test]
    fn what_cannot_be_read_leaves_the_text() {
        let bundle = MimeBundle::from_iter([
            (DRAWING.to_owned(), json!({ "sculpture": 1 })),
            ("text/plain".to_owned(), Value::from("plain")),
        ]);
        assert_eq!(drawn(bundle), super::super::plain("plain"));
    }
}
