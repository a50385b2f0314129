//! Opens the session that a tab asks for: with the conversation's instructions, tools and history.
use super::kept::Kept;
use super::said::Open;
use super::talking::Talking;
use crate::api::conversations::find;
use crate::live::{Settings, allowed, known_options};
use crate::problem::{Answer, Problem};
use crate::shape;
use crate::state::Shared;
use consort_core::{Modality, SessionConfig};
use consort_engine::Approval;
use consort_realtime::audio::Shape;
use consort_realtime::call::{Call, CallSetup, Keep, Pace};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How long a session may take to open.
const OPENING: Duration = Duration::from_mins(1);

pub(super) async fn talking(shared: &Arc<Shared>, asked: &Open) -> Answer<Talking> {
    shared.begins()?;
    let one = find(shared, asked.conversation).await?;
    let settings: Settings = serde_json::from_value(shape::settings_of(&one.settings))
        .map_err(|error| Problem::wrong(format!("the settings do not fit: {error}")))?;
    let model = shared.house.realtime(&asked.model).await?;
    let card = model.card();
    let preset = shared.house.preset(card);
    let mut options = preset.options;
    if one.settings.get("model").and_then(Value::as_str).is_none_or(|own| own == card.id) {
        options.extend(known_options(card, &settings.options));
    }
    let allowed = allowed(&one.settings);
    let tools =
        shared.house.toolset(&settings.tools, one.id).await?.approval(Approval::Ask).allowing(allowed);
    let config = SessionConfig {
        instructions: settings.system,
        voice: asked.voice.clone(),
        input_rate: Some(asked.input_rate),
        turn_detection: asked.push.then_some(false),
        options,
        sampling: settings.sampling,
        reasoning: settings.reasoning,
        ..SessionConfig::default()
    };
    let setup = CallSetup {
        tools,
        keep: Some(Keep { store: shared.engine.store().clone(), conversation: one.id, tip: one.tip }),
        window: preset.window,
        shape: Shape::new(asked.output_rate, 1)?,
        pace: Pace::Reported,
        ..CallSetup::new(config, shared.house.context().within(OPENING))
    };
    let sees = card
        .capabilities
        .input
        .as_ref()
        .is_some_and(|takes| takes.contains(&Modality::Image) || takes.contains(&Modality::Video));
    let id = card.id.clone();
    let call = Call::open(model.as_ref(), setup).await?;
    shared.desk.used(&id);
    Ok(Talking {
        call,
        model: id,
        input_rate: asked.input_rate,
        output_rate: asked.output_rate,
        sees,
        push: asked.push,
        kept: Kept::new(shared.clone(), asked.conversation),
        made: asked.made.then(|| (shared.clone(), asked.conversation)),
        held: shared.holds.hold(),
        tab: asked.tab.clone(),
    })
}
