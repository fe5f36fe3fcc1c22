//! The Jupyter kernel of Pipulate, as a library so that tests can drive it over real sockets.

pub mod engine;
pub mod notebook;
pub mod outputs;
mod cell_outputs;
pub mod comms;
pub mod connection;
mod handlers;
pub mod history;
mod kernel;
pub mod message;
mod request;
mod rust_version;
mod serve;
mod signals;
mod sockets;
mod text;
mod transport;
pub mod build_root;
pub mod cell_library;
pub mod cell_socket;
pub mod lower;
pub mod magic;
pub mod place;
pub mod processes;
pub mod render;
pub mod session;
pub mod shell;
pub mod source_map;
pub mod start;
pub mod state;
pub mod worker;
pub mod wire;

pub use serve::{ServeError, ServeOptions, Sockets, serve};
