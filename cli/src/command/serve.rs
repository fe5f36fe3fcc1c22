use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::serve::{Options, serve};
use crate::store::StoreOption;

/// Serve notebooks as a web app, step by step
///
/// Ports each notebook, builds the app and serves it. The first build takes minutes, and shows its progress; later ones only build what has
/// changed. While the app runs the notebooks are watched: after a change that matters the app is built again and takes over, and open
/// pages say so. A notebook that cannot be ported or built leaves the app as it was, and the reason stands in the page and in the
/// terminal, at the notebook's cell and line.
///
/// Jobs are kept where the notebook keeps them: begun there, they go on in the page, and the other way round.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pipulate serve report.ipynb --open
  pipulate serve orders.ipynb invoices.ipynb --addr 127.0.0.1:9000
  pipulate serve report.ipynb --release        optimise what the steps do, too

Only this machine can reach it unless --addr says otherwise: there are no accounts yet, and who reaches it can run its steps.")]
pub(crate) struct Serve {
    /// The notebooks, each a workflow
    #[arg(required = true, value_name = "NOTEBOOK")]
    notebooks: Vec<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8765")]
    addr: String,
    /// Open the first page in a browser
    #[arg(long)]
    open: bool,
    /// Another host name under which the app is reached; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Build with optimisation: slower to build, faster steps
    #[arg(long)]
    release: bool,
}

impl Serve {
    pub(crate) fn run(self, store: &StoreOption) -> Result<()> {
        serve(
            &Options {
                notebooks: self.notebooks,
                address: self.addr,
                open: self.open,
                hosts: self.host,
                release: self.release,
            },
            store,
        )
    }
}
