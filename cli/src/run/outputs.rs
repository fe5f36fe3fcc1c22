//! What cells put out, as it is kept in the notebook.

use std::collections::BTreeMap;

use anyhow::Result;
use jupyter_protocol::messaging::{ErrorOutput, JupyterMessageContent, Stdio};
use nbformat::v4::{self, MultilineString, Output};
use serde_json::{Map, Value};

/// The outputs of a notebook's cells.
#[derive(Default)]
pub(crate) struct Outputs {
    cells: BTreeMap<usize, Cell>,
}

#[derive(Default)]
struct Cell {
    outputs: Vec<Shown>,
    /// The next output takes the place of those there are.
    clear: bool,
}

struct Shown {
    output: Output,
    /// Under this name a later message replaces it.
    display_id: Option<String>,
}

impl Outputs {
    /// Takes up what a message says about the outputs of the cell at `index`. Messages about other things are ignored.
    pub(crate) fn take(&mut self, index: usize, content: JupyterMessageContent) {
        // What is shown again under a name is the same display: it changes wherever it is, as other clients have it.
        match &content {
            JupyterMessageContent::DisplayData(display) => {
                self.update(
                    display
                        .transient
                        .as_ref()
                        .and_then(|transient| transient.display_id.as_deref()),
                    &display.data,
                    &display.metadata,
                );
            }
            JupyterMessageContent::ExecuteResult(result) => {
                self.update(
                    result
                        .transient
                        .as_ref()
                        .and_then(|transient| transient.display_id.as_deref()),
                    &result.data,
                    &result.metadata,
                );
            }
            JupyterMessageContent::UpdateDisplayData(update) => {
                self.update(update.transient.display_id.as_deref(), &update.data, &update.metadata);
            }
            _ => {}
        }
        let cell = self.cells.entry(index).or_default();
        match content {
            JupyterMessageContent::StreamContent(stream) => {
                let name = match stream.name {
                    Stdio::Stdout => "stdout",
                    Stdio::Stderr => "stderr",
                };
                cell.stream(name, &stream.text);
            }
            JupyterMessageContent::DisplayData(display) => {
                let output = v4::DisplayData {
                    data: display.data,
                    metadata: display.metadata,
                };
                let display_id = display.transient.and_then(|transient| transient.display_id);
                cell.push(Output::DisplayData(output), display_id);
            }
            JupyterMessageContent::ExecuteResult(result) => {
                let output = v4::ExecuteResult {
                    execution_count: result.execution_count,
                    data: result.data,
                    metadata: result.metadata,
                };
                let display_id = result.transient.and_then(|transient| transient.display_id);
                cell.push(Output::ExecuteResult(output), display_id);
            }
            JupyterMessageContent::ErrorOutput(error) => cell.error(error),
            JupyterMessageContent::ClearOutput(clear) if clear.wait => cell.clear = true,
            JupyterMessageContent::ClearOutput(_) => *cell = Cell::default(),
            _ => {}
        }
    }

    /// Adds an error that came with a reply alone.
    pub(crate) fn add_error(&mut self, index: usize, error: ErrorOutput) {
        let cell = self.cells.entry(index).or_default();
        if !cell
            .outputs
            .iter()
            .any(|shown| matches!(shown.output, Output::Error(_)))
        {
            cell.error(error);
        }
    }

    /// The outputs of the cell at `index`, as they stand in a notebook.
    pub(crate) fn to_json(&self, index: usize) -> Result<Vec<Value>> {
        let outputs = self.cells.get(&index).map_or(&[][..], |cell| &cell.outputs);
        outputs
            .iter()
            .map(|shown| Ok(sorted(serde_json::to_value(&shown.output)?)))
            .collect()
    }

    /// A display may be shown by several cells.
    fn update(
        &mut self,
        display_id: Option<&str>,
        data: &jupyter_protocol::media::Media,
        metadata: &Map<String, Value>,
    ) {
        let Some(display_id) = display_id else { return };
        let shown = self.cells.values_mut().flat_map(|cell| &mut cell.outputs);
        for Shown { output, .. } in shown.filter(|shown| shown.display_id.as_deref() == Some(display_id)) {
            match output {
                Output::DisplayData(display) => (display.data, display.metadata) = (data.clone(), metadata.clone()),
                Output::ExecuteResult(result) => (result.data, result.metadata) = (data.clone(), metadata.clone()),
                Output::Stream { .. } | Output::Error(_) => {}
            }
        }
    }
}

impl Cell {
    fn push(&mut self, output: Output, display_id: Option<String>) {
        if std::mem::take(&mut self.clear) {
            self.outputs.clear();
        }
        self.outputs.push(Shown { output, display_id });
    }

    fn stream(&mut self, name: &str, text: &str) {
        if !self.clear
            && let Some(Shown {
                output:
                    Output::Stream {
                        name: last,
                        text: so_far,
                    },
                ..
            }) = self.outputs.last_mut()
            && last == name
        {
            so_far.0.push_str(text);
            return;
        }
        self.push(
            Output::Stream {
                name: name.to_owned(),
                text: MultilineString(text.to_owned()),
            },
            None,
        );
    }

