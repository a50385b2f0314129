//! Plugins: files that become models.
//!
//! [`found`] says what stands in the plugin folders, without running any of it. Everything else runs plugins in
//! processes of their own and makes providers of them.
//!
//! This crate must never know: HTTP servers, the terminal, a vendor.
pub mod found;
pub mod process;
pub mod python;
