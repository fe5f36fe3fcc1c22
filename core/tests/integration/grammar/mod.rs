//! The grammar of a cell: snapshots of odd cells, tables of small questions, and properties of any text.

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod calls;
mod cells;
mod completeness;
mod completion;
mod impls;
mod invariants;
mod items;
mod late_options;
mod mentions;
mod properties;
