//! Environments of their own for plugins that need packages: made by `uv` where it is present, else by Python.
use super::interpreter::{Interpreter, on_path};
use super::tool::run;
use consort_core::{Error, ErrorKind};
use consort_settings::Env;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The file that says that an environment is whole, and the one that says what is in it.
const MADE: &str = "made.txt";
const INSTALLED: &str = "installed.txt";

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

    /// Its interpreter, where it is made. One that was being made when that was interrupted is none: much of it may lack.
    pub fn python(&self) -> Option<PathBuf> {
        let is_whole = self.folder.join(MADE).exists() || self.folder.join(INSTALLED).exists();
        self.program("python").filter(|_| is_whole)
    }

    /// The version of Python that it was made with.
    pub fn version(&self) -> Option<(u32, u32)> {
        let text = std::fs::read_to_string(self.folder.join("pyvenv.cfg")).ok()?;
        let line = text.lines().find(|line| line.starts_with("version"))?;
        let mut numbers = line.split_once('=')?.1.trim().split('.').map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    }

    /// A program in it.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let (below, end) = if cfg!(windows) { ("Scripts", ".exe") } else { ("bin", "") };
        Some(self.folder.join(below).join(format!("{name}{end}"))).filter(|file| file.exists())
    }

    /// A text that changes when what is installed does.
    pub fn stamp(&self) -> String {
        std::fs::read_to_string(self.folder.join(INSTALLED)).unwrap_or_default()
    }

    /// Makes it where it is not there, and installs packages. `say` hears what is being done.
    pub fn install(
        &self,
        env: &Env,
        python: &Interpreter,
        packages: &[String],
        say: &mut dyn FnMut(&str),
    ) -> Result<(), Error> {
        let _turn = self.turn(say)?;
        let uv = on_path(env, "uv");
        if self.python().is_none() {
            say("making an environment");
            self.make(env, python, uv.as_deref())?;
        }
        let program = self.python().ok_or_else(|| failed("the environment has no interpreter", ""))?;
        say(&format!("installing {}", packages.join(" ")));
        let mut arguments: Vec<OsString> = if uv.is_some() {
            vec!["pip".into(), "install".into(), "--python".into(), program.clone().into()]
        } else {
            let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"];
            pip.map(Into::into).into()
        };
        arguments.extend(packages.iter().map(Into::into));
        if let Err(error) = run(uv.as_ref().unwrap_or(&program), arguments, env) {
            // Without what it was made for, an environment that is new is none.
            if !self.folder.join(INSTALLED).exists() {
                self.remove()?;
            }
            return Err(error);
        }
        let listed = self.list(env)?;
        let lines: Vec<String> =
            listed.iter().map(|package| format!("{}=={}", package.name, package.version)).collect();
        self.note(INSTALLED, &lines.join("\n"))
    }

    /// One at a time: who fails takes nothing away that another is making. It is held until it is dropped.
    fn turn(&self, say: &mut dyn FnMut(&str)) -> Result<File, Error> {
        let cannot = |error: std::io::Error| {
            failed(&format!("{} cannot be written: {error}", self.folder.display()), "")
        };
        let parent = self.folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(cannot)?;
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let file = File::create(parent.join(format!(".{name}.lock"))).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            Err(TryLockError::WouldBlock) => {
                say("waiting for another install");
                file.lock().map_err(cannot)?;
            }
        }
        Ok(file)
    }

    fn note(&self, name: &str, text: &str) -> Result<(), Error> {
        std::fs::write(self.folder.join(name), text)
            .map_err(|error| failed(&format!("{} cannot be written: {error}", self.folder.display()), ""))
    }

    fn make(&self, env: &Env, python: &Interpreter, uv: Option<&Path>) -> Result<(), Error> {
        // What an earlier try left is in the way.
        self.remove()?;
        let mut arguments: Vec<OsString> = if uv.is_some() {
            vec!["venv".into(), "--quiet".into(), "--python".into(), python.program.clone().into()]
        } else {
            vec!["-I".into(), "-m".into(), "venv".into()]
        };
        arguments.push(self.folder.clone().into());
        run(uv.unwrap_or(&python.program), arguments, env)?;
        self.note(MADE, "")
    }

    /// What is installed in it.
    pub fn list(&self, env: &Env) -> Result<Vec<Installed>, Error> {
        let program = self.python().ok_or_else(|| failed("the environment is not made", ""))?;
        let code = "from importlib.metadata import distributions\nfor d in distributions(): print(d.metadata['Name'], d.version)";
        let text = run(&program, vec!["-I".into(), "-c".into(), code.into()], env)?;
        let mut found: Vec<Installed> = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, version)| Installed { name: name.to_owned(), version: version.to_owned() })
            .collect();
        found.sort_by(|one, two| one.name.cmp(&two.name));
        Ok(found)
    }

    /// Whether one of the packages in it is a plugin of `llm`.
    pub fn has_plugin(&self, env: &Env) -> Result<bool, Error> {
        let program = self.python().ok_or_else(|| failed("the environment is not made", ""))?;
        let code = "from importlib.metadata import entry_points\nprint(len(entry_points(group='llm')))";
        Ok(run(&program, vec!["-I".into(), "-c".into(), code.into()], env)?.trim() != "0")
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

pub(super) fn failed(what: &str, words: &str) -> Error {
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
    } else if all.contains("operation not permitted") {
        error.hint("its build may not leave its group of processes: install a version that has a wheel")
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn one_installs_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let venv = Venv::of(place.path(), "my plugin");
        let first = venv.turn(&mut |what| panic!("{what}")).unwrap();
        let (tell, told) = mpsc::channel();
        let other = venv.clone();
        let second = std::thread::spawn(move || {
            let turn = other.turn(&mut |what| tell.send(what.to_owned()).unwrap());
            tell.send("mine".into()).unwrap();
            turn.is_ok()
        });
        assert_eq!(told.recv().unwrap(), "waiting for another install");
        assert!(told.try_recv().is_err());
        drop(first);
        assert_eq!(told.recv().unwrap(), "mine");
        assert!(second.join().unwrap());
    }
}
