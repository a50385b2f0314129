//! A plugin in the user's own terminal: its debugger, tests of it, and its own commands.
use crate::found::Dialect;
use crate::plugin::Plugin;
use crate::start::start_of;
use consort_core::{Error, ErrorKind};
use std::path::Path;
use std::process::Command;

impl Plugin {
    /// Runs it in the foreground with its debugger.
    pub async fn debug_command(&self, prompt: &str) -> Result<Command, Error> {
        let start = start_of(self.found.clone(), self.home.clone(), self.learnt().as_deref()).await?;
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

    /// Tests it in its own environment: by a file of tests, or by its dialect's contract.
    pub async fn test_command(&self, tests: Option<&Path>) -> Result<Command, Error> {
        let start = start_of(self.found.clone(), self.home.clone(), self.learnt().as_deref()).await?;
        let mut command = start.launch.plain();
        command.arg("test");
        for (flag, field) in [("--dialect", "dialect"), ("--file", "file")] {
            if let Some(value) = start.config[field].as_str() {
                command.args([flag, value]);
            }
        }
        command.args(tests);
        Ok(command)
    }

    /// Runs one of the commands that it registers, in its own environment.
    ///
    /// It finds the keys that the plugin may have in the variables that its models name, and by `llm.get_key`.
    pub async fn own_command(&self, arguments: &[String]) -> Result<Command, Error> {
        let learnt = self.known().await;
        self.supervisor.stop();
        let start = start_of(self.found.clone(), self.home.clone(), Some(&learnt)).await?;
        let config = &start.config;
        if config["dialect"] != Dialect::Llm.word() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "only plugins of the `llm` ecosystem have commands",
            )
            .provider(self.id())
            .hint("consort plugins install NAME installs one"));
        }
        let mut command = start.launch.plain();
        let context = self.context();
        for key in learnt.keys() {
            if let Some(secret) = start.services.own_key(&key.name, &context).await? {
                command.envs(key.env.iter().map(|variable| (variable, secret.expose())));
            }
        }
        let mut granted = serde_json::Map::new();
        for name in self.granted() {
            if let Some(secret) = start.services.own_key(&name, &context).await? {
                granted.insert(name, secret.expose().into());
            }
        }
        if !granted.is_empty() {
            command.env("CONSORT_COMMAND_KEYS", serde_json::Value::Object(granted).to_string());
        }
        command.args(["command", "--name", self.id(), "--data-dir"]).arg(self.folder());
        for (flag, field) in [("--file", "file"), ("--package", "package")] {
            if let Some(value) = config[field].as_str() {
                command.args([flag, value]);
            }
        }
        command.arg("--").args(arguments);
        // What its arguments name are files of whoever types it.
        if let Ok(here) = std::env::current_dir() {
            command.current_dir(here);
        }
        Ok(command)
    }
}
