//! Random schedules: of whatever happens when, no event but sound is ever lost, each has its place, and what the model is
//! told of its answers is what was shown of them, which is what was heard.
use super::listener::{Stop, judge_heard, shown};
use super::parts::{Batch, Do, LAST, Script, Slow, Streaming};
use super::{FRAME, Talk, cascade, lines};
use consort_core::{
    Body, ErrorKind, Role, SessionConfig, SessionEvent, SessionInput, SessionUpdate, Speaker, ToolResult,
    TranscriptMode,
};
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::CascadeSettings;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Act {
    Speak(&'static str, u64),
    Write(&'static str),
    Wait(u64),
    Interrupt(Option<usize>, u64),
    Commit,
    Noise(u64),
    Detect(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (prop_oneof![Just("one two"), Just("mhm"), Just("stop it now please")], 100..900_u64)
            .prop_map(|(words, silence)| Act::Speak(words, silence)),
        1 => Just(Act::Write("written")),
        3 => (10..3_000_u64).prop_map(Act::Wait),
        1 => (proptest::option::of(0..4_usize), 0..3_000_u64).prop_map(|(item, heard)| Act::Interrupt(item, heard)),
        1 => Just(Act::Commit),
        1 => (50..900_u64).prop_map(Act::Noise),
        1 => any::<bool>().prop_map(Act::Detect),
    ]
}

fn step() -> impl Strategy<Value = Do> {
    let wait = 0..1_500_u64;
    prop_oneof![
        5 => (wait.clone(), prop_oneof![Just("A word. "), Just("Some more words, and some more of them. "), Just("ok\n")])
            .prop_map(|(wait, text)| Do::Say(wait, text)),
        1 => (wait.clone(), prop_oneof![Just("call_a"), Just("call_b")]).prop_map(|(wait, id)| Do::Call(wait, id)),
        1 => wait.clone().prop_map(|wait| Do::Fail(wait, ErrorKind::Overloaded)),
        1 => wait.prop_map(Do::Cut),
    ]
}

#[derive(Debug, Clone)]
struct Plan {
    acts: Vec<Act>,
    answers: Vec<Vec<Do>>,
    streams: bool,
    failing: usize,
    hanging: usize,
    eager: bool,
    waits: (u64, u64),
    /// How long the voice takes for 100 ms.
    trickle: u64,
}

fn plan() -> impl Strategy<Value = Plan> {
    let answers = prop::collection::vec(prop::collection::vec(step(), 0..5), 0..8);
    let ears = (any::<bool>(), 0..4_usize, prop_oneof![4 => Just(0_usize), 1 => 0..4_usize], any::<bool>());
    let times = ((0..800_u64, 0..800_u64), prop_oneof![Just(0_u64), 0..150_u64]);
    (prop::collection::vec(act(), 1..10), answers, ears, times).prop_map(|(acts, answers, ears, times)| {
        let ((streams, failing, hanging, eager), (waits, trickle)) = (ears, times);
        Plan { acts, answers, streams, failing, hanging, eager, waits, trickle }
    })
}

/// What came of a plan.
struct Held {
    events: Vec<(Duration, SessionEvent)>,
    /// What the model was told when it was asked for the last time, and when that was.
    asked: (Duration, Vec<String>),
    /// What was said of its answers in that.
    answers: String,
    stops: Vec<Stop>,
}

fn opened(plan: &Plan, model: &std::sync::Arc<Script>) -> consort_realtime::cascade::Cascade {
    let usual = CascadeSettings::default();
    let settings = CascadeSettings { eager: usual.eager.filter(|_| plan.eager), ..usual };
    let (wait, trickle) = (plan.waits.1, plan.trickle);
    let voice = Slow { wait, trickle, fails_at: Some("ok"), ..Slow::default() };
    let (failing, hanging) = (AtomicUsize::new(plan.failing), AtomicUsize::new(plan.hanging));
    if plan.streams {
        let ears = Streaming { failing, hanging, wait: plan.waits.0, ..Streaming::default() };
        cascade(model, ears, voice, settings)
    } else {
        cascade(model, Batch { failing, hanging, ..Batch::after(plan.waits.0) }, voice, settings)
    }
}

async fn hold(plan: &Plan) -> Held {
    let model = Script::new(plan.answers.clone());
    let talk = Talk::open(&opened(plan, &model), SessionConfig::default()).await;
    let (mut answered, mut stops) = (0, Vec::new());
    let detect = |on| {
        let update = SessionUpdate { turn_detection: Some(on), ..SessionUpdate::default() };
        talk.sink.push(SessionInput::Update { update }).unwrap();
    };
    for act in &plan.acts {
        match act {
            Act::Speak(words, silence) => {
                talk.say(words).await;
                talk.silence(*silence).await;
            }
            Act::Write(text) => talk.sink.push(SessionInput::text(*text)).unwrap(),
            Act::Wait(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Act::Interrupt(item, heard) => {
                let (item, heard) = (item.map(|n| format!("answer{n}")), Duration::from_millis(*heard));
                stops.push(Stop { at: talk.now(), item: item.clone(), heard });
                talk.sink.push(SessionInput::Interrupt { item, heard }).unwrap();
            }
            Act::Commit => talk.sink.push(SessionInput::Commit).unwrap(),
            Act::Noise(ms) => {
                let noise = Sound::tone(Shape::MONO_16K, 50.0, 0.5, Duration::from_millis(*ms)).to_pcm();
                talk.sound(&noise).await;
            }
            Act::Detect(on) => detect(*on),
        }
        tokio::time::sleep(FRAME).await;
        // Every call is answered, though not at once.
        let calls: Vec<String> = called(&talk.events());
        for id in calls.iter().skip(answered) {
            let (call_id, name) = (id.clone(), "look".to_owned());
            let result = ToolResult { call_id, name, content: vec!["seen".into()], is_error: false };
            talk.sink.push(SessionInput::ToolResult { result }).unwrap();
        }
        answered = calls.len();
    }
    // Whatever happened, a written turn is answered in the end.
    detect(true);
    talk.sink.push(SessionInput::text(LAST)).unwrap();
    let is_last = |lines: &Vec<String>| lines.last().is_some_and(|line| line.contains(LAST));
    while !model.told().last().is_some_and(is_last) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(talk.now() < Duration::from_mins(20), "it is deaf: {:#?}", talk.lines());
    }
    let at = model.times.lock().unwrap().last().map(|at| talk.since(*at)).unwrap_or_default();
    let request = model.asked.lock().unwrap().last().cloned().unwrap();
    let answers = request.messages.iter().filter(|message| message.role == Role::Assistant);
    let texts = answers.flat_map(|message| &message.parts).filter_map(|part| match &part.body {
        Body::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let answers = texts.collect();
    let asked = (at, model.told().pop().unwrap_or_default());
    Held { events: talk.close().await, asked, answers, stops }
}

fn called(events: &[(Duration, SessionEvent)]) -> Vec<String> {
    let call = |(_, event): &(Duration, SessionEvent)| match event {
        SessionEvent::ToolCall { call } => Some(call.id.clone()),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

/// What must hold of every session.
fn judge(events: &[(Duration, SessionEvent)]) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}\n{:#?}", lines(events)));
    let (mut user, mut assistant, mut epoch) = (false, false, 0);
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let mut over = BTreeSet::new();
    for (_, event) in events {
        match event {
            SessionEvent::SpeechStarted { by } | SessionEvent::SpeechStopped { by } => {
                let speaks = if *by == Speaker::User { &mut user } else { &mut assistant };
                let starts = matches!(event, SessionEvent::SpeechStarted { .. });
                if *speaks == starts {
                    return wrong("somebody starts or stops twice");
                }
                *speaks = starts;
            }
            SessionEvent::Transcript { item, by, mode, text } => {
                // Of an answer that was made or cut it may be told again what was heard of it: ever less.
                let is_heard = *by == Speaker::Assistant && *mode == TranscriptMode::Final;
                if over.contains(item) && !is_heard {
                    return wrong("words come behind the final ones");
                }
                match mode {
                    TranscriptMode::Delta => said.entry(item.clone()).or_default().push_str(text),
                    TranscriptMode::Replacement => drop(said.insert(item.clone(), text.clone())),
                    TranscriptMode::Final => {
                        over.insert(item.clone());
                        let before = said.get(item).map_or("", String::as_str);
                        if *by == Speaker::Assistant && !before.starts_with(text.as_str()) {
                            return wrong("more was heard than was said");
                        }
                        said.insert(item.clone(), text.clone());
                    }
                }
            }
            SessionEvent::Audio { item, epoch: of, .. } if over.contains(item) || *of < epoch => {
                return wrong("sound of what is over");
            }
            SessionEvent::Interrupted { .. } => epoch += 1,
            _ => {}
        }
    }
    if assistant {
        return wrong("the answer never stops");
    }
    let count = |fits: &dyn Fn(&SessionEvent) -> bool| events.iter().filter(|(_, event)| fits(event)).count();
    let turns = count(&|event| matches!(event, SessionEvent::SpeechStopped { by: Speaker::User }));
    let known = count(&|event| {
        let is_final = |mode: &TranscriptMode| *mode == TranscriptMode::Final;
        matches!(event, SessionEvent::Transcript { by: Speaker::User, mode, .. } if is_final(mode))
    });
    let failed = count(&|event| matches!(event, SessionEvent::Error { .. }));
    if turns > known + failed {
        return wrong("a turn has neither its words nor an error");
    }
    let silent = said.keys().find(|item| item.starts_with("answer") && !over.contains(*item));
    if silent.is_some() {
        return wrong("an answer has no end");
    }
    match events.last() {
        Some((_, SessionEvent::Closed { .. })) => Ok(()),
        _ => wrong("the session has no end"),
    }
}

/// As many as are asked for, else so many as take half a minute.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]
    #[test]
    fn nothing_but_sound_is_lost(plan in plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let held = runtime.block_on(hold(&plan));
        let all = || format!("{:#?}\n{:#?}\n{:#?}", lines(&held.events), held.asked, held.stops);
        if let Err(what) = judge(&held.events).and_then(|()| judge_heard(&held.events, &held.stops)) {
            prop_assert!(false, "{what}\n{}", all());
        }
        // Whatever was written was told to the model, and stayed in the conversation.
        let written = plan.acts.iter().filter(|act| matches!(act, Act::Write(_))).count();
        let known: usize = held.asked.1.iter().map(|line| line.matches("written").count()).sum();
        prop_assert_eq!(known, written, "{}", all());
        // And it was told of its answers what was shown of them.
        let plain = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(plain(&held.answers), plain(&shown(&held.events, held.asked.0)), "{}", all());
    }
}
