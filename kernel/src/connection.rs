//! The connection file: where a client expects the kernel's sockets, and the key that signs messages.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use jupyter_protocol::connection_info::{ConnectionInfo, Transport};

/// A connection file that cannot be used, or an address that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The file cannot be read.
    #[error("cannot read the connection file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what Jupyter writes.
    #[error("{} is not a Jupyter connection file: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: serde_json::Error,
    },
    /// A field holds something that this kernel cannot use.
    #[error("the connection's `{field}` is {value:?}: {reason}")]
    Field {
        /// The field's name in the file.
        field: &'static str,
        /// What it holds.
        value: String,
        /// Why that cannot be, and what could.
        reason: &'static str,
    },
    /// A socket cannot be opened where the file says.
    #[error("cannot open the {channel} socket at {endpoint}: {reason}")]
    Bind {
        /// `shell`, `control`, `stdin`, `iopub` or `hb`.
        channel: &'static str,
        /// The address.
        endpoint: String,
        /// What libzmq said.
        reason: String,
    },
}

/// The addresses of the five sockets, checked.
#[derive(Clone, Debug)]
pub struct Connection {
    info: ConnectionInfo,
}

/// The longest path of a Unix socket that every system takes.
const LONGEST_SOCKET_PATH: usize = 103;

impl Connection {
    /// Reads and checks the file that Jupyter passes as `{connection_file}`.
    pub fn read(path: &Path) -> Result<Self, ConnectionError> {
        let text = fs::read_to_string(path).map_err(|source| ConnectionError::Read {
            path: path.into(),
            source,
        })?;
        let info = serde_json::from_str(&text).map_err(|source| ConnectionError::Format {
            path: path.into(),
            source,
        })?;
        Self::check(info)
    }

    /// Checks what a connection file said.
    pub fn check(info: ConnectionInfo) -> Result<Self, ConnectionError> {
        let field = |field, value: &str, reason| {
            Err(ConnectionError::Field {
                field,
                value: value.to_owned(),
                reason,
            })
        };
        if info.signature_scheme != "hmac-sha256" && !info.key.is_empty() {
            return field(
                "signature_scheme",
                &info.signature_scheme,
                "only `hmac-sha256` is known",
            );
        }
        if info.key.is_empty() {
            tracing::warn!("the connection has no key: anyone who reaches the ports can run code");
        }
        let connection = Self { info };
        let ports = connection.ports();
        if ports.contains(&0) {
            return field(
                "*_port",
                "0",
                "a port is needed for each of shell, control, stdin, iopub and hb",
            );
        }
        if let Some(port) = ports
            .iter()
            .enumerate()
            .find_map(|(at, port)| ports[..at].contains(port).then_some(port))
        {
            return field("*_port", &port.to_string(), "each socket needs a port of its own");
        }
        let ip = &connection.info.ip;
        match connection.info.transport {
            Transport::TCP => {
                let address = connection.address();
                match address.trim_matches(['[', ']']).parse::<IpAddr>() {
                    Ok(address) if address.is_loopback() => {}
                    Ok(address) => {
                        tracing::info!(%address, "listening beyond this machine, as the connection file says");
                    }
                    Err(_) if address == "*" => {
                        tracing::info!("listening on all addresses, as the connection file says");
                    }
                    Err(_) => return field("ip", ip, "an IP address, `localhost` or `*` is needed"),
                }
            }
            Transport::IPC => {
                if ip.is_empty() || ip.contains('\0') {
                    return field(
                        "ip",
                        ip,
                        "for the ipc transport it is the path that sockets are named after",
                    );
                }
                if ip.len() + "-65535".len() > LONGEST_SOCKET_PATH {
                    return field(
                        "ip",
                        ip,
                        "the path of a socket may have 103 bytes: use a shorter folder",
                    );
                }
            }
        }
        Ok(connection)
    }

