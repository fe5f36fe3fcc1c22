//! Where the kernel's sockets are: a connection file that nobody else can read.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jupyter_protocol::connection_info::{ConnectionInfo, Transport};
use tempfile::TempDir;
use uuid::Uuid;

/// The longest path of a Unix socket that every system takes.
const LONGEST_SOCKET_PATH: usize = 103;
/// What is appended to the path of the sockets: their number.
const SUFFIX: usize = "-5".len();

/// Addresses for a kernel, and the file that tells it.
pub(super) struct Addresses {
    pub(super) info: ConnectionInfo,
    pub(super) file: PathBuf,
}

impl Addresses {
    /// Chooses addresses, and writes the connection file into a folder that is private already.
    ///
    /// Unix sockets in that folder where the system has them: no other user reaches those, and no other program can take
    /// them before the kernel does. Otherwise ports of the loopback interface.
    pub(super) async fn choose(folder: &Path) -> Result<Self> {
        let socket = folder.join("s");
        let (transport, ip, ports) = match socket.to_str() {
            Some(path) if cfg!(unix) && path.len() + SUFFIX <= LONGEST_SOCKET_PATH => {
                (Transport::IPC, path.to_owned(), vec![1, 2, 3, 4, 5])
            }
            _ => {
                let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
                // Not held until the kernel has started: on a busy machine it would find them taken, by us.
                let ports = jupyter_zmq_client::peek_ports(loopback, 5)
                    .await
                    .context("there are no free ports for the kernel")?;
                (Transport::TCP, loopback.to_string(), ports)
            }
        };
        let info = ConnectionInfo {
            ip,
            transport,
            shell_port: ports[0],
            iopub_port: ports[1],
            stdin_port: ports[2],
            control_port: ports[3],
            hb_port: ports[4],
            key: format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
            signature_scheme: "hmac-sha256".to_owned(),
            kernel_name: Some("pipulate".to_owned()),
        };
        let file = folder.join("connection.json");
        write_private(&file, &serde_json::to_vec(&info)?).context("the connection file cannot be written")?;
        Ok(Self { info, file })
    }
}

/// A temporary folder that no other user can look into.
pub(super) fn private_folder() -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("pipulate-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// Who reads the key can run code as this user.
fn write_private(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(folder: &Path) -> Addresses {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(Addresses::choose(folder)).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_private_and_new_each_time() {
        use std::os::unix::fs::PermissionsExt;
        let folders = [private_folder().unwrap(), private_folder().unwrap()];
        let [first, second] = folders.each_ref().map(|folder| choose(folder.path()));
        assert_eq!(first.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            folders[0].path().metadata().unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_ne!(first.info.key, second.info.key);
        let written: ConnectionInfo = serde_json::from_slice(&fs::read(&first.file).unwrap()).unwrap();
        assert_eq!(written, first.info);
        assert_eq!(written.transport, Transport::IPC);
    }

    #[test]
    fn a_long_path_falls_back_to_loopback_ports() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("long".repeat(25));
        fs::create_dir(&long).unwrap();
        let addresses = choose(&long);
        assert_eq!(addresses.info.transport, Transport::TCP);
        assert_eq!(addresses.info.ip, "127.0.0.1");
        assert_ne!(addresses.info.shell_port, addresses.info.iopub_port);
    }
}
