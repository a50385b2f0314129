//! What the user says aloud, in any form, and who hears it.
use super::super::sound_in;
use super::*;

#[test]
fn sound_comes_in_any_rate_and_either_alphabet() {
    let mut wire = served(json!({}));
    let bytes = Pcm::mono(vec![-1; 160], 16_000).to_le_bytes();
    let blob = |data: &[u8], mime: &str| json!({"realtime_input": {"audio": {"data": URL_SAFE.encode(data), "mime_type": mime}}});
    let opened = say(&mut wire, &blob(&bytes[..161], "audio/pcm;rate=16000"), 0);
    assert!(opened.open.is_some());
    let rest = say(&mut wire, &blob(&bytes[161..], "audio/pcm;rate=16000"), 0);
    let heard: Vec<Pcm> = opened
        .inputs
        .into_iter()
        .chain(rest.inputs)
        .filter_map(|input| match input {
            SessionInput::Audio(pcm) => Some(pcm),
            _ => None,
        })
        .collect();
    assert_eq!(heard.iter().flat_map(|pcm| pcm.samples.clone()).collect::<Vec<_>>(), vec![-1; 160]);
    let other = say(&mut wire, &blob(&bytes, "audio/pcm;rate=48000"), 0);
    assert!(matches!(&other.inputs[0], SessionInput::Audio(pcm) if pcm.rate == 48_000));
    let frame = json!({"realtimeInput": {"video": {"data": "AAAA", "mimeType": "image/jpeg"}}});
    assert!(matches!(say(&mut wire, &frame, 0).inputs.as_slice(), [SessionInput::Video { .. }]));
    assert_eq!(
        say(&mut wire, &json!({"realtimeInput": {"audioStreamEnd": true}}), 0).inputs,
        [SessionInput::Commit]
    );
    refused(&say(&mut wire, &blob(&bytes, "audio/pcm;rate=7"), 0), "7 samples a second");
    refused(&say(&mut wire, &blob(&bytes, "audio/mpeg"), 0), "audio/mpeg");
    refused(
        &say(&mut wire, &json!({"realtimeInput": {"audio": {"data": "§", "mimeType": "audio/pcm"}}}), 0),
        "base64",
    );
}

#[test]
fn a_sample_that_two_messages_share_is_heard_whole() {
    let mut wire = served(json!({}));
    let bytes = Pcm::mono(vec![9_000; 1_600], 16_000).to_le_bytes();
    let (one, other) = bytes.split_at(801);
    let mut heard = Vec::new();
    for piece in [one, other] {
        let audio = json!({"data": URL_SAFE.encode(piece), "mimeType": "audio/pcm;rate=16000"});
        for input in say(&mut wire, &json!({"realtimeInput": {"audio": audio}}), 0).inputs {
            if let SessionInput::Audio(pcm) = input {
                heard.extend(pcm.samples);
            }
        }
    }
    assert_eq!(heard, vec![9_000; 1_600]);
}

