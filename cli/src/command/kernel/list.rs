use std::io::Write;

use anyhow::Result;
use clap::Args;

use crate::jupyter::{Installed, Jupyter, prefix_of};
use crate::table::Table;

/// Show where the kernel is installed
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate kernel list")]
pub(crate) struct List {}

impl List {
    #[expect(clippy::unused_self, reason = "each command is run in the same way")]
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        let jupyter = Jupyter::of_process();
        let lab = jupyter.lab();
        let mut table = Table::new(["NAME", "SHOWN AS", "KERNEL", "FOLDER"]);
        let installed = Installed::find(&jupyter.data_folders(lab.as_deref().and_then(prefix_of)));
        if installed.is_empty() {
            writeln!(
                out,
                "The kernel is not installed. `pipulate kernel install` installs it."
            )?;
            return Ok(());
        }
        for spec in installed {
            let kernel = spec.kernel.display();
            let kernel = if spec.kernel.is_file() {
                kernel.to_string()
            } else {
                format!("{kernel} (missing)")
            };
            table.row([spec.name, spec.display_name, kernel, spec.folder.display().to_string()]);
        }
        Ok(table.write(out)?)
    }
}
