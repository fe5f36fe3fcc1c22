//! The chain of a job's steps, as a picture. It is drawn as SVG in the page itself, so that it takes the page's colours.
//!
//! Its words are HTML amid the SVG. Where pictures are taken out, as JupyterLab does with outputs that it does not trust yet, a list of
//! the steps is left.

use super::html::Html;
use super::text::{count, one_line};

/// How many links are drawn.
const DRAWN: usize = 60;
const IN_A_ROW: usize = 4;
const WIDTH: usize = 172;
const HEIGHT: usize = 70;
const GAP: usize = 32;
const MARGIN: usize = 2;
/// How many columns of text stand in a box; the browser cuts off what does not fit.
const COLUMNS: usize = 80;
/// Inside a box.
const PADDING: usize = 12;

/// How each line of a box is set.
const LINE: &str = "display: block; line-height: 18px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis";

/// One step of the chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// The step's name.
    pub name: String,
    /// Its status in words.
    pub status: String,
    /// What the status means to the user.
    pub tone: Tone,
    /// Its value on one line.
    pub value: String,
}

/// What a status means to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Done.
    Good,
    /// Done once, and no longer sure.
    Doubtful,
    /// Not done.
    Open,
}

/// Steps in order.
#[derive(Clone, Debug)]
pub struct Chain {
    /// What the chain is, for those who do not see it.
    pub title: String,
    /// Its steps.
    pub links: Vec<Link>,
}

impl Chain {
    /// Draws the chain.
    pub fn write_html(&self, html: &mut Html) {
        let drawn = self.links.len().min(DRAWN);
        let rows = drawn.div_ceil(IN_A_ROW);
        let columns = drawn.min(IN_A_ROW);
        let width = columns * WIDTH + columns.saturating_sub(1) * GAP + 2 * MARGIN;
        let height = rows * HEIGHT + rows.saturating_sub(1) * GAP + 2 * MARGIN;
        let attributes = [
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("viewBox", &*format!("0 0 {width} {height}")),
            ("width", &*width.to_string()),
            ("height", &*height.to_string()),
            (
                "style",
                "max-width: 100%; height: auto; font-family: var(--jp-ui-font-family, sans-serif)",
            ),
            ("role", "group"),
            ("aria-label", &*self.title),
        ];
        html.element("svg", &attributes, |html| {
            html.line_end();
            for (index, link) in self.links.iter().take(drawn).enumerate() {
                if index > 0 {
                    arrow(index, html);
                }
                link.draw(index, html);
            }
        });
        if self.links.len() > drawn {
            let left_out = format!("… {}", count(self.links.len() - drawn, "more step"));
            html.leaf("div", &[("style", "opacity: 0.7")], &left_out);
        }
    }
}

impl Link {
    fn draw(&self, index: usize, html: &mut Html) {
        let (x, y) = corner(index);
        let colour = self.tone.colour();
        let outline = [
            ("x", &*x.to_string()),
            ("y", &*y.to_string()),
            ("width", &*WIDTH.to_string()),
            ("height", &*HEIGHT.to_string()),
            ("rx", "7"),
            ("fill", colour),
            ("fill-opacity", "0.08"),
            ("stroke", colour),
            ("stroke-width", "1.5"),
            ("stroke-opacity", if self.tone == Tone::Open { "0.6" } else { "1" }),
            ("stroke-dasharray", if self.tone == Tone::Open { "5 4" } else { "none" }),
        ];
        html.shape("rect", &outline);
        let (dot_x, dot_y) = ((x + PADDING + 4).to_string(), (y + 35).to_string());
        html.shape(
            "circle",
            &[("cx", &dot_x), ("cy", &dot_y), ("r", "4"), ("fill", colour)],
        );
        let within = [
            ("x", &*(x + PADDING).to_string()),
            ("y", &*(y + 8).to_string()),
            ("width", &*(WIDTH - 2 * PADDING).to_string()),
            ("height", &*(HEIGHT - 12).to_string()),
        ];
        html.element("foreignObject", &within, |html| {
            let whole = format!("{}: {} = {}", self.name, self.status, self.value);
            html.element("div", &[("title", &*whole)], |html| {
                let line = |html: &mut Html, name: &'static str, text: &str, style: &str| {
                    let style = format!("{LINE}; {style}");
                    html.leaf(name, &[("style", &style)], &one_line(text, COLUMNS));
                };
                line(html, "b", &self.name, "font-size: 13px");
                // Where the lines are not kept, spaces keep the words apart.
                html.text(" ");
                line(
                    html,
                    "span",
                    &self.status,
                    "font-size: 12px; opacity: 0.85; padding-left: 14px",
                );
                html.text(" ");
                let value = "font-size: 11px; opacity: 0.65; font-family: var(--jp-code-font-family, monospace)";
                line(html, "span", &self.value, value);
            });
        });
        html.line_end();
    }
}

