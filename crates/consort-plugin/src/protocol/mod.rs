//! The messages of the plugin protocol.
