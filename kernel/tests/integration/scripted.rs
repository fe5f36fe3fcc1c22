//! A notebook whose cells are commands of the fake engine.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipulate_kernel::engine::fake::FakeEngine;
use pipulate_kernel::engine::handle::EngineHandle;
use pipulate_kernel::engine::{Completions, Engine};
use pipulate_kernel::notebook::{CellRequest, Completeness, Notebook};
use pipulate_kernel::outputs::{CellError, MimeBundle, Outputs, Stream};
use pipulate_kernel::source_map::SourceMap;
use serde_json::{Map, Value};

pub(crate) struct Scripted {
    engine: EngineHandle,
    /// Dropped to let an engine start that waits for it.
    gate: Mutex<Option<Sender<()>>>,
    /// The outputs of a cell that has ended, as a thread that it left behind has them.
    kept: Mutex<Option<Arc<dyn Outputs>>>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            engine: EngineHandle::spawn(|| Ok(Box::new(FakeEngine::new()) as Box<dyn Engine>)),
            gate: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    /// Its engine does not start until the notebook is shut down.
    pub(crate) fn starting() -> Self {
        let (gate, opened) = mpsc::channel::<()>();
        let engine = EngineHandle::spawn(move || {
            // Ends with an error when the other side is dropped.
            let _ = opened.recv();
            Err(CellError::new("EngineFailed", "this one never starts"))
        });
        Self {
            engine,
            gate: Mutex::new(Some(gate)),
            kept: Mutex::default(),
        }
    }
}

impl Notebook for Scripted {
    fn run(&self, request: &CellRequest, outputs: Arc<dyn Outputs>) -> Result<(), CellError> {
        // What the notebook side itself gets wrong, as opposed to the engine.
        assert!(request.code != "bug", "a bug in the notebook");
        if request.code == "about" {
            let about = format!("{} {:?} {}", request.execution_count, request.cell_id, request.silent);
            return Err(CellError::new("About", about));
        }
        if request.code == "keep" {
            *self.kept.lock().unwrap() = Some(outputs);
            return Ok(());
        }
        if let ("both", Some(kept)) = (request.code.as_str(), &*self.kept.lock().unwrap()) {
            outputs.stream(Stream::Stdout, "new ");
            kept.stream(Stream::Stdout, "old");
            outputs.stream(Stream::Stdout, "again");
            kept.execute_result(MimeBundle::new(), Map::new());
            return kept
                .input("", false)
                .map(drop)
                .map_err(|error| CellError::new("Input", format!("{error:?}")));
        }
        let value = self
            .engine
            .evaluate(SourceMap::identity(&request.code), Arc::clone(&outputs))?;
        if let Some(value) = value {
            outputs.execute_result(value, Map::new());
        }
        Ok(())
    }

    fn user_expression(&self, expression: &str) -> Result<MimeBundle, CellError> {
        match expression {
            "fails" => Err(CellError::new("Panic", "no such thing")),
            _ => Ok(MimeBundle::from_iter([(
                "text/plain".to_owned(),
                Value::from(expression),
            )])),
        }
    }

    fn complete(&self, code: &str, offset: usize) -> Completions {
        self.engine
            .try_complete(code, offset, Duration::from_secs(5))
            .unwrap_or(Completions {
                items: Vec::new(),
                start: offset,
                end: offset,
            })
    }

    fn inspect(&self, code: &str, offset: usize, detail: u8) -> Option<MimeBundle> {
        assert!(detail <= 1, "there are two levels of detail");
        self.engine.try_inspect(code, offset, Duration::from_secs(5)).flatten()
    }

    fn completeness(&self, code: &str) -> Completeness {
        match code.chars().last() {
            Some('{') => Completeness::Incomplete {
                indent: "    ".to_owned(),
            },
            Some(')') => Completeness::Invalid,
            _ => Completeness::Complete,
        }
    }

    fn interrupt(&self) {
        self.engine.interrupt();
    }

    fn shutdown(&self) {
        self.gate.lock().unwrap().take();
        self.engine.shutdown();
    }
}
