//! What the user says aloud, and who finds out when.
use super::*;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consort_core::SessionInput;

#[test]
fn turns_that_the_client_ends_wait_for_it() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    let commit = json!({"type": "input_audio_buffer.commit", "event_id": "c"});
    assert_eq!(refused(&say(&mut wire, &commit, 0))["code"], "input_audio_buffer_commit_empty");
    let kept = say(&mut wire, &append(&sound(2_400)), 0);
    assert!(kept.open.is_none() && kept.inputs.is_empty() && kept.messages.is_empty());
    assert_eq!(
        types(&say(&mut wire, &json!({"type": "input_audio_buffer.clear"}), 0)),
        ["input_audio_buffer.cleared"]
    );
    assert_eq!(refused(&say(&mut wire, &commit, 0))["code"], "input_audio_buffer_commit_empty", "taken back");
    // Odd bytes, and the other alphabet.
    let bytes = sound(4_800);
    say(&mut wire, &append(&bytes[..4_801]), 0);
    let url_safe =
        json!({"type": "input_audio_buffer.append", "audio": URL_SAFE_NO_PAD.encode(&bytes[4_801..])});
    say(&mut wire, &url_safe, 0);
    let committed = say(&mut wire, &commit, 0);
    assert_eq!(
        types(&committed),
        ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    );
    assert_eq!(committed.open.as_ref().unwrap().turn_detection, Some(false));
    let heard: Vec<i16> = committed
        .inputs
        .iter()
        .flat_map(|input| match input {
            SessionInput::Audio(pcm) => pcm.samples.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(heard, vec![9000; 4_800]);
    let asked = say(&mut wire, &respond(), 0);
    assert_eq!(asked.inputs, [SessionInput::Commit]);
    let broken = json!({"type": "input_audio_buffer.append", "audio": "§§"});
    assert_eq!(refused(&say(&mut wire, &broken, 0))["param"], "audio");
}

#[test]
fn a_turn_without_end_is_refused_before_it_fills_the_memory() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    let minute = append(&sound(24_000 * 60));
    let full = (0..12).map(|_| say(&mut wire, &minute, 0)).find(|reply| !reply.messages.is_empty());
    assert_eq!(refused(&full.expect("a limit"))["code"], "input_audio_buffer_full");
}

#[test]
fn turns_that_are_not_answered_are_found_by_the_server() {
    let mut wire = served();
    say(
        &mut wire,
        &update(
            json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": false}}}}),
        ),
        0,
    );
    let opened = say(&mut wire, &append(&sound(2_400)), 0);
    assert_eq!(opened.open.unwrap().turn_detection, Some(false), "the model would answer");
    assert_eq!(tell(&mut wire, [SessionEvent::SpeechStarted { by: Speaker::User }]), [Value::Null; 0]);
    let voice = super::super::voice();
    let mut told = Vec::new();
    for piece in voice.chunks(4_800) {
        let reply = say(&mut wire, &append(piece), 0);
        assert!(!reply.inputs.contains(&SessionInput::Commit));
        told.extend(types(&reply));
    }
    assert_eq!(told[..2], ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]);
    assert_eq!(told[2], "input_audio_buffer.committed");
    assert_eq!(say(&mut wire, &respond(), 0).inputs, [SessionInput::Commit]);
}

#[test]
fn where_the_model_tells_no_turns_the_server_does() {
    let mut wire = served();
    let voice = super::super::voice();
    let (mut told, mut inputs) = (Vec::new(), Vec::new());
    for piece in voice.chunks(4_800) {
        let reply = say(&mut wire, &append(piece), 0);
        told.extend(types(&reply));
        inputs.extend(reply.inputs);
    }
    assert_eq!(told[..2], ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]);
    assert_eq!(inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
}

#[test]
fn who_speaks_on_behind_a_commit_says_another_turn() {
    let commit = json!({"type": "input_audio_buffer.commit"});
    let voice = super::super::voice();
    // So loud, and so soft that no detector notices it.
    for share in [1, 15] {
        let mut wire = served();
        let softer = |two: &[u8]| (i16::from_le_bytes([two[0], two[1]]) / share).to_le_bytes();
        let spoken: Vec<u8> = voice[..2 * 24_000].chunks_exact(2).flat_map(softer).collect();
        for half in spoken.chunks(24_000) {
            half.chunks(960).for_each(|piece| drop(say(&mut wire, &append(piece), 0)));
            assert_eq!(types(&say(&mut wire, &commit, 0))[0], "input_audio_buffer.committed", "{share}");
        }
    }
}

