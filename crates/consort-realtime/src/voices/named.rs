//! Ears and voices by the names that settings have for them.
use super::{CommandVoice, HostedEars, HostedVoice, Recogniser, Synthesiser, TestVoice};
use consort_core::{Error, ErrorKind, ModelKind};
use consort_providers::{HostedAudio, HostedProvider};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All ears and voices that can be named.
#[derive(Debug, Clone, Default)]
pub struct Voices {
    hosted: Vec<Arc<HostedProvider>>,
    folder: PathBuf,
}

impl Voices {
    /// Those of these providers, and programs of this machine, which work in this folder.
    pub fn new(hosted: &[Arc<HostedProvider>], folder: impl Into<PathBuf>) -> Self {
        Self { hosted: hosted.to_vec(), folder: folder.into() }
    }

    /// `PROVIDER/MODEL`, or `test`.
    pub fn ears(&self, id: &str) -> Result<Arc<dyn Recogniser>, Error> {
        if id == TestVoice::ID {
            return Ok(Arc::new(TestVoice));
        }
        let ears = self.hosted(id, ModelKind::Transcription, "hears")?;
        Ok(Arc::new(HostedEars(ears)))
    }

    /// `PROVIDER/MODEL`, `espeak-ng`, `piper/FILE.onnx`, or `test`.
    pub fn voice(&self, id: &str) -> Result<Arc<dyn Synthesiser>, Error> {
        match id {
            TestVoice::ID => return Ok(Arc::new(TestVoice)),
            CommandVoice::ESPEAK => return Ok(Arc::new(CommandVoice::espeak(&self.folder))),
            CommandVoice::PIPER => {
                let error = Error::new(ErrorKind::Setup, "piper needs the file of a voice");
                return Err(error.hint("for instance voice = \"piper/voices/en_US-amy-medium.onnx\""));
            }
            _ => {}
        }
        if let Some(("piper", model)) = id.split_once('/') {
            return Ok(Arc::new(CommandVoice::piper(Path::new(model), &self.folder)?));
        }
        let voice = self.hosted(id, ModelKind::Speech, "speaks")?;
        Ok(Arc::new(HostedVoice(voice)))
    }

    fn hosted(&self, id: &str, kind: ModelKind, does: &str) -> Result<HostedAudio, Error> {
        let named = id.split_once('/');
        let provider =
            named.and_then(|(owner, _)| self.hosted.iter().find(|provider| provider.id() == owner));
        let model = named.zip(provider).and_then(|((_, name), provider)| provider.audio(name, kind));
        model.ok_or_else(|| {
            let error = Error::new(ErrorKind::ModelNotFound, format!("nothing that {does} is named `{id}`"));
            error.hint(format!("these do: {}", self.ids(kind).join(", ")))
        })
    }

    /// What can be named.
    pub fn ids(&self, kind: ModelKind) -> Vec<String> {
        let all = self.hosted.iter().flat_map(|provider| provider.audio_models());
        let mut ids: Vec<String> = all.filter(|card| card.kind == kind).map(|card| card.id).collect();
        if kind == ModelKind::Speech {
            ids.extend([CommandVoice::ESPEAK, "piper/FILE.onnx"].map(str::to_owned));
        }
        ids.push(TestVoice::ID.to_owned());
        ids
    }
}
