//! The catalogue: the built-in providers, the user's own files, and the user's settings, in layers.
mod builtin;
mod cache;
mod card;

pub(crate) use builtin::builtin;
pub(crate) use cache::Cache;
pub(crate) use card::{Cards, provider_card, quirks, wire_id};

use crate::provider::HostedProvider;
use crate::spec::{self, Problems, ProviderSpec};
use crate::transport::Services;
use consort_core::Provider;
use consort_settings::{Env, Folders, Problem, Settings};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All hosted providers, and what was wrong with the files that describe them.
pub struct Catalogue {
    pub providers: Vec<Arc<dyn Provider>>,
    pub problems: Vec<Problem>,
    hosted: Vec<Arc<HostedProvider>>,
}

impl Catalogue {
    /// Reads the catalogue. This opens a few files and nothing else: no network, no client, no key is used.
    ///
    /// A provider that a bad file describes is left out, also a built-in one: without what the file says, a
    /// key might go to another place than the user wanted.
    pub fn load(folders: &Folders, env: &Env, settings: &Settings) -> Self {
        let mut problems = Problems::new();
        let mut broken = BTreeSet::new();
        let mut layers = user_files(&folders.providers_dir(), &mut broken, &mut problems);
        for (id, table) in &settings.providers {
            match checked_settings(folders, id, table, &mut problems) {
                Some(table) => layers.entry(id.clone()).or_default().push((folders.settings_file(), table)),
                None => drop(broken.insert(id.clone())),
            }
        }
        layers.retain(|id, _| !broken.contains(id));
        let services = Arc::new(Services::new(folders, env));
        let mut specs: Vec<ProviderSpec> = Vec::new();
        for (id, text) in builtin::ALL.iter().filter(|(id, _)| !broken.contains(*id)) {
            match layers.remove(*id) {
                None => specs.extend(builtin(id)),
                Some(layers) => {
                    let base = serde_json::from_str(text).unwrap_or_default();
                    specs.extend(layered(id, base, layers, &mut problems));
                }
            }
        }
        for (id, layers) in layers {
            specs.extend(layered(&id, Map::new(), layers, &mut problems));
        }
        let hosted: Vec<Arc<HostedProvider>> =
            specs.into_iter().map(|spec| Arc::new(HostedProvider::new(spec, services.clone()))).collect();
        let providers = hosted.iter().map(|provider| provider.clone() as Arc<dyn Provider>).collect();
        Self { providers, problems, hosted }
    }

    /// Those of the providers that are servers on this machine, as their files say.
    pub fn local_servers(&self) -> Vec<Arc<HostedProvider>> {
        self.hosted.iter().filter(|provider| provider.is_local()).cloned().collect()
    }

    /// All of them, for what they can besides answering.
    pub fn hosted(&self) -> &[Arc<HostedProvider>] {
        &self.hosted
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.providers.iter().map(|provider| provider.card().id.as_str()).collect();
        f.debug_struct("Catalogue")
            .field("providers", &ids)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

/// The tables for each provider, with the file that each is from, in the order in which they count.
type Layers = BTreeMap<String, Vec<(PathBuf, Map<String, Value>)>>;

/// The user's own provider files, in the order of their names. A bad one is a problem, and the rest load.
fn user_files(folder: &Path, broken: &mut BTreeSet<String>, problems: &mut Problems) -> Layers {
    let mut layers = Layers::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return layers };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    for file in files {
        let read = std::fs::read_to_string(&file)
            .map_err(|error| Problem::new(&file, format!("cannot be read: {error}")))
            .and_then(|text| spec::check(&file, &text));
        let stem = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match read {
            Ok(table) => {
                let id = table.get("id").and_then(Value::as_str).map_or_else(stem, str::to_owned);
                layers.entry(id).or_default().push((file, table));
            }
            Err(problem) => {
                broken.insert(stem());
                problems.push(problem);
            }
        }
    }
    layers
}

/// A `[providers.ID]` table of the settings file, checked like a file of its own.
fn checked_settings(
    folders: &Folders,
    id: &str,
    table: &toml::Table,
    problems: &mut Problems,
) -> Option<Map<String, Value>> {
    let file = folders.settings_file();
    let alone = table.to_string();
    match spec::check(&file, &alone) {
        Ok(table) => Some(table),
        Err(problem) => {
            let field = problem.line.and_then(|line| alone.lines().nth(line - 1)).and_then(first_word);
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let line = line_in_section(&text, id, field);
            let message = format!("[providers.{id}]: {}", problem.message);
            problems.push(Problem { line, message, ..problem });
            None
        }
    }
}

/// The name before the `=` of a line.
fn first_word(line: &str) -> Option<&str> {
    Some(line.split('=').next()?.trim()).filter(|word| !word.is_empty() && !word.starts_with('['))
}

/// The line of a field in a provider's section of the settings file, else that of the section's head.
fn line_in_section(text: &str, id: &str, field: Option<&str>) -> Option<usize> {
    let is_head = |line: &str| {
        let name = line.trim().trim_start_matches('[').strip_prefix("providers.");
        line.trim_start().starts_with('[')
            && name
                .is_some_and(|name| name.trim_start_matches(['"', '\'']).strip_prefix(id).is_some_and(ends))
    };
    let head = text.lines().position(is_head)?;
    let section = text.lines().enumerate().skip(head + 1);
    let mut inside = section.take_while(|(_, line)| !line.trim_start().starts_with('[') || is_head(line));
    let at = inside.find(|(_, line)| field.is_some() && first_word(line) == field).map_or(head, |(at, _)| at);
    Some(at + 1)
}

/// Whether a name ends here, and is not only the start of a longer one.
fn ends(rest: &str) -> bool {
    rest.starts_with(['.', ']', '"', '\'', ' '])
}

/// The provider that the layers make together, if they make one.
fn layered(
    id: &str,
    base: Map<String, Value>,
    layers: Vec<(PathBuf, Map<String, Value>)>,
    problems: &mut Problems,
) -> Option<ProviderSpec> {
    let mut whole = base;
    let mut file = PathBuf::new();
    let mut placed = false;
    for (from, table) in layers {
        // What lies on the ground says where a server usually is; what is laid over it, where it is.
        placed |= !whole.is_empty() && table.contains_key("base_url");
        spec::merge(&mut whole, table);
        file = from;
    }
    whole.insert("id".into(), id.into());
    let mut problem = |message: String, help: Option<&str>| {
        let help = help.map(str::to_owned);
        problems.push(Problem { file: file.clone(), line: None, message, help });
    };
    let mut spec: ProviderSpec = match serde_json::from_value(Value::Object(whole)) {
        Ok(spec) => spec,
        Err(error) => {
            problem(error.to_string(), None);
            return None;
        }
    };
    if spec.wire.is_empty() {
        problem(
            format!("the provider `{id}` has no `wire`"),
            Some("most vendors speak `wire = \"openai-chat\"`"),
        );
        return None;
    }
    if spec.base_url.is_empty() && spec.base_url_env.is_empty() {
        problem(
            format!("the provider `{id}` has no `base_url`"),
            Some("for instance `base_url = \"https://api.acme.example/v1\"`"),
        );
        return None;
    }
    if spec.name.is_empty() {
        id.clone_into(&mut spec.name);
    }
    spec.placed = placed;
    Some(spec)
}
