//! Voices as settings: what works is a live model, what does not is a row with its line.
use crate::voices::Acme;
use consort_core::{
    Context, Error, ErrorKind, Model, Provider, RealtimeModel, SessionConfig, SessionEvent, SessionInput,
    State,
};
use consort_providers::{Catalogue, DemoProvider};
use consort_realtime::configured::{UsualPart, VoiceProvider};
use consort_realtime::voices::Voices;
use consort_settings::{Env, Settings};
use consort_testkit::{FakeServer, Reply};
use std::sync::Arc;

fn resolve(name: &str) -> Result<(Arc<dyn Model>, State), Error> {
    let demo = DemoProvider::new().model(name).filter(|_| name == "demo");
    demo.map(|demo| (demo, State::Ready))
        .ok_or_else(|| Error::new(ErrorKind::ModelNotFound, format!("no model is named `{name}`")))
}

fn load(text: &str, voices: Voices) -> VoiceProvider {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("consort.toml");
    std::fs::write(&file, text).unwrap();
    let (settings, problems) = Settings::load_from(&file, None, &Env::of([("A", "b")]));
    assert!(problems.is_empty(), "{problems:?}");
    VoiceProvider::load(settings.voice.as_ref(), &settings.voices, voices, &resolve)
}

#[test]
fn what_works_is_a_model_and_what_does_not_has_its_line() {
    let text = "[voice]\nears = \"test\"\nsilence_ms = 700\n\n[voices.good]\nmodel = \"demo\"\nvoice = \"test\"\n\
                eager_ms = 0\nbackchannels = [\"aye\"]\n\n[voices.lost]\nmodel = \"nobody\"\nvoice = \"test\"\n\n\
                [voices.mute]\nmodel = \"demo\"\n\n[voices.odd]\nmodel = \"demo\"\nvoice = \"test\"\nsilence = 3\n\
                barge_in_ms = \"long\"\n\n[voices.deaf]\nmodel = \"demo\"\nears = \"no/one\"\nvoice = \"test\"\n";
    let voices = load(text, Voices::default());
    let ids: Vec<String> = voices.realtime_models().iter().map(|model| model.card().id.clone()).collect();
    assert_eq!(ids, ["voice/good"]);
    assert!(voices.realtime_model("good").is_some() && voices.realtime_model("lost").is_none());
    let wrong = |name: &str| -> Vec<(Option<usize>, String)> {
        let row = voices.row(name).unwrap();
        assert!(matches!(row.state(), State::Broken { .. }));
        row.problems.iter().map(|problem| (problem.line, problem.message.clone())).collect()
    };
    assert_eq!(wrong("lost"), [(Some(12), "no model is named `nobody`".to_owned())]);
    assert_eq!(
        wrong("mute"),
        [(Some(15), "the voice names no `voice`, and neither does [voice]".to_owned())]
    );
    let odd = wrong("odd");
    assert_eq!(odd.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [Some(21), Some(22)]);
    assert_eq!(wrong("deaf")[0], (Some(26), "nothing that hears is named `no/one`".to_owned()));
}

/// A voice can be used when all can that it is made of; what they lack is told at once.
#[test]
fn a_voice_lacks_what_its_parts_lack() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("consort.toml");
    let text = "[voice]\nears = \"openai/whisper-1\"\nvoice = \"test\"\n\n[voices.deaf]\nmodel = \"demo\"\n\n\
                [voices.both]\nmodel = \"keyless\"\nvoice = \"openai/tts-1\"\n\n\
                [voices.good]\nmodel = \"demo\"\nears = \"test\"\n\n\
                [voices.maybe]\nmodel = \"demo\"\nears = \"whisper-server/whisper\"\n";
    std::fs::write(&file, text).unwrap();
    let env = Env::of([("A", "b")]);
    let (settings, _) = Settings::load_from(&file, None, &env);
    let catalogue = Catalogue::load(&Acme::folders(&folder), &env, &settings);
    let voices = Voices::new(catalogue.hosted(), folder.path());
    let resolve = |name: &str| {
        let lacks = State::NeedsSetup { missing: "KEYLESS_API_KEY".into() };
        let state = if name == "demo" { State::Ready } else { lacks };
        Ok((resolve("demo")?.0, state))
    };
    let voices = VoiceProvider::load(settings.voice.as_ref(), &settings.voices, voices, &resolve);
    let needs = |missing: &str| State::NeedsSetup { missing: missing.into() };
    for (name, state) in [
        ("deaf", needs("OPENAI_API_KEY")),
        ("both", needs("KEYLESS_API_KEY and OPENAI_API_KEY")),
        ("good", State::Ready),
        ("maybe", State::Unchecked),
    ] {
        let row = voices.row(name).unwrap();
        assert!(row.problems.is_empty(), "{:?}", row.problems);
        let model = voices.realtime_model(name).unwrap();
        assert_eq!(
            (voices.state_of(model.card()), voices.row(name).unwrap().state()),
            (state.clone(), state)
        );
    }
    let [ears, voice] = voices.usual();
    let help = vec!["store its key with `consort keys set openai`, or set OPENAI_API_KEY".to_owned()];
    assert_eq!(ears, Some(UsualPart { id: "openai/whisper-1", state: needs("OPENAI_API_KEY"), help }));
    assert_eq!(voice, Some(UsualPart { id: "test", state: State::Ready, help: Vec::new() }));
}

