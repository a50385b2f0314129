//! Rows of the dropdown and of the plugins page, from what is known without starting anything.
use crate::args::shown;
use consort_core::{ConfigKey, Host, ModelKind, ProviderCard, State};
use consort_plugins::{Plugin, Plugins, Row};
use consort_routes::{Order, PROVIDER};
use consort_server::{ModelRow, Place, PluginRow, Source, SourceKind};
use serde_json::{Value, json};
use std::sync::Arc;

/// All models, plugins first, since they are the user's own.
pub(super) fn models(host: &Host, plugins: &Plugins) -> Vec<ModelRow> {
    let rows = plugins.rows();
    let mut all: Vec<ModelRow> = rows.iter().flat_map(of_plugin).collect();
    for provider in host.providers() {
        let card = provider.card();
        if rows.iter().any(|row| row.plugin.id() == card.id) {
            continue;
        }
        let models = pollster::block_on(provider.models()).unwrap_or_default();
        let chat = models.iter().map(|model| model.card()).filter(|card| card.kind == ModelKind::Chat);
        let base = ModelRow {
            id: card.id.clone(),
            name: card.id.clone(),
            card: None,
            source: Source { kind: kind(card), ..Source::default() },
            state: card.state.clone(),
            place: None,
            hints: hints(card),
            keys: missing(card),
            untrusted: false,
            about: None,
            offline: kind(card) == SourceKind::Builtin,
        };
        if !base.keys.is_empty() {
            // One row asks for the key: its models are there once it is.
            let count = chat.count();
            let about = format!("{}: {count} models that are known, once its key is stored.", card.name);
            all.push(ModelRow { about: Some(about), ..base });
            continue;
        }
        all.extend(chat.map(|model| ModelRow {
            id: model.id.clone(),
            name: model.id.clone(),
            card: Some(model.clone()),
            about: model.title.clone(),
            ..base.clone()
        }));
    }
    all
}

fn kind(card: &ProviderCard) -> SourceKind {
    match card.id.as_str() {
        PROVIDER => SourceKind::Route,
        crate::setup::DEMO => SourceKind::Builtin,
        // What needs no key and may or may not run is on this machine.
        _ if card.state == State::Unchecked => SourceKind::Local,
        _ => SourceKind::Hosted,
    }
}

/// The keys that are required, where the provider lacks one.
fn missing(card: &ProviderCard) -> Vec<ConfigKey> {
    let lacks = matches!(card.state, State::NeedsSetup { .. });
    card.keys.iter().filter(|key| lacks && key.required && key.secret).cloned().collect()
}

fn hints(card: &ProviderCard) -> Vec<String> {
    missing(card).iter().map(|key| format!("consort keys set {}", key.name)).collect()
}

fn of_plugin(row: &Row) -> Vec<ModelRow> {
    let plugin = &row.plugin;
    let learnt = plugin.learnt();
    let base = ModelRow {
        id: plugin.id().to_owned(),
        name: plugin.id().to_owned(),
        card: None,
        source: Source {
            kind: SourceKind::Plugin,
            plugin: Some(plugin.id().to_owned()),
            path: Some(shown(&plugin.found().file)),
            dialect: Some(plugin.sort().to_owned()),
        },
        state: row.state.clone(),
        place: place(plugin, &row.state),
        hints: row.help.clone().into_iter().collect(),
        keys: wanted(plugin, &row.state),
        untrusted: plugin.found().untrusted,
        about: learnt.as_ref().and_then(|learnt| learnt.description.clone()),
        offline: false,
    };
    let known =
        learnt.iter().flat_map(|learnt| &learnt.models).filter(|known| known.card.kind == ModelKind::Chat);
    let models: Vec<ModelRow> = known
        .map(|known| ModelRow {
            id: known.card.id.clone(),
            name: known.card.id.clone(),
            card: Some(known.card.clone()),
            about: known.description.clone().or_else(|| base.about.clone()),
            ..base.clone()
        })
        .collect();
    if models.is_empty() { vec![base] } else { models }
}

/// The keys that a plugin needs and has not.
fn wanted(plugin: &Plugin, state: &State) -> Vec<ConfigKey> {
    if !matches!(state, State::NeedsSetup { .. }) {
        return Vec::new();
    }
    plugin.learnt().map(|learnt| learnt.keys()).unwrap_or_default()
}

/// Where the reason of a broken plugin points: `file:line` at its beginning.
fn place(plugin: &Plugin, state: &State) -> Option<Place> {
    let (State::Broken { reason } | State::NeedsSetup { missing: reason }) = state else { return None };
    let (file, rest) = reason.split_once(':')?;
    let line: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let line = line.parse().ok()?;
    let file =
        if plugin.found().file.ends_with(file) { shown(&plugin.found().file) } else { file.to_owned() };
    Some(Place { file, line: Some(line) })
}

/// A row of the routes page.
pub(super) fn route(row: &consort_routes::Row, host: &Host) -> Value {
    let spec = row.spec.as_ref();
    let around = spec.map(crate::commands::routes::around).unwrap_or_default();
    let limits: Vec<String> = around.into_iter().map(|(name, what)| format!("{name} {what}")).collect();
    let policy = match spec.map(|spec| spec.order) {
        Some(Order::Weighted) => "by weight",
        Some(Order::Latency) => "the quickest first",
        Some(Order::Listed) => "in this order",
        None => "broken",
    };
    let targets: Vec<Value> = spec
        .map(|spec| &spec.targets)
        .into_iter()
        .flatten()
        .map(|target| {
            let provider = target.model.split('/').next().unwrap_or_default();
            let state =
                host.provider_by_id(provider).map_or(State::Ready, |provider| provider.card().state.clone());
            json!({"model": target.model, "state": state, "resting_until": null, "last_error": null})
        })
        .collect();
    let problems = row.problems.iter().map(ToString::to_string);
    json!({
        "id": row.id(), "name": row.name, "policy": policy, "targets": targets,
        "limits": limits.into_iter().chain(problems).collect::<Vec<_>>(), "budget": null,
    })
}

/// A row of the plugins page.
pub(super) fn plugin(row: &Row) -> PluginRow {
    let plugin: &Arc<Plugin> = &row.plugin;
    let learnt = plugin.learnt();
    let found = plugin.found();
    PluginRow {
        name: plugin.id().to_owned(),
        path: shown(&found.file),
        folder: found.file.parent().map(shown).unwrap_or_default(),
        dialect: Some(plugin.sort().to_owned()),
        state: row.state.clone(),
        place: place(plugin, &row.state),
        hints: row.help.clone().into_iter().collect(),
        models: learnt.iter().flat_map(|learnt| &learnt.models).map(|known| known.card.id.clone()).collect(),
        trusted: !found.untrusted,
        keys: wanted(plugin, &row.state),
        grants: plugin.granted().into_iter().collect(),
        about: learnt.as_ref().and_then(|learnt| learnt.description.clone()),
        packages: plugin.wanted_packages(),
    }
}