/// A detector is slower than who says that they are done.
#[test]
fn the_end_of_a_word_behind_a_commit_is_no_other_turn() {
    let mut wire = served();
    let voice = super::super::voice();
    let (spoken, tail) = voice[..2 * 24_000].split_at(2 * 21_600);
    spoken.chunks(960).for_each(|piece| drop(say(&mut wire, &append(piece), 0)));
    say(&mut wire, &json!({"type": "input_audio_buffer.commit"}), 0);
    for piece in [tail, &vec![0; 48_000]].concat().chunks(960) {
        let reply = say(&mut wire, &append(piece), 100);
        assert!(types(&reply).is_empty(), "{reply:?}");
        assert!(!reply.inputs.iter().any(|input| matches!(input, SessionInput::Interrupt { .. })));
    }
}

#[test]
fn silence_before_any_turn_is_none() {
    let commit = json!({"type": "input_audio_buffer.commit"});
    let mut wire = served();
    say(&mut wire, &append(&vec![0; 48_000]), 0);
    assert_eq!(refused(&say(&mut wire, &commit, 0))["code"], "input_audio_buffer_commit_empty");
    assert!(wire.due().is_none(), "no answer is waited for");
    // However softly: where nobody knows how loud somebody speaks, all that sounds may be speech.
    let soft: Vec<u8> = (0..24_000_i32).flat_map(|at| ((at % 40 - 20) as i16).to_le_bytes()).collect();
    say(&mut wire, &append(&soft), 0);
    assert_eq!(types(&say(&mut wire, &commit, 0))[0], "input_audio_buffer.committed");
    // Who ends their turns themselves knows what is one.
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    say(&mut wire, &append(&vec![0; 48_000]), 0);
    assert_eq!(types(&say(&mut wire, &commit, 0))[0], "input_audio_buffer.committed");
}

#[test]
fn a_silence_behind_a_turn_is_no_other_turn() {
    let commit = json!({"type": "input_audio_buffer.commit", "event_id": "c"});
    for by_model in [false, true] {
        let mut wire = served();
        if by_model {
            let by = Speaker::User;
            say(&mut wire, &append(&sound(2_400)), 0);
            tell(&mut wire, [SessionEvent::SpeechStarted { by }, SessionEvent::SpeechStopped { by }]);
        } else {
            super::super::voice().chunks(4_800).for_each(|piece| drop(say(&mut wire, &append(piece), 0)));
        }
        tell(&mut wire, [words("a", TranscriptMode::Final, "Yes."), done(FinishReason::Stop)]);
        say(&mut wire, &append(&vec![0; 48_000]), 1_000);
        let error = refused(&say(&mut wire, &commit, 1_000));
        assert_eq!(
            (&error["code"], &error["event_id"]),
            (&"input_audio_buffer_commit_empty".into(), &"c".into())
        );
        assert!(wire.due().is_none(), "no answer is waited for");
        // Who speaks and says so before anybody noticed the end is heard.
        let voice = super::super::voice();
        let spoken = voice[..48 * 1_000].chunks(4_800);
        let mut told: Vec<String> =
            spoken.flat_map(|piece| types(&say(&mut wire, &append(piece), 2_000))).collect();
        if by_model {
            told.extend(
                kinds(&tell(&mut wire, [SessionEvent::SpeechStarted { by: Speaker::User }]))
                    .iter()
                    .map(|kind| (*kind).to_owned()),
            );
        }
        assert_eq!(told, ["input_audio_buffer.speech_started"]);
        assert_eq!(types(&say(&mut wire, &commit, 3_000))[0], "input_audio_buffer.committed");
    }
}

