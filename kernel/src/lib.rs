//! The Jupyter kernel of Pipulate, as a library so that tests can drive it over real sockets.

pub mod build_root;
pub mod cell_library;
mod cell_outputs;
pub mod cell_socket;
pub mod comms;
pub mod compiler_output;
pub mod connection;
pub mod engine;
pub mod guard;
mod handlers;
pub mod history;
mod kernel;
pub mod lower;
pub mod magic;
pub mod message;
pub mod notebook;
pub mod outputs;
pub mod place;
pub mod processes;
pub mod render;
mod request;
mod rust_version;
mod serve;
pub mod session;
pub mod shell;
mod signals;
mod sockets;
pub mod source_map;
pub mod standard_library;
pub mod start;
pub mod state;
mod text;
mod transport;
pub mod wire;
pub mod worker;

pub use serve::{ServeError, ServeOptions, Sockets, serve};
