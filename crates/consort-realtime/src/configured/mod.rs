//! Cascades as settings: `[voice]` and `[voices.NAME]` in consort.toml become the provider `voice`.
mod read;

use crate::cascade::{Cascade, PROVIDER};
use crate::voices::{TestVoice, Voices};
use consort_core::{
    BoxFuture, Error, ErrorKind, Model, ModelCard, ModelKind, Provider, ProviderCard, RealtimeModel, State,
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

/// Finds a chat model by the name that a table has for it, and whether it can be used now.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Result<(Arc<dyn Model>, State), Error>;

/// One voice of the settings.
#[derive(Debug)]
pub struct VoiceRow {
    pub name: String,
    pub file: PathBuf,
    pub line: usize,
    /// The model, where it works.
    pub model: Option<Cascade>,
    pub problems: Vec<Problem>,
    /// Whether what it is made of can be used now.
    parts: State,
}

/// The ears or the voice that `[voice]` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsualPart<'a> {
    pub id: &'a str,
    /// Whether it can be used now.
    pub state: State,
    /// What to do so that it can.
    pub help: Vec<String>,
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

    /// The ears and the voice that `[voice]` names, where it does.
    pub fn usual(&self) -> [Option<UsualPart<'_>>; 2] {
        let Ok(spec) = &self.usual.spec else { return [None, None] };
        let voices = &self.usual.voices;
        let part = |id, kind, unknown: Option<Error>| match unknown {
            Some(error) => {
                let state = State::Broken { reason: error.message().to_owned() };
                UsualPart { id, state, help: error.hints().to_vec() }
            }
            None => UsualPart { id, state: voices.state(id), help: voices.help(id, kind) },
        };
        [
            spec.ears.as_ref().map(|(id, _)| part(id, ModelKind::Transcription, voices.ears(id).err())),
            spec.voice.as_ref().map(|(id, _)| part(id, ModelKind::Speech, voices.voice(id).err())),
        ]
    }

    /// Any chat model as one that is talked with, by the usual ears and voice. It keeps its name: what it says is its own.
    pub fn of(&self, model: Arc<dyn Model>) -> Result<Cascade, Error> {
        let id = &model.card().id;
        for (kind, what, name) in [
            (ModelKind::Speech, "speaks what others answer", "voice"),
            (ModelKind::Transcription, "writes down what is said", "ears"),
        ] {
            if self.usual.voices.ids(kind).contains(id) {
                return Err(Error::unsupported(format!("`{id}` {what}, and answers nothing itself")).hint(
                    format!(
                        "set `{name} = \"{id}\"` below [voice] in consort.toml, and talk with a chat model"
                    ),
                ));
            }
        }
        let spec = self.usual.spec.as_ref().map_err(|problems| {
            let why = problems.first().map(ToString::to_string).unwrap_or_default();
            Error::new(ErrorKind::Setup, "the table [voice] is broken").hint(format!("mend {why}"))
        })?;
        let (Some(ears), Some(voice)) = (&spec.ears, &spec.voice) else {
            return Err(self.usual.missing(&model.card().id, spec));
        };
        let (ears, voice) = (self.usual.voices.ears(&ears.0)?, self.usual.voices.voice(&voice.0)?);
        let settings = spec.settings(ears.as_ref());
        Ok(Cascade::new(model, ears, voice).settings(settings))
    }
}

impl Usual {
    /// What a chat model lacks to be talked with, all of it, and what would do.
    fn missing(&self, id: &str, spec: &Spec) -> Error {
        let lacks = match (&spec.ears, &spec.voice) {
            (None, None) => "ears and a voice",
            (None, _) => "ears",
            _ => "a voice",
        };
        let error = Error::new(
            ErrorKind::Setup,
            format!("`{id}` answers in writing; to talk with it, it needs {lacks}"),
        );
        let hint = |name: &str, kind: ModelKind, test: &str| {
            let ids = self.voices.ids(kind);
            // Of each maker the first one; the test's is told apart, since people cannot talk by it.
            let mut some: Vec<&str> =
                ids.iter().map(String::as_str).filter(|id| *id != TestVoice::ID).collect();
            let owner = |id: &str| id.split('/').next().map(str::to_owned);
            some.dedup_by(|next, one| owner(next) == owner(one));
            let some = if some.is_empty() { String::new() } else { format!(" `{}`, or", some.join("`, `")) };
            format!("set `{name}` below [voice] in consort.toml, for instance to{some} `test`, which {test}")
        };
        let ears = hint("ears", ModelKind::Transcription, "hears its own tones only");
        let voice = hint("voice", ModelKind::Speech, "speaks in tones");
        let error = if spec.ears.is_none() { error.hint(ears) } else { error };
        if spec.voice.is_none() { error.hint(voice) } else { error }
    }

    fn row(&self, name: &str, section: &Section, resolve: Resolve<'_>) -> VoiceRow {
        let built = check_name(name, section).and_then(|()| self.build(name, section, resolve));
        let (model, parts, problems) = match built {
            Ok((model, parts)) => (Some(model), parts, Vec::new()),
            Err(problems) => (None, State::Ready, problems),
        };
        let (file, line) = (section.file.clone(), section.line);
        VoiceRow { name: name.to_owned(), file, line, model, problems, parts }
    }

    fn build(
        &self,
        name: &str,
        section: &Section,
        resolve: Resolve<'_>,
    ) -> Result<(Cascade, State), Vec<Problem>> {
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
            (Ok((model, state)), Ok(ears), Ok(voice)) => {
                let parts = [state, self.voices.state(ears.id()), self.voices.state(voice.id())];
                let settings = spec.settings(ears.as_ref());
                Ok((Cascade::new(model, ears, voice).named(name).settings(settings), together(parts)))
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
            None => self.parts.clone(),
        }
    }
}

/// The state of what is made of such parts: it can be used when all can, and what they lack is told at once.
fn together(parts: [State; 3]) -> State {
    let mut lacks: Vec<&str> = Vec::new();
    for part in &parts {
        match part {
            State::NeedsSetup { missing } if !lacks.contains(&missing.as_str()) => lacks.push(missing),
            _ => {}
        }
    }
    let lacks = lacks.join(" and ");
    let broken = |state: &&State| matches!(state, State::Broken { .. } | State::Missing { .. });
    match parts.iter().find(broken) {
        Some(broken) => broken.clone(),
        None if !lacks.is_empty() => State::NeedsSetup { missing: lacks },
        None => parts.into_iter().find(|state| *state != State::Ready).unwrap_or_default(),
    }
}

impl Provider for VoiceProvider {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    fn state_of(&self, model: &ModelCard) -> State {
        self.row(&model.name).map_or(State::Ready, VoiceRow::state)
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
