//! Chat models that talk, with the ears and the voice that the settings name.
use super::support::{Place, Run};
use consort_realtime::audio::{Encoding, Shape, Sound, SpellingReader};

const TEST: &str = "[voice]\nears = \"test\"\nvoice = \"test\"\n";

/// Says something to a model in tones, and reads what it answers.
fn talk(settings: &str, model: &str, args: &[&str]) -> (Run, String) {
    let place = Place::new();
    place.file("home/consort.toml", settings);
    place.file("in.wav", Sound::spelled("good morning", Shape::MONO_16K).to_wav(Encoding::S16));
    let run = place
        .run(&[&["talk", model, "--wav-in", "in.wav", "--wav-out", "out.wav", "--quiet"], args].concat());
    let heard = std::fs::read(place.path("out.wav")).map(|file| {
        let mut reader = SpellingReader::new();
        let mut words = reader.push(&Sound::from_wav(&file).unwrap().to_pcm()).unwrap();
        words.extend(reader.finish());
        words.join(" ")
    });
    (run, heard.unwrap_or_default())
}

#[test]
fn a_chat_model_hears_and_speaks() {
    for args in [&["--fast"][..], &[]] {
        let (run, heard) = talk(TEST, "demo", args);
        assert_eq!(run.code, 0, "{run}");
        let said = run.stdout.lines().next().unwrap_or_default();
        assert_eq!(said, "user: good morning", "{run}");
        let answer = run.stdout.lines().nth(1).and_then(|line| line.strip_prefix("assistant: ")).unwrap();
        assert!(answer.contains("good morning"), "{run}");
        assert_eq!(heard.split_whitespace().next(), answer.split_whitespace().next(), "{heard}");
        assert!(heard.contains("good morning"), "{heard}");
    }
}

#[test]
fn a_route_and_a_voice_with_a_name_talk_too() {
    let settings =
        format!("{TEST}\n[routes.quick]\ntargets = [\"demo\"]\n\n[voices.anna]\nmodel = \"route/quick\"\n");
    for model in ["quick", "voice/anna", "anna"] {
        let (run, heard) = talk(&settings, model, &["--fast"]);
        assert!(run.code == 0 && heard.contains("good morning"), "{model}: {run}");
    }
}

#[test]
fn without_ears_it_is_told_what_to_set() {
    let (run, _) = talk("", "demo", &[]);
    assert_ne!(run.code, 0);
    let ears = [
        "it needs ears and a voice",
        "set `ears` below [voice] in consort.toml",
        "`openai/gpt-4o-transcribe`",
    ];
    let voice = ["set `voice` below [voice] in consort.toml", "`espeak-ng`", "`test`"];
    for part in ears.into_iter().chain(voice) {
        assert!(run.stderr.contains(part), "{run}");
    }
}

#[test]
fn what_only_speaks_or_hears_is_told_to_be_that() {
    for (model, word) in [("openai/gpt-4o-mini-tts", "`voice = "), ("openai/whisper-1", "`ears = ")] {
        let (run, _) = talk(TEST, model, &[]);
        let told = format!("set {word}\"{model}\"` below [voice]");
        assert!(run.code != 0 && run.stderr.contains(&told), "{run}");
    }
}

#[test]
fn a_voice_that_is_broken_has_its_line() {
    let place = Place::new();
    place.file("home/consort.toml", format!("{TEST}\n[voices.anna]\nmodel = \"nobody/here\"\n"));
    let run = place.run(&["talk", "voice/anna", "--text", "hi"]);
    assert!(run.stderr.contains("consort.toml:6: no model is named `nobody/here`"), "{run}");
    assert!(run.stderr.contains("the voice `anna` is broken"), "{run}");
    let models = place.run(&["models", "--can", "live"]);
    assert!(models.stderr.contains("consort.toml:6"), "{models}");
}
