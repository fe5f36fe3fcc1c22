//! The pages.

mod chain;
mod history;
mod landing;
mod notice;

pub(super) use chain::{Shown, chain, chain_response, file};
pub(super) use history::history;
pub(super) use landing::{Search, landing, workflow};
pub(super) use notice::Notice;
