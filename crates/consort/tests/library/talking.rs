//! An assistant that is talked with.
use super::saying::says;
use consort::realtime::call::CallEvent;
use consort::{
    Assistant, BoxFuture, Context, Error, FinishReason, Frame, ModelCard, ModelKind, Part, Pcm, Processor,
    RealtimeModel, RealtimeSession, Request, SessionConfig, SessionEvent, SessionInput, Speaker, ToolOutput,
    TranscriptMode, function,
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Answers each word with what it was told to be, and what was said before.
struct Mirror(ModelCard);

impl RealtimeModel for Mirror {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn connect(
        &self,
        mut config: SessionConfig,
        _: Context,
    ) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        Box::pin(async move {
            let (session, mut inputs, say) = RealtimeSession::pair();
            tokio::spawn(async move {
                let mut answers = 0;
                while let Some(input) = inputs.next().await {
                    match input {
                        SessionInput::Update { update } => config.update(update),
                        SessionInput::Text { text } => {
                            let before: Vec<String> =
                                config.messages.iter().map(consort::Message::text).collect();
                            let tools: Vec<&str> =
                                config.tools.iter().map(|tool| tool.name.as_str()).collect();
                            let whole = format!("{text}: {} {before:?} {tools:?}", config.instructions);
                            let item = format!("a{answers}");
                            answers += 1;
                            let (by, mode) = (Speaker::Assistant, TranscriptMode::Final);
                            say.push(SessionEvent::Transcript { item, by, mode, text: whole });
                            say.push(SessionEvent::TurnDone {
                                finish: FinishReason::Stop.into(),
                                usage: None,
                            });
                        }
                        _ => {}
                    }
                }
            });
            Ok(session)
        })
    }
}

/// Counts what it hears.
#[derive(Default)]
struct Listener(AtomicUsize);

impl Processor for Listener {
    fn name(&self) -> &'static str {
        "listener"
    }

    fn contribute<'a>(&'a self, _: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        Box::pin(async { Ok(vec![Part::text(format!("Heard: {}.", self.0.load(Ordering::Relaxed)))]) })
    }

    fn watch(&self, _: &Frame) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn an_assistant_is_talked_with_in_the_conversation_that_it_has() {
    let mut card = ModelCard::new("zoo", "mirror");
    card.kind = ModelKind::Realtime;
    let live = Mirror(card);
    let assistant = Assistant::builder("desk", says(&["Hello Ada."]))
        .instructions("Be brief.")
        .tool(function("time", "What time it is", |(): (), _| async { Ok(ToolOutput::text("noon")) }))
        .processor(Listener::default())
        .build();
    let talk = assistant.talk("ada").participant("ada");
    assert_eq!(talk.say("I am Ada.").await.unwrap().text, "Hello Ada.");

    let mut call = talk.call(&live, SessionConfig::default()).await.unwrap();
    call.hear(Pcm::mono(vec![9_000; 480], 24_000), None);
    call.say("who");
    loop {
        match call.next().await.unwrap() {
            CallEvent::Session(SessionEvent::TurnDone { .. }) => break,
            other => drop(other),
        }
    }
    call.close();
    while call.next().await.is_some() {}
    let said: Vec<String> = talk.history().await.unwrap().iter().map(consort::Message::text).collect();
    let answer = r#"who: Be brief.

Heard: 1. ["I am Ada.", "Hello Ada."] ["time"]"#
        .replace("\\n", "\n");
    assert_eq!(said, ["I am Ada.", "Hello Ada.", "who", &answer]);
    let names: Vec<Option<String>> =
        talk.history().await.unwrap().into_iter().map(|message| message.name).collect();
    assert_eq!(names[2].as_deref(), Some("ada"));

    assistant.close().await;
    let error = talk.call(&live, SessionConfig::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "the assistant `desk` is closed");
}

#[tokio::test]
async fn what_an_assistant_remembers_is_told_in_a_call() {
    let mut card = ModelCard::new("zoo", "mirror");
    card.kind = ModelKind::Realtime;
    let live = Mirror(card);
    let assistant = Assistant::builder("desk", says(&[])).recall(1).build();
    let talk = assistant.talk("ada");
    talk.remember("Rex is the dog.").await.unwrap();
    talk.remember("Minka is the cat.").await.unwrap();
    let mut call = talk.call(&live, SessionConfig::default()).await.unwrap();
    for (question, note) in [("dog?", "\n- Rex is the dog. []"), ("cat?", "\n- Minka is the cat. []")] {
        call.say(question);
        let said = loop {
            if let CallEvent::Session(SessionEvent::Transcript { text, .. }) = call.next().await.unwrap() {
                break text;
            }
        };
        assert!(said.contains(note), "{said}");
    }
}
