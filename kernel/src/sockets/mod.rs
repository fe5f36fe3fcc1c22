//! One thread a socket, and the one that runs cells.
//!
//! [`router`] serves shell and control, [`stdin`] asks the user, [`iopub`] broadcasts, [`heartbeat`] echoes. Each owns its
//! socket; [`executor`] and [`assistant`] own none and send through the others' mailboxes.

pub(crate) mod assistant;
pub(crate) mod executor;
pub(crate) mod heartbeat;
pub(crate) mod iopub;
pub(crate) mod router;
pub(crate) mod stdin;
