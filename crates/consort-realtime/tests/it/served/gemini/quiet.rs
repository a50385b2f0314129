//! Answers without sound, and what ends them where the model says no end.
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn says(item: &str, mode: TranscriptMode) -> SessionEvent {
    SessionEvent::Transcript { item: item.into(), by: Speaker::Assistant, mode, text: "Hi".into() }
}

fn sound_of(item: &str) -> SessionEvent {
    SessionEvent::audio(item, Pcm::mono(vec![9000; 2_400], 24_000))
}

fn sound_done(item: &str) -> SessionEvent {
    SessionEvent::AudioDone { item: item.into(), interrupted: false }
}

/// Its end, told at this time, and not before.
fn over(wire: &mut GeminiServed, at: Duration) {
    assert_eq!(wire.due(), Some(at));
    assert!(wire.tick(at.saturating_sub(Duration::from_millis(1))).messages.is_empty());
    let told = sent(&wire.tick(at));
    assert_eq!(told.last().unwrap()["serverContent"]["turnComplete"], true, "{told:?}");
    assert_eq!(wire.due(), None);
}

#[test]
fn an_answer_without_sound_has_an_end() {
    let second = SECOND + Duration::from_millis(10);
    let quiet = [
        (vec![says("a", TranscriptMode::Final)], second),
        (vec![says("a", TranscriptMode::Delta), sound_done("a")], second),
        (vec![sound_done("a")], second),
        (vec![says("a", TranscriptMode::Delta)], 10 * SECOND + Duration::from_millis(10)),
        (
            vec![SessionEvent::SpeechStarted { by: Speaker::Assistant }],
            60 * SECOND + Duration::from_millis(10),
        ),
        (vec![sound_of("a")], 60 * SECOND + Duration::from_millis(10)),
    ];
    for modality in ["AUDIO", "TEXT"] {
        for (events, at) in quiet.clone() {
            let has_words = !matches!(events[0], SessionEvent::Audio { .. });
            if modality == "TEXT" && !has_words {
                continue;
            }
            let mut wire = served(json!({"generationConfig": {"responseModalities": [modality]}}));
            say(&mut wire, &content("Hello", true), 0);
            tell(&mut wire, events);
            over(&mut wire, at);
        }
    }
}

#[test]
fn a_slow_voice_is_heard_behind_its_words() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Hello", true), 0);
    tell(&mut wire, [says("a", TranscriptMode::Final)]);
    over(&mut wire, SECOND + Duration::from_millis(10));
    let told = tell(&mut wire, [sound_of("a"), sound_done("a")]);
    assert!(told[0]["serverContent"]["modelTurn"].is_object(), "{told:?}");
    over(&mut wire, SECOND + Duration::from_millis(10));
    // From then on it is waited for.
    say(&mut wire, &content("And?", true), 2_000);
    tell(&mut wire, [says("b", TranscriptMode::Final)]);
    assert_eq!(wire.due(), Some(5 * SECOND + Duration::from_millis(10)));
}

#[test]
fn the_first_voice_may_be_slow_where_the_card_says_that_the_model_speaks() {
    let mut wire = served(json!({}));
    wire.speaks(true);
    say(&mut wire, &content("Hello", true), 0);
    tell(&mut wire, [says("a", TranscriptMode::Final)]);
    assert_eq!(wire.due(), Some(5 * SECOND + Duration::from_millis(10)));
    let told = tell(&mut wire, [sound_of("a"), sound_done("a")]);
    assert!(told[0]["serverContent"]["modelTurn"].is_object(), "{told:?}");
    over(&mut wire, SECOND + Duration::from_millis(10));
}

#[test]
fn last_words_may_come_behind_their_sound_and_the_end_of_their_turn() {
    for modality in ["AUDIO", "TEXT"] {
        for late in [false, true] {
            let setup = json!({"generationConfig": {"responseModalities": [modality]}, "outputAudioTranscription": {}});
            let mut wire = served(setup);
            say(&mut wire, &content("Hello", true), 0);
            tell(&mut wire, [sound_of("a"), sound_done("a")]);
            let three = 3 * SECOND + Duration::from_millis(10);
            assert_eq!(wire.due(), Some(three));
            if late {
                over(&mut wire, three);
            }
            let told = tell(&mut wire, [says("a", TranscriptMode::Final)]);
            let content = &told[0]["serverContent"];
            let text = if modality == "TEXT" {
                &content["modelTurn"]["parts"][0]["text"]
            } else {
                &content["outputTranscription"]["text"]
            };
            assert_eq!((text, told.len()), (&json!("Hi"), 1), "{modality} {late}: {told:?}");
            if late {
                assert_eq!(wire.due(), None, "it is of the turn that is over");
            } else {
                over(&mut wire, SECOND + Duration::from_millis(10));
            }
        }
    }
}

#[test]
fn each_part_has_its_own_sound() {
    let mut wire = served(json!({}));
    say(&mut wire, &content("Hello", true), 0);
    tell(&mut wire, [sound_of("a"), sound_done("a"), says("a", TranscriptMode::Final)]);
    tell(&mut wire, [says("b", TranscriptMode::Delta)]);
    assert_eq!(wire.due(), Some(10 * SECOND + Duration::from_millis(10)));
}

#[test]
fn who_only_reads_is_not_told_that_an_answer_is_over_that_is_still_spoken() {
    let mut wire = served(json!({"generationConfig": {"responseModalities": ["TEXT"]}}));
    say(&mut wire, &content("Hello", true), 0);
    tell(&mut wire, [says("a", TranscriptMode::Delta), sound_of("a")]);
    assert_eq!(wire.due(), Some(60 * SECOND + Duration::from_millis(10)));
}

#[test]
fn an_answer_that_called_is_over_when_its_calls_were_answered() {
    let mut wire = served(json!({"tools": [{"functionDeclarations": [{"name": "clock"}]}]}));
    say(&mut wire, &content("What time is it?", true), 0);
    let call = ToolCall { id: "c1".into(), name: "clock".into(), arguments: Arguments::new("{}") };
    tell(&mut wire, [SessionEvent::ToolCall { call }, says("a", TranscriptMode::Final)]);
    assert_eq!(wire.due(), None, "the client takes as long as it takes");
    let given = json!([{"id": "c1", "name": "clock", "response": {"output": "noon"}}]);
    say(&mut wire, &json!({"toolResponse": {"functionResponses": given}}), 500);
    tell(&mut wire, [says("b", TranscriptMode::Final)]);
    over(&mut wire, SECOND + Duration::from_millis(10));
}
