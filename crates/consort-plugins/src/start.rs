//! What one plugin's process is started with: its command, its environment, its keys.
use crate::found::{Dialect, Found, Kind};
use crate::home::Home;
use crate::learnt::Learnt;
use crate::process::{Grants, Launch, Limits, Services, Start};
use crate::python::{Interpreter, Venv, fits, on_path, place_worker};
use consort_core::{ConfigKey, Credentials, Error, ErrorKind, Secret};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The plugin's working folder, which is also where it may write.
pub(crate) fn folder(found: &Found, home: &Home) -> PathBuf {
    home.state.join("work").join(&found.id)
}

/// What decides how a plugin runs beside its own files: what it was granted and whether that is there, and its
/// packages. No value of a key is in it.
pub(crate) fn conditions(found: &Found, home: &Home) -> String {
    let granted = home.granted(&found.file);
    let stored = if granted.is_empty() { Vec::new() } else { home.keys.names().unwrap_or_default() };
    let mut text = String::new();
    for name in granted {
        let there = home.env.get(&name).is_some() || stored.iter().any(|key| is_held_by(&name, key));
        text.extend([name.as_str(), if there { "=set;" } else { "=unset;" }]);
    }
    if matches!(found.kind, Kind::Python { .. } | Kind::Package { .. }) {
        text.push_str(&Venv::of(&home.state, &found.id).stamp());
    }
    text
}

/// Makes what the process is started with. An error says what must be set up first.
pub(crate) async fn start_of(found: Found, home: Arc<Home>, learnt: Option<&Learnt>) -> Result<Start, Error> {
    // Whoever asks, and whatever was learnt when it was allowed: this is below all of them.
    if found.untrusted {
        return Err(not_trusted(&found));
    }
    let granted = home.granted(&found.file);
    let keys = keys(&found, learnt, &granted);
    let credentials = home.context(None).credentials;
    let folder = folder(&found, &home);
    let mut env: Vec<(String, String)> = home.plain_env();
    env.retain(|(name, _)| name != "HOME");
    let plain = env.len();
    for name in &granted {
        env.extend(home.env.get(name).map(|value| (name.clone(), value.to_owned())));
        // A key may be stored under the name of the variable that it is read from.
        if home.env.get(name).is_none()
            && found.env.contains(name)
            && let Some(secret) = home.keys.get(name)?
        {
            env.push((name.clone(), secret.expose().to_owned()));
        }
    }
    for (variable, key) in read_as_variables(&found, &home, &granted) {
        if let Some(secret) = home.keys.get(&key)? {
            env.push((variable, secret.expose().to_owned()));
        }
    }
    for (variable, key) in found.manifest.env.iter().flatten() {
        if let Some(key) = keys.iter().find(|known| known.name == *key)
            && let Some(secret) = credentials.resolve(&found.id, key).await?
        {
            env.push((variable.clone(), secret.expose().to_owned()));
        }
    }
    // What was granted is nobody else's business, whether it is a key or not.
    let hidden = env[plain..].iter().filter(|(_, value)| value.len() >= SHORTEST_SECRET);
    let hidden = hidden.map(|(_, value)| Secret::new(value.as_str())).collect();
    env.push(("HOME".into(), folder.to_string_lossy().into_owned()));
    let limits = limits(&found);
    let hosts = found.manifest.hosts.clone().unwrap_or_default();
    let grants = Grants { keys, hosts };
    let credentials: Arc<dyn Credentials> = credentials;
    let memory = home.remembered(&found);
    let services = Services::new(&found.id, grants, credentials, home.http.clone(), memory);
    let config = config(&found);
    let (program, arguments) = apart(move || {
        home.media.sweep();
        command(&found, &home)
    })
    .await?;
    let env = env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let launch = Launch { program, arguments, env, folder, limits };
    Ok(Start { launch, config, services, hidden })
}

/// The stored keys that a file reads from a variable, where the one or the other was granted: each variable, and the name of
/// its key. Of the `llm` ecosystem a plugin gets a key in another way, for the model that is called: only who grants the
/// variable means that.
fn read_as_variables(found: &Found, home: &Home, granted: &BTreeSet<String>) -> Vec<(String, String)> {
    let Kind::Python { dialect } = found.kind else { return Vec::new() };
    if granted.is_empty() {
        return Vec::new();
    }
    let by_key = dialect != Dialect::Llm;
    let stored = home.keys.names().unwrap_or_default();
    let is_set = |variable: &str| {
        granted.contains(variable)
            && (home.env.get(variable).is_some() || stored.iter().any(|key| key == variable))
    };
    let unset = found.env.iter().filter(|variable| !is_set(variable));
    let of = |variable: &String| {
        let is_its = |key: &&String| {
            is_for(variable, key) && (granted.contains(variable) || by_key && granted.contains(*key))
        };
        stored.iter().find(is_its).map(|key| (variable.clone(), key.clone()))
    };
    unset.filter_map(of).collect()
}

