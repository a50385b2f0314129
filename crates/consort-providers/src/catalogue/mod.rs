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
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All hosted providers, and what was wrong with the files that describe them.
pub struct Catalogue {
    pub providers: Vec<Arc<dyn Provider>>,
    pub problems: Vec<Problem>,
}

impl Catalogue {
    /// Reads the catalogue. This opens a few files and nothing else: no network, no client, no key is used.
    pub fn load(folders: &Folders, env: &Env, settings: &Settings) -> Self {
        let mut problems = Problems::new();
        let mut layers = user_files(&folders.providers_dir(), &mut problems);
        for (id, table) in &settings.providers {
            if let Some(table) = checked_settings(folders, id, table, &mut problems) {
                layers.entry(id.clone()).or_default().push((folders.settings_file(), table));
            }
        }
        let services = Arc::new(Services::new(folders, env));
        let mut specs: Vec<ProviderSpec> = Vec::new();
        for (id, text) in builtin::ALL {
            match layers.remove(*id) {
                None => specs.extend(builtin(id)),
                Some(layers) => {
                    let base = serde_json::from_str(text).unwrap_or_default();
                    // A layer that spoils the whole is left out, and the provider stays.
                    specs.extend(layered(id, base, layers, &mut problems).or_else(|| builtin(id)));
                }
            }
        }
        for (id, layers) in layers {
            specs.extend(layered(&id, Map::new(), layers, &mut problems));
        }
        let providers = specs
            .into_iter()
            .map(|spec| Arc::new(HostedProvider::new(spec, services.clone())) as Arc<dyn Provider>)
            .collect();
        Self { providers, problems }
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.providers.iter().map(|provider| provider.card().id.as_str()).collect();
        f.debug_struct("Catalogue").field("providers", &ids).field("problems", &self.problems).finish()
    }
}

/// The tables for each provider, with the file that each is from, in the order in which they count.
type Layers = BTreeMap<String, Vec<(PathBuf, Map<String, Value>)>>;

/// The user's own provider files, in the order of their names. A bad one is a problem, and the rest load.
fn user_files(folder: &Path, problems: &mut Problems) -> Layers {
    let mut layers = Layers::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return layers };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    for file in files {
        let read = std::fs::read_to_string(&file)
            .map_err(|error| Problem::new(&file, format!("cannot be read: {error}")))
            .and_then(|text| spec::check(&file, &text));
        match read {
            Ok(table) => {
                let stem = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let id = table.get("id").and_then(Value::as_str).map_or_else(stem, str::to_owned);
                layers.entry(id).or_default().push((file, table));
            }
            Err(problem) => problems.push(problem),
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
    match spec::check(&file, &table.to_string()) {
        Ok(table) => Some(table),
        Err(problem) => {
            // Its line counts in the table alone: the section's name leads there.
            let message = format!("[providers.{id}]: {}", problem.message);
            problems.push(Problem { line: None, message, ..problem });
            None
        }
    }
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
    for (from, table) in layers {
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
    Some(spec)
}
