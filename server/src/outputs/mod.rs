//! What a step prints and displays.

mod kept;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use kept::{Kept, KeptRun};

use crate::worker::Part;

/// How much of what a step prints is kept, in bytes.
const TEXT: usize = 256 * 1024;
/// How much of what it displays is kept, in bytes of memory.
const DISPLAYS: usize = 16 * 1024 * 1024;
/// How many outputs are kept.
const COUNT: usize = 1000;

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// One output of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(crate) enum Output {
    /// Text, as it was printed.
    Text { stream: Stream, text: String },
    /// Something displayed: contents by media type.
    Display {
        data: Map<String, Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
}

/// The outputs of a step, bounded in size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outputs {
    pub(crate) list: Vec<Output>,
    /// Bytes of text that are not there.
    #[serde(default)]
    pub(crate) text_left_out: u64,
    /// Displays that are not there.
    #[serde(default)]
    pub(crate) displays_left_out: u64,
    #[serde(skip)]
    text: usize,
    /// What all displays weigh.
    #[serde(skip)]
    displayed: usize,
    #[serde(skip)]
    clear_next: bool,
    /// The last display came from a stream, and takes contents of other media types that follow.
    #[serde(skip)]
    open: bool,
}

impl Outputs {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.text_left_out == 0 && self.displays_left_out == 0
    }

    /// How much memory they take, roughly, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.text + self.displayed + self.list.len() * size_of::<Output>()
    }

    /// Adds what a stream brought.
    pub(crate) fn parts(&mut self, stream: Stream, parts: Vec<Part>) {
        for part in parts {
            match part {
                Part::Text(text) => self.print(stream, &text),
                Part::Content(media_type, content) => self.content(media_type, content),
            }
        }
    }

    fn print(&mut self, stream: Stream, text: &str) {
        self.clear_if_due();
        self.open = false;
        let room = TEXT.saturating_sub(self.text);
        let end = text.floor_char_boundary(room.min(text.len()));
        let (kept, left_out) = text.split_at(end);
        self.text_left_out += left_out.len() as u64;
        if kept.is_empty() {
            return;
        }
        self.text += kept.len();
        match self.list.last_mut() {
            Some(Output::Text { stream: last, text }) if *last == stream => text.push_str(kept),
            _ => self.list.push(Output::Text {
                stream,
                text: kept.to_owned(),
            }),
        }
    }

    fn content(&mut self, media_type: String, content: String) {
        let is_json = media_type == "application/json" || media_type.ends_with("+json");
        // What is too long as text is so as a value, and need not become one.
        let value = if is_json && content.len() <= DISPLAYS {
            serde_json::from_str(&content).ok()
        } else {
            None
        };
        let value = value.unwrap_or(Value::String(content));
        if self.open
            && let Some(Output::Display { data, .. }) = self.list.last_mut()
            && !data.contains_key(&media_type)
        {
            let weight = weight_of(&media_type, &value);
            if self.displayed + weight > DISPLAYS {
                self.displays_left_out += 1;
            } else {
                self.displayed += weight;
                data.insert(media_type, value);
            }
            return;
        }
        self.display(Map::from_iter([(media_type, value)]), None, false);
        self.open = true;
    }

    /// Adds a display, or replaces those with this id.
    pub(crate) fn display(&mut self, data: Map<String, Value>, id: Option<String>, update: bool) {
        let weight = weight_of_display(&data);
        if update {
            let id = id.as_ref();
            for output in &mut self.list {
                if let Output::Display { data: old, id: of } = output
                    && of.is_some()
                    && of.as_ref() == id
                {
                    let others = self.displayed - weight_of_display(old);
                    if others + weight > DISPLAYS {
                        self.displays_left_out += 1;
                    } else {
                        self.displayed = others + weight;
                        old.clone_from(&data);
                    }
                }
            }
            return;
        }
        self.clear_if_due();
        self.open = false;
        if self.displayed + weight > DISPLAYS || self.list.len() >= COUNT {
            self.displays_left_out += 1;
            return;
        }
        self.displayed += weight;
        self.list.push(Output::Display { data, id });
    }

    /// Takes all away; with `wait`, only when something comes again.
    pub(crate) fn clear(&mut self, wait: bool) {
        if wait {
            self.clear_next = true;
        } else {
            *self = Self::default();
        }
    }

    fn clear_if_due(&mut self) {
        if self.clear_next {
            *self = Self::default();
        }
    }
}

