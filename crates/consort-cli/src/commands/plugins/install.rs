//! Packages: installed as plugins, or for the plugins that need them. Files: copied.
use super::copied::{self, Named};
use crate::args::shown;
use crate::exit::{self, Done, Failure};
use crate::setup::{Setup, runtime, state_words};
use crate::stop::wait_for;
use crate::terminal::Style;
use consort_core::{Error, ErrorKind, State};
use consort_plugins::{Interpreter, Plugin, Venv, shortened};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Installs plugins, each with what it needs apart from all others.
pub(super) fn run(names: &[String], force: bool, setup: &Setup) -> Done {
    for name in names {
        match copied::what(name)? {
            Named::Here(path) => file(&path, force, setup)?,
            Named::Project(path, name) => package(&path.to_string_lossy(), &package_name(&name)?, setup)?,
            Named::Package => package(name, &package_name(name)?, setup)?,
        }
    }
    Ok(exit::OK)
}

fn file(path: &Path, force: bool, setup: &Setup) -> Result<(), Failure> {
    let id = copied::copy(path, force, setup)?;
    say(&id, &format!("copied to {}", shown(&setup.folders.plugins_dir())));
    report(&id, setup)
}

fn package(package: &str, name: &str, setup: &Setup) -> Result<(), Failure> {
    let python = Interpreter::find(&setup.env, &setup.plugin_state())?;
    let venv = Venv::of(&setup.plugin_state(), name);
    let fresh = venv.python().is_none();
    let installed = venv
        .install(&setup.env, &python, &[package.to_owned()], &mut |what| say(name, what))
        .and_then(|()| has_plugin(&venv, name, setup))
        .and_then(|()| write_manifest(name, setup));
    if let Err(error) = installed {
        if fresh {
            // What is half installed would be a row that nobody asked for.
            let _ = venv.remove();
        }
        return Err(error.into());
    }
    report(name, setup)
}

fn has_plugin(venv: &Venv, name: &str, setup: &Setup) -> Result<(), Error> {
    if venv.has_plugin(&setup.env)? {
        return Ok(());
    }
    Err(exit::usage(format!(
        "the package `{name}` is no plugin: it names none in its entry points for `llm`"
    ))
    .hint(format!("a plugin that needs it: consort plugins install-deps PLUGIN {name}")))
}

/// The name of what is installed: `llm-echo` of `llm-echo==0.3`.
fn package_name(package: &str) -> Result<String, Error> {
    let end = package.find(['=', '<', '>', '!', '~', '[', ' ', '@']).unwrap_or(package.len());
    let name = &package[..end];
    let good = !name.is_empty()
        && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    if good {
        return Ok(name.to_ascii_lowercase().replace('_', "-"));
    }
    Err(exit::usage(format!("`{package}` is no package's name"))
        .hint("for instance: consort plugins install llm-echo"))
}

fn manifest(name: &str, setup: &Setup) -> PathBuf {
    setup.folders.plugins_dir().join(format!("{name}.toml"))
}

fn write_manifest(name: &str, setup: &Setup) -> Result<(), Error> {
    let file = manifest(name, setup);
    let text = format!("# Written by `consort plugins install`.\npackage = \"{name}\"\n");
    std::fs::create_dir_all(setup.folders.plugins_dir()).and_then(|()| std::fs::write(&file, text)).map_err(
        |error| Error::new(ErrorKind::Setup, format!("{} cannot be written: {error}", file.display())),
    )
}

fn say(name: &str, what: &str) {
    // Nobody may be looking.
    let _ = writeln!(anstream::stderr(), "{}", Style::Dim.paint(format!("{name}: {what}")));
}

