//! What variables hold: the `Debug` text of each, cut short, from a cell of our own that only borrows them.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::Context;
use crate::engine::handle::EngineStatus;
use crate::outputs::{CellError, InputError, MimeBundle, Outputs, Stream};
use crate::source_map::SourceMap;

/// How many characters of a value are shown.
const SHOWN: usize = 60;
/// Begins what is known of one variable. A value's own control characters are made spaces.
const BEGIN: char = '\u{1}';
const END: &str = "\u{2}\n";

/// The variables' values by name. None where the engine is not there to ask, and none for a type without `Debug`.
pub(super) fn values(names: &[String], context: &Context<'_>) -> Result<HashMap<String, String>, CellError> {
    // Amid Rust, the engine waits for this magic.
    if names.is_empty() || context.amid_rust || context.engine.status() != EngineStatus::Ready {
        return Ok(HashMap::new());
    }
    let capture = Arc::new(Capture {
        outputs: Arc::clone(context.outputs),
        mark: format!("{BEGIN}{:016x} ", RandomState::new().hash_one(names)),
        printed: Mutex::default(),
    });
    let code = SourceMap::identity(&cell(names, &capture.mark));
    let result = context.engine.evaluate(code, Arc::clone(&capture) as Arc<dyn Outputs>);
    let found = capture.finish();
    match result {
        // A name that this cell cannot say is no reason to show nothing.
        Err(error) if !matches!(error.ename.as_str(), "CompileError" | "EngineError") => Err(error),
        _ => Ok(found
            .into_iter()
            .filter_map(|(index, value)| Some((names.get(index)?.clone(), value)))
            .collect()),
    }
}

/// A cell that prints what is known of each variable, leaves nothing behind, and moves nothing. A value that has `Debug` is written
/// up to where it is cut: writing on would take long for a large one. One whose `Debug` panics shows nothing.
///
/// The method is looked up for the wrapper first, which has it where the value has `Debug`, and then for a reference to the wrapper,
/// which always has it.
fn cell(names: &[String], mark: &str) -> String {
    let mut code = format!(
        r#"{{
#[allow(non_camel_case_types)] struct pipulate_cut {{ text: ::std::string::String, room: usize }}
impl ::std::fmt::Write for pipulate_cut {{
    fn write_str(&mut self, text: &str) -> ::std::fmt::Result {{
        for character in text.chars() {{
            self.room = self.room.checked_sub(1).ok_or(::std::fmt::Error)?;
            self.text.push(if character.is_control() {{ ' ' }} else {{ character }});
        }}
        Ok(())
    }}
}}
#[allow(non_camel_case_types)] struct pipulate_value<'a, T: ?Sized>(&'a T);
#[allow(non_camel_case_types)] trait pipulate_debug {{ fn pipulate_print(&self, index: usize); }}
impl<T: ::std::fmt::Debug + ?Sized> pipulate_debug for pipulate_value<'_, T> {{
    fn pipulate_print(&self, index: usize) {{
        let mut cut = pipulate_cut {{ text: ::std::string::String::new(), room: {SHOWN} }};
        let is_cut = ::std::fmt::Write::write_fmt(&mut cut, ::std::format_args!("{{:?}}", self.0)).is_err();
        ::std::print!("{{}}{{index}} {{}}{{}}{{}}", {mark:?}, cut.text, if is_cut {{ "…" }} else {{ "" }}, {END:?});
    }}
}}
#[allow(non_camel_case_types)] trait pipulate_no_debug {{ fn pipulate_print(&self, _: usize) {{}} }}
impl<T: ?Sized> pipulate_no_debug for &pipulate_value<'_, T> {{}}
let pipulate_hook = ::std::panic::take_hook();
::std::panic::set_hook(::std::boxed::Box::new(|_| {{}}));
"#
    );
    for (index, name) in names.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            code,
            "let _ = ::std::panic::catch_unwind(::std::panic::AssertUnwindSafe(|| (&pipulate_value(&{name})).pipulate_print({index})));"
        );
    }
    code.push_str("::std::panic::set_hook(pipulate_hook);\n};\n");
    code
}

/// Takes what our cell prints, and passes on what anything else prints meanwhile.
struct Capture {
    outputs: Arc<dyn Outputs>,
    mark: String,
    printed: Mutex<String>,
}

impl Capture {
    fn finish(&self) -> BTreeMap<usize, String> {
        let printed = std::mem::take(&mut *self.printed.lock().unwrap_or_else(PoisonError::into_inner));
        let (found, other) = read(&printed, &self.mark);
        if !other.is_empty() {
            self.outputs.stream(Stream::Stdout, &other);
        }
        found
    }
}

/// The values in what was printed, by index, and all the rest.
fn read(printed: &str, mark: &str) -> (BTreeMap<usize, String>, String) {
    let mut parts = printed.split(mark);
    let mut other = parts.next().unwrap_or_default().to_owned();
    let mut found = BTreeMap::new();
    for part in parts {
        let (known, after) = part.split_once(END).unwrap_or((part, ""));
        if let Some((index, value)) = known.split_once(' ')
            && let Ok(index) = index.parse()
        {
            found.insert(index, value.to_owned());
        }
        other.push_str(after);
    }
    (found, other)
}

impl Outputs for Capture {
    fn stream(&self, stream: Stream, text: &str) {
        match stream {
            Stream::Stdout => self
                .printed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(text),
            Stream::Stderr => self.outputs.stream(stream, text),
        }
    }

    fn display(&self, data: MimeBundle, metadata: Map<String, Value>, display_id: Option<&str>) {
        self.outputs.display(data, metadata, display_id);
    }

    fn update_display(&self, data: MimeBundle, metadata: Map<String, Value>, display_id: &str) {
        self.outputs.update_display(data, metadata, display_id);
    }

    fn clear_output(&self, wait: bool) {
        self.outputs.clear_output(wait);
    }

    fn execute_result(&self, _: MimeBundle, _: Map<String, Value>) {}

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        self.outputs.input(prompt, password)
    }

    fn is_interrupted(&self) -> bool {
        self.outputs.is_interrupted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_what_others_print() {
        let printed = "a\u{1}7f 0 [1, 2]\u{2}\nb\n\u{1}7f 2 \"\u{1}8f 1 x\"\u{2}\n\u{1}7f 3 cut off";
        let (found, other) = read(printed, "\u{1}7f ");
        let found: Vec<(usize, &str)> = found.iter().map(|(index, value)| (*index, value.as_str())).collect();
        assert_eq!(found, [(0, "[1, 2]"), (2, "\"\u{1}8f 1 x\""), (3, "cut off")]);
        assert_eq!(other, "ab\n");
    }
}