#[test]
fn what_the_user_said_is_written_down_where_it_was_asked_for() {
    let heard = |mode, text: &str| SessionEvent::Transcript {
        item: "u".into(),
        by: Speaker::User,
        mode,
        text: text.into(),
    };
    let all = || {
        [
            SessionEvent::SpeechStarted { by: Speaker::User },
            SessionEvent::SpeechStopped { by: Speaker::User },
            heard(TranscriptMode::Delta, "Hel"),
            heard(TranscriptMode::Final, "Hello"),
        ]
    };
    let mut wire = served();
    say(&mut wire, &append(&sound(2_400)), 0);
    let quiet = tell(&mut wire, all());
    assert_eq!(
        kinds(&quiet),
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created"
        ]
    );
    say(&mut wire, &update(json!({"audio": {"input": {"transcription": {"model": "any"}}}})), 0);
    let told = tell(
        &mut wire,
        all().into_iter().map(|event| match event {
            SessionEvent::Transcript { by, mode, text, .. } => {
                SessionEvent::Transcript { item: "v".into(), by, mode, text }
            }
            other => other,
        }),
    );
    let [.., delta, completed] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&delta["delta"], &completed["transcript"]), (&"Hel".into(), &"Hello".into()));
    assert_eq!(completed["item_id"], told[0]["item_id"], "of the turn that was spoken");
    // Words of a turn that nobody told of make one.
    let other = SessionEvent::Transcript {
        item: "w".into(),
        by: Speaker::User,
        mode: TranscriptMode::Final,
        text: "Yes".into(),
    };
    assert_eq!(kinds(&tell(&mut wire, [other]))[0], "input_audio_buffer.committed");
}

#[test]
fn a_sample_that_two_messages_share_is_heard_whole() {
    let mut wire = served();
    let bytes = sound(2_400);
    let (one, other) = bytes.split_at(1_201);
    let mut heard = Vec::new();
    for piece in [one, other] {
        for input in say(&mut wire, &append(piece), 0).inputs {
            if let SessionInput::Audio(pcm) = input {
                heard.extend(pcm.samples);
            }
        }
    }
    assert_eq!(heard, vec![9000; 2_400]);
}

#[test]
fn silence_and_clipped_sound_are_heard_as_they_are() {
    let mut wire = served();
    let silence = say(&mut wire, &append(&vec![0; 48_000]), 0);
    assert_eq!(types(&silence), [""; 0]);
    let clipped: Vec<i16> = (0..24_000).map(|n| if n / 50 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let reply = say(&mut wire, &append(&Pcm::mono(clipped.clone(), 24_000).to_le_bytes()), 0);
    let heard: Vec<i16> = reply
        .inputs
        .iter()
        .flat_map(|input| match input {
            SessionInput::Audio(pcm) => pcm.samples.clone(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(heard, clipped);
}

#[test]
fn what_waited_is_heard_when_the_server_begins_to_find_turns() {
    let mut wire = served();
    say(&mut wire, &manual(), 0);
    let voice = super::super::voice();
    let (first, rest) = voice.split_at(12_000);
    assert_eq!(say(&mut wire, &append(first), 0).inputs, []);
    let server =
        json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "interrupt_response": false}}}});
    let switched = say(&mut wire, &update(server), 0);
    assert_eq!(switched.inputs, [SessionInput::Audio(Pcm::from_le_bytes(first, 24_000, 1))]);
    assert!(switched.open.is_some());
    let mut inputs = Vec::new();
    for piece in rest.chunks(4_800) {
        inputs.extend(say(&mut wire, &append(piece), 0).inputs);
    }
    assert_eq!(inputs.iter().filter(|input| **input == SessionInput::Commit).count(), 1);
}

#[test]
fn a_voice_that_was_taken_back_is_forgotten() {
    let mut wire = served();
    let voice = super::super::voice();
    let mut told = Vec::new();
    for piece in voice[..48_000].chunks(4_800) {
        told.extend(types(&say(&mut wire, &append(piece), 0)));
    }
    assert_eq!(told, ["input_audio_buffer.speech_started"]);
    let cleared = say(&mut wire, &json!({"type": "input_audio_buffer.clear"}), 0);
    assert_eq!(types(&cleared), ["input_audio_buffer.cleared"]);
    assert!(cleared.open.is_some(), "a session that heard nothing of it");
    // Silence behind it ends no turn; and silence is nothing to forget.
    assert_eq!(types(&say(&mut wire, &append(&vec![0; 96_000]), 0)), [""; 0]);
    assert!(say(&mut wire, &json!({"type": "input_audio_buffer.clear"}), 0).open.is_none());
}

