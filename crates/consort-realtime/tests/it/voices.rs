//! Ears and voices of hosted APIs, at a fake server, and of programs.
use consort_core::{BoxStream, Context, Error, ErrorKind, ModelKind, Pcm};
use consort_providers::{Catalogue, KeyChain, TokioClock};
use consort_realtime::audio::{
    Encoding, Format, Shape, Sound, VoiceDetector, VoiceEvent, VoiceSettings, wav,
};
use consort_realtime::voices::{CommandVoice, Heard, Hearing, Speech, Synthesiser, TestVoice, Voices};
use consort_settings::{Env, Folders, KeyStore, Settings};
use consort_testkit::{FakeServer, Reply};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A vendor that hears and speaks, at a fake server.
pub(crate) struct Acme {
    folder: TempDir,
    env: Env,
    pub(crate) voices: Voices,
}

impl Acme {
    pub(crate) fn new(server: &FakeServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "wire = \"openai-chat\"\nbase_url = \"{}/v9\"\nkey_env = [\"ACME_KEY\"]\nmodels = [\n\
             {{ name = \"ear\", kind = \"transcription\" }},\n\
             {{ name = \"mouth\", kind = \"speech\", quirks = {{ body = {{ voice = \"usual\" }} }} }},\n\
             {{ name = \"brain\" }},\n]\n",
            server.url()
        );
        std::fs::create_dir(folder.path().join("providers")).unwrap();
        std::fs::write(folder.path().join("providers/acme.toml"), text).unwrap();
        let env = Env::of([("ACME_KEY", "sk-test-5ecret")]);
        let catalogue = Catalogue::load(&Self::folders(&folder), &env, &Settings::default());
        assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
        let voices = Voices::new(catalogue.hosted(), folder.path().join("voices"));
        Self { folder, env, voices }
    }

    pub(crate) fn folders(folder: &TempDir) -> Folders {
        Folders { config: folder.path().to_owned(), data: folder.path().join("data") }
    }

    pub(crate) fn context(&self) -> Context {
        let keys = KeyStore::new(Self::folders(&self.folder).keys_file());
        Context::new(Arc::new(TokioClock), Arc::new(KeyChain::new(None, keys, self.env.clone())))
    }

    async fn hear(&self) -> Vec<Result<Heard, Error>> {
        let sound = TestVoice.speak(said("hello"), Context::default());
        let sound: BoxStream<'static, Pcm> = Box::pin(Whole(sound));
        let hearing = Hearing { language: Some("en".into()) };
        all(self.voices.ears("acme/ear").unwrap().hear(sound, hearing, self.context())).await
    }

    async fn speak(&self) -> Vec<Result<Pcm, Error>> {
        all(self.voices.voice("acme/mouth").unwrap().speak(said("Hello."), self.context())).await
    }
}

fn said(text: &str) -> Speech {
    Speech { text: text.into(), ..Speech::default() }
}

/// Sound that cannot fail.
struct Whole(BoxStream<'static, Result<Pcm, Error>>);

impl futures_core::Stream for Whole {
    type Item = Pcm;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Pcm>> {
        self.0.as_mut().poll_next(cx).map(|next| next.map(Result::unwrap))
    }
}

async fn all<T>(mut stream: BoxStream<'static, T>) -> Vec<T> {
    let mut items = Vec::new();
    while let Some(item) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        items.push(item);
    }
    items
}

