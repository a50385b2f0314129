//! `consort models`: what there is, which one answers, and what it can be told.
use crate::args::{Ability, ModelList, Models, ModelsCommand};
use crate::exit::{self, Done};
use crate::seek::seek;
use crate::setup::{Setup, cards, find, runtime, state_short};
use crate::stop::wait_for;
use crate::terminal::{Style, print_json, table, tokens};

use consort_core::{
    Context, Error, Host, Modality, Model, ModelCard, ModelKind, Provider, ProviderCard, State, Support,
};
use consort_providers::TokioClock;
use consort_settings::set_default_model;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use tokio::task::JoinSet;

pub(crate) fn run(models: Models, setup: Setup) -> Done {
    match models.command {
        None => list(&models.list, setup),
        Some(ModelsCommand::List(list_of)) => list(&list_of, setup),
        Some(ModelsCommand::Search { words, list: mut list_of }) => {
            list_of.query.extend(words);
            list(&list_of, setup)
        }
        Some(ModelsCommand::Default { model: None }) => show_default(setup),
        Some(ModelsCommand::Default { model: Some(model) }) => set_default(&model, setup),
        Some(ModelsCommand::Options { model, json }) => options(&model, json, setup),
    }
}

fn list(wanted: &ModelList, mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    if wanted.live {
        refresh(&host, &setup)?;
    }
    let default = setup.choose(&host, None)?.model.card().id.clone();
    let words: Vec<String> =
        wanted.query.iter().flat_map(|query| query.split_whitespace()).map(str::to_lowercase).collect();
    let mut found: Vec<(ModelCard, ProviderCard)> = cards(&host)
        .into_iter()
        .filter(|(card, _)| holds(card, &words))
        // What a plugin can that never ran, nobody knows.
        .filter(|(card, _)| setup.is_unchecked(card) || wanted.can.iter().all(|ability| can(card, *ability)))
        .collect();
    found.sort_by_key(|(_, provider)| readiness(&provider.state));
    if wanted.json {
        let list: Vec<Value> =
            found.iter().map(|(card, provider)| to_json(card, provider, &default)).collect();
        print_json(&Value::from(list))?;
        return Ok(exit::OK);
    }
    if found.is_empty() {
        writeln!(anstream::stderr(), "no model fits; `consort models` lists all")?;
        return Ok(exit::OK);
    }
    let head = ["MODEL", "STATE", "CAN", "CONTEXT", "$ IN/OUT PER M"].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> =
        std::iter::once(head).chain(found.iter().map(|(card, provider)| row(card, provider))).collect();
    let mut to = anstream::stdout().lock();
    table(&mut to, &rows, &[None, None, None, None, Some(Style::Dim)])?;
    to.flush()?;
    let mut notes = anstream::stderr().lock();
    if !wanted.can.is_empty() && found.iter().any(|(card, _)| setup.is_unchecked(card)) {
        let what = "what an unchecked plugin can is known once it ran: `consort plugins check NAME`";
        writeln!(notes, "\n{}", Style::Dim.paint(what))?;
    }
    writeln!(
        notes,
        "\n{}",
        Style::Dim.paint(format!("default: {default} (`consort models default ID` changes it)"))
    )?;
    Ok(exit::OK)
}

/// Models that can be used now come first.
fn readiness(state: &State) -> u8 {
    match state {
        State::Ready => 0,
        State::Unchecked | State::Loading => 1,
        State::NeedsSetup { .. } => 2,
        State::Broken { .. } | State::Missing { .. } => 3,
    }
}

