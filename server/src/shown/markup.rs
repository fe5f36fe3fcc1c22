//! Markup that steps and descriptions bring along, cleaned: no script, no style, pictures from the page itself alone.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{Options, Parser, html};

/// Media types that a browser shows as a picture.
const PICTURES: [&str; 6] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/svg+xml",
    "image/avif",
];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::default();
    cleaner
        .add_url_schemes(["data"])
        .add_generic_attributes(["colspan", "rowspan"])
        // What stands beside a notebook does not stand beside its page.
        .url_relative(UrlRelative::Deny)
        .attribute_filter(|element, attribute, value| {
            let is_data = value.trim_start().to_ascii_lowercase().starts_with("data:");
            let is_picture = element == "img" && attribute == "src" && value.starts_with("data:image/");
            // What is elsewhere is not fetched: a page shows what the step made, and tells nobody about it.
            let is_elsewhere = element == "img" && attribute == "src" && !is_picture;
            ((!is_data || is_picture) && !is_elsewhere).then_some(Cow::Borrowed(value))
        })
        .link_rel(Some("noopener noreferrer"));
    cleaner
});

/// HTML that a step has displayed. Drawings in it become pictures.
pub(super) fn html_of_step(html: &str) -> String {
    CLEANER.clean(&with_pictures(html)).to_string()
}

/// A description, written in Markdown.
pub(crate) fn description(markdown: &str) -> String {
    if markdown.trim().is_empty() {
        return String::new();
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let mut rendered = String::new();
    html::push_html(&mut rendered, Parser::new_ext(markdown, options));
    CLEANER.clean(&rendered).to_string()
}

/// The address of a picture within the page; `None` where the data is no picture.
pub(crate) fn picture(bytes: &pipulate::Bytes) -> Option<String> {
    picture_of(bytes.media_type(), &STANDARD.encode(&**bytes))
}

/// The same for data that is base64 already.
pub(super) fn picture_of(media_type: &str, base64: &str) -> Option<String> {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let data: String = base64.chars().filter(|character| !character.is_whitespace()).collect();
    (PICTURES.contains(&media_type) && data.bytes().all(is_base64)).then(|| format!("data:{media_type};base64,{data}"))
}

/// A drawing as a picture: within one, a script does not run, and nothing is fetched.
pub(super) fn picture_of_svg(svg: &str) -> String {
    let svg = svg.trim_start();
    let with_namespace = match svg.find("<svg") {
        Some(start) if !svg.contains("xmlns=") => {
            let (before, after) = svg.split_at(start + "<svg".len());
            Cow::Owned(format!("{before} xmlns=\"http://www.w3.org/2000/svg\"{after}"))
        }
        _ => Cow::Borrowed(svg),
    };
    format!(
        "data:image/svg+xml;base64,{}",
        STANDARD.encode(with_namespace.as_bytes())
    )
}

const END_OF_DRAWING: &str = "</svg>";

fn with_pictures(html: &str) -> Cow<'_, str> {
    if !html.contains("<svg") {
        return Cow::Borrowed(html);
    }
    let mut made = String::new();
    let mut rest = html;
    while let Some(start) = rest.find("<svg") {
        let Some(end) = end_of_drawing(&rest[start..]) else {
            break;
        };
        made.push_str(&rest[..start]);
        let source = picture_of_svg(&rest[start..start + end]);
        made.push_str(&Picture { source: &source }.to_string());
        rest = &rest[start + end..];
    }
    made.push_str(rest);
    Cow::Owned(made)
}

/// Drawings may stand within drawings.
fn end_of_drawing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut at = 0;
    loop {
        let close = at + text[at..].find(END_OF_DRAWING)?;
        depth += text[at..close].matches("<svg").count();
        depth = depth.checked_sub(1)?;
        at = close + END_OF_DRAWING.len();
        if depth == 0 {
            return Some(at);
        }
    }
}

#[derive(askama::Template)]
#[template(path = "picture.html")]
struct Picture<'a> {
    source: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_runs_or_fetches_comes_through() {
        let evil = r#"<p onclick="x()">a<script>b()</script></p><img src="http://example.org/x.png"><iframe src="x"></iframe>
            <a href="javascript:x()">c</a><a href="data:text/html,<script>x()</script>">d</a><style>p{}</style>
            <svg onload="x()"><script>y()</script><svg></svg></svg><form action="/delete"><input></form><img src=x onerror=y()>"#;
        let clean = html_of_step(evil);
        for bad in [
            "onclick",
            "<script",
            "example.org",
            "iframe",
            "javascript:",
            "text/html",
            "<style",
            "<svg",
            "<form",
            "<input",
            "onerror",
        ] {
            assert!(!clean.contains(bad), "{bad}: {clean}");
        }
        assert!(clean.contains("data:image/svg+xml;base64,"), "{clean}");
        assert_eq!(
            clean.matches("<img").count() - clean.matches("<img>").count(),
            1,
            "{clean}"
        );
    }

    #[test]
    fn a_description_is_markdown() {
        let html = description("# A\n\n*b* <script>c</script>\n\n| x |\n|---|\n| 1 |\n");
        assert!(
            html.contains("<em>b</em>") && html.contains("<td>1</td>") && !html.contains("script"),
            "{html}"
        );
    }

    #[test]
    fn a_link_leads_to_where_something_is() {
        let html = description("[next](02_next.ipynb), [above](#top), [home](https://example.org/)");
        assert!(html.contains("next") && html.contains("above"), "{html}");
        assert_eq!(html.matches("href").count(), 1, "{html}");
        assert!(html.contains("href=\"https://example.org/\""), "{html}");
    }

    #[test]
    fn a_drawing_gets_its_namespace() {
        let source = picture_of_svg("<svg width='1'></svg>");
        let data = STANDARD.decode(source.rsplit(',').next().unwrap()).unwrap();
        assert_eq!(
            String::from_utf8(data).unwrap(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width='1'></svg>"
        );
        assert_eq!(picture_of("image/png", "a\"b"), None);
        assert_eq!(picture_of("text/html", "ab"), None);
    }
}
