//! Puts a kernel's notebook together: its private folder, the socket, the engine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::cell_library;
use crate::cell_socket::CellSocket;
use crate::engine::evcxr::{EvcxrEngine, Options};
use crate::engine::handle::EngineHandle;
use crate::engine::Engine;
use crate::session::Session;
use crate::state::{NotebookState, Settings};

/// The folders of kernels begin with this, and the number of their process follows.
const FOLDER: &str = "pipulate-kernel-";
/// The optimisation level of cells: they are compiled often and run once.
const OPTIMISATION: &str = "0";

/// A notebook whose cells run, and the private folder that it lives in. The folder goes when this is dropped.
pub struct Running {
    /// What the protocol side calls.
    pub session: Arc<Session>,
    _folder: TempDir,
}

/// Starts a notebook. Its engine starts in the background; all that needs no Rust works at once.
///
/// `worker` is the program that is run around user code: the kernel's own binary, but for tests. `data` is the folder of the
/// user's that keeps the cell library; see [`data_folder`].
pub fn notebook(settings: Settings, worker: PathBuf, data: &Path) -> io::Result<Running> {
    let folder = tempfile::Builder::new().prefix(&format!("{FOLDER}{}-", std::process::id())).tempdir()?;
    std::thread::spawn(remove_abandoned_folders);
    let library = cell_library::unpack(data)?;
    let cell_library = cell_library::dependency(&library);
    let socket = CellSocket::bind(folder.path())?;
    let options = Options {
        worker,
        folder: folder.path().to_owned(),
        optimisation: OPTIMISATION.to_owned(),
        cell_library: cell_library.clone(),
        cache: data.join("dependencies"),
    };
    let engine = {
        let socket = Arc::clone(&socket);
        EngineHandle::spawn(move || {
            EvcxrEngine::start(&options, Arc::clone(&socket)).map(|engine| Box::new(engine) as Box<dyn Engine>)
        })
    };
    let session = Arc::new(Session::new(NotebookState::new(settings), engine, socket, cell_library));
    Ok(Running { session, _folder: folder })
}

/// Where this user's data of ours is kept.
pub fn data_folder() -> PathBuf {
    dirs::data_dir().unwrap_or_else(std::env::temp_dir).join("pipulate")
}

/// A kernel that was killed leaves its folder behind, with what was compiled in it.
fn remove_abandoned_folders() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(|name| name.strip_prefix(FOLDER)) else { continue };
        let process = process.split('-').next().and_then(|process| process.parse().ok());
        let Some(process) = process.and_then(rustix::process::Pid::from_raw) else { continue };
        if rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH) {
            // A folder of another user's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