/// Does what takes a while where it holds up nobody: an interpreter may be asked who it is, files may be written.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::PluginCrash, "what it is started with was not found out"))
    })
}

/// Shorter values are words of their own: a log without them could not be read.
const SHORTEST_SECRET: usize = 6;

fn not_trusted(found: &Found) -> Error {
    let folder = shell_word(&found.folder.to_string_lossy());
    Error::new(ErrorKind::Setup, NO_TRUST).hint(format!("consort plugins trust {folder}"))
}

/// What a plugin of a project's folder needs before it may run.
pub(crate) const NO_TRUST: &str = "your trust: it comes with this folder";

/// The keys that the plugin was granted, each with the variables that may hold it.
pub(crate) fn keys(found: &Found, learnt: Option<&Learnt>, granted: &BTreeSet<String>) -> Vec<ConfigKey> {
    let learnt = learnt.map(Learnt::keys).unwrap_or_default();
    let learnt = learnt.iter().flat_map(|key| &key.env);
    let variables: Vec<&String> = found.key_env.iter().chain(learnt).collect();
    let key = |name: &String| {
        let env: BTreeSet<String> =
            variables.iter().filter(|variable| is_for(variable, name)).map(|name| (*name).clone()).collect();
        ConfigKey { name: name.clone(), env: env.into_iter().collect(), secret: true, ..ConfigKey::default() }
    };
    granted.iter().map(key).collect()
}

/// Whether a variable is one for a key: the key's name and a usual end. A plugin names both, and must not reach another's
/// variable this way.
pub(crate) fn is_for(variable: &str, key: &str) -> bool {
    const ENDS: [&str; 4] = ["_API_KEY", "_KEY", "_TOKEN", "_API_TOKEN"];
    let word = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    let key: String = key.chars().map(word).collect();
    let rest = variable.strip_prefix("LLM_").unwrap_or(variable);
    let named =
        |text: &str| !key.is_empty() && text.strip_prefix(&key).is_some_and(|end| ENDS.contains(&end));
    named(variable) || named(rest)
}

/// Whether what is stored under the name of a key is what this variable would hold.
pub(crate) fn is_held_by(variable: &str, key: &str) -> bool {
    key == variable || is_for(variable, key)
}

/// Whether a key is another's, where that is called `known`, or where that is the variable that holds it.
pub(crate) fn is_same_key(known: &str, key: &str) -> bool {
    known.eq_ignore_ascii_case(key) || is_for(&known.to_ascii_uppercase(), key)
}

fn limits(found: &Found) -> Limits {
    let set = &found.manifest.limits;
    let usual = Limits::default();
    Limits {
        memory: set.memory_mb.map_or(usual.memory, |megabytes| megabytes.saturating_mul(1 << 20)),
        processes: set.processes.map_or(usual.processes, |many| many as usize),
        start: set.start_s.map_or(usual.start, Duration::from_secs),
        idle: set.idle_s.map_or(usual.idle, Duration::from_secs),
        concurrency: found.manifest.concurrency.map_or(usual.concurrency, |many| many as usize),
        ..usual
    }
}

/// What the Python worker is told. Others get an empty object.
fn config(found: &Found) -> Value {
    let manifest = &found.manifest;
    let init = json!(manifest.init.clone().unwrap_or_default());
    match &found.kind {
        Kind::Process { .. } | Kind::Unknown => json!({}),
        Kind::Python { dialect } => json!({
            "dialect": dialect.word(),
            "file": found.file,
            "class": manifest.class,
            "init": init,
            "secrets": manifest.secrets.clone().unwrap_or_default(),
        }),
        Kind::Package { name } => json!({"dialect": Dialect::Llm.word(), "package": name, "init": init}),
    }
}

