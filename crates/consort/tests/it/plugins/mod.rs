//! Plugins as their users meet them: dropped into a folder, listed, asked, refused, mended. What needs Python says so
//! and passes where there is none.
mod allowed;
mod asking;
mod blocks;
mod commands;
mod guides;
mod helpers;
mod installing;
mod listing;
mod memory;
mod odd;
mod packaged;
mod python;
mod samples;
mod scaffolds;
mod spoken;
#[cfg(target_os = "linux")]
mod stopping;
mod talking;
mod tooled;

use super::support::{Place, Run};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A place with plugins in it.
struct Plugged {
    place: Place,
    python: Option<&'static str>,
}

impl Plugged {
    /// One that needs no Python.
    fn new() -> Self {
        Self { place: Place::new(), python: None }
    }

    /// One that has Python; nothing, and a word, where this machine has none.
    fn with_python() -> Option<Self> {
        let python = python_here();
        if python.is_none() {
            eprintln!("skipped: no python3 of version 3.10 or newer");
        }
        python.map(|python| Self { place: Place::new(), python: Some(python) })
    }

    fn root(&self) -> PathBuf {
        self.place.path("home").parent().unwrap().to_owned()
    }

    /// Drops a plugin.
    fn plugin(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        self.place.file(&format!("home/data/plugins/{name}"), text)
    }

    /// Drops a program.
    #[cfg(unix)]
    fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.plugin(name, text);
        executable(&path);
        path
    }

    /// Drops one of the sample files.
    fn sample(&self, name: &str) -> PathBuf {
        self.plugin(name, std::fs::read(samples().join(name)).unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command(args);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Which Python this machine has is found once, not by every test.
        command.envs(self.python.map(|python| ("CONSORT_PYTHON", python)));
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.run_with(&[], args)
    }

    fn run_with(&self, env: &[(&str, &str)], args: &[&str]) -> Run {
        let output = self.command(args).envs(env.iter().copied()).output().unwrap();
        Run::of(output, &self.root())
    }

    fn pipe(&self, stdin: &str, args: &[&str]) -> Run {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // A program that refuses early closes its end: that is no failure of the test.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Run::of(child.wait_with_output().unwrap(), &self.root())
    }

    /// Asks a plugin's model.
    fn ask(&self, model: &str, prompt: &str) -> Run {
        self.run(&["-m", model, prompt])
    }

    /// The row of one plugin.
    fn row(&self, id: &str) -> serde_json::Value {
        let rows = self.run(&["plugins", "--json"]).json();
        let found = rows.as_array().unwrap().iter().find(|row| row["id"] == id);
        found.unwrap_or_else(|| panic!("no row of {id}: {rows:#}")).clone()
    }

    fn state(&self, id: &str) -> String {
        self.row(id)["state"].as_str().unwrap().to_owned()
    }
}

/// The folder of the sample files.
fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/plugins/samples")
}

/// The real interpreter of this machine, where it is new enough.
pub(crate) fn python_here() -> Option<&'static str> {
    static FOUND: OnceLock<Option<String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let code = "import sys; print(sys.executable if sys.version_info >= (3, 10) else '')";
        let output = Command::new("python3").args(["-I", "-c", code]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    });
    found.as_deref()
}

#[cfg(unix)]
fn executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A drop-in plugin whose answer is made by these lines.
fn drop_in(answer: &str) -> String {
    let body = answer.lines().fold(String::new(), |text, line| text + "        " + line + "\n");
    format!(
        "from llm_utils import LLMClient\n\n\nclass Client(LLMClient):\n    def generate_response(self, system, user_message, max_tokens=4096, temperature=0.8):\n{body}\n    def count_tokens(self, text):\n        return len(text.split())\n"
    )
}

/// A plugin in shell, which answers with a line of its own and what kind of thing it is.
#[cfg(unix)]
const SHELL: &str = include_str!("samples/shell.sh");
