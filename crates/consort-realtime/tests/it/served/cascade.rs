//! A chat model that talks by ears and a voice, behind a vendor's format: what the format promises holds for it too.
use super::line::{Client, found};
use crate::cascade::FRAME;
use crate::cascade::parts::{Do, Script, Slow};
use base64::{Engine, engine::general_purpose::STANDARD};
use consort_core::{BoxStream, Context, Error, Model, Pcm};
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::{Cascade, CascadeSettings};
use consort_realtime::serve::Frame;
use consort_realtime::voices::{Heard, Hearing, Recogniser, told};
use consort_realtime::wire::{GeminiServed, OpenAiServed};
use serde_json::{Value, json};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const LONG: &str = "This is a long answer, and it is not cut.";

/// Ears that understand the same of every voice, a moment after it is over.
#[derive(Debug)]
struct Same;

impl Recogniser for Same {
    fn id(&self) -> &'static str {
        "same"
    }

    fn hear(
        &self,
        mut sound: BoxStream<'static, Pcm>,
        _: Hearing,
        _: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        told(move |tell| async move {
            while poll_fn(|cx| sound.as_mut().poll_next(cx)).await.is_some() {}
            sleep(Duration::from_millis(300)).await;
            tell.item(Ok(Heard::Final("I say something".into())));
        })
    }
}

/// A second and a half of a voice, and so much silence behind it: message by message, in the time that they take.
async fn say(client: &Client, silence: Duration) {
    let silence = Sound::silence(Shape::MONO_16K, silence).to_pcm();
    let sounds = [crate::speech::speech(1_500, 0.5).to_pcm(), silence];
    for piece in sounds.iter().flat_map(|sound| sound.pieces(FRAME)) {
        let audio = json!({"mimeType": "audio/pcm;rate=16000", "data": STANDARD.encode(piece.to_le_bytes())});
        client.say(&json!({"realtimeInput": {"audio": audio}}));
        sleep(FRAME).await;
    }
}

/// All that is told until nothing is for so long, besides sound.
async fn heard(client: &mut Client) -> Vec<Value> {
    let mut all = Vec::new();
    while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(15), client.from.recv()).await {
        let Frame::Text(text) = frame else { continue };
        let mut message: Value = serde_json::from_str(&text).unwrap();
        let content = message["serverContent"].take();
        if content["modelTurn"].is_null() && !content.is_null() {
            all.push(content);
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn speech_cuts_no_answer_where_it_may_not_and_is_answered_behind_it() {
    for handling in ["START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"] {
        let model = Script::new([vec![Do::Say(0, LONG)], vec![Do::Say(0, "Fine.")]]);
        let parts: Arc<dyn Model> = model.clone();
        let settings = CascadeSettings { eager: None, ..CascadeSettings::default() };
        let cascade = Cascade::new(parts, Arc::new(Same), Arc::new(Slow::default())).settings(settings);
        let mut client = Client::new(Box::new(GeminiServed::new("t")), found(Arc::new(cascade)));
        client.say(&json!({"setup": {"model": "models/zoo/script", "inputAudioTranscription": {},
            "realtimeInputConfig": {"activityHandling": handling}}}));
        say(&client, Duration::from_millis(1_500)).await;
        // The answer sounds for longer than it takes to say this. The microphone stays open.
        say(&client, Duration::from_secs(20)).await;
        let told = heard(&mut client).await;
        let is_cut = told.iter().any(|content| content["interrupted"] == true);
        assert_eq!(is_cut, handling != "NO_INTERRUPTION", "{told:#?}");
        assert_eq!(told.iter().filter(|content| content["turnComplete"] == true).count(), 2, "{told:#?}");
        let asked = model.told();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert_eq!(asked[1].last().unwrap(), "User: I say something");
        assert_eq!(asked[1][1] == format!("Assistant: {LONG}"), !is_cut, "{asked:?}");
    }
}

/// A voice that many seconds of silence are around, in the other format.
fn voice_in(before: u64, after: u64) -> String {
    let silence = |secs| vec![0; 48_000 * secs as usize];
    STANDARD.encode([silence(before), super::voice(), silence(after)].concat())
}

#[tokio::test(start_paused = true)]
async fn sound_in_an_item_and_sound_that_comes_at_once_are_answered_once() {
    let audio = |before, after| json!({"type": "input_audio", "audio": voice_in(before, after)});
    let item = json!({"type": "message", "role": "user", "content": [audio(0, 0)]});
    let given = [
        json!({"type": "conversation.item.create", "item": item}),
        json!({"type": "response.create", "response": {"metadata": {"k": "v"}}}),
    ];
    let spoken = [json!({"type": "input_audio_buffer.append", "audio": voice_in(20, 60)})];
    for (said, turns) in [(given.as_slice(), 0), (spoken.as_slice(), 1)] {
        let model = Script::new([vec![Do::Say(0, "Fine.")], vec![Do::Say(0, "Once more.")]]);
        let parts: Arc<dyn Model> = model.clone();
        let settings = CascadeSettings { eager: None, ..CascadeSettings::default() };
        let cascade = Cascade::new(parts, Arc::new(Same), Arc::new(Slow::default())).settings(settings);
        let mut client =
            Client::new(Box::new(OpenAiServed::new("zoo/script", "t")), found(Arc::new(cascade)));
        said.iter().for_each(|message| client.say(message));
        let mut told = Vec::new();
        while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(15), client.from.recv()).await {
            if let Frame::Text(text) = frame {
                told.push(serde_json::from_str::<Value>(&text).unwrap());
            }
        }
        let of = |kind: &str| told.iter().filter(|one| one["type"] == kind).cloned().collect::<Vec<_>>();
        assert_eq!(of("input_audio_buffer.speech_started").len(), turns, "{told:#?}");
        let [over] = of("response.done").try_into().unwrap_or_else(|all: Vec<Value>| panic!("{all:#?}"));
        assert_eq!(over["response"]["status"], "completed", "{over:#?}");
        assert_eq!(over["response"]["metadata"]["k"] == "v", turns == 0);
    }
}
