use std::io::Write;

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;

/// Write the script that lets a shell complete this command line
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate completions bash > ~/.local/share/bash-completion/completions/pipulate
  pipulate completions zsh  > \"${fpath[1]}/_pipulate\"
  pipulate completions fish > ~/.config/fish/completions/pipulate.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<()> {
        // The generator panics when it cannot write, as it cannot into `| head`.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "pipulate", &mut script);
        Ok(out.write_all(&script)?)
    }
}
