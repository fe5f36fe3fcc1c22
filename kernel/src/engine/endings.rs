//! Evaluations that came to no end of their own, as the notebook is told.

use crate::cell_socket::Ended;
use crate::outputs::CellError;
use crate::worker::wire::Death;

/// The process that runs cells is gone, and evcxr says so in `message`.
pub(super) fn died_error(ended: Option<Ended>, message: &str) -> CellError {
    let (death, no_checkpoint) = if let Some(Ended::Died { death, no_checkpoint }) = ended {
        (death, no_checkpoint)
    } else {
        // Its supervisor went without a word.
        let how = message.lines().last().unwrap_or_default().trim();
        let how = format!("the process that runs cells is gone ({how})");
        let name = "ProcessDied".to_owned();
        (Death { name, how }, None)
    };
    let error = CellError::new(death.name, death.how).with_help(
        "Variables are lost with the process that held them. Functions and types, dependencies and every step in the \
         pipeline are kept.",
    );
    match no_checkpoint {
        Some(why) => error.with_help(format!("There was no checkpoint to go back to: {why}.")),
        None => error,
    }
}

pub(super) fn went_back_error(death: Death) -> CellError {
    CellError::new(death.name, death.how).with_help(
        "Every variable is as it was before this cell. Files, databases, sockets and child processes are not.",
    )
}

pub(super) fn cancelled_error() -> CellError {
    CellError::new("Interrupted", "the cell was stopped before it ran").with_help("Every variable is as it was.")
}