/// Looks at the plugin and tells what it has.
fn report(name: &str, setup: &Setup) -> Result<(), Failure> {
    let runtime = runtime()?;
    // Looked for anew each time: what it was granted is among what it is kept under.
    let look = || {
        let lost = || Error::new(ErrorKind::Setup, format!("`{name}` was installed and is not found"));
        let plugin = setup.reopen_plugins().find(name).ok_or_else(lost)?;
        plugin.forget();
        let learnt = wait_for(&runtime, async { Ok(plugin.check().await) })?;
        Ok::<_, Failure>((plugin, learnt))
    };
    let (mut plugin, mut learnt) = look()?;
    // Whoever installs a plugin wants it to have the keys that are its own.
    let given = plugin.grant_own_keys()?;
    if !given.is_empty() {
        (plugin, learnt) = look()?;
    }
    drop(runtime);
    for key in given {
        say(name, &format!("it gets the key `{key}`"));
    }
    let mut to = anstream::stderr().lock();
    let ids: Vec<&str> = learnt.models.iter().map(|known| known.card.id.as_str()).collect();
    match plugin.state() {
        State::Ready if ids.is_empty() => {
            let brings = learnt.beside_models(name);
            let brings: Vec<String> = brings.iter().map(|(what, how)| format!("{what} ({how})")).collect();
            let what = if brings.is_empty() { "no models".to_owned() } else { brings.join(", ") };
            let good = Style::Good.paint(setup.signs.good);
            writeln!(to, "{good} {name} is installed; it brings {what}")?;
        }
        State::Ready => {
            writeln!(to, "{} {name} is ready: {}", Style::Good.paint(setup.signs.good), shortened(&ids))?;
        }
        state => {
            writeln!(to, "{} {name} is installed", Style::Good.paint(setup.signs.good))?;
            let is = if matches!(state, State::Broken { .. }) { "is " } else { "" };
            writeln!(to, "{} it {is}{}", Style::Warning.paint("warning:"), state_words(&state))?;
            if let Some(help) = plugin.help() {
                writeln!(to, "  {} {help}", Style::Help.paint("help:"))?;
            }
        }
    }
    for note in setup.namesakes_of(&plugin) {
        writeln!(to, "{}", Style::Dim.paint(format!("note: {note}")))?;
    }
    Ok(())
}

pub(super) fn uninstall(plugin: &Arc<Plugin>, setup: &Setup) -> Done {
    let Some(package) = plugin.package() else {
        let file = plugin.found().file.display();
        return Err(exit::usage(format!("{} is a file, not a package", plugin.id()))
            .hint(format!("remove the file to remove the plugin: {file}"))
            .into());
    };
    Venv::of(&setup.plugin_state(), plugin.id()).remove()?;
    plugin.forget();
    let file = plugin.found().file.clone();
    if let Err(error) = std::fs::remove_file(&file) {
        let what = format!("{} cannot be removed: {error}", file.display());
        return Err(Error::new(ErrorKind::Setup, what).into());
    }
    writeln!(anstream::stderr(), "{} {package} is gone", Style::Good.paint(setup.signs.good))?;
    Ok(exit::OK)
}

/// Installs what a plugin's file names, and more packages if the user names some.
pub(super) fn dependencies(plugin: &Arc<Plugin>, more: &[String], setup: &Setup) -> Done {
    let mut packages = plugin.wanted_packages();
    packages.extend(more.iter().cloned());
    if packages.is_empty() {
        return Err(exit::usage(format!("{} names no packages", plugin.id()))
            .hint(format!("name them: consort plugins install-deps {} PACKAGE...", plugin.id()))
            .hint("or in its file, as PEP 723 says: # /// script")
            .into());
    }
    let python = Interpreter::find(&setup.env, &setup.plugin_state())?;
    plugin.may_run_on(python.version)?;
    let venv = Venv::of(&setup.plugin_state(), plugin.id());
    // One that was made when another Python was here cannot run it.
    if venv.version().is_some_and(|version| plugin.may_run_on(version).is_err()) {
        venv.remove()?;
    }
    venv.install(&setup.env, &python, &packages, &mut |what| say(plugin.id(), what))?;
    report(plugin.id(), setup)?;
    Ok(exit::OK)
}
