//! Starting runs: one for each model that is asked, below one question.
use super::hub::News;
use super::news::{conversation_changed, observe, tell_turn};
use crate::api::conversations::{edit, find};
use crate::api::settings::MESSAGE;
use crate::problem::{Answer, Problem};
use crate::shape::{self, WIRE};
use crate::state::Shared;
use crate::uploads::MOST;
use consort_core::{
    Body, Error, ErrorKind, Lack, MediaSource, Message, Model, ModelCard, Object, Part, Reasoning, Request,
    Role, Sampling,
};
use consort_engine::{Approval, Ask, Place, Run, Tools, What, title};
use consort_store::{Conversation, ConversationChange, ConversationId, TurnId};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many models one question may be put to.
const MODELS: usize = 4;

#[derive(Debug, Deserialize)]
pub(super) struct Start {
    conversation: ConversationId,
    key: String,
    parent: Option<TurnId>,
    user: Option<Said>,
    models: Vec<String>,
    settings: Option<Object>,
}

#[derive(Debug, Deserialize)]
struct Said {
    parts: Vec<Part>,
}

/// What a request starts from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) system: String,
    pub(crate) sampling: Sampling,
    pub(crate) reasoning: Reasoning,
    pub(crate) options: Object,
    pub(crate) tools: Vec<String>,
}

/// Starts what is asked for. A start that is refused has kept nothing.
pub(super) async fn start(shared: &Arc<Shared>, asked: Start) -> Answer<Value> {
    // The same start twice at once waits for the first, and is answered as it was.
    let cell = shared.started.cell(&asked.key, asked.conversation);
    let cell =
        cell.ok_or_else(|| Problem::wrong("this key was used in another conversation: make a new one"))?;
    let mut answered = cell.lock().await;
    if let Some(answer) = answered.as_ref() {
        return Ok(answer.clone());
    }
    let answer = begin(shared, asked).await?;
    *answered = Some(answer.clone());
    Ok(answer)
}

