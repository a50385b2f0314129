//! What processors know by the time that somebody is answered.
use super::{Held, sound};
use consort_core::{
    BoxFuture, Context, Error, Finish, FinishReason, Frame, Memory, Message, Part, Processor, Request,
    SessionEvent, SessionInput, SessionUpdate, Speaker,
};
use consort_engine::{Recall, StoreMemory};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts what it hears, and takes its time to say so.
#[derive(Default)]
struct Counter {
    frames: AtomicUsize,
    slow: Duration,
    asked: Arc<AtomicUsize>,
}

impl Processor for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }
    fn contribute<'a>(&'a self, _: &'a Request, context: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        self.asked.fetch_add(1, Relaxed);
        Box::pin(async move {
            context.clock.sleep(self.slow).await;
            Ok(vec![Part::text(format!("{} pieces were heard.", self.frames.load(Relaxed)))])
        })
    }
    fn watch(&self, _: &Frame) {
        self.frames.fetch_add(1, Relaxed);
    }
}

/// Notes what it is asked about.
#[derive(Default)]
struct Reader(Arc<Mutex<Vec<Vec<String>>>>);

impl Processor for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }
    fn contribute<'a>(&'a self, request: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        let said = request.messages.iter().map(|message| format!("{:?}: {}", message.role, message.text()));
        self.0.lock().unwrap().push(said.collect());
        Box::pin(async { Ok(Vec::new()) })
    }
}

async fn held(slow: u64) -> Held {
    let counter = Counter { slow: Duration::from_millis(slow), ..Counter::default() };
    let held = Held::open(move |setup| {
        setup.config.instructions = "Be kind.".into();
        setup.processors = vec![Arc::new(counter)];
    })
    .await;
    assert_eq!(held.config.instructions, "Be kind.\n\n0 pieces were heard.");
    held
}

/// A call with a processor of which is counted how often it was asked since the call is open.
async fn counted() -> (Held, impl Fn() -> usize) {
    let counter = Counter::default();
    let asked = counter.asked.clone();
    let held = Held::open(move |setup| setup.processors = vec![Arc::new(counter)]).await;
    (held, move || asked.load(Relaxed) - 1)
}

/// What was told, in order.
async fn all(held: &mut Held) -> Vec<String> {
    let line = |input| match input {
        SessionInput::Update { update } => update.instructions.unwrap_or_else(|| "update".to_owned()),
        SessionInput::Text { text } => format!("said: {text}"),
        SessionInput::Commit => "commit".to_owned(),
        SessionInput::Audio(_) => "sound".to_owned(),
        SessionInput::Interrupt { .. } => "interrupt".to_owned(),
        other => format!("{other:?}"),
    };
    held.told().await.into_iter().map(line).collect()
}

/// What was told but for sound.
async fn told(held: &mut Held) -> Vec<String> {
    all(held).await.into_iter().filter(|line| line != "sound").collect()
}

fn cut_turn() -> SessionEvent {
    let finish = Finish { vendor_reason: Some("interrupted".into()), ..FinishReason::Other.into() };
    SessionEvent::TurnDone { finish, usage: None }
}

#[tokio::test(start_paused = true)]
async fn the_model_is_told_what_processors_learnt_before_each_answer() {
    let mut held = held(0).await;
    held.call.hear(sound("hello"), None);
    held.pass(10).await;
    assert_eq!(told(&mut held).await, ["Be kind.\n\n1 pieces were heard."]);
    // Once a turn; and what is as it was is not told again.
    held.call.hear(sound("hello"), None);
    held.pass(10).await;
    assert!(told(&mut held).await.is_empty());
    held.user("u1", "Hello.");
    held.done("a1", "Hi.");
    held.pass(10).await;
    held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
    held.pass(10).await;
    assert_eq!(told(&mut held).await, ["Be kind.\n\n2 pieces were heard."]);
}

#[tokio::test(start_paused = true)]
async fn words_wait_for_processors_and_not_for_ever() {
    let mut slow = held(300).await;
    slow.call.hear(Held::quiet(), None);
    slow.call.say("How many?");
    slow.pass(200).await;
    assert!(told(&mut slow).await.is_empty(), "it waits");
    slow.pass(200).await;
    assert_eq!(told(&mut slow).await, ["Be kind.\n\n1 pieces were heard.", "said: How many?"]);

    slow.done("a1", "One.");
    slow.pass(10).await;
    slow.call.say("And now?");
    slow.call.commit();
    slow.call.close();
    assert_eq!(told(&mut slow).await, ["said: And now?", "commit"], "who ends a call loses no word");
}