#[test]
fn words_are_of_the_turn_that_can_still_have_some() {
    let started = |ms: u64| (SessionEvent::SpeechStarted { by: Speaker::User }, ms);
    let stopped = |ms: u64| (SessionEvent::SpeechStopped { by: Speaker::User }, ms);
    let heard = |item: &str, ms: u64| {
        let (by, mode) = (Speaker::User, TranscriptMode::Final);
        (SessionEvent::Transcript { item: item.into(), by, mode, text: "Yes".into() }, ms)
    };
    let mut wire = served();
    say(&mut wire, &update(json!({"audio": {"input": {"transcription": {"model": "any"}}}})), 0);
    say(&mut wire, &append(&sound(2_400)), 0);
    let mut at = |event: (SessionEvent, u64)| sent(&wire.event(event.0, Duration::from_millis(event.1)));
    // A cough, of which the model tells no words and to which it says nothing.
    at(started(0));
    at(stopped(200));
    let turn = at(started(5_000))[0]["item_id"].clone();
    at(stopped(6_000));
    let completed = at(heard("u1", 6_500)).pop().unwrap();
    assert_eq!(
        (&completed["type"], &completed["item_id"]),
        (&"conversation.item.input_audio_transcription.completed".into(), &turn)
    );
    // Of two that follow each other closely the first words are of the first.
    let first = at(started(20_000))[0]["item_id"].clone();
    at(stopped(21_000));
    at(started(21_500));
    at(stopped(22_000));
    assert_eq!(at(heard("u2", 22_300)).pop().unwrap()["item_id"], first);
}

#[test]
fn speech_that_is_not_noticed_yet_is_heard_by_a_session_that_is_opened_in_its_beginning() {
    let voice = super::super::voice();
    let pieces: Vec<&[u8]> = voice.chunks(960).collect();
    let started = "input_audio_buffer.speech_started".to_owned();
    let mut wire = served();
    let noticed =
        pieces.iter().position(|piece| types(&say(&mut wire, &append(piece), 0)).contains(&started));
    let noticed = noticed.unwrap();
    let spoken = Duration::from_millis(20) * noticed as u32;
    assert!(spoken > Duration::from_millis(100), "{spoken:?}");
    let system = json!({"type": "conversation.item.create",
        "item": {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Page 3."}]}});
    // Another session is opened by more sound, or by the wish for an answer.
    for asks in [false, true] {
        let mut wire = served();
        pieces[..noticed].iter().for_each(|piece| drop(say(&mut wire, &append(piece), 0)));
        say(&mut wire, &system, 0);
        let next = if asks { respond() } else { append(pieces[noticed]) };
        let anew = say(&mut wire, &next, 0);
        assert!(anew.open.is_some());
        let wanted = spoken + Duration::from_millis(if asks { 0 } else { 20 });
        assert_eq!(super::super::sound_in(&anew.inputs), wanted, "{asks}");
    }
}

#[test]
fn what_was_not_understood_has_no_words() {
    let mut wire = served();
    say(&mut wire, &update(json!({"audio": {"input": {"transcription": {"model": "any"}}}})), 0);
    say(&mut wire, &append(&sound(2_400)), 0);
    let by = Speaker::User;
    let heard =
        SessionEvent::Transcript { item: "u".into(), by, mode: TranscriptMode::Final, text: String::new() };
    let told =
        tell(&mut wire, [SessionEvent::SpeechStarted { by }, SessionEvent::SpeechStopped { by }, heard]);
    let failed = told.last().unwrap();
    assert_eq!(failed["type"], "conversation.item.input_audio_transcription.failed");
    assert_eq!((&failed["item_id"], &failed["error"]["code"]), (&told[0]["item_id"], &"unheard".into()));
    assert!(failed["error"].get("param").is_none(), "{failed}");
}
