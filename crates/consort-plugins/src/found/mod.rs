//! What stands in the plugin folders. Nothing here runs a plugin.
