//! SIGINT and SIGTERM. A terminal sends SIGINT to every process that it started: the kernel takes it for an interrupt.

#[cfg(unix)]
pub(crate) use unix::Listener;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::Arc;
    use std::thread;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::iterator::{Handle, Signals};

    use crate::kernel::Kernel;

    /// Listens until it is dropped.
    pub(crate) struct Listener {
        handle: Handle,
    }

    impl Listener {
        pub(crate) fn start(kernel: Arc<Kernel>) -> io::Result<Self> {
            let mut signals = Signals::new([SIGINT, SIGTERM])?;
            let handle = signals.handle();
            thread::Builder::new().name("signals".to_owned()).spawn(move || {
                for signal in signals.forever() {
                    tracing::info!(signal, "signal");
                    match signal {
                        SIGINT => kernel.interrupt(),
                        _ => kernel.begin_shutdown(),
                    }
                }
            })?;
            Ok(Self { handle })
        }
    }

    impl Drop for Listener {
        fn drop(&mut self) {
            self.handle.close();
        }
    }
}

/// Where there are no signals, clients send messages.
#[cfg(not(unix))]
pub(crate) struct Listener;

#[cfg(not(unix))]
impl Listener {
    #[allow(clippy::unnecessary_wraps, reason = "the same signature as where it can fail")]
    pub(crate) fn start(_kernel: std::sync::Arc<crate::kernel::Kernel>) -> std::io::Result<Self> {
        Ok(Self)
    }
}
