//! Cascades as settings: `[voice]` and `[voices.NAME]` in consort.toml become the provider `voice`.
mod read;

use crate::cascade::{Cascade, PROVIDER};
use crate::voices::Voices;
use consort_core::{
    BoxFuture, Error, ErrorKind, Model, ModelKind, Provider, ProviderCard, RealtimeModel, State,
};
use consort_settings::{Problem, Section};
use read::Spec;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The provider `voice`: each voice that works is a live model, and each that does not is a row with its reason.
#[derive(Debug)]
pub struct VoiceProvider {
    card: ProviderCard,
    rows: Vec<VoiceRow>,
    usual: Usual,
}

/// Finds a chat model by the name that a table has for it.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Result<Arc<dyn Model>, Error>;

/// One voice of the settings.
#[derive(Debug)]
pub struct VoiceRow {
    pub name: String,
    pub file: PathBuf,
    pub line: usize,
    /// The model, where it works.
    pub model: Option<Cascade>,
    pub problems: Vec<Problem>,
}

/// What every voice starts from, and where its parts are found.
#[derive(Clone)]
struct Usual {
    voices: Voices,
    spec: Result<Spec, Vec<Problem>>,
}

impl VoiceProvider {
    /// Builds all voices. `resolve` finds the chat models that they name.
    pub fn load(
        usual: Option<&Section>,
        sections: &BTreeMap<String, Section>,
        voices: Voices,
        resolve: Resolve<'_>,
    ) -> Self {
        let spec =
            usual.map_or_else(|| Ok(Spec::default()), |section| read::read(section, &Spec::default(), false));
        let usual = Usual { voices, spec };
        let rows = sections.iter().map(|(name, section)| usual.row(name, section, resolve)).collect();
        Self { card: ProviderCard::new(PROVIDER, "Voices"), rows, usual }
    }

    /// All voices, those that are broken too.
    pub fn rows(&self) -> &[VoiceRow] {
        &self.rows
    }

    pub fn row(&self, name: &str) -> Option<&VoiceRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// What is wrong with `[voice]` itself.
    pub fn problems(&self) -> &[Problem] {
        self.usual.spec.as_ref().map_or_else(Vec::as_slice, |_| &[])
    }

    /// Any chat model as a voice, with the usual ears and speaker.
    pub fn of(&self, model: Arc<dyn Model>) -> Result<Cascade, Error> {
        let spec = self.usual.spec.as_ref().map_err(|problems| {
            let why = problems.first().map(ToString::to_string).unwrap_or_default();
            Error::new(ErrorKind::Setup, "the table [voice] is broken").hint(format!("mend {why}"))
        })?;
        let id = model.card().id.clone();
        let missing = |what: &str, kind: ModelKind| {
            let message = format!("`{id}` answers questions; to talk with it, it needs {what}");
            let ids = self.usual.voices.ids(kind);
            // The last one is for tests, and is told too: it needs nothing.
            let some: Vec<&str> = ids.iter().take(3).chain(ids.last()).map(String::as_str).collect();
            let word = if kind == ModelKind::Speech { "voice" } else { "ears" };
            let some = some.join("`, `");
            Error::new(ErrorKind::Setup, message)
                .hint(format!("set `{word}` below [voice] in consort.toml, for instance to one of `{some}`"))
        };
        let ears = spec.ears.as_ref().ok_or_else(|| missing("ears", ModelKind::Transcription))?;
        let voice = spec.voice.as_ref().ok_or_else(|| missing("a voice", ModelKind::Speech))?;
        let (ears, voice) = (self.usual.voices.ears(&ears.0)?, self.usual.voices.voice(&voice.0)?);
        Ok(Cascade::new(model, ears, voice).named(&id).settings(spec.settings.clone()))
    }
}

impl Usual {
    fn row(&self, name: &str, section: &Section, resolve: Resolve<'_>) -> VoiceRow {
        let built = check_name(name, section).and_then(|()| self.build(name, section, resolve));
        let (model, problems) = match built {
            Ok(model) => (Some(model), Vec::new()),
            Err(problems) => (None, problems),
        };
        VoiceRow { name: name.to_owned(), file: section.file.clone(), line: section.line, model, problems }
    }

    fn build(&self, name: &str, section: &Section, resolve: Resolve<'_>) -> Result<Cascade, Vec<Problem>> {
        let spec = read::read(section, self.spec.as_ref().map_err(Clone::clone)?, true)?;
        let mut problems = Vec::new();
        let wrong = |line: usize, error: Error| {
            let problem = Problem::new(&section.file, error.message().to_owned()).at_line(line);
            match error.hints().first() {
                Some(hint) => problem.help(hint),
                None => problem,
            }
        };
        let mut part = |named: &Option<(String, usize)>, what: &str| {
            if named.is_none() {
                let message = format!("the voice names no `{what}`, and neither does [voice]");
                problems.push(Problem::new(&section.file, message).at_line(section.line));
            }
            named.clone()
        };
        let parts = (part(&spec.model, "model"), part(&spec.ears, "ears"), part(&spec.voice, "voice"));
        let (Some(model), Some(ears), Some(voice)) = parts else { return Err(problems) };
        let found = (
            resolve(&model.0).map_err(|error| wrong(model.1, error)),
            self.voices.ears(&ears.0).map_err(|error| wrong(ears.1, error)),
            self.voices.voice(&voice.0).map_err(|error| wrong(voice.1, error)),
        );
        match found {
            (Ok(model), Ok(ears), Ok(voice)) => {
                Ok(Cascade::new(model, ears, voice).named(name).settings(spec.settings))
            }
            (model, ears, voice) => {
                Err([model.err(), ears.err(), voice.err()].into_iter().flatten().collect())
            }
        }
    }
}

fn check_name(name: &str, section: &Section) -> Result<(), Vec<Problem>> {
    let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+');
    if !name.is_empty() && name.chars().all(good) {
        return Ok(());
    }
    let what = "the name of a voice is made of letters, digits and `-`, `_`, `.`, `+`";
    Err(vec![Problem::new(&section.file, what).at_line(section.line)])
}

impl VoiceRow {
    pub fn id(&self) -> String {
        format!("{PROVIDER}/{}", self.name)
    }

    pub fn state(&self) -> State {
        match self.problems.first() {
            Some(problem) => State::Broken { reason: problem.to_string() },
            None => State::Ready,
        }
    }
}

impl Provider for VoiceProvider {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn realtime_models(&self) -> Vec<Arc<dyn RealtimeModel>> {
        let models = self.rows.iter().filter_map(|row| row.model.clone());
        models.map(|model| Arc::new(model) as Arc<dyn RealtimeModel>).collect()
    }
}

impl fmt::Debug for Usual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Usual").field("spec", &self.spec).finish_non_exhaustive()
    }
}
