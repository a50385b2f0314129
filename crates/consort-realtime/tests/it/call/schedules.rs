//! Whatever happens in whatever order: what is kept is what was heard, and nothing but sound is lost.
use super::Held;
use consort_core::{Role, SessionEvent, SessionInput, Speaker, TranscriptMode};
use consort_realtime::call::{CallEvent, Pace};
use consort_store::Status;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Op {
    /// Somebody speaks, whose words are known now or later.
    Speak(bool),
    /// The model answers with so many words; whether that is all of it.
    Answer(u8, bool),
    /// It goes on with what it did not end.
    Rest,
    Say,
    Key,
    ModelCuts,
    Pass(u64),
    /// Whoever plays tells how far it is behind, in milliseconds.
    Report(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => any::<bool>().prop_map(Op::Speak),
        4 => (1u8..12, any::<bool>()).prop_map(|(words, done)| Op::Answer(words, done)),
        2 => Just(Op::Rest),
        1 => Just(Op::Say),
        1 => Just(Op::Key),
        1 => Just(Op::ModelCuts),
        5 => (0u64..900).prop_map(Op::Pass),
        2 => (0u64..300).prop_map(Op::Report),
    ]
}

/// What the test itself knows.
#[derive(Default)]
struct Known {
    answers: Vec<Answer>,
    users: Vec<String>,
    late: Vec<(String, String)>,
    told: Vec<String>,
    played: Duration,
    reported: Duration,
    /// Where in all that was handed out each piece of an item lies.
    pieces: Vec<(String, Duration, Duration)>,
    heard: HashMap<String, Duration>,
    seen: usize,
    cuts: u64,
}

struct Answer {
    item: String,
    words: Vec<String>,
    epoch: u64,
    done: bool,
    cut: bool,
}

const WORDS: [&str; 5] = ["one ", "three ", "seventeen ", "hello ", "goodbye "];

fn length(words: &[String]) -> Duration {
    Duration::from_millis(10 * words.iter().map(|word| word.chars().count() as u64).sum::<u64>())
}

impl Known {
    fn speak(&mut self, held: &Held, words: u8, done: bool) {
        let Some(answer) = self.answers.last_mut() else { return };
        let more: String = (0..words).map(|at| WORDS[usize::from(at) % WORDS.len()]).collect();
        if !answer.cut {
            answer.words.extend(more.split_inclusive(' ').map(str::to_owned));
        }
        held.speak(&answer.item, answer.epoch, &more);
        self.told.extend(more.split_inclusive(' ').map(|_| "transcript".to_owned()));
        if done {
            answer.done = true;
            let whole = if answer.cut { "cut" } else { "" };
            held.say.push(SessionEvent::AudioDone { item: answer.item.clone(), interrupted: answer.cut });
            if whole.is_empty() {
                let whole = answer.words.concat();
                held.words(&answer.item, Speaker::Assistant, TranscriptMode::Final, &whole);
                self.told.push("audio_done".into());
                self.told.push("transcript".into());
            } else {
                self.told.push("audio_done".into());
            }
            let finish = consort_core::FinishReason::Stop.into();
            held.say.push(SessionEvent::TurnDone { finish, usage: None });
            self.told.push("turn_done".into());
        }
    }

    /// Takes over what the call gave since the last time.
    fn look(&mut self, held: &Held, pace: Pace) {
        for event in &held.seen[self.seen..] {
            match event {
                CallEvent::Frame(frame) => {
                    let begin = self.played;
                    self.played += frame.pcm.duration();
                    let mut at = begin;
                    for one in &frame.played {
                        let end = at + Duration::from_secs_f64(one.frames as f64 / 24_000.0);
                        self.pieces.push((one.item.to_string(), at, end));
                        at = end;
                    }
                    if pace == Pace::Time {
                        self.reported = self.played;
                        self.hear();
                    }
                }
                CallEvent::Cut => {
                    self.pieces.clear();
                    for answer in self.answers.iter_mut().filter(|answer| !answer.cut) {
                        let heard = self.heard.get(&answer.item).copied().unwrap_or_default();
                        answer.cut = !(answer.done && heard >= length(&answer.words));
                    }
                }
                _ => {}
            }
        }
        self.seen = held.seen.len();
    }

    fn hear(&mut self) {
        // Reports are whole milliseconds.
        let (reported, heard) = (self.reported + Duration::from_millis(1), &mut self.heard);
        self.pieces.retain(|(item, begin, end)| {
            if *end <= reported {
                *heard.entry(item.clone()).or_default() += end.saturating_sub(*begin);
            }
            *end > reported
        });
    }

