//! What plugins there are, and why each is in its state.
use crate::exit::{self, Done};
use crate::setup::{Setup, state_words, what_is_wrong};
use crate::terminal::{Style, print_json, table, tamed};
use consort_core::State;
use consort_plugins::{Plugin, Plugins, Row, shell_word};
use serde_json::{Value, json};
use std::io::Write;

pub(super) fn run(plugins: &Plugins, as_json: bool) -> Done {
    let rows = plugins.rows();
    if as_json {
        print_json(&rows.iter().map(to_json).collect())?;
        return Ok(exit::OK);
    }
    let mut notes = anstream::stderr().lock();
    if rows.is_empty() {
        writeln!(notes, "no plugins yet: put a file into the folder that `consort plugins path` prints,")?;
        writeln!(notes, "install a package (`consort plugins install llm-echo`), or start one")?;
        writeln!(notes, "(`consort plugins new drop-in my_model`)")?;
        return Ok(exit::OK);
    }
    let head = ["PLUGIN", "STATE", "MODELS", "WHAT IS WRONG"].map(str::to_owned).to_vec();
    let lines = rows.iter().map(|row| {
        let models = row.plugin.learnt().map_or(0, |learnt| learnt.models.len());
        let models = if models == 0 { String::new() } else { models.to_string() };
        vec![row.plugin.id().to_owned(), row.state.word().to_owned(), models, what_is_wrong(&row.state)]
    });
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
    let mut to = anstream::stdout().lock();
    table(&mut to, &lines, &[None, None, None, Some(Style::Dim)])?;
    to.flush()?;
    if rows.iter().any(|row| row.state != State::Ready) {
        let note = "consort plugins why NAME says what to do; consort plugins check NAME tests one";
        writeln!(notes, "\n{}", Style::Dim.paint(note))?;
    }
    Ok(exit::OK)
}

fn to_json(row: &Row) -> Value {
    let learnt = row.plugin.learnt();
    let models: Vec<&str> =
        learnt.iter().flat_map(|learnt| &learnt.models).map(|known| known.card.id.as_str()).collect();
    json!({
        "id": row.plugin.id(),
        "state": row.state.word(),
        "reason": Some(what_is_wrong(&row.state)).filter(|reason| !reason.is_empty()),
        "help": row.help,
        "at": row.plugin.place().filter(|_| row.state != State::Ready),
        "file": row.plugin.found().file.display().to_string(),
        "dialect": row.plugin.sort(),
        "models": models,
    })
}

/// All about one plugin.
pub(super) fn why(plugin: &Plugin, plugins: &Plugins, setup: &Setup) -> Done {
    let rows = plugins.rows();
    let row = rows.iter().find(|row| row.plugin.id() == plugin.id());
    let (state, help) =
        row.map_or_else(|| (plugin.state(), plugin.help()), |row| (row.state.clone(), row.help.clone()));
    let mut to = anstream::stdout().lock();
    writeln!(to, "{}", Style::Bold.paint(plugin.id()))?;
    let mut lines = vec![
        ("state", state_words(&state)),
        ("file", plugin.found().file.display().to_string()),
        ("kind", plugin.sort().to_owned()),
    ];
    if plugin.folder().exists() {
        lines.push(("folder", plugin.folder().display().to_string()));
    }
    if let Some(place) = plugin.place().filter(|_| matches!(state, State::NeedsSetup { .. })) {
        lines.push(("at", place));
    }
    lines.extend(plugin.last_failure().map(|why| ("failed", tamed(&why))));
    let learnt = plugin.learnt();
    if let Some(learnt) = &learnt {
        let ids: Vec<&str> = learnt.models.iter().map(|known| known.card.id.as_str()).collect();
        if !ids.is_empty() {
            lines.push(("models", ids.join(", ")));
        }
        lines.extend(learnt.beside_models(plugin.id()));
        lines.extend(learnt.notes.iter().map(|note| ("note", note.clone())));
    }
    lines.extend(setup.namesakes_of(plugin).into_iter().map(|note| ("note", note)));
    let env: Vec<String> = plugin.variables();
    if !env.is_empty() {
        lines.push(("reads", env.join(", ")));
    }
    for name in plugin.withheld() {
        lines.push((
            "note",
            format!(
                "it reads {name}, which is set here and was not granted: consort plugins grant {} {name}",
                shell_word(plugin.id())
            ),
        ));
    }
    let granted: Vec<String> = plugin.granted().into_iter().collect();
    if !granted.is_empty() {
        lines.push(("granted", granted.join(", ")));
    }
    let lines: Vec<Vec<String>> = lines.into_iter().map(|(name, what)| vec![name.to_owned(), what]).collect();
    table(&mut to, &lines, &[Some(Style::Dim), None])?;
    to.flush()?;
    let mut notes = anstream::stderr().lock();
    if state == State::Unchecked {
        let note = "nobody ran it yet: its first use does, or consort plugins check";
        writeln!(notes, "{}", Style::Dim.paint(note))?;
    }
    if let Some(help) = help {
        writeln!(notes, "  {} {help}", Style::Help.paint("help:"))?;
    }
    Ok(exit::OK)
}

pub(super) fn log(plugin: &Plugin) -> Done {
    let lines = plugin.kept_log();
    if lines.is_empty() {
        writeln!(anstream::stderr(), "{} said nothing when it ran last", plugin.id())?;
        return Ok(exit::OK);
    }
    let mut to = anstream::stdout().lock();
    for line in lines {
        writeln!(to, "{}", tamed(&line.text))?;
    }
    Ok(exit::OK)
}
