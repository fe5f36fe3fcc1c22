//! What the engine evaluates before the first cell, so that the runner can see into cells.
//!
//! Cells share one standard library that is not the runner's. Only code compiled as a cell reaches its buffers and its
//! panic hook. The items below become part of every cell's crate; the statement runs once in each runner.

/// Items that every cell carries. `pipulate_cell_begin` is told, before a cell runs, how to report;
/// `pipulate_cell_end` flushes what `print!` has buffered.
///
/// evcxr's generated code reports a failed `?` by `eprintln!("{}", error)` and a marker on standard output, and a panic by
/// another marker. To tell these from what user code prints, macros of those names pass just these calls on as reports; every other one is the standard library's. The first line of an error's report is the error's type and, after a tab, what `{:#}` makes of it: with the cell library's errors that is their name and
/// help too. That a call is evcxr's shows by the function that it stands in.
pub(super) const ITEMS: &str = r#"
static PIPULATE_REPORT: ::std::sync::atomic::AtomicUsize = ::std::sync::atomic::AtomicUsize::new(0);
#[unsafe(no_mangle)]
pub extern "C" fn pipulate_cell_begin(report: extern "C" fn(u8, *const u8, usize)) {
    PIPULATE_REPORT.store(report as usize, ::std::sync::atomic::Ordering::Relaxed);
}
#[unsafe(no_mangle)]
pub extern "C" fn pipulate_cell_end() {
    let _ = ::std::io::Write::flush(&mut ::std::io::stdout());
}
pub fn pipulate_report(kind: u8, text: &str) {
    let report = PIPULATE_REPORT.load(::std::sync::atomic::Ordering::Relaxed);
    if report != 0 {
        let report: extern "C" fn(u8, *const u8, usize) = unsafe { ::std::mem::transmute(report) };
        report(kind, text.as_ptr(), text.len());
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
    ("EVCXR_PANIC_NOTIFICATION") => { pipulate_report(b'U', &::std::format!("{}", ::std::line!())) };
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

/// Installs the hook that reports panics of the thread that runs cells, and prints those of other threads. An expression, so
/// that it leaves no variable behind.
pub(super) const HOOK: &str = r#"
{ let cells = ::std::thread::current().id(); ::std::panic::set_hook(::std::boxed::Box::new(move |info| {
    let payload = info.payload();
    let message = match payload.downcast_ref::<&str>() {
        Some(text) => ::std::string::String::from(*text),
        None => match payload.downcast_ref::<::std::string::String>() {
            Some(text) => text.clone(),
            None => ::std::string::String::from("Box<dyn Any>"),
        },
    };
    let (line, column, file) = match info.location() {
        Some(place) => (place.line(), place.column(), place.file()),
        None => (0, 0, ""),
    };
    let thread = ::std::thread::current();
    if thread.id() == cells {
        pipulate_report(b'P', &::std::format!("{line}:{column}:{file}\n{message}"));
    } else {
        let name = thread.name().unwrap_or("<unnamed>");
        ::std::eprintln!("\nthread '{name}' panicked at {file}:{line}:{column}:\n{message}");
    }
})); };
"#;

/// Lets evcxr know that cells use `?`, which else it would find out by compiling the user's cell twice.
pub(super) const QUESTION_MARK: &str = "::std::result::Result::<(), ::std::string::String>::Ok(())?;";

/// A variable whose type must be inferred, and its end: the first one of a notebook takes seconds.
pub(super) const VARIABLE: [&str; 2] = [
    "let pipulate_variable = ::std::vec::Vec::<::std::string::String>::new();",
    "drop(pipulate_variable);",
];

/// Whether a name that evcxr lists is the prelude's and not the user's.
pub(super) fn owns(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("pipulate_") || matches!(name, "println" | "eprintln")
}