    /// What of an answer was heard: each word whose sound began.
    fn expected(&self, answer: &Answer) -> String {
        let heard = self.heard.get(&answer.item).copied().unwrap_or_default();
        let mut at = Duration::ZERO;
        let mut text = String::new();
        for word in &answer.words {
            if !answer.cut || at < heard {
                text += word;
            }
            at += length(std::slice::from_ref(word));
        }
        text.trim().to_owned()
    }
}

async fn holds(ops: Vec<Op>, pace: Pace) -> Result<(), TestCaseError> {
    let mut held = Held::open(|setup| setup.pace = pace).await;
    held.hello().await;
    held.call.played(Duration::from_millis(60));
    held.pass(10).await;
    held.seen.clear();
    let first = Duration::from_millis(60);
    let mut known = Known { played: first, reported: first, ..Known::default() };
    for op in ops {
        match op {
            Op::Speak(now) => {
                let item = format!("u{}", known.users.len());
                let text = format!("said {}", known.users.len());
                held.say.push(SessionEvent::SpeechStarted { by: Speaker::User });
                held.say.push(SessionEvent::SpeechStopped { by: Speaker::User });
                known.told.extend(["speech_started".into(), "speech_stopped".into()]);
                known.users.push(text.clone());
                known.late.push((item, text));
                if now {
                    transcribe(&held, &mut known);
                }
                held.pass(1).await;
                known.look(&held, pace);
            }
            Op::Answer(words, done) => {
                // A model answers one thing after the other.
                if known.answers.last().is_some_and(|last| !last.done) {
                    known.speak(&held, 0, true);
                }
                let epoch = held.say.epoch();
                let item = format!("a{}", known.answers.len());
                known.answers.push(Answer { item, words: Vec::new(), epoch, done: false, cut: false });
                known.speak(&held, words, done);
            }
            Op::Rest if known.answers.last().is_some_and(|last| !last.done) => {
                known.speak(&held, 3, true);
            }
            Op::Rest => {}
            Op::Say => {
                transcribe(&held, &mut known);
                held.pass(1).await;
                known.look(&held, pace);
                let text = format!("typed {}", known.users.len());
                held.call.say(&text);
                known.users.push(text);
            }
            Op::Key => held.call.interrupt(),
            Op::ModelCuts => {
                held.say.push(SessionEvent::Interrupted { item: None });
                known.told.push("interrupted".into());
            }
            Op::Pass(ms) => held.pass(ms).await,
            Op::Report(behind) if pace == Pace::Reported => {
                known.reported =
                    known.reported.max(known.played.saturating_sub(Duration::from_millis(behind)));
                known.hear();
                held.call.played(known.reported);
            }
            Op::Report(_) => {}
        }
        // Everything that was said is taken in, and the model hears of it.
        held.pass(1).await;
        known.look(&held, pace);
        for input in held.told().await {
            known.cuts += u64::from(matches!(input, SessionInput::Interrupt { .. }));
        }
    }
    if known.answers.last().is_some_and(|last| !last.done) {
        known.speak(&held, 0, true);
    }
    transcribe(&held, &mut known);
    held.say.close(consort_core::CloseReason::Asked);
    known.told.push("closed".into());
    while let Some(event) = held.call.next().await {
        held.seen.push(event);
    }
    known.look(&held, pace);
    known.reported = known.played;
    known.hear();
    let seen: Vec<&str> = held
        .seen
        .iter()
        .filter_map(|event| match event {
            CallEvent::Session(event) => Some(event.kind()),
            _ => None,
        })
        .collect();
    prop_assert_eq!(seen, known.told.iter().map(String::as_str).collect::<Vec<_>>());
    let log = held.log().await;
    let of = |role: Role| {
        let turns = log.iter().filter(move |turn| turn.role == role);
        turns.map(|turn| turn.parts.iter().filter_map(|part| part.as_text()).collect::<String>())
    };
    let said: Vec<String> = of(Role::User).filter(|text| !text.starts_with('[')).collect();
    prop_assert_eq!(said, known.users.clone());
    let heard: Vec<String> = of(Role::Assistant).skip(1).filter(|text| !text.is_empty()).collect();
    let expected: Vec<String> =
        known.answers.iter().map(|answer| known.expected(answer)).filter(|text| !text.is_empty()).collect();
    // What goes on behind something else stands in a turn of its own.
    prop_assert_eq!(heard.join(" "), expected.join(" "));
    prop_assert!(log.iter().all(|turn| turn.status != Status::Running));
    Ok(())
}

fn transcribe(held: &Held, known: &mut Known) {
    for (item, text) in std::mem::take(&mut known.late) {
        held.words(&item, Speaker::User, TranscriptMode::Final, &text);
        known.told.push("transcript".into());
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_what_was_heard(ops in prop::collection::vec(op(), 1..25), elsewhere: bool) {
        let pace = if elsewhere { Pace::Reported } else { Pace::Time };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(holds(ops, pace))?;
    }
}
