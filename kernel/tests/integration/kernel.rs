//! A kernel in this process, on sockets of its own.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pipulate_kernel::connection::Connection;
use pipulate_kernel::notebook::Notebook;
use pipulate_kernel::{ServeError, ServeOptions, serve};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::frontend::{Client, PATIENCE};
use crate::scripted::Scripted;

pub(crate) struct Kernel {
    connection: Value,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
    /// Holds the sockets of the ipc transport.
    _folder: TempDir,
}

impl Kernel {
    /// A kernel on Unix sockets: unlike ports, their names are nobody else's.
    pub(crate) fn start() -> Self {
        Self::start_with(Arc::new(Scripted::new()), ServeOptions::default())
    }

    pub(crate) fn start_with(notebook: Arc<dyn Notebook>, options: ServeOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::serve(ipc_connection(&folder), folder, notebook, options)
    }

    /// A kernel on ports of the loopback interface.
    pub(crate) fn start_tcp() -> Self {
        // Another process may take a port between choosing and binding it: then choose again.
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let mut kernel = Self::serve(
                tcp_connection(),
                folder,
                Arc::new(Scripted::new()),
                ServeOptions::default(),
            );
            let port = u16::try_from(kernel.connection["shell_port"].as_u64().unwrap()).unwrap();
            while !kernel.thread.as_ref().unwrap().is_finished() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return kernel;
                }
                thread::yield_now();
            }
            kernel.thread = None;
        }
        panic!("no free ports");
    }

    fn serve(connection: Value, folder: TempDir, notebook: Arc<dyn Notebook>, options: ServeOptions) -> Self {
        let checked = Connection::check(serde_json::from_value(connection.clone()).unwrap()).unwrap();
        let thread = thread::spawn(move || serve(&checked, notebook, options));
        Self {
            connection,
            thread: Some(thread),
            _folder: folder,
        }
    }

    /// A client that has been welcomed; the first one has also seen the kernel start.
    pub(crate) fn client(&self) -> Client {
        let client = Client::connect(&self.connection);
        client.expect_welcome();
        client
    }

    /// The first client of this kernel, past `starting`.
    pub(crate) fn first_client(&self) -> Client {
        let client = self.client();
        client.expect_starting();
        client
    }

    pub(crate) fn connection(&self) -> &Value {
        &self.connection
    }

    /// Waits until the kernel has ended, well.
    pub(crate) fn expect_end(&mut self) {
        let thread = self.thread.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !thread.is_finished() {
            assert!(Instant::now() < deadline, "the kernel does not end");
            thread::sleep(Duration::from_millis(1));
        }
        thread.join().unwrap().unwrap();
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if self.thread.is_some() && !thread::panicking() {
            Client::connect(&self.connection).send_shutdown();
            self.expect_end();
        }
    }
}

pub(crate) fn ipc_connection(folder: &TempDir) -> Value {
    let path = folder.path().join("kernel");
    connection("ipc", path.to_str().unwrap(), [1, 2, 3, 4, 5])
}

fn tcp_connection() -> Value {
    // All are held until all are known, or the same one could come twice.
    let listeners = [(); 5].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    connection(
        "tcp",
        "127.0.0.1",
        listeners.map(|listener| listener.local_addr().unwrap().port()),
    )
}

fn connection(transport: &str, ip: &str, [shell, iopub, stdin, control, hb]: [u16; 5]) -> Value {
    json!({
        "transport": transport, "ip": ip, "key": "a key for tests", "signature_scheme": "hmac-sha256",
        "shell_port": shell, "iopub_port": iopub, "stdin_port": stdin, "control_port": control, "hb_port": hb,
    })
}
