//! One voice's table, understood.
use crate::cascade::CascadeSettings;
use crate::voices::Recogniser;
use consort_settings::{FieldReader, LocatedValue, Problem, Section};
use std::time::Duration;

/// What a table says, over what is usual. Names stand with their lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Spec {
    pub(super) model: Option<(String, usize)>,
    pub(super) ears: Option<(String, usize)>,
    pub(super) voice: Option<(String, usize)>,
    /// Whether it says when the model is asked early.
    is_eager_set: bool,
    settings: CascadeSettings,
}

impl Spec {
    /// The settings of a cascade with these ears.
    pub(super) fn settings(&self, ears: &dyn Recogniser) -> CascadeSettings {
        let mut settings = self.settings.clone();
        if !self.is_eager_set && !ears.hears_early() {
            settings.eager = None;
        }
        settings
    }
}

/// The longest time that can be set, in milliseconds.
const LONGEST: u32 = 10_000;

/// The longest patience that can be set, in seconds.
const MOST_PATIENT: u32 = 3600;

pub(super) fn read(section: &Section, usual: &Spec, has_model: bool) -> Result<Spec, Vec<Problem>> {
    let mut reader = FieldReader::new(&section.file, &section.fields);
    let mut spec = usual.clone();
    let named = |found: Option<(&str, usize)>| found.map(|(text, line)| (text.to_owned(), line));
    if has_model {
        spec.model = named(reader.text("model"));
    }
    spec.ears = named(reader.text("ears")).or(spec.ears);
    spec.voice = named(reader.text("voice")).or(spec.voice);
    let settings = &mut spec.settings;
    let text = |found: Option<(&str, usize)>| found.map(|(text, _)| text.to_owned());
    settings.voice = text(reader.text("speaker")).or(settings.voice.take());
    settings.language = text(reader.text("language")).or(settings.language.take());
    let ms = |ms: u32| Duration::from_millis(u64::from(ms));
    settings.silence = reader.count("silence_ms", 100, LONGEST).map_or(settings.silence, ms);
    if let Some(eager) = reader.count("eager_ms", 0, LONGEST) {
        settings.eager = (eager > 0).then(|| ms(eager));
        spec.is_eager_set = true;
    }
    settings.least = reader.count("speech_ms", 0, LONGEST).map_or(settings.least, ms);
    settings.barge_in = reader.count("barge_in_ms", 0, LONGEST).map_or(settings.barge_in, ms);
    let limits = &mut settings.limits;
    for (field, limit) in [
        ("hearing_s", &mut limits.hearing),
        ("thinking_s", &mut limits.thinking),
        ("speaking_s", &mut limits.speaking),
        ("tools_s", &mut limits.tools),
    ] {
        let seconds = reader.count(field, 1, MOST_PATIENT);
        *limit = seconds.map_or(*limit, |seconds| Duration::from_secs(seconds.into()));
    }
    settings.resume = reader.flag("resume").unwrap_or(settings.resume);
    let mut odd = Vec::new();
    for item in reader.list("backchannels").unwrap_or_default() {
        match &item.value {
            LocatedValue::Text(word) => settings.backchannels.push(word.clone()),
            _ => odd.push(item.line),
        }
    }
    odd.into_iter().for_each(|line| reader.wrong(line, "each of `backchannels` must be a text"));
    reader.end();
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(spec) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voices::{Heard, Hearing, TestVoice, told};
    use consort_core::{BoxStream, Context, Error, Pcm};
    use consort_settings::{Env, Settings};

    /// Ears that work on one turn at a time.
    #[derive(Debug)]
    struct Here;

    impl Recogniser for Here {
        fn id(&self) -> &'static str {
            "here"
        }

        fn hear(
            &self,
            _: BoxStream<'static, Pcm>,
            _: Hearing,
            _: Context,
        ) -> BoxStream<'static, Result<Heard, Error>> {
            told(|_| std::future::pending())
        }

        fn hears_early(&self) -> bool {
            false
        }
    }

    #[test]
    fn ears_of_this_machine_are_asked_early_only_where_the_settings_say_so() {
        let eager = |usual: &str, own: &str, ears: &dyn Recogniser| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("consort.toml");
            std::fs::write(&file, format!("[voice]\n{usual}\n[voices.one]\n{own}\n")).unwrap();
            let (settings, problems) = Settings::load_from(&file, None, &Env::default());
            assert!(problems.is_empty(), "{problems:?}");
            let usual = read(settings.voice.as_ref().unwrap(), &Spec::default(), false).unwrap();
            read(&settings.voices["one"], &usual, true).unwrap().settings(ears).eager
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!((eager("", "", &TestVoice), eager("", "", &Here)), (ms(200), None));
        assert_eq!(eager("eager_ms = 300", "", &Here), ms(300));
        assert_eq!(eager("", "eager_ms = 200", &Here), ms(200));
        assert_eq!(eager("eager_ms = 300", "eager_ms = 0", &TestVoice), None);
    }
}