async fn begin(shared: &Arc<Shared>, asked: Start) -> Answer<Value> {
    shared.begins()?;
    if asked.models.is_empty() || asked.models.len() > MODELS {
        return Err(Problem::wrong(format!("one to {MODELS} models can be asked at once")));
    }
    let store = shared.engine.store();
    let one = find(shared, asked.conversation).await?;
    let kept = asked
        .settings
        .clone()
        .map_or_else(|| shape::settings_of(&one.settings), |given| shape::settings_of(&given));
    let settings: Settings = serde_json::from_value(kept)
        .map_err(|error| Problem::wrong(format!("the settings do not fit: {error}")))?;
    let parts = match &asked.user {
        Some(said) => Some(with_media(shared, said.parts.clone()).await?),
        None => None,
    };
    if parts.is_none() && asked.parent.is_none() {
        return Err(Problem::wrong("there is nothing to answer"));
    }
    let (tools, models) = found(shared, &asked, &one, &settings, parts.as_deref()).await?;
    // Looking for models and tools may have taken long.
    shared.begins()?;
    let question = match parts {
        Some(parts) => {
            let place = asked.parent.map_or(Place::Start, Place::After);
            Some(said(shared, &one, place, parts).await?)
        }
        None => None,
    };
    let behind =
        Place::After(question.or(asked.parent).ok_or_else(|| Problem::wrong("there is nothing to answer"))?);
    let group = (models.len() > 1).then(|| uuid::Uuid::new_v4().to_string());
    let mut runs = Vec::new();
    for (model, request) in models {
        shared.desk.used(&model.card().id);
        let preset = shared.house.preset(model.card());
        let ask = Ask {
            request,
            tools: tools.clone(),
            window: preset.window,
            summariser: preset.summariser,
            context: shared.house.context(),
            group: group.clone(),
            // Of several side by side, the first is where the conversation goes on.
            shown: runs.is_empty(),
            ..Ask::again(asked.conversation, model, behind)
        };
        match shared.engine.start(ask).await {
            Ok(run) => {
                observe(shared, &run);
                runs.push(Ok(run));
            }
            // Something is stored, and must be told: this is no refusal any more.
            Err(error) if question.is_some() || !runs.is_empty() => {
                runs.push(Err(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let recent = crate::api::settings::settings(shared);
    shared.hub.tell(News::All(json!({"type": "settings", "settings": recent})));
    let user = match question {
        Some(id) => store.turn(id).await.ok().flatten().map(|turn| shape::turn(&turn)),
        None => None,
    };
    conversation_changed(shared, asked.conversation).await;
    // Last, since what they write is told meanwhile: the answer is as new as it can be.
    let mut begun = Vec::new();
    for run in runs {
        begun.push(match run {
            Ok(run) => first_turn(shared, &run).await,
            Err(error) => json!({"run": null, "turn": null, "error": error}),
        });
    }
    Ok(json!({"user": user, "runs": begun}))
}

/// Stores the question.
async fn said(shared: &Shared, one: &Conversation, place: Place, parts: Vec<Part>) -> Answer<TurnId> {
    let title = title(&parts);
    let question = shared.engine.say(one.id, place, parts, None).await?;
    // What was said is stored: without a title it is answered all the same.
    let _ = titled(shared, one, title).await;
    // Its answers are told with it as their parent: who looks on must know it first.
    tell_turn(shared, question).await;
    Ok(question)
}

/// The tools and the models that are asked for, each with its request; or why it cannot be asked.
async fn found(
    shared: &Shared,
    asked: &Start,
    one: &Conversation,
    settings: &Settings,
    parts: Option<&[Part]>,
) -> Answer<(Tools, Vec<(Arc<dyn Model>, Request)>)> {
    let allowed = super::decide::allowed(&one.settings);
    let tools =
        shared.house.toolset(&settings.tools, one.id).await?.approval(Approval::Ask).allowing(allowed);
    let mut models = Vec::new();
    for id in &asked.models {
        let model = shared.house.model(id).await?;
        // Options are one model's words: another may not know them.
        let own = one.settings.get("model").and_then(Value::as_str).is_none_or(|own| own == id);
        let options = match &asked.settings {
            Some(_) => settings.options.clone(),
            None if own => known_options(model.card(), &settings.options),
            None => Object::new(),
        };
        let request = request(shared, model.as_ref(), settings, options);
        check(model.as_ref(), &request, parts, &tools)?;
        models.push((model, request));
    }
    Ok((tools, models))
}

/// The parts with the bytes of what was attached.
async fn with_media(shared: &Shared, mut parts: Vec<Part>) -> Answer<Vec<Part>> {
    let attached = parts.iter().filter(|part| matches!(part.body, Body::Media(_))).count();
    if attached > MOST {
        return Err(Problem::wrong(format!("{attached} files are attached, and a message takes {MOST}")));
    }
    for part in &mut parts {
        match &mut part.body {
            Body::Media(media) => match &media.source {
                MediaSource::File { wire, id } if wire == WIRE => {
                    let found = crate::api::attachments::media(shared, id, media.name.clone()).await?;
                    *media = found.ok_or_else(|| {
                        Problem::missing("an attachment is not there any more: attach it again")
                    })?;
                }
                // A page may not make the server read its files, or fetch addresses.
                _ => return Err(Problem::wrong("attachments are uploaded first, and named by their hash")),
            },
            Body::Text { .. } => {}
            _ => return Err(Problem::wrong("a message is made of texts and attachments")),
        }
    }
    let letters: usize = parts.iter().filter_map(Part::as_text).map(|text| text.chars().count()).sum();
    if letters > MESSAGE {
        return Err(too_long(letters));
    }
    parts.retain(|part| part.as_text() != Some(""));
    if parts.is_empty() {
        return Err(Problem::wrong("the message is empty"));
    }
    Ok(parts)
}

fn too_long(letters: usize) -> Problem {
    let words = format!("the message is {letters} letters long, and {MESSAGE} are the most");
    Error::new(ErrorKind::InvalidRequest, words).hint("attach the text as a file instead").into()
}

/// Of a conversation's options those that a model knows: the others were set for the model before it.
pub(crate) fn known_options(card: &ModelCard, options: &Object) -> Object {
    let mut options = options.clone();
    if let Some(known) = card.options["properties"].as_object() {
        options.retain(|name, _| known.contains_key(name));
    }
    options
}

fn request(shared: &Shared, model: &dyn Model, settings: &Settings, options: Object) -> Request {
    let mut request = Request::new(Vec::new());
    if !settings.system.trim().is_empty() {
        request.instructions.push(Part::text(settings.system.as_str()));
    }
    request.sampling.clone_from(&settings.sampling);
    request.reasoning.clone_from(&settings.reasoning);
    request.options = shared.house.preset(model.card()).options;
    request.options.extend(options);
    request
}

/// What the model is known not to do is told before anything is kept.
fn check(model: &dyn Model, request: &Request, parts: Option<&[Part]>, tools: &Tools) -> Result<(), Error> {
    let mut request = request.clone();
    if let Some(parts) = parts {
        request.messages.push(Message::new(Role::User, parts.to_vec()));
    }
    let id = &model.card().id;
    let words = match model.card().lacks(&request) {
        Some(Lack::Reads(kind)) => format!("{id} cannot read {} files", kind.as_str()),
        Some(Lack::Schema) => format!("{id} does not hold its answers to a schema"),
        _ if !tools.is_empty() && model.card().capabilities.tools == consort_core::Support::No => {
            format!("{id} cannot use tools")
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Unsupported, words)
        .hint("choose another model, or take out what it cannot read or use"))
}

/// Gives a conversation that has none a title, and notes which model it is with.
async fn titled(shared: &Shared, one: &Conversation, title: Option<String>) -> Answer<()> {
    if one.title.is_some() || shared.desk.get().titles == Some(false) {
        return Ok(());
    }
    let Some(title) = title else { return Ok(()) };
    edit(shared, one.id, None, |one| {
        // A title that was given meanwhile stays.
        if one.title.is_some() {
            return ConversationChange::default();
        }
        let mut settings = one.settings.clone();
        settings.insert("titled".into(), "auto".into());
        ConversationChange {
            title: Some(Some(title.clone())),
            settings: Some(settings),
            ..Default::default()
        }
    })
    .await
}

/// A run, with the turn that its model writes once it is begun; or why none was.
async fn first_turn(shared: &Shared, run: &Run) -> Value {
    let mut events = run.events(0);
    while let Some(envelope) = events.next().await {
        match &envelope.what {
            What::TurnStarted { role: Role::Assistant, .. } => {
                return json!({"run": run.id(), "turn": shape::turn_of(shared.engine.store().as_ref(), &envelope).await});
            }
            What::RunEnded { error, .. } => return json!({"run": run.id(), "turn": null, "error": error}),
            _ => {}
        }
    }
    json!({"run": run.id(), "turn": null})
}
