//! Ears and voices by the names that settings have for them.
use super::{CommandVoice, HostedEars, HostedVoice, Recogniser, Synthesiser, TestVoice};
use consort_core::{Error, ErrorKind, ModelKind, Provider, State};
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

    /// Whether what is named so can be used now: its key is there, its program is installed.
    pub fn state(&self, id: &str) -> State {
        let owner = id.split('/').next().unwrap_or_default();
        match self.hosted.iter().find(|provider| provider.id() == owner) {
            Some(provider) => provider.card().state.clone(),
            None if id == TestVoice::ID || CommandVoice::is_installed(owner) => State::Ready,
            None => State::NeedsSetup { missing: owner.to_owned() },
        }
    }

    /// What to do so that what is named so can be used, and what is odd about its name.
    pub fn help(&self, id: &str, kind: ModelKind) -> Vec<String> {
        let owner = id.split('/').next().unwrap_or_default();
        let Some(provider) = self.hosted.iter().find(|provider| provider.id() == owner) else {
            let is_there = id == TestVoice::ID || CommandVoice::is_installed(owner);
            return if is_there {
                Vec::new()
            } else {
                CommandVoice::how_to_get(owner).map(str::to_owned).into_iter().collect()
            };
        };
        let mut help = Vec::new();
        match &provider.card().state {
            State::NeedsSetup { missing } => help.push(match provider.card().keys.first() {
                Some(key) if key.env.contains(missing) => {
                    format!("store its key with `consort keys set {}`, or set {missing}", key.name)
                }
                _ => format!("set {missing}"),
            }),
            State::Unchecked => {
                help.push("see that its server runs: nobody looks before it is needed".to_owned());
            }
            _ => {}
        }
        let known: Vec<String> = provider
            .audio_models()
            .into_iter()
            .filter(|card| card.kind == kind)
            .map(|card| card.id)
            .collect();
        if !known.is_empty() && !known.iter().any(|known| known == id) {
            help.push(format!(
                "`{id}` is none of the models that are known here, which are {}",
                known.join(", ")
            ));
        }
        help
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
