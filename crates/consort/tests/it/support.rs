//! Runs the program with an empty environment and a home of its own, and fake vendors for it.
use consort_testkit::{FakeServer, Reply};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder that is everything to one test: home, settings and the place where it runs.
pub(crate) struct Place(TempDir);

/// What moves the built-in local servers to where nothing listens: no test knocks at what runs on this machine.
/// Of several variables the one that counts least, so that a test can say another place.
pub(crate) const NOBODY_HOME: [(&str, &str); 7] = [
    ("OLLAMA_BASE_URL", "http://127.0.0.1:1"),
    ("LM_STUDIO_API_BASE", "http://127.0.0.1:1"),
    ("LLAMA_SERVER_BASE_URL", "http://127.0.0.1:1"),
    ("WHISPER_SERVER_BASE_URL", "http://127.0.0.1:1"),
    ("VLLM_BASE_URL", "http://127.0.0.1:1"),
    ("TGI_BASE_URL", "http://127.0.0.1:1"),
    ("TEXT_GENERATION_WEBUI_BASE_URL", "http://127.0.0.1:1"),
];

/// Where it is noted that local servers were looked for.
pub(crate) const LOOKED: &str = "home/data/models/looked";

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        // Whoever tests the look takes this away.
        place.file(LOOKED, "");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file there.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consort"));
        command.args(args).env_clear().current_dir(self.0.path());
        command.env("HOME", self.0.path()).env("CONSORT_HOME", self.path("home")).envs(NOBODY_HOME);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap(), self.0.path())
    }

    pub(crate) fn run_with(&self, env: &[(&str, &str)], args: &[&str]) -> Run {
        Run::of(self.command(args).envs(env.iter().copied()).output().unwrap(), self.0.path())
    }

    pub(crate) fn pipe(&self, stdin: impl AsRef<[u8]>, args: &[&str]) -> Run {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // A program that refuses early closes its end: that is no failure of the test.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_ref());
        Run::of(child.wait_with_output().unwrap(), self.0.path())
    }
}

/// A fake vendor on a loopback port, for tests that drive the program and need no runtime of their own.
pub(crate) struct Vendor {
    pub(crate) server: FakeServer,
    // Dropped after the server, whose connections run on it.
    _runtime: tokio::runtime::Runtime,
}

impl Vendor {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let runtime = runtime();
        let server = runtime.block_on(FakeServer::start(replies)).unwrap();
        Self { server, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }
}

/// A proxy that answers for every host.
#[cfg(all(unix, not(target_vendor = "apple")))]
pub(crate) struct Proxy {
    pub(crate) server: consort_testkit::TlsProxy,
    url: String,
    _runtime: tokio::runtime::Runtime,
}

#[cfg(all(unix, not(target_vendor = "apple")))]
impl Proxy {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let runtime = runtime();
        let server = runtime.block_on(consort_testkit::TlsProxy::start(replies)).unwrap();
        Self { url: server.url(), server, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn ca_file(&self) -> &str {
        self.server.ca_file().to_str().unwrap()
    }

    /// What makes a program use it, then what makes it trust it.
    pub(crate) fn env(&self) -> [(&str, &str); 2] {
        [("HTTPS_PROXY", self.url()), ("SSL_CERT_FILE", self.ca_file())]
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Runs the program once in a place of its own.
pub(crate) fn run(args: &[&str]) -> Run {
    Place::new().run(args)
}

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output, home: &Path) -> Self {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&home.display().to_string(), "[PLACE]")
        };
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The one JSON value on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// An object of an answer without what differs from run to run. What every one has is checked here.
pub(crate) fn steady(mut object: serde_json::Value) -> serde_json::Value {
    if object.get("ms").is_some() {
        object["ms"] = "[TIMES]".into();
        assert!(object["attempts"].as_array().is_some_and(|all| !all.is_empty()), "{object:#}");
        assert!(object["conversation"].as_str().is_some_and(|id| id.len() == 36), "{object:#}");
    }
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "attempts" | "conversation"));
    }
    object
}

/// As a transcript: the exit code where it is not 0, stdout, then stderr where there is any.
impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.code != 0 {
            writeln!(f, "exit {}", self.code)?;
        }
        write!(f, "{}", self.stdout)?;
        if !self.stderr.is_empty() {
            if !self.stdout.is_empty() && !self.stdout.ends_with('\n') {
                writeln!(f, "<no newline>")?;
            }
            write!(f, "--- stderr\n{}", self.stderr)?;
        }
        Ok(())
    }
}