#[test]
fn speech_cuts_an_answer_unless_it_may_not() {
    for (handling, cuts) in [("START_OF_ACTIVITY_INTERRUPTS", true), ("NO_INTERRUPTION", false)] {
        let mut wire = served(json!({"realtimeInputConfig": {"activityHandling": handling}}));
        say(&mut wire, &content("Hello", true), 0);
        tell(
            &mut wire,
            [
                words(Speaker::Assistant, TranscriptMode::Delta, "one two three"),
                SessionEvent::audio("assistant", Pcm::mono(vec![1; 24_000], 24_000)),
            ],
        );
        let reply = wire.event(SessionEvent::SpeechStarted { by: Speaker::User }, Duration::from_millis(710));
        assert_eq!((reply.messages.len(), reply.inputs.len()), (usize::from(cuts), usize::from(cuts)));
        if !cuts {
            continue;
        }
        assert_eq!(sent(&reply)[0], json!({"serverContent": {"interrupted": true}}));
        assert_eq!(
            reply.inputs,
            [SessionInput::Interrupt { item: Some("assistant".into()), heard: Duration::from_millis(700) }]
        );
        assert_eq!(
            tell(&mut wire, [SessionEvent::Interrupted { item: None }]),
            [Value::Null; 0],
            "told already"
        );
        // A model that never says that it stopped is not waited for, and what it says late is not told.
        let due = wire.due().unwrap();
        assert_eq!(sent(&wire.tick(due)), [json!({"serverContent": {"turnComplete": true}})]);
        let late = SessionEvent::audio("assistant", Pcm::mono(vec![1; 240], 24_000));
        assert_eq!(tell(&mut wire, [late, done(FinishReason::Other)]), [Value::Null; 0]);
        // What is said next by the model's side opens another session with what was heard.
        let turns = json!([{"role": "model", "parts": [{"text": "I was wrong."}]}, {"role": "user", "parts": [{"text": "So?"}]}]);
        let again = say(&mut wire, &json!({"clientContent": {"turns": turns, "turnComplete": true}}), 900);
        let past: Vec<String> = again.open.unwrap().messages.iter().map(Message::text).collect();
        assert_eq!(past, ["Hello", "one two", "I was wrong."]);
        assert_eq!(again.inputs, [SessionInput::text("So?")]);
    }
}

#[test]
fn where_nothing_cuts_an_answer_no_model_hears_what_is_said_into_it() {
    let setup = json!({"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}});
    let mut wire = served(setup);
    let opened = say(&mut wire, &audio(&[0; 960]), 0);
    assert_ne!(opened.open.unwrap().turn_detection, Some(false), "it finds the ends of turns as ever");
    // What is said into silence is handed on, with its end.
    let mut inputs = Vec::new();
    for piece in super::super::voice().chunks(4_800) {
        inputs.extend(say(&mut wire, &audio(piece), 0).inputs);
    }
    assert_eq!(inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
    // Two seconds of an answer are made at once. The user speaks into it: first while it is made, then while it is played.
    let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 48_000], 24_000));
    let ends = SessionEvent::AudioDone { item: "assistant".into(), interrupted: false };
    tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Delta, "one two three"), sound, ends]);
    let voice = super::super::voice();
    let mut said = Duration::ZERO;
    for (at, piece) in voice.chunks(4_800).enumerate() {
        let reply = say(&mut wire, &audio(piece), 20 + at as u64);
        assert_eq!((reply.inputs.len(), sent(&reply)), (0, Vec::<Value>::new()));
        said += Duration::from_millis(100);
        if at == 2 {
            let done = tell(&mut wire, [done(FinishReason::Stop)]);
            assert!(!done.iter().any(|told| told["serverContent"]["interrupted"] == true), "{done:?}");
        }
    }
    // It was all heard by then: the turn that waited is the model's, without the silence around it.
    let due = wire.due().expect("it waits");
    assert!((1_900..=2_100).contains(&due.as_millis()), "{due:?}");
    let waited = wire.tick(due).inputs;
    assert_eq!(waited.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
    let length = sound_in(&waited);
    assert!(length > Duration::from_secs(1) && length <= said, "{length:?} of {said:?}");
    assert!(sound_in(&say(&mut wire, &audio(&[0; 960]), 2_200).inputs) > Duration::ZERO, "and what follows");
}

