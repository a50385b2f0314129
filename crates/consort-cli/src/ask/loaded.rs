//! What comes into a prompt from elsewhere: fragments of files and plugins.
use crate::exit;
use crate::place::placed;
use crate::setup::Setup;
use crate::stop::wait_for;
use crate::terminal::Style;
use consort_core::{Error, Media};
use consort_plugins::{Fragment, Loads, Plugin};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The texts and media of all fragments, in their order.
pub(super) fn fragments(
    wanted: &[String],
    setup: &Setup,
    runtime: &Runtime,
) -> Result<(Vec<String>, Vec<Media>), Error> {
    let (mut texts, mut media) = (Vec::new(), Vec::new());
    for name in wanted {
        let loader = name.split_once(':').and_then(|(prefix, rest)| {
            Some((loader(Loads::Fragments, prefix, setup, runtime)?, prefix, rest))
        });
        match loader {
            Some((plugin, prefix, argument)) => {
                let loaded = wait_for(runtime, plugin.fragments(prefix, &placed(argument)))?;
                if loaded.iter().all(Fragment::is_empty) {
                    let words = format!("`{name}` brought nothing");
                    // Where stderr is closed, nobody is left to tell.
                    let _ = writeln!(anstream::stderr(), "{} {words}", Style::Warning.paint("warning:"));
                }
                for fragment in loaded {
                    match fragment {
                        Fragment::Text { text, .. } => texts.push(text),
                        Fragment::Media(found) => media.push(found),
                    }
                }
            }
            None => texts.push(file(name)?),
        }
    }
    Ok((texts, media))
}

fn file(name: &str) -> Result<String, Error> {
    let unknown = || {
        exit::usage(format!("`{name}` is no file, and no plugin loads it"))
            .hint("a fragment is a text file, or PREFIX:NAME of a plugin: `consort plugins why NAME` shows its prefixes")
    };
    if !Path::new(name).is_file() {
        return Err(unknown());
    }
    std::fs::read_to_string(name).map_err(|error| {
        exit::usage(format!("`{name}` cannot be read as text: {error}")).hint("attach it instead: -a FILE")
    })
}

/// The plugin that loads what begins with a prefix. Those that nobody looked at yet are, if no other does.
pub(super) fn loader(loads: Loads, prefix: &str, setup: &Setup, runtime: &Runtime) -> Option<Arc<Plugin>> {
    let plugins = setup.plugins.as_ref()?;
    plugins
        .loader(loads, prefix)
        .or_else(|| setup.check_plugins(None, runtime, None).then(|| plugins.loader(loads, prefix)).flatten())
}
