//! What the user decides about plugins: trust, grants, a new look.
use crate::exit::{self, Done};
use crate::setup::{Setup, runtime, state_words};
use crate::stop::wait_for;
use crate::terminal::Style;
use consort_core::State;
use consort_plugins::{Plugin, Plugins};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

pub(super) fn trust(folder: &Path, trusted: bool, plugins: &Plugins, setup: &Setup) -> Done {
    let place = std::fs::canonicalize(folder).map_err(|error| {
        let what = match error.kind() {
            ErrorKind::NotFound => "there is no such folder".to_owned(),
            _ => error.to_string(),
        };
        exit::usage(format!("`{}` cannot be opened: {what}", folder.display()))
            .hint("name the folder that the plugins are in")
    })?;
    let records = plugins.allowed();
    if trusted {
        records.trust(&place)?;
    } else {
        records.untrust(&place)?;
    }
    let what = if trusted { "may run" } else { "may no longer run" };
    let good = Style::Good.paint(setup.signs.good);
    writeln!(anstream::stderr(), "{good} the plugins in {} {what}", place.display())?;
    Ok(exit::OK)
}

pub(super) fn grant(plugin: &Plugin, keys: &[String], plugins: &Plugins, setup: &Setup) -> Done {
    if keys.iter().any(|key| key == "HOME") {
        let folder = plugin.folder();
        return Err(exit::usage("no plugin gets your HOME: it has a folder of its own in that variable")
            .hint(format!("what it looks for there goes into {}", folder.display()))
            .into());
    }
    for key in keys {
        plugins.allowed().grant(plugin.found(), key)?;
    }
    let good = Style::Good.paint(setup.signs.good);
    writeln!(anstream::stderr(), "{good} {} gets {}", plugin.id(), keys.join(", "))?;
    for key in keys.iter().filter(|key| !plugin.is_set(key)) {
        // Names of variables are written large.
        let is_variable = !key.chars().any(char::is_lowercase);
        let export = if is_variable { "export it, or " } else { "" };
        let what = format!("`{key}` is not set yet: {export}consort keys set {key}");
        writeln!(anstream::stderr(), "{} {what}", Style::Warning.paint("warning:"))?;
    }
    plugin.forget();
    Ok(exit::OK)
}

pub(super) fn revoke(plugin: &Plugin, keys: &[String], plugins: &Plugins, setup: &Setup) -> Done {
    let (mut taken, mut never) = (Vec::new(), Vec::new());
    for key in keys {
        let list = if plugins.allowed().revoke(plugin.found(), key)? { &mut taken } else { &mut never };
        list.push(key.as_str());
    }
    plugin.forget();
    let mut to = anstream::stderr().lock();
    if !taken.is_empty() {
        let good = Style::Good.paint(setup.signs.good);
        writeln!(to, "{good} {} no longer gets {}", plugin.id(), taken.join(", "))?;
    }
    if !never.is_empty() {
        writeln!(to, "{} did not get {}", plugin.id(), never.join(", "))?;
    }
    Ok(exit::OK)
}

/// Forgets what is known, and looks again.
pub(super) fn reload(name: Option<&str>, plugins: &Plugins, setup: &Setup) -> Done {
    let chosen: Vec<Arc<Plugin>> = match name {
        Some(name) => vec![super::find(plugins, name)?],
        None => plugins.rows().into_iter().map(|row| row.plugin).collect(),
    };
    if name.is_none() {
        plugins.sweep();
    }
    chosen.iter().for_each(|plugin| plugin.forget());
    let runtime = runtime()?;
    wait_for(&runtime, async {
        plugins.check_all().await;
        Ok(())
    })?;
    drop(runtime);
    let mut to = anstream::stderr().lock();
    for plugin in chosen {
        let state = plugin.state();
        if state == State::Ready {
            writeln!(to, "{} {} is ready", Style::Good.paint(setup.signs.good), plugin.id())?;
        } else {
            writeln!(to, "{} {}: {}", Style::Warning.paint("warning:"), plugin.id(), state_words(&state))?;
            if let Some(help) = plugin.help() {
                writeln!(to, "  {} {help}", Style::Help.paint("help:"))?;
            }
        }
    }
    Ok(exit::OK)
}
