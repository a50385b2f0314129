//! What a plugin refuses, as an error that says where to read on.
use super::connection::Connection;
use super::masked;
use crate::start::shell_word;
use consort_core::{Error, ErrorKind};
use consort_plugin::protocol::Failure;

/// Why a call gave nothing.
pub(super) enum Refused {
    Failed(Failure),
    Gone(Error),
}

impl Connection {
    pub(super) fn error_of(&self, refused: Refused) -> Error {
        match refused {
            Refused::Gone(error) => error,
            Refused::Failed(failure) => self.failed(&failure),
        }
    }

    /// The error of a request that the plugin refused.
    pub(super) fn failed(&self, failure: &Failure) -> Error {
        if let Some(trace) = &failure.data.traceback {
            self.log_text(trace);
        }
        let error = self.named(masked::failure(&self.log, failure.clone()).to_error());
        let name = shell_word(&self.plugin);
        if !error.hints().is_empty() {
            error
        } else if failure.data.traceback.is_some() {
            error.hint(format!("its log: consort plugins log {name}"))
        } else if error.kind() == ErrorKind::PluginBug {
            error.hint(format!("what else is wrong with it: consort plugins check {name}"))
        } else {
            error
        }
    }
}
