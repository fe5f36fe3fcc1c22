//! Steps run in processes of the app's own program, so that one that panics, exits or is killed takes nothing with it.
//!
//! A worker is started ahead. It takes orders over one connection to a socket of its own, and what its code asks comes over others, in
//! the words of code in a notebook's cell ([`pipulate::runtime::protocol`]). It never holds the store.

mod child;
mod folder;
mod pool;
mod process;
mod protocol;
mod scanner;
mod services;

pub(crate) use child::secret_variable;
pub use child::{secret, worker_hook};
pub(crate) use pool::Pool;
pub use pool::WorkerCommand;
pub(crate) use process::{Worker, kill};
pub(crate) use protocol::{Ended, Task};
pub(crate) use scanner::Part;
pub(crate) use services::Running;
