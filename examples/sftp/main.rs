#![forbid(unsafe_code)]
mod arguments;
mod command;
mod complete;
mod line;
mod listing;
fn main() {}
