//! Showing values while code runs.
//!
//! In a notebook, [`display`] and its relatives show something at once, between what is printed before and after it, as often as
//! they are called. Elsewhere they print it as text to standard output.
//!
//! ```
//! for step in 1..=3 {
//!     pipulate::display(&format!("step {step}"));
//! }
//! pipulate::display_html("<b>done</b>");
//! ```
//!
//! A type says how it looks by [`Show`]; as the last expression of a cell it is shown by that, too. [`table`] shows rows,
//! [`progress`] how far a loop has come.

use std::fmt::Debug;

use serde::Serialize;

use crate::Bytes;

mod bundle;
mod displayable;
mod drawing;
mod outlet;
mod progress;
mod table;

pub use bundle::MimeBundle;
pub use displayable::Displayable;
#[doc(hidden)]
pub use displayable::{ByDebug, ByDisplayable, Candidate};
pub use drawing::{DRAWING, Drawing};
pub use progress::{Progress, WithProgress, progress};
pub use table::{Table, table};

use outlet::Target;

/// How a value of this type looks: what Jupyter calls a MIME bundle, the same thing in one or more media types, of which a front
/// end takes the one that it shows best.
///
/// ```
/// use pipulate::{MimeBundle, Show};
///
/// struct Colour(u8, u8, u8);
///
/// impl Show for Colour {
///     fn mime_bundle(&self) -> MimeBundle {
///         let Self(red, green, blue) = self;
///         let name = format!("#{red:02x}{green:02x}{blue:02x}");
///         MimeBundle::new()
///             .svg(format!("<svg width='40' height='20'><rect width='40' height='20' fill='{name}'/></svg>"))
///             .text(name)
///     }
/// }
///
/// pipulate::display(&Colour(255, 160, 0));
/// ```
pub trait Show {
    /// What is shown. It should hold plain text, for front ends that show nothing else.
    fn mime_bundle(&self) -> MimeBundle;

    /// Shows the value as the last expression of a cell: evcxr calls a method of this name, and takes what it prints. A type
    /// that has such a method of its own keeps it.
    fn evcxr_display(&self) {
        outlet::print_for_evcxr(&self.mime_bundle());
    }
}

impl<T: Show + ?Sized> Show for &T {
    fn mime_bundle(&self) -> MimeBundle {
        (**self).mime_bundle()
    }
}

impl Show for MimeBundle {
    fn mime_bundle(&self) -> MimeBundle {
        self.clone()
    }
}

/// A picture is shown as one; of other data, size and type.
impl Show for Bytes {
    fn mime_bundle(&self) -> MimeBundle {
        let bundle = MimeBundle::new().text(format!("{self:?}"));
        match (self.media_type(), std::str::from_utf8(self)) {
            ("image/svg+xml", Ok(svg)) => bundle.svg(svg),
            (image, _) if image.starts_with("image/") => bundle.with(image, self.to_base64()),
            _ => bundle,
        }
    }
}

/// Shows a value: one that implements [`Show`], or one of the standard library's, which is shown as text. Text stands as it is,
/// without quotes.
///
/// For a type that has only `Debug` there is the macro [`display!`](crate::display!), which takes any of them.
///
/// ```
/// pipulate::display("as it is");
/// pipulate::display(&vec![1, 2, 3]);
/// ```
pub fn display<T: Displayable + ?Sized>(value: &T) {
    outlet::show(value.displayed(), Target::New);
}

/// Shows a value that a later [`update_display`] with the same id replaces.
///
/// ```
/// pipulate::display_with_id("state", "waiting");
/// pipulate::update_display("state", "done");
/// ```
pub fn display_with_id<T: Displayable + ?Sized>(id: &str, value: &T) {
    outlet::show(value.displayed(), Target::Id(id));
}

/// Replaces all that is shown under this id, in cells that ran earlier too. Where nothing is, nothing happens.
pub fn update_display<T: Displayable + ?Sized>(id: &str, value: &T) {
    outlet::show(value.displayed(), Target::Update(id));
}

/// Takes away what the cell has shown so far; with `wait`, only when it shows something again, so that nothing flickers. Does
/// nothing outside a notebook.
pub fn clear_output(wait: bool) {
    outlet::clear(wait);
}

/// Shows HTML. A notebook's front end may leave out scripts.
pub fn display_html(html: impl Into<String>) {
    display(&MimeBundle::new().html(html));
}

/// Shows a picture written as SVG.
pub fn display_svg(svg: impl Into<String>) {
    display(&MimeBundle::new().svg(svg));
}

/// Shows a PNG picture.
///
/// ```no_run
/// pipulate::display_png(std::fs::read("plot.png")?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn display_png(png: impl AsRef<[u8]>) {
    display(&Bytes::new(png.as_ref(), "image/png"));
}

/// Shows Markdown.
pub fn display_markdown(markdown: impl Into<String>) {
    display(&MimeBundle::new().markdown(markdown));
}

/// Shows LaTeX, such as `$\frac{1}{2}$`.
pub fn display_latex(latex: impl Into<String>) {
    display(&MimeBundle::new().latex(latex));
}

/// Shows any value that serde can write, as `%pip_get` would: rows as a table, what is nested as a tree that folds, the rest as
/// JSON.
///
/// ```
/// pipulate::display_json(&serde_json::json!({"city": "Oslo", "days": [3, 5, 8]}));
/// ```
pub fn display_json<T: Serialize + ?Sized>(value: &T) {
    display(&MimeBundle::of_json(serde_json::to_string_pretty(value), 0));
}

/// Shows any value: by [`Show`](crate::Show) where its type implements that, else by `Debug`.
///
/// ```
/// #[derive(Debug)]
/// struct Point { x: i32, y: i32 }
///
/// let point = Point { x: 1, y: 2 };
/// pipulate::display!(point);
/// pipulate::display!(point.x + point.y);
/// ```
#[macro_export]
macro_rules! display {
    ($value:expr $(,)?) => {
        match &$value {
            value => {
                #[allow(unused_imports)]
                use $crate::display::{ByDebug as _, ByDisplayable as _};
                $crate::display(&(&$crate::display::Candidate(value)).bundle());
            }
        }
    };
}

fn of_debug<T: Debug + ?Sized>(value: &T) -> MimeBundle {
    MimeBundle::new().text(format!("{value:?}"))
}
