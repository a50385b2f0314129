//! `consort doctor`: what is set up, what is missing, and what to do.
mod voice;

use crate::args::shown;
use crate::exit::{self, Done};
use crate::kept;
use crate::setup::Setup;
use crate::terminal::{Style, table};
use consort_core::{Host, ProviderCard, State};
use consort_realtime::cascade::PROVIDER as VOICES;
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(mut setup: Setup) -> Done {
    let host = setup.host();
    let mut to = anstream::stdout().lock();
    files(&mut to, &setup)?;
    let mut advice = problems(&mut to, &setup)?;
    providers(&mut to, &host, &setup)?;
    heading(&mut to, "Answers when no model is named")?;
    match setup.choose(&host, None) {
        Ok(chosen) => {
            writeln!(to, "  {}", chosen.model.card().id)?;
            if chosen.fallback {
                advice.push(
                    "give Consort a key: `consort keys set NAME`, with a name from the list above".to_owned(),
                );
            }
        }
        Err(error) => {
            writeln!(to, "  {} {error}", Style::Error.paint("none:"))?;
            advice.push("choose one that exists: `consort models default ID`".to_owned());
        }
    }
    advice.extend(voice::tell(&mut to, &setup)?);
    heading(&mut to, "What to do")?;
    if advice.is_empty() {
        writeln!(to, "  nothing: ask away")?;
    }
    for line in advice {
        writeln!(to, "  {line}")?;
    }
    Ok(exit::OK)
}

fn heading(to: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(to, "\n{}", Style::Bold.paint(text))
}

fn files(to: &mut impl Write, setup: &Setup) -> io::Result<()> {
    writeln!(to, "{} {}", Style::Bold.paint("consort"), env!("CARGO_PKG_VERSION"))?;
    heading(to, "Files")?;
    let keys = match setup.keys.names() {
        Ok(names) if names.is_empty() => "no keys".to_owned(),
        Ok(names) => names.join(", "),
        Err(_) => "cannot be read".to_owned(),
    };
    let there = |path: &Path| if path.exists() { "" } else { "not there, which is fine" };
    let row = |name: &str, path: &Path, note: &str| vec![name.to_owned(), shown(path), note.to_owned()];
    let database = kept::database(setup);
    let (settings, providers) = (setup.folders.settings_file(), setup.folders.providers_dir());
    let rows = [
        row("settings", &settings, there(&settings)),
        row("keys", setup.keys.path(), &keys),
        row("providers", &providers, there(&providers)),
        row("data", &setup.folders.data, there(&setup.folders.data)),
        row("conversations", &database, &conversations(setup, &database)),
    ];
    table(to, &rows, &[None, None, Some(Style::Dim)])
}

/// How the database of conversations is.
fn conversations(setup: &Setup, database: &Path) -> String {
    let kept = if setup.settings.keeps_log() { "" } else { ", and `log = false` keeps no more" };
    match (std::fs::metadata(database), kept::to_read(setup)) {
        (Err(_), _) => format!("not there, which is fine{kept}"),
        (Ok(about), Ok(_)) => format!("{:.1} MB{kept}", about.len() as f64 / 1e6),
        (Ok(_), Err(error)) => format!("cannot be used: {error}"),
    }
}

/// Tells what is wrong in files, and returns what to do about it.
fn problems(to: &mut impl Write, setup: &Setup) -> io::Result<Vec<String>> {
    let mut advice = Vec::new();
    if setup.problems.is_empty() {
        return Ok(advice);
    }
    heading(to, "Problems")?;
    for problem in &setup.problems {
        writeln!(to, "  {} {problem}", Style::Warning.paint("!"))?;
        advice.extend(problem.help.as_ref().map(|help| format!("{}: {help}", shown(&problem.file))));
    }
    Ok(advice)
}

fn providers(to: &mut impl Write, host: &Host, setup: &Setup) -> io::Result<()> {
    // What talks is told of on its own.
    let cards = || host.providers().iter().map(|provider| provider.card()).filter(|card| card.id != VOICES);
    heading(to, "Ready")?;
    let ready: Vec<Vec<String>> = cards()
        .filter(|card| card.state == State::Ready)
        .map(|card| vec![card.id.clone(), card.name.clone()])
        .collect();
    table(to, &ready, &[None, Some(Style::Dim)])?;
    let unchecked = cards().filter(|card| card.state == State::Unchecked).map(|card| card.id.as_str());
    let (local, others): (Vec<&str>, Vec<&str>) = unchecked.partition(|id| setup.local.has(id));
    for (title, ids) in [("On this machine, if they run", local), ("Not looked at yet", others)] {
        if !ids.is_empty() {
            heading(to, title)?;
            writeln!(to, "  {}", ids.join(", "))?;
        }
    }
    let waiting: Vec<Vec<String>> = cards().filter_map(waiting).collect();
    if !waiting.is_empty() {
        heading(to, "Need a key")?;
        table(to, &waiting, &[None, None, Some(Style::Dim)])?;
    }
    Ok(())
}

/// What a provider waits for, and how to give it.
fn waiting(card: &ProviderCard) -> Option<Vec<String>> {
    let missing = match &card.state {
        State::NeedsSetup { missing } => missing,
        State::Broken { reason } | State::Missing { reason } => {
            return Some(vec![card.id.clone(), format!("broken: {reason}"), String::new()]);
        }
        State::Ready | State::Unchecked | State::Loading => return None,
    };
    let key = card.keys.first();
    let is_key =
        key.is_some_and(|key| key.env.contains(missing) || missing.contains(&format!("`{}`", key.name)));
    let how = match key {
        Some(key) if is_key => format!("consort keys set {}", key.name),
        _ => format!("set {missing}"),
    };
    let whence = key.map(|key| key.help.clone()).unwrap_or_default();
    Some(vec![card.id.clone(), how, whence])
}