impl Tone {
    /// A colour that can be told from the page in light and dark themes.
    fn colour(self) -> &'static str {
        match self {
            Self::Good => "var(--jp-success-color1, #388e3c)",
            Self::Doubtful => "var(--jp-warn-color1, #f57c00)",
            Self::Open => "currentColor",
        }
    }
}

/// The upper left corner of the box at `index`.
fn corner(index: usize) -> (usize, usize) {
    let (row, column) = (index / IN_A_ROW, index % IN_A_ROW);
    (MARGIN + column * (WIDTH + GAP), MARGIN + row * (HEIGHT + GAP))
}

/// The arrow to the box at `index` from the one before it: straight, or around the end of the row.
fn arrow(index: usize, html: &mut Html) {
    let (x, y) = corner(index);
    let (from_x, from_y) = corner(index - 1);
    let line = if index.is_multiple_of(IN_A_ROW) {
        let (middle, below) = (from_x + WIDTH / 2, from_y + HEIGHT + GAP / 2);
        format!("M{middle} {} V{below} H{} V{}", from_y + HEIGHT, x + WIDTH / 2, y - 5)
    } else {
        let middle = y + HEIGHT / 2;
        format!("M{} {middle} H{}", from_x + WIDTH, x - 5)
    };
    let head = if index.is_multiple_of(IN_A_ROW) {
        let tip = x + WIDTH / 2;
        format!("M{} {} L{tip} {} L{} {} Z", tip - 4, y - 8, y - 1, tip + 4, y - 8)
    } else {
        let middle = y + HEIGHT / 2;
        format!(
            "M{} {} L{} {middle} L{} {} Z",
            x - 8,
            middle - 4,
            x - 1,
            x - 8,
            middle + 4
        )
    };
    html.shape(
        "path",
        &[
            ("d", &line),
            ("fill", "none"),
            ("stroke", "currentColor"),
            ("stroke-opacity", "0.5"),
            ("stroke-width", "1.5"),
        ],
    );
    html.shape(
        "path",
        &[("d", &head), ("fill", "currentColor"), ("fill-opacity", "0.6")],
    );
    html.line_end();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str) -> Link {
        Link {
            name: name.to_owned(),
            status: name.to_owned(),
            tone: Tone::Good,
            value: name.to_owned(),
        }
    }

    fn drawn(links: Vec<Link>) -> String {
        let mut html = Html::new();
        Chain {
            title: "<script>".to_owned(),
            links,
        }
        .write_html(&mut html);
        html.into_string()
    }

    #[test]
    fn names_cannot_become_markup() {
        let html = drawn(vec![link("<script>alert(1)</script>")]);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("title=\"&lt;script&gt;"));
    }

    #[test]
    fn every_step_has_a_box_and_an_arrow_to_it() {
        let html = drawn((0..9).map(|index| link(&index.to_string())).collect());
        assert_eq!(html.matches("<rect").count(), 9);
        assert_eq!(html.matches("<path").count(), 2 * 8);
        assert!(html.contains("viewBox=\"0 0 788 278\""), "{}", &html[..120]);
    }

    #[test]
    fn a_long_chain_is_cut_with_a_count() {
        let html = drawn((0..DRAWN + 5).map(|index| link(&index.to_string())).collect());
        assert_eq!(html.matches("<rect").count(), DRAWN);
        assert!(html.contains("… 5 more steps"));
    }
}