#[test]
fn how_long_is_waited_can_be_set() {
    let text = "[voice]\nears = \"test\"\nvoice = \"test\"\nthinking_s = 300\n\n[voices.patient]\nmodel = \"demo\"\n\
                hearing_s = 60\nspeaking_s = 45\ntools_s = 600\n\n[voices.odd]\nmodel = \"demo\"\nthinking_s = 0\n\
                speaking_s = 3601\n";
    let voices = load(text, Voices::default());
    let limits = voices.row("patient").unwrap().model.as_ref().unwrap().limits();
    let seconds =
        [limits.hearing, limits.thinking, limits.speaking, limits.tools].map(|limit| limit.as_secs());
    assert_eq!(seconds, [60, 300, 45, 600]);
    let odd: Vec<_> = voices.row("odd").unwrap().problems.iter().map(|problem| problem.line).collect();
    assert_eq!(odd, [Some(14), Some(15)]);
}

#[test]
fn any_model_talks_with_what_is_usual_and_none_without() {
    let (demo, _) = resolve("demo").unwrap();
    let nothing = load("", Voices::default()).of(demo.clone()).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::Setup);
    // All that is missing is told at once.
    assert!(nothing.message().ends_with("it needs ears and a voice"), "{nothing}");
    assert_eq!(nothing.hints().len(), 2, "{nothing:?}");
    for (hint, field) in nothing.hints().iter().zip(["`ears`", "`voice`"]) {
        assert!(hint.contains(field) && hint.contains("[voice]") && hint.contains("`test`"), "{nothing:?}");
    }
    let ears = load("[voice]\nears = \"test\"\n", Voices::default()).of(demo.clone()).unwrap_err();
    assert!(ears.message().ends_with("it needs a voice") && ears.hints().len() == 1, "{ears:?}");
    assert!(ears.hints()[0].contains("`espeak-ng`"), "{ears:?}");
    let broken = load("[voice]\nears = 7\n", Voices::default()).of(demo.clone()).unwrap_err();
    assert!(broken.hints()[0].contains("`ears` must be a text"), "{broken:?}");
    let both = load("[voice]\nears = \"test\"\nvoice = \"test\"\n", Voices::default());
    // What it says is kept, counted and asked for again as that model's, with its options.
    let talks = both.of(demo.clone()).unwrap();
    assert_eq!((&talks.card().id, &talks.card().options), (&demo.card().id, &demo.card().options));
}

#[tokio::test]
async fn a_voice_of_hosted_parts_holds_a_session() {
    let server = FakeServer::start([]).await.unwrap();
    server.at("/v9/audio/transcriptions", Reply::json(r#"{"text": "good morning"}"#));
    let sound = consort_realtime::audio::Sound::spelled("fine", consort_realtime::audio::Shape::MONO_24K);
    server.at(
        "/v9/audio/speech",
        Reply::new(200, "audio/pcm", sound.to_bytes(consort_realtime::audio::Encoding::S16)),
    );
    let acme = Acme::new(&server);
    let text =
        "[voices.acme]\nmodel = \"demo\"\nears = \"acme/ear\"\nvoice = \"acme/mouth\"\nspeaker = \"troy\"\n";
    let voices = load(text, acme.voices.clone());
    let model = voices.realtime_model("acme").unwrap();
    let context: Context = acme.context();
    let config = SessionConfig { turn_detection: Some(false), ..SessionConfig::default() };
    let mut session = model.connect(config, context).await.unwrap();
    let tone = consort_realtime::audio::Sound::tone(
        consort_realtime::audio::Shape::MONO_24K,
        440.0,
        0.5,
        std::time::Duration::from_millis(400),
    );
    session.sink.push(SessionInput::Audio(tone.to_pcm())).unwrap();
    session.sink.close();
    let (mut words, mut sounds) = (Vec::new(), 0);
    while let Some(event) = session.events.next().await {
        match event {
            SessionEvent::Transcript { text, .. } => words.push(text),
            SessionEvent::Audio { .. } => sounds += 1,
            SessionEvent::Error { error } => panic!("{error}"),
            _ => {}
        }
    }
    assert_eq!(words[0], "good morning");
    assert!(words.iter().any(|text| text.contains("good morning") && text != "good morning"), "{words:?}");
    assert!(sounds > 0);
    let asked = server.asked();
    assert!(asked.iter().any(|asked| asked.text().contains("\"voice\":\"troy\"")));
}
