//! What the model tells late, of something else, or behind something else.
use super::*;

const USER: Speaker = Speaker::User;

fn spoken() -> [SessionEvent; 2] {
    [SessionEvent::SpeechStarted { by: USER }, SessionEvent::SpeechStopped { by: USER }]
}

/// The responses that are over, each as its status and what it says.
fn responses(told: &[Value]) -> Vec<(String, String)> {
    let over = told.iter().filter(|one| one["type"] == "response.done").map(|one| &one["response"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    over.map(|one| (text(&one["status"]), text(&one["output"][0]["content"][0]["transcript"]))).collect()
}

fn completed(words: &str) -> (String, String) {
    ("completed".to_owned(), words.to_owned())
}

#[test]
fn speech_that_the_model_tells_late_is_no_other_turn() {
    let mut wire = served();
    let (before, after) = (vec![0; 48_000 * 5], vec![0; 48_000 * 60]);
    let told = sent(&say(&mut wire, &append(&[before, super::super::voice(), after].concat()), 0));
    let turns = ["input_audio_buffer.speech_started", "input_audio_buffer.committed", "response.created"];
    turns.iter().for_each(|turn| assert_eq!(kinds(&told).iter().filter(|kind| *kind == turn).count(), 1));
    // The model hears it by now, and that nobody speaks for a minute.
    let all =
        spoken().into_iter().chain([words("a", TranscriptMode::Final, "Yes."), done(FinishReason::Stop)]);
    let told = tell(&mut wire, all);
    assert_eq!(responses(&told), [completed("Yes.")]);
    assert!(!kinds(&told).iter().any(|kind| kind.starts_with("input_audio_buffer")), "{told:?}");
    assert_eq!(
        kinds(&tell(&mut wire, spoken()))[0],
        "input_audio_buffer.speech_started",
        "the next one is new"
    );
}
