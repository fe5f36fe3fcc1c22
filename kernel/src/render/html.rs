//! HTML under construction. Text and attributes go in only escaped, so that no value can become markup; there is no way
//! to put a script in.

/// Begins empty; see [`Html::text`] and [`Html::element`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

/// An attribute's name and its value, which is escaped.
pub(super) type Attribute<'a> = (&'static str, &'a str);

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Text, escaped.
    pub fn text(&mut self, text: &str) -> &mut Self {
        escape(text, &mut self.0);
        self
    }

    /// An element and what stands in it.
    pub fn element(
        &mut self,
        name: &'static str,
        attributes: &[Attribute<'_>],
        content: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.open(name, attributes);
        self.0.push('>');
        content(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// An element that holds text alone.
    pub fn leaf(&mut self, name: &'static str, attributes: &[Attribute<'_>], text: &str) -> &mut Self {
        self.element(name, attributes, |html| {
            html.text(text);
        })
    }

    /// An element of a picture, which holds nothing.
    pub fn shape(&mut self, name: &'static str, attributes: &[Attribute<'_>]) -> &mut Self {
        self.open(name, attributes);
        self.0.push_str("/>");
        self
    }

    /// The end of a line, for those who read the source.
    pub fn line_end(&mut self) -> &mut Self {
        self.0.push('\n');
        self
    }

    /// The finished text.
    pub fn into_string(self) -> String {
        self.0
    }

    fn open(&mut self, name: &'static str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(name);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(value, &mut self.0);
            self.0.push('"');
        }
    }
}

fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            // HTML has no way to say these, not even escaped.
            '\0' => into.push('\u{fffd}'),
            _ => into.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn neither_text_nor_attributes_can_become_markup() {
        let mut html = Html::new();
        let evil = "</td><script>alert('1')</script>\" onload=\"x\" &amp;\0";
        html.element("td", &[("title", evil)], |html| {
            html.text(evil).shape("br", &[]);
        });
        let escaped =
            "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x&quot; &amp;amp;\u{fffd}";
        assert_eq!(
            html.into_string(),
            format!("<td title=\"{escaped}\">{escaped}<br/></td>")
        );
    }
}