#[tokio::test(start_paused = true)]
async fn a_processor_that_hangs_adds_nothing_and_is_told_of() {
    let mut held = Held::open(|setup| {
        let slow = Duration::from_hours(1);
        setup.processors = vec![Arc::new(Counter { slow, ..Counter::default() })];
    })
    .await;
    assert_eq!(held.config.instructions, "");
    held.call.say("Hello.");
    held.pass(2_500).await;
    assert_eq!(told(&mut held).await, ["said: Hello."]);
    let warned = held.seen.iter().filter(|event| format!("{event:?}").contains("longer than 2 s")).count();
    assert_eq!(warned, 1, "{:?}", held.seen);
}

#[tokio::test(start_paused = true)]
async fn a_noise_is_no_turn_once_the_model_tells_of_speech() {
    let (mut held, asked) = counted().await;
    held.call.hear(sound("slam"), None);
    held.pass(1_500).await;
    held.call.hear(sound("hello"), None);
    held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
    held.pass(10).await;
    assert_eq!(
        told(&mut held).await,
        ["1 pieces were heard.", "2 pieces were heard."],
        "as it is when they speak"
    );
    held.done("a1", "Hi.");
    held.pass(10).await;
    held.call.hear(sound("slam"), None);
    held.pass(10).await;
    assert_eq!(asked(), 2, "the model did not take it for speech");
    held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
    held.pass(10).await;
    assert_eq!(asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_told_of_behind_its_sound_is_one_turn() {
    let (mut held, asked) = counted().await;
    held.call.hear(sound("hello"), None);
    held.pass(300).await;
    held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
    held.pass(10).await;
    assert_eq!(asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_model_that_tells_nothing_loudness_tells_the_turns() {
    let (mut held, asked) = counted().await;
    for _ in 0..3 {
        held.call.hear(sound("hello"), None);
        held.pass(1_000).await;
    }
    assert_eq!(asked(), 1, "somebody who goes on speaking");
    held.pass(2_500).await;
    held.call.hear(sound("hello"), None);
    held.pass(10).await;
    assert_eq!(asked(), 2, "what was known before a long silence is old");
    held.speak("a1", 0, "A long answer ");
    held.done("a1", "A long answer ");
    held.pass(10).await;
    held.call.hear(sound("more"), None);
    held.pass(10).await;
    assert_eq!(asked(), 3);
    // Into an answer that is under way: its end is not that of the turn that cut it.
    held.speak("a2", 0, "A long ");
    held.pass(2_500).await;
    held.call.hear(sound("wait"), None);
    held.say.push(cut_turn());
    held.pass(10).await;
    held.call.hear(sound("wait"), None);
    held.pass(10).await;
    assert_eq!(asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_heard_begin_is_asked_for_at_its_end() {
    let (mut held, asked) = counted().await;
    held.call.hear(Held::quiet(), None);
    held.call.commit();
    assert!(!told(&mut held).await.contains(&"commit".to_owned()), "it waits for them");
    held.pass(10).await;
    assert_eq!(told(&mut held).await, ["1 pieces were heard.", "commit"]);
    assert_eq!(asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_are_asked_at_once() {
    let slow = |ms| Arc::new(Counter { slow: Duration::from_millis(ms), ..Counter::default() });
    let mut held = Held::open(move |setup| {
        setup.processors = vec![slow(3_600_000), slow(1_500), slow(3_600_000), slow(1_000)];
    })
    .await;
    assert_eq!(held.config.instructions, "0 pieces were heard.\n\n0 pieces were heard.");
    held.call.hear(Held::quiet(), None);
    held.call.say("Hello.");
    held.pass(2_100).await;
    let known = "1 pieces were heard.\n\n1 pieces were heard.";
    assert_eq!(told(&mut held).await, [known, "said: Hello."], "one time limit for all");
}

#[tokio::test(start_paused = true)]
async fn nothing_overtakes_what_waits_for_processors() {
    let mut slow = held(300).await;
    slow.call.hear(Held::quiet(), None);
    slow.call.say("One.");
    slow.call.update(SessionUpdate { instructions: Some("Be brief.".into()), ..SessionUpdate::default() });
    slow.call.hear(Held::quiet(), None);
    slow.call.commit();
    slow.pass(200).await;
    assert_eq!(all(&mut slow).await, ["sound"], "what was said before it");
    slow.pass(200).await;
    let wanted = [
        "Be kind.\n\n2 pieces were heard.",
        "said: One.",
        "Be brief.\n\n2 pieces were heard.",
        "sound",
        "commit",
    ];
    assert_eq!(all(&mut slow).await, wanted);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_waits_for_nobody_and_cuts_what_was_said_before_it() {
    let mut slow = held(300).await;
    slow.call.hear(Held::quiet(), None);
    slow.call.say("Tell me everything.");
    slow.call.interrupt();
    assert_eq!(all(&mut slow).await, ["sound", "said: Tell me everything.", "interrupt"]);
    slow.pass(400).await;
    assert_eq!(all(&mut slow).await, ["Be kind.\n\n1 pieces were heard."]);
}

#[tokio::test(start_paused = true)]
async fn processors_are_asked_about_what_was_said_in_the_call() {
    for is_kept in [true, false] {
        let reader = Reader::default();
        let asked = reader.0.clone();
        let newest = move || asked.lock().unwrap().last().cloned().unwrap_or_default();
        let mut held = Held::open(move |setup| {
            setup.config.messages = vec![Message::user("Before.")];
            setup.keep = setup.keep.take().filter(|_| is_kept);
            setup.processors = vec![Arc::new(reader)];
        })
        .await;
        let before = if is_kept { vec![] } else { vec!["User: Before."] };
        assert_eq!(newest(), before);
        // Noise had them asked, before anybody knew these words.
        held.call.hear(sound("hello"), None);
        held.call.say("My dog?");
        held.pass(10).await;
        assert_eq!(newest(), [&before[..], &["User: My dog?"]].concat());
        held.speak("a1", 0, "Rex is his name.");
        held.done("a1", "Rex is his name.");
        held.pass(3000).await;
        // Of what is spoken, the words come later.
        held.user("u2", "And my cat?");
        held.pass(10).await;
        let said = [&before[..], &["User: My dog?", "Assistant: Rex is his name."]].concat();
        assert_eq!(newest(), said);
        held.speak("a2", 0, "One two three four five six.");
        held.pass(100).await;
        held.call.say("Stop!");
        held.pass(10).await;
        let said = [&said[..], &["User: And my cat?", "Assistant: One two three", "User: Stop!"]].concat();
        assert_eq!(newest(), said, "what goes on is known as far as it was heard");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_told_to_who_talks() {
    let memory: Arc<dyn Memory> = Arc::new(StoreMemory::in_process());
    memory.add("ada", "Rex is the dog.".into()).await.unwrap();
    memory.add("ada", "Minka is the cat.".into()).await.unwrap();
    let recall = Recall::new(memory, "ada", 1);
    let mut held = Held::open(move |setup| setup.processors = vec![Arc::new(recall)]).await;
    assert_eq!(held.config.instructions, "", "nothing was asked yet");
    for (question, note) in [("My dog?", "Rex is the dog."), ("My cat?", "Minka is the cat.")] {
        held.call.say(question);
        held.pass(10).await;
        let told = told(&mut held).await;
        assert!(told[0].ends_with(note) && told[1] == format!("said: {question}"), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn typed_words_wait_no_longer_because_more_are_typed() {
    let mut slow = held(300).await;
    slow.call.say("One.");
    slow.pass(200).await;
    slow.call.say("Two.");
    assert_eq!(all(&mut slow).await, ["said: One."], "they are asked anew, about both");
    slow.pass(200).await;
    assert!(all(&mut slow).await.is_empty());
    slow.pass(200).await;
    assert_eq!(all(&mut slow).await, ["said: Two."], "nothing was learnt");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wrote_down_is_no_question() {
    let reader = Reader::default();
    let asked = reader.0.clone();
    let mut held = Held::open(move |setup| setup.processors = vec![Arc::new(reader)]).await;
    held.call.hear(sound("loud"), None);
    held.pass(10).await;
    held.speak("a1", 0, "Hello.");
    held.done("a1", "Hello.");
    held.pass(3000).await;
    held.call.hear(sound("loud"), None);
    held.pass(10).await;
    assert_eq!(asked.lock().unwrap().last().unwrap(), &["Assistant: Hello."]);
}

/// Counts the pictures that it is asked about, and notes what stands beside them.
#[derive(Default)]
struct Viewer(Arc<Mutex<Vec<(usize, String)>>>);

impl Processor for Viewer {
    fn name(&self) -> &'static str {
        "viewer"
    }
    fn contribute<'a>(&'a self, request: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        let parts = || request.messages.iter().flat_map(|message| &message.parts);
        let pictures = parts().filter(|part| matches!(part.body, consort_core::Body::Media(_))).count();
        let texts: Vec<&str> = parts().filter_map(Part::as_text).collect();
        self.0.lock().unwrap().push((pictures, texts.join(" ")));
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test(start_paused = true)]
async fn processors_see_the_newest_pictures_as_another_connection_does() {
    let viewer = Viewer::default();
    let seen = viewer.0.clone();
    let mut held = Held::open(move |setup| setup.processors = vec![Arc::new(viewer)]).await;
    for turn in 0..5 {
        let shown = if turn == 4 { 18 } else { 1 };
        for _ in 0..shown {
            held.call.show(consort_core::Media::bytes("image/png", vec![turn]));
        }
        held.call.say(&format!("Look {turn}."));
        held.pass(10).await;
    }
    held.call.say("Well?");
    held.pass(10).await;
    let gone = "[a picture that is not kept any more]";
    let wanted = format!("{gone} Look 0. {gone} Look 1. Look 2. Look 3. Look 4. Well?");
    assert_eq!(seen.lock().unwrap().last(), Some(&(2 + 16, wanted)));
}
