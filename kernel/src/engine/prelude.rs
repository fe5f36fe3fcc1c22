//! What the engine evaluates before the first cell, so that the runner can see into cells.
//!
//! Cells share one standard library that is not the runner's. Only code compiled as a cell reaches its buffers and its
//! panic hook. The items below become part of every cell's crate, so there is as little as can be to compile; the statement runs
//! once in each runner, and what it defines serves all cells that come later.

/// Items that every cell carries: what tells the runner of a panic or a failed `?`.
///
/// evcxr's generated code reports a failed `?` by `eprintln!("{}", error)` and a marker on standard output, and a panic by
/// another marker. To tell these from what user code prints, macros of those names pass just these calls on as reports; every
/// other one is the standard library's. The first line of an error's report is the error's type and, after a tab, what `{:#}`
/// makes of it: with the cell library's errors that is their name and help too. That a call is evcxr's shows by the function that
/// it stands in.
pub(super) const ITEMS: &str = r#"
#[inline]
pub fn pipulate_report(kind: u8, text: &str) {
    unsafe extern "C" {
        fn dlsym(scope: *mut ::std::ffi::c_void, name: *const ::std::ffi::c_char) -> *mut ::std::ffi::c_void;
    }
    let everywhere = if ::std::cfg!(target_vendor = "apple") { -2isize } else { 0 };
    unsafe {
        let report = dlsym(everywhere as *mut ::std::ffi::c_void, c"pipulate_report_to_kernel".as_ptr());
        if !report.is_null() {
            let report: extern "C" fn(u8, *const u8, usize) = ::std::mem::transmute(report);
            report(kind, text.as_ptr(), text.len());
        }
    }
}
#[allow(unused_macros)]
macro_rules! pipulate_eprintln {
    ("{}" error $error:ident) => { pipulate_eprintln!("{}" $error ::std::format!("{:#}", $error)) };
    ($format:literal error $error:ident) => { pipulate_eprintln!($format $error ::std::string::String::new()) };
    ($format:literal $name:ident $value:ident) => { ::std::eprintln!($format, $value) };
    ($format:literal $error:ident $more:expr) => {{
        fn here() {}
        if ::std::any::type_name_of_val(&here).contains("EvcxrUserCodeError") {
            let (name, more) = (::std::any::type_name_of_val(&$error), $more.replace('\n', "\u{1}"));
            let more = if more.is_empty() { more } else { ::std::format!("\t{more}") };
            pipulate_report(b'Q', &::std::format!("{name}{more}\n{}", ::std::format!($format, $error)));
        } else {
            ::std::eprintln!($format, $error)
        }
    }};
}
#[allow(unused_macros)]
macro_rules! println {
    ("EVCXR_PANIC_NOTIFICATION") => { pipulate_report(b'U', ::std::concat!(::std::line!())) };
    ("{}", evcxr_internal_runtime::USER_ERROR_OCCURRED) => { pipulate_report(b'V', "") };
    ($($arguments:tt)*) => { ::std::println!($($arguments)*) };
}
#[allow(unused_macros)]
macro_rules! eprintln {
    ("{}", $value:ident) => { pipulate_eprintln!("{}" $value $value) };
    ("{:?}", $value:ident) => { pipulate_eprintln!("{:?}" $value $value) };
    ("{:#?}", $value:ident) => { pipulate_eprintln!("{:#?}" $value $value) };
    ($($arguments:tt)*) => { ::std::eprintln!($($arguments)*) };
}
"#;

/// How values are shown that have `Debug` and nothing better. A cell's last expression is shown by a method `evcxr_display`: where
/// there is none, evcxr finds out by compiling the cell, and compiles it again with `Debug`. A type's own method comes first;
/// what a trait provides would be in doubt, so a trait that comes by this name takes this one's place.
pub(super) const DISPLAY: &str = r#"
#[allow(non_camel_case_types)]
pub trait PIPULATE_SHOW { fn evcxr_display(&self); }
impl<T: ::std::fmt::Debug + ?::std::marker::Sized> PIPULATE_SHOW for T {
    fn evcxr_display(&self) {
        let text = ::std::format!("EVCXR_BEGIN_CONTENT text/plain\n{self:?}\nEVCXR_END_CONTENT\n");
        let _ = ::std::io::Write::write_all(&mut ::std::io::stdout(), text.as_bytes());
    }
}
"#;
/// The trait by which the cell library's types are shown comes by this name.
pub(super) const DISPLAY_NAME: &str = "PIPULATE_SHOW";
/// Takes the trait away, and leaves the choice to evcxr.
pub(super) const NO_DISPLAY: &str = "#[allow(non_camel_case_types)] trait PIPULATE_SHOW {}";

/// What becomes of [`DISPLAY`] by a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Display {
    Stays,
    /// The cell brings another trait.
    Replaced,
    /// The cell may use types that are shown by other traits, or changes how evcxr shows values.
    Goes,
}

/// What becomes of [`DISPLAY`] by this cell.
pub(super) fn display(code: &str) -> Display {
    let changes = |line: &str| {
        [":fmt", ":types"]
            .iter()
            .any(|command| line.trim_start().starts_with(command))
    };
    if code.contains(DISPLAY_NAME) {
        Display::Replaced
    } else if code.contains("evcxr") || code.lines().any(changes) {
        Display::Goes
    } else {
        Display::Stays
    }
}