    fn error(&mut self, error: ErrorOutput) {
        let ErrorOutput {
            ename,
            evalue,
            traceback,
        } = error;
        self.push(
            Output::Error(v4::ErrorOutput {
                ename,
                evalue,
                traceback,
            }),
            None,
        );
    }
}

/// Keys in alphabetical order, as Jupyter writes them; those of a bundle come from a hash map. What is inside the bundle is the user's.
fn sorted(output: Value) -> Value {
    let Value::Object(fields) = output else { return output };
    let fields: BTreeMap<String, Value> = fields
        .into_iter()
        .map(|(name, value)| match value {
            Value::Object(bundle) if name == "data" => (
                name,
                bundle.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect(),
            ),
            other => (name, other),
        })
        .collect();
    fields.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outputs(messages: &[(usize, &str, Value)]) -> Outputs {
        let mut outputs = Outputs::default();
        for (index, kind, content) in messages {
            outputs.take(
                *index,
                JupyterMessageContent::from_type_and_content(kind, content.clone()).unwrap(),
            );
        }
        outputs
    }

    fn check(messages: &[(usize, &str, Value)], index: usize, expected: &Value) {
        assert_eq!(Value::from(outputs(messages).to_json(index).unwrap()), *expected);
    }

    fn stdout(text: &str) -> (usize, &'static str, Value) {
        (0, "stream", json!({ "name": "stdout", "text": text }))
    }

    #[test]
    fn streams_are_joined_until_the_other_one_speaks() {
        let stderr = (0, "stream", json!({ "name": "stderr", "text": "!\n" }));
        check(
            &[stdout("a"), stdout("b\nc"), stderr, stdout("d")],
            0,
            &json!([
                { "name": "stdout", "output_type": "stream", "text": ["ab\n", "c"] },
                { "name": "stderr", "output_type": "stream", "text": ["!\n"] },
                { "name": "stdout", "output_type": "stream", "text": ["d"] },
            ]),
        );
    }

    #[test]
    fn a_result_keeps_its_bundle() {
        let data = json!({ "text/plain": "1\n2", "application/json": { "b": 1, "a": [2] }, "image/png": "aGk=" });
        let result = json!({ "execution_count": 3, "data": data, "metadata": { "k": 1 }, "transient": {} });
        let expected = json!([{
            "data": { "application/json": { "b": 1, "a": [2] }, "image/png": "aGk=", "text/plain": ["1\n", "2"] },
            "execution_count": 3, "metadata": { "k": 1 }, "output_type": "execute_result",
        }]);
        let outputs = outputs(&[(0, "execute_result", result)]).to_json(0).unwrap();
        assert_eq!(Value::from(outputs.clone()), expected);
        // Jupyter's order of keys, each time.
        assert_eq!(serde_json::to_string(&outputs).unwrap(), expected.to_string());
    }

    #[test]
    fn clearing_waits_for_the_next_output_if_asked() {
        let clear = |wait: bool| (0, "clear_output", json!({ "wait": wait }));
        let stream = |text: &str| json!([{ "name": "stdout", "output_type": "stream", "text": [text] }]);
        check(&[stdout("1"), clear(false)], 0, &json!([]));
        check(&[stdout("1"), clear(true)], 0, &stream("1"));
        check(&[stdout("1"), clear(true), stdout("2"), stdout("3")], 0, &stream("23"));
    }

    #[test]
    fn a_display_is_updated_wherever_it_is_shown() {
        let content = |text: &str, id: &str| json!({ "data": { "text/plain": text }, "metadata": {}, "transient": { "display_id": id } });
        let messages = [
            (0, "display_data", content("10 %", "bar")),
            (0, "display_data", content("other", "foo")),
            (1, "update_display_data", content("100 %", "bar")),
        ];
        let shown =
            |text: &str| json!({ "data": { "text/plain": [text] }, "metadata": {}, "output_type": "display_data" });
        check(&messages, 0, &json!([shown("100 %"), shown("other")]));
        check(&messages, 1, &json!([]));
        let again = [
            (0, "display_data", content("10 %", "bar")),
            (1, "display_data", content("20 %", "bar")),
        ];
        check(&again, 0, &json!([shown("20 %")]));
        check(&again, 1, &json!([shown("20 %")]));
    }

    #[test]
    fn an_error_is_kept_once() {
        let error = json!({ "ename": "Panic", "evalue": "boom", "traceback": ["a", "b"] });
        let mut outputs = outputs(&[(0, "error", error)]);
        outputs.add_error(
            0,
            ErrorOutput {
                ename: "again".into(),
                evalue: String::new(),
                traceback: Vec::new(),
            },
        );
        assert_eq!(outputs.to_json(0).unwrap().len(), 1);
    }
}