fn holds(card: &ModelCard, words: &[String]) -> bool {
    let title = card.title.as_deref().unwrap_or_default();
    let text = format!("{} {title} {}", card.id, card.aliases.join(" ")).to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

fn can(card: &ModelCard, ability: Ability) -> bool {
    let able = &card.capabilities;
    let reads = |modality| able.reads(modality) == Support::Yes;
    match ability {
        Ability::Image => reads(Modality::Image),
        Ability::Audio => reads(Modality::Audio),
        Ability::Pdf => reads(Modality::Pdf),
        Ability::Video => reads(Modality::Video),
        Ability::Tools => able.tools == Support::Yes,
        Ability::Schema => able.schema == Support::Yes,
        Ability::Reasoning => able.reasoning == Support::Yes,
        Ability::Embed => card.kind == ModelKind::Embedding,
        Ability::Live => card.kind == ModelKind::Realtime,
    }
}

fn abilities(card: &ModelCard) -> String {
    if card.kind == ModelKind::Embedding {
        return "embed".to_owned();
    }
    let able = &card.capabilities;
    let media = [Modality::Image, Modality::Audio, Modality::Pdf, Modality::Video];
    let media =
        media.into_iter().filter(|modality| able.reads(*modality) == Support::Yes).map(Modality::as_str);
    let rest = [("tools", able.tools), ("schema", able.schema), ("reasoning", able.reasoning)];
    let rest = rest.into_iter().filter(|(_, support)| *support == Support::Yes).map(|(word, _)| word);
    let live = (card.kind == ModelKind::Realtime).then_some("live");
    live.into_iter().chain(media).chain(rest).collect::<Vec<_>>().join(" ")
}

fn row(card: &ModelCard, provider: &ProviderCard) -> Vec<String> {
    let dollars = |micro: u64| {
        let text = format!("{:.3}", micro as f64 / 1e6);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let price =
        card.price.as_ref().map(|price| format!("{}/{}", dollars(price.input), dollars(price.output)));
    vec![
        card.id.clone(),
        state_short(&provider.state),
        abilities(card),
        card.limits.context.map(tokens).unwrap_or_default(),
        price.unwrap_or_default(),
    ]
}

fn to_json(card: &ModelCard, provider: &ProviderCard, default: &str) -> Value {
    let mut object = json!({
        "id": card.id,
        "provider": card.provider,
        "name": card.name,
        "title": card.title,
        "aliases": card.aliases,
        "kind": card.kind,
        "state": provider.state.word(),
        "capabilities": card.capabilities,
        "limits": card.limits,
        "price": card.price,
        "default": card.id == default,
    });
    match &provider.state {
        State::NeedsSetup { missing } => object["missing"] = missing.as_str().into(),
        State::Broken { reason } | State::Missing { reason } => object["reason"] = reason.as_str().into(),
        State::Ready | State::Unchecked | State::Loading => {}
    }
    object
}

/// A list that could not be had, with its provider.
type NoList = (Arc<dyn Provider>, Error);

/// Asks providers for their lists of models, side by side; each keeps its own.
fn ask_for_lists(providers: Vec<Arc<dyn Provider>>, context: &Context) -> JoinSet<Option<NoList>> {
    let mut asked = JoinSet::new();
    for provider in providers {
        let context = context.clone();
        asked.spawn(async move {
            let error = provider.discover(context).await.err();
            error.map(|error| (provider, error))
        });
    }
    asked
}

/// Asks all providers that may answer for their lists, at once. One that does not answer is told and left out.
fn refresh(host: &Host, setup: &Setup) -> Result<(), exit::Failure> {
    let runtime = runtime()?;
    let mut failed: Vec<NoList> = Vec::new();
    let may_answer =
        |provider: &&Arc<dyn Provider>| matches!(provider.card().state, State::Ready | State::Unchecked);
    let providers = host.providers().iter().filter(may_answer).cloned().collect();
    runtime.block_on(async {
        let mut asked = ask_for_lists(providers, &setup.context(None, TokioClock));
        while let Some(done) = asked.join_next().await {
            failed.extend(done.ok().flatten());
        }
    });
    runtime.shutdown_background();
    failed.sort_by(|(one, _), (two, _)| one.card().id.cmp(&two.card().id));
    let mut to = anstream::stderr().lock();
    for (provider, error) in failed {
        // A local server that does not run is no mistake.
        if !setup.local.has(&provider.card().id) {
            writeln!(to, "{} {error}", Style::Warning.paint("warning:"))?;
            for hint in error.hints() {
                writeln!(to, "  {} {hint}", Style::Help.paint("help:"))?;
            }
        }
    }
    Ok(())
}

fn show_default(mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    let chosen = setup.choose(&host, None)?;
    writeln!(anstream::stdout(), "{}", chosen.model.card().id)?;
    if setup.settings.default_model.is_none() {
        let why = if chosen.fallback { "no key is set up" } else { "the first one with a key" };
        writeln!(anstream::stderr(), "{}", Style::Dim.paint(format!("(none is set; {why})")))?;
    }
    Ok(exit::OK)
}

fn set_default(model: &str, mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    let id = named(model, &mut setup, host)?.card().id.clone();
    set_default_model(&setup.folders, Some(&id))?;
    let good = Style::Good.paint(setup.signs.good);
    writeln!(anstream::stderr(), "{good} {id} answers when no other model is named")?;
    if let Some(other) = setup.env.get("CONSORT_MODEL") {
        let what = format!("CONSORT_MODEL is set to `{other}` and wins");
        writeln!(anstream::stderr(), "{} {what}", Style::Warning.paint("warning:"))?;
    }
    Ok(exit::OK)
}

/// The model of an id, alias or name.
fn named(name: &str, setup: &mut Setup, host: Host) -> Result<Arc<dyn Model>, Error> {
    let name = setup.settings.resolve(name).to_owned();
    let found = seek(setup, host, Some(&name), None, None, |setup, host| {
        find(host, &name).map_err(|error| setup.explain(error, &name))
    });
    found.map(|(model, _)| model)
}

fn options(model: &str, as_json: bool, mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    let live = pollster::block_on(host.find_realtime(setup.settings.resolve(model))).ok();
    let is_listed = |card: &ModelCard| host.realtime_models().iter().any(|model| model.card().id == card.id);
    let card = match live.map(|live| live.card().clone()).filter(is_listed) {
        Some(card) => card,
        None => card_of(model, &mut setup, host)?,
    };
    if as_json {
        print_json(&card.options)?;
        return Ok(exit::OK);
    }
    let properties = card.options.get("properties").and_then(Value::as_object);
    let rows: Vec<Vec<String>> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let what = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            vec![name.clone(), kind(schema), what.to_owned()]
        })
        .collect();
    if rows.is_empty() {
        writeln!(anstream::stderr(), "the options of {} are not known", card.id)?;
        return Ok(exit::OK);
    }
    table(&mut anstream::stdout().lock(), &rows, &[Some(Style::Bold), None, Some(Style::Dim)])?;
    Ok(exit::OK)
}

