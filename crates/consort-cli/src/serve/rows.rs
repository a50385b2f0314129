//! Rows of the dropdown and of the plugins page, from what is known without starting anything.
use crate::args::shown;
use crate::local::LocalServers;
use crate::time;
use consort_core::{ConfigKey, Host, Model, ModelKind, Money, ProviderCard, State};
use consort_plugins::{Plugin, Plugins, Row};
use consort_routes::{Budget, Order, PROVIDER, Per, Period, Registry, Route, RouteProvider, Target};
use consort_server::{ModelRow, Place, PluginRow, Source, SourceKind};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What rows are made from, at one moment.
pub(super) struct Known {
    pub(super) host: Arc<Host>,
    pub(super) plugins: Plugins,
    pub(super) local: LocalServers,
    pub(super) routes: Option<Arc<RouteProvider>>,
}

/// All models, plugins first, since they are the user's own.
pub(super) fn models(known: &Known) -> Vec<ModelRow> {
    let (host, rows) = (&known.host, known.plugins.rows());
    let mut all: Vec<ModelRow> = rows.iter().flat_map(of_plugin).collect();
    for provider in host.providers() {
        let card = provider.card();
        if rows.iter().any(|row| row.plugin.id() == card.id) {
            continue;
        }
        if card.id == PROVIDER {
            all.extend(known.routes.iter().flat_map(|routes| routes.rows()).map(|row| of_route(row, known)));
            continue;
        }
        let models = pollster::block_on(provider.models()).unwrap_or_default();
        let live = provider.realtime_models();
        let chat = models.iter().map(|model| model.card()).filter(|card| card.kind == ModelKind::Chat);
        let cards = chat.chain(live.iter().map(|model| model.card()));
        let base = ModelRow {
            id: card.id.clone(),
            name: card.id.clone(),
            card: None,
            source: Source { kind: kind(card, known), ..Source::default() },
            state: card.state.clone(),
            place: None,
            hints: hints(card),
            keys: missing(card),
            untrusted: false,
            about: Some(about(card)),
            offline: Some(is_here(&card.id, known)),
        };
        if !base.keys.is_empty() {
            // One row asks for the key: its models are there once it is.
            let count = cards.count();
            let about = format!("{}: {count} models that are known, once its key is stored.", card.name);
            all.push(ModelRow { about: Some(about), ..base });
            continue;
        }
        all.extend(cards.map(|model| ModelRow {
            id: model.id.clone(),
            name: model.id.clone(),
            card: Some(model.clone()),
            state: provider.state_of(model),
            ..base.clone()
        }));
    }
    // Whoever lists a model twice has it once: an id is what is asked for.
    let mut seen = HashSet::new();
    all.retain(|row| seen.insert(row.id.clone()));
    all
}

fn kind(card: &ProviderCard, known: &Known) -> SourceKind {
    match card.id.as_str() {
        crate::setup::DEMO => SourceKind::Builtin,
        id if known.local.has(id) => SourceKind::Local,
        _ => SourceKind::Hosted,
    }
}

/// Whether a provider answers on this machine alone.
fn is_here(provider: &str, known: &Known) -> bool {
    provider == crate::setup::DEMO || known.local.has_here(provider)
}

/// Who answers, and where more is said of it.
fn about(card: &ProviderCard) -> String {
    if card.id == crate::setup::DEMO {
        return "Answers by a fixed rule, without a network: to try things out.".to_owned();
    }
    let docs = card.docs.as_ref().map(|docs| format!("\n{docs}")).unwrap_or_default();
    format!("By {}.{docs}", card.name)
}

fn of_route(row: &consort_routes::Row, known: &Known) -> ModelRow {
    let targets = row.route.as_ref().map(Route::targets).unwrap_or_default();
    let here = |target: &Target| is_here(&target.card().provider, known);
    let names: Vec<&str> = targets.iter().map(|target| target.card().id.as_str()).collect();
    let help = row.problems.iter().filter_map(|problem| problem.help.clone());
    ModelRow {
        id: row.id(),
        name: row.id(),
        card: row.route.as_ref().map(|route| route.card().clone()),
        source: Source {
            kind: SourceKind::Route,
            path: Some(format!("{}:{}", shown(&row.file), row.line)),
            ..Source::default()
        },
        state: row.state(),
        place: row
            .problems
            .first()
            .map(|_| Place { file: shown(&row.file), line: u32::try_from(row.line).ok() }),
        hints: help.collect(),
        keys: Vec::new(),
        untrusted: false,
        about: (!names.is_empty()).then(|| format!("Asks {}, {}.", names.join(", "), policy(row))),
        offline: (!targets.is_empty()).then(|| targets.iter().all(here)),
    }
}

