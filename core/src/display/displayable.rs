//! What can be displayed: what says how it looks, and what has only text.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;

use super::{MimeBundle, Show, of_debug};

/// What [`display`](super::display) takes: every type that implements [`Show`], and types of the standard library, as text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is displayed: implement `pipulate::Show` for it, or display it by `Debug` with `pipulate::display!(value)`"
)]
pub trait Displayable {
    /// What is shown.
    fn displayed(&self) -> MimeBundle;
}

impl<T: Show + ?Sized> Displayable for T {
    fn displayed(&self) -> MimeBundle {
        self.mime_bundle()
    }
}

macro_rules! text {
    ($($type:ty),*) => { $(
        impl Displayable for $type {
            fn displayed(&self) -> MimeBundle {
                MimeBundle::new().text(self.to_string())
            }
        }
    )* };
}

text!(str, &str, String, &String, Cow<'_, str>, std::fmt::Arguments<'_>);

macro_rules! debug {
    ($({$($bounds:tt)*} $type:ty),* $(,)?) => { $(
        impl<$($bounds)*> Displayable for $type {
            fn displayed(&self) -> MimeBundle {
                of_debug(self)
            }
        }
    )* };
}

debug!(
    {} bool, {} char, {} u8, {} u16, {} u32, {} u64, {} u128, {} usize, {} i8, {} i16, {} i32, {} i64, {} i128, {} isize, {} f32,
    {} f64, {} (), {} std::time::Duration, {} std::path::Path, {} std::path::PathBuf,
    {T: Debug} Option<T>, {T: Debug, E: Debug} Result<T, E>,
    {T: Debug} [T], {T: Debug, const N: usize} [T; N], {T: Debug} Vec<T>, {T: Debug} VecDeque<T>,
    {T: Debug, S} HashSet<T, S>, {T: Debug} BTreeSet<T>, {K: Debug, V: Debug, S} HashMap<K, V, S>, {K: Debug, V: Debug} BTreeMap<K, V>,
    {A: Debug} (A,), {A: Debug, B: Debug} (A, B), {A: Debug, B: Debug, C: Debug} (A, B, C),
    {A: Debug, B: Debug, C: Debug, D: Debug} (A, B, C, D),
);

/// A value of which the macro `display!` does not know yet what it has.
#[doc(hidden)]
#[derive(Debug)]
pub struct Candidate<'a, T: ?Sized>(pub &'a T);

/// The way that is tried first: a method of `Candidate` is found before one of `&Candidate`.
#[doc(hidden)]
pub trait ByDisplayable {
    /// What is shown.
    fn bundle(&self) -> MimeBundle;
}

impl<T: Displayable + ?Sized> ByDisplayable for Candidate<'_, T> {
    fn bundle(&self) -> MimeBundle {
        self.0.displayed()
    }
}

/// The way that is tried next.
#[doc(hidden)]
pub trait ByDebug {
    /// What is shown.
    fn bundle(&self) -> MimeBundle;
}

impl<T: Debug + ?Sized> ByDebug for &Candidate<'_, T> {
    fn bundle(&self) -> MimeBundle {
        of_debug(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain;

    #[derive(Debug)]
    struct Rich;

    impl Show for Rich {
        fn mime_bundle(&self) -> MimeBundle {
            MimeBundle::new().text("rich")
        }
    }

    macro_rules! shown {
        ($value:expr) => {
            (&Candidate(&$value)).bundle().to_text()
        };
    }

    #[test]
    fn show_comes_before_debug() {
        assert_eq!(shown!(Rich), "rich");
        assert_eq!(shown!(&Rich), "rich");
        assert_eq!(shown!(Plain), "Plain");
        assert_eq!(shown!(Box::new(Plain)), "Plain");
        assert_eq!(shown!(*"é"), "é");
    }

    #[test]
    fn text_has_no_quotes_but_in_a_collection() {
        assert_eq!("a\nb".displayed().to_text(), "a\nb");
        assert_eq!(vec!["a"].displayed().to_text(), "[\"a\"]");
        assert_eq!((1, 2.0).displayed().to_text(), "(1, 2.0)");
    }
}