/// The card of a model that answers. What a plugin's model takes is known once it ran.
fn card_of(name: &str, setup: &mut Setup, host: Host) -> Result<ModelCard, Error> {
    let model = named(name, setup, host)?;
    let Some(plugin) = setup.plugin_of(model.card()) else { return Ok(model.card().clone()) };
    let runtime = runtime()?;
    let model = wait_for(&runtime, plugin.model_for(model.card()))?;
    setup.end_plugins(&runtime);
    Ok(model.card().clone())
}

/// What an option's value must be, in few words.
pub(crate) fn kind(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        const MOST: usize = 7;
        let mut shown: Vec<String> = words.iter().take(MOST).map(plain).collect();
        if words.len() > MOST {
            shown.push("...".to_owned());
        }
        return shown.join("|");
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().map(plain).collect::<Vec<_>>().join(" or "),
        Some(kind) => plain(kind),
        None => "any".to_owned(),
    };
    let bound = |name: &str| schema.get(name).filter(|bound| bound.is_number()).map(plain);
    match (bound("minimum"), bound("maximum")) {
        (Some(low), Some(high)) => format!("{kind} {low}..{high}"),
        (Some(low), None) => format!("{kind} from {low}"),
        (None, Some(high)) => format!("{kind} up to {high}"),
        (None, None) => kind,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
