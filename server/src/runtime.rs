//! What generated step functions call.

use std::fmt::Debug;
use std::future::Future;

/// Drives a future to its end, on a runtime of this thread.
///
/// ```
/// assert_eq!(pipulate_server::block_on(async { 1 + 1 }), 2);
/// ```
///
/// # Panics
/// Where the system has no descriptor left for the runtime, or within another runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .unwrap_or_else(|error| panic!("no runtime to await on: {error}"))
        .block_on(future)
}

/// Shows a value as a cell's last expression is shown: by [`Show`](pipulate::Show), by a method `evcxr_display` of its own, or by
/// `Debug`. Unit shows nothing.
///
/// ```
/// let orders = vec![1, 2, 3];
/// pipulate_server::show!(orders);
/// assert_eq!(orders.len(), 3);
/// ```
#[macro_export]
macro_rules! show {
    ($value:expr $(,)?) => {
        match &$value {
            value => {
                #[allow(unused_imports)]
                use $crate::__private::{ByDebug as _, Show as _};
                #[allow(unused_mut)]
                let mut shown = $crate::__private::Shown(value);
                shown.evcxr_display();
            }
        }
    };
}

/// Lets errors of a type that has `Debug` and no `Display` be a step's error by `?`. A type's parameters stand before it in square
/// brackets, with what they must be.
///
/// ```
/// #[derive(Debug)]
/// struct Unlucky;
/// pipulate_server::report_by_debug!(Unlucky);
///
/// fn step() -> Result<(), pipulate_server::StepError> {
///     Err(Unlucky)?
/// }
/// assert_eq!(step().unwrap_err().message(), "Unlucky");
///
/// #[derive(Debug)]
/// struct Unfit<'a, T: Copy>(&'a T);
/// pipulate_server::report_by_debug!(['a, T: Copy] Unfit<'a, T>);
///
/// fn other_step() -> Result<(), pipulate_server::StepError> {
///     Err(Unfit(&7))?
/// }
/// assert_eq!(other_step().unwrap_err().message(), "Unfit(7)");
/// ```
#[macro_export]
macro_rules! report_by_debug {
    ([$($parameters:tt)*] $type:ty $(where $($bounds:tt)*)?) => {
        impl<$($parameters)*> ::core::convert::From<$type> for $crate::StepError
        where
            $type: ::core::fmt::Debug,
            $($($bounds)*)?
        {
            #[track_caller]
            fn from(error: $type) -> Self {
                $crate::StepError::of_debug(&error)
            }
        }
    };
    ($type:ty) => {
        impl ::core::convert::From<$type> for $crate::StepError {
            #[track_caller]
            fn from(error: $type) -> Self {
                $crate::StepError::of_debug(&error)
            }
        }
    };
}

/// A value of which the macro does not know yet what it has. Methods of what it refers to are found before [`ByDebug`]: that one
/// wants it mutable, which is tried last.
#[doc(hidden)]
pub struct Shown<'a, T: ?Sized>(pub &'a T);

impl<'a, T: ?Sized> std::ops::Deref for Shown<'a, T> {
    type Target = &'a T;

    fn deref(&self) -> &&'a T {
        &self.0
    }
}

impl<T: ?Sized> std::ops::DerefMut for Shown<'_, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// The last resort.
#[doc(hidden)]
pub trait ByDebug {
    /// Shows it.
    fn evcxr_display(&mut self);
}

impl<T: Debug + ?Sized> ByDebug for &T {
    fn evcxr_display(&mut self) {
        let text = format!("{self:?}");
        if text != "()" {
            pipulate::display(&pipulate::MimeBundle::new().text(text));
        }
    }
}
