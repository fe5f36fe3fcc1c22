//! Puts a kernel's notebook together: its private folder, the socket, the engine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::build_root::BuildRoot;
use crate::cell_library;
use crate::cell_socket::CellSocket;
use crate::engine::Engine;
use crate::engine::evcxr::{EvcxrEngine, Options};
use crate::engine::handle::EngineHandle;
use crate::guard::Guard;
use crate::session::Session;
use crate::state::{NotebookState, Settings};

/// The optimisation level of cells: they are compiled often and run once.
const OPTIMISATION: &str = "0";

/// A notebook whose cells run, and the private folder that it lives in. The folder goes when this is dropped.
pub struct Running {
    /// What the protocol side calls.
    pub session: Arc<Session>,
    _folder: TempDir,
    _root: Arc<BuildRoot>,
    // Goes last: until then, it ends what this process cannot.
    _guard: Option<Guard>,
}

/// Starts a notebook. Its engine starts in the background; all that needs no Rust works at once.
///
/// `worker` is the program that is run around user code: the kernel's own binary, but for tests. `data` is the folder of the
/// user's that keeps the cell library; see [`data_folder`].
pub fn notebook(settings: Settings, worker: PathBuf, data: &Path) -> io::Result<Running> {
    let root = BuildRoot::acquire()?;
    let guard = guard(&worker, &root);
    let folder = root.notebook_folder()?;
    let socket = CellSocket::bind(folder.path())?;
    let library = cell_library::unpack(data).or_else(|error| {
        tracing::warn!(%error, folder = %data.display(), "cannot write to the data folder: nothing that is compiled will be kept");
        cell_library::unpack(folder.path())
    })?;
    let options = options(&root, worker, &library, data);
    let cell_library = options.cell_library.clone();
    let engine = {
        let socket = Arc::clone(&socket);
        EngineHandle::spawn(move || {
            EvcxrEngine::start(&options, Arc::clone(&socket)).map(|engine| Box::new(engine) as Box<dyn Engine>)
        })
    };
    let session = Arc::new(Session::new(
        NotebookState::new(settings),
        engine,
        &socket,
        cell_library,
    ));
    Ok(Running {
        session,
        _folder: folder,
        _root: root,
        _guard: guard,
    })
}

/// Builds the cell library and what it needs into the cache that all kernels begin with; says how long it took.
pub fn warm_up(worker: PathBuf, data: &Path) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let root = BuildRoot::acquire()?;
    let _guard = guard(&worker, &root);
    let folder = root.notebook_folder()?;
    let socket = CellSocket::bind(folder.path())?;
    let library = cell_library::unpack(data).with_context(|| format!("cannot write to {}", data.display()))?;
    let options = options(&root, worker, &library, data);
    let mut engine =
        EvcxrEngine::start(&options, socket).map_err(|error| anyhow::anyhow!("{}: {}", error.ename, error.evalue))?;
    engine
        .build_cell_library()
        .map_err(|error| anyhow::anyhow!("{}: {}", error.ename, error.evalue))?;
    Ok(started.elapsed())
}

/// Without a guard, a kernel that is killed leaves behind what it had started; nothing else depends on it.
fn guard(program: &Path, root: &BuildRoot) -> Option<Guard> {
    Guard::start(program, root.path())
        .inspect_err(|error| tracing::warn!(%error, "the kernel has no guard"))
        .ok()
}

fn options(root: &Arc<BuildRoot>, worker: PathBuf, cell_library: &Path, data: &Path) -> Options {
    Options {
        build_root: Arc::downgrade(root),
        worker,
        optimisation: OPTIMISATION.to_owned(),
        cell_library: cell_library::dependency(cell_library),
        cache: data.join("dependencies"),
    }
}

/// Where this user's data of ours is kept.
pub fn data_folder() -> PathBuf {
    crate::place::data_folder().unwrap_or_else(|| std::env::temp_dir().join("pipulate"))
}
