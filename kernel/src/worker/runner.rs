//! The process that loads and runs cells.
//!
//! It holds every variable of the notebook, in the store that evcxr's generated code keeps behind one pointer. It links
//! the standard library statically, while the cells share one that is loaded with them: so output that cells have
//! buffered is flushed, and panics are seen, by functions that the engine's prelude puts into each cell
//! (`pipulate_cell_begin`, `pipulate_cell_end`; see `engine::evcxr::prelude`).

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use super::control::{self, Kind};

/// How code in cells reports a panic or a failed `?`.
type Report = extern "C" fn(u8, *const u8, usize);

/// Reports come from wherever user code panics, so the socket is reached without passing it along.
static CONTROL: OnceLock<UnixStream> = OnceLock::new();

pub(super) fn run() -> ! {
    match start() {
        Ok(control) => serve(control),
        Err(error) => {
            eprintln!("the process that runs cells did not start: {error}");
            std::process::exit(98);
        }
    }
}

/// The control socket is standard input; user code finds an empty one in its place.
fn start() -> std::io::Result<&'static UnixStream> {
    // A runner never outlives its supervisor, however that ends. The supervisor may have died before this line.
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getppid();
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        if rustix::process::getppid() != parent || parent.is_none() {
            std::process::exit(0);
        }
    }
    let control = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let nothing = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    // A core dump of a large session takes seconds in which nothing answers.
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Core,
        rustix::process::Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    Ok(CONTROL.get_or_init(|| control))
}

fn serve(control: &UnixStream) -> ! {
    let mut variables: *mut c_void = std::ptr::null_mut();
    let mut cells = Vec::new();
    loop {
        let Ok(Some((kind, target))) = control::read(control) else {
            std::process::exit(0)
        };
        match kind {
            Kind::Run => {}
            Kind::Directory => {
                // The kernel has been there itself just now; a folder that is gone since shows in the cell's own errors.
                let _ = std::env::set_current_dir(&target);
                continue;
            }
            Kind::Variable => {
                set_variable(&target);
                continue;
            }
            _ => std::process::exit(97),
        }
        let (function, path) = target.split_once(' ').unwrap_or((&target, ""));
        let ended = match load(path) {
            Ok(library) => {
                let ended = run_cell(&library, function, &mut variables);
                // Never unloaded: values and thread-local destructors of the notebook point into it.
                cells.push(std::mem::ManuallyDrop::new(library));
                ended
            }
            Err(error) => Err(error),
        };
        let told = match ended {
            Ok(()) => control::write(control, Kind::Done, b""),
            Err(error) => control::write(control, Kind::Failed, error.to_string().as_bytes()),
        };
        if told.is_err() {
            std::process::exit(0);
        }
    }
}

fn set_variable(assignment: &str) {
    let (name, value) = assignment.split_once('=').unwrap_or((assignment, ""));
    // SAFETY: changing the environment races with other threads that read it. This is the one thread of the runner's own,
    // between cells; a thread that a cell has left running and that reads the environment now is the risk that a call of
    // `setenv` in the cell itself would have been.
    unsafe { std::env::set_var(name, value) };
}

fn load(path: &str) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: the library is what evcxr has just compiled from the user's cell. Its initialisers are those of the
    // standard library and of the crates that the user asked for; running them is what the user asked for too.
    unsafe { libloading::Library::new(path) }
}

fn run_cell(
    library: &libloading::Library,
    function: &str,
    variables: &mut *mut c_void,
) -> Result<(), libloading::Error> {
    // SAFETY: the symbols are exported by the code that evcxr generates and by the engine's prelude, with these types.
    // The prelude's are absent until it has been evaluated once.
    unsafe {
        if let Ok(begin) = library.get::<extern "C" fn(Report)>(b"pipulate_cell_begin\0") {
            begin(report);
        }
    }
    // SAFETY: evcxr's entry point takes the pointer to its variable store, null at first, and returns it, perhaps
    // newly made. This process gives it back what the last cell returned, from the same thread each time, so values that
    // are not `Send` stay on theirs. The cell catches its own panics, so nothing unwinds into here.
    unsafe {
        let run = library.get::<extern "C" fn(*mut c_void) -> *mut c_void>(function.as_bytes())?;
        *variables = run(*variables);
    }
    // SAFETY: as for `pipulate_cell_begin`.
    unsafe {
        if let Ok(end) = library.get::<extern "C" fn()>(b"pipulate_cell_end\0") {
            end();
        }
    }
    Ok(())
}

extern "C" fn report(kind: u8, text: *const u8, length: usize) {
    // SAFETY: the prelude passes the parts of a `&str` that is alive during the call.
    let text = unsafe { std::slice::from_raw_parts(text, length) };
    let kind = if kind == Kind::Panic as u8 {
        Kind::Panic
    } else {
        Kind::QuestionMark
    };
    if let Some(control) = CONTROL.get() {
        // A supervisor that is gone takes this process with it.
        let _ = control::write(control, kind, text);
    }
}
