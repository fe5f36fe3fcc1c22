//! `history_request`: cells that were run, also by earlier kernels.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::history::{HistoryEntry, HistoryQuery};
use crate::kernel::Kernel;

/// Read leniently: clients leave out what has an obvious meaning, and a history is no reason for an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryRequest {
    /// Entries are then `(session, line, (input, output))`. Outputs are not kept: they are null.
    output: bool,
    hist_access_type: String,
    session: Option<i64>,
    start: Option<i64>,
    stop: Option<i64>,
    n: Option<i64>,
    pattern: Option<String>,
    unique: Option<bool>,
}

/// How many cells a tail has when the client does not say.
const TAIL: usize = 10;

impl HistoryRequest {
    fn query(self) -> HistoryQuery {
        let n = self.n.map(|n| usize::try_from(n).unwrap_or(0));
        match self.hist_access_type.as_str() {
            "range" => HistoryQuery::Range {
                session: self.session.unwrap_or(0),
                start: self.start.unwrap_or(1),
                stop: self.stop,
            },
            "search" => HistoryQuery::Search {
                pattern: self.pattern.unwrap_or_else(|| "*".to_owned()),
                n,
                unique: self.unique.unwrap_or(false),
            },
            _ => HistoryQuery::Tail { n: n.unwrap_or(TAIL) },
        }
    }
}

pub(super) fn handle(kernel: &Kernel, request: HistoryRequest) -> Value {
    let output = request.output;
    let entry = |HistoryEntry { session, line, source }| {
        if output {
            json!([session, line, [source, null]])
        } else {
            json!([session, line, source])
        }
    };
    let history: Vec<Value> = kernel.history.query(request.query()).into_iter().map(entry).collect();
    json!({ "status": "ok", "history": history })
}
