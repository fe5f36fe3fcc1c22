use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::failure::Failure;
use crate::jupyter::{Jupyter, shared};

/// For whom a kernel is installed.
#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct Target {
    /// For this user, in every environment
    #[arg(long)]
    user: bool,
    /// For the active virtual environment (the default where one is active)
    #[arg(long)]
    sys_prefix: bool,
    /// Below PREFIX/share/jupyter
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<PathBuf>,
}

impl Target {
    /// The data folder of Jupyter that is meant.
    pub(crate) fn data_folder(&self, jupyter: &Jupyter) -> Result<PathBuf> {
        if let Some(prefix) = &self.prefix {
            return Ok(shared(&std::path::absolute(prefix)?));
        }
        let environment = match jupyter.environment() {
            Some(environment) if !self.user => Some(shared(environment.checked()?)),
            _ => None,
        };
        let user = jupyter.user().map(Path::to_owned);
        let (folder, lack) = if self.sys_prefix {
            (environment, "no virtual environment is active")
        } else {
            let folder = if self.user { user } else { environment.or(user) };
            (
                folder,
                "the environment names no home folder, where Jupyter looks for kernels",
            )
        };
        folder.ok_or_else(|| Failure::new(lack).help("--prefix DIR names a folder.").into())
    }
}
