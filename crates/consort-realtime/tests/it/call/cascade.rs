//! A call over a cascade: the log, the transcript and what the model is told next are one text.
use super::lines;
use crate::cascade::parts::{Do, Script, Slow};
use consort_core::{
    Context, Model, NoCredentials, RealtimeModel, SessionConfig, SessionEvent, Speaker, TranscriptMode,
};
use consort_providers::TokioClock;
use consort_realtime::call::{Call, CallEvent, CallSetup, Keep, Pace};
use consort_realtime::cascade::{Cascade, CascadeSettings};
use consort_realtime::voices::TestVoice;
use consort_store::{MemoryStore, NewConversation, Store};
use std::sync::Arc;
use std::time::Duration;

const LONG: &str =
    "This is the first sentence of a long answer to it.\nAnd here is the second one, of the same length.\n";

/// What the log holds of the answer that was cut, what was shown of it last, and what the model is told of it.
async fn interrupted(script: Vec<Do>, voice: Slow, pace: Pace, cut: u64) -> [String; 3] {
    let model = Script::new([script, vec![Do::Say(0, "Fine.")]]);
    let parts: Arc<dyn Model> = model.clone();
    let settings = CascadeSettings { eager: None, ..CascadeSettings::default() };
    let cascade = Cascade::new(parts, Arc::new(TestVoice), Arc::new(voice)).settings(settings);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let conversation = store.create(NewConversation::default()).await.unwrap().id;
    let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
    let mut setup = CallSetup::new(SessionConfig::default(), context);
    setup.keep = Some(Keep { store: store.clone(), conversation, tip: None });
    setup.pace = pace;
    let realtime: &dyn RealtimeModel = &cascade;
    let mut call = Call::open(realtime, setup).await.unwrap();
    let mut shown = String::new();
    call.say("tell me");
    pass(&mut call, &mut shown, cut).await;
    if pace == Pace::Reported {
        call.played(Duration::from_millis(cut - 300));
    }
    call.interrupt();
    pass(&mut call, &mut shown, 300).await;
    call.say("and now");
    pass(&mut call, &mut shown, 10_000).await;
    call.close();
    while call.next().await.is_some() {}
    let tip = store.conversation(conversation).await.unwrap().unwrap().tip.unwrap();
    let log = lines(&store.path(tip).await.unwrap());
    assert_eq!(log.len(), 4, "{log:#?}");
    assert_eq!(log[2], "User Complete: and now");
    let told = model.told();
    let last = |line: &str, start: &str| line.strip_prefix(start).unwrap_or(line).trim().to_owned();
    [last(&log[1], "Assistant Interrupted: "), shown.trim().to_owned(), last(&told[1][1], "Assistant: ")]
}

async fn pass(call: &mut Call, shown: &mut String, ms: u64) {
    let end = tokio::time::Instant::now() + Duration::from_millis(ms);
    while let Ok(Some(event)) = tokio::time::timeout_at(end, call.next()).await {
        if let CallEvent::Session(SessionEvent::Transcript {
            item,
            by: Speaker::Assistant,
            mode: TranscriptMode::Final,
            text,
        }) = event
            && item == "answer0"
        {
            *shown = text;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_one_text() {
    let whole = || vec![Do::Say(0, LONG)];
    let under_way = || vec![Do::Say(0, LONG), Do::Say(60_000, "Never.")];
    let quick = Slow::default;
    let slow = || Slow { trickle: 90, ..Slow::default() };
    for pace in [Pace::Time, Pace::Reported] {
        for (script, voice) in
            [(whole(), quick()), (under_way(), quick()), (whole(), slow()), (under_way(), slow())]
        {
            let name = format!("{pace:?} {script:?} {}", voice.trickle);
            let [log, shown, told] = interrupted(script, voice, pace, 3000).await;
            assert_eq!((&log, &shown), (&told, &told), "{name}");
            assert!(told.starts_with("This is the first") && told.len() < LONG.len() - 20, "{name}: {told}");
        }
    }
}
