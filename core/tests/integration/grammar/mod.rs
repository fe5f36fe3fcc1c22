//! The grammar of a cell: snapshots of odd cells, tables of small questions, and properties of any text.

mod calls;
mod cells;
mod completeness;
mod completion;
mod invariants;
mod mentions;
mod properties;
