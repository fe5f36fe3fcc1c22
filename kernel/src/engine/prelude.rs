//! What the engine evaluates before the first cell, so that the runner can see into cells.
//!
//! Cells share one standard library that is not the runner's. Only code compiled as a cell reaches its buffers and its
//! panic hook. The items below become part of every cell's crate; the statement runs once in each runner.

/// Items that every cell carries. `pipulate_cell_begin` is told, before a cell runs, how to report;
/// `pipulate_cell_end` flushes what `print!` has buffered.
///
/// evcxr reports a failed `?` by `eprintln!("{}", error)` and a marker. To tell this error from what user code prints,
/// the macro of that name passes just this call on as a report; every other one is the standard library's. The report's first
/// line is the error's type and, after a tab, what `{:#}` makes of it: with the cell library's errors that is their name and
/// help too.
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
    ("{}" error $error:ident) => { pipulate_report(b'Q', &::std::format!("{}\t{}\n{}", ::std::any::type_name_of_val(&$error), ::std::format!("{:#}", $error).replace('\n', "\u{1}"), $error)) };
    ($format:literal error $error:ident) => { pipulate_report(b'Q', &::std::format!("{}\n{}", ::std::any::type_name_of_val(&$error), ::std::format!($format, $error))) };
    ($format:literal $name:ident $value:ident) => { ::std::eprintln!($format, $value) };
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

/// Whether a name that evcxr lists is the prelude's and not the user's.
pub(super) fn owns(name: &str) -> bool {
    name.to_ascii_lowercase().starts_with("pipulate_") || name == "eprintln"
}
