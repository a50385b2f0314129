//! The same contract, looked at from the other end of a pipe.
use super::sane::vectors_fit;
use super::{Check, Driver, Report, in_order};
use crate::Plugin;
use crate::protocol::{EmbedResult, GenerateParams, ModelsResult, Vector};
use consort_core::{ErrorKind, ModelCard};
use serde_json::json;
use std::time::Duration;

/// Serves the provider in this process, and asks it as a host does.
pub(super) fn through(check: &Check, cards: &[&ModelCard], report: &mut Report) {
    let mut plugin = Plugin::new(&check.provider.card().name);
    plugin.card = check.provider.card().clone();
    plugin.providers.push(check.provider.clone());
    let mut driver = match Driver::of_plugin(plugin) {
        Ok(driver) => driver,
        Err(error) => return report.add("the protocol can be spoken", Err(error.to_string())),
    };
    for (name, value) in &check.keys {
        driver = driver.secret(name, value);
    }
    let hello = driver.initialize().map_err(|failure| failure.message);
    report.add("it starts as a plugin", hello.map(|_| ()));
    let listed = driver.call("models/list", json!({})).map_err(|failure| failure.message);
    let listed = listed
        .and_then(|list| serde_json::from_value::<ModelsResult>(list).map_err(|error| error.to_string()));
    let missing = |list: &ModelsResult| {
        cards
            .iter()
            .find(|card| !list.models.iter().any(|model| model.id == card.name))
            .map(|card| &card.name)
    };
    report.add(
        "it lists its models as a plugin",
        match &listed {
            Err(error) => Err(error.clone()),
            Ok(list) => missing(list).map_or(Ok(()), |name| Err(format!("`{name}` is not among them"))),
        },
    );
    for card in cards {
        answers(check, &mut driver, card, report);
    }
    let unknown = driver.generate(params(check, "no-such-model-anywhere"));
    let kind = unknown.result.err().map(|failure| failure.kind());
    report.add(
        "an unknown model is `model_not_found`",
        match kind {
            Some(ErrorKind::ModelNotFound) => Ok(()),
            Some(kind) => Err(format!("it is `{kind}`")),
            None => Err("it answered".into()),
        },
    );
    for embedder in check.provider.embedders() {
        let name = &embedder.card().name;
        let answer = driver.call("embed", json!({"model": name, "inputs": ["one", "two words"]}));
        let vectors = answer.map_err(|failure| failure.message).and_then(|answer| {
            let read: EmbedResult = serde_json::from_value(answer).map_err(|error| error.to_string())?;
            let vectors: Option<Vec<_>> = read.vectors.into_iter().map(Vector::into_numbers).collect();
            vectors_fit(&vectors.ok_or("a vector is no base64 of numbers")?, 2)
        });
        report.add(format!("`{name}` embeds as a plugin"), vectors);
    }
    for model in check.provider.realtime_models() {
        super::live::through(check, &mut driver, &model.card().name, report);
    }
    let lines = driver.wrong().first().map_or(Ok(()), |wrong| Err(wrong.clone()));
    report.add("every line fits the protocol's schema", lines);
}

fn answers(check: &Check, driver: &mut Driver, card: &ModelCard, report: &mut Report) {
    let name = &card.name;
    let answer = driver.generate(params(check, name));
    report.add(
        format!("`{name}` answers as a plugin, in order"),
        match &answer.result {
            Ok(_) => in_order(&answer.events),
            Err(failure) => check.clean(&failure.to_error()).and(Err(failure.message.clone())),
        },
    );
    let id = driver.ask("generate", params(check, name));
    driver.cancel(id);
    let stopped = driver.answered(id);
    let mine = format!(r#""generate/event","params":{{"request":{id},"#);
    let mut late = None;
    while let Some(line) = driver.line(Duration::from_millis(100)) {
        late = late.or(line.contains(&mine).then_some(line));
    }
    report.add(
        format!("`{name}` stops as a plugin, and is silent then"),
        match (&stopped.result, late) {
            (_, Some(line)) => Err(format!("behind its answer came {line}")),
            (Err(failure), None) if failure.kind() != ErrorKind::Cancelled => Err(failure.message.clone()),
            _ => Ok(()),
        },
    );
    let mut count = json!(params(check, name));
    if let Some(count) = count.as_object_mut() {
        count.retain(|field, _| ["model", "messages"].contains(&field.as_str()));
    }
    let counted = driver.call("tokens/count", count).map_err(|failure| failure.message);
    report.add(
        format!("`{name}` counts tokens as a plugin"),
        counted.and_then(|count| {
            let some = count["tokens"].as_u64().is_some_and(|tokens| tokens > 0);
            if some { Ok(()) } else { Err(format!("it answers {count}")) }
        }),
    );
}

fn params(check: &Check, model: &str) -> GenerateParams {
    let mut request = check.request();
    model.clone_into(&mut request.model);
    GenerateParams::new(&request, "plugin:driver", None).0
}