    /// The key that signs messages; empty when they are not signed.
    pub(crate) fn key(&self) -> &str {
        &self.info.key
    }

    pub(crate) fn shell(&self) -> String {
        self.endpoint(self.info.shell_port)
    }

    pub(crate) fn control(&self) -> String {
        self.endpoint(self.info.control_port)
    }

    pub(crate) fn stdin(&self) -> String {
        self.endpoint(self.info.stdin_port)
    }

    pub(crate) fn iopub(&self) -> String {
        self.endpoint(self.info.iopub_port)
    }

    pub(crate) fn heartbeat(&self) -> String {
        self.endpoint(self.info.hb_port)
    }

    fn endpoint(&self, port: u16) -> String {
        match self.info.transport {
            Transport::TCP => format!("tcp://{}:{port}", self.address()),
            Transport::IPC => format!("ipc://{}-{port}", self.info.ip),
        }
    }

    /// The address in the form that libzmq binds to: it takes no host names, and wants brackets around IPv6.
    fn address(&self) -> String {
        match self.info.ip.as_str() {
            "" | "localhost" => "127.0.0.1".to_owned(),
            "0.0.0.0" => "*".to_owned(),
            ip if ip.contains(':') && !ip.starts_with('[') => format!("[{ip}]"),
            ip => ip.to_owned(),
        }
    }

    fn ports(&self) -> [u16; 5] {
        let info = &self.info;
        [
            info.shell_port,
            info.control_port,
            info.stdin_port,
            info.iopub_port,
            info.hb_port,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn file() -> Value {
        json!({
            "ip": "127.0.0.1", "transport": "tcp", "key": "k", "signature_scheme": "hmac-sha256", "kernel_name": "pipulate",
            "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5, "jupyter_session": "x",
        })
    }

    #[track_caller]
    fn check(change: &Value, expected: &str) {
        let mut file = file();
        file.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let shown = match Connection::check(serde_json::from_value(file).unwrap()) {
            Ok(connection) => connection.shell(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn endpoints() {
        check(&json!({}), "tcp://127.0.0.1:1");
        check(&json!({"ip": "localhost"}), "tcp://127.0.0.1:1");
        check(&json!({"ip": "0.0.0.0"}), "tcp://*:1");
        check(&json!({"ip": "::1"}), "tcp://[::1]:1");
        check(
            &json!({"transport": "ipc", "ip": "/run/user/kernel-1"}),
            "ipc:///run/user/kernel-1-1",
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        check(
            &json!({"signature_scheme": "hmac-md5"}),
            "the connection's `signature_scheme` is \"hmac-md5\": only `hmac-sha256` is known",
        );
        check(
            &json!({"ip": "example.org"}),
            "the connection's `ip` is \"example.org\": an IP address, `localhost` or `*` is needed",
        );
        check(
            &json!({"hb_port": 0}),
            "the connection's `*_port` is \"0\": a port is needed for each of shell, control, stdin, iopub and hb",
        );
        check(
            &json!({"hb_port": 4}),
            "the connection's `*_port` is \"4\": each socket needs a port of its own",
        );
        check(
            &json!({"transport": "ipc", "ip": ""}),
            "the connection's `ip` is \"\": for the ipc transport it is the path that sockets are named after",
        );
    }

    #[test]
    fn a_file_that_is_missing_or_torn_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kernel.json");
        let missing = Connection::read(&path).unwrap_err().to_string();
        assert!(
            missing.starts_with("cannot read the connection file") && missing.contains("kernel.json"),
            "{missing}"
        );
        fs::write(&path, "{\"ip\": ").unwrap();
        let torn = Connection::read(&path).unwrap_err().to_string();
        assert!(torn.contains("is not a Jupyter connection file: EOF"), "{torn}");
        fs::write(&path, file().to_string()).unwrap();
        assert_eq!(Connection::read(&path).unwrap().heartbeat(), "tcp://127.0.0.1:5");
    }
}
