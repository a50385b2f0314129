//! Whoever plays a call comes back, or is another: what did not arrive is played again, and counts as heard only then.
use super::Held;
use consort_core::{Pcm, SessionEvent, SessionInput};
use consort_realtime::call::{CallEvent, Pace};
use std::time::Duration;

const MS: fn(u64) -> Duration = Duration::from_millis;

async fn reported() -> Held {
    Held::open(|setup| setup.pace = Pace::Reported).await
}

/// The sound that came since it was last asked, in ms.
fn came(held: &mut Held) -> u64 {
    let frames = held.seen.iter().filter(|event| matches!(event, CallEvent::Frame(_))).count();
    held.seen.clear();
    20 * frames as u64
}

fn interrupt(heard: u64) -> SessionInput {
    SessionInput::Interrupt { item: Some("a1".into()), heard: MS(heard) }
}

#[tokio::test(start_paused = true)]
async fn what_did_not_arrive_is_played_again_in_its_time() {
    let mut held = reported().await;
    held.speak("a1", 0, "One two three four five six.");
    held.done("a1", "One two three four five six.");
    held.pass(190).await;
    assert_eq!(came(&mut held), 200);
    assert_eq!(held.call.resume(Some(MS(100))), MS(100));
    held.pass(90).await;
    assert_eq!(came(&mut held), 100, "not faster than time");
    held.pass(500).await;
    assert_eq!(came(&mut held), 80);
    held.call.played(MS(280));
    held.pass(100).await;
    assert_eq!(super::lines(&held.end().await), ["Assistant Complete: One two three four five six."]);
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_before_it_comes_again_was_not_heard() {
    for (received, played, heard) in
        [(Some(100), 100, 100), (Some(100), 60, 60), (None, 60, 60), (None, 0, 0)]
    {
        let mut held = reported().await;
        held.speak("a1", 0, "One two three four five six.");
        held.pass(190).await;
        held.call.played(MS(played));
        let begins = held.call.resume(received.map(MS));
        assert_eq!(begins, MS(received.unwrap_or(played)));
        // What was received and not played when the connection was lost is played meanwhile.
        held.call.interrupt();
        assert_eq!(held.told().await, [interrupt(heard)], "{received:?} {played}");
        held.pass(100).await;
        assert_eq!(came(&mut held), 200, "and nothing of it comes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_that_did_not_arrive_is_told_again_and_what_was_cut_does_not_come() {
    let mut held = reported().await;
    held.speak("a1", 0, "One two three four five six.");
    held.pass(90).await;
    held.call.interrupt();
    held.say.push(SessionEvent::Interrupted { item: Some("a1".into()) });
    held.pass(10).await;
    held.speak("a2", held.say.epoch(), "Seven.");
    held.pass(90).await;
    assert_eq!(came(&mut held), 160);
    // Of the first 100 ms it received 40, and neither the cut nor anything behind it.
    assert_eq!(held.call.resume(Some(MS(40))), MS(100));
    held.pass(100).await;
    assert!(matches!(held.seen[0], CallEvent::Cut), "{:?}", held.seen[0]);
    assert_eq!(came(&mut held), 60);
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_for_half_a_minute_is_taken_to_have_heard_it_unless_it_did_not_arrive() {
    for is_lost in [false, true] {
        let mut held = reported().await;
        held.speak("a1", 0, "One.");
        let minute = Pcm::mono(vec![9000; 60 * 24_000], 24_000);
        held.say.push(SessionEvent::Audio { item: "a1".into(), epoch: 0, pcm: minute });
        for _ in 0..2 {
            held.pass(25_000).await;
            if is_lost {
                assert_eq!(held.call.resume(Some(MS(0))), MS(0));
            }
        }
        held.call.interrupt();
        let heard = if is_lost { 0..=0 } else { 19_000..=21_000 };
        let told = held.told().await;
        let [SessionInput::Interrupt { heard: was, .. }] = &told[..] else { panic!("{told:?}") };
        assert!(heard.contains(&was.as_millis()), "{was:?}");
    }
}
