//! One voice's table, understood.
use crate::cascade::CascadeSettings;
use consort_settings::{FieldReader, LocatedValue, Problem, Section};
use std::time::Duration;

/// What a table says, over what is usual. Names stand with their lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Spec {
    pub(super) model: Option<(String, usize)>,
    pub(super) ears: Option<(String, usize)>,
    pub(super) voice: Option<(String, usize)>,
    pub(super) settings: CascadeSettings,
}

/// The longest time that can be set, in milliseconds.
const LONGEST: u32 = 10_000;

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
    }
    settings.least = reader.count("speech_ms", 0, LONGEST).map_or(settings.least, ms);
    settings.barge_in = reader.count("barge_in_ms", 0, LONGEST).map_or(settings.barge_in, ms);
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
