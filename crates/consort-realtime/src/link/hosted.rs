//! Live models of hosted APIs: the formats by their names in providers' files.
use super::channel::{Channel, Connect};
use super::model::WireModel;
use crate::record::{Recorded, Recorder};
use crate::wire::{GeminiLive, GeminiQuirks, LiveWire, OpenAiLive, OpenAiQuirks};
use consort_core::{BoxFuture, Context, Error, ErrorKind, Object, SessionConfig};
use consort_providers::HostedLive;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// A format, as a provider's file names it.
#[derive(Clone, Copy)]
enum Format {
    OpenAi,
    Gemini,
}

impl Format {
    fn named(name: &str) -> Result<Self, Error> {
        match name {
            "openai" => Ok(Self::OpenAi),
            "gemini" => Ok(Self::Gemini),
            _ => Err(Error::new(ErrorKind::Setup, format!("no format of live sessions is named `{name}`"))),
        }
    }

    /// Where its own vendor holds sessions.
    fn path(self) -> &'static str {
        match self {
            Self::OpenAi => "realtime?model={model}",
            Self::Gemini => "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
        }
    }

    fn wire(self, model: &str, quirks: &Object, config: SessionConfig) -> Result<Box<dyn LiveWire>, Error> {
        Ok(match self {
            Self::OpenAi => Box::new(OpenAiLive::new(config, read::<OpenAiQuirks>(quirks)?)),
            Self::Gemini => Box::new(GeminiLive::new(model, config, read::<GeminiQuirks>(quirks)?)),
        })
    }
}

fn read<Q: DeserializeOwned>(quirks: &Object) -> Result<Q, Error> {
    serde_json::from_value(Value::Object(quirks.clone())).map_err(|error| {
        Error::new(ErrorKind::Setup, format!("the `live_quirks` do not fit: {error}"))
            .hint("mend the provider's file: docs/guides/add-a-provider.md lists them")
    })
}

/// The live model that a provider's file describes. A recorder keeps the frames of its sessions.
pub fn of_hosted(live: HostedLive, recorder: Option<Arc<Recorder>>) -> WireModel {
    let card = live.card().clone();
    let model = live.clone();
    let mut connect: Arc<dyn Connect> = Arc::new(Hosted(live));
    if let Some(recorder) = recorder {
        connect = Arc::new(Recorded { below: connect, recorder });
    }
    WireModel::new(card, connect, move |config| {
        Format::named(model.wire())
            .and_then(|format| format.wire(&model.card().name, &model.quirks(), config))
            .map_err(|error| model.complete(error))
    })
}

struct Hosted(HostedLive);

impl Connect for Hosted {
    fn connect(&self, context: Context) -> BoxFuture<'_, Result<Box<dyn Channel>, Error>> {
        Box::pin(async move {
            let path = Format::named(self.0.wire())?.path();
            Ok(Box::new(self.0.open(path, &context).await?) as Box<dyn Channel>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_providers::LIVE_WIRES;

    #[test]
    fn every_format_that_a_file_may_name_is_known() {
        for name in LIVE_WIRES {
            let format = Format::named(name).unwrap();
            assert!(format.wire("m", &Object::new(), SessionConfig::default()).is_ok(), "{name}");
        }
        let quirks = serde_json::json!({"laout": "flat"}).as_object().cloned().unwrap();
        for name in LIVE_WIRES {
            let wrong = Format::named(name).unwrap().wire("m", &quirks, SessionConfig::default());
            assert_eq!(wrong.err().unwrap().kind(), ErrorKind::Setup, "{name}");
        }
    }
}
