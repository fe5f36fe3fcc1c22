//! A workflow by hand.
fn main() {}