fn no_interruption() -> GeminiServed {
    let mut wire = served(json!({"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}));
    say(&mut wire, &audio(&[0; 960]), 0);
    wire
}

/// Somebody says something and is silent then, a piece each millisecond; what the model is told meanwhile.
fn speak(wire: &mut GeminiServed, from: u64) -> Vec<SessionInput> {
    let voice = super::super::voice();
    let pieces = voice.chunks(4_800).enumerate();
    pieces.flat_map(|(at, piece)| say(wire, &audio(piece), from + at as u64).inputs).collect()
}

#[test]
fn a_tool_that_takes_long_makes_no_session_deaf() {
    for (is_told, speaks) in [(true, false), (false, false), (false, true)] {
        let mut wire = no_interruption();
        say(&mut wire, &content("What time is it?", true), 0);
        let call = ToolCall { id: "c1".into(), name: "clock".into(), arguments: Arguments::new("{}") };
        tell(&mut wire, [SessionEvent::ToolCall { call }]);
        if speaks {
            // A cascade says to its end what it said before the call.
            let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 4_800], 24_000));
            tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Delta, "One moment."), sound]);
        }
        if is_told {
            tell(&mut wire, [done(FinishReason::ToolCalls)]);
        }
        // Its result may come at once, and is part of the answer then.
        assert_eq!(sound_in(&speak(&mut wire, 100)), Duration::ZERO);
        let due = wire.due().expect("it waits no longer than a moment");
        assert!(due <= Duration::from_millis(1_500), "{due:?}");
        assert!(sound_in(&wire.tick(due).inputs) > Duration::from_secs(1), "what was said meanwhile");
        let said = speak(&mut wire, 5_000);
        assert_eq!(said.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
        assert!(sound_in(&said) > Duration::from_secs(1));
        // What comes of the result is an answer like any other: nothing is said into it.
        let results =
            json!({"toolResponse": {"functionResponses": [{"id": "c1", "name": "clock", "response": {}}]}});
        assert_eq!(say(&mut wire, &results, 6_000).inputs.len(), 1);
        assert_eq!(sound_in(&speak(&mut wire, 6_100)), Duration::ZERO);
    }
}

#[test]
fn what_is_written_behind_what_is_said_waits_with_it() {
    let mut wire = no_interruption();
    let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 24_000], 24_000));
    tell(&mut wire, [words(Speaker::Assistant, TranscriptMode::Delta, "one two three"), sound]);
    assert_eq!(sound_in(&speak(&mut wire, 20)), Duration::ZERO);
    let write = |text: &str| json!({"realtimeInput": {"text": text}});
    assert_eq!(say(&mut wire, &write("And this?"), 100).inputs, [], "it overtakes nothing");
    assert_eq!(sound_in(&speak(&mut wire, 200)), Duration::ZERO);
    assert_eq!(say(&mut wire, &write("Or that?"), 300).inputs, []);
    let over = wire.event(done(FinishReason::Stop), Duration::from_secs(2)).inputs;
    let order: Vec<&SessionInput> =
        over.iter().filter(|input| !matches!(input, SessionInput::Audio(_))).collect();
    let [one, other] = ["And this?", "Or that?"].map(SessionInput::text);
    assert_eq!(order, [&SessionInput::Commit, &one, &SessionInput::Commit, &other]);
    assert!(sound_in(&over) > Duration::from_secs(2), "both turns are heard whole");
    // Where only an open microphone waits, words do not.
    let mut wire = no_interruption();
    let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 24_000], 24_000));
    tell(&mut wire, [sound]);
    assert_eq!(say(&mut wire, &audio(&[0; 9_600]), 20).inputs, []);
    assert_eq!(say(&mut wire, &write("Well?"), 40).inputs, [SessionInput::text("Well?")]);
}

#[test]
fn words_that_cut_an_answer_come_behind_what_was_said_into_it() {
    let mut wire = no_interruption();
    let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 240_000], 24_000));
    tell(&mut wire, [sound]);
    assert_eq!(sound_in(&speak(&mut wire, 20)), Duration::ZERO);
    let told = say(&mut wire, &content("Stop.", true), 100).inputs;
    assert!(matches!(told.first(), Some(SessionInput::Interrupt { .. })), "{told:?}");
    assert_eq!(told.last(), Some(&SessionInput::text("Stop.")));
    assert!(sound_in(&told) > Duration::from_secs(1), "nothing is left that it could cut");
}

