//! `consort keys`: what is stored, and storing it.
use crate::args::{Keys, shown};
use crate::exit::{self, Done};
use crate::setup::Setup;
use crate::terminal::{Style, print_json};
use consort_core::{Error, ErrorKind, Host, Secret};
use serde_json::Value;
use std::io::{IsTerminal, Read, Write};

pub(crate) fn run(command: Keys, setup: Setup) -> Done {
    setup.tell_problems()?;
    let mut to = anstream::stdout().lock();
    match command {
        Keys::Set { name } => return set(&name, setup),
        Keys::Get { name } => match setup.keys.get(&name)? {
            Some(key) => writeln!(to, "{}", key.expose())?,
            None if setup.keys.names()?.is_empty() => {
                return Err(unknown(&setup, &name)?.hint(format!("consort keys set {name}")).into());
            }
            None => return Err(unknown(&setup, &name)?.into()),
        },
        Keys::List { json } => list(&mut to, &setup.keys.names()?, json)?,
        Keys::Path => writeln!(to, "{}", setup.keys.path().display())?,
        Keys::Remove { name } => {
            if !setup.keys.remove(&name)? {
                return Err(unknown(&setup, &name)?.into());
            }
            writeln!(anstream::stderr(), "{} forgot the key `{name}`", Style::Good.paint(setup.signs.good))?;
        }
    }
    Ok(exit::OK)
}

fn list(to: &mut impl Write, names: &[String], json: bool) -> std::io::Result<()> {
    if json {
        return print_json(&Value::from(names));
    }
    if names.is_empty() {
        return writeln!(anstream::stderr(), "no keys are stored; `consort keys set NAME` stores one");
    }
    names.iter().try_for_each(|name| writeln!(to, "{name}"))
}

fn set(name: &str, mut setup: Setup) -> Done {
    if name.is_empty() || name.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err(exit::usage("the name of a key has no blanks").hint("consort keys set NAME").into());
    }
    let host = setup.host();
    let key = typed_or_piped()?;
    let key = key.trim();
    if key.is_empty() {
        return Err(exit::usage("the key is empty; nothing was stored").into());
    }
    if key.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        let error = exit::usage("a key has no blanks and no line breaks; nothing was stored");
        return Err(error.hint("paste the key alone").into());
    }
    setup.keys.set(name, &Secret::new(key))?;
    let mut to = anstream::stderr().lock();
    let path = shown(setup.keys.path());
    let mode = if cfg!(unix) { " (mode 600)" } else { "" };
    writeln!(to, "{} saved `{name}` to {path}{mode}", Style::Good.paint(setup.signs.good))?;
    // A plugin may have been granted it under any name, or name it itself.
    let plugins = setup.plugins.as_ref();
    let is_known = plugins.is_some_and(|plugins| plugins.is_granted(name) || plugins.is_named(name));
    if let Some(advice) = unused(&host, name).filter(|_| !is_known) {
        writeln!(to, "{} {advice}", Style::Warning.paint("warning:"))?;
    }
    Ok(exit::OK)
}

/// The key, without showing it on a terminal.
fn typed_or_piped() -> Result<String, Error> {
    let unreadable = |error: std::io::Error| exit::usage(format!("the key cannot be read: {error}"));
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("Paste the key (hidden): ").map_err(unreadable);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// What to say of a key that no provider asks for.
fn unused(host: &Host, name: &str) -> Option<String> {
    let cards = host.providers().iter().map(|provider| provider.card());
    let names: Vec<&str> = cards.flat_map(|card| &card.keys).map(|key| key.name.as_str()).collect();
    if names.contains(&name) {
        return None;
    }
    let near = names.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name))?;
    let hint = if strsim::damerau_levenshtein(near, name) <= 2 {
        format!("; did you mean `{near}`?")
    } else {
        String::new()
    };
    Some(format!("no provider uses a key named `{name}`{hint}"))
}

fn unknown(setup: &Setup, name: &str) -> Result<Error, Error> {
    let stored = setup.keys.names()?;
    let error = Error::new(ErrorKind::Setup, format!("no key named `{name}` is stored"));
    Ok(if stored.is_empty() { error } else { error.hint(format!("stored are {}", stored.join(", "))) })
}
