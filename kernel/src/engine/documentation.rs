//! What rust-analyzer says of a name, as a MIME bundle.

use crate::outputs::MimeBundle;

/// Said of an item that a cell has defined: the crate that is made of the cells for the analysis.
const CRATE: [(&str, &str); 2] = [
    ("text/plain", "ctx\n\n"),
    ("text/html", "<pre><code class=\"language-rust\">ctx\n</code></pre>\n"),
];

/// The documentation in both forms, or nothing where there is none.
pub(super) fn documentation(plain: String, html: String) -> Option<MimeBundle> {
    if plain.trim().is_empty() || plain == "No documentation found" {
        return None;
    }
    let forms = CRATE.into_iter().zip([plain, html]);
    Some(
        forms
            .map(|((mime, of_crate), text)| {
                let text = text.strip_prefix(of_crate).unwrap_or(&text);
                (mime.to_owned(), text.into())
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_of_the_analysis_is_not_shown() {
        let code = |text: &str| format!("<pre><code class=\"language-rust\">{text}\n</code></pre>\n");
        let found = documentation("ctx\n\nfn f()".to_owned(), code("ctx") + &code("fn f()")).unwrap();
        assert_eq!(
            (found["text/plain"].as_str(), found["text/html"].as_str()),
            (Some("fn f()"), Some(&*code("fn f()")))
        );
        let found = documentation("alloc::vec\n\nctx\n\n".to_owned(), code("alloc::vec")).unwrap();
        assert_eq!(found["text/plain"], "alloc::vec\n\nctx\n\n");
        assert_eq!(found["text/html"], code("alloc::vec"));
        for nothing in ["", " \n", "No documentation found"] {
            assert_eq!(documentation(nothing.to_owned(), String::new()), None);
        }
    }
}
