//! [`Outputs`] over the sockets: what one running cell sends to the clients.

use std::sync::atomic::{AtomicBool, Ordering};

use jupyter_protocol::messaging::{ClearOutput, InputRequest};
use serde_json::{Map, Value, json};

use crate::kernel::Kernel;
use crate::message::{Parent, Received};
use crate::outputs::{InputError, MimeBundle, Outputs, Stream};
use crate::sockets::iopub::Iopub;
use crate::sockets::stdin::Stdin;

pub(crate) struct CellOutputs {
    iopub: Iopub,
    stdin: Stdin,
    parent: Parent,
    identities: Vec<Vec<u8>>,
    execution_count: u32,
    silent: bool,
    allow_stdin: bool,
    /// The cell is over. What a thread that it left behind still prints belongs to it and is shown there; a result
    /// and a question no longer make sense.
    finished: AtomicBool,
    interrupted: AtomicBool,
}

impl CellOutputs {
    pub(crate) fn new(
        kernel: &Kernel,
        message: &Received,
        execution_count: u32,
        silent: bool,
        allow_stdin: bool,
    ) -> Self {
        Self {
            iopub: kernel.iopub.clone(),
            stdin: kernel.stdin.clone(),
            parent: message.as_parent.clone(),
            identities: message.identities.clone(),
            execution_count,
            silent,
            allow_stdin,
            finished: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
        }
    }

    pub(crate) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }

    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Release);
    }

    fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    fn send(&self, msg_type: &'static str, content: &Value) {
        if !self.silent {
            self.iopub.send(&self.parent, msg_type, content);
        }
    }
}

impl Outputs for CellOutputs {
    fn stream(&self, stream: Stream, text: &str) {
        if !self.silent {
            self.iopub.stream(&self.parent, stream, text);
        }
    }

    fn display(&self, data: MimeBundle, metadata: Map<String, Value>, display_id: Option<&str>) {
        let transient = display_id.map_or_else(|| json!({}), |id| json!({ "display_id": id }));
        self.send(
            "display_data",
            &json!({ "data": data, "metadata": metadata, "transient": transient }),
        );
    }

    fn update_display(&self, data: MimeBundle, metadata: Map<String, Value>, display_id: &str) {
        let transient = json!({ "display_id": display_id });
        self.send(
            "update_display_data",
            &json!({ "data": data, "metadata": metadata, "transient": transient }),
        );
    }

    fn clear_output(&self, wait: bool) {
        if !self.silent {
            self.iopub.send(&self.parent, "clear_output", &ClearOutput { wait });
        }
    }

    fn execute_result(&self, data: MimeBundle, metadata: Map<String, Value>) {
        if self.is_finished() {
            return tracing::warn!("dropped a result that came after its cell had ended");
        }
        let count = self.execution_count;
        self.send(
            "execute_result",
            &json!({ "execution_count": count, "data": data, "metadata": metadata, "transient": {} }),
        );
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        if !self.allow_stdin {
            return Err(InputError::NotAllowed);
        }
        if self.is_finished() || self.is_interrupted() {
            return Err(InputError::Interrupted);
        }
        // What was printed before the question is shown before it.
        self.iopub.flush();
        let request = InputRequest {
            prompt: prompt.to_owned(),
            password,
        };
        self.stdin.ask(self.identities.clone(), self.parent.clone(), request)
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }
}