fn texts(heard: Vec<Result<Heard, Error>>) -> Vec<Heard> {
    heard.into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_turn_is_sent_as_a_file_and_its_words_come_back() {
    let stream = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"hel\"}\n\n\
                  data: {\"type\":\"transcript.text.delta\",\"delta\":\"lo\"}\n\n\
                  data: {\"type\":\"transcript.text.done\",\"text\":\"hello\"}\n\n";
    let server = FakeServer::start([
        Reply::json(r#"{"text": " hello\n"}"#),
        Reply::chunked("text/event-stream", stream, &[11]),
        Reply::error(401, &[], r#"{"error":{"message":"no such key sk-test-5ecret"}}"#),
        Reply::json("garbage"),
    ])
    .await
    .unwrap();
    let acme = Acme::new(&server);
    assert_eq!(texts(acme.hear().await), [Heard::Final("hello".into())]);
    let wanted = [Heard::Delta("hel".into()), Heard::Delta("lo".into()), Heard::Final("hello".into())];
    assert_eq!(texts(acme.hear().await), wanted);
    let errors: Vec<Error> = [acme.hear().await, acme.hear().await]
        .into_iter()
        .map(|mut all| all.remove(0).unwrap_err())
        .collect();
    assert_eq!(errors[0].kind(), ErrorKind::Auth);
    assert!(!errors[0].to_string().contains("5ecret"), "{}", errors[0]);
    assert_eq!((errors[1].kind(), errors[1].provider_id()), (ErrorKind::Protocol, Some("acme")));
    let asked = server.asked();
    assert_eq!(
        (asked[0].path.as_str(), asked[0].header("authorization")),
        ("/v9/audio/transcriptions", Some("Bearer sk-test-5ecret"))
    );
    let at = asked[0].body.windows(4).position(|four| four == b"RIFF").unwrap();
    let sent = Sound::from_wav(&asked[0].body[at..]).unwrap();
    assert_eq!(sent.shape(), Shape::MONO_16K);
    assert_eq!(sent.duration().as_millis() / 20, 260 / 20, "five letters of 40 ms, and silence");
}

#[tokio::test]
async fn a_text_comes_as_raw_samples_or_as_a_file_of_unknown_length() {
    let sound = Sound::spelled("hello", Shape::MONO_24K);
    let raw = sound.to_bytes(Encoding::S16);
    let shape = Shape::new(48_000, 1).unwrap();
    let other = Sound::spelled("hello", shape);
    let mut file = wav::header(Format::new(Encoding::S16, shape), None);
    file.extend(other.to_bytes(Encoding::S16));
    let server = FakeServer::start([
        Reply::chunked("audio/pcm", &raw, &[1, 999, 3]),
        Reply::chunked("audio/wav", &file, &[5, 777]),
        Reply::new(200, "audio/mpeg", [255, 251, 0, 0, 0, 0]),
        Reply::new(200, "audio/pcm", ""),
        Reply::json(r#"{"error": "no"}"#),
    ])
    .await
    .unwrap();
    let acme = Acme::new(&server);
    for wanted in [&sound, &other] {
        let mut whole = Sound::empty(wanted.shape());
        for piece in acme.speak().await {
            whole.append(&Sound::from_pcm(&piece.unwrap()).unwrap()).unwrap();
        }
        assert_eq!(whole.to_pcm(), wanted.to_pcm());
    }
    let mut kinds = Vec::new();
    for _ in 0..3 {
        let all = acme.speak().await;
        assert_eq!(all.len(), 1);
        kinds.push(all[0].as_ref().unwrap_err().kind());
    }
    assert_eq!(kinds, [ErrorKind::Unsupported, ErrorKind::Protocol, ErrorKind::Unsupported]);
    let asked = server.asked();
    assert_eq!(asked[0].path, "/v9/audio/speech");
    let wanted = r#"{"model":"mouth","input":"Hello.","response_format":"pcm","voice":"usual"}"#;
    assert_eq!(asked[0].text(), wanted);
}

#[tokio::test]
async fn names_that_nothing_has_are_told_with_those_that_are_there() {
    let server = FakeServer::start([]).await.unwrap();
    let acme = Acme::new(&server);
    for id in ["acme/mouth", "acme/brain", "nobody/ear", "ear", ""] {
        let error = acme.voices.ears(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ModelNotFound, "{id}");
        assert!(error.hints()[0].contains("acme/ear") && error.hints()[0].contains("test"), "{error:?}");
    }
    assert!(acme.voices.voice("acme/ear").is_err());
    assert_eq!(acme.voices.voice("piper").unwrap_err().kind(), ErrorKind::Setup);
    assert_eq!(acme.voices.voice("piper/no/such.onnx").unwrap_err().kind(), ErrorKind::Setup);
    let ids = acme.voices.ids(ModelKind::Speech);
    assert!(ids.contains(&"openai/gpt-4o-mini-tts".to_owned()), "{ids:?}");
    let ears = acme.voices.ids(ModelKind::Transcription);
    assert!(
        ears.contains(&"whisper-server/whisper".to_owned())
            && ears.contains(&"groq/whisper-large-v3".to_owned())
    );
}

#[tokio::test]
async fn a_voice_is_named_by_a_name_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = CommandVoice::espeak(folder.path());
    for voice in ["-f/etc/passwd", "../../x", "a b", "--version"] {
        let speech = Speech { voice: Some(voice.into()), ..said("Hello.") };
        let all = all(espeak.speak(speech, Context::default())).await;
        assert_eq!(all[0].as_ref().unwrap_err().kind(), ErrorKind::InvalidRequest, "{voice}");
    }
}

#[tokio::test]
async fn a_server_on_this_machine_is_not_asked_before_a_turn_is_over() {
    let acme = Acme::new(&FakeServer::start([]).await.unwrap());
    assert!(acme.voices.ears("acme/ear").unwrap().hears_early());
    assert!(!acme.voices.ears("whisper-server/whisper").unwrap().hears_early());
}

/// Needs `espeak-ng`.
#[tokio::test]
#[ignore = "needs the program espeak-ng"]
async fn espeak_speaks_and_is_heard_as_a_voice() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = CommandVoice::espeak(folder.path());
    for (voice, text) in
        [("en-us", "Good morning, how are you today?"), ("de", "Guten Morgen, wie geht es dir?")]
    {
        let speech = Speech { voice: Some(voice.into()), ..said(text) };
        let mut stream = espeak.speak(speech, Context::default());
        let (mut detector, mut events) = (VoiceDetector::new(VoiceSettings::default()), Vec::new());
        let mut long = Duration::ZERO;
        while let Some(piece) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
            let pcm = piece.unwrap();
            long += pcm.duration();
            events.extend(detector.push(&pcm).unwrap());
        }
        events.extend(detector.gap(Duration::from_secs(1)));
        assert!(long > Duration::from_secs(1) && long < Duration::from_secs(5), "{long:?}");
        assert!(matches!(events[0], VoiceEvent::Started { .. }), "{events:?}");
        assert!(
            matches!(events.last(), Some(VoiceEvent::Stopped { speech, .. }) if *speech > Duration::from_millis(250)),
            "{events:?}"
        );
    }
}
