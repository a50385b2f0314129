//! Cuts in random orders of being put, taken and met by the model's own: each drops all sound of its item that began
//! before the model knew of it, and nothing else.
use consort_core::{Pcm, RealtimeSession, SessionEvent, SessionEvents, SessionInput};
use futures_core::Stream;
use proptest::prelude::*;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Debug, Clone)]
enum Act {
    /// The caller cuts an item, or everything.
    Put(Option<u8>),
    /// The model takes the oldest cut that waits.
    Take,
    /// The model cuts by itself.
    Tell,
    /// An answer begins, and keeps the epoch of now.
    Begin(u8),
    /// One of the answers so far says a piece.
    Speak(prop::sample::Index),
    /// Sound comes of which nobody kept when it began.
    SpeakNow(u8),
    Read,
}

fn act() -> impl Strategy<Value = Act> {
    let item = 0..3_u8;
    prop_oneof![
        2 => Just(Act::Put(None)),
        2 => item.clone().prop_map(|item| Act::Put(Some(item))),
        4 => Just(Act::Take),
        2 => Just(Act::Tell),
        3 => item.clone().prop_map(Act::Begin),
        8 => any::<prop::sample::Index>().prop_map(Act::Speak),
        1 => item.prop_map(Act::SpeakNow),
        2 => Just(Act::Read),
    ]
}

/// What happened, by the number of the act.
#[derive(Default)]
struct History {
    cuts: Vec<Cut>,
    answers: Vec<Answer>,
    /// Pieces that were said and not read.
    said: Vec<(i16, u8, usize)>,
}

struct Cut {
    item: Option<u8>,
    known: Option<usize>,
}

struct Answer {
    item: u8,
    begun: usize,
    epoch: u64,
}

impl History {
    /// The pieces that are heard when somebody reads now.
    fn heard(&mut self) -> Vec<i16> {
        let cuts = &self.cuts;
        let is_cut = |item: u8, begun: usize| {
            cuts.iter().any(|cut| {
                cut.item.is_none_or(|named| named == item) && cut.known.is_none_or(|known| known > begun)
            })
        };
        let wanted = self.said.drain(..).filter(|(_, item, begun)| !is_cut(*item, *begun));
        wanted.map(|(piece, ..)| piece).collect()
    }
}

fn read(events: &mut SessionEvents) -> Vec<i16> {
    let mut context = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(event)) = Pin::new(&mut *events).poll_next(&mut context) {
        if let SessionEvent::Audio { pcm, .. } = event {
            all.push(pcm.samples[0]);
        }
    }
    all
}

fn play(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let (mut session, mut inputs, say) = RealtimeSession::pair();
    let mut history = History::default();
    for (now, act) in acts.into_iter().chain([Act::Read]).enumerate() {
        let name = i16::try_from(now).unwrap_or(i16::MAX);
        let piece = Pcm::mono(vec![name], 8000);
        match act {
            Act::Put(item) => {
                history.cuts.push(Cut { item, known: None });
                let item = item.map(|item| item.to_string());
                session.sink.push(SessionInput::Interrupt { item, heard: Duration::ZERO }).unwrap();
            }
            Act::Take => {
                if let Some(cut) = history.cuts.iter_mut().find(|cut| cut.known.is_none()) {
                    cut.known = Some(now);
                    let _ = pollster::block_on(inputs.next());
                }
            }
            Act::Tell => {
                history.cuts.push(Cut { item: None, known: Some(now) });
                say.push(SessionEvent::Interrupted { item: None });
            }
            Act::Begin(item) => history.answers.push(Answer { item, begun: now, epoch: say.epoch() }),
            Act::Speak(which) if !history.answers.is_empty() => {
                let Answer { item, begun, epoch } = *which.get(&history.answers);
                history.said.push((name, item, begun));
                say.push(SessionEvent::Audio { item: item.to_string(), epoch, pcm: piece });
            }
            Act::Speak(_) => {}
            Act::SpeakNow(item) => {
                history.said.push((name, item, now));
                say.push(SessionEvent::audio(item.to_string(), piece));
            }
            Act::Read => prop_assert_eq!(read(&mut session.events), history.heard(), "at act {}", now),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_cut_drops_what_began_before_it_and_nothing_else(acts in prop::collection::vec(act(), 0..60)) {
        play(acts)?;
    }
}

/// The caller's cut and the model's own meet, and the next cut drops the next answer all the same.
#[test]
fn a_cut_that_met_the_models_own_is_followed_by_cuts_that_count() {
    let of = |item: &str, value: i16| SessionEvent::audio(item, Pcm::mono(vec![value], 8000));
    let (mut session, mut inputs, say) = RealtimeSession::pair();
    let cut = |item: Option<&str>| {
        let item = item.map(str::to_owned);
        session.sink.push(SessionInput::Interrupt { item, heard: Duration::ZERO }).unwrap();
    };
    cut(None);
    say.push(SessionEvent::Interrupted { item: None });
    let _ = pollster::block_on(inputs.next());
    say.push(of("next", 1));
    cut(None);
    say.push(of("next", 2));
    assert!(read(&mut session.events).is_empty());
}

#[test]
fn a_cut_of_an_older_answer_leaves_the_newer_one() {
    let (mut session, mut inputs, say) = RealtimeSession::pair();
    let of = |item: &str, value: i16| SessionEvent::Audio {
        item: item.to_owned(),
        epoch: 0,
        pcm: Pcm::mono(vec![value], 8000),
    };
    [of("old", 1), of("new", 2)].into_iter().for_each(|event| say.push(event));
    let item = Some("old".to_owned());
    session.sink.push(SessionInput::Interrupt { item, heard: Duration::ZERO }).unwrap();
    [of("old", 3), of("new", 4)].into_iter().for_each(|event| say.push(event));
    let _ = pollster::block_on(inputs.next());
    [of("old", 5), of("new", 6)].into_iter().for_each(|event| say.push(event));
    assert_eq!(read(&mut session.events), [2, 4, 6]);
}