fn weight_of_display(data: &Map<String, Value>) -> usize {
    data.iter()
        .map(|(media_type, value)| weight_of(media_type, value))
        .sum()
}

/// What a value takes up in memory, roughly, with the name it has: many small ones take far more than their text.
fn weight_of(name: &str, value: &Value) -> usize {
    let within: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(|value| weight_of("", value)).sum(),
        Value::Object(values) => values.iter().map(|(name, value)| weight_of(name, value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + name.len() + within
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(outputs: &mut Outputs, text: &str) {
        outputs.parts(Stream::Stdout, vec![Part::Text(text.to_owned())]);
    }

    fn show(outputs: &mut Outputs, text: &str, id: Option<&str>, update: bool) {
        let data = Map::from_iter([("text/plain".to_owned(), text.into())]);
        outputs.display(data, id.map(str::to_owned), update);
    }

    #[test]
    fn text_is_cut_and_what_is_missing_counted() {
        let mut outputs = Outputs::default();
        for _ in 0..3 {
            print(&mut outputs, &"é".repeat(TEXT / 4));
        }
        let [Output::Text { text, .. }] = outputs.list.as_slice() else {
            panic!("{outputs:?}");
        };
        assert_eq!(text.len(), TEXT);
        assert_eq!(outputs.text_left_out, TEXT as u64 / 2);
    }

    fn weighed(outputs: &Outputs) -> usize {
        let displays = outputs.list.iter().filter_map(|output| match output {
            Output::Display { data, .. } => Some(weight_of_display(data)),
            Output::Text { .. } => None,
        });
        displays.sum()
    }

    #[test]
    fn what_is_joined_to_a_display_counts() {
        let mut outputs = Outputs::default();
        let content = |media_type: String, content: String| vec![Part::Content(media_type, content)];
        for number in 0..100 {
            let part = content(format!("text/x-{number}"), "x".repeat(DISPLAYS / 50));
            outputs.parts(Stream::Stdout, part);
        }
        assert_eq!(outputs.list.len(), 1);
        assert!((DISPLAYS * 9 / 10..=DISPLAYS).contains(&weighed(&outputs)));
        assert_eq!(outputs.displays_left_out, 51);
        // A list of zeros takes sixteen times its text.
        let mut outputs = Outputs::default();
        let zeros = format!("[{}0]", "0,".repeat(DISPLAYS / 10));
        outputs.parts(Stream::Stdout, content("application/json".to_owned(), zeros));
        assert_eq!((outputs.list.len(), outputs.displays_left_out), (0, 1));
        assert!(!outputs.is_empty(), "what is left out is told");
    }

    #[test]
    fn updates_of_many_displays_count_for_each() {
        let mut outputs = Outputs::default();
        for _ in 0..100 {
            show(&mut outputs, "small", Some("x"), false);
        }
        show(&mut outputs, &"x".repeat(DISPLAYS / 50), Some("x"), true);
        assert!(weighed(&outputs) <= DISPLAYS);
        assert_eq!(outputs.displayed, weighed(&outputs));
        assert!(outputs.displays_left_out >= 50, "{}", outputs.displays_left_out);
        show(&mut outputs, "small", Some("x"), true);
        assert_eq!(outputs.displayed, weighed(&outputs));
        assert!(outputs.weight() < DISPLAYS / 50);
    }

    #[test]
    fn displays_are_replaced_cleared_and_joined() {
        let mut outputs = Outputs::default();
        show(&mut outputs, "a", Some("x"), false);
        show(&mut outputs, "b", Some("x"), true);
        show(&mut outputs, "c", Some("other"), true);
        assert_eq!(outputs.list.len(), 1);
        assert!(format!("{outputs:?}").contains("\"b\""));

        outputs.clear(true);
        assert_eq!(outputs.list.len(), 1);
        let html = Part::Content("text/html".to_owned(), "<b>".to_owned());
        let text = Part::Content("text/plain".to_owned(), "b".to_owned());
        outputs.parts(Stream::Stdout, vec![html.clone(), text, html]);
        assert_eq!(outputs.list.len(), 2, "{outputs:?}");
    }
}
