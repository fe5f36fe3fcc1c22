//! `pipulate job`: everything a job can go through, from a terminal.

mod delete;
mod export;
mod finalize;
mod fork;
mod get;
mod history;
mod list;
mod prune;
mod remove;
mod revert;
mod set;
mod show;
mod undelete;
mod undo;
mod unfinalize;
mod view;

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;

use crate::store::StoreOption;

/// Look at jobs and change them
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  pipulate job list
  pipulate job show hello-01
  pipulate job set hello-01 name '\"Ada\"'
  pipulate job get hello-01 name
  pipulate job undo hello-01")]
pub(crate) enum JobCommand {
    List(list::List),
    Show(show::Show),
    Get(get::Get),
    Set(set::Set),
    Remove(remove::Remove),
    History(history::History),
    Revert(revert::Revert),
    Undo(undo::Undo),
    Fork(fork::Fork),
    Finalize(finalize::Finalize),
    Unfinalize(unfinalize::Unfinalize),
    Delete(delete::Delete),
    Undelete(undelete::Undelete),
    Prune(prune::Prune),
    Export(export::Export),
}

impl JobCommand {
    pub(crate) fn run(self, store: &StoreOption, out: &mut dyn Write) -> Result<()> {
        match self {
            Self::List(list) => list.run(store, out),
            Self::Show(show) => show.run(store, out),
            Self::Get(get) => get.run(store, out),
            Self::Set(set) => set.run(store, out),
            Self::Remove(remove) => remove.run(store, out),
            Self::History(history) => history.run(store, out),
            Self::Revert(revert) => revert.run(store, out),
            Self::Undo(undo) => undo.run(store, out),
            Self::Fork(fork) => fork.run(store, out),
            Self::Finalize(finalize) => finalize.run(store, out),
            Self::Unfinalize(unfinalize) => unfinalize.run(store, out),
            Self::Delete(delete) => delete.run(store, out),
            Self::Undelete(undelete) => undelete.run(store, out),
            Self::Prune(prune) => prune.run(store, out),
            Self::Export(export) => export.run(store, out),
        }
    }
}
