//! A home with servers in it, and calls to their tools.
use consort_core::{Context, Error, Secret, Tool, ToolOutput};
use consort_mcp::McpServers;
use consort_settings::{Env, Folders, KeyStore, Settings};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Place {
    folder: TempDir,
    pub(crate) env: Env,
}

impl Place {
    /// With this in its `consort.toml`.
    pub(crate) fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("consort.toml"), settings).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        Self { folder, env: Env::of([("PATH", path.as_str())]) }
    }

    /// With one server `odd` that is so from the start.
    pub(crate) fn odd(words: &[&str]) -> Self {
        Self::new(&format!("[mcp.odd]\n{}", Self::described(words)))
    }

    pub(crate) fn described(words: &[&str]) -> String {
        format!("command = '{}'\nargs = {words:?}\n", odd_server().display())
    }

    pub(crate) fn folders(&self) -> Folders {
        Folders { config: self.folder.path().into(), data: self.folder.path().join("data") }
    }

    pub(crate) fn keys(&self) -> KeyStore {
        KeyStore::of(&self.folders())
    }

    pub(crate) fn key(&self, name: &str, value: &str) {
        self.keys().set(name, &Secret::new(value)).unwrap();
    }

    pub(crate) fn open_all(&self) -> (McpServers, Vec<String>) {
        let (settings, mut problems) = Settings::load_from(&self.folders().settings_file(), None, &self.env);
        let (servers, more) = McpServers::from_settings(&settings, &self.folders(), &self.env, &self.keys());
        problems.extend(more);
        (servers, problems.iter().map(ToString::to_string).collect())
    }

    pub(crate) fn open(&self) -> McpServers {
        let (servers, problems) = self.open_all();
        assert!(problems.is_empty(), "{problems:?}");
        servers
    }

    /// The servers, and their tools; nothing was wrong.
    pub(crate) async fn tools(&self) -> (McpServers, Tools) {
        let servers = self.open();
        let (tools, problems) = servers.tools(&[]).await;
        assert!(problems.is_empty(), "{problems:?}");
        (servers, Tools(tools))
    }
}

pub(crate) struct Tools(pub(crate) Vec<Arc<dyn Tool>>);

impl Tools {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|tool| tool.spec().name.as_str()).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Arc<dyn Tool> {
        let found = self.0.iter().find(|tool| tool.spec().name == name);
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.names())).clone()
    }

    /// Calls a tool of the odd server with a text.
    pub(crate) async fn call(&self, tool: &str, text: &str) -> Result<ToolOutput, Error> {
        self.call_in(tool, text, Context::default()).await
    }

    pub(crate) async fn call_in(
        &self,
        tool: &str,
        text: &str,
        context: Context,
    ) -> Result<ToolOutput, Error> {
        // The server knows tools that it does not list.
        self.get(&format!("odd__{tool}")).call(json!({"text": text}), context).await
    }

    /// The text that a call gives.
    pub(crate) async fn text(&self, tool: &str, text: &str) -> String {
        let output = self.call(tool, text).await.unwrap();
        assert!(!output.is_error, "{output:?}");
        words(&output)
    }
}

pub(crate) fn words(output: &ToolOutput) -> String {
    output.content.iter().filter_map(|part| part.as_text()).collect()
}

pub(crate) fn within(time: Duration) -> Context {
    Context::default().within(time)
}

/// The example that misbehaves; `cargo test` builds it beside the tests.
pub(crate) fn odd_server() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let file = here.parent().unwrap().parent().unwrap().join("examples/odd_server");
    assert!(file.exists(), "{} is not built: run all of `cargo test -p consort-mcp`", file.display());
    file
}

/// Whether a process of this number runs.
pub(crate) fn runs(process: &str) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    // One that ended and was not collected yet runs no more.
    !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z')
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is: impl Fn() -> bool) {
    for _ in 0..500 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not so after ten seconds: {what}");
}

pub(crate) fn json_of(output: &ToolOutput) -> Value {
    serde_json::from_str(&words(output)).unwrap()
}
