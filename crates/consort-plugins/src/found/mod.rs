//! What stands in the plugin folders. Nothing here runs a plugin.
//!
//! [`folders()`] says where to look, [`scan()`] what is there, [`StateFile`] what the user allows, and [`Cache`] what
//! was learnt when a plugin last ran.

mod block;
mod cache;
mod classes;
mod command;
mod fields;
mod file;
mod fingerprint;
mod folders;
mod grants;
mod look;
mod manifest;
mod name;
mod python;
mod python_file;
mod row;
mod scan;
mod script;
mod sidecar;
mod sniff;
mod state;
mod trust;
mod variables;

pub use cache::Cache;
pub(crate) use fingerprint::place_mark;
pub use folders::{Folder, Origin, PROJECT_DIR, folders};
pub use manifest::{Dialect, Limits, Manifest};
pub use row::{Found, Kind};
pub use scan::{Scan, scan};
pub use state::{Allowed, StateFile};
