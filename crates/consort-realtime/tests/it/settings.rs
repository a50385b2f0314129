//! Voices as settings: what works is a live model, what does not is a row with its line.
use crate::voices::Acme;
use consort_core::{
    Context, Error, ErrorKind, Model, Provider, RealtimeModel, SessionConfig, SessionEvent, SessionInput,
    State,
};
use consort_providers::DemoProvider;
use consort_realtime::configured::VoiceProvider;
use consort_realtime::voices::Voices;
use consort_settings::{Env, Settings};
use consort_testkit::{FakeServer, Reply};
use std::sync::Arc;

fn resolve(name: &str) -> Result<Arc<dyn Model>, Error> {
    let demo = DemoProvider::new().model(name).filter(|_| name == "demo");
    demo.ok_or_else(|| Error::new(ErrorKind::ModelNotFound, format!("no model is named `{name}`")))
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

#[test]
fn any_model_talks_with_what_is_usual_and_none_without() {
    let demo = resolve("demo").unwrap();
    let nothing = load("", Voices::default()).of(demo.clone()).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::Setup);
    assert!(nothing.hints()[0].contains("[voice]") && nothing.hints()[0].contains("`test`"), "{nothing:?}");
    let ears = load("[voice]\nears = \"test\"\n", Voices::default()).of(demo.clone()).unwrap_err();
    assert!(ears.message().contains("a voice"), "{ears}");
    let broken = load("[voice]\nears = 7\n", Voices::default()).of(demo.clone()).unwrap_err();
    assert!(broken.hints()[0].contains("`ears` must be a text"), "{broken:?}");
    let both = load("[voice]\nears = \"test\"\nvoice = \"test\"\n", Voices::default());
    assert_eq!(both.of(demo).unwrap().card().id, "voice/demo");
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
