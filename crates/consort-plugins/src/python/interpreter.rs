//! The real Python of this machine: what `python3` leads to, found once and kept.
//!
//! `python3` may be a shell script that looks for the interpreter each time, which costs more than starting it.
use consort_core::{Error, ErrorKind};
use consort_settings::Env;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// The oldest version that plugins run on.
const OLDEST: (u32, u32) = (3, 10);
/// How long an interpreter may take to say who it is.
const LIMIT: Duration = Duration::from_secs(30);

/// Held by whoever asks an interpreter: a dozen plugins that start at once must not start a dozen shims, which together
/// may take longer than one is given.
static ASKING: Mutex<()> = Mutex::new(());

/// An interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    pub program: PathBuf,
    pub version: (u32, u32),
}

/// What was found behind a program's name, while that has not changed.
#[derive(Serialize, Deserialize)]
struct Kept {
    named: PathBuf,
    changed: u64,
    chosen: String,
    found: Interpreter,
}

impl Interpreter {
    /// The interpreter that plugins run on: `CONSORT_PYTHON`, else `python3`, else `python`.
    pub fn find(env: &Env, state: &Path) -> Result<Self, Error> {
        let wanted = env.get("CONSORT_PYTHON");
        let names: &[&str] = match &wanted {
            Some(name) => &[name],
            None => &["python3", "python"],
        };
        let mut old = None;
        for named in names.iter().filter_map(|name| on_path(env, name)) {
            match Self::behind(&named, env, state) {
                Some(found) if found.version >= OLDEST => return Ok(found),
                Some(found) => old = old.or(Some(found)),
                None => {}
            }
        }
        let install = "install Python 3.10 or newer, or name one: CONSORT_PYTHON=/path/to/python3";
        Err(match (old, wanted) {
            (Some(old), _) => Error::new(
                ErrorKind::Setup,
                format!("Python {}.{} is too old for plugins", old.version.0, old.version.1),
            )
            .hint(install),
            (None, Some(name)) => {
                Error::new(ErrorKind::Setup, format!("CONSORT_PYTHON names `{name}`, which is no Python"))
                    .hint("name an interpreter, or unset the variable")
            }
            (None, None) => Error::new(ErrorKind::Setup, "Python is not on this machine")
                .hint(install)
                .hint("plugins in other languages and hosted models work without it"),
        })
    }

    fn behind(named: &Path, env: &Env, state: &Path) -> Option<Self> {
        let changed = changed(named)?;
        // What else a shim goes by.
        let chosen = env.get("PYENV_VERSION").unwrap_or_default().to_owned();
        let kept = state.join("python.json");
        let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = read(&kept)
            && (kept.named.as_path(), kept.changed, &kept.chosen) == (named, changed, &chosen)
            && kept.found.program.exists()
        {
            return Some(kept.found);
        }
        let found = ask(named, env)?;
        let text =
            serde_json::to_vec(&Kept { named: named.to_owned(), changed, chosen, found: found.clone() });
        // Without the note it is only asked again.
        if let Ok(text) = text
            && std::fs::create_dir_all(state).is_ok()
        {
            // Whole or not at all: another program may read it meanwhile.
            let new = kept.with_extension(std::process::id().to_string());
            let _ = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &kept));
        }
        Some(found)
    }
}

/// A text that changes when another interpreter would be found, told without starting one.
pub(crate) fn mark(env: &Env) -> String {
    let wanted = env.get("CONSORT_PYTHON");
    let named = wanted.into_iter().chain(["python3", "python"]).find_map(|name| on_path(env, name));
    let time = named.as_deref().and_then(changed).unwrap_or_default();
    format!("{}@{time}", named.unwrap_or_default().display())
}

fn read(file: &Path) -> Option<Kept> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

fn changed(file: &Path) -> Option<u64> {
    let time = std::fs::metadata(file).ok()?.modified().ok()?;
    Some(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64))
}

/// The program of this name, as the shell would find it.
pub(crate) fn on_path(env: &Env, name: &str) -> Option<PathBuf> {
    if Path::new(name).components().count() > 1 {
        return Some(PathBuf::from(name)).filter(|path| path.is_file());
    }
    let name = if cfg!(windows) { format!("{name}.exe") } else { name.to_owned() };
    std::env::split_paths(env.get("PATH").unwrap_or_default())
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
}