fn command(found: &Found, home: &Home) -> Result<(PathBuf, Vec<OsString>), Error> {
    match &found.kind {
        Kind::Process { run } => process(run, home),
        Kind::Unknown => Err(Error::new(ErrorKind::Setup, "nobody can tell how it is run")),
        Kind::Python { dialect } => {
            let venv = Venv::of(&home.state, &found.id);
            let packages = !found.dependencies.is_empty() || *dialect == Dialect::Llm;
            let (python, version, own) = match venv.python() {
                Some(python) => (python, venv.version(), true),
                None if packages => return Err(lacks_packages(found, *dialect)),
                None => {
                    let Interpreter { program, version } = Interpreter::find(&home.env, &home.state)?;
                    (program, Some(version), false)
                }
            };
            runs_on(found, version, own)?;
            worker(python, home)
        }
        Kind::Package { name } => match Venv::of(&home.state, &found.id).python() {
            Some(python) => worker(python, home),
            None => Err(Error::new(ErrorKind::Setup, format!("the package `{name}` is not installed"))
                .hint(format!("consort plugins install {name}"))),
        },
    }
}

/// Whether a file may run on this version, by its own word. `own` says that its environment is of that version.
pub(crate) fn runs_on(found: &Found, version: Option<(u32, u32)>, own: bool) -> Result<(), Error> {
    let (Some(wanted), Some((major, minor))) = (&found.requires_python, version) else { return Ok(()) };
    if fits(wanted, (major, minor)) {
        return Ok(());
    }
    let message = format!("it wants Python {wanted}: {major}.{minor} is here");
    let mut help = "name one that it runs on: CONSORT_PYTHON=/path/to/python3".to_owned();
    if own {
        help.extend([" consort plugins install-deps ", &shell_word(&found.id)]);
    }
    Err(Error::new(ErrorKind::Setup, message).hint(help))
}

/// What a Python file needs before it can run: packages of its own.
pub(crate) fn lacks_packages(found: &Found, dialect: Dialect) -> Error {
    let mut packages = found.dependencies.clone();
    if dialect == Dialect::Llm && !packages.iter().any(|package| package.starts_with("llm")) {
        packages.insert(0, "llm".into());
    }
    Error::new(ErrorKind::Setup, format!("its packages are not installed: {}", packages.join(", ")))
        .hint(format!("consort plugins install-deps {}", shell_word(&found.id)))
}

/// A name as it is typed in a shell.
pub fn shell_word(name: &str) -> String {
    if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_./:".contains(c)) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

fn worker(python: PathBuf, home: &Home) -> Result<(PathBuf, Vec<OsString>), Error> {
    let package = place_worker(&home.state)?;
    let mut cache = OsString::from("pycache_prefix=");
    cache.push(home.state.join("pycache"));
    Ok((python, vec!["-I".into(), "-X".into(), cache, package.join("__main__.py").into_os_string()]))
}

fn process(run: &[String], home: &Home) -> Result<(PathBuf, Vec<OsString>), Error> {
    let Some((program, arguments)) = run.split_first() else {
        return Err(Error::new(ErrorKind::Setup, "`run` names no program"));
    };
    let arguments = arguments.iter().map(OsString::from).collect();
    let path = match program.as_str() {
        "python3" | "python" => Interpreter::find(&home.env, &home.state)?.program,
        name if Path::new(name).is_absolute() => PathBuf::from(name),
        name => on_path(&home.env, name).ok_or_else(|| {
            Error::new(ErrorKind::Setup, format!("`{name}` is not on this machine"))
                .hint(format!("install {name}, or say another program in `run` of the plugin's manifest"))
        })?,
    };
    Ok((path, arguments))
}

#[cfg(test)]
mod tests {
    use super::{is_for, is_same_key};

    #[test]
    fn a_key_is_the_same_in_other_letters() {
        for name in ["Hosted", "HOSTED", "hosted_api", "Hosted_API_Key"] {
            assert!(is_same_key("hosted", name) || is_same_key("HOSTED_API_KEY", name), "{name}");
        }
        assert!(!is_same_key("hosted", "host") && !is_same_key("HOSTED_API_KEY", "host"));
    }

    #[test]
    fn a_variable_is_for_the_key_that_it_is_named_after() {
        assert!(is_for("HOSTED_API_KEY", "hosted"));
        assert!(is_for("LLM_MISTRAL_KEY", "mistral"));
        assert!(!is_for("AWS_SECRET_ACCESS_KEY", "hosted"));
        assert!(!is_for("ANYTHING", ""));
        assert!(!is_for("ANTHROPIC_API_KEY", "a"));
        assert!(!is_for("HOSTED_API_KEY_FILE", "hosted"));
    }
}
