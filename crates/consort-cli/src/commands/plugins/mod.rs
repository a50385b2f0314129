//! `consort plugins`: what there is, why it is so, and how it is changed.
mod change;
mod check;
mod copied;
mod debug;
mod install;
mod list;
mod scaffold;
mod tools;

use crate::args::{Plugins as Args, PluginsCommand as Command};
use crate::exit::{self, Done};
use crate::setup::Setup;
use consort_core::Error;
use consort_plugins::{Plugin, Plugins};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(args: Args, mut setup: Setup) -> Done {
    let plugins = setup.open_plugins();
    setup.tell_problems()?;
    match args.command {
        None => list::run(&plugins, args.json),
        Some(Command::List { json }) => list::run(&plugins, json || args.json),
        Some(Command::Why { name }) => list::why(find(&plugins, &name)?.as_ref(), &plugins, &setup),
        Some(Command::Log { name }) => list::log(find(&plugins, &name)?.as_ref()),
        Some(Command::Check { name, prompt, json }) => {
            check::run(&find_or_open(&plugins, &name, &setup)?, &prompt, json, &setup)
        }
        Some(Command::Debug { name, prompt }) => {
            debug::run(&find_or_open(&plugins, &name, &setup)?, &prompt, &setup)
        }
        Some(Command::Test { name, tests }) => {
            debug::tests(&find_or_open(&plugins, &name, &setup)?, tests.as_deref(), &setup)
        }
        Some(Command::New { dialect, name }) => scaffold::run(dialect, &name, &plugins, &setup),
        Some(Command::Install { names, force }) => install::run(&names, force, &setup),
        Some(Command::Uninstall { name }) => install::uninstall(&find(&plugins, &name)?, &setup),
        Some(Command::InstallDeps { name, packages }) => {
            install::dependencies(&find(&plugins, &name)?, &packages, &setup)
        }
        Some(Command::Trust { folder }) => change::trust(&folder, true, &plugins, &setup),
        Some(Command::Untrust { folder }) => change::trust(&folder, false, &plugins, &setup),
        Some(Command::Reload { name }) => change::reload(name.as_deref(), &plugins, &setup),
        Some(Command::Grant { name, keys }) => {
            change::grant(find(&plugins, &name)?.as_ref(), &keys, &plugins, &setup)
        }
        Some(Command::Revoke { name, keys }) => {
            change::revoke(find(&plugins, &name)?.as_ref(), &keys, &plugins, &setup)
        }
        Some(Command::Tools { name }) => tools::list(&find(&plugins, &name)?),
        Some(Command::Call { name, tool, arguments }) => {
            tools::call(&find(&plugins, &name)?, &tool, &arguments)
        }
        Some(Command::Run { line }) => {
            let (name, arguments) = line.split_first().ok_or_else(Error::cancelled)?;
            debug::command(&find(&plugins, name)?, arguments, &setup)
        }
        Some(Command::Path) => {
            writeln!(anstream::stdout(), "{}", setup.folders.plugins_dir().display())?;
            Ok(exit::OK)
        }
    }
}

/// The plugin of an id.
fn find(plugins: &Plugins, name: &str) -> Result<Arc<Plugin>, Error> {
    plugins.find(name).ok_or_else(|| {
        let error = exit::usage(format!("no plugin is named `{name}`"));
        let rows = plugins.rows();
        // Who names the file means the plugin in it.
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
        let ids = rows.iter().map(|row| row.plugin.id());
        let near = ids
            .filter(|id| strsim::damerau_levenshtein(id, stem) <= 2)
            .min_by_key(|id| strsim::damerau_levenshtein(id, stem));
        let error = match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        error.hint("`consort plugins` lists them")
    })
}

/// The plugin of an id, or of a file anywhere.
fn find_or_open(plugins: &Plugins, name: &str, setup: &Setup) -> Result<Arc<Plugin>, Error> {
    if let Some(plugin) = plugins.find(name) {
        return Ok(plugin);
    }
    let file = Path::new(name);
    if !file.exists() {
        if file.symlink_metadata().is_ok() {
            return Err(exit::usage(format!("`{name}` is a link that leads nowhere")).hint("mend the link"));
        }
        if name.contains(['/', '\\']) {
            return Err(exit::usage(format!("there is no file `{name}`"))
                .hint("a plugin in the plugins folder is named alone: `consort plugins` lists them"));
        }
        return find(plugins, name);
    }
    setup.open_file(file).ok_or_else(|| {
        exit::usage(format!("`{name}` is no plugin"))
            .hint("a plugin is a Python file, a script with a `/// llm-plugin` block, or a program")
    })
}