/// Asks an interpreter who it is.
fn ask(program: &Path, env: &Env) -> Option<Interpreter> {
    let text =
        told(program, &["-I", "-c", "import sys; print(sys.executable); print(*sys.version_info[:2])"], env);
    let read = |text: &str| {
        let mut lines = text.lines();
        let program = PathBuf::from(lines.next()?);
        let (major, minor) = lines.next()?.split_once(' ')?;
        Some(Interpreter { program, version: (major.parse().ok()?, minor.parse().ok()?) })
    };
    // Very old ones know neither the flag nor the words, but their version.
    text.as_deref().and_then(read).or_else(|| {
        let text = told(program, &["-c", "import sys; print('%d %d' % sys.version_info[:2])"], env)?;
        let (major, minor) = text.trim().split_once(' ')?;
        let version = (major.parse().ok()?, minor.parse().ok()?);
        Some(Interpreter { program: program.to_owned(), version })
    })
}

/// What an interpreter prints.
fn told(program: &Path, arguments: &[&str], env: &Env) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for name in ["PATH", "HOME", "PYENV_ROOT", "PYENV_VERSION", "SystemRoot"] {
        command.envs(env.get(name).map(|value| (name, value)));
    }
    let mut child = command.spawn().ok()?;
    let begun = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if begun.elapsed() > LIMIT {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().ok()?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_machine_without_python_is_told_what_to_install() {
        let state = tempfile::tempdir().unwrap();
        let error = Interpreter::find(&env(&[("PATH", "/nowhere")]), state.path()).unwrap_err();
        assert!(error.hints()[0].starts_with("install Python 3.10"), "{error:?}");
    }

    #[cfg(unix)]
    #[test]
    fn many_who_ask_at_once_start_one() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let (python, calls) = (place.path().join("python3"), place.path().join("calls"));
        let text = format!(
            "#!/bin/sh\necho x >> {}\nsleep 0.2\necho {}\necho 3 12\n",
            calls.display(),
            python.display()
        );
        std::fs::write(&python, text).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let env = env(&[("PATH", &format!("{}:/usr/bin:/bin", place.path().display()))]);
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| assert_eq!(Interpreter::find(&env, place.path()).unwrap().version, (3, 12)));
            }
        });
        assert_eq!(std::fs::read_to_string(calls).unwrap().lines().count(), 1);
    }

    /// It knows neither `-I` nor more than one thing to print.
    #[cfg(unix)]
    #[test]
    fn a_python_of_another_age_is_one_and_too_old() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let python = place.path().join("python2");
        let text = "#!/bin/sh\ncase $1 in -I) echo 'Unknown option: -I' >&2; exit 2 ;; *) echo 2 7 ;; esac\n";
        std::fs::write(&python, text).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        let env = env(&[("CONSORT_PYTHON", python.to_str().unwrap()), ("PATH", "/usr/bin:/bin")]);
        let error = Interpreter::find(&env, place.path()).unwrap_err();
        assert!(error.to_string().contains("Python 2.7 is too old"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn an_old_python_is_too_old_and_a_new_one_is_asked_once() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let python = place.path().join("python3");
        let say = |version: &str| {
            let calls = place.path().join("calls");
            let text = format!(
                "#!/bin/sh\necho x >> {}\necho {}\necho {version}\n",
                calls.display(),
                python.display()
            );
            std::fs::write(&python, text).unwrap();
            std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let env = env(&[("PATH", place.path().to_str().unwrap())]);
        say("3 9");
        let error = Interpreter::find(&env, place.path()).unwrap_err();
        assert!(error.to_string().contains("3.9 is too old"), "{error}");
        std::thread::sleep(Duration::from_millis(20));
        say("3 12");
        for _ in 0..3 {
            assert_eq!(Interpreter::find(&env, place.path()).unwrap().version, (3, 12));
        }
        assert_eq!(std::fs::read_to_string(place.path().join("calls")).unwrap().lines().count(), 2);
    }
}