/// In which order a route asks its targets.
fn policy(row: &consort_routes::Row) -> &'static str {
    match row.spec.as_ref().map(|spec| spec.order) {
        Some(Order::Weighted) => "by weight",
        Some(Order::Latency) => "the quickest first",
        Some(Order::Listed) => "in this order",
        None => "broken",
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
    let learnt = row.learnt.clone();
    let lacked = match (&learnt, &row.state) {
        (Some(learnt), State::Ready) => plugin.keys_lacked(learnt),
        _ => BTreeMap::new(),
    };
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
        // One that names hosts asks them; of another nobody knows.
        offline: plugin.found().manifest.hosts.as_ref().filter(|hosts| !hosts.is_empty()).map(|_| false),
    };
    let is_asked = |kind| matches!(kind, ModelKind::Chat | ModelKind::Realtime);
    let known = learnt.iter().flat_map(|learnt| &learnt.models).filter(|known| is_asked(known.card.kind));
    let models: Vec<ModelRow> = known
        .map(|known| {
            let row = ModelRow {
                id: known.card.id.clone(),
                name: known.card.id.clone(),
                card: Some(known.card.clone()),
                about: known.description.clone().or_else(|| base.about.clone()),
                ..base.clone()
            };
            match lacked.get(&known.card.name) {
                Some(key) => without_key(row, plugin, key),
                None => row,
            }
        })
        .collect();
    if models.is_empty() { vec![base] } else { models }
}

/// The row of a model whose key is not there, of a plugin that answers with others.
fn without_key(row: ModelRow, plugin: &Plugin, key: &str) -> ModelRow {
    let keys = plugin.learnt().map(|learnt| learnt.keys()).unwrap_or_default();
    ModelRow {
        state: State::NeedsSetup { missing: format!("the key `{key}`") },
        hints: vec![plugin.key_help(key)],
        keys: keys.into_iter().filter(|known| known.name == key).collect(),
        ..row
    }
}

/// The keys that a plugin needs and has not.
fn wanted(plugin: &Plugin, state: &State) -> Vec<ConfigKey> {
    if !matches!(state, State::NeedsSetup { .. }) {
        return Vec::new();
    }
    plugin.learnt().map(|learnt| learnt.keys()).unwrap_or_default()
}

/// Where the reason of a plugin that is not ready points.
fn place(plugin: &Plugin, state: &State) -> Option<Place> {
    let (State::Broken { .. } | State::NeedsSetup { .. }) = state else { return None };
    let place = plugin.place()?;
    let (file, line) = place.rsplit_once(':')?;
    let line = line.parse().ok()?;
    let file =
        if plugin.found().file.ends_with(file) { shown(&plugin.found().file) } else { file.to_owned() };
    Some(Place { file, line: Some(line) })
}

/// A row of the routes page, without what was spent.
pub(super) fn route(row: &consort_routes::Row, host: &Host, registry: &Registry) -> Value {
    let spec = row.spec.as_ref();
    let around = spec.map(crate::commands::routes::around).unwrap_or_default();
    let limits: Vec<String> = around.into_iter().map(|(name, what)| format!("{name} {what}")).collect();
    let built = row.route.as_ref().map(Route::targets).unwrap_or_default();
    let targets: Vec<Value> = spec
        .map(|spec| &spec.targets)
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(at, target)| {
            // Each stands for the one that was built of it.
            let card = built.get(at).map(Target::card);
            let provider = card.and_then(|card| host.provider_by_id(&card.provider));
            let state = provider.map_or(State::Ready, |provider| provider.card().state.clone());
            let standing = card.and_then(|card| registry.standing(&card.id, Instant::now()));
            let (rest, last) =
                standing.map_or((None, None), |standing| (standing.resting, standing.last_error));
            let until = rest.as_ref().map(|(left, _)| millis(SystemTime::now() + *left));
            let error = rest.map(|(_, error)| error).or(last);
            json!({"model": target.model, "state": state, "resting_until": until, "last_error": error})
        })
        .collect();
    let problems = row.problems.iter().map(ToString::to_string);
    json!({
        "id": row.id(), "name": row.name, "policy": policy(row), "targets": targets,
        "limits": limits.into_iter().chain(problems).collect::<Vec<_>>(), "budget": null,
    })
}

/// The budget that counts everybody's spending, of a route that has one.
pub(super) fn budget(row: &consort_routes::Row) -> Option<Budget> {
    row.spec.as_ref()?.budgets.iter().find(|budget| budget.per == Per::All).cloned()
}

/// What was spent of a budget, and when it counts anew.
pub(super) fn spent(budget: &Budget, spent: Money) -> Value {
    let resets = time::end(SystemTime::now(), budget.period == Period::Month);
    json!({"spent": spent, "limit": budget.hard.or(budget.soft), "resets": millis(resets)})
}

/// A row of the plugins page.
pub(super) fn plugin(row: &Row) -> PluginRow {
    let plugin: &Arc<Plugin> = &row.plugin;
    let learnt = row.learnt.clone();
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
        failed: plugin.last_failure(),
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
