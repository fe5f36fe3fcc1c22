//! A notebook, as the crate of a workflow.
//!
//! [`port`] takes a notebook's text and gives the files of a crate whose functions are the notebook's cells, byte for byte but for their
//! magics, and a [`PortReport`] in which every cell says what became of it. What stands in the way is found all at once.
//!
//! # Where to look
//! - [`analysis`] says what a cell defines, binds and uses, and computes the fingerprint of a step. The kernel, the port and a generated
//!   crate agree by it. It is all there is without the feature `notebook`, together with [`mod@lower`].
//! - `notebook` reads the file; `plan` decides what becomes of each cell; [`lower()`] makes the body of a step's function;
//!   `generate` writes the files.
//! - [`diagnostics`] shows what the compiler says of a generated crate at the cell and line of the notebook.
//!
//! The crate is pure: no I/O, no clock, no randomness. The same notebook gives the same bytes.

pub mod analysis;
pub mod lower;
pub mod text;

#[cfg(feature = "notebook")]
mod dependencies;
#[cfg(feature = "notebook")]
pub mod diagnostics;
#[cfg(feature = "notebook")]
mod generate;
#[cfg(feature = "notebook")]
mod items;
#[cfg(feature = "notebook")]
mod magics;
#[cfg(feature = "notebook")]
mod markdown;
#[cfg(feature = "notebook")]
mod names;
#[cfg(feature = "notebook")]
pub mod notebook;
pub mod places;
#[cfg(feature = "notebook")]
mod plain;
#[cfg(feature = "notebook")]
mod plan;
#[cfg(feature = "notebook")]
mod port;
#[cfg(feature = "notebook")]
pub mod report;
#[cfg(feature = "notebook")]
mod tokens;

#[cfg(feature = "notebook")]
pub use diagnostics::{Diagnostic, Place, Translator};
#[cfg(feature = "notebook")]
pub use generate::GeneratedCrate;
pub use lower::{StepFunction, lower};
#[cfg(feature = "notebook")]
pub use magics::is_known as knows_magic;
#[cfg(feature = "notebook")]
pub use notebook::{CellKind, CellPlace, Notebook, NotebookCell, NotebookError};
pub use places::{LINES, LinePlace, LinePlaces};
#[cfg(feature = "notebook")]
pub use port::{PortError, PortInput, Ported, port};
#[cfg(feature = "notebook")]
pub use report::{CellReport, Note, Outcome, PortReport, Refusal, StepReport};