/// Installs the hook that reports panics, and of which cell's object the place is. An expression, so that it leaves no variable behind.
///
/// The runner finds `pipulate_cell_begin`, by which it says how to report, and `pipulate_cell_end`, which flushes what `print!`
/// has buffered; cells find `pipulate_report_to_kernel`.
pub(super) const HOOK: &str = r#"
{ static PIPULATE_REPORT: ::std::sync::atomic::AtomicUsize = ::std::sync::atomic::AtomicUsize::new(0);
#[unsafe(no_mangle)]
extern "C" fn pipulate_cell_begin(report: extern "C" fn(u8, *const u8, usize)) {
    PIPULATE_REPORT.store(report as usize, ::std::sync::atomic::Ordering::Relaxed);
}
#[unsafe(no_mangle)]
extern "C" fn pipulate_cell_end() {
    let _ = ::std::io::Write::flush(&mut ::std::io::stdout());
}
#[unsafe(no_mangle)]
extern "C" fn pipulate_report_to_kernel(kind: u8, text: *const u8, length: usize) {
    let report = PIPULATE_REPORT.load(::std::sync::atomic::Ordering::Relaxed);
    if report != 0 {
        let report: extern "C" fn(u8, *const u8, usize) = unsafe { ::std::mem::transmute(report) };
        report(kind, text, length);
    }
}
unsafe extern "C" {
    fn dladdr(address: *const ::std::ffi::c_void, object: *mut *const ::std::ffi::c_char) -> ::std::ffi::c_int;
}
let cells = ::std::thread::current().id(); ::std::panic::set_hook(::std::boxed::Box::new(move |info| {
    let payload = info.payload();
    let message = match payload.downcast_ref::<&str>() {
        Some(text) => ::std::string::String::from(*text),
        None => match payload.downcast_ref::<::std::string::String>() {
            Some(text) => text.clone(),
            None => ::std::string::String::from("a value that is no text (`Box<dyn Any>`)"),
        },
    };
    let (line, column, file) = match info.location() {
        Some(place) => (place.line(), place.column(), place.file()),
        None => (0, 0, ""),
    };
    // A closure or a thread of an earlier cell has its place in that cell.
    let mut object = ["".as_ptr().cast(); 4];
    let object = match info.location() {
        Some(place) if unsafe { dladdr(::std::ptr::from_ref(place).cast(), object.as_mut_ptr()) } != 0 => {
            unsafe { ::std::ffi::CStr::from_ptr(object[0]) }.to_string_lossy()
        }
        _ => ::std::borrow::Cow::Borrowed(""),
    };
    let thread = ::std::thread::current();
    let thread = if thread.id() == cells { "" } else { thread.name().unwrap_or("<unnamed>") };
    pipulate_report(b'P', &::std::format!("{line}:{column}:{file}\0{thread}\0{object}\0{message}"));
})); };
"#;

/// What the engine evaluates first.
pub(super) fn first() -> String {
    [ITEMS, DISPLAY, HOOK].concat()
}

/// What the engine evaluates when there is time. A variable whose type must be inferred, and its end: the first one of a notebook
/// takes seconds. And a `?`, by which evcxr learns that cells may have it; else the first one has it compile a cell twice.
pub(super) static AHEAD: [&str; 3] = [
    "let pipulate_variable = ::std::vec::Vec::<::std::string::String>::new();",
    "drop(pipulate_variable);",
    "::std::result::Result::<(), ::std::string::String>::Ok(())?;",
];

/// Whether a name that evcxr lists is the prelude's and not the user's.
pub(super) fn owns(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("pipulate_") || matches!(name, "println" | "eprintln")
}

/// Whether a completion is of code that is put around cells, and not for users.
pub(super) fn hides(label: &str) -> bool {
    const GENERATED: [&str; 4] = [
        "evcxr_display",
        "evcxr_variable_store",
        "evcxr_analysis_wrapper",
        "EvcxrUserCodeError",
    ];
    owns(label) || GENERATED.iter().any(|generated| label.contains(generated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completions_of_generated_code_are_hidden() {
        for (label, expected) in [
            ("iter().evcxr_display()", true),
            ("pipulate_report(…)", true),
            ("evcxr_helper()", false),
            ("display()", false),
        ] {
            assert_eq!(hides(label), expected, "{label}");
        }
    }

    #[test]
    fn a_cell_that_brings_another_way_to_show_values_is_known() {
        for (code, expected) in [
            ("1 + 1", Display::Stays),
            (
                "use ::pipulate::Show as PIPULATE_SHOW; pipulate::display(&1);",
                Display::Replaced,
            ),
            (":dep evcxr_image = \"*\"", Display::Goes),
            ("use evcxr_runtime::Display;", Display::Goes),
            (":fmt {:#?}\n1", Display::Goes),
            ("  :types", Display::Goes),
            ("let types = 1;", Display::Stays),
        ] {
            assert_eq!(display(code), expected, "{code}");
        }
    }
}
