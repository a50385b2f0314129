//! A plugin in the user's own terminal: its debugger, and its own commands.
use crate::plugin::Plugin;
use crate::python::Venv;
use crate::start::start_of;
use consort_core::{Error, ErrorKind};
use std::process::Command;

impl Plugin {
    /// Runs it in the foreground with its debugger.
    pub async fn debug_command(&self, prompt: &str) -> Result<Command, Error> {
        let start = start_of(&self.found, &self.home, self.learnt().as_deref()).await?;
        let mut command = start.launch.plain();
        command.arg("debug").env("LLM_RAISE_ERRORS", "1");
        let config = &start.config;
        for (flag, field) in [("--dialect", "dialect"), ("--file", "file"), ("--package", "package")] {
            if let Some(value) = config[field].as_str() {
                command.args([flag, value]);
            }
        }
        command.args(["--prompt", prompt]);
        Ok(command)
    }

    /// Runs `llm` in its own environment.
    pub async fn own_command(&self, arguments: &[String]) -> Result<Command, Error> {
        let program = Venv::of(&self.home.state, self.id()).program("llm").ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "it has no commands: it is no package of the `llm` ecosystem")
                .provider(self.id())
        })?;
        let start = start_of(&self.found, &self.home, self.learnt().as_deref()).await?;
        let mut launch = start.launch;
        launch.program = program;
        launch.arguments = arguments.iter().map(Into::into).collect();
        let mut command = launch.plain();
        command
            .env("LLM_USER_PATH", self.folder.join("llm"))
            .env("LLM_LOAD_PLUGINS", self.package().unwrap_or_default());
        Ok(command)
    }
}
