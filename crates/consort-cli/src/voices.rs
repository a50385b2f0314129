//! Voices: chat models that talk, by the settings `[voice]` and `[voices.NAME]`.
use crate::setup::{Setup, find};
use consort_core::{Error, ErrorKind, Host, RealtimeModel, State};
use consort_realtime::cascade::PROVIDER;
use consort_realtime::configured::VoiceProvider;
use consort_realtime::voices::Voices;
use std::sync::Arc;

impl Setup {
    /// The voices of the settings over these providers.
    pub(crate) fn read_voices(&self, host: &Host) -> VoiceProvider {
        let resolve = |name: &str| {
            let model = find(host, self.settings.resolve(name))?;
            let owner = host.provider_by_id(&model.card().provider);
            let state = owner.map_or(State::Ready, |owner| owner.state_of(model.card()));
            Ok((model, state))
        };
        let voices = Voices::new(&self.hosted, self.folders.data.join("voices"));
        VoiceProvider::load(self.settings.voice.as_ref(), &self.settings.voices, voices, &resolve)
    }

    /// Tells what is wrong with them.
    pub(crate) fn note_voices(&mut self) {
        let Some(voices) = self.voices.clone() else { return };
        self.problems.extend(voices.problems().iter().cloned());
        self.problems.extend(voices.rows().iter().flat_map(|row| row.problems.iter().cloned()));
    }

    /// Any chat model as one that talks, with the usual ears and voice.
    pub(crate) fn talking(&self, host: &Host, name: &str) -> Result<Arc<dyn RealtimeModel>, Error> {
        let model = find(host, name)?;
        let voices = self.voices.as_ref().ok_or_else(Error::cancelled)?;
        Ok(Arc::new(voices.of(model)?))
    }

    /// Says that a voice is missing because its table is broken, where that is so.
    pub(crate) fn broken_voice(&self, name: &str) -> Option<Error> {
        let name = name.strip_prefix(PROVIDER).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
        let row = self.voices.as_ref()?.row(name)?;
        let problem = row.problems.first()?;
        let error = Error::new(ErrorKind::ModelNotFound, format!("the voice `{name}` is broken"));
        Some(error.hint(format!("mend {problem}")))
    }
}
