//! Environments of their own for plugins that need packages: made by `uv` where it is present, else by Python.
use super::interpreter::{Interpreter, on_path};
use consort_core::{Error, ErrorKind};
use consort_settings::Env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One plugin's environment, made or not.
#[derive(Debug, Clone)]
pub struct Venv {
    folder: PathBuf,
}

/// A package as it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub name: String,
    pub version: String,
}

impl Venv {
    /// The environment of the plugin with this id.
    pub fn of(state: &Path, plugin: &str) -> Self {
        Self { folder: state.join("venvs").join(plugin) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its interpreter, where it is made.
    pub fn python(&self) -> Option<PathBuf> {
        self.program("python")
    }

    /// A program in it.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let (below, end) = if cfg!(windows) { ("Scripts", ".exe") } else { ("bin", "") };
        Some(self.folder.join(below).join(format!("{name}{end}"))).filter(|file| file.exists())
    }

    /// A text that changes when what is installed does.
    pub fn stamp(&self) -> String {
        std::fs::read_to_string(self.folder.join("installed.txt")).unwrap_or_default()
    }

    /// Makes it where it is not there, and installs packages. `say` hears what is being done.
    pub fn install(
        &self,
        env: &Env,
        python: &Interpreter,
        packages: &[String],
        say: &mut dyn FnMut(&str),
    ) -> Result<(), Error> {
        let uv = on_path(env, "uv");
        if self.python().is_none() {
            say("making an environment");
            self.make(env, python, uv.as_deref())?;
        }
        let program = self.python().ok_or_else(|| failed("the environment has no interpreter", ""))?;
        say(&format!("installing {}", packages.join(" ")));
        let mut command = Command::new(uv.as_ref().unwrap_or(&program));
        if uv.is_some() {
            command.args(["pip", "install", "--python"]).arg(&program);
        } else {
            command.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]);
        }
        command.args(packages);
        run(command, env)?;
        let listed = self.list(env)?;
        let lines: Vec<String> =
            listed.iter().map(|package| format!("{}=={}", package.name, package.version)).collect();
        std::fs::write(self.folder.join("installed.txt"), lines.join("\n"))
            .map_err(|error| failed(&format!("{} cannot be written: {error}", self.folder.display()), ""))
    }

    fn make(&self, env: &Env, python: &Interpreter, uv: Option<&Path>) -> Result<(), Error> {
        let parent = self.folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)
            .map_err(|error| failed(&format!("{} cannot be written: {error}", parent.display()), ""))?;
        let mut command = Command::new(uv.unwrap_or(&python.program));
        if uv.is_some() {
            command.args(["venv", "--quiet", "--python"]).arg(&python.program);
        } else {
            command.args(["-I", "-m", "venv"]);
        }
        command.arg(&self.folder);
        let made = run(command, env);
        if made.is_err() {
            // Half an environment would pass for a whole one.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
        made.map(drop)
    }

    /// What is installed in it.
    pub fn list(&self, env: &Env) -> Result<Vec<Installed>, Error> {
        let program = self.python().ok_or_else(|| failed("the environment is not made", ""))?;
        let mut command = Command::new(program);
        command.args([
            "-I",
            "-c",
            "from importlib.metadata import distributions\nfor d in distributions(): print(d.metadata['Name'], d.version)",
        ]);
        let text = run(command, env)?;
        let mut found: Vec<Installed> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, version)| Installed { name: name.to_owned(), version: version.to_owned() })
            .collect();
        found.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(found)
    }

    pub fn remove(&self) -> Result<(), Error> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed(&format!("{} cannot be removed: {error}", self.folder.display()), ""))
            }
            _ => Ok(()),
        }
    }
}

/// Runs a command of the installation and gives what it printed. Its last words are the error's.
fn run(mut command: Command, env: &Env) -> Result<String, Error> {
    command.stdin(Stdio::null()).env_clear();
    // Package tools go by much of the environment (proxies, indexes, caches), and run none of a plugin's code.
    command.envs(env.iter().filter(|(name, _)| !name.starts_with("PYTHON")));
    let output = command.output().map_err(|error| {
        failed(&format!("`{}` cannot be run: {error}", command.get_program().to_string_lossy()), "")
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let words =
        if words.trim().is_empty() { String::from_utf8_lossy(&output.stdout).into_owned() } else { words };
    Err(failed("the installation failed", &words))
}

fn failed(what: &str, words: &str) -> Error {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told =
        lines.iter().rev().find(|line| line.to_ascii_lowercase().starts_with("error")).or(lines.last());
    let error = match told {
        Some(told) => Error::new(ErrorKind::Setup, format!("{what}: {told}")),
        None => Error::new(ErrorKind::Setup, what.to_owned()),
    };
    let all = words.to_ascii_lowercase();
    if ["connection", "resolve", "network", "timed out", "dns error"].iter().any(|word| all.contains(word)) {
        error.hint("packages come over the network: check the connection and the proxy variables")
    } else if all.contains("no matching distribution") || all.contains("not found in the package registry") {
        error.hint("check the package's name on https://pypi.org")
    } else if all.contains("ensurepip") || all.contains("no module named venv") {
        error.hint("this Python lacks `venv`: apt install python3-venv, or install uv")
    } else {
        error
    }
}