#[test]
fn a_model_that_finds_turns_itself_hears_what_was_said_into_its_answer() {
    let mut wire = no_interruption();
    let by = Speaker::User;
    tell(&mut wire, [SessionEvent::SpeechStarted { by }, SessionEvent::SpeechStopped { by }]);
    let sound = SessionEvent::audio("assistant", Pcm::mono(vec![1; 24_000], 24_000));
    tell(&mut wire, [sound]);
    assert_eq!(sound_in(&speak(&mut wire, 20)), Duration::ZERO);
    for at in 0..30 {
        say(&mut wire, &audio(&[0; 4_800]), 100 + at);
    }
    let over = wire.event(done(FinishReason::Stop), Duration::from_secs(2)).inputs;
    assert!(!over.contains(&SessionInput::Commit), "it finds the end itself");
    let length = sound_in(&over);
    assert!(length > Duration::from_secs(2) && length < Duration::from_secs(4), "{length:?}");
}

#[test]
fn who_speaks_while_another_session_is_opened_is_heard_by_it() {
    let voice = super::super::voice();
    let turns = json!({"clientContent": {"turns": [{"role": "model", "parts": [{"text": "By the way."}]}]}});
    let asks = content("Well?", true);
    // Speech that is not noticed yet, and speech that is.
    for spoken in [200, 900] {
        let mut wire = served(json!({}));
        say(&mut wire, &audio(&vec![0; 48 * 3_000]), 0);
        voice[..48 * spoken].chunks(960).for_each(|piece| drop(say(&mut wire, &audio(piece), 0)));
        say(&mut wire, &turns, 0);
        let anew = say(&mut wire, &asks, 0);
        assert!(anew.open.is_some());
        let length = sound_in(&anew.inputs).as_millis() as usize;
        assert!((spoken..=spoken + 1_600).contains(&length), "{length} of {spoken}");
    }
    // Not what was said and is over.
    let mut wire = served(json!({}));
    voice.chunks(960).for_each(|piece| drop(say(&mut wire, &audio(piece), 0)));
    say(&mut wire, &turns, 0);
    let length = sound_in(&say(&mut wire, &asks, 0).inputs);
    assert!(length <= Duration::from_secs(1), "{length:?}");
}

#[test]
fn turns_may_be_marked_by_the_client() {
    let mut wire = served(json!({"realtimeInputConfig": {"automaticActivityDetection": {"disabled": true}}}));
    let opened = say(&mut wire, &json!({"realtimeInput": {"activityStart": {}}}), 0);
    assert_eq!(opened.open.unwrap().turn_detection, Some(false));
    assert_eq!(
        say(&mut wire, &json!({"realtimeInput": {"activityEnd": {}}}), 0).inputs,
        [SessionInput::Commit]
    );
    let mut other = served(json!({}));
    refused(
        &say(&mut other, &json!({"realtimeInput": {"activityStart": {}}}), 0),
        "automaticActivityDetection",
    );
}

#[test]
fn where_the_model_tells_no_turns_the_server_does() {
    let mut wire = served(json!({"explicitVadSignal": true}));
    let (mut told, mut inputs) = (Vec::new(), Vec::new());
    for piece in super::super::voice().chunks(4_800) {
        let audio = json!({"realtimeInput": {"audio": {"data": URL_SAFE.encode(piece), "mimeType": "audio/pcm;rate=24000"}}});
        let reply = say(&mut wire, &audio, 0);
        told.extend(sent(&reply));
        inputs.extend(reply.inputs);
    }
    assert_eq!(told[0], json!({"voiceActivity": {"voiceActivityType": "ACTIVITY_START"}}));
    assert_eq!(told[1], json!({"voiceActivity": {"voiceActivityType": "ACTIVITY_END"}}));
    assert_eq!(inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
}
