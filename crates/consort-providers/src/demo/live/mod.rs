//! The demo's live model: it listens until the speaker is silent or done, and answers in tones, with their words.
mod ear;
mod talk;
mod tone;

#[cfg(test)]
mod tests;

use super::{ID, price};
use consort_core::{
    BoxFuture, Capabilities, Context, Error, Modality, ModelCard, ModelKind, RealtimeModel, RealtimeSession,
    SessionConfig, Support,
};
use serde_json::json;
use talk::Talk;

/// What it answers depends on what it was told and on how long it heard something, and on nothing else.
#[derive(Debug)]
pub(super) struct DemoLive(ModelCard);

impl DemoLive {
    pub(super) fn new() -> Self {
        let mut card = ModelCard::new(ID, "live");
        card.title = Some("Demo: listens, and answers in tones".to_owned());
        card.kind = ModelKind::Realtime;
        card.capabilities = Capabilities {
            input: Some(vec![Modality::Text, Modality::Audio, Modality::Image, Modality::Video]),
            output: vec![Modality::Audio],
            tools: Support::Yes,
            schema: Support::No,
            reasoning: Support::No,
            streaming: Support::Yes,
        };
        card.price = Some(price());
        let wait = "Wait this long before each word, so that one can speak into the answer";
        let delay =
            json!({"type": "integer", "minimum": 0, "maximum": 60_000, "default": 0, "description": wait});
        card.options =
            json!({"type": "object", "additionalProperties": false, "properties": {"delay_ms": delay}})
                .into();
        Self(card)
    }
}

impl RealtimeModel for DemoLive {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn connect(
        &self,
        config: SessionConfig,
        context: Context,
    ) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        Box::pin(async move {
            let talk = Talk::new(config, context.clock)?;
            Ok(RealtimeSession::driven(|inputs, say| talk.hold(inputs, say)))
        })
    }
}
