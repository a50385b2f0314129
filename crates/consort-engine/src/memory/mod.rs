//! Memory: its backends, and what is done with what it remembers.
mod history;
mod none;
mod recall;
mod store;
mod tools;

pub use history::History;
pub use none::NoMemory;
pub use recall::Recall;
pub use store::StoreMemory;
pub use tools::memory_tools;
